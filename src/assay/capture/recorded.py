"""Records a block of code or a function of a process that runs already: a notebook, a script.

What happened in the process before is not observed, and said so. Inside `assay exec`, which records the
whole process, a block makes no record of its own; what it logs goes to that one.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Self, TypeVar

from assay_hook.logging_ import log

if TYPE_CHECKING:
    from assay.capture.recording.follow import Follower
    from assay.capture.recording.live import LiveFolder
    from assay.records.commands import CommandRecord
    from assay.records.store import Store

__all__ = ["Recording", "log", "recorded", "recording"]

P = ParamSpec("P")
T = TypeVar("T")
Paths = Sequence[str | os.PathLike[str]]

_one = threading.Lock()  # the hook is of the whole process: one recording at a time
# What Assay will import into the process, and what that imports, where the program has not yet.
_OWN = (
    frozenset(("blake3", "msgspec", "numpy", "pandas", "pyarrow", "rfc8785", "xxhash")) - sys.modules.keys()
)
_WHOLE = "the output of a block: it goes to the process's own"


class Part(NamedTuple):
    """What a block inside another recording has for a record: its name; `id` and `run` are empty."""

    name: str
    id: str = ""
    run: str = ""


class Recording:
    """A block of code that is recorded; `record` is there once it has ended.

    Inside another recording, as while `assay verify` repeats the program, the block is a part of that one,
    and `record` a `Part`.
    """

    def __init__(
        self,
        *,
        name: str,
        data: Paths,
        outputs: Paths,
        store: str | os.PathLike[str] | None,
        trace: str,
        block: str = "",
    ) -> None:
        self.record: CommandRecord | Part | None = None
        self._name = name
        self._block = block
        self._data = [Path(path) for path in data]
        self._outputs = [Path(path) for path in outputs]
        self._store_path = store
        self._trace = trace
        self._begun: _Begun | None = None

    # The function itself: a frame between would take a third more time.
    log = staticmethod(log)

    def __enter__(self) -> Self:
        """Begin to record; raises `UsageError` for declared data that is not there."""
        from assay_hook import configuration

        if configuration.current() is None and _one.acquire(blocking=False):
            try:
                self._begun = self._begin()
            except BaseException:
                _one.release()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the recording and seal its record; an exception is recorded and goes on."""
        if self._begun is None:
            self.record = Part(self._name)
            return
        try:
            self.record = self._begun.end(error)
        finally:
            self._begun = None
            _one.release()

    def _begin(self) -> _Begun:
        from assay.foundation.digest import digest_value

        block = self._block or digest_value({"block": self._name})
        return _begin(self._name, self._data, self._outputs, self._store_path, self._trace, block)


def recording(
    *,
    name: str = "",
    data: Paths = (),
    outputs: Paths = (),
    store: str | os.PathLike[str] | None = None,
    trace: str = "steps",
) -> Recording:
    """Return a context manager that records the block: code, data, settings, randomness and steps.

    `data` and `outputs` are paths that are recorded whether or not they are seen to be opened; `store`
    is the folder of records [ASSAY_STORE, or .assay]; `trace` is 'off', 'steps', 'tensors' or 'operators'.
    """
    return Recording(name=name, data=data, outputs=outputs, store=store, trace=trace)


