"""The executed lines of a program that computes without torch: what each read, and what it bound or changed.

Only the user's code is traced, in the main thread, from the start of the process until torch is imported or
the limit is reached. A line is written once it is done, so that what it called stands before it; a call adds
a row for the line that made it, with the parameters as its outputs. Values that come from a clock say
nothing and are followed as far as names carry them. No code of the user's is ever called: no `__repr__`, no
`__eq__`, no property.
"""

from __future__ import annotations

import _thread
import os
import sys
import types
from typing import Any

from . import configuration, generators, imports, rows
from .plain_values import digest_plain, is_value
from .secrets import scrub

_SHOWN = 200
_SKIPPED = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_CLOCK_MODULES = ("time", "datetime", "timeit")
_PROCESS_NAMES = frozenset(("getpid", "getppid", "times", "getloadavg"))
_GENERATORS = ("python", "numpy")

_tracer: _Tracer | None = None


def install() -> None:
    """Log lines from now on, where the recording asks for the operators from the start."""
    global _tracer  # noqa: PLW0603  one process, one trace function
    settings = configuration.current()
    if settings is None or settings.operators is None or settings.operators[0] > 0 or _tracer is not None:
        return
    if sys.gettrace() is not None:
        rows.missed("lines were not logged: another trace function is in use")
        return
    _tracer = _Tracer(settings.operator_limit)
    imports.after_import("torch", lambda _module: uninstall())
    rows.exit_hooks.append(uninstall)
    sys.settrace(_tracer.called)


