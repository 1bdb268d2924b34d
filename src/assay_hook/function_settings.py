"""The settings that functions are called with: clipping, precision, compilation, initialisation of weights.

A call is told when its arguments are others than those of every call before; what is called at each step
costs a look into a table. Functions of `torch.nn.functional` are left as they are: a compiler reads them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from . import rows, settings
from .construction import Argument, Bypass, Call, Watches, arguments_of, caller, transparent
from .module_settings import is_named

_SIMPLE = frozenset({float, int, bool, str, type(None)})
_MOST_FORMS = 20  # of the arguments of one function
_MOST_VALUES = 8
_MOST_INITIALISATIONS = 2_000
# What a function works on, and what is told elsewhere.
_LEFT_OUT = {"parameters", "model", "tensor", "generator", "grads"}
_CLIPPING = ("clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_")
_SWITCHES = ("set_default_dtype", "use_deterministic_algorithms", "set_float32_matmul_precision")
_AVERAGES = ("get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn")


def _form(args: Any, kwargs: Any) -> Any:
    """Return what tells the arguments of two calls apart, without keeping any of them alive."""
    for value in args:
        if type(value) not in _SIMPLE:
            args = tuple(map(_mark, args))
            break
    if not kwargs:
        return args
    for value in kwargs.values():
        if type(value) not in _SIMPLE:
            named = [(name, _mark(value)) for name, value in kwargs.items() if name not in _LEFT_OUT]
            return args, tuple(named)
    return args, tuple(kwargs.items())


def _mark(value: Any) -> Any:
    """Return what stands for a value in a table: a name of its own where it is not simple."""
    return value if type(value) in _SIMPLE else f"{type(value).__name__} {id(value)}"


class Functions:
    """Functions whose arguments are settings."""

    def __init__(self) -> None:
        self._forms: dict[str, set[Any]] = {}

    def clear(self) -> None:
        """Forget everything."""
        for forms in self._forms.values():
            forms.clear()

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch clipping, compilation, averages of weights, autocast and the switches of the process."""
        utils = torch.nn.utils
        home = sys.modules.get("torch.nn.utils.clip_grad", utils)
        for name in _CLIPPING:
            watches.function(home, name, self._note(name, "clipping", first=1))
            wrapper = vars(home).get(name)
            if wrapper is not None and vars(utils).get(name) is getattr(wrapper, "__wrapped__", None):
                watches.replace(utils, name, wrapper)
        watches.function(torch, "compile", self._note("torch.compile", "compile", first=1))
        for name in _SWITCHES:
            watches.function(torch, name, self._note(f"torch.{name}", "configuration"))
        averages = sys.modules.get("torch.optim.swa_utils")
        for name in _AVERAGES if averages is not None else ():
            watches.function(averages, name, self._note(name, "optimizer"))
        autocast = getattr(getattr(torch, "amp", None), "autocast", None) or torch.cuda.amp.autocast
        self._watch_autocast(autocast, watches)

    def _note(self, name: str, source: str, first: int = 0) -> Callable[[Any, Any, Any], None]:
        """Return what notes the calls of a function, whose first arguments are what it works on."""
        forms = self._forms.setdefault(name, set())

        def note(function: Any, args: Any, kwargs: Any) -> None:
            try:
                form = _form(args[first:], kwargs)
                if form not in forms and len(forms) <= _MOST_FORMS:
                    # Frames above this one: the wrapper, and the line that calls it.
                    _tell_call(name, source, forms, form, (function, args, kwargs), sys._getframe(2))
            except Exception as error:  # noqa: BLE001  the program goes on with its function
                rows.failed(name, error)

        return note

    def _watch_autocast(self, autocast: Any, watches: Watches) -> None:
        original = autocast.__dict__.get("__init__")
        if inspect.isfunction(original):
            forms = self._forms.setdefault("autocast", set())
            watches.replace(autocast, "__init__", _noted_autocast(original, forms, watches.bypass))


def _tell_call(name: str, source: str, forms: set[Any], form: Any, call: Any, frame: Any) -> None:
    """Write the arguments of a call, seen from the frame that makes it."""
    function, args, kwargs = call
    depth = 3
    if name == "torch.compile":
        if frame.f_globals.get("__name__") == "torch":  # the decorator with arguments calls itself
            return
        depth += frame.f_code.co_name == "compile"  # `model.compile(...)` hands its arguments on
    seen = Call(function, args, kwargs, *caller(depth))
    place = _place(f"{source} {name}", forms, form)
    if place:
        _write(place, source, seen, {})


def _place(path: str, forms: set[Any], form: Any) -> str:
    """Note a form of arguments and return the path of its settings: the first one has no number."""
    if len(forms) == _MOST_FORMS:
        rows.missed(f"more than {_MOST_FORMS} different calls of {path.partition(' ')[2]}")
    forms.add(form)
    number = len(forms) - 1
    if number >= _MOST_FORMS:
        return ""
    return f"{path} {number}" if number else path


def _write(path: str, source: str, call: Call, in_force: dict[str, Any], *, is_known: bool = True) -> None:
    """Write the arguments of a call, some of them by the value in force."""
    for argument in arguments_of(call):
        if argument.name not in _LEFT_OUT:
            value = in_force.get(argument.name, argument.value)
            named = is_named(call, argument, changed=False) if is_known else None
            settings.write(f"{path}.{argument.name}", value, source, named=named, where=call.where)


# -- Autocast -----------------------------------------------------------------------------------------------