def recorded(
    function: Callable[P, T] | None = None,
    *,
    name: str = "",
    data: Paths = (),
    outputs: Paths = (),
    store: str | os.PathLike[str] | None = None,
    trace: str = "steps",
) -> Any:
    """Record each call of a function, its arguments as settings; options as of `recording`.

    Used as `@recorded` or `@recorded(name=...)`. What the function returns and raises stays the same.
    """

    def decorate(inner: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(inner)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            told = name or inner.__name__
            block = _identity(inner, args, kwargs)
            with Recording(name=told, data=data, outputs=outputs, store=store, trace=trace, block=block):
                _tell_arguments(inner, args, kwargs)
                return inner(*args, **kwargs)

        return call

    return decorate if function is None else decorate(function)


class _Begun:
    """A recording that goes on in this process."""

    def __init__(
        self, store: Store, live: LiveFolder, follower: Follower, before: dict[str, str | None]
    ) -> None:
        from assay.foundation import clock

        self._store = store
        self._live = live
        self._follower = follower
        self._before = before
        self._started = clock.now()
        self._clock = time.monotonic(), time.process_time()

    def end(self, error: BaseException | None) -> CommandRecord:
        from assay.capture.recording.launch import Ended
        from assay.capture.recording.rows import read_rows
        from assay.capture.recording.seal import keep_end, seal
        from assay.foundation import clock
        from assay.foundation.places import cache_folder
        from assay_hook.start import stop_late

        wall, used = (
            now - then for now, then in zip((time.monotonic(), time.process_time()), self._clock, strict=True)
        )
        stop_late()
        self.restore()
        self._follower.stop()
        ended = Ended(
            exit_status=0 if error is None else 1,
            signal=None,
            started=self._started,
            ended=clock.now(),
            wall_seconds=wall,
            user_seconds=used,
            peak_memory=_peak_memory(),
            stderr=b"" if error is None else f"{type(error).__name__}: {error}\n".encode(errors="replace"),
        )
        try:
            found = self._follower.found()
            found = found._replace(missed=(*found.missed, _WHOLE))
            rows = read_rows(self._live.folder)
            record = seal(
                self._store,
                self._live.folder,
                found,
                keep_end(self._live.folder, ended, found.scrubber, rows),
                cache_folder(),
                rows,
            )
        except BaseException:
            self._live.release()
            raise
        self._live.remove()
        return record

    def restore(self) -> None:
        """Put the environment of child processes back as it was."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(
    name: str,
    data: Sequence[Path],
    outputs: Sequence[Path],
    store_path: str | os.PathLike[str] | None,
    trace: str,
    block: str,
) -> _Begun:
    from assay.capture.recording.facts import facts_of, write_facts
    from assay.capture.recording.files import check_declared
    from assay.capture.recording.follow import Follower
    from assay.capture.recording.launch import HookSettings, Launch, hooked, write_hook
    from assay.capture.recording.live import LiveFolder
    from assay.foundation.places import store_folder
    from assay.records.store import Store
    from assay_hook import configuration, process
    from assay_hook.start import start_late

    process.overlook(_OWN)
    check_declared(data, "data")
    store = Store(Path(store_path or store_folder()).absolute())
    live = LiveFolder.make(store.folder)
    what = Launch(argv=_argv(), folder=Path.cwd(), variables=dict(os.environ), hook=HookSettings(level=trace))
    try:
        facts = facts_of(what, name=name, data=data, outputs=outputs, block=block)
        write_facts(live.folder, facts)
        write_hook(live.folder, what.hook)
        follower = Follower(store, facts, live.folder, argv=what.argv, variables=what.variables)
        follower.start()
        before = {key: os.environ.get(key) for key in ("PYTHONPATH", "ASSAY_HOOK")}
        after = hooked(what.variables, live.folder)
        os.environ.update({key: after[key] for key in before})
        begun = _Begun(store, live, follower, before)
        start_late(configuration.read(str(live.folder)))
    except BaseException:
        live.remove()
        raise
    return begun


def _argv() -> tuple[str, ...]:
    """Return the command line of this process, as it could be typed."""
    given = list(getattr(sys, "orig_argv", ())) or [sys.executable, *sys.argv]
    return tuple(given)


def _peak_memory() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def _identity(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """Return the digest of a function's name and of all its arguments, without those that are secrets."""
    import inspect

    from assay.capture.secrets import REMOVED, looks_secret
    from assay.foundation.digest import digest_value
    from assay_hook import settings
    from assay_hook.plain_values import digest_plain

    told: dict[str, Any] = {"function": f"{function.__module__}.{function.__qualname__}"}
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):  # the call itself will fail, or the function shows no arguments
        return digest_value(told)
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        shown = str(settings.plain(value))  # tensors by their content, which the other leaves out
        hidden = looks_secret(name, shown)
        told[f"argument {name}"] = REMOVED if hidden else [shown, digest_plain(value)]
    return digest_value(told)


def _tell_arguments(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Write the arguments of a call as settings, defaults of the function too."""
    import inspect

    from assay_hook import configuration, rows, settings

    if configuration.current() is None:
        return

    def tell() -> None:
        signature = inspect.signature(function)
        bound = signature.bind(*args, **kwargs)
        named = set(bound.arguments)
        bound.apply_defaults()
        where = f"{Path(function.__code__.co_filename).name}:{function.__code__.co_firstlineno}"
        for key, value in bound.arguments.items():
            settings.write(
                f"arguments {function.__name__}.{key}",
                settings.plain(value),
                "arguments",
                named=key in named,
                where=where,
            )

    rows.guarded(tell)()
