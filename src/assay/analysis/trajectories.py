"""Trajectories: the incumbent of each run, its normalised regret, and their mean over runs.

A trajectory is a right-continuous step function: the incumbent changes when an evaluation ends and
holds until a better one ends. It is read off at the points of a grid, never interpolated. A run
that has ended keeps its incumbent, for that is the answer it gives from then on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from assay.analysis.cells import Cells
from assay.analysis.model import BenchmarkFacts, Curve, RunData
from assay.statistics.intervals import mean_band

EVALUATIONS = "evaluations"
TABLE_SECONDS = "table seconds"
POINTS = 200
CONFIDENCE = 0.95


class Incumbents:
    """The normalised regret of the incumbents of several runs on one benchmark.

    `regret` has shape (runs, evaluations); NaN before a run has a value. Shorter runs are filled
    with the regret at which they end. Only completed runs with a value take part, so that the
    arrays may be empty.
    """

    def __init__(self, runs: Sequence[RunData], facts: BenchmarkFacts) -> None:
        kept = [run for run in runs if run.completed and np.isfinite(_seen(run)).any()]
        length = max((len(run.values) for run in kept), default=0)
        values = np.full((len(kept), length), np.nan)
        for row, run in zip(values, kept, strict=True):
            best = incumbent(run.values, facts.maximize) if run.shown is None else _held(run.shown)
            row[: len(best)] = best
            row[len(best) :] = best[-1]
        self.regret = (facts.best - values) / (facts.best - facts.reference)
        self.times = [np.asarray(run.times, dtype=np.float64) for run in kept]
        self.ends = np.array([len(run.values) for run in kept], dtype=np.intp)
        self.firsts = np.isfinite(values).argmax(axis=1) if kept else np.empty(0, dtype=np.intp)

    def __len__(self) -> int:
        return len(self.times)

    def span(self, axis: str) -> tuple[float, float]:
        """Return where the last run finds its first value, and where the last run ends."""
        if axis == EVALUATIONS:
            return float(self.firsts.max() + 1), float(self.ends.max())
        starts = [times[first] for times, first in zip(self.times, self.firsts, strict=True)]
        return float(max(starts)), float(max(times[-1] for times in self.times))

    def at(self, x: np.ndarray, axis: str) -> np.ndarray:
        """Return the regret after `x` evaluations or seconds: shape (runs, points), NaN where undefined."""
        if axis == EVALUATIONS:
            done = np.broadcast_to(x.astype(np.intp), (len(self), len(x)))
        else:
            done = np.stack([np.searchsorted(times, x, side="right") for times in self.times])
        last = np.minimum(done, self.ends[:, None]) - 1
        found = np.take_along_axis(self.regret, np.maximum(last, 0), axis=1)
        return np.where(last < 0, np.nan, found)


def _seen(run: RunData) -> np.ndarray:
    return run.values if run.shown is None else run.shown


def _held(shown: np.ndarray) -> np.ndarray:
    """Return what incumbents are reported at; one without such a number keeps the last one's."""
    places = np.maximum.accumulate(np.where(np.isfinite(shown), np.arange(len(shown)), -1))
    return np.where(places < 0, np.nan, shown[np.maximum(places, 0)])


def incumbent(values: np.ndarray, maximize: bool) -> np.ndarray:
    """Return the best value so far along the last axis; NaN never counts, and stands before the first."""
    return np.asarray((np.fmax if maximize else np.fmin).accumulate(values, axis=-1))


def has_scale(facts: BenchmarkFacts) -> bool:
    """Say whether regret is defined: the best value is finite, and differs from the reference."""
    return math.isfinite(facts.best) and math.isfinite(facts.reference) and facts.best != facts.reference


def curve(
    runs: Sequence[RunData], facts: BenchmarkFacts, axis: str, grid: np.ndarray | None = None
) -> Curve | None:
    """Return the mean normalised regret of one method's runs, exact at the points of a grid.

    It begins where every run has an incumbent, and ends with the longest run. `grid` is shared by
    the methods of a benchmark; its points within the curve are used. None where no completed run
    has a value, where the benchmark's regret has no scale, and over seconds where it has no cost.
    """
    if not _applies(facts, axis):
        return None
    incumbents = Incumbents(sorted(runs, key=lambda run: (run.replicate, run.run)), facts)
    if not len(incumbents):
        return None
    return _curve(runs[0].method, facts, axis, incumbents, grid)


def curves(cells: Cells, facts: Mapping[str, BenchmarkFacts], methods: Sequence[str]) -> list[Curve]:
    """Return the curves of all cells over evaluations, and over table seconds where there are any."""
    found: dict[str, list[Curve]] = {EVALUATIONS: [], TABLE_SECONDS: []}
    for name, benchmark in facts.items():
        made = {m: Incumbents(cells[name, m].runs, benchmark) for m in methods if has_scale(benchmark)}
        made = {m: incumbents for m, incumbents in made.items() if len(incumbents)}
        for axis, drawn in found.items():
            if made and _applies(benchmark, axis):
                spans = [incumbents.span(axis) for incumbents in made.values()]
                grid = make_grid(min(start for start, _ in spans), max(end for _, end in spans), axis)
                drawn += [_curve(m, benchmark, axis, incumbents, grid) for m, incumbents in made.items()]
    return found[EVALUATIONS] + found[TABLE_SECONDS]


def make_grid(start: float, end: float, axis: str) -> np.ndarray:
    """Return the points at which curves are read off: at most 200, spaced evenly in the logarithm.

    Over evaluations they are integers, and all of them if there are so few.
    """
    if axis == EVALUATIONS and end - start < POINTS:
        return np.arange(start, end + 1)
    if not 0.0 < start < end:
        return np.unique(np.array([start, end]))
    # The logarithm and its inverse may miss the ends by a rounding error.
    grid = np.geomspace(start, end, POINTS)
    grid[0], grid[-1] = start, end
    return np.unique(np.round(grid)) if axis == EVALUATIONS else grid


def _applies(facts: BenchmarkFacts, axis: str) -> bool:
    return has_scale(facts) and (axis == EVALUATIONS or facts.seconds)


def _curve(
    method: str, facts: BenchmarkFacts, axis: str, incumbents: Incumbents, grid: np.ndarray | None
) -> Curve:
    start, end = incumbents.span(axis)
    shared = make_grid(start, end, axis) if grid is None else grid
    x = np.array([start, *shared[(shared > start) & (shared < end)], *([end] if end > start else [])])
    mean, low, high = mean_band(incumbents.at(x, axis), CONFIDENCE)
    runs = len(incumbents)
    if runs < 2:
        low = high = mean
    return Curve(
        method=method,
        benchmark=facts.name,
        axis=axis,
        x=x.tolist(),
        mean=mean.tolist(),
        low=low.tolist(),
        high=high.tolist(),
        runs=runs,
        band=_band(runs),
    )


def _band(runs: int) -> str:
    if runs < 2:
        return "no band, for there is a single run"
    return f"a {100 * CONFIDENCE:g} % t band for the mean over search seeds, at each point by itself"
