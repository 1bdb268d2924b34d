"""Cost: what each method was charged, what it took here, and whether its thinking changes its rank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from assay.analysis.cells import Cells
from assay.analysis.model import BenchmarkFacts, CostRow, RunData
from assay.analysis.trajectories import has_scale, incumbent
from assay.statistics.ranks import average_ranks

NOT_APPLICABLE = "not applicable"
UNCHANGED = "unchanged"


def cost_rows(cells: Cells, facts: Mapping[str, BenchmarkFacts], methods: Sequence[str]) -> list[CostRow]:
    """Return what each method spent over all attempted runs, failed ones too, for they cost as well.

    `table_seconds` is over the benchmarks whose card charges seconds, None where there are none.
    """
    moved = rank_changes(cells, facts, methods)
    rows = []
    for method in methods:
        runs = [run for b in facts for run in cells[b, method].runs]
        charged = [run for run in runs if facts[run.benchmark].seconds]
        rows.append(
            CostRow(
                method=method,
                runs=len(runs),
                evaluations=sum(len(run.values) for run in runs),
                table_seconds=_total([cost for run in charged for cost in run.costs.tolist()])
                if charged
                else None,
                wall_seconds=_total([run.wall_seconds for run in runs]),
                thinking_seconds=_total([run.thinking_seconds for run in runs]),
                ranking_with_measured=_words(moved[method]),
            )
        )
    return rows


def rank_changes(
    cells: Cells, facts: Mapping[str, BenchmarkFacts], methods: Sequence[str]
) -> dict[str, list[bool]]:
    """Say for each method, on each benchmark that charges seconds, whether measured thinking moves its rank.

    The methods are ranked by their mean incumbent at the largest moment that every completed run
    reached: once in table seconds alone, once with the thinking that was measured added, spread
    evenly over the evaluations of a run. Benchmarks on which a method has no completed run with a
    value at that moment are left out.
    """
    changes: dict[str, list[bool]] = {method: [] for method in methods}
    for name, benchmark in facts.items():
        if not benchmark.seconds or not has_scale(benchmark) or len(methods) < 2:
            continue
        runs = {m: [run for run in cells[name, m].completed if len(run.values)] for m in methods}
        if not all(runs.values()):
            continue
        moment = min(float(run.times[-1]) for own in runs.values() for run in own)
        sign = 1.0 if benchmark.maximize else -1.0
        plain, measured = (
            np.array([sign * _mean_at(runs[m], benchmark, moment, thinking) for m in methods])
            for thinking in (False, True)
        )
        if np.isfinite(plain).all():
            before, after = average_ranks(np.array([plain, measured]))
            for method, changed in zip(methods, (before != after).tolist(), strict=True):
                changes[method].append(changed)
    return changes


def _mean_at(runs: Sequence[RunData], facts: BenchmarkFacts, moment: float, thinking: bool) -> float:
    """Return the mean incumbent at a moment; NaN, which ranks last, if a run has no value by then."""
    found = []
    for run in runs:
        ends = run.times
        if thinking:
            ends = ends + run.thinking_seconds * np.arange(1, len(ends) + 1) / len(ends)
        done = int(np.searchsorted(ends, moment, side="right"))
        found.append(float(incumbent(run.values[:done], facts.maximize)[-1]) if done else math.nan)
    return math.fsum(found) / len(found)


def _total(parts: Sequence[float]) -> float:
    """Return a sum that does not depend on the order of its parts."""
    return math.fsum(parts)


def _words(changes: Sequence[bool]) -> str:
    if not changes:
        return NOT_APPLICABLE
    if not any(changes):
        return UNCHANGED
    return f"changes on {sum(changes)} of {len(changes)} {'benchmark' if len(changes) == 1 else 'benchmarks'}"