def uninstall() -> None:
    """Log no more lines."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.closed = True
        if sys.gettrace() == tracer.called:
            sys.settrace(None)


class _Names:
    """What the lines of a code object read and bind, from its instructions."""

    def __init__(self, code: Any) -> None:
        import dis

        self.reads: dict[int, dict[str, None]] = {}
        self.binds: dict[int, dict[str, None]] = {}
        self.attributes: dict[int, set[str]] = {}
        line = code.co_firstlineno
        for one in dis.get_instructions(code):
            line = _line_of(one, line)
            names = one.argval if isinstance(one.argval, tuple) else (one.argval,)
            kind = one.opname
            if "ATTR" in kind or "METHOD" in kind:
                self.attributes.setdefault(line, set()).update(str(name) for name in names)
                continue
            known = dict.fromkeys(name for name in names if isinstance(name, str) and name.isidentifier())
            if kind.startswith(("LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLOSURE")):
                self.reads.setdefault(line, {}).update(known)
            elif kind.startswith(("STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF")):
                self.binds.setdefault(line, {}).update(known)


def _line_of(instruction: Any, last: int) -> int:
    positions = getattr(instruction, "positions", None)  # since 3.11
    line = getattr(positions, "lineno", None) if positions is not None else instruction.starts_line
    return last if line is None else int(line)


class _Line:
    """A line that runs: what it read, and the fingerprints of that before."""

    __slots__ = ("before", "clock", "number", "states")

    def __init__(self, number: int, before: dict[str, str], clock: bool, states: tuple[Any, ...]) -> None:
        self.number, self.before, self.clock, self.states = number, before, clock, states


class _Tracer:
    """The trace function of `sys.settrace`, and what it keeps about the frames that run."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.closed = False
        self.thread = _thread.get_ident()
        self.names: dict[Any, _Names] = {}
        self.lines: dict[int, _Line] = {}  # of each frame that runs
        self.clocked: dict[int, set[str]] = {}  # names of a scope that hold the time
        self.drawn: set[int] = set()  # places of generators whose state changed in the log
        self.sources: dict[str, list[str]] = {}

    # -- Events ---------------------------------------------------------------------------------------------

    def called(self, frame: Any, event: str, _argument: Any) -> Any:
        """Decide whether the lines of a frame are traced."""
        code = frame.f_code
        if self.closed or event != "call" or code.co_name in _SKIPPED or _is_class_body(code):
            return None
        if not rows.is_first_party(code.co_filename) or _thread.get_ident() != self.thread:
            return None
        try:
            with rows.spend():
                self._enter(frame)
        except Exception as error:  # noqa: BLE001  the hook must never stop the program
            rows.failed("a call", error)
        return self.local

    def local(self, frame: Any, event: str, argument: Any) -> Any:
        """Write the line that is done, and look at the one that begins."""
        if self.closed or event not in ("line", "return"):
            return None if self.closed else self.local
        try:
            with rows.spend():
                self._done(frame, argument if event == "return" else None, event == "return")
                if event == "line":
                    self._begin(frame)
        except Exception as error:  # noqa: BLE001  the hook must never stop the program
            rows.failed("a line", error)
        return self.local

    def _enter(self, frame: Any) -> None:
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        caller = frame.f_back
        while caller is not None and id(caller) not in self.lines:
            caller = caller.f_back
        if not count or caller is None:
            return
        line = self.lines[id(caller)]
        given = {}
        local = frame.f_locals
        for name in code.co_varnames[:count]:
            value = local.get(name)
            if name in local and is_value(value):
                given[name] = "" if line.clock else digest_plain(value)
        if line.clock:
            self.clocked[id(frame)] = set(given)
        if given:
            self._write(caller, line, given, f"{_function(code)}({', '.join(given)})", drawn=False)

    def _begin(self, frame: Any) -> None:
        number = frame.f_lineno
        names = self._names(frame.f_code)
        clocked = self.clocked.get(self._scope(frame), ())
        attributes = names.attributes.get(number, ())
        before: dict[str, str] = {}
        clock = False
        for name in names.reads.get(number, ()):
            found, value = _look_up(frame, name)
            if not found:
                continue
            clock = clock or name in clocked or _is_clock(value, attributes)
            if is_value(value):
                before[name] = "" if name in clocked else digest_plain(value)
        self.lines[id(frame)] = _Line(number, before, clock, _states())

    def _done(self, frame: Any, returned: Any, is_return: bool) -> None:
        line = self.lines.pop(id(frame), None)
        if line is None:
            return
        made = self._made(frame, line)
        if is_return and returned is not None:
            made["return"] = "" if line.clock else digest_plain(returned)
            caller = self.lines.get(id(frame.f_back))
            if caller is not None and line.clock:
                caller.clock = True
        drawn = self._draws(line, made)
        self._write(frame, line, made, ", ".join(made), drawn=drawn)
        if is_return and frame.f_code.co_name != "<module>":
            self.clocked.pop(id(frame), None)

    def _draws(self, line: _Line, made: dict[str, str]) -> bool:
        """Add the generators that a line drew from or seeded to what it read and made."""
        after = _states()
        drawn = [
            place
            for place, state in enumerate(after)
            if None not in (state, line.states[place]) and state != line.states[place]
        ]
        if drawn:
            # The state at the start is another one in each process: a line that seeds does not read it.
            known = self.drawn.issuperset(drawn)
            self.drawn.update(drawn)
            line.before = {**line.before, "generators": _digest(line.states, drawn) if known else ""}
            made["generators"] = _digest(after, drawn)
        return bool(drawn)

    def _made(self, frame: Any, line: _Line) -> dict[str, str]:
        """Return the names that a line bound, or whose values it changed."""
        bound = self._names(frame.f_code).binds.get(line.number, {})
        clocked = self.clocked.setdefault(self._scope(frame), set())
        made: dict[str, str] = {}
        for name in {**bound, **line.before}:
            found, value = _look_up(frame, name)
            if not found or not is_value(value):
                continue
            digest = digest_plain(value)
            if name not in bound and digest == line.before[name]:
                continue
            if line.clock:
                clocked.add(name)
            elif name in bound:
                clocked.discard(name)
            made[name] = "" if name in clocked else digest
        return made

    # -- Rows -----------------------------------------------------------------------------------------------

    def _write(self, frame: Any, line: _Line, made: dict[str, str], what: str, *, drawn: bool) -> None:
        if self.count >= self.limit:
            self.closed = True
            rows.missed(f"lines after the first {self.limit} were not logged")
            return
        filename = frame.f_code.co_filename
        rows.write(
            {
                "k": "op",
                "n": 0,
                "i": self.count,
                "op": "line",
                "m": _function(frame.f_code),
                "w": f"{rows.absolute(filename)}:{line.number}",
                "b": False,
                "s": drawn,
                "in": list(line.before.values()),
                "out": list(made.values()),
                "mut": [],
                "sh": f"{', '.join(line.before)} -> {what}",
                "sc": self._source(filename, line.number),
            }
        )
        self.count += 1

    def _source(self, filename: str, number: int) -> str:
        lines = self.sources.get(filename)
        if lines is None:
            lines = self.sources[filename] = _read_source(filename)
        text = lines[number - 1].strip() if number <= len(lines) else ""
        return text[:_SHOWN]

    def _names(self, code: Any) -> _Names:
        known = self.names.get(code)
        if known is None:
            known = self.names[code] = _Names(code)
        return known

    @staticmethod
    def _scope(frame: Any) -> int:
        return id(frame.f_globals) if frame.f_code.co_name == "<module>" else id(frame)


