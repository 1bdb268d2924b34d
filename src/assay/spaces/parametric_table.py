"""Parametric spaces from a table, as a TOML file, a study or a card can carry it.

In TOML:

    name = "perceptron"

    [parameters.optimizer]
    type = "categorical"            # or "ordinal": choices in their order
    choices = ["sgd", "adam"]

    [parameters.learning_rate]
    type = "real"                   # or "integer"
    low = 1e-5
    high = 1.0
    log = true

    [parameters.momentum]
    type = "real"
    low = 0.0
    high = 0.9
    step = 0.1
    when = { optimizer = ["sgd"] }

A condition names one parent, which comes before, and its values, in a list unless it is one alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from assay.contracts.space import Categorical, Condition, Integer, Ordinal, Parameter, Real
from assay.foundation.errors import UsageError, nearest
from assay.spaces._declared import wrong
from assay.spaces._refuse import shown
from assay.spaces.parametric import ParametricSpace

_KINDS: dict[str, type[Parameter]] = {
    "categorical": Categorical,
    "ordinal": Ordinal,
    "integer": Integer,
    "real": Real,
}
_KEYS = ("name", "revision", "parameters")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def parametric_space(table: Mapping[str, Any]) -> ParametricSpace:
    """Return the space that a table describes (see the module); its class has all that it can do.

    Raises `UsageError`, whose place is the key path of what is wrong; `error.at(file)` adds the file.
    """
    for key in table:
        if key not in _KEYS:
            raise _unknown(f"{key}", key, _KEYS)
    name, revision, parameters = table.get("name"), table.get("revision", 1), table.get("parameters")
    if not isinstance(name, str) or not name:
        raise UsageError("a space needs a name", where="name", why=f"got {shown(name)}")
    if type(revision) is not int or revision < 1:
        why = f"got {shown(revision)}"
        raise UsageError("'revision' must be a whole number from 1", where="revision", why=why)
    if not isinstance(parameters, Mapping) or not parameters:
        hint = "write a table [parameters.NAME] for each parameter"
        raise UsageError("a space needs parameters", where="parameters", hint=hint)
    made = [_parameter(key, described) for key, described in parameters.items()]
    return ParametricSpace(name, made, revision)


def _parameter(name: str, described: Any) -> Parameter:
    """Return one parameter from its table."""
    if not isinstance(described, Mapping):
        raise wrong(name, "", "expected a table", f"got {shown(described)}", 'type = "real"')
    kind = described.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        near = nearest(kind, _KINDS) if isinstance(kind, str) else None
        hint = f"did you mean '{near}'?" if near else f"one of {', '.join(_KINDS)}"
        raise wrong(name, "type", "unknown type of parameter", f"got {shown(kind)}", hint)
    keys = [field.name for field in msgspec.structs.fields(_KINDS[kind]) if field.name != "name"]
    for key in described:
        if key not in (*keys, "type"):
            raise _unknown(f"parameters.{name}.{key}", key, ["type", *keys])
    values = {key: described[key] for key in keys if key in described and key != "when"}
    try:
        found = msgspec.convert({"type": kind, "name": name, **values}, _KINDS[kind])
    except msgspec.ValidationError as error:
        raise _unfit(name, str(error)) from None
    if "when" in described:
        return msgspec.structs.replace(found, when=_condition(name, described["when"]))
    return found


def _condition(name: str, described: Any) -> Condition:
    """Return the condition of a table such as { optimizer = ["sgd"] }; one value needs no list."""
    if not isinstance(described, Mapping) or len(described) != 1:
        why, hint = f"got {shown(described)}", 'when = { optimizer = ["sgd"] }'
        raise wrong(name, "when", "a condition is a table with one parent", why, hint)
    [(parent, given)] = described.items()
    return Condition(str(parent), tuple(given) if isinstance(given, list | tuple) else (given,))


def _unfit(name: str, message: str) -> UsageError:
    """Return the error for a value of another type, or a key that is missing."""
    match = _AT.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    return wrong(name, path.replace("[...]", ""), what[:1].lower() + what[1:].replace("`", "'"))


def _unknown(where: str, key: str, known: tuple[str, ...] | list[str]) -> UsageError:
    near = nearest(key, known)
    hint = f"did you mean '{near}'?" if near else f"known keys: {', '.join(known)}"
    return UsageError(f"unknown key '{key}'", where=where, hint=hint)
