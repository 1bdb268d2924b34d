"""Rows: what this process tells the recorder, one line each, in a file of its own.

A line is the CRC-32 of its JSON in eight hexadecimal digits, a space, and the JSON; it is appended as a
whole, so that a process that is killed leaves at most one torn line. `write` never raises, nothing is
printed, and no file descriptor is used that the program could expect for itself.
"""

from __future__ import annotations

import _thread
import functools
import json
import os
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

from . import configuration
from .places import HERE, absolute, is_first_party, is_installed, set_installed, where
from .row_file import RowFile

__all__ = [
    "RAISED",
    "Spent",
    "absolute",
    "close",
    "cut",
    "describe",
    "encode",
    "exit_hooks",
    "failed",
    "flush",
    "flush_hooks",
    "fork_hooks",
    "guarded",
    "has_written",
    "hide",
    "is_first_party",
    "is_forked",
    "is_installed",
    "is_main",
    "line",
    "missed",
    "named",
    "plain",
    "put",
    "ready",
    "set_installed",
    "set_role",
    "set_steps",
    "spend",
    "spent",
    "steps",
    "trace_line",
    "was_stopped",
    "where",
    "write",
]

_F = TypeVar("_F", bound="Callable[..., Any]")
_DEPTH = 20
# Python 3.8 and 3.9 abort the process when code goes on after a RecursionError that was swallowed at the
# end of the stack: there the program gets it, a few calls before it would have got its own.
RAISED: tuple[type[BaseException], ...] = (RecursionError,) if sys.version_info < (3, 10) else ()
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode

# Called, each without arguments, before a row of the trace is written, so that what was gathered is safe.
flush_hooks: list[Callable[[], Any]] = []
# Called, in this order, when the process ends, before its last row; in a forked one only if it made steps.
exit_hooks: list[Callable[[], Any]] = []
# Called in a child right after a fork.
fork_hooks: list[Callable[[], Any]] = []


class _State:
    """What this process has to do with its file."""

    def __init__(self) -> None:
        self.renew()
        self.forked = False
        self.stopped = False
        self.process: dict[str, Any] = {}
        self.role = "main"
        self.steps = 0
        self.missed: set[str] = set()

    def renew(self) -> None:
        self.file: RowFile | None = None
        self.broken = False
        self.lock = _thread.RLock()


_state = _State()


# -- Writing ------------------------------------------------------------------------------------------------


def write(row: dict[str, Any]) -> None:
    """Write one row; where there is no recording, or no more, nothing happens."""
    try:
        if ready():
            put(line(row))
            _state.stopped = _state.stopped or row["k"] == "stopped"
    except RAISED:
        raise
    except OSError:
        _state.broken = True
    except Exception as error:  # noqa: BLE001  a row that cannot be written must not stop the program
        if row.get("k") != "missed":
            failed(f"a row of the kind {row.get('k')}", error)


def line(row: dict[str, Any]) -> bytes:
    """Return a row as the line that is written."""
    data = _text(row).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(data), data)


def trace_line(kind: str, number: Any, where: str, value: str, digest: str) -> bytes:
    """Return the line of a row of the trace that has outputs only; `where` and `value` are JSON already."""
    data = (
        f'{{"k":"row","kind":"{kind}","n":{number},"name":"","where":{where},"value":{value},'
        f'"d":{{"outputs":"{digest}"}}}}'
    ).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(data), data)


def put(lines: bytes) -> None:
    """Append whole lines to this process's file; may raise `OSError`."""
    file = _state.file
    if file is None or not file.mark[0]:
        if file is not None:  # a fork that Python was not told of
            _after_fork()
        if not _open():
            return
        file = _state.file
    file.put(lines)  # type: ignore[union-attr]


def ready() -> bool:
    """Say whether a row could be written now."""
    if _state.broken or configuration.current() is None:
        return False
    return _state.file is not None or _open()


def _open() -> bool:
    """Begin this process's file, with its row about the process as the first."""
    with _state.lock:
        settings = configuration.current()
        if settings is None or _state.broken:
            return False
        if _state.file is not None:  # another thread was faster
            return True
        path = os.path.join(settings.rows, f"{os.getpid()}-{time.time_ns()}.rows")
        try:
            file = RowFile(path)
            if _state.process:
                file.put(line(_process_row()))
        except OSError:  # the recording is over, or was never ours
            _state.broken = True
            return False
        _state.file = file
        return True


def _text(row: dict[str, Any]) -> str:
    try:
        return encode(row)
    except (TypeError, ValueError):  # NaN, infinities, or what JSON has no word for
        return encode(plain(row))


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can hold it: non-finite numbers as text, the unknown by its type."""
    if value is None or isinstance(value, (bool, int, str, float)):
        return _number_or_text(value)
    if depth > _DEPTH:
        return "..."
    if isinstance(value, dict):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(plain(inner, depth + 1)) for inner in value)
    return os.fsdecode(os.fspath(value)) if isinstance(value, os.PathLike) else named(value)


def _number_or_text(value: Any) -> Any:
    """Return a scalar as itself, a member of an enumeration as the number or text that it stands for."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if value - value == 0 else str(float(value))