def _noted_autocast(original: Any, forms: set[Any], bypass: Bypass) -> Any:
    """Return the constructor of autocast, with a note of the first context of each kind."""

    def note(context: Any, args: Any, kwargs: Any) -> None:
        form = tuple(map(context.__dict__.get, ("device", "fast_dtype", "_enabled", "_cache_enabled")))
        if form not in forms:
            _tell_autocast(context, original, args, kwargs, form, forms, caller(2))

    def __init__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  it is put in place of one
        if bypass():
            return original(self, *args, **kwargs)
        result = original(self, *args, **kwargs)
        note(self, args, kwargs)
        return result

    return transparent(__init__, original)


@rows.guarded
def _tell_autocast(
    context: Any, original: Any, args: Any, kwargs: Any, form: Any, forms: set[Any], line: tuple[bool, Any]
) -> None:
    name = type(context).__name__
    by_compiler = name.startswith("_")  # it makes contexts of its own out of the program's
    path = _place(f"amp {'autocast' if by_compiler else name}", forms, form)
    device, dtype, enabled, cached = form
    in_force = {"device_type": device, "dtype": dtype, "enabled": enabled, "cache_enabled": cached}
    if path:
        _write(path, "amp", Call(original, args, kwargs, *line), in_force, is_known=not by_compiler)


# -- Initialisation -----------------------------------------------------------------------------------------


class _Initialisation:
    """The calls of one function with the same arguments from one piece of code."""

    __slots__ = ("call", "code", "count", "name", "site")

    def __init__(self, name: str, site: str, call: Call, code: Any) -> None:
        self.name = name
        self.site = site
        self.call = call
        self.code = code  # kept, so that no other gets its id
        self.count = 1


class Initialisations:
    """The calls of the functions of `torch.nn.init`, by the program or inside a module's constructor."""

    def __init__(self) -> None:
        self._found: dict[Any, _Initialisation] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()

    def watch(self, torch: Any, watches: Watches) -> None:
        """Watch the functions that fill a tensor."""
        home = torch.nn.init
        for name in vars(home).copy():
            if name.endswith("_") and not name.startswith("_"):
                watches.function(home, name, self._counted(name))

    def _counted(self, name: str) -> Callable[[Any, Any, Any], None]:
        """Return what counts the calls of a function; a module makes many of them."""
        known_of, frame_at, first = self._found.get, sys._getframe, self._note

        def note(function: Any, args: Any, kwargs: Any) -> None:
            try:
                code = frame_at(2).f_code
                known = known_of((name, id(code), args[1:], tuple(kwargs.items()) if kwargs else ()))
                if known is None:
                    first(name, code, Call(function, args, kwargs, *caller(2)))
                else:
                    known.count += 1
            except Exception as error:  # noqa: BLE001  the program goes on with its weights
                rows.failed("an initialisation", error)

        return note

    def _note(self, name: str, code: Any, call: Call) -> None:
        """Note a call with arguments that were not seen before, or that hold more than numbers and text."""
        args = (None, *map(settings.keep, call.arguments[1:]))
        kwargs = {key: settings.keep(value) for key, value in call.keywords.items() if key not in _LEFT_OUT}
        form = (
            name,
            id(code),
            tuple(map(_mark, args[1:])),
            tuple((key, _mark(kwargs[key])) for key in kwargs),
        )
        known = self._found.get(form)
        if known is not None:
            known.count += 1
        elif len(self._found) >= _MOST_INITIALISATIONS:
            rows.missed("some initialisations: too many different ones were made")
        else:
            call.arguments, call.keywords = args, kwargs
            self._found[form] = _Initialisation(name, "" if call.by_program else _name(code), call, code)

    def tell(self) -> None:
        """Write what is known so far; counts grow until the end."""
        groups: dict[tuple[str, str], list[_Initialisation]] = {}
        for one in self._found.values():
            groups.setdefault((one.site, one.name), []).append(one)
        for (site, name), members in groups.items():
            path = f"initialisation {site} {name}" if site else f"initialisation {name}"
            _tell_group(path, members)


def _tell_group(path: str, members: list[_Initialisation]) -> None:
    where = members[0].call.where
    values: dict[str, list[tuple[Argument, bool | None]]] = {}
    for one in members:
        for argument in arguments_of(one.call):
            named = is_named(one.call, argument, changed=False)
            values.setdefault(argument.name, []).append((argument, named))
    for name, seen in values.items():
        if name in _LEFT_OUT:
            continue
        answers = {named for _, named in seen}
        named = answers.pop() if len(answers) == 1 else None
        value = _together([settings.plain(argument.value) for argument, _ in seen])
        settings.write(f"{path}.{name}", value, "initialisation", named=named, where=where)
    count = sum(one.count for one in members)
    settings.write(f"{path}.calls", count, "initialisation", where=where)


def _together(values: list[Any]) -> Any:
    """Return one value for several: itself, a few different ones, or how many and their range."""
    different = {repr(value): value for value in values}
    if len(different) == 1:
        return values[0]
    ordered = sorted(
        different.values(), key=lambda value: (str(type(value)), value if _is_number(value) else 0)
    )
    if len(ordered) <= _MOST_VALUES or not all(map(_is_number, ordered)):
        return {"values": ordered[:_MOST_VALUES], "different": len(ordered)}
    return {"different": len(ordered), "least": ordered[0], "greatest": ordered[-1]}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _name(code: Any) -> str:
    """Return the name of a piece of code: with its class from Python 3.11 on, else with its file."""
    name = getattr(code, "co_qualname", None)
    if name:
        return str(name)
    return f"{code.co_filename.rpartition('/')[2].partition('.')[0]}.{code.co_name}"
