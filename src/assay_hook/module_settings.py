"""The settings of the modules of a program: what each layer, activation and loss really works with.

The networks are found as trees below the modules that no other module holds. Equal settings of modules
whose paths differ only in indices become one: 'module Net.layers.*.bn BatchNorm2d.eps'.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from . import rows, settings
from .construction import Argument, Book, Bypass, Call, Watches, arguments_of, transparent

# Modules of torch whose constructors are watched, and classes in them that only hold others.
_PACKAGES = ("torch.nn.modules.", "torch.nn.parallel.", "torch.optim.swa_utils")
_CONTAINERS = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
_MOST_BORN = 50_000
_MOST_ROWS = 5_000
_MOST_PATTERNS = 100
# Arguments that say nothing where they are None, which stands for the settings of the process.
_NO_DEFAULTS = {"device", "dtype", "size_average", "reduce"}
_FINITE = (float, bool, str)


class Found(NamedTuple):
    """A setting of one module; `parts` are the names and indices of its path."""

    parts: tuple[Any, ...]
    owner: str
    name: str
    value: Any
    named: bool | None
    where: str
    is_loss: bool


class Modules:
    """The modules that were made in this process, and what was told of them."""

    def __init__(self) -> None:
        self.book = Book()
        self.born: list[Any] = []  # weak references to all modules, the user's own too
        self.outermost: list[Any] = []  # those that were called and perhaps not made here, as after loading
        self._told: dict[int, Any] = {}  # the networks that were told, as weak references
        self._numbers: dict[str, int] = {}
        self._values: set[Any] = set()  # what was told of each of them

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch the constructors of torch's modules."""
        for owner in _with_settings(torch):
            watches.constructor(owner, self.book)
        module = torch.nn.Module
        watches.replace(module, "__init__", _noted_birth(module.__init__, self, watches.bypass))

    def clear(self) -> None:
        """Forget everything."""
        self.__init__()  # type: ignore[misc]  # the state of the beginning

    def prune(self) -> None:
        """Forget the modules that are gone."""
        living = [reference for reference in self.born if reference() is not None]
        if len(living) > _MOST_BORN // 2:
            rows.missed("some modules: too many were made")
            living = living[-_MOST_BORN // 2 :]
        self.born[:] = living

    def roots(self) -> list[Any]:
        """Return the living modules that no other one holds, in the order in which they were made."""
        found = [reference() for reference in (*self.born, *self.outermost)]
        living = list({id(module): module for module in found if _is_ready(module)}.values())
        held = {id(child) for module in living for child in _children(module).values() if child is not None}
        roots = [_without_compiler(module) for module in living if id(module) not in held]
        return list({id(module): module for module in roots}.values())

    def tell(self, torch: Any, *, is_end: bool = False) -> None:
        """Write the settings of the networks that were not told yet.

        At the end, where no network ever was seen at work, those of all modules that were made.
        """
        roots = [root for root in self.roots() if self._told.get(id(root), _nothing)() is not root]
        tell = _Telling(self, torch)
        found: list[Found] = []
        fresh = set()
        for root, label in zip(roots, self._labels(roots)):
            self._told[id(root)] = weakref.ref(root)
            try:
                of_root = list(tell.network(root, label))
            except Exception as error:  # noqa: BLE001  a strange module must not hide the others
                rows.failed(f"a module {type(root).__name__}", error)
                continue
            values = tuple((one.parts[2:], *one[1:3], repr(one.value), one.named) for one in of_root)
            if values not in self._values:  # one just like an earlier one, of the next fold, says nothing new
                found += of_root
            fresh.add(values)
        self._values |= fresh
        if is_end and not self._told:
            found += tell.made()
        _write(found)

    def parameter_owners(self) -> dict[int, str]:
        """Return for each parameter of the networks, by its id, the class that holds it and its name."""
        owners: dict[int, str] = {}
        for root in self.roots():
            for _, module in walk(root, ()):
                for name, parameter in module.__dict__.get("_parameters", {}).items():
                    if parameter is not None:
                        owners.setdefault(id(parameter), f"{type(module).__name__}.{name}")
        return owners

    def _labels(self, roots: list[Any]) -> list[tuple[Any, ...]]:
        """Return the first parts of the paths in each network: its class, and a number where it needs one."""
        names = [type(root).__name__ for root in roots]
        labels: list[tuple[Any, ...]] = []
        for name in names:
            number = self._numbers.get(name, 0)
            self._numbers[name] = number + 1
            labels.append((name, number if number or names.count(name) > 1 else ""))
        return labels


def _write(found: list[Found]) -> None:
    for number, (path, one) in enumerate(collapsed(found)):
        if number >= _MOST_ROWS:
            rows.missed(f"the settings of modules beyond the first {_MOST_ROWS:,}")
            return
        kind = "loss" if one.is_loss else "module"
        name = f"{kind} {path} {one.owner}.{one.name}"
        settings.write(name, one.value, kind, named=one.named, where=one.where)


class _Telling:
    """Finds the settings of networks, with what has to be looked up for all of them only once."""

    def __init__(self, modules: Modules, torch: Any) -> None:
        self.book = modules.book
        self.classes = _watched(torch)
        self.floats: set[int] = set()
        self.patterns: dict[Any, dict[Any, Call]] = {}
        for call in self.book.calls:
            if call.by_program:
                values = (*call.arguments, *call.keywords.values())
                self.floats.update(id(value) for value in values if type(value) is float)

    def network(self, root: Any, label: tuple[Any, ...]) -> Iterator[Found]:
        """Yield the settings of a module and of all below it."""
        training = bool(root.__dict__.get("training", True))
        yield Found(label, type(root).__name__, "training", training, None, "", _is_loss(type(root)))
        for parts, module in walk(root, label):
            name = type(module).__name__
            own = module.__dict__.get("training", training)
            if own is not training:
                yield Found(parts, name, "training", own, None, "", _is_loss(type(module)))
            if name not in _CONTAINERS and isinstance(module, self.classes):
                call = self.book.call_of(module) or self._pattern(module)
                where = call.where if call is not None else ""
                for key, value, named in of_module(module, call, self.floats):
                    yield Found(parts, name, key, value, named, where, _is_loss(type(module)))

    def made(self) -> Iterator[Found]:
        """Yield what modules were made with, in their order: for those of which no network is left."""
        for call in self.book.calls:
            for argument in arguments_of(call):
                value = settings.plain(argument.value)
                named = is_named(call, argument, changed=False, floats=self.floats)
                if not _says_nothing(argument):
                    loss = _is_loss(call.owner)
                    label = ("", call.number)
                    yield Found(label, call.owner.__name__, argument.name, value, named, call.where, loss)

    def _pattern(self, module: Any) -> Call | None:
        """Return the call of the module that this one is a copy of, as far as values can tell."""
        if not self.patterns:
            for call in self.book.calls:
                forms = self.patterns.setdefault(call.owner, {})
                if len(forms) < _MOST_PATTERNS:
                    forms.setdefault(call.form(), call)
        for call in self.patterns.get(type(module), {}).values():
            if all(_fits(module, argument) for argument in arguments_of(call)):
                return call
        return None


def _fits(module: Any, argument: Argument) -> bool:
    """Say whether a module could have been made with an argument."""
    value, changed = in_force(module, argument)
    given = argument.value
    return not changed and not (type(given) is int and type(value) is int and given != value)


def of_module(module: Any, call: Call | None, floats: set[int]) -> Iterator[tuple[str, Any, bool | None]]:
    """Yield the settings of one module: name, value in force, and whether the program named it."""
    if call is None:
        for name, value in module.__dict__.items():
            if not name.startswith("_") and name != "training" and type(value) in {float, int, bool, str}:
                yield name, value, None
        return
    for argument in arguments_of(call):
        if _says_nothing(argument):
            continue
        value, changed = in_force(module, argument)
        yield argument.name, value, is_named(call, argument, changed=changed, floats=floats)


def _says_nothing(argument: Argument) -> bool:
    return argument.name.startswith("_") or (argument.name in _NO_DEFAULTS and argument.value is None)


def is_named(call: Call, argument: Argument, *, changed: bool, floats: Iterable[int] = ()) -> bool | None:
    """Say whether the program named a value: None where somebody set it later, or a library passes it on."""
    if argument.given and call.by_program:
        return True
    if changed:
        return None
    if argument.given and argument.required:
        return None
    return argument.given and type(argument.value) is float and id(argument.value) in floats


def in_force(made: Any, argument: Argument) -> tuple[Any, bool]:
    """Return the value of an argument that an object works with now, and whether it was set later."""
    given, name = argument.value, argument.name
    inside = made.__dict__
    for place in ("_parameters", "_modules"):
        if name in inside.get(place, ()):
            is_there = inside[place][name] is not None
            return (is_there if isinstance(given, bool) else settings.plain(given)), False
    if name not in inside:
        buffer = inside.get("_buffers", {}).get(name)
        return settings.plain(given if buffer is None else buffer), False
    actual = inside[name]
    if isinstance(given, bool) and not isinstance(actual, bool):
        return actual is not None, False
    if given is not None and (callable(actual) or isinstance(given, dict)):
        return settings.plain(given), False
    changed = isinstance(given, _FINITE) and type(actual) is type(given) and actual != given
    return settings.plain(actual), changed


# -- Trees of modules ---------------------------------------------------------------------------------------


def walk(root: Any, label: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield a network's modules once each with the parts of their paths, in the order of their names."""
    seen = {id(root)}
    waiting: list[tuple[tuple[Any, ...], Any]] = [(label, root)]
    while waiting:
        parts, module = waiting.pop()
        yield parts, module
        inner = []
        for name, child in _children(module).items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                inner.append(((*parts, int(name) if name.isdigit() else name), child))
        waiting.extend(reversed(inner))


def _children(module: Any) -> dict[str, Any]:
    children: dict[str, Any] = module.__dict__.get("_modules") or {}
    return children


def _is_ready(module: Any) -> bool:
    return module is not None and "_modules" in module.__dict__


def _nothing() -> None:
    """Stand for a reference to a module that was never told."""


def _without_compiler(module: Any) -> Any:
    """Return the module inside one that torch.compile made."""
    inner = _children(module).get("_orig_mod") if type(module).__name__ == "OptimizedModule" else None
    return module if inner is None else inner


def collapsed(found: Iterable[Found]) -> Iterator[tuple[str, Found]]:
    """Yield each setting with its path; those that differ only in indices, and agree, as one."""
    groups: dict[Any, list[Found]] = {}
    for one in found:
        shape = tuple("*" if isinstance(part, int) else part for part in one.parts)
        groups.setdefault((shape, one.owner, one.name), []).append(one)
    for group in groups.values():
        yield from _collapse(group, 0)


def _collapse(group: list[Found], fixed: int) -> Iterator[tuple[str, Found]]:
    """Yield the settings of one group, whose first `fixed` indices are equal."""
    first = group[0]
    if all(_same(one, first) for one in group):
        columns = zip(*(one.parts for one in group))
        yield _path(["*" if len(set(map(str, column))) > 1 else column[0] for column in columns]), first
        return
    places = [place for place, part in enumerate(first.parts) if isinstance(part, int)]
    split: dict[Any, list[Found]] = {}
    for one in group:
        split.setdefault(one.parts[places[fixed]] if fixed < len(places) else id(one), []).append(one)
    for inner in split.values():
        yield from _collapse(inner, fixed + 1)


def _same(one: Found, other: Found) -> bool:
    return type(one.value) is type(other.value) and one.value == other.value and one.named is other.named


def _path(parts: list[Any]) -> str:
    name, number, *inner = parts
    first = name if number == "" else f"{name}#{number}"
    return ".".join(map(str, [first, *inner]))


# -- Classes ------------------------------------------------------------------------------------------------


def _with_settings(torch: Any) -> list[type]:
    """Return torch's own classes of modules that have settings of their own."""
    found: list[type] = []
    waiting = [torch.nn.Module]
    while waiting:
        for owner in waiting.pop().__subclasses__():
            waiting.append(owner)
            if owner.__module__.startswith(_PACKAGES) and owner.__name__ not in _CONTAINERS:
                found.append(owner)
    return list(dict.fromkeys(found))


_classes: list[tuple[type, ...]] = []


def _watched(torch: Any) -> tuple[type, ...]:
    """Return the classes whose instances have settings that torch knows the meaning of."""
    if not _classes:
        _classes.append(tuple(_with_settings(torch)))
    return _classes[0]


def _is_loss(owner: type) -> bool:
    return any(base.__module__ == "torch.nn.modules.loss" for base in owner.__mro__)


@rows.guarded
def _look() -> None:
    """Let the randomness be looked at before the first module draws its parameters."""
    from . import randomness

    with rows.spend():
        randomness.look(sys.modules["torch"])


def _noted_birth(original: Any, modules: Modules, bypass: Bypass) -> Any:
    """Return `Module.__init__` with a note of each module that begins to be."""

    def note(module: Any) -> None:
        born = modules.born
        if len(born) >= _MOST_BORN:
            modules.prune()
        if not born:
            _look()
        born.append(weakref.ref(module))

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  it is put in place of one
        if not bypass():
            note(self)
        original(self, *args, **kwargs)

    return transparent(__init__, original)
