"""Differences between two provenances, and the reason for a new identity in one phrase; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from assay.contracts.problem import Budget
from assay.foundation.digest import short
from assay.provenance.commands import CommandProvenance
from assay.provenance.components import Arithmetic, CodeIdentity, Identity, Plain, Provenance

COMPONENTS = ("code", "data", "hyperparameters", "seeds", "protocol", "arithmetic", "environment", "other")

_SEEDS = {"root": "seed", "replicate": "replicate", "scheme": "seed scheme"}
_PROTOCOL = {
    "signal": "signal",
    "policy": "seed policy",
    "simulated_workers": "simulated workers",
    "crossing": "rule at the end of the budget",
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place where two provenances differ; a side that lacks it is UNSET, which JSON leaves out.

    `component` is one of `COMPONENTS`; `path` reads like `environment.packages.numpy`.
    """

    component: str
    path: str
    a: Plain | msgspec.UnsetType = msgspec.UNSET
    b: Plain | msgspec.UnsetType = msgspec.UNSET

    def text(self) -> str:
        """Return the difference on one line, such as 'hyperparameters.population: 10 -> 50'."""
        return f"{self.path}: {_shown(self.a)} -> {_shown(self.b)}"


def difference(a: Provenance, b: Provenance) -> tuple[Difference, ...]:
    """Return all that differs, and nothing else, in the order of `COMPONENTS` and then of the path."""
    left, right = _parts(a), _parts(b)
    return tuple(
        Difference(component=component, path=path, a=one, b=other)
        for component in COMPONENTS
        for path, one, other in _walk(_prefix(component), left[component], right[component])
    )


def command_difference(a: CommandProvenance, b: CommandProvenance) -> tuple[Difference, ...]:
    """Return all that differs between two commands, in the order of `COMPONENTS` and then of the path.

    Code is compared by its syntax where it is Python: a changed comment is no difference.
    """
    left, right = _command_parts(a), _command_parts(b)
    return tuple(
        Difference(component=component, path=path, a=one, b=other)
        for component in COMPONENTS
        for path, one, other in _walk(_prefix(component), left.get(component, {}), right.get(component, {}))
    )


def explain_arithmetic_change(old: Arithmetic, new: Arithmetic) -> str:
    """Return what differs between two arithmetics, such as 'libraries.numpy: 2.3.1 -> 2.4.6'."""
    walk = _walk("", msgspec.to_builtins(old), msgspec.to_builtins(new))
    return "; ".join(f"{path}: {_shown(a)} -> {_shown(b)}" for path, a, b in walk) or "nothing changed"


def explain_identity_change(old: Identity, new: Identity) -> str:
    """Return why a run is a new one, such as 'hyperparameter changed: population 10 -> 50'.

    Several reasons are joined by '; '. Two equal identities give 'nothing changed'.
    """
    reasons = [
        *_code_reasons(old.code, new.code),
        *_data_reasons(old, new),
        *_hyperparameter_reasons(old.hyperparameters, new.hyperparameters),
        *_named_reasons(old.seeds, new.seeds, _SEEDS),
        *_protocol_reasons(old, new),
    ]
    return "; ".join(reasons) or "nothing changed"


def _parts(provenance: Provenance) -> dict[str, Any]:
    """Return a provenance as plain values, by component."""
    plain = msgspec.to_builtins(provenance)
    identity, environment, evidence = plain["identity"], plain["environment"], plain["evidence"]
    evidence["files"] = {file["path"]: file["content"] for file in evidence.get("files", ())}
    return {
        "code": _by_role(identity["code"]),
        "data": identity["data"],
        "hyperparameters": identity["hyperparameters"],
        "seeds": identity["seeds"],
        "protocol": identity["protocol"],
        "arithmetic": environment.pop("arithmetic"),
        "environment": environment,
        "other": {
            "evidence": evidence,
            "defaults": {item["name"]: item["default"] for item in plain["hyperparameters"]},
            "streams": {"/".join(map(str, use["path"])): use["draws"] for use in plain["streams"]},
        },
    }


_LOADED = frozenset({"program", "module", "argument", "notebook"})
_RUN = _LOADED | {"configuration"}


def _command_parts(found: CommandProvenance) -> dict[str, Any]:
    """Return how a command came to be as plain values, by component."""
    plain = msgspec.to_builtins(found)
    environment = plain["environment"] or {}
    arithmetic = environment.pop("arithmetic", {})
    return {
        "code": {one.path: one.syntax or one.digest for one in found.code if one.role in _LOADED},
        "data": {
            "files": {one.path: one.digest for one in found.data},
            "sampling": {str(one["loader"]): one for one in plain["sampling"]},
        },
        "hyperparameters": {
            "arguments": {str(place): argument for place, argument in enumerate(found.argv)},
            "configurations": {one.path: one.digest for one in found.code if one.role == "configuration"},
            "settings": {one.path: one.value for one in found.settings},
        },
        "seeds": {_use(one): one for one in plain["randomness"]},
        "arithmetic": {**arithmetic, "numerics": plain["numerics"], "variables": plain["variables"]},
        "environment": {
            **environment,
            **{name: plain[name] for name in ("devices", "container", "distributed", "interpreter")},
        },
        "other": {
            "named": {one.path: one.named for one in found.settings},
            "uncommitted": {one.path: one.digest for one in found.code if one.role not in _RUN},
            **{name: plain[name] for name in ("folder", "root", "level", "repository", "scheduler")},
        },
    }


