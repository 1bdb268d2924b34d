"""The landscape of a table: optima, random walks, and how far good architectures are from the best.

Works on any benchmark whose space can be enumerated and knows its neighbours. Architectures without a value
are no part of the landscape: they are nobody's neighbour, and no walk enters them.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.space import Enumerable, Neighbours
from assay.foundation.errors import CapabilityError, UsageError

LARGEST = 500_000
"""Architectures of the largest space whose neighbours are all written down."""
LAGS = (1, 2, 3, 4, 5, 6, 7, 8)
DIGITS = 10
"""Decimal digits beyond which two values are one: published means carry rounding errors of their own."""


class Optimum(msgspec.Struct, frozen=True, kw_only=True):
    """A local optimum: its value, and the share of the space from which steepest ascent ends there."""

    arch: str
    value: float
    basin: float


class Landscape(msgspec.Struct, frozen=True, kw_only=True):
    """The landscape of one signal at one fidelity under one seed policy.

    `local_optima` are better than every neighbour, `plateau_optima` have equal ones and no better one;
    `optima` lists the ten best of both, and `equal_best` is the number of architectures with the value of the
    first of them, besides it. `reaches_best` is the share of architectures from which steepest
    ascent ends at a global optimum. `autocorrelation` is that of random walks, expected over all of them,
    with an entry for each of `lags`; `correlation_length` is -1 / ln |r(1)|. `distance_correlation` is
    Pearson's correlation of the score (larger is better) and the distance to the nearest global optimum, in
    steps between neighbours; None where one of them does not vary. `farthest` is the largest such distance.
    """

    benchmark: str
    signal: str
    fidelity: str
    policy: str
    unit: str
    architectures: int
    missing: int
    neighbours: float
    local_optima: int
    plateau_optima: int
    optima: tuple[Optimum, ...]
    equal_best: int
    reaches_best: float
    lags: tuple[int, ...]
    autocorrelation: tuple[float, ...]
    correlation_length: float | None
    distance_correlation: float | None
    farthest: int


def landscape(
    benchmark: TableBenchmark, signal: str | None = None, *, policy: str | None = None
) -> Landscape:
    """Return the landscape of a signal (None: the card's first) at the benchmark's fidelity.

    Random walks go to a uniform neighbour. Raises `CapabilityError` for a space without neighbours,
    `UsageError` for one that is too large or empty.

    Source: Weinberger, "Correlated and Uncorrelated Fitness Landscapes", Biological Cybernetics 63 (1990),
    for the autocorrelation and its length; Jones and Forrest, "Fitness Distance Correlation", ICGA 1995.
    """
    facts = benchmark.signal(signal or benchmark.card.signals[0].name)
    values = benchmark.column(facts.name, policy)
    scores = np.round(values if facts.maximize else -values, DIGITS)
    present = np.isfinite(scores)
    if not present.any():
        raise UsageError(f"'{facts.name}' has no value", where=benchmark.name)
    neighbours = neighbour_table(benchmark)
    climbed = _climb(scores, neighbours, present)
    ends, basins = np.unique(climbed[present], return_counts=True)
    is_best = scores == scores[present].max()
    order = ends[np.lexsort((ends, -scores[ends]))]
    basin = dict(zip(ends.tolist(), (basins / present.sum()).tolist(), strict=True))
    distance = _distances(neighbours, present, np.flatnonzero(is_best & present))
    equal = int(_has_equal(scores, neighbours, ends).sum())
    correlations = _autocorrelation(scores, neighbours, present)
    first = abs(correlations[0])
    space = benchmark.space
    return Landscape(
        benchmark=benchmark.name,
        signal=facts.name,
        fidelity=benchmark.default_fidelity.text(),
        policy=policy or benchmark.default_policy,
        unit=facts.unit,
        architectures=int(present.sum()),
        missing=int((~present).sum()),
        neighbours=float(((neighbours >= 0) & present[neighbours])[present].sum(axis=1).mean()),
        local_optima=len(ends) - equal,
        plateau_optima=equal,
        optima=tuple(
            Optimum(arch=space.format(space.at(i)), value=float(values[i]), basin=basin[i])
            for i in order[:10].tolist()
        ),
        equal_best=int((is_best & present).sum()) - 1,
        reaches_best=float(is_best[climbed[present]].mean()),
        lags=LAGS,
        autocorrelation=tuple(correlations),
        correlation_length=-1 / math.log(first) if 0 < first < 1 else None,
        distance_correlation=_correlation(scores, distance, present & (distance >= 0)),
        farthest=int(distance.max()),
    )


def neighbour_table(benchmark: TableBenchmark) -> np.ndarray:
    """Return the indices of the neighbours of every architecture, -1 where there are fewer than the most.

    Each neighbour is there once, in the order of the index, and the relation is symmetric. Shape (size, most
    neighbours), int32. Raises `CapabilityError` and `UsageError` as `landscape` does.
    """
    space: Any = benchmark.space
    if not isinstance(space, Neighbours) or not isinstance(space, Enumerable):
        raise CapabilityError(f"the space {space.name} has no neighbours", where=benchmark.name)
    if space.size > LARGEST:
        why = f"it has {space.size:,} architectures, at most {LARGEST:,} are walked through"
        raise UsageError("the space is too large for its landscape", where=benchmark.name, why=why)
    near: list[set[int]] = [set() for _ in range(space.size)]
    for i in range(space.size):
        # Where several architectures answer to one row, it may be met twice, from one side, or by itself.
        for j in {space.index(other) for other in space.neighbours(space.at(i))} - {i}:
            near[i].add(j)
            near[j].add(i)
    rows = [sorted(one) for one in near]
    table = np.full((space.size, max(map(len, rows))), -1, dtype=np.int32)
    for row, found in zip(table, rows, strict=True):
        row[: len(found)] = found
    return table


def _around(values: np.ndarray, neighbours: np.ndarray, absent: float) -> np.ndarray:
    """Return the values of all neighbours, `absent` where there is none or it has no value."""
    around = np.where(neighbours >= 0, values[neighbours], absent)
    return np.where(np.isfinite(around), around, absent)


def _climb(scores: np.ndarray, neighbours: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return where steepest ascent ends from each architecture; the first of equal neighbours is taken."""
    around = _around(scores, neighbours, -np.inf)
    best = around.argmax(axis=1)
    here = np.arange(len(scores))
    better = around[here, best] > np.where(present, scores, np.inf)
    following = np.where(better, neighbours[here, best], here)
    while not np.array_equal(following, following[following]):
        following = following[following]
    return following


def _has_equal(scores: np.ndarray, neighbours: np.ndarray, places: np.ndarray) -> np.ndarray:
    around = _around(scores, neighbours[places], -np.inf)
    return np.asarray((around == scores[places, None]).any(axis=1))


def _distances(neighbours: np.ndarray, present: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Return the fewest steps from each architecture to a source, -1 where there is no way."""
    distance = np.full(len(neighbours), -1)
    distance[sources] = 0
    front, steps = sources, 0
    while len(front):
        steps += 1
        reached = np.unique(neighbours[front])
        front = reached[(reached >= 0) & present[reached] & (distance[reached] < 0)]
        distance[front] = steps
    return distance


def _autocorrelation(scores: np.ndarray, neighbours: np.ndarray, present: np.ndarray) -> list[float]:
    """Return the autocorrelation of the random walk at each lag, as expected over all walks.

    A walk stays at each architecture in proportion to its neighbours; what it expects `lag` steps later
    is the mean over neighbours, taken `lag` times.
    """
    known = (neighbours >= 0) & present[neighbours]
    degree = known.sum(axis=1) * present
    if not degree.any():
        return [math.nan] * len(LAGS)
    weight = degree / degree.sum()
    values = np.where(present, scores, 0.0)
    values = np.where(degree > 0, values - weight @ values, 0.0)
    variance, ahead, found = weight @ values**2, values, []
    for _ in LAGS:
        ahead = np.where(known, ahead[neighbours], 0.0).sum(axis=1) / np.maximum(degree, 1)
        found.append(float(weight @ (values * ahead) / variance) if variance else math.nan)
    return found


def _correlation(scores: np.ndarray, distance: np.ndarray, where: np.ndarray) -> float | None:
    x, y = scores[where], distance[where].astype(float)
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 1 and x.std() and y.std() else None
