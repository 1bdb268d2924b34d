"""Starts a command with the hook in it, passes its output, signals and end through, and measures it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assay.capture.recording.streams import Pump, is_open, relay
from assay.foundation import clock
from assay.foundation.errors import UsageError
from assay.foundation.files import writing

if TYPE_CHECKING:
    import resource

FORMAT = 1
OPERATOR_LIMIT = 200_000
LEVELS = ("off", "steps", "tensors", "operators")
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as shells answer

_PASSED_ON = (
    "SIGINT",
    "SIGTERM",
    "SIGHUP",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGCONT",
    "SIGWINCH",
)
_FROM_KERNEL = 0x80  # si_code of what a terminal sends to all its foreground processes
_POLL = 0.2
_GRACE = 5.0
_DRAIN = 1.0


class HookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the hook does in the process: the fields of `hook.json` (format 1).

    `budget` is the share of the time that tracing may take, None for every step; `every` records each
    n-th step whatever the budget says, `windows` the steps from a to b; `operators` the steps whose
    operators are logged; `save` (step, index) keeps the inputs of that operator; `stop_after` leaves the
    process once that step's row is written; `threads` is given to torch; `paths` are prefixes that are
    rewritten in `sys.path` at the start.
    """

    level: str = "steps"
    budget: float | None = 0.03
    every: int | None = None
    windows: tuple[tuple[int, int], ...] = ()
    operators: tuple[int, int] | None = None
    save: tuple[int, int] | None = None
    stop_after: int | None = None
    threads: int | None = None
    paths: tuple[tuple[str, str], ...] = ()


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A command to start. `variables` is its whole environment; it may hold secrets and is never stored.

    `quiet` keeps the output and passes nothing through, with no input and in a process group of its
    own; `timeout` is in seconds.
    """

    argv: tuple[str, ...]
    folder: Path
    variables: dict[str, str]
    hook: HookSettings = HookSettings()
    quiet: bool = False
    timeout: float | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended: an exit status or a signal, times in seconds, memory in bytes.

    Moments are in UTC. `stdout` and `stderr` are head and tail of the output, with its secrets.
    """

    exit_status: int | None
    signal: int | None
    started: str
    ended: str
    wall_seconds: float
    user_seconds: float | None = None
    system_seconds: float | None = None
    peak_memory: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False

    @property
    def status(self) -> int:
        """The exit status as a shell gives it: 128 + n after signal n."""
        return 128 + self.signal if self.signal is not None else self.exit_status or 0


def launch(what: Launch, live: Path, on_poll: Callable[[], None] | None = None) -> Ended:
    """Run a command to its end with the hook in it, and return how it ended.

    `on_poll` is called a few times a second while it runs. Raises `UsageError` with the exit status
    127 or 126 for a command that cannot be started.
    """
    write_hook(live, what.hook)
    pumps = _pumps(quiet=what.quiet)
    with _signals_held() as held:
        started, begun = clock.now(), time.monotonic()
        process, relaying = _start(what, live, pumps, held)
        with _passing_on(process, pumps, held, quiet=what.quiet) as received:
            for pump in pumps.values():
                pump.start()
            timed_out = _wait(process, what.timeout, on_poll, quiet=what.quiet)
            exit_status, number, usage = _reap(process)
            wall = time.monotonic() - begun
            _drain(process, relaying, list(pumps.values()), quiet=what.quiet)
    if what.quiet and signal.SIGINT in received:
        raise KeyboardInterrupt
    return Ended(
        exit_status=exit_status,
        signal=number,
        started=started,
        ended=clock.now(),
        wall_seconds=wall,
        user_seconds=usage.ru_utime,
        system_seconds=usage.ru_stime,
        peak_memory=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        stdout=pumps[1].kept.whole() if 1 in pumps else b"",
        stderr=pumps[2].kept.whole() if 2 in pumps else b"",
        timed_out=timed_out,
    )


def write_hook(live: Path, hook: HookSettings) -> None:
    """Write `hook.json` and make the folder of rows; nothing of the command is in it."""
    settings = {
        "format": FORMAT,
        **msgspec.to_builtins(hook),
        "operator_limit": OPERATOR_LIMIT,
        "xxhash": _xxhash(),
        "abi": sys.implementation.cache_tag,
        "installed": [str(_hook_folder()), str(Path(__file__).resolve().parents[2])],
    }
    with writing(live / "hook.json"):
        (live / "rows").mkdir(parents=True, exist_ok=True)
        (live / "hook.json").write_text(json.dumps(settings))


def hooked(variables: dict[str, str], live: Path) -> dict[str, str]:
    """Return an environment with the hook in it: `PYTHONPATH` and `ASSAY_HOOK`."""
    site = str(_hook_folder() / "site")
    before = [entry for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != site]
    return {**variables, "PYTHONPATH": os.pathsep.join([site, *before]), "ASSAY_HOOK": str(live.resolve())}


def _hook_folder() -> Path:
    spec = importlib.util.find_spec("assay_hook")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the package assay_hook is not installed", hint="install Assay again")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _xxhash() -> str:
    """Return the file of our extension for xxh3, which a program's interpreter may be able to load."""
    spec = importlib.util.find_spec("xxhash")
    folders = spec.submodule_search_locations if spec is not None else None
    files = [str(path) for folder in folders or () for path in Path(folder).glob("_xxhash*.so")]
    return min(files, default="")


def _pumps(*, quiet: bool) -> dict[int, Pump]:
    return {fd: Pump(None if quiet else fd) for fd in (1, 2) if quiet or is_open(fd)}


