"""What sets two sets of runs apart: each component that differs, named and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from assay.foundation.digest import short
from assay.foundation.text import shortened
from assay.provenance.components import CodeIdentity, DataIdentity, ProtocolIdentity

METHOD_ROLES = ("strategy", "loop", "command")
_PROTOCOL = {
    "signal": "signal",
    "policy": "seed policy",
    "simulated_workers": "simulated workers",
    "crossing": "rule at the end of the budget",
}
_TEXT = 60


class Change(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One component that differs: its kind, its name, and what either side has, as text.

    `kind` is 'hyperparameter', 'code', 'data', 'signal', 'seed policy', 'fidelity', 'budget', 'simulated
    workers', 'rule at the end of the budget' or 'root seed'.
    """

    kind: str
    name: str
    a: str
    b: str

    def text(self) -> str:
        """Return the change on one line."""
        name = f"{self.kind} {self.name}" if self.name else self.kind
        return f"{name}: {shortened(self.a, _TEXT)} -> {shortened(self.b, _TEXT)}"


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one configuration on one benchmark, in parts that can differ one at a time.

    `name` is what it is called; `values` (float64, larger or smaller is better by `maximize`) are what its
    completed runs report as `metric` in `unit`, and `lost` counts the runs that report nothing. `reports`
    names the quantity: arms of different ones have no common scale.
    """

    name: str
    benchmark: str
    code: tuple[CodeIdentity, ...]
    data: DataIdentity
    hyperparameters: dict[str, str]
    protocol: ProtocolIdentity
    root: int
    values: np.ndarray
    lost: int
    maximize: bool
    metric: str
    unit: str
    reports: str

    @property
    def method(self) -> str:
        """The name of the strategy, loop or command."""
        return next((code.name for code in self.code if code.role in METHOD_ROLES), "")


def changes(a: Arm, b: Arm) -> tuple[Change, ...]:
    """Return every component that differs between two arms on one benchmark.

    Two methods of different names differ in code; then only hyperparameters that both have count as
    changes of their own, for the others come and go with the code.
    """
    found = [
        *_code(a.code, b.code),
        *_hyperparameters(a.hyperparameters, b.hyperparameters, common=a.method != b.method),
        *_data(a.data, b.data),
        *_protocol(a.protocol, b.protocol),
    ]
    if a.root != b.root:
        found.append(Change(kind="root seed", name="", a=str(a.root), b=str(b.root)))
    return tuple(sorted(found))


def _code(a: tuple[CodeIdentity, ...], b: tuple[CodeIdentity, ...]) -> Iterator[Change]:
    before, after = _by_role(a), _by_role(b)
    for role in sorted({*before, *after}):
        one, other = before.get(role), after.get(role)
        if one == other:
            continue
        if one is None or other is None or one.name != other.name:
            yield Change(
                kind="code", name=role, a=one.name if one else "none", b=other.name if other else "none"
            )
        else:
            yield Change(
                kind="code", name=f"{role} {one.name}", a=_code_text(one, other), b=_code_text(other, one)
            )


def _by_role(code: tuple[CodeIdentity, ...]) -> dict[str, CodeIdentity]:
    """Return code by its role; strategy, loop and command are one role, that of the method."""
    return {"method" if one.role in METHOD_ROLES else one.role: one for one in code}


def _code_text(one: CodeIdentity, other: CodeIdentity) -> str:
    """Return what one identity has that the other of the same name has not."""
    parts = []
    for field, word in (("revision", "revision"), ("version", "version"), ("distribution", "from")):
        value = getattr(one, field)
        if value != getattr(other, field):
            parts.append(f"{word} {value if value is not None else 'none'}")
    for name in ("files", "libraries"):
        mine, theirs = getattr(one, name), getattr(other, name)
        own = {key: value for key, value in mine.items() if theirs.get(key) != value}
        parts += [f"{key} {short(value) if name == 'files' else value}" for key, value in sorted(own.items())]
    return ", ".join(parts) or "without it"


def _hyperparameters(a: Mapping[str, str], b: Mapping[str, str], *, common: bool) -> Iterator[Change]:
    names = {*a} & {*b} if common else {*a} | {*b}
    for name in sorted(names):
        if a.get(name) != b.get(name):
            yield Change(kind="hyperparameter", name=name, a=a.get(name, "absent"), b=b.get(name, "absent"))


def _data(a: DataIdentity, b: DataIdentity) -> Iterator[Change]:
    for part in ("table", "card"):
        one, other = getattr(a, part), getattr(b, part)
        if one != other:
            yield Change(kind="data", name=part, a=short(one), b=short(other))


def _protocol(a: ProtocolIdentity, b: ProtocolIdentity) -> Iterator[Change]:
    for field, kind in _PROTOCOL.items():
        one, other = getattr(a, field), getattr(b, field)
        if one != other:
            yield Change(kind=kind, name="", a=str(one), b=str(other))
    if a.fidelity != b.fidelity:
        yield Change(kind="fidelity", name="", a=a.fidelity.text(), b=b.fidelity.text())
    if a.budget != b.budget:
        yield Change(kind="budget", name="", a=a.budget.text(), b=b.budget.text())
