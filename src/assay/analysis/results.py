"""The results table: what each method reaches on each benchmark, and which differences can be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assay.analysis.cells import (
    SEARCH_SEEDS,
    Cells,
    Sample,
    metric_of,
    reported_on,
    sign_of,
    unit_of,
)
from assay.analysis.model import BenchmarkFacts, ResultRow
from assay.foundation.seeding import Stream
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_interval, welch_interval
from assay.statistics.rounding import interval_text


def results(
    cells: Cells, facts: Mapping[str, BenchmarkFacts], methods: Sequence[str], planned: int, seed: int
) -> list[ResultRow]:
    """Return a row for each benchmark and method.

    The mean is over the completed runs. A method of which a run failed, or reports no number, does
    not lead: what is missing may be the worst. Neither does it stand with the leader.
    """
    rows: list[ResultRow] = []
    for name, benchmark in facts.items():
        reported = reported_on(cells, benchmark, methods)
        samples = {m: cells[name, m].sample(reported) for m in methods}
        intervals = {m: _interval(samples[m], seed, name, m) for m in methods}
        leaders, beside = _lead(samples, intervals, sign_of(benchmark, reported))
        rows += [
            ResultRow(
                method=m,
                benchmark=name,
                family=benchmark.family,
                reported=reported,
                metric=metric_of(benchmark, reported),
                unit=unit_of(benchmark, reported),
                planned=planned,
                completed=len(cells[name, m].completed),
                interval=intervals[m],
                text=_text(intervals[m], samples[m], planned),
                leads=m in leaders,
                with_leader=m in beside,
            )
            for m in methods
        ]
    return rows


def _interval(sample: Sample, seed: int, benchmark: str, method: str) -> Interval | None:
    if not len(sample.values):
        return None
    rng = Stream(seed, ("analysis", "result", benchmark, method))
    return mean_interval(sample.values, rng=rng, varied=SEARCH_SEEDS)


def _lead(
    samples: Mapping[str, Sample], intervals: Mapping[str, Interval | None], sign: float
) -> tuple[set[str], set[str]]:
    """Return the methods with the best mean, and those that cannot be told from them."""
    means = {m: sign * i.mean for m, i in intervals.items() if i is not None and not samples[m].lost}
    if not means:
        return set(), set()
    best = max(means.values())
    leaders = {m for m, mean in means.items() if mean == best}
    beside = {
        m
        for m in means.keys() - leaders
        if any(_undistinguished(samples[leader].values, samples[m].values) for leader in leaders)
    }
    return leaders, beside


def _undistinguished(a: np.ndarray, b: np.ndarray) -> bool:
    """Say whether the interval of the difference contains zero; of single runs nothing is said."""
    apart = welch_interval(a, b, varied=SEARCH_SEEDS)
    return apart.low is not None and apart.high is not None and apart.low <= 0.0 <= apart.high


def _text(interval: Interval | None, sample: Sample, planned: int) -> str:
    lost = f", {sample.lost} without a result" if sample.lost else ""
    if interval is None:
        return f"no run of {planned} has a result{lost and f' ({sample.lost} attempted)'}"
    of = "" if interval.n == planned else f" of {planned}"
    return f"{interval_text(interval)} (n = {interval.n}{of}{lost})"