def named(value: Any) -> str:
    """Return the name of a function or class, or of an object's class in angle brackets."""
    kind = value if isinstance(value, type) or hasattr(value, "__qualname__") else type(value)
    name = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', kind.__class__.__name__)}"
    return name if kind is value else f"<{name}>"


# -- The process --------------------------------------------------------------------------------------------


def describe(row: dict[str, Any], role: str) -> None:
    """Say what the row about this process holds; it is written first in the file."""
    _state.process = row
    _state.role = role


def set_role(role: str) -> None:
    """Change what this process is called: 'loader worker' or 'rank 1'. A file begun says so again."""
    if role == _state.role:
        return
    _state.role = role
    if _state.file is not None:
        write(_process_row())


def _process_row() -> dict[str, Any]:
    row = dict(_state.process, pid=os.getpid(), ppid=os.getppid(), role=_state.role)
    if _state.forked:
        row["forked"] = True
    return row


def has_written() -> bool:
    """Say whether this process has a file, or something gathered that is worth one."""
    return _state.file is not None or any(getattr(hook, "waiting", bool)() for hook in flush_hooks)


def is_main() -> bool:
    """Say whether no process above this one is recorded."""
    return _state.role == "main"


def is_forked() -> bool:
    """Say whether this process came by a fork from one with the hook."""
    return _state.forked


def set_steps(count: int) -> None:
    """Say how many steps this process has made; the last row and `log` tell it on."""
    _state.steps = count


def steps() -> int:
    """Return how many steps this process has made."""
    return _state.steps


def was_stopped() -> bool:
    """Say whether the process is left before its end, as the recorder asked for."""
    return _state.stopped


def flush() -> None:
    """Write what the parts of the hook have gathered."""
    for hook in tuple(flush_hooks):
        guarded(hook)()


def cut() -> None:
    """End the file with its last row, as it is to be read."""
    if _state.file is not None:
        guarded(_state.file.cut)()


def close() -> None:
    """Close this process's file and forget what was told; a later row would begin another."""
    file = _state.file
    _state.renew()
    _state.missed = set()
    _state.steps = 0
    spent.renew()
    if file is not None:
        guarded(file.close)()


def _after_fork() -> None:
    """Give the child a file of its own, begun when it has something to say."""
    if configuration.current() is None:
        return
    file = _state.file
    _state.renew()
    if file is not None:
        file.drop()
    _state.forked = True
    _state.role = "child"
    _state.steps = 0
    _state.missed = set()
    _state.process = dict(_state.process, start=time.time())
    spent.renew()
    for hook in tuple(fork_hooks):
        guarded(hook)()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# -- What goes wrong ----------------------------------------------------------------------------------------


def missed(text: str) -> None:
    """Say in a sentence what could not be observed, each text once."""
    if text in _state.missed or len(_state.missed) >= 1000:
        return
    _state.missed.add(text)
    write({"k": "missed", "text": text})


def failed(what: str, error: BaseException) -> None:
    """Say that a part of the hook failed, and at which of its lines."""
    try:
        trace, at = error.__traceback__, ""
        while trace is not None:
            place = trace.tb_frame.f_code.co_filename
            if place.startswith(HERE):
                at = f" at {os.path.basename(place)}:{trace.tb_lineno}"
            trace = trace.tb_next
        missed(f"{what} could not be observed: {type(error).__name__}{at}")
    except RAISED:
        raise
    except Exception:  # noqa: BLE001, S110  at the end of the stack or of memory even this may fail
        pass


def guarded(function: _F) -> _F:
    """Return the function so that its exceptions are noted and swallowed; it then returns None."""

    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RAISED:
            raise
        except Exception as error:  # noqa: BLE001  the hook must never stop the program
            failed(getattr(function, "__qualname__", "something"), error)
            return None

    return inner  # type: ignore[return-value]


def hide(error: BaseException) -> None:
    """Take the caller's frame out of a traceback, to be called right before a bare `raise`.

    Where the interpreter keeps its own note of the traceback, before Python 3.11, nothing changes.
    """
    trace = error.__traceback__
    if trace is not None:
        error.__traceback__ = trace.tb_next


# -- Time spent ---------------------------------------------------------------------------------------------


class Spent:
    """Adds up the seconds that the hook takes, over all threads; what is nested counts once."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin at zero, with no part of the hook at work."""
        self.seconds = 0.0
        self._local = _thread._local()

    def __enter__(self) -> None:
        local = self._local.__dict__
        depth = local.get("depth", 0)
        local["depth"] = depth + 1
        if not depth:
            local["since"] = time.perf_counter()

    def __exit__(self, *failure: object) -> None:
        local = self._local.__dict__
        depth = local.get("depth", 1) - 1
        local["depth"] = depth
        if not depth and "since" in local:
            self.seconds += time.perf_counter() - local["since"]


spent = Spent()


def spend() -> Spent:
    """Return the context manager inside which time counts as spent in the hook."""
    return spent
