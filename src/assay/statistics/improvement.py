"""The probability that one method beats another on a task, averaged over tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result
from assay.statistics.bootstrap import (
    RESAMPLES,
    Cells,
    Over,
    arrange,
    bootstrap,
    bootstrap_basis,
    designs,
    expanded_level,
    percentiles,
)
from assay.statistics.scores import Scores
from assay.statistics.table import Table
from assay.statistics.trimmed import FixedPoint, Kind, exact_sums, running_counts

_LOST = "a lost run is beaten by every run that gave a score, and ties with another lost run"
_TIES = "an equal score counts one half"


class Improvement(Result, frozen=True, kw_only=True):
    """The probability that a run of `a` beats a run of `b` on a task, ties counted half.

    `low` and `high` are None where too little was resampled for an interval. `per_task` has the
    probability on each task, in the order of `tasks`.
    """

    a: str
    b: str
    probability: float
    low: float | None
    high: float | None
    over: Over
    confidence: float
    tasks: tuple[str, ...]
    per_task: tuple[float, ...]

    def sentence(self) -> str:
        """Return the probability with its interval, and what was resampled."""
        interval = "no interval" if self.low is None else f"[{self.low:.3f}, {self.high:.3f}]"
        return (
            f"A run of {self.a} beats a run of {self.b} with probability {self.probability:.3f} "
            f"{interval}, {self.confidence:.0%} interval over {self.over}."
        )

    def table(self) -> Table:
        """Return the probability on each task, and the average with its interval."""
        rows = [(task, p, None, None) for task, p in zip(self.tasks, self.per_task, strict=True)]
        average = ("average", self.probability, self.low, self.high)
        return Table(("task", f"P({self.a} > {self.b})", "low", "high"), [*rows, average])


class ImprovementMatrix(Result, frozen=True, kw_only=True):
    """The probability of improvement of every method (row) over every other (column).

    `probability`, `low` and `high` are of shape (methods, methods), the diagonal 0.5; `low` and
    `high` are NaN where too little was resampled for an interval.
    """

    methods: tuple[str, ...]
    probability: np.ndarray
    low: np.ndarray
    high: np.ndarray
    over: Over
    confidence: float

    def sentence(self) -> str:
        """Return which method beats the others most, and what was resampled."""
        others = max(1, len(self.methods) - 1)
        mean = [float((row.sum() - 0.5) / others) for row in self.probability]
        best = max(range(len(mean)), key=lambda i: (mean[i], self.methods[i]))
        return (
            f"{self.methods[best]} beats a run of another method with probability {mean[best]:.3f} on "
            f"average; {self.confidence:.0%} intervals of each pair are over {self.over}."
        )

    def table(self) -> Table:
        """Return one row for each ordered pair of methods."""
        pairs = [(i, j) for i in range(len(self.methods)) for j in range(len(self.methods)) if i != j]
        return Table(
            ("a", "b", "P(a > b)", "low", "high"),
            [
                (
                    self.methods[i],
                    self.methods[j],
                    float(self.probability[i, j]),
                    *(None if np.isnan(end[i, j]) else float(end[i, j]) for end in (self.low, self.high)),
                )
                for i, j in pairs
            ],
        )


def superiority_per_task(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """Return the probability that a run of `a` beats one of `b` on each task, ties one half: (tasks,).

    `a` and `b` have the scores of the runs of each task, larger is better; a lost run is -inf. It is
    the Mann-Whitney U of a over its largest value (Mann and Whitney 1947).
    """
    found = []
    for mine, others in zip(a, b, strict=True):
        ordered = np.sort(others)
        wins = sum(int(np.searchsorted(ordered, mine, side).sum()) for side in ("left", "right"))
        found.append(wins / (2 * len(mine) * len(others)))
    return np.array(found)


def probability_of_improvement(
    scores: Scores,
    a: str,
    b: str,
    *,
    rng: Stream,
    over: Over = "runs",
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    threads: int | None = None,
) -> Improvement:
    """Return P(a > b), a run against a run on the same task (Agarwal et al., NeurIPS 2021, section 4.3).

    Tasks are averaged within their family, and families with equal weight. Ties count one half; a
    lost run loses against every run that is not lost. Over runs, those of `a` and of `b` are
    resampled independently, also where they are paired. Needs no common scale. Raises
    `UnknownNameError` for a method that is not in the table.
    """
    for name in (a, b):
        if name not in scores.methods:
            raise UnknownNameError("method", name, scores.methods)
    if a == b:
        raise UsageError(f"'{a}' cannot be compared with itself")
    pair = scores.only(methods=[a, b])
    found = _compare(pair, rng, over, resamples, confidence, threads)
    return Improvement(
        a=a,
        b=b,
        probability=float(found.probability[0, 1]),
        low=float(found.low[0, 1]) if found.decided else None,
        high=float(found.high[0, 1]) if found.decided else None,
        over=over,
        confidence=confidence,
        tasks=scores.tasks,
        per_task=tuple(float(found.per_task[0, 1, found.tasks.index(task)]) for task in scores.tasks),
        basis=found.basis,
    )


def improvement_matrix(
    scores: Scores,
    *,
    rng: Stream,
    over: Over = "runs",
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    threads: int | None = None,
) -> ImprovementMatrix:
    """Return the probability of improvement of every pair of methods: see `probability_of_improvement`."""
    if len(scores.methods) < 2:
        raise UsageError("a comparison needs two methods at least")
    found = _compare(scores, rng, over, resamples, confidence, threads)
    return ImprovementMatrix(
        methods=scores.methods,
        probability=found.probability,
        low=found.low,
        high=found.high,
        over=over,
        confidence=confidence,
        basis=found.basis,
    )


class _Compared(NamedTuple):
    """All pairs of methods: (methods, methods), and per task (methods, methods, tasks)."""

    probability: np.ndarray
    low: np.ndarray
    high: np.ndarray
    per_task: np.ndarray
    tasks: tuple[str, ...]
    basis: Basis
    decided: bool


def _compare(
    scores: Scores, rng: Stream, over: Over, resamples: int, confidence: float, threads: int | None
) -> _Compared:
    cells = arrange(scores)
    # The draws of a pair belong to the names, so that the order of methods has no part in them.
    order = sorted(range(len(scores.methods)), key=scores.methods.__getitem__)
    pairs = [(i, j) for place, i in enumerate(order) for j in order[place + 1 :]]
    by_task = [cells.by_task(m) for m in range(len(scores.methods))]
    each = np.array([superiority_per_task(by_task[i], by_task[j]) for i, j in pairs])
    statistic: _Runs | _Clusters
    if over == "runs":
        plans = [*designs(cells, over, "first"), *designs(cells, over, "second")]
        statistic = _Runs(cells, pairs)
    else:
        # Whole tasks are drawn: how many runs they have plays no part.
        one = cells._replace(sizes=((1,) * len(cells.tasks),))
        plans = designs(one, over)
        statistic = _Clusters(each, _weights(cells), plans[0].total)
    draws = bootstrap(statistic, plans, rng=rng, resamples=resamples, threads=threads)
    low, high = percentiles(draws, expanded_level(cells, over, confidence))
    basis, decided = bootstrap_basis(
        scores,
        cells,
        over,
        procedure="probability of improvement, Mann-Whitney U per task, percentile bootstrap",
        source="Agarwal et al., NeurIPS 2021, section 4.3",
        seed=(rng, resamples),
        lost=_LOST,
        ties=_TIES,
        assumptions=("runs of two methods are resampled independently, also where they are paired",)
        * (over == "runs"),
    )
    unknown = np.full(len(pairs), np.nan)
    low, high = (low, high) if decided else (unknown, unknown)
    shape = (len(scores.methods), len(scores.methods))
    middle = 0.5 if decided else np.nan
    return _Compared(
        probability=_square(pairs, _average(each.T.__getitem__, cells.families), shape, 0.5),
        low=_square(pairs, low, shape, middle, high),
        high=_square(pairs, high, shape, middle, low),
        per_task=np.stack([_square(pairs, column, shape, 0.5) for column in each.T], axis=-1),
        tasks=cells.tasks,
        basis=basis,
        decided=decided,
    )


def _weights(cells: Cells) -> np.ndarray:
    """Return the weight of each task: families count alike, and so do the tasks of one."""
    weights = np.empty(len(cells.tasks))
    for tasks in cells.families:
        weights[list(tasks)] = 1.0 / (len(cells.families) * len(tasks))
    return weights


def _average(of_task: Callable[[int], np.ndarray], families: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the mean over families of the mean over tasks, always added in the same order."""
    total: np.ndarray | float = 0.0
    for tasks in families:
        within: np.ndarray | float = 0.0
        for task in tasks:
            within = within + of_task(task)
        total = total + within / len(tasks)
    return np.asarray(total / len(families))


