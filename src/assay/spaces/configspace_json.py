"""Parametric spaces from the JSON of ConfigSpace and of Syne Tune, without either package.

Sources: automl/ConfigSpace, `read_and_write/json.py` of 0.4.21 (json_format_version 0.2) and
`read_and_write/dictionary.py` of 1.2 (0.4); the configuration spaces of HPOBench and YAHPO Gym are such
files. syne-tune/syne-tune, `config_space.py` (`to_dict`), in which its blackbox repository writes
configspace.json and fidelityspace.json. Both repositories were read; neither is needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from assay.contracts.space import Categorical, Condition, Integer, Ordinal, Parameter, Real, Value
from assay.foundation.errors import UsageError
from assay.spaces._declared import domain_of
from assay.spaces._parameters import Ranked
from assay.spaces._refuse import shown
from assay.spaces.parametric import ParametricSpace

# So many values of a parent are listed in a condition, at most.
_MOST_LISTED = 10_000


def from_configspace_json(text: str | bytes, name: str, revision: int = 1) -> ParametricSpace:
    """Return the space of a ConfigSpace file, or of a Syne Tune configspace.json, under a name of its own.

    A constant is a category with one choice; defaults and notes are left out. From ConfigSpace: uniform
    floats and integers (with the old `q` as a step), categories, ordinals, constants; conditions on one
    parent, joined by AND and OR or not, become the list of the parent's values, and parameters are
    ordered so that parents come first. From Syne Tune: Float, Integer, Categorical, Ordinal, FiniteRange,
    which becomes an ordinal of its values; an ordinal is drawn evenly, also where Syne Tune draws it by
    nearest neighbours.

    What a parametric space cannot say is an error rather than another space: normal and beta
    distributions, unequal weights, forbidden combinations, conditions on two parents or on a real one,
    reversed logarithms. Raises `UsageError` with the place in the file.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("this is no JSON", where=name, why=str(error)) from None
    if not isinstance(data, dict) or not data:
        raise UsageError("a configuration space is a JSON object", where=name, why=f"got {shown(data)}")
    if isinstance(data.get("hyperparameters"), list):
        parameters = _of_configspace(data)
    else:
        parameters = [_of_syne_tune(key, described) for key, described in data.items()]
    return ParametricSpace(name, parameters, revision)


