"""Turns the records of a study into what analysis works on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.analysis.model import BenchmarkFacts, ClaimSpec, RunData
from assay.benchmarks.tabular import TableBenchmark
from assay.records.record import Record
from assay.records.store import Run, Store
from assay.studies.load import LoadedStudy
from assay.studies.plan import Plan
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
        found.append(_run_data(cell.method, run, values))
    return found


def _run_data(method: str, run: Run, tests: tuple[float, ...] | None) -> RunData:
    record = run.record
    trajectory = record.result.trajectory
    return RunData(
        run=record.run,
        method=method,
        benchmark=record.benchmark,
        replicate=record.replicate,
        completed=run.stands,
        values=trajectory.column("value"),
        costs=trajectory.column("cost"),
        times=trajectory.column("time"),
        recommended_value=recommended_value(record),
        test=float(np.mean(tests)) if tests else None,
        wall_seconds=record.circumstances.wall_seconds,
        thinking_seconds=record.circumstances.thinking_seconds,
    )


def recommended_value(record: Record) -> float | None:
    """Return the mean signal that the run itself saw of what it recommends; None if it saw none."""
    trajectory = record.result.trajectory
    places = {arch: i for i, arch in enumerate(trajectory.archs)}
    codes = trajectory.column("code")
    values = trajectory.column("value")
    seen = []
    for arch in record.result.recommendation:
        of_arch = values[codes == places[arch]] if arch in places else np.empty(0)
        finite = of_arch[np.isfinite(of_arch)]
        if not finite.size:
            return None
        seen.append(float(finite.mean()))
    return float(np.mean(seen)) if seen else None


def gather_facts(plan: Plan) -> dict[str, BenchmarkFacts]:
    """Return what analysis needs to know of each benchmark."""
    return {name: _facts(plan.loaded, benchmark) for name, benchmark in plan.benchmarks.items()}


def _facts(loaded: LoadedStudy, benchmark: TableBenchmark) -> BenchmarkFacts:
    protocol, card = loaded.study.protocol, benchmark.card
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
    )


def gather_claims(plan: Plan) -> list[ClaimSpec]:
    """Return the claims of a study with the benchmarks that each speaks about."""
    claims = []
    for i, claim in enumerate(plan.loaded.study.claims, start=1):
        named = claim.on or tuple(plan.benchmarks)
        able = [name for name in named if claim.metric == "signal" or plan.benchmarks[name].card.test]
        claims.append(
            ClaimSpec(
                id=f"claim-{i}",
                better=claim.better,
                than=claim.than,
                metric=claim.metric,
                margin=claim.margin,
                benchmarks=tuple(able),
                confidence=claim.confidence,
            )
        )
    return claims
