"""Turns the records of a study into what analysis works on."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from assay.analysis.model import BenchmarkFacts, ClaimSpec, Conduct, PublishedMean, RunData
from assay.analysis.trajectories import incumbent
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Evaluation
from assay.foundation.digest import digest_value
from assay.records.record import Record, Trajectory
from assay.records.store import Run, Store
from assay.studies.choosing import recommended_value
from assay.studies.history import History, later_claims, looks, new_tasks
from assay.studies.load import LoadedStudy
from assay.studies.plan import Plan
from assay.studies.study import (
    AnyClaim,
    BestOfSetClaim,
    Protocol,
    RankingClaim,
    ReachesClaim,
    ReplicatesNumberClaim,
)
from assay.tasks.ledger import Ledger


def gather_runs(plan: Plan, runs: Mapping[str, Run], store: Store) -> list[RunData]:
    """Return every attempted run of a study, with its assessed test metric where there is one."""
    tests = {entry.seal: entry.values for entry in Ledger(store.folder).entries()}
    reported = plan.loaded.study.protocol.assessment != "none"
    found = []
    for cell in plan.cells:
        run = runs.get(cell.spec.run)
        if run is None:
            continue
        values = tests.get(run.record.seal().digest()) if reported and run.stands else None
        found.append(_run_data(cell.method, run, values, _Shown(plan, cell.benchmark)))
    return found


class _Shown:
    """Tells what architectures are reported at, where that is another fidelity than the searched one."""

    def __init__(self, plan: Plan, benchmark: str) -> None:
        protocol, table = plan.loaded.study.protocol, plan.benchmarks[benchmark]
        self._table = table.at(protocol.reported)
        self._signal, self._policy = protocol.signal, protocol.seeds
        self._maximize = table.signal(protocol.signal).maximize
        self.differs = (
            protocol.reported is not None and self._table.default_fidelity != table.default_fidelity
        )

    def of(self, archs: Sequence[str]) -> np.ndarray:
        """Return the reported signal of each architecture, NaN where the table has none."""
        evaluate = self._table.evaluator(self._signal, self._policy)
        told = [evaluate(self._table.space.parse(arch)) for arch in archs]
        return np.array([one.value if isinstance(one, Evaluation) else np.nan for one in told])

    def along(self, trajectory: Trajectory) -> np.ndarray:
        """Return the reported signal of the incumbent after each evaluation, NaN before the first."""
        values = trajectory.own_values()
        best = incumbent(values, self._maximize)
        first = np.concatenate(([True], best[1:] != best[:-1])) & np.isfinite(best)
        place = np.maximum.accumulate(np.where(first, np.arange(len(best)), -1))
        shown = self.of(trajectory.archs)[trajectory.column("code")]
        return np.where(place < 0, np.nan, shown[np.maximum(place, 0)])

    def recommended(self, record: Record) -> float | None:
        """Return the mean reported signal of what a run recommends; None where the table has none."""
        values = self.of(record.result.recommendation)
        return float(values.mean()) if len(values) and np.isfinite(values).all() else None


def _run_data(method: str, run: Run, tests: tuple[float, ...] | None, shown: _Shown) -> RunData:
    record = run.record
    trajectory = record.result.trajectory
    value = shown.recommended(record) if shown.differs else recommended_value(record)
    return RunData(
        run=record.run,
        method=method,
        benchmark=record.benchmark,
        replicate=record.replicate,
        completed=run.stands,
        values=trajectory.own_values(),
        costs=trajectory.column("cost"),
        times=trajectory.column("time"),
        recommended_value=value,
        test=float(np.mean(tests)) if tests else None,
        wall_seconds=record.circumstances.wall_seconds,
        thinking_seconds=record.circumstances.thinking_seconds,
        shown=shown.along(trajectory) if shown.differs and len(trajectory) else None,
    )


def gather_facts(plan: Plan) -> dict[str, BenchmarkFacts]:
    """Return what analysis needs to know of each benchmark."""
    found = {name: _facts(plan.loaded, benchmark) for name, benchmark in plan.benchmarks.items()}
    for lane in plan.race.lanes if plan.race else ():
        kept = {out.method: out.after for out in lane.dropped}
        found[lane.benchmark] = msgspec.structs.replace(found[lane.benchmark], raced=True, kept=kept)
    return found


def _facts(loaded: LoadedStudy, benchmark: TableBenchmark) -> BenchmarkFacts:
    protocol, card, racing = loaded.study.protocol, benchmark.card, loaded.study.racing
    benchmark = benchmark.at(protocol.reported)
    signal = benchmark.signal(protocol.signal)
    return BenchmarkFacts(
        name=benchmark.name,
        family=card.task.family,
        metric=signal.metric,
        split=signal.split,
        unit=signal.unit,
        maximize=signal.maximize,
        best=benchmark.best(protocol.signal, protocol.seeds),
        reference=benchmark.reference(protocol.signal, protocol.seeds),
        seconds=benchmark.charges_seconds,
        test_metric=card.test.metric if card.test else None,
        test_unit=card.test.unit if card.test else None,
        test_maximize=card.test.maximize if card.test else True,
        no_test_because=card.no_test_because,
        range=racing.range if racing and racing.range else _range(benchmark, protocol),
    )


def _range(benchmark: TableBenchmark, protocol: Protocol) -> tuple[float, float]:
    """Return the least and the largest signal of the space."""
    column = benchmark.column(protocol.signal, protocol.seeds)
    return float(np.nanmin(column)), float(np.nanmax(column))


def gather_claims(plan: Plan, registered: Container[str] = ()) -> list[ClaimSpec]:
    """Return the claims of a study with the benchmarks that each speaks about.

    `registered` holds the digests of the claims that were registered.
    """
    claims = []
    for i, claim in enumerate(plan.loaded.study.claims, start=1):
        named = claim.on or tuple(plan.benchmarks)
        able = [name for name in named if claim.metric == "signal" or plan.benchmarks[name].card.test]
        spec = claim_spec(f"claim-{i}", claim, able)
        claims.append(msgspec.structs.replace(spec, registered=digest_value(claim) in registered))
    return claims


def claim_spec(id: str, claim: AnyClaim, benchmarks: Iterable[str]) -> ClaimSpec:
    """Return a claim as analysis judges it, on these benchmarks."""
    first, *rivals = claim.named()
    pair = not isinstance(claim, BestOfSetClaim | RankingClaim) and len(rivals) == 1
    spec = ClaimSpec(
        id=id,
        better=first,
        than=rivals[0] if pair else "",
        others=() if pair else tuple(rivals),
        metric=claim.metric,
        margin=getattr(claim, "margin", 0.0),
        benchmarks=tuple(benchmarks),
        confidence=claim.confidence,
        kind=claim.kind,
        smallest=claim.smallest,
        rule=claim.rule,
        scope=claim.scope,
    )
    if isinstance(claim, ReachesClaim):
        return msgspec.structs.replace(spec, target=claim.target, share=claim.share, within=claim.within)
    if isinstance(claim, ReplicatesNumberClaim):
        number = claim.published
        mean = PublishedMean(
            value=number.value,
            n=number.n,
            sd=number.sd,
            spread=number.spread,
            unit=number.unit,
            source=claim.source,
        )
        return msgspec.structs.replace(spec, published=mean)
    return spec


def gather_conduct(plan: Plan, runs: Mapping[str, Run], history: History) -> Conduct:
    """Return how a study was conducted: what it spent, in which arithmetic, and what came after a look."""
    study = plan.loaded.study
    return Conduct(
        budget=study.budget,
        arithmetics={run: merged.record.circumstances.arithmetic for run, merged in runs.items()},
        late={f"claim-{i + 1}": day for i, day in later_claims(history, study).items()},
        looks=looks(history),
        new_tasks=new_tasks(history),
    )
