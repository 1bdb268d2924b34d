"""Performance profiles: the share of runs above each score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    expanded_level,
    percentiles,
)
from assay.statistics.scores import Scores
from assay.statistics.table import Table

POINTS = 201
_LOST = "a lost run lies above no threshold, and is one of those that the share is of"


class PerformanceProfile(Result, frozen=True, kw_only=True):
    """The share of runs whose score lies above each threshold, with pointwise bands.

    `taus` is increasing, of shape (points,); `shares`, `lows` and `highs` are of shape
    (methods, points), the bands NaN where too little was resampled. `lost` counts the lost runs of
    each method: they lie above no threshold.
    """

    taus: np.ndarray
    methods: tuple[str, ...]
    shares: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    over: Over
    confidence: float
    lost: tuple[int, ...]

    def sentence(self) -> str:
        """Return the share of each method above the middle threshold, and what was resampled."""
        middle = len(self.taus) // 2
        listed = ", ".join(
            f"{method} {share:.3f}"
            for method, share in zip(self.methods, self.shares[:, middle], strict=True)
        )
        return (
            f"The share of runs above {self.taus[middle]:.4g} is {listed}; "
            f"pointwise {self.confidence:.0%} bands over {self.over}."
        )

    def table(self) -> Table:
        """Return one row for each method and threshold."""
        rows = [
            (
                method,
                float(tau),
                float(self.shares[m, t]),
                *(_cell(band[m, t]) for band in (self.lows, self.highs)),
            )
            for m, method in enumerate(self.methods)
            for t, tau in enumerate(self.taus)
        ]
        return Table(("method", "tau", "share above", "low", "high"), rows)


def performance_profile(
    scores: Scores,
    taus: Sequence[float] | np.ndarray | None = None,
    *,
    rng: Stream,
    over: Over = "runs",
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    threads: int | None = None,
) -> PerformanceProfile:
    """Return the share of all runs of all tasks above each threshold (Agarwal et al., NeurIPS 2021, 4.2).

    "Above" is strictly so. Scores are turned so that larger is better, and so are `taus`, which
    default to evenly spaced ones over all scores. The band is the pointwise bootstrap interval: it
    holds at one threshold, not along the whole curve. All methods share their resamples. Raises
    `UsageError` without a threshold and for one that is not finite.
    """
    cells = arrange(scores)
    plans = designs(cells, over)
    points = _evenly(cells) if taus is None else np.sort(np.asarray(taus, dtype=np.float64))
    if points.ndim != 1 or not points.size or not np.isfinite(points).all():
        raise UsageError("a performance profile needs finite thresholds, in one dimension")
    statistic = _shares(cells, plans, points)
    draws = bootstrap(statistic, plans, rng=rng, resamples=resamples, threads=threads)
    lows, highs = percentiles(draws, expanded_level(cells, over, confidence))
    basis, decided = bootstrap_basis(
        scores,
        cells,
        over,
        procedure="performance profile, pointwise percentile bootstrap",
        source="Agarwal et al., NeurIPS 2021, section 4.2",
        seed=(rng, resamples),
        lost=_LOST,
        ties="a score equal to the threshold is not above it",
        assumptions=("one scale for all tasks",),
    )
    unknown = np.full_like(lows, np.nan)
    return PerformanceProfile(
        taus=points,
        methods=scores.methods,
        shares=statistic([plan.ones() for plan in plans])[..., 0],
        lows=lows if decided else unknown,
        highs=highs if decided else unknown,
        over=over,
        confidence=confidence,
        lost=cells.lost,
        basis=basis,
    )


def _shares(
    cells: Cells, plans: list[Design], points: np.ndarray
) -> Callable[[list[np.ndarray]], np.ndarray]:
    """Return the shares above each point, (methods, points, resamples), as a function of counts."""
    orders = [np.argsort(row, kind="stable") for row in cells.values]
    reached = [
        np.searchsorted(row[order], points, side="right")
        for row, order in zip(cells.values, orders, strict=True)
    ]

    def statistic(counts: list[np.ndarray]) -> np.ndarray:
        found = np.empty((len(orders), len(points), counts[0].shape[1]))
        for rows, plan, drawn in zip(cells.shapes().values(), plans, counts, strict=True):
            n = plan.drawn(drawn)
            for m in rows:
                found[m] = 1.0 - _up_to(drawn, orders[m], reached[m]) / n
        return found

    return statistic


def _up_to(counts: np.ndarray, order: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return how many were drawn among the first items of an order, for increasing numbers of items."""
    found = np.empty((len(places), counts.shape[1]), dtype=np.uint32)
    last = np.zeros(counts.shape[1], dtype=np.uint32)
    for row, start, end in zip(found, [0, *places[:-1]], places, strict=True):
        if end > start:
            last += counts[order[start:end]].sum(axis=0, dtype=np.uint32)
        row[:] = last
    return found


def _evenly(cells: Cells) -> np.ndarray:
    """Return thresholds over the whole range of the scores."""
    there = np.concatenate(cells.values)
    there = there[np.isfinite(there)]
    if not there.size:
        raise UsageError("a performance profile needs scores, and every run is lost")
    return np.linspace(there.min(), there.max(), POINTS)


def _cell(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
