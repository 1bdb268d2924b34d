"""Aggregate scores over tasks and runs, with stratified bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Result
from assay.statistics.bootstrap import (
    RESAMPLES,
    Cells,
    Design,
    Over,
    arrange,
    bootstrap,
    bootstrap_basis,
    designs,
    ends,
    expanded_level,
    percentiles,
)
from assay.statistics.scores import Scores
from assay.statistics.table import Table
from assay.statistics.trimmed import FixedPoint, TrimmedMean, exact_sums

Metric = Literal["iqm", "median", "mean", "optimality gap"]
Statistic = Callable[[np.ndarray], np.ndarray]

_NAMES = {
    "iqm": "interquartile mean of all runs of all tasks",
    "median": "median over tasks of the mean over runs",
    "mean": "mean over tasks of the mean over runs",
    "optimality gap": "mean of what each run lacks to gamma",
}


class AggregateIntervals(Result, frozen=True, kw_only=True):
    """One aggregate score of each method, with the interval of what was resampled.

    `estimates`, `lows` and `highs` are in the order of `methods`; an end that does not exist is None:
    the estimate where too many runs were lost, the interval where too little was resampled. `lost`
    counts the lost runs of each method. Larger is better, but for the optimality gap.
    """

    metric: Metric
    methods: tuple[str, ...]
    estimates: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    over: Over
    confidence: float
    resamples: int
    lost: tuple[int, ...]

    @property
    def larger_is_better(self) -> bool:
        """Say which way the aggregate points."""
        return self.metric != "optimality gap"

    def sentence(self) -> str:
        """Return the aggregate of each method, the best first, and what was resampled."""
        known = [i for i, estimate in enumerate(self.estimates) if estimate is not None]
        way = -1.0 if self.larger_is_better else 1.0
        known.sort(key=lambda i: (way * (self.estimates[i] or 0.0), self.methods[i]))
        unknown = sorted(set(range(len(self.methods))) - set(known), key=self.methods.__getitem__)
        listed = ", ".join(self._one(i) for i in [*known, *unknown])
        return (
            f"{_NAMES[self.metric].capitalize()}, {self.confidence:.0%} intervals over {self.over}: {listed}."
        )

    def _one(self, i: int) -> str:
        estimate, low, high = self.estimates[i], self.lows[i], self.highs[i]
        if estimate is None:
            return f"{self.methods[i]} none ({self.lost[i]} runs lost)"
        if low is None and high is None:
            return f"{self.methods[i]} {estimate:.4g}"
        texts = ["none" if end is None else f"{end:.4g}" for end in (low, high)]
        return f"{self.methods[i]} {estimate:.4g} [{texts[0]}, {texts[1]}]"

    def table(self) -> Table:
        """Return one row for each method."""
        rows = zip(self.methods, self.estimates, self.lows, self.highs, self.lost, strict=True)
        return Table(("method", self.metric, "low", "high", "lost runs"), [tuple(row) for row in rows])


def aggregate_intervals(
    scores: Scores,
    *,
    metric: Metric,
    rng: Stream,
    over: Over = "runs",
    gamma: float = 1.0,
    floor: float | None = None,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    threads: int | None = None,
) -> AggregateIntervals:
    """Return an aggregate of each method with its bootstrap interval (Agarwal et al., NeurIPS 2021).

    'iqm' is `scipy.stats.trim_mean(scores, 0.25)` of all runs of all tasks, 'median' that of the
    tasks' means, 'optimality gap' the mean of gamma - min(score, gamma). Scores are turned so that
    larger is better and must be on one scale: see `normalise`. A lost run counts as `floor`, a score
    that no run can fall below, or as worse than any score where none is given: an aggregate that
    still holds lost runs is None, and no lost run improves one. All methods share their resamples, which
    are read at the levels that Student's t asks for: see `expanded_level`.
    Raises `UsageError` for scores in several units, and for a floor above an observed score.
    """
    unit = _one_scale(scores)
    cells = _floored(arrange(scores), floor)
    plans = designs(cells, over)
    if metric not in _NAMES:
        raise UsageError(f"there is no aggregate '{metric}'", hint=", ".join(_NAMES))
    flip = metric == "optimality gap"
    if flip:
        cells = cells._replace(values=tuple(np.minimum(row, gamma) for row in cells.values))
    statistic = _of_all(_STATISTICS[metric], cells, plans)
    estimates = statistic([plan.ones() for plan in plans])
    draws = bootstrap(statistic, plans, rng=rng, resamples=resamples, threads=threads)
    low, high = percentiles(draws, expanded_level(cells, over, confidence))
    if flip:
        estimates, low, high = gamma - estimates, gamma - high, gamma - low
    basis, decided = bootstrap_basis(
        scores,
        cells,
        over,
        procedure=f"{_NAMES[metric]}, percentile bootstrap",
        source="Agarwal et al., NeurIPS 2021, section 4.1",
        seed=(rng, resamples),
        assumptions=(f"one scale for all tasks: {unit}", *([f"gamma = {gamma:g}"] if flip else [])),
        lost=_lost_rule(floor),
    )
    known = np.isfinite(estimates[:, 0]) & decided
    return AggregateIntervals(
        metric=metric,
        methods=scores.methods,
        estimates=ends(estimates[:, 0]),
        lows=ends(low, known),
        highs=ends(high, known),
        over=over,
        confidence=confidence,
        resamples=resamples,
        lost=cells.lost,
        basis=basis,
    )


def _one_scale(scores: Scores) -> str:
    """Return the unit that all tasks share."""
    units = sorted(set(scores.units))
    if len(units) > 1 or len(set(scores.maximize.tolist())) > 1:
        raise UsageError(
            "scores on different scales have no aggregate",
            why=f"the units are {', '.join(unit or 'none' for unit in units)}"
            + ("" if len(units) > 1 else ", and larger is better on some tasks only"),
            hint="bring them to one scale first: normalise(scores, bounds)",
        )
    turned = "" if scores.maximize.all() else ", negated so that larger is better"
    return (units[0] or "as given, not declared") + turned


def _floored(cells: Cells, floor: float | None) -> Cells:
    if floor is None:
        return cells
    least = min(float(np.min(row, where=np.isfinite(row), initial=np.inf)) for row in cells.values)
    if not floor <= least:
        raise UsageError(
            f"a floor of {floor:g} is above a score that was reached, {least:g}",
            why="a lost run must not count for more than a run that ended",
        )
    return cells._replace(values=tuple(np.where(np.isneginf(row), floor, row) for row in cells.values))


def _lost_rule(floor: float | None) -> str:
    if floor is None:
        return "a lost run is worse than any score; an aggregate that holds one is not given"
    return f"a lost run counts as the stated floor, {floor:g}"


def _of_all(
    make: Callable[[np.ndarray, Design], Statistic], cells: Cells, plans: list[Design]
) -> Callable[[list[np.ndarray]], np.ndarray]:
    """Return the statistic of all methods from the counts of each shape."""
    shapes = list(cells.shapes().values())
    each = [
        make(np.stack([cells.values[m] for m in rows]), plan)
        for rows, plan in zip(shapes, plans, strict=True)
    ]

    def statistic(counts: list[np.ndarray]) -> np.ndarray:
        found = np.empty((len(cells.values), counts[0].shape[1]))
        for rows, one, drawn in zip(shapes, each, counts, strict=True):
            found[rows] = one(drawn)
        return found

    return statistic


def _iqm(values: np.ndarray, plan: Design) -> Statistic:
    trimmed = TrimmedMean(values, plan.total, plan.spread)

    def statistic(counts: np.ndarray) -> np.ndarray:
        n = plan.drawn(counts)
        return trimmed(counts, n // 4, n - n // 4)

    return statistic


def _task_means(values: np.ndarray, plan: Design) -> Statistic:
    """Return the mean of each task's drawn runs as a function of counts: (tasks, methods, resamples).

    It is that of all runs where tasks are drawn with all their runs and counts are one.
    """
    lost = np.isneginf(values)
    fixed = FixedPoint(np.where(lost, 0.0, values), plan.total)
    parts = np.concatenate([fixed.parts(), lost])

    def statistic(counts: np.ndarray) -> np.ndarray:
        found = np.empty((len(plan.sizes), len(values), counts.shape[1]))
        for task, size in enumerate(plan.sizes):
            runs = slice(plan.starts[task], plan.starts[task + 1])
            sums = exact_sums(parts[:, runs], counts[runs])
            found[task] = fixed.mean(sums[: -len(lost)], size)
            found[task][sums[-len(lost) :] > 0] = -np.inf
        return found

    return statistic


def _mean(values: np.ndarray, plan: Design) -> Statistic:
    return _over_tasks(values, plan, lambda tasks: 0 * tasks)


def _median(values: np.ndarray, plan: Design) -> Statistic:
    return _over_tasks(values, plan, lambda tasks: (tasks - 1) // 2)


def _over_tasks(values: np.ndarray, plan: Design, cut: Callable[[np.ndarray], np.ndarray]) -> Statistic:
    """Return the mean of the task means without the `cut` smallest and as many of the largest."""
    means = _task_means(values, plan)
    tasks = len(plan.sizes)
    if plan.groups is None:
        ends = int(cut(np.array(tasks)))
        return lambda counts: _added(np.sort(means(counts), axis=0)[ends : tasks - ends]) / (tasks - 2 * ends)
    trimmed = TrimmedMean(means(plan.ones())[..., 0].T, plan.total)

    def statistic(counts: np.ndarray) -> np.ndarray:
        drawn = plan.task_counts(counts)
        n = drawn.sum(axis=0, dtype=np.int64)
        return trimmed(drawn, cut(n), n - cut(n))

    return statistic


def _added(values: np.ndarray) -> np.ndarray:
    """Return the sum over the first axis, always added in the same order."""
    total = np.zeros(values.shape[1:])
    for value in values:
        total += value
    return total


_STATISTICS = {"iqm": _iqm, "median": _median, "mean": _mean, "optimality gap": _mean}
