"""The plan of a study: its cells, which of them stand, and why each of the others is due."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.catalogue import FAMILIES
from assay.benchmarks.tabular import TableBenchmark
from assay.capture.code import code_identity
from assay.foundation.digest import digest_value
from assay.foundation.errors import StudyError
from assay.provenance.components import (
    CodeIdentity,
    ComponentDigests,
    DataIdentity,
    ProtocolIdentity,
    SeedIdentity,
)
from assay.provenance.hyperparameters import encode_hyperparameters
from assay.records.store import Store
from assay.spaces.catalogue import SPACES
from assay.studies.cell import CellSpec
from assay.studies.history import plan_facts
from assay.studies.load import LoadedStudy
from assay.studies.methods import MethodPlan, plan_methods
from assay.studies.racing import Race
from assay.studies.reach import check_reach
from assay.studies.reasons import Reasons
from assay.studies.requirements import open_benchmarks

# How evaluations are asked for: a strategy by the event queue, a loop or command by a session.
DRIVERS = {
    kind: CodeIdentity(role="driver", name=name, revision=1, distribution="assay")
    for kind, name in (("strategy", "event-queue"), ("loop", "session"), ("command", "session"))
}


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell: what it is, and the job that a worker would get."""

    method: str
    benchmark: str
    replicate: int
    spec: CellSpec

    @property
    def place(self) -> tuple[str, str, int]:
        """Where the cell stands in the study, whatever its identity."""
        return self.method, self.benchmark, self.replicate


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that will run, and the reason; `extends` is the run that it continues, if it does."""

    cell: Cell
    reason: str
    extends: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of a study, split into those that stand and those that are due.

    `documents` maps the digest of each identity part to the part; `blobs` holds the evidence. Both
    are stored before anything runs. `race` is that of `raced.without_raced`, which takes cells out.
    """

    loaded: LoadedStudy
    methods: tuple[MethodPlan, ...]
    benchmarks: dict[str, TableBenchmark]
    cells: tuple[Cell, ...]
    due: tuple[Due, ...]
    documents: dict[str, Any]
    blobs: dict[str, bytes]
    race: Race | None = None

    @property
    def standing(self) -> int:
        """How many cells have a completed record already."""
        return len(self.cells) - len(self.due)


def make_plan(
    loaded: LoadedStudy, store: Store | None, cache: Path, *, rerun: frozenset[str] = frozenset()
) -> Plan:
    """Plan a study against what the store holds; refuses what a benchmark's card lacks.

    `rerun` names runs that are due even though they stand, such as those of another arithmetic. A study
    whose tuned methods have no configuration yet has no cells of them: see `tuned.settle`.
    """
    _refuse_tuning(loaded)
    benchmarks = open_benchmarks(loaded, cache)
    check_reach(loaded, benchmarks)
    methods, blobs = plan_methods(loaded, benchmarks)
    cells, documents = _cells(loaded, methods, benchmarks)
    runs = store.runs() if store else {}
    reasons = Reasons(loaded.study.name, store, documents)
    due = []
    for cell in cells:
        run = runs.get(cell.spec.run)
        if run is not None and run.completed and cell.spec.run not in rerun:
            continue
        spec = msgspec.structs.replace(cell.spec, attempt=(run.attempts if run else 0) + 1)
        planned = msgspec.structs.replace(cell, spec=spec)
        extended = reasons.extends(cell.place, spec.components) if run is None else None
        due.append(
            Due(
                cell=planned,
                reason=reasons.of(cell.place, spec.components, run),
                extends=extended.run_id() if extended else None,
            )
        )
    return Plan(
        loaded=loaded,
        methods=methods,
        benchmarks=benchmarks,
        cells=cells,
        due=tuple(due),
        documents=documents,
        blobs=blobs,
    )


def _refuse_tuning(loaded: LoadedStudy) -> None:
    for name, method in loaded.study.methods.items():
        if method.tuning is not None:
            raise StudyError(
                f"'{name}' is tuned, and its configuration is not put in",
                where=loaded.where("methods", name, "tuning"),
                hint="assay run chooses it",
            )


def _cells(
    loaded: LoadedStudy, methods: tuple[MethodPlan, ...], benchmarks: Mapping[str, TableBenchmark]
) -> tuple[tuple[Cell, ...], dict[str, Any]]:
    study = loaded.study
    documents: dict[str, Any] = {}

    def keep(part: Any) -> str:
        digest = digest_value(part)
        documents[digest] = part
        return digest

    promised = keep(plan_facts(study, benchmarks))
    seeds = {r: keep(SeedIdentity(root=study.seed, replicate=r)) for r in range(study.replicates)}
    data, protocols = {}, {}
    for name, benchmark in benchmarks.items():
        data[name] = keep(
            DataIdentity(benchmark=name, card=benchmark.card_digest, table=benchmark.table_digest)
        )
        protocols[name] = protocol_identity(loaded, benchmark)
    cells = []
    for method, (name, benchmark) in itertools.product(methods, benchmarks.items()):
        code = keep((method.identity, *shared_identities(benchmark, method.door.kind)))
        hyperparameters = keep(encode_hyperparameters(method.hyperparameters))
        protocol = keep(protocols[name])
        for replicate in range(study.replicates):
            components = ComponentDigests(
                code=code,
                data=data[name],
                hyperparameters=hyperparameters,
                seeds=seeds[replicate],
                protocol=protocol,
            )
            spec = CellSpec(
                run=components.run_id(),
                door=method.door,
                hyperparameters=method.hyperparameters,
                defaults=tuple(sorted(method.defaults)),
                benchmark=name,
                table=benchmark.table_digest,
                signal=study.protocol.signal,
                policy=protocols[name].policy,
                fidelity=protocols[name].fidelity.text(),
                budget=study.budget,
                simulated_workers=study.protocol.simulated_workers,
                seed=study.seed,
                replicate=replicate,
                attempt=1,
                components=components,
                evidence=method.evidence,
                plan=promised,
            )
            cells.append(Cell(method=method.name, benchmark=name, replicate=replicate, spec=spec))
    return tuple(cells), documents


def protocol_identity(loaded: LoadedStudy, benchmark: TableBenchmark) -> ProtocolIdentity:
    """Return what a study asks of a benchmark, its defaults filled in from the card."""
    protocol, card = loaded.study.protocol, benchmark.card
    return ProtocolIdentity(
        signal=protocol.signal,
        policy=protocol.seeds or card.seeds.policies[0],
        fidelity=benchmark.default_fidelity,
        budget=loaded.study.budget,
        simulated_workers=protocol.simulated_workers,
        crossing=card.crossing,
    )


def shared_identities(benchmark: TableBenchmark, kind: str) -> tuple[CodeIdentity, ...]:
    """Return the code that every method shares on a benchmark: space, benchmark, driver."""
    name, family = benchmark.space.name, benchmark.name.split("/")[0]
    if name in SPACES.names():
        shared = [code_identity("space", SPACES.find(name), Path())]
    else:  # a space of the table's own is data, but for how it is drawn and changed
        made, revision = type(benchmark.space).__name__, benchmark.space.revision
        shared = [CodeIdentity(role="space", name=made, revision=revision, distribution="assay")]
    # So is a user's own table: its digest says it all.
    if family in FAMILIES.names():
        shared.append(code_identity("benchmark", FAMILIES.find(family), Path()))
    return (*shared, DRIVERS[kind])