def _start(
    what: Launch, live: Path, pumps: dict[int, Pump], held: set[signal.Signals] | None
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes] | None]:
    def restore() -> None:
        if held is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    relaying = None
    try:
        relaying = relay(pumps.values())
        process = subprocess.Popen(
            list(what.argv),
            cwd=what.folder,
            env=hooked(what.variables, live),
            stdin=subprocess.DEVNULL if what.quiet else None,
            stdout=pumps[1].given if 1 in pumps else None,
            stderr=pumps[2].given if 2 in pumps else None,
            process_group=0 if what.quiet else None,
            preexec_fn=restore if held is not None else None,  # noqa: PLW1509  no thread runs yet
        )
    except BaseException as error:
        for pump in pumps.values():
            pump.abandon()
        if relaying is not None:
            relaying.wait()
        if isinstance(error, OSError):
            raise _not_started(what, error) from None
        raise
    return process, relaying


def _not_started(what: Launch, error: OSError) -> UsageError:
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    there = what.folder.is_dir()
    refusal = UsageError(
        f"there is no program '{what.argv[0]}'" if missing else f"cannot run '{what.argv[0]}'",
        where=str(what.folder),
        why=error.strerror if there else "the working folder is not there",
        hint="check the spelling, or write its path"
        if missing
        else "is it executable, with a first line '#!'?",
    )
    refusal.exit_status = NOT_FOUND if missing else NOT_EXECUTABLE
    return refusal


@contextlib.contextmanager
def _signals_held() -> Iterator[set[signal.Signals] | None]:
    """Block what is passed on, so that a thread can wait for it; only the main thread may do so."""
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _numbers())
    try:
        yield {signal.Signals(number) for number in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _numbers() -> set[signal.Signals]:
    return {getattr(signal, name) for name in _PASSED_ON}


@contextlib.contextmanager
def _passing_on(
    process: subprocess.Popen[bytes],
    pumps: dict[int, Pump],
    held: set[signal.Signals] | None,
    *,
    quiet: bool,
) -> Iterator[list[int]]:
    """Pass signals on to the command while the block runs; yields the list of those received."""
    received: list[int] = []
    if held is None:
        yield received
        return
    over = threading.Event()

    def run() -> None:
        while True:
            found = _next_signal()
            if over.is_set():
                return
            received.append(found[0])
            if found[0] == signal.SIGWINCH:
                for pump in pumps.values():
                    pump.resize()
            # The terminal sends to all its processes, the command among them.
            if quiet or not found[1] or found[0] == signal.SIGWINCH:
                _send(process, found[0], group=quiet)

    thread = threading.Thread(target=run, name="assay-signals", daemon=True)
    thread.start()
    try:
        yield received
    finally:
        over.set()
        if thread.ident is not None:
            signal.pthread_kill(thread.ident, signal.SIGCONT)
        thread.join(_GRACE)


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal, and return its number and whether the terminal sent it."""
    if hasattr(signal, "sigwaitinfo"):
        found = signal.sigwaitinfo(_numbers())
        return found.si_signo, found.si_code == _FROM_KERNEL
    return int(signal.sigwait(_numbers())), False


def _send(process: subprocess.Popen[bytes], number: int, *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)


def _wait(
    process: subprocess.Popen[bytes],
    timeout: float | None,
    on_poll: Callable[[], None] | None,
    *,
    quiet: bool,
) -> bool:
    """Wait until the command has ended, without reaping it, and say whether it ran past its time."""
    deadline = None if timeout is None else time.monotonic() + timeout
    late = False
    try:
        with _ending(process.pid) as has_ended:
            if on_poll is not None:
                on_poll()
            while not has_ended(_POLL if on_poll or deadline else None):
                if on_poll is not None:
                    on_poll()
                if deadline is not None and time.monotonic() > deadline:
                    _send(process, signal.SIGKILL if late else signal.SIGTERM, group=quiet)
                    late, deadline = True, time.monotonic() + _GRACE
    except BaseException:
        _send(process, signal.SIGKILL if quiet else signal.SIGTERM, group=quiet)
        raise
    return late


@contextlib.contextmanager
def _ending(pid: int) -> Iterator[Callable[[float | None], bool]]:
    """Yield what waits so many seconds for the end of a process and says whether it has come."""
    if not hasattr(os, "pidfd_open"):
        yield lambda seconds: _ended_within(pid, seconds)
        return
    handle = os.pidfd_open(pid)
    try:
        yield lambda seconds: bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def _ended_within(pid: int, seconds: float | None) -> bool:
    until = None if seconds is None else time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if until is not None and time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _reap(process: subprocess.Popen[bytes]) -> tuple[int | None, int | None, resource.struct_rusage]:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode < 0:
        return None, -process.returncode, usage
    return process.returncode, None, usage


def _drain(
    process: subprocess.Popen[bytes],
    relaying: subprocess.Popen[bytes] | None,
    pumps: list[Pump],
    *,
    quiet: bool,
) -> None:
    """Wait for the rest of the output; what is still written to is left to the relay.

    Of a quiet command nothing stays: what it left running is ended.
    """
    if quiet:
        _send(process, signal.SIGKILL, group=True)
    until = time.monotonic() + _DRAIN
    over = [pump.wait(max(until - time.monotonic(), 0.0)) for pump in pumps]
    for pump in pumps:
        pump.close()
    if relaying is not None and all(over):
        relaying.wait()
    elif relaying is not None:
        relaying.returncode = 0  # nobody waits for it
