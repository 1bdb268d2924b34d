"""Watches constructors and functions: what they were really given, by whom, and from which line.

A wrapper costs something only while an object is made, and never after. The outermost watched constructor
of an object counts: `BatchNorm2d(64)` and not the constructors of its base classes inside. What an argument
was named by tells who called: the program, or a library.

Wrappers keep signature, source, name and module of what they wrap, so that pickling by name and
`inspect.getsource` work as before. A compiler that traces Python sees none of it: `bypass` is a constant
to it, and wrappers close over plain functions alone, the only objects that it can follow there. Warnings
point to the same line of the program as without the hook, for Python passes over frames of files whose
name looks like that of its import system.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from . import rows, settings

if TYPE_CHECKING:
    from typing import TypeAlias

_HERE = os.path.dirname(os.path.abspath(__file__))
_PASSED_OVER = os.path.join(_HERE, "importlib_bootstrap", "construction.py")
_SIMPLE = frozenset({float, int, bool, str, type(None)})
_ANY_KIND = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MOST_CALLS = 20_000

Bypass: TypeAlias = "Callable[[], bool]"  # text, for Python 3.8


class Call:
    """One call of a watched function, with what is kept of its arguments.

    `by_program` says whether the line that made the call is the user's; `where` is that line, or the
    innermost of the user's above it. `reference` leads to the object that was made while it lives.
    """

    __slots__ = ("_line", "arguments", "by_program", "function", "keywords", "number", "owner", "reference")

    def __init__(self, function: Any, arguments: Any, keywords: Any, by_program: bool, line: Any) -> None:
        self.function = function
        self.arguments = arguments
        self.keywords = keywords
        self.by_program = by_program
        self._line = line  # text, or a file and its line: most calls are never told
        self.reference: Any = None
        self.owner: Any = None  # the class of the object that was made
        self.number = 0

    @property
    def where(self) -> str:
        """The line of the user's code."""
        line = self._line
        return line if isinstance(line, str) else f"{rows.absolute(line[0])}:{line[1]}"

    def form(self) -> Any:
        """Return what calls have in common that came from one line with equal arguments."""
        form = (self.by_program, self._line, self.arguments, tuple(self.keywords.items()))
        try:
            hash(form)
        except TypeError:  # a table among the arguments
            return repr(form)
        return form

    def object(self) -> Any:
        """Return the object that was made, None once it is gone."""
        return None if self.reference is None else self.reference()


class Argument(NamedTuple):
    """An argument in force: `given` says whether the call held it, `required` that it has no default."""

    name: str
    value: Any
    given: bool
    required: bool


def arguments_of(call: Call) -> Iterator[Argument]:
    """Yield all arguments that a call had in force, in the order of the signature."""
    yield from bind(call.function, call.arguments, call.keywords)


def bind(function: Any, arguments: Any, keywords: Any) -> Iterator[Argument]:
    """Yield the arguments in force of a function without its `self`, in the order of its signature."""
    left = list(arguments)
    extra = dict(keywords)
    for parameter in _parameters(function):
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            for place, value in enumerate(left):
                yield Argument(f"{parameter.name}[{place}]", value, given=True, required=False)
            left = []
        elif parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            yield _argument(parameter, left, extra)
    for name, value in extra.items():
        yield Argument(name, value, given=True, required=False)


def _argument(parameter: Any, left: list[Any], extra: dict[str, Any]) -> Argument:
    required = parameter.default is inspect.Parameter.empty
    if left and parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
        return Argument(parameter.name, left.pop(0), given=True, required=required)
    if parameter.name in extra:
        return Argument(parameter.name, extra.pop(parameter.name), given=True, required=required)
    default = None if required else parameter.default
    return Argument(parameter.name, default, given=False, required=required)


@functools.lru_cache(maxsize=1024)
def _parameters(function: Any) -> tuple[Any, ...]:
    found = tuple(inspect.signature(function).parameters.values())
    return found[1:] if found and found[0].name == "self" else found


# -- Callers ------------------------------------------------------------------------------------------------


def caller(depth: int) -> tuple[bool, Any]:
    """Return whether the frame `depth` above this call is the user's, and the user's line that acts.

    The line is text, or a pair of a file and its line.
    """
    frame: Any = sys._getframe(depth + 1)
    name = frame.f_code.co_filename
    if rows.is_first_party(name):
        return True, (name, frame.f_lineno)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):  # another part of the hook
        frame = frame.f_back
        depth += 1
    line = rows.where(depth + 1)
    return frame is not None and _is_at(frame, line), line


def _is_at(frame: Any, line: str) -> bool:
    """Say whether a frame is the one at a line of the user's; `python -c` has its own kind of file."""
    return bool(line) and line == f"{rows.absolute(frame.f_code.co_filename)}:{frame.f_lineno}"


# -- Books of calls -----------------------------------------------------------------------------------------