def _use(randomness: Mapping[str, Any]) -> str:
    """Return what a use of randomness is called, so that the same one is found in another run."""
    return " ".join(str(randomness.get(key, "")) for key in ("kind", "generator", "where")).strip()


def _prefix(component: str) -> str:
    return "" if component == "other" else component


def _by_role(code: list[dict[str, Any]]) -> dict[str, Any]:
    """Key components by their role, and by role and name where a role stands twice."""
    roles = [component["role"] for component in code]
    keyed = {}
    for component in code:
        role = component.pop("role")
        keyed[role if roles.count(role) == 1 else f"{role} {component['name']}"] = component
    return keyed


def _walk(path: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield path and both values of every place where two trees of plain values differ."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted({*a, *b}):
            yield from _walk(_join(path, key), a.get(key, msgspec.UNSET), b.get(key, msgspec.UNSET))
    elif type(a) is not type(b) or a != b:
        yield path, a, b


def _join(path: str, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w-]*", key):
        return f"{path}[{key!r}]"
    return f"{path}.{key}" if path else key


def _shown(value: Any) -> str:
    if value is msgspec.UNSET:
        return "absent"
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
        return short(value)
    text = value if isinstance(value, str) and value else msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _code_reasons(old: tuple[CodeIdentity, ...], new: tuple[CodeIdentity, ...]) -> Iterator[str]:
    before, after = {code.role: code for code in old}, {code.role: code for code in new}
    for role in dict.fromkeys([*before, *after]):
        one, other = before.get(role), after.get(role)
        if one is None or other is None:
            yield f"{role} {'added' if one is None else 'removed'}: {(one or other).name}"  # type: ignore[union-attr]
        elif one != other:
            yield from _component_reasons(one, other)


def _component_reasons(old: CodeIdentity, new: CodeIdentity) -> Iterator[str]:
    if old.name != new.name:
        yield f"{old.role} changed: {old.name} -> {new.name}"
        return
    if old.distribution != new.distribution:
        places = f"from {old.distribution or 'files'} to {new.distribution or 'files'}"
        yield f"{old.role} {old.name} changed: {places}"
    if old.revision != new.revision:
        yield f"{old.role} {old.name} changed: revision {_shown(old.revision)} -> {_shown(new.revision)}"
    if old.version != new.version:
        name = new.distribution or old.distribution
        yield f"{old.role} {old.name} changed: {name} {_shown(old.version)} -> {_shown(new.version)}"
    changed = list(_changes(old.files, new.files))
    if any(name == "<arguments>" for name, _, _ in changed):
        yield "arguments changed"
    files = [_file_change(name, a, b) for name, a, b in changed if name != "<arguments>"]
    if files:
        yield f"code changed: {', '.join(files)}"
    for name, a, b in _changes(old.libraries, new.libraries):
        yield f"library changed: {name} {_shown(a)} -> {_shown(b)}"


def _file_change(name: str, a: Any, b: Any) -> str:
    if a is msgspec.UNSET:
        return f"{name} (new)"
    return f"{name} (gone)" if b is msgspec.UNSET else name


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name and both values of each entry that differs, in the order of the names."""
    for name in sorted({*old, *new}):
        a, b = old.get(name, msgspec.UNSET), new.get(name, msgspec.UNSET)
        if type(a) is not type(b) or a != b:
            yield name, a, b


def _data_reasons(old: Identity, new: Identity) -> Iterator[str]:
    if old.data.benchmark != new.data.benchmark:
        yield f"benchmark changed: {old.data.benchmark} -> {new.data.benchmark}"
        return
    if old.data.table != new.data.table:
        yield "table changed"
    if old.data.card != new.data.card:
        yield "protocol card changed"


def _hyperparameter_reasons(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    changed, added, removed = [], [], []
    for name, a, b in _changes(old, new):
        if a is msgspec.UNSET:
            added.append(f"{name} = {_shown(b)}")
        elif b is msgspec.UNSET:
            removed.append(name)
        else:
            changed.append(f"{name} {_shown(a)} -> {_shown(b)}")
    for verb, items in (("changed", changed), ("added", added), ("removed", removed)):
        if items:
            yield f"hyperparameter{'s' if len(items) > 1 else ''} {verb}: {', '.join(items)}"


def _protocol_reasons(old: Identity, new: Identity) -> Iterator[str]:
    if old.protocol.budget != new.protocol.budget:
        yield _budget_reason(old.protocol.budget, new.protocol.budget)
    if old.protocol.fidelity != new.protocol.fidelity:
        yield f"fidelity changed: {old.protocol.fidelity.text()} -> {new.protocol.fidelity.text()}"
    yield from _named_reasons(old.protocol, new.protocol, _PROTOCOL)


def _budget_reason(old: Budget, new: Budget) -> str:
    for unit, a, b in (
        ("evaluations", old.evaluations, new.evaluations),
        ("table seconds", old.table_seconds, new.table_seconds),
    ):
        if a is not None and b is not None:
            return f"budget {'longer' if b > a else 'shorter'}: {a:,g} -> {b:,g} {unit}"
    return f"budget changed: {old.text()} -> {new.text()}"


def _named_reasons(old: Any, new: Any, names: Mapping[str, str]) -> Iterator[str]:
    for field, name in names.items():
        a, b = getattr(old, field), getattr(new, field)
        if a != b:
            yield f"{name} changed: {_shown(a)} -> {_shown(b)}"