def _of_configspace(data: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of a ConfigSpace file, parents first."""
    found: dict[str, Parameter] = {}
    for i, described in enumerate(data["hyperparameters"]):
        place = f"hyperparameters[{i}]"
        parameter = _hyperparameter(_object(described, place), place)
        if parameter.name in found:
            raise UsageError(f"two hyperparameters are named '{parameter.name}'", where=place)
        found[parameter.name] = parameter
    if data.get("forbiddens"):
        why = "a parametric space has conditions, and no forbidden combinations"
        raise UsageError("this space forbids combinations", where="forbiddens", why=why)
    wanted: dict[str, tuple[str, list[Value]]] = {}
    for i, described in enumerate(_list(data.get("conditions") or [], "conditions")):
        place = f"conditions[{i}]"
        child = _text(_object(described, place), "child", place)
        if child not in found:
            raise UsageError(f"no hyperparameter is named '{child}'", where=f"{place}.child")
        parent, values = _condition(described, place, found)
        if child in wanted:
            parent, values = _joined([wanted[child], (parent, values)], place, every=True)
        wanted[child] = (parent, values)
    for child, (parent, values) in wanted.items():
        when = Condition(parent, tuple(values))
        found[child] = msgspec.structs.replace(found[child], when=when)
    return _parents_first(found)


def _parents_first(found: Mapping[str, Parameter]) -> list[Parameter]:
    """Return parameters in their order, but for those that come before their parent."""
    ordered: dict[str, Parameter] = {}
    waiting = list(found.values())
    while waiting:
        ready = [one for one in waiting if one.when is None or one.when.parent in ordered]
        if not ready:
            names = ", ".join(parameter.name for parameter in waiting)
            raise UsageError("conditions go in a circle", where="conditions", why=f"between {names}")
        first = ready[0]
        ordered[first.name] = first
        waiting.remove(first)
    return list(ordered.values())


def _hyperparameter(described: Mapping[str, Any], place: str) -> Parameter:
    name, kind = _text(described, "name", place), described.get("type")
    if kind in ("uniform_float", "uniform_int"):
        low, high = (_number(described, key, place) for key in ("lower", "upper"))
        log, step = bool(described.get("log")), described.get("q")
        if step is not None and log:
            why = "its values are even neither in the number nor in the logarithm"
            raise UsageError("'q' and 'log' cannot be had together", where=f"{place}.q", why=why)
        step = None if step is None else _number(described, "q", place)
        if kind == "uniform_float":
            return Real(name, float(low), float(high), log, None if step is None else float(step))
        return Integer(
            name, _whole(low, place), _whole(high, place), log, 1 if step is None else _whole(step, place)
        )
    if kind == "categorical":
        weights = _list(described.get("weights") or described.get("probabilities") or [], f"{place}.weights")
        if any(weight != weights[0] for weight in weights):
            why = "the choices of a parametric space are equally likely"
            raise UsageError("this categorical has unequal weights", where=f"{place}.weights", why=why)
        return Categorical(name, tuple(_list(described.get("choices"), f"{place}.choices")))
    if kind == "ordinal":
        return Ordinal(name, tuple(_list(described.get("sequence"), f"{place}.sequence")))
    if kind in ("constant", "unparametrized"):
        return Categorical(name, (described.get("value"),))  # type: ignore[arg-type]  # checked with the space
    why = "known: uniform_float, uniform_int, categorical, ordinal, constant"
    raise UsageError(f"'{name}' is of the type {shown(kind)}", where=f"{place}.type", why=why)


def _condition(
    described: Mapping[str, Any], place: str, found: Mapping[str, Parameter]
) -> tuple[str, list[Value]]:
    """Return the parent of a condition, and the values for which it holds."""
    kind = described.get("type")
    if kind in ("AND", "OR"):
        parts = [
            _condition(_object(part, f"{place}.conditions[{i}]"), f"{place}.conditions[{i}]", found)
            for i, part in enumerate(_list(described.get("conditions"), f"{place}.conditions"))
        ]
        return _joined(parts, place, every=kind == "AND")
    parent = _text(described, "parent", place)
    if parent not in found:
        raise UsageError(f"no hyperparameter is named '{parent}'", where=f"{place}.parent")
    if kind in ("EQ", "IN"):
        given = _list([described.get("value")] if kind == "EQ" else described.get("values"), place)
        for value in given:
            if type(value) not in (str, bool, int, float):
                raise UsageError("a condition is about plain values", where=place, why=f"got {shown(value)}")
        return parent, given
    compare = _COMPARISONS.get(kind) if isinstance(kind, str) else None
    if compare is None:
        raise UsageError(f"a condition is of the type {shown(kind)}", where=f"{place}.type")
    _, domain = domain_of(found[parent])
    values = _every(found[parent], place)
    taken = domain.take(described.get("value"))
    pivot = values.index(taken) if taken is not None else None
    if pivot is None:
        why = f"'{parent}' is never {shown(described.get('value'))}"
        raise UsageError("a condition compares with what is no value", where=f"{place}.value", why=why)
    return parent, [value for i, value in enumerate(values) if compare(i, pivot)]


_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "NEQ": lambda one, other: one != other,
    "LT": lambda one, other: one < other,
    "GT": lambda one, other: one > other,
}


def _every(parameter: Parameter, place: str) -> list[Value]:
    """Return all values of a parent in their order."""
    if isinstance(parameter, Integer) and parameter.step == 1:
        parameter = msgspec.structs.replace(parameter, log=False)
    _, domain = domain_of(parameter)
    if not isinstance(domain, Ranked) or domain.size > _MOST_LISTED:
        why = f"the values of '{parameter.name}' cannot be listed"
        raise UsageError("a condition compares with a number", where=place, why=why)
    return domain.every()


def _joined(parts: Sequence[tuple[str, list[Value]]], place: str, *, every: bool) -> tuple[str, list[Value]]:
    """Return the condition that holds where every part does, or any."""
    parents = dict.fromkeys(parent for parent, _ in parts)
    if len(parents) != 1:
        why = f"it is about {' and '.join(parents) or 'none'}"
        raise UsageError("a condition must be about one parent", where=place, why=why)
    values = dict.fromkeys(value for _, some in parts for value in some)
    if every:
        values = dict.fromkeys(value for value in values if all(value in some for _, some in parts))
    return next(iter(parents)), list(values)


def _of_syne_tune(name: str, described: Any) -> Parameter:
    """Return a parameter of Syne Tune: a domain, or a constant."""
    if not isinstance(described, dict):
        return Categorical(name, (described,))
    kind, sampler = described.get("domain_cls"), described.get("sampler_cls", "Uniform")
    place = f"{name}.domain_kwargs"
    given = _object(described.get("domain_kwargs"), place)
    if sampler not in ("Uniform", "LogUniform"):
        why = f"its sampler is {shown(sampler)}; known: Uniform, LogUniform"
        raise UsageError(f"'{name}' is not drawn uniformly", where=f"{name}.sampler_cls", why=why)
    log = sampler == "LogUniform"
    if kind in ("Float", "Integer", "FiniteRange"):
        low, high = (_number(given, key, place) for key in ("lower", "upper"))
        if kind == "FiniteRange":
            return Ordinal(name, _range(given, low, high, place))
        if low == high:
            return Categorical(name, (low,))
        if kind == "Integer":
            return Integer(name, _whole(low, place), _whole(high, place), log)
        return Real(name, float(low), float(high), log)
    if kind in ("Categorical", "Ordinal", "OrdinalNearestNeighbor"):
        choices = tuple(_list(given.get("categories"), f"{place}.categories"))
        return Categorical(name, choices) if kind == "Categorical" else Ordinal(name, choices)
    why = "known: Float, Integer, Categorical, Ordinal, OrdinalNearestNeighbor, FiniteRange"
    raise UsageError(f"'{name}' is of the class {shown(kind)}", where=f"{name}.domain_cls", why=why)


def _range(given: Mapping[str, Any], low: float, high: float, place: str) -> tuple[Value, ...]:
    """Return the values of a finite range: evenly spaced in the number or in the logarithm."""
    size = _whole(_number(given, "size", place), f"{place}.size")
    log, whole = given.get("log_scale"), given.get("cast_int")
    if not 1 <= size <= _MOST_LISTED or (log and low <= 0):
        raise UsageError("this range cannot be listed", where=place, why=f"got {shown(dict(given))}")
    least, most = (math.log(low), math.log(high)) if log else (low, high)
    values: list[Value] = []
    for i in range(size):
        value = least + i * (most - least) / max(size - 1, 1)
        value = min(max(math.exp(value) if log else value, low), high)
        values.append(round(value) if whole else float(value))
    return tuple(dict.fromkeys(values))


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError("expected a JSON object", where=place, why=f"got {shown(value)}")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError("expected a JSON list", where=place, why=f"got {shown(value)}")
    return value


def _text(described: Mapping[str, Any], key: str, place: str) -> str:
    value = described.get(key)
    if not isinstance(value, str):
        raise UsageError("expected a text", where=f"{place}.{key}", why=f"got {shown(value)}")
    return value


def _number(described: Mapping[str, Any], key: str, place: str) -> float:
    value: Any = described.get(key)
    if type(value) not in (int, float) or not abs(value) < math.inf:
        raise UsageError("expected a number", where=f"{place}.{key}", why=f"got {shown(value)}")
    number: float = value
    return number


def _whole(value: float, place: str) -> int:
    if value != int(value):
        raise UsageError("expected a whole number", where=place, why=f"got {value}")
    return int(value)