class Book:
    """The constructions of one kind, in order, each with the object that was made.

    `on_made(object, call)` is called once the outermost constructor has returned.
    """

    def __init__(self, on_made: Callable[[Any, Call], None] | None = None) -> None:
        self.calls: list[Call] = []
        self.made = 0
        self.on_made = on_made
        self.by_id: dict[int, Call] = {}

    def note(self, made: Any, call: Call) -> None:
        """Note the call that makes an object."""
        call.reference = weakref.ref(made)
        call.owner = type(made)
        call.number = self.made
        self.made += 1
        if len(self.calls) >= _MOST_CALLS:
            self._prune()
        self.calls.append(call)
        self.by_id[id(made)] = call

    def call_of(self, made: Any) -> Call | None:
        """Return the call that made an object, None where it was made in another way, such as by a copy."""
        known = self.by_id.get(id(made))
        return known if known is not None and known.reference() is made else None

    def clear(self) -> None:
        """Forget everything."""
        self.calls = []
        self.by_id = {}

    def _prune(self) -> None:
        """Forget the objects that are gone; beyond a limit, the oldest ones too."""
        living = [call for call in self.calls if call.reference() is not None]
        if len(living) > _MOST_CALLS // 2:
            rows.missed("the arguments of some objects: too many were made")
            living = living[-_MOST_CALLS // 2 :]
        self.calls = living
        self.by_id = {id(call.reference()): call for call in living}


def _kept(arguments: Any, keywords: Any) -> tuple[Any, Any]:
    """Return arguments as they can be kept: simple ones as they are, others without keeping them alive."""
    for value in arguments:
        if type(value) not in _SIMPLE:
            arguments = tuple(map(settings.keep, arguments))
            break
    for value in keywords.values():
        if type(value) not in _SIMPLE:
            keywords = {name: settings.keep(value) for name, value in keywords.items()}
            break
    return arguments, keywords


_books: dict[Any, Book] = {}  # the book of each watched constructor
_without_names: set[Any] = set()  # those that have no names of their own for their arguments


def _enter(made: Any, function: Any, arguments: Any, keywords: Any) -> Call | None:
    """Note that a constructor begins; return its call where it is the outermost of its object."""
    try:
        book = _books[function]
        known = book.by_id.get(id(made))
        if known is None or known.reference() is not made:
            call = Call(function, *_kept(arguments, keywords), *caller(2))
            book.note(made, call)
            return call
        if known.function in _without_names:  # the outer one only handed its arguments on
            known.function = function
            known.arguments, known.keywords = _kept(arguments, keywords)
    except Exception as error:  # noqa: BLE001  the program goes on with its object
        rows.failed("a construction", error)
    return None


def _leave(made: Any, call: Call) -> None:
    """Note that the outermost constructor has returned."""
    try:
        on_made = _books[call.function].on_made
        if on_made is not None:
            on_made(made, call)
    except Exception as error:  # noqa: BLE001  the program goes on with its object
        rows.failed("a construction", error)


# -- Wrapping -----------------------------------------------------------------------------------------------


class Wrapped(NamedTuple):
    """A wrapper where it was put, and what to put back there."""

    owner: Any
    name: str
    original: Any
    wrapper: Any


class Watches:
    """The wrappers of one part of the hook, put in place one by one and taken away together."""

    def __init__(self, bypass: Bypass) -> None:
        self.bypass = bypass
        self._wrapped: list[Wrapped] = []

    def constructor(self, owner: type, book: Book) -> None:
        """Watch the constructor that a class defines itself; one that it inherits is watched there."""
        original = owner.__dict__.get("__init__")
        if not inspect.isfunction(original) or self._is_ours(original):
            return
        _books[original] = book
        parameters = _parameters(original)
        if parameters and all(parameter.kind in _ANY_KIND for parameter in parameters):
            _without_names.add(original)
        make = _told_constructor if book.on_made is not None else _constructor
        self.replace(owner, "__init__", make(original, self.bypass))

    def function(self, owner: Any, name: str, note: Callable[[Any, Any, Any], None]) -> None:
        """Have `note(function, arguments, keywords)` called before each call of a function or method.

        `note` is a plain function that never raises; the line that calls is two frames above its own.
        """
        original = vars(owner).get(name)
        if not inspect.isfunction(original) or self._is_ours(original):
            return
        self.replace(owner, name, _function(original, note, self.bypass))

    def replace(self, owner: Any, name: str, wrapper: Any) -> None:
        """Put a wrapper in place of what an owner has under a name."""
        self._wrapped.append(Wrapped(owner, name, vars(owner)[name], wrapper))
        setattr(owner, name, wrapper)

    def undo(self) -> None:
        """Take the wrappers away; one that was wrapped by others since stays."""
        for owner, name, original, wrapper in reversed(self._wrapped):
            if vars(owner).get(name) is wrapper:
                setattr(owner, name, original)
        self._wrapped = []

    def _is_ours(self, function: Any) -> bool:
        return bool(function.__code__.co_filename == _PASSED_OVER)


def transparent(wrapper: Any, original: Any) -> Any:
    """Return a wrapper that looks like what it wraps, and is passed over where a warning seeks its line."""
    wrapper.__code__ = wrapper.__code__.replace(co_filename=_PASSED_OVER)
    return functools.wraps(original)(wrapper)


def _constructor(original: Any, bypass: Bypass) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  it is put in place of one
        if not bypass():
            _enter(self, original, args, kwargs)
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            rows.hide(error)
            raise

    return transparent(__init__, original)


def _told_constructor(original: Any, bypass: Bypass) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  it is put in place of one
        if bypass():
            return original(self, *args, **kwargs)
        call = _enter(self, original, args, kwargs)
        try:
            result = original(self, *args, **kwargs)
        except BaseException as error:
            rows.hide(error)
            raise
        if call is not None:
            _leave(self, call)
        return result

    return transparent(__init__, original)


def _function(original: Any, note: Callable[[Any, Any, Any], None], bypass: Bypass) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        if not bypass():
            note(original, args, kwargs)
        try:
            return original(*args, **kwargs)
        except BaseException as error:
            rows.hide(error)
            raise

    return transparent(function, original)
