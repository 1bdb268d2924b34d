"""The results table: what each method reaches on each benchmark, and which differences can be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from assay.analysis.cells import (
    SEARCH_SEEDS,
    Cells,
    Sample,
    metric_of,
    range_of,
    reported_on,
    unit_of,
)
from assay.analysis.claims.always_valid import always_valid_interval
from assay.analysis.comparison import Comparison, TaskComparison, compare
from assay.analysis.model import BenchmarkFacts, ResultRow
from assay.foundation.seeding import Stream
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_interval
from assay.statistics.ranks import ROUNDING
from assay.statistics.rounding import interval_text
from assay.statistics.scores import OK, Scores

CONFIDENCE = 0.95
_NOT_TOLD = ("not distinguished", "cannot be decided")


def compare_scores(scores: Scores, seed: int) -> Comparison | None:
    """Return the comparison of a study's methods; None where there is nothing to compare."""
    if len(scores.methods) < 2 or not scores.tasks or not (scores.status == OK).any():
        return None
    return compare(scores, name="the methods of the study", metric="reported metric", seed=seed)


def results(
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    methods: Sequence[str],
    planned: int,
    seed: int,
    comparison: Comparison | None,
) -> list[ResultRow]:
    """Return a row for each benchmark and method.

    The mean is over the completed runs. Which differences hold is decided in one place, the comparison:
    the best mean of a task leads, and a method that its corrected test does not tell from it stands
    beside it. A method of which a planned run is missing, failed, or reports no number, does neither:
    what is missing may be the worst.
    """
    compared = {task.task: task for task in comparison.tasks} if comparison else {}
    rows: list[ResultRow] = []
    for name, benchmark in facts.items():
        reported = reported_on(cells, benchmark, methods)
        samples = {m: cells[name, m].sample(reported) for m in methods}
        task = compared.get(name)
        # One number of one cell has one interval, wherever the report shows it.
        known = {} if task is None or benchmark.raced else {cell.method: cell.interval for cell in task.cells}
        intervals = {m: known.get(m) or _interval(samples[m], seed, benchmark, reported, m) for m in methods}
        leaders, beside = _standing(task, intervals)
        rows += [
            ResultRow(
                method=m,
                benchmark=name,
                family=benchmark.family,
                reported=reported,
                metric=metric_of(benchmark, reported),
                unit=unit_of(benchmark, reported),
                planned=benchmark.planned_of(m, planned),
                completed=len(cells[name, m].completed),
                interval=intervals[m],
                text=_text(intervals[m], samples[m], benchmark, m, planned),
                leads=m in leaders,
                with_leader=m in beside,
            )
            for m in methods
        ]
    return rows


def _interval(
    sample: Sample, seed: int, benchmark: BenchmarkFacts, reported: str, method: str
) -> Interval | None:
    """Return the interval of a mean; where methods race, and n hangs on what was seen, that of a sequence."""
    if not len(sample.values):
        return None
    if benchmark.raced:
        return always_valid_interval(sample.values, CONFIDENCE, range_of(benchmark, reported))
    rng = Stream(seed, ("analysis", "result", benchmark.name, method))
    return mean_interval(sample.values, rng=rng, varied=SEARCH_SEEDS)


def _standing(
    compared: TaskComparison | None, intervals: Mapping[str, Interval | None]
) -> tuple[set[str], set[str]]:
    """Return the methods with the best mean, and those that the corrected test does not tell from them."""
    if compared is None or compared.best is None:
        return set(), set()
    best = intervals[compared.best]
    equal = {
        one.method
        for one in compared.against
        if best is not None
        and (mean := intervals[one.method]) is not None
        and math.isclose(mean.mean, best.mean, rel_tol=ROUNDING)
    }
    leaders = {compared.best} | equal
    beside = {one.method for one in compared.against if one.standing in _NOT_TOLD}
    return leaders, beside - leaders


def _text(
    interval: Interval | None, sample: Sample, benchmark: BenchmarkFacts, method: str, planned: int
) -> str:
    lost = f", {sample.lost} without a result" if sample.lost else ""
    if interval is None:
        return f"no run of {planned} has a result{lost and f' ({sample.lost} attempted)'}"
    of = "" if interval.n == planned else f" of {planned}"
    raced = ", dropped by the race" if method in benchmark.kept else ""
    return f"{interval_text(interval)} (n = {interval.n}{of}{lost}{raced})"
