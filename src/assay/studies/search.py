"""The door for a script that keeps its own loop: `with assay.search(...) as s: s.evaluate(arch)`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import msgspec

from assay.benchmarks.assessing import vaults
from assay.benchmarks.catalogue import open_benchmark
from assay.capture.code import evidence, frame_identity
from assay.capture.environment import environment
from assay.contracts.evaluation import Level
from assay.contracts.problem import Budget
from assay.contracts.seal import Assessment, Unavailable
from assay.foundation import clock
from assay.foundation.digest import digest_value, short
from assay.foundation.errors import CodeError, UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.foundation.seeding import SeedTree
from assay.provenance.components import ComponentDigests, DataIdentity, SeedIdentity
from assay.provenance.hyperparameters import encode_hyperparameters
from assay.records.journal import Journal
from assay.records.record import COMPLETED, FAILED, Circumstances, Record, Result, SearchOf
from assay.records.store import Store
from assay.studies.cell import run_error
from assay.studies.load import check_study
from assay.studies.meter import Meter
from assay.studies.methods import check_values
from assay.studies.plan import protocol_identity, shared_identities
from assay.studies.requirements import check_protocol
from assay.studies.session import BudgetSpent, Session
from assay.studies.study import Method, Protocol, Study
from assay.tasks.gate import assess
from assay.tasks.ledger import Ledger


class Search(Session):
    """A recorded session: entering starts the clock, leaving seals the record.

    After the block: `record` is the sealed record, and `assess()` exchanges it for test metrics.
    """

    record: Record | None = None

    def __init__(
        self,
        benchmark: str,
        *,
        evaluations: int | None,
        table_seconds: float | None,
        name: str,
        hyperparameters: Mapping[str, Any],
        replicate: int,
        seed: int,
        signal: str,
        seeds: str | None,
        fidelity: str | None,
        store: Path | str | None,
        cache: Path | str | None,
        frame: FrameType,
    ) -> None:
        study = Study(
            name=name,
            methods={name: Method(loop=name, hyperparameters=dict(hyperparameters))},
            budget=Budget(evaluations, table_seconds),
            benchmarks=(benchmark,),
            seed=seed,
            protocol=Protocol(signal=signal, seeds=seeds, fidelity=fidelity, assessment="none"),
        )
        self._loaded = check_study(study)
        self._cache = Path(cache) if cache else cache_folder()
        self._store = Store(Path(store) if store else store_folder())
        self._benchmark = open_benchmark(benchmark, self._cache).at(fidelity)
        check_protocol(self._loaded, benchmark, self._benchmark)
        check_values(self._loaded, name, study.methods[name])
        self._protocol = protocol_identity(self._loaded, self._benchmark)
        self._name, self._hyperparameters, self._replicate = name, dict(hyperparameters), replicate
        self._code = frame_identity("strategy", name, frame)
        self._tree = SeedTree(seed)
        meter = Meter(
            self._benchmark.space,
            self._benchmark.evaluator(signal, self._protocol.policy),
            study.budget,
            level=Level(signal, self._protocol.fidelity),
            crossing=self._benchmark.card.crossing,
            seconds=self._benchmark.charges_seconds,
        )
        settings = short(digest_value(encode_hyperparameters(self._hyperparameters)))
        super().__init__(meter, self._tree.stream("strategy", name, settings, benchmark, replicate))

    def __enter__(self) -> Self:
        self._started, self._began = clock.now(), clock.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._closed = True
        spent = isinstance(raised, BudgetSpent)
        if raised is not None and not isinstance(raised, Exception):
            return False  # an interrupt: the search is not over, and no result of it exists
        failure = None if spent else raised
        if failure is None and not self.recommendation():
            nothing = CodeError("the search recommends nothing", where=self._name, why="it evaluated nothing")
            self.record = self._keep(nothing)
            raise nothing
        self.record = self._keep(failure)
        return spent

    def assess(self) -> Assessment | Unavailable:
        """Exchange the sealed search for test metrics; the answer is counted in the ledger."""
        if self.record is None or self.record.result.status != COMPLETED:
            raise UsageError(
                "only a finished search can be assessed",
                where=self._name,
                hint="call assess() after the `with` block",
            )
        return assess([self.record.seal()], vaults(self._cache), Ledger(self._store.folder))[0]

    def _keep(self, raised: BaseException | None) -> Record:
        objects = self._store.objects
        found, shown = environment(), evidence(self._code, self._loaded.folder)
        for content in shown[1].values():
            objects.put(content)
        components = self._components()
        result = Result(
            status=FAILED if raised else COMPLETED,
            trajectory=self._meter.trajectory(),
            recommendation=() if raised else self.recommendation(),
            streams=self._tree.used(),
            budget_read=self._meter.view.was_read,
        )
        wall = clock.monotonic() - self._began
        with Journal(self._store.journals) as journal:
            circumstances = Circumstances(
                writer=journal.writer,
                attempt=1,
                started=self._started,
                ended=clock.now(),
                wall_seconds=wall,
                thinking_seconds=wall,
                host=os.uname().nodename,
                environment=objects.put_value(found),
                arithmetic=objects.put_value(found.arithmetic),
                evidence=objects.put_value(shown[0]),
                error=run_error(raised, self._loaded.folder) if raised else None,
            )
            record = Record(
                run=components.run_id(),
                about=SearchOf(
                    strategy=self._name, benchmark=self._benchmark.name, replicate=self._replicate
                ),
                components=components,
                result=result,
                result_digest=result.digest(),
                circumstances=circumstances,
            )
            journal.append(msgspec.msgpack.encode(record))
        return record

    def _components(self) -> ComponentDigests:
        put, benchmark = self._store.objects.put_value, self._benchmark
        data = DataIdentity(
            benchmark=benchmark.name, card=benchmark.card_digest, table=benchmark.table_digest
        )
        return ComponentDigests(
            code=put((self._code, *shared_identities(benchmark, "loop"))),
            data=put(data),
            hyperparameters=put(encode_hyperparameters(self._hyperparameters)),
            seeds=put(SeedIdentity(root=self._tree.root, replicate=self._replicate)),
            protocol=put(self._protocol),
        )


def search(
    benchmark: str,
    *,
    evaluations: int | None = None,
    table_seconds: float | None = None,
    name: str = "search",
    hyperparameters: Mapping[str, Any] | None = None,
    replicate: int = 0,
    seed: int = 0,
    signal: str = "validation",
    seeds: str | None = None,
    fidelity: str | None = None,
    store: Path | str | None = None,
    cache: Path | str | None = None,
) -> Search:
    """Open a recorded search on a benchmark, for a `with` block that keeps its own loop.

    `name` names the search: it is part of its identity and of its stream. The budget is either
    `evaluations` or `table_seconds`. `fidelity` is one of the card's, such as '12-epochs' (None: its
    first). `s.evaluate(arch)` returns a score that is better when larger, and ends the block quietly when
    the budget is spent. The code of the script is captured as the search's identity; draw from `s.rng`, or
    seed your generator with `s.seed`. Raises `StudyError`, `UnknownNameError` and `UnavailableError` for
    what a benchmark lacks.
    """
    return Search(
        benchmark,
        evaluations=evaluations,
        table_seconds=table_seconds,
        name=name,
        hyperparameters=hyperparameters or {},
        replicate=replicate,
        seed=seed,
        signal=signal,
        seeds=seeds,
        fidelity=fidelity,
        store=store,
        cache=cache,
        frame=sys._getframe(1),  # noqa: SLF001  the caller's code is what is identified
    )
