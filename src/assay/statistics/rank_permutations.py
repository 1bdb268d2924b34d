"""The null distribution of Friedman's statistic: ranks exchanged within tasks, ties and all."""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from assay.foundation.seeding import Stream

DRAWS = 10_000

_STATES = 1 << 17  # sums of ranks that are looked at in one step of the enumeration
_LISTED = 6  # methods up to which the orders of a task are listed
_DRAWN = 300  # ranks in a table up to which tables are drawn; in larger ones F is near enough

Patterns = tuple[tuple[int, ...], ...]


class RankP(NamedTuple):
    """A p-value of Friedman's statistic and what it comes from: 'exact' or 'Monte Carlo'."""

    p: float
    method: str


def within_rows_p(ranks: np.ndarray, rng: Stream) -> RankP | None:
    """Return the chance that rank sums vary as much when each task's ranks are exchanged (Friedman 1937).

    `ranks` is (tasks, methods), average ranks where methods tie. Exact by enumeration where the sums of
    ranks are few enough, of two methods always; else (b + 1) / (m + 1) of 10,000 drawn tables (Phipson
    and Smyth, SAGMB 2010); None above 300 ranks. The order of tasks and methods plays no part.
    """
    n, k = ranks.shape
    # Twice a rank less k + 1 is a whole number, and the sum over the methods of a task is zero.
    whole = np.rint(2.0 * ranks).astype(np.int64) - (k + 1)
    seen = int((whole.sum(axis=0) ** 2).sum())
    patterns = tuple(sorted(tuple(sorted(row)) for row in whole.tolist()))
    found = _distribution(patterns)
    if found is not None:
        sizes, chances = found
        return RankP(min(1.0, math.fsum(chances[sizes >= seen].tolist())), "exact")
    if n * k > _DRAWN:
        return None
    total = np.zeros((DRAWS, k), dtype=np.int64)
    for row, pattern in enumerate(patterns):
        order = np.argsort(rng.child(n, k, row).indices(1 << 32, (DRAWS, k)), axis=1, kind="stable")
        total += np.array(pattern)[order]
    hits = int(((total**2).sum(axis=1) >= seen).sum())
    return RankP((hits + 1) / (DRAWS + 1), "Monte Carlo")


def arrangements(pattern: tuple[int, ...]) -> int:
    """Return in how many orders the ranks of a task can stand: k! over the orders within each tie."""
    count = math.factorial(len(pattern))
    for value in set(pattern):
        count //= math.factorial(pattern.count(value))
    return count


@functools.lru_cache(maxsize=64)
def _distribution(patterns: Patterns) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the sums of squares of rank sums and their chances; None where there are too many to list.

    A state is the sorted vector of rank sums: the methods are exchangeable, so that the first task may
    stand in any order.
    """
    k = len(patterns[0])
    if k > _LISTED:
        return None
    states = np.array([patterns[0]], dtype=np.int64)
    chances: np.ndarray = np.ones(1)
    base = 2 * len(patterns) * k + 1
    weights = base ** np.arange(k, dtype=np.int64) if base**k < 1 << 62 else None
    for pattern in patterns[1:]:
        count = arrangements(pattern)
        if weights is None or len(states) * count > _STATES:
            return None
        orders = np.array(sorted(set(itertools.permutations(pattern))), dtype=np.int64)
        sums = np.sort((states[:, None, :] + orders[None]).reshape(-1, k), axis=1)
        _, first, place = np.unique(sums @ weights, return_index=True, return_inverse=True)
        chances = np.bincount(place, weights=np.repeat(chances / count, count))
        states = sums[first]
    return (states**2).sum(axis=1), chances
