"""Traces scikit-learn: a row for each outermost call of an estimator, and the hyperparameters it had.

The methods of estimator classes are covered by descriptors that give the original when the class is asked,
and a stand-in for the bound method when an object is: signatures, pickles and checks see no difference.
Calls within calls, on any thread, belong to the outermost one.
"""

from __future__ import annotations

import copy
import inspect
import sys
import time
import types
import weakref
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from . import configuration, fitted, numerics, randomness, rows, settings
from .cadence import Cadence
from .generators import Generators
from .stand_ins import StandIn

_LEARN = ("fit", "partial_fit")
_BOTH = ("fit_transform", "fit_predict")
_USE = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score")
METHODS = (*_LEARN, *_BOTH, *_USE)
_DESCRIBED = 50  # estimators whose hyperparameters are written


class _Method:
    """Stands where a method of a class stands; `body` is called in its place when no call is under way."""

    def __init__(self, original: Any, body: Callable[..., Any]) -> None:
        self.original = original
        self.body = body
        self.__doc__ = getattr(original, "__doc__", None)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        bound = self.original.__get__(instance, owner)
        if instance is None or state.active:
            return bound
        return _Bound(bound, instance, self.body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["original"], name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A class that is pickled by its contents, as `cloudpickle` does, takes the original along.
        return copy.copy, (self.original,)


def _Bound(bound: Any, instance: Any, body: Callable[..., Any]) -> Any:  # noqa: N802  makes one of a kind
    def call(*args: Any, **kwargs: Any) -> Any:
        return body(bound, instance, args, kwargs)

    return StandIn(bound, call)


class _Made:
    """How the program made an estimator: the parameters that it named, and its line."""

    __slots__ = ("named", "reference", "where")

    def __init__(self, reference: Any, named: frozenset[str] | None, where: str) -> None:
        self.reference = reference
        self.named = named
        self.where = where


class _State:
    """What is known in this process."""

    def __init__(self) -> None:
        self.enabled = False
        self.active = False  # a call is under way
        self.renew()

    def renew(self) -> None:
        """Begin again, as a forked child does."""
        found = configuration.current() or configuration.Configuration(".")
        self.stop_after = stop = found.stop_after
        windows = found.windows if stop is None else (*found.windows, (stop, stop))
        self.cadence = Cadence(found.budget, found.every, windows, time.perf_counter())
        self.calls = 0
        self.mark = rows.spent.seconds
        self.generators = Generators()
        self.made: dict[int, _Made] = {}
        self.numbers: dict[int, tuple[Any, int]] = {}
        self.described = 0


state = _State()
_undo: list[tuple[Any, str, Any, Any]] = []  # (class, name, original or None, what stands there now)


# -- Calls --------------------------------------------------------------------------------------------------


def _called(bound: Any, estimator: Any, args: Any, kwargs: Any) -> Any:
    """Make an outermost call, and write its row."""
    if state.active or not state.enabled:
        return bound(*args, **kwargs)
    state.active = True
    try:
        with rows.spend():
            row = _before(bound, estimator, args, kwargs)
        result = bound(*args, **kwargs)
        if row is not None:
            with rows.spend():
                _after(row, bound.__name__, estimator, result)
        elif "torch" not in sys.modules and state.calls:
            rows.set_steps(state.calls)
        return result
    finally:
        state.active = False


@rows.guarded
def _before(bound: Any, estimator: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """Return the row as far as it is known before the call; None where this one is left out."""
    if not _is_traced():
        return None
    if not state.calls:
        numerics.note("first step")
        randomness.look(sys.modules.get("torch"), "before the first step")
    number, state.calls = state.calls, state.calls + 1
    method = bound.__name__
    if method not in _USE:
        _describe(estimator)
    if number < state.cadence.next:
        return None
    return {
        "k": "row",
        "kind": "fit",
        "n": rows.steps() if "torch" in sys.modules else number,
        "name": f"{type(estimator).__name__}.{method}",
        "where": rows.where(),
        "value": None,
        "d": {
            "inputs": fitted.digest(list(args), dict(sorted(kwargs.items()))),
            "hyperparameters": fitted.digest(_hyperparameters(estimator)),
        },
        "call": number,
    }


@rows.guarded
def _after(row: dict[str, Any], method: str, estimator: Any, result: Any) -> None:
    number = row.pop("call")
    digests = row["d"]
    if method in _LEARN:
        digests["outputs"] = fitted.digest_learned(estimator)
    elif method in _BOTH:
        digests["outputs"] = fitted.digest(fitted.digest_learned(estimator), result)
    else:
        digests["outputs"] = fitted.digest(result)
    digests.update(state.generators.changed())
    if isinstance(result, float):
        row["value"] = float(result)
    rows.flush()
    rows.write(row)
    randomness.look(sys.modules.get("torch"))
    _advance(number)


def _advance(number: int) -> None:
    """Count the call, choose the next to record, and leave where that was asked for."""
    spent = rows.spent.seconds
    state.cadence.recorded(number, spent - state.mark, time.perf_counter())
    state.mark = spent
    if "torch" not in sys.modules:
        rows.set_steps(state.calls)
        if state.stop_after is not None and number >= state.stop_after:
            import_module("assay_hook.torch_steps").stop(number)


def _is_traced() -> bool:
    """Say whether this process's calls are rows: those of joblib's workers belong to the main process."""
    if rows._state.role == "main" or rows._state.role.startswith("rank "):
        return True
    if not any("joblib" in argument for argument in getattr(sys, "argv", ())):
        rows.missed("calls of estimators in child processes, which have no rows of their own")
    return False


def _hyperparameters(estimator: Any) -> dict[str, Any]:
    """Return the hyperparameters by name, estimators among them by the names of their classes."""
    found = {}
    for name, value in sorted(fitted.parameters(estimator).items()):
        found[name] = _classes(value)
    return found


def _classes(value: Any) -> Any:
    if fitted.is_estimator(value):
        return f"<{type(value).__qualname__}>"
    if isinstance(value, (list, tuple)):
        return [_classes(inner) for inner in value]
    return value


# -- Settings -----------------------------------------------------------------------------------------------


def _made(original: Any, estimator: Any, args: Any, kwargs: Any) -> Any:
    """Make an estimator, and keep which parameters the program named."""
    if state.enabled and not state.active and id(estimator) not in state.made:
        _note_made(original, estimator, args, kwargs, sys._getframe(2))
    return original(*args, **kwargs)


@rows.guarded
def _note_made(original: Any, estimator: Any, args: Any, kwargs: Any, frame: Any) -> None:
    named: frozenset[str] | None = None
    # `clone` names all parameters.
    if not str(frame.f_globals.get("__name__", "")).startswith("sklearn."):
        names = [name for name in inspect.signature(original).parameters if name not in kwargs]
        named = frozenset(names[: len(args)]) | frozenset(kwargs)
    key = id(estimator)

    def forget(_reference: Any) -> None:
        state.made.pop(key, None)
        state.numbers.pop(key, None)

    state.made[key] = _Made(weakref.ref(estimator, forget), named, rows.where())


def _describe(estimator: Any) -> None:
    """Write the hyperparameters of an estimator and of those in it."""
    known = state.numbers.get(id(estimator))
    if known is None or known[0] is not type(estimator):
        if state.described >= _DESCRIBED:
            rows.missed(f"hyperparameters of more than {_DESCRIBED} estimators")
            return
        known = state.numbers[id(estimator)] = (type(estimator), state.described)
        state.described += 1
    head = f"estimator {known[1]} {type(estimator).__name__}"
    found = fitted.parameters(estimator)
    owners = {"": estimator}
    owners.update({name: value for name, value in found.items() if fitted.is_estimator(value)})
    for name, value in found.items():
        prefix, _, last = name.rpartition("__")
        owner = owners.get(prefix)
        if owner is not None and not fitted.is_estimator(value) and not _holds_estimators(value):
            inside = f".{prefix} {type(owner).__name__}" if prefix else ""
            _write(f"{head}{inside}.{last}", owner, last, value)


def _holds_estimators(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(fitted.is_estimator(inner) or _holds_estimators(inner) for inner in value)
    return False


def _write(path: str, owner: Any, name: str, value: Any) -> None:
    made = state.made.get(id(owner))
    if made is not None and made.reference() is not owner:
        made = None
    place = made.where if made is not None else ""
    known = made.named if made is not None else None
    named = _differs(owner, name, value) if known is None else name in known
    settings.write(path, value, "estimator", named=named, where=place)


def _differs(owner: Any, name: str, value: Any) -> bool | None:
    """Say whether a value is another one than the default; None where that cannot be told."""
    try:
        default = inspect.signature(type(owner)).parameters[name].default
        return default is inspect.Parameter.empty or not (default is value or bool(default == value))
    except Exception:  # noqa: BLE001  no such parameter, or values that do not compare
        return None


# -- Installing ---------------------------------------------------------------------------------------------


def _cover(kind: Any) -> None:
    """Cover the methods that an estimator's class and the classes above it define."""
    for above in kind.__mro__:
        for name in METHODS:
            original = above.__dict__.get(name)
            if _is_method(original):
                _put(above, name, _Method(original, _called))
    original = kind.__dict__.get("__init__")
    if isinstance(original, types.FunctionType):
        _put(kind, "__init__", _Method(original, _made))


def _is_method(value: Any) -> bool:
    """Say whether a member is a function, or one that is there under a condition (`available_if`)."""
    if isinstance(value, types.FunctionType):
        return not getattr(value, "__isabstractmethod__", False)
    return type(value).__module__.startswith("sklearn.") and hasattr(value, "fn")


def _put(kind: type, name: str, value: Any) -> None:
    _undo.append((kind, name, kind.__dict__.get(name), value))
    setattr(kind, name, value)


def _cover_later(kind: Any) -> None:
    """Cover each class that will be derived from this one, after all that happens at its definition."""
    original = kind.__dict__.get("__init_subclass__")

    def __init_subclass__(cls: type, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if original is not None:
            original.__get__(None, cls)(*args, **kwargs)
        else:
            super(kind, cls).__init_subclass__(*args, **kwargs)
        if state.enabled:
            rows.guarded(_cover)(cls)

    if original is not None:
        __init_subclass__.__doc__ = original.__doc__
    _put(kind, "__init_subclass__", classmethod(__init_subclass__))


def _all(kind: Any) -> Sequence[Any]:
    """Return a class and all that are derived from it."""
    found: dict[Any, None] = {kind: None}
    for inner in kind.__subclasses__():
        found.update(dict.fromkeys(_all(inner)))
    return list(found)


@rows.guarded
def install(base: Any) -> None:
    """Trace the estimators of `sklearn.base`, those defined already and those to come."""
    state.renew()
    state.enabled = True
    kinds = [
        value for name, value in vars(base).items() if isinstance(value, type) and name.endswith("Mixin")
    ]
    for kind in dict.fromkeys([*kinds, *_all(base.BaseEstimator)]):
        if kind.__module__.startswith("sklearn.") or issubclass(kind, base.BaseEstimator):
            _cover(kind)
    _cover_later(base.BaseEstimator)
    output = getattr(base, "_SetOutputMixin", None)
    if output is not None:
        _cover_later(output)
    rows.fork_hooks.append(state.renew)


def uninstall() -> None:
    """Give the classes their own methods back."""
    state.enabled = False
    if state.renew in rows.fork_hooks:
        rows.fork_hooks.remove(state.renew)
    for kind, name, original, value in reversed(_undo):
        if kind.__dict__.get(name) is value:
            if original is None:
                delattr(kind, name)
            else:
                setattr(kind, name, original)
    _undo.clear()
