"""The race of a study: derived from its records, and the cells that it leaves out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.documents import write_document
from assay.records.store import Run, Store
from assay.studies.choosing import recommended_value
from assay.studies.plan import Plan
from assay.studies.racing import Race, Racing, lane, least_gap, pair_alpha


def race(plan: Plan, runs: Mapping[str, Run]) -> Race | None:
    """Return the race of a study as its records have it; None for a study without.

    A run scores the signal of what it recommends. One that failed, is in conflict or has no signal has
    the worst score of the range: what fails never stays in a race by failing. `plan` has all its cells.
    """
    racing = plan.loaded.study.racing
    if racing is None:
        return None
    methods = [method.name for method in plan.methods]
    scores: dict[str, dict[str, dict[int, float]]] = {
        name: {method: {} for method in methods} for name in plan.benchmarks
    }
    bounds = {name: _bounds(plan, racing, one) for name, one in plan.benchmarks.items()}
    for cell in plan.cells:
        run = runs.get(cell.spec.run)
        if run is not None:
            larger = _larger(plan, plan.benchmarks[cell.benchmark])
            scores[cell.benchmark][cell.method][cell.replicate] = _score(run, larger, bounds[cell.benchmark])
    lanes = [
        lane(name, scores[name], racing=racing, replicates=plan.loaded.study.replicates, bounds=bounds[name])
        for name in plan.benchmarks
    ]
    return Race(racing=racing, lanes=tuple(lanes))


def without_raced(plan: Plan, runs: Mapping[str, Run]) -> Plan:
    """Return a plan without the cells that its race leaves out, and with the race; others as they are.

    Also where a store has runs of such cells, from before there was a race: with them, what is told of
    a method would hang on what else was run.
    """
    found = race(plan, runs)
    if found is None:
        return plan
    kept = found.kept()
    replicates = plan.loaded.study.replicates
    cells = tuple(
        cell for cell in plan.cells if cell.replicate < kept.get((cell.method, cell.benchmark), replicates)
    )
    places = {cell.place for cell in cells}
    due = tuple(one for one in plan.due if one.cell.place in places)
    return msgspec.structs.replace(plan, cells=cells, due=due, race=found)


def keep_race(plan: Plan, store: Store) -> None:
    """Show the race of a plan in the store; nothing for a study without."""
    if plan.race is not None:
        write_document(store.study_folder(plan.loaded.study.name) / "racing.json", plan.race)


def gap_lines(plan: Plan) -> list[str]:
    """Return, for each benchmark, the gap at which a method could be dropped at all."""
    study, racing = plan.loaded.study, plan.loaded.study.racing
    if racing is None:
        return []
    alpha = pair_alpha(racing, len(plan.methods))
    # The look at the last batch drops nobody.
    last = (study.replicates - 1) // racing.batch * racing.batch
    lines = []
    for name, benchmark in plan.benchmarks.items():
        low, high = _bounds(plan, racing, benchmark)
        unit = benchmark.signal(study.protocol.signal).unit
        gaps = [(n, least_gap(high - low, n, alpha)) for n in dict.fromkeys((racing.batch, last))]
        told = [
            f"{gap:.3g} {unit} after {n:,} replicates" if gap is not None else f"none after {n:,} replicates"
            for n, gap in gaps
        ]
        lines.append(
            f"race on {name}: the least gap that could drop a method, if no run varied, is "
            f"{', '.join(told)} (range {high - low:.4g} {unit}, level {alpha:.2g} a pair)"
        )
    return lines


def _larger(plan: Plan, benchmark: TableBenchmark) -> bool:
    return benchmark.signal(plan.loaded.study.protocol.signal).maximize


def _bounds(plan: Plan, racing: Racing, benchmark: TableBenchmark) -> tuple[float, float]:
    """Return the bounds of the signal, turned so that larger is better."""
    protocol = plan.loaded.study.protocol
    low, high = racing.range or (0.0, 0.0)
    if racing.range is None:
        column = benchmark.column(protocol.signal, protocol.seeds)
        low, high = float(np.nanmin(column)), float(np.nanmax(column))
    return (low, high) if _larger(plan, benchmark) else (-high, -low)


def _score(run: Run, larger: bool, bounds: tuple[float, float]) -> float:
    value = recommended_value(run.record) if run.stands else None
    if value is None:
        return bounds[0]
    return value if larger else -value
