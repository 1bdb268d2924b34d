"""Why a cell is due: compared with the last plan under the study's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from assay.foundation.documents import read_document
from assay.foundation.errors import IntegrityError
from assay.foundation.files import write_atomic
from assay.provenance.components import (
    CodeIdentity,
    ComponentDigests,
    DataIdentity,
    Identity,
    ProtocolIdentity,
    SeedIdentity,
)
from assay.provenance.difference import explain_identity_change
from assay.provenance.hyperparameters import decode_hyperparameters
from assay.records.store import Run, Store

Place = tuple[str, str, int]


class PlannedCell(msgspec.Struct, frozen=True, array_like=True):
    """A cell of a stored plan: method, benchmark, replicate, and the parts of its identity."""

    method: str
    benchmark: str
    replicate: int
    components: ComponentDigests


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of a study as last planned; format 1, in `studies/NAME/plan.json` of the store."""

    cells: tuple[PlannedCell, ...]
    format: int = 1


def save_snapshot(store: Store, name: str, cells: Mapping[Place, ComponentDigests]) -> None:
    """Keep a plan under the study's name, for the reasons of the next one."""
    snapshot = Snapshot(cells=tuple(PlannedCell(*place, components) for place, components in cells.items()))
    write_atomic(store.study_folder(name) / "plan.json", msgspec.json.encode(snapshot))


def load_snapshot(store: Store, name: str) -> dict[Place, ComponentDigests]:
    """Return the cells of the last plan under a study's name; empty when there was none."""
    path = store.study_folder(name) / "plan.json"
    hint = "it only gives the reasons for due cells: remove it, and no result is lost"
    snapshot = read_document(path, Snapshot, 1, "a stored plan", hint) or Snapshot(cells=())
    return {(cell.method, cell.benchmark, cell.replicate): cell.components for cell in snapshot.cells}


def identity_from(components: ComponentDigests, store: Store) -> Identity:
    """Put an identity together from the parts that the store holds."""
    objects = store.objects
    return Identity(
        code=objects.get_value(components.code, tuple[CodeIdentity, ...]),
        data=objects.get_value(components.data, DataIdentity),
        hyperparameters=decode_hyperparameters(objects.get_value(components.hyperparameters, dict[str, str])),
        seeds=objects.get_value(components.seeds, SeedIdentity),
        protocol=objects.get_value(components.protocol, ProtocolIdentity),
    )


class Reasons:
    """Says for each cell why it is due; `documents` are the parts of the new plan."""

    def __init__(self, name: str, store: Store | None, documents: Mapping[str, Any]) -> None:
        self._store = store
        self._documents = documents
        self._before = load_snapshot(store, name) if store else {}
        self._methods = {method for method, _, _ in self._before}
        self._benchmarks = {benchmark for _, benchmark, _ in self._before}
        self._longer: dict[tuple[str, str], bool] = {}
        self._changes: dict[tuple[ComponentDigests, ComponentDigests], str] = {}

    def of(self, place: Place, components: ComponentDigests, run: Run | None) -> str:
        """Return the reason for one cell, in a few words."""
        if run is not None:
            return _again(run)
        earlier = self._before.get(place)
        if earlier == components:
            return "not finished before"
        if earlier is not None:
            return self._change(earlier, components)
        if not self._before:
            return "new"
        method, benchmark, _ = place
        known = (method in self._methods, benchmark in self._benchmarks)
        return {(True, True): "new replicate", (True, False): "new benchmark"}.get(known, "new method")

    def extends(self, place: Place, components: ComponentDigests) -> ComponentDigests | None:
        """Return the earlier cell that this one continues with a longer budget, if it does."""
        earlier = self._before.get(place)
        if earlier is None or self._store is None or earlier.protocol == components.protocol:
            return None
        if msgspec.structs.replace(earlier, protocol=components.protocol) != components:
            return None
        key = (earlier.protocol, components.protocol)
        if key not in self._longer:
            before = self._store.objects.get_value(earlier.protocol, ProtocolIdentity)
            self._longer[key] = _is_longer(before, self._documents[components.protocol])
        return earlier if self._longer[key] else None

    def _change(self, old: ComponentDigests, new: ComponentDigests) -> str:
        # The seeds part differs with every replicate: leaving it out, a hundred replicates of a
        # method share one answer.
        key = (_without_seeds(old), _without_seeds(new)) if old.seeds == new.seeds else (old, new)
        if key not in self._changes:
            try:
                before = identity_from(old, cast("Store", self._store))  # there is a plan from before
            except IntegrityError:
                return "the identity changed; what it was is not in the store"
            self._changes[key] = explain_identity_change(before, self._identity(new))
        return self._changes[key]

    def _identity(self, components: ComponentDigests) -> Identity:
        parts = {name: self._documents[digest] for name, digest in components.parts().items()}
        return Identity(**{**parts, "hyperparameters": decode_hyperparameters(parts["hyperparameters"])})


def _again(run: Run) -> str:
    if run.completed:
        return "asked to run again"
    error = run.record.circumstances.error
    return f"failed before: {error.kind}: {error.message.splitlines()[0]}" if error else "failed before"


def _is_longer(before: ProtocolIdentity, after: ProtocolIdentity) -> bool:
    old, new = before.budget, after.budget
    if msgspec.structs.replace(before, budget=new) != after:
        return False
    if old.evaluations is not None and new.evaluations is not None:
        return new.evaluations > old.evaluations
    if old.table_seconds is not None and new.table_seconds is not None:
        return new.table_seconds > old.table_seconds
    return False


def _without_seeds(components: ComponentDigests) -> ComponentDigests:
    return msgspec.structs.replace(components, seeds="")