def _square(
    pairs: list[tuple[int, int]],
    values: np.ndarray,
    shape: tuple[int, int],
    diagonal: float,
    mirrored: np.ndarray | None = None,
) -> np.ndarray:
    """Return values of pairs as a matrix, with one minus `mirrored` on the other side."""
    found = np.full(shape, diagonal)
    for (i, j), value, other in zip(pairs, values, values if mirrored is None else mirrored, strict=True):
        found[i, j], found[j, i] = value, 1.0 - other
    return found


class _Runs:
    """The probability of improvement of each pair where the runs of both are drawn again."""

    def __init__(self, cells: Cells, pairs: list[tuple[int, int]]) -> None:
        self.families, self.pairs = cells.families, pairs
        shapes = list(cells.shapes())
        self.shape = [shapes.index(sizes) for sizes in cells.sizes]
        self.starts = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in shapes]
        # Twice the number of pairs of runs is the largest number of wins.
        self.kind: Kind = np.uint32 if max(map(max, shapes)) < 1 << 15 else np.uint64
        by_task = [cells.by_task(m) for m in range(len(cells.values))]
        self.below = [
            [_places(mine, others) for mine, others in zip(by_task[i], by_task[j], strict=True)]
            for i, j in pairs
        ]

    def __call__(self, counts: list[np.ndarray]) -> np.ndarray:
        """Return (pairs, resamples) from the counts of the first methods' runs and the second ones'."""
        return _average(lambda task: self._on(task, counts), self.families)

    def _on(self, task: int, counts: list[np.ndarray]) -> np.ndarray:
        """Return the same on one task."""
        each = [c[s[task] : s[task + 1]] for c, s in zip(counts, self.starts + self.starts, strict=True)]
        firsts, seconds = each[: len(self.starts)], each[len(self.starts) :]
        mine = [c.astype(self.kind) for c in firsts]
        others = [running_counts(c, np.arange(len(c)), 0, self.kind) for c in seconds]
        found = np.empty((len(self.pairs), counts[0].shape[1]))
        for row, (i, j), below in zip(found, self.pairs, self.below, strict=True):
            a, b = self.shape[i], self.shape[j]
            left, right, ties = below[task]
            wins = others[b][left]
            wins += others[b][right] if ties else wins
            wins *= mine[a]
            np.divide(np.add.reduce(wins, axis=0), 2.0 * len(mine[a]) * len(seconds[b]), out=row)
        return found


def _places(mine: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return how many of the others lie below each of mine, how many not above, and whether that differs."""
    left, right = (np.searchsorted(others, mine, side) for side in ("left", "right"))
    return left, right, bool((left != right).any())


class _Clusters:
    """The probability of improvement of each pair where tasks or families are drawn again."""

    def __init__(self, each: np.ndarray, weights: np.ndarray, total: int) -> None:
        self.fixed = FixedPoint(np.vstack([each * weights, weights]), total)
        self.parts = self.fixed.parts()

    def __call__(self, counts: list[np.ndarray]) -> np.ndarray:
        """Return (pairs, resamples): the weighted mean over what was drawn."""
        sums = self.fixed.mean(exact_sums(self.parts, counts[0]), 1)
        return np.asarray(sums[:-1] / sums[-1])
