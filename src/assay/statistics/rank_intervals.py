"""Intervals for the average rank of each method."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.bootstrap import Design, Over
from assay.statistics.families import (
    FAMILIES_NEEDED,
    checked_complete,
    family_ranks,
    independent,
    too_few,
)
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import OK, Scores
from assay.statistics.table import Table

RESAMPLES = 10_000
OVER = ("tasks", "families", "runs")

_CELLS = 1 << 22
_BLOCK = 512  # a design wants its resamples to start at a multiple of this
_NARROW = 20


class RankIntervals(Result, frozen=True, kw_only=True):
    """The average rank of each method with its interval; `low` and `high` are None where undecided.

    `resampled` is 'tasks', 'families' or 'runs'. Over tasks each task counts once; over families and
    runs each family does, with the average rank within it.
    """

    methods: tuple[str, ...]
    mean_rank: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    resampled: str
    confidence: float
    decided: bool

    def sentence(self) -> str:
        """Return the best average rank with its interval, or why there is none."""
        best = min(range(len(self.methods)), key=lambda i: (self.mean_rank[i], self.methods[i]))
        name, rank = self.methods[best], self.mean_rank[best]
        if self.low is None or self.high is None:
            few = too_few(self.basis.n["families"]) if self.resampled != "runs" else "No run was repeated"
            return f"{name} has the best average rank, {rank:.2f}, without an interval. {few}"
        return (
            f"{name} has the best average rank, {rank:.2f}, {100 * self.confidence:g} % interval "
            f"{self.low[best]:.2f} to {self.high[best]:.2f} over {self.resampled}"
        )

    def table(self) -> Table:
        """Return one row for each method."""
        none = (None,) * len(self.methods)
        rows = zip(self.methods, self.mean_rank, self.low or none, self.high or none, strict=True)
        return Table(
            ("method", "mean rank", "low", "high", "resampled"), [(*row, self.resampled) for row in rows]
        )


def mean_rank_intervals(
    scores: Scores, *, over: Over, rng: Stream, resamples: int = RESAMPLES, confidence: float = 0.95
) -> RankIntervals:
    """Return the average rank of each method with its percentile bootstrap interval.

    `over` is what is drawn anew: 'tasks' or 'families', for a statement about other tasks, which fewer
    than six families do not decide; or 'runs' within each task, for other runs on these tasks. An
    interval reaches to the estimate at least. A cell with a failed run ranks last in every resample.
    Where `scores.paired_by` is declared, runs of all methods are drawn together. Raises `UsageError`
    for an unknown `over`, a confidence outside (0, 1), no resamples, no stream, and a method that was
    never run on a task.
    """
    if over not in OVER:
        raise UnknownNameError("unit to resample", over, OVER)
    if not 0.0 < confidence < 1.0 or resamples < 1:
        raise UsageError("a confidence lies between 0 and 1, and one resample is the least", hint="0.95")
    as_stream(rng)
    checked_complete(scores)
    if over == "runs":
        mean_rank = family_ranks(scores)[1].mean(axis=0)
        drawn = ranks_over_runs(scores, rng, resamples) if repeated(scores) else None
    else:
        names, units = _units(scores, over)
        mean_rank = units.mean(axis=0)
        enough = independent(scores) >= FAMILIES_NEEDED
        drawn = resampled_ranks(names, units, rng, resamples) if enough else None
    low = high = None
    if drawn is not None:
        ends = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
        # Resampling adds noise, which pulls ranks to the middle, at times past the estimate.
        low = tuple(np.minimum(ends[0], mean_rank).tolist())
        high = tuple(np.maximum(ends[1], mean_rank).tolist())
    return RankIntervals(
        basis=_basis(scores, over, seed_text(rng, resamples) if drawn is not None else ""),
        methods=scores.methods,
        mean_rank=tuple(mean_rank.tolist()),
        low=low,
        high=high,
        resampled=over,
        confidence=confidence,
        decided=drawn is not None,
    )


def resampled_ranks(names: tuple[str, ...], units: np.ndarray, rng: Stream, resamples: int) -> np.ndarray:
    """Return the mean over units drawn with replacement: (resamples, methods) from (units, methods).

    The units are sorted by name first, so that their order plays no part.
    """
    ordered = units[sorted(range(len(names)), key=names.__getitem__)]
    drawn = as_stream(rng).indices(len(names), (resamples, len(names)))
    total = np.zeros((resamples, units.shape[1]))
    for place in range(len(names)):
        total += ordered[drawn[:, place]]
    return total / len(names)


def _units(scores: Scores, over: str) -> tuple[tuple[str, ...], np.ndarray]:
    if over == "families":
        return family_ranks(scores)
    return scores.tasks, average_ranks(scores.means())


def repeated(scores: Scores) -> bool:
    """Tell whether some cell holds two runs or more."""
    return bool(((scores.status == OK).sum(axis=2) > 1).any())


def ranks_over_runs(scores: Scores, rng: Stream, resamples: int) -> np.ndarray:
    """Return the mean rank over families in each resample of the runs within tasks."""
    groups = scores.by_family()
    total = np.zeros((resamples, len(scores.methods)))
    for family in sorted(groups):
        within = np.zeros_like(total)
        for task in sorted(groups[family], key=scores.tasks.__getitem__):
            within += average_ranks(_resampled_means(scores, task, rng, resamples))
        total += within / len(groups[family])
    return total / len(groups)


def _resampled_means(scores: Scores, task: int, rng: Stream, resamples: int) -> np.ndarray:
    """Return the mean score of each method on a task in each resample: (resamples, methods).

    A cell draws from a stream of its own name, and where runs are paired from one of the names of its
    replicates: so that no other method or task plays a part.
    """
    found = np.full((resamples, len(scores.methods)), np.nan)
    order = sorted(range(len(scores.replicates)), key=scores.replicates.__getitem__)
    for m, method in enumerate(scores.methods):
        present = [r for r in order if scores.status[task, m, r] == OK]
        if not present or scores.lost(task, m):
            continue
        values = scores.sign(task) * scores.values[task, m][present]
        cell: tuple[str, ...] = (method,)
        if scores.paired_by is None:
            values = np.sort(values)
        else:
            cell = tuple(scores.replicates[r] for r in present)
        stream = as_stream(rng).child(scores.tasks[task], *cell)
        found[:, m] = np.concatenate(list(_means(values, stream, resamples)))
    return found


def _means(values: np.ndarray, rng: Stream, resamples: int) -> Iterator[np.ndarray]:
    """Yield the means of resamples in chunks; those of equal values are exactly their value."""
    n, base = len(values), values[0]
    design = Design((n,))
    width = max(1, _CELLS // (n * _BLOCK)) * _BLOCK
    for start in range(0, resamples, width):
        counts = design.counts(rng, start, min(width, resamples - start))
        yield base + np.einsum("i,ij->j", values - base, counts.astype(np.float64)) / n


def _basis(scores: Scores, over: str, seed: str) -> Basis:
    families, lost = independent(scores), int(np.isnan(scores.means()).sum())
    shared = families < len(scores.tasks)
    if over == "runs":
        pairs = f"runs are drawn together, paired by {scores.paired_by}"
        assumption = pairs if scores.paired_by else "runs are drawn within each cell, and independent"
        cautions = [
            "the tasks are fixed: nothing is said of other tasks",
            "noise of few runs pulls ranks to the middle: the best may be better, and the worst worse",
        ]
    else:
        assumption, cautions = f"{over} are independent", [too_few(families)]
        if over == "tasks" and shared:
            cautions.append("tasks of one family are drawn as if independent: the interval is too narrow")
        if seed and families < _NARROW:
            cautions.append(f"a bootstrap of fewer than {_NARROW} units is too narrow")
    if lost:
        cautions.append(f"{lost} cells with failed or missing runs rank last")
    averaged = ("ranks of a family are averaged first",) if shared and over != "tasks" else ()
    return Basis(
        procedure=f"average ranks, percentile bootstrap over {over}",
        source="Efron and Tibshirani 1993, section 13.3",
        n={"families": families, "tasks": len(scores.tasks), "methods": len(scores.methods)},
        varied=scores.varied if over == "runs" else (over,),
        assumptions=(assumption, *averaged),
        ties="average ranks",
        seed=seed,
        cautions=tuple(text for text in cautions if text),
    )