def _is_class_body(code: Any) -> bool:
    return code.co_name != "<module>" and not code.co_flags & 1  # CO_OPTIMIZED: a function


def _look_up(frame: Any, name: str) -> tuple[bool, Any]:
    # In Python 3.12, asking a module's frame for its locals unbinds the variable of a running comprehension.
    if frame.f_code.co_name != "<module>":
        local = frame.f_locals
        if name in local:
            return True, local[name]
    if name in frame.f_globals:
        return True, frame.f_globals[name]
    return False, None


def _is_clock(value: Any, attributes: Any) -> bool:
    """Say whether a value that a line reads tells the time, or what else differs from process to process."""
    if type(value) is types.ModuleType:
        return value.__name__ in _CLOCK_MODULES or (
            value.__name__ == "os" and not _PROCESS_NAMES.isdisjoint(attributes)
        )
    if type(value) is types.BuiltinFunctionType:
        return getattr(value, "__module__", "") in _CLOCK_MODULES or value.__name__ in _PROCESS_NAMES
    datetime = sys.modules.get("datetime")
    return (
        datetime is not None and value in (datetime.datetime, datetime.date) if type(value) is type else False
    )


def _states() -> tuple[Any, ...]:
    return tuple(generators.state(name) for name in _GENERATORS)


def _digest(states: tuple[Any, ...], places: list[int]) -> str:
    from . import fingerprint

    hasher = fingerprint.new()
    for place in places:
        for part, data in states[place]:
            hasher.update(f"{part}:{len(data)};".encode())
            hasher.update(data)
    return str(hasher.hexdigest())


def _function(code: Any) -> str:
    name = getattr(code, "co_qualname", code.co_name)  # the longer name since 3.11
    return "" if name == "<module>" else str(name)


def _read_source(filename: str) -> list[str]:
    """Return the lines of a file without their secrets; what the hook reads is no file of the program's."""
    from . import files

    thread = _thread.get_ident()
    nested = thread in files._busy
    files._busy.add(thread)
    try:
        with open(
            os.path.join(os.getcwd(), rows.absolute(filename)), encoding="utf-8", errors="replace"
        ) as file:
            text = file.read()
    except OSError:
        return []
    finally:
        if not nested:
            files._busy.discard(thread)
    plain = text.splitlines()
    clean = scrub(text, code=True).splitlines()
    # A secret over several lines shifts those after it: then each line is cleaned by itself.
    return clean if len(clean) == len(plain) else [scrub(line, code=True) for line in plain]
