"""Exact sums and trimmed means of many resamples at once.

A resample is a column of counts: how often each item was drawn. Sums of counted values are made of
integers that a double holds exactly (the splitting of Ozaki et al., Numerical Algorithms 2012), so
that no order of summation, no number of threads and no BLAS changes a bit of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Kind = type[np.unsignedinteger[Any]]

_ROWS = 128  # items that are turned to doubles together: they stay in the cache
_EXACT = 52
_DEVIATIONS = 5.0


class FixedPoint:
    """Rows of finite values as two exact parts each: value = (high + low 2^-bits) 2^(exponent - bits).

    `values` is (rows, items); `total` bounds the sum of the counts of any resample. What lies below
    2^(-2 bits) of a row's largest value is lost: 80 bits remain with 2,600 runs.
    """

    def __init__(self, values: np.ndarray, total: int) -> None:
        self.bits = _EXACT - int(total).bit_length()
        largest = np.abs(values).max(axis=1, initial=0.0)
        self.exponents = np.frexp(largest)[1]
        scaled = np.ldexp(values, (self.bits - self.exponents)[:, None])
        self.high = np.rint(scaled)
        self.low = np.rint(np.ldexp(scaled - self.high, self.bits))

    def parts(self) -> np.ndarray:
        """Return the high parts of all rows, then the low ones: (2 rows, items)."""
        return np.concatenate([self.high, self.low])

    def mean(self, sums: np.ndarray, n: np.ndarray | int) -> np.ndarray:
        """Return sums of parts, (2 rows, resamples), divided by `n`, as values again."""
        high, low = np.split(sums, 2)
        # Rounded once as a sum and once as a quotient, whatever the exponent.
        mean = (high + np.ldexp(low, -self.bits)) / n
        return np.asarray(np.ldexp(mean, (self.exponents - self.bits)[:, None]))


def exact_sums(parts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return parts @ counts, (rows, resamples), for integers whose sums all stay below 2^53."""
    found: np.ndarray = np.zeros((len(parts), counts.shape[1]))
    for start in range(0, len(counts), _ROWS):
        rows = slice(start, start + _ROWS)
        found += parts[:, rows] @ counts[rows].astype(np.float64)
    return found


def running_counts(counts: np.ndarray, items: np.ndarray, first: np.ndarray | int, kind: Kind) -> np.ndarray:
    """Return how many were drawn up to each of these items: (items + 1, resamples), from `first` on."""
    drawn = np.empty((len(items) + 1, counts.shape[1]), dtype=kind)
    drawn[0] = first
    drawn[1:] = counts[items]
    # Row by row: several times faster than numpy's cumsum, which goes down the columns.
    for i in range(len(items)):
        np.add(drawn[i], drawn[i + 1], out=drawn[i + 1])
    return drawn


class TrimmedMean:
    """The mean of what is left of each resample between its `k1`-th and its `k2`-th smallest value.

    `values` is (rows, items) of numbers of which -inf stands for a lost run; `spread`, if given,
    turns an order of the items into the standard deviation of the number drawn among the first j.
    It only saves time: a cut is sought within five deviations, and everywhere where that fails.
    """

    def __init__(
        self, values: np.ndarray, total: int, spread: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        self.lost = np.isneginf(values)
        self.orders = np.argsort(values, axis=1, kind="stable")
        self.fixed = FixedPoint(np.where(self.lost, 0.0, values), total)
        self.reach = None if spread is None else [_DEVIATIONS * spread(order) + 1.0 for order in self.orders]
        self.kind: Kind = np.uint16 if total < 1 << 16 else np.uint32

    def __call__(self, counts: np.ndarray, k1: np.ndarray, k2: np.ndarray) -> np.ndarray:
        """Return the trimmed means, (rows, resamples); -inf where a lost run is left in.

        `counts` is (items, resamples), `k1` and `k2` (resamples,), the numbers of values below the cuts.
        """
        rows, items = self.orders.shape
        windows = [self._windows(row, k1, k2) for row in range(rows)]
        # One product for all rows: what was drawn before each window, and what lies between windows.
        before, between = np.zeros((rows, 2, items)), np.zeros((2, rows, items))
        for row, found in enumerate(windows):
            order = self.orders[row]
            for i, (start, _) in enumerate(found):
                before[row, i, order[:start]] = 1.0
            inside = order[found[0][1] : found[-1][0]]
            between[0, row, inside] = self.fixed.high[row, inside]
            between[1, row, inside] = self.fixed.low[row, inside]
        product = exact_sums(
            np.concatenate([before.reshape(-1, items), between.reshape(-1, items), self.lost]), counts
        )
        firsts, sums, lost = np.split(product, [2 * rows, 4 * rows])
        cuts = k1.astype(self.kind), k2.astype(self.kind)
        for row, found in enumerate(windows):
            part = self._between_cuts(row, found, counts, firsts[2 * row : 2 * row + 2], cuts)
            if part is None:
                whole = [(0, items)]
                sums[[row, rows + row]] = self._between_cuts(
                    row, whole, counts, np.zeros_like(firsts[:1]), cuts
                )
            else:
                sums[[row, rows + row]] += part
        means = self.fixed.mean(sums, k2 - k1)
        means[lost > k1] = -np.inf
        return means

    def _windows(self, row: int, k1: np.ndarray, k2: np.ndarray) -> list[tuple[int, int]]:
        """Return where, in the order of the values, the two cuts are likely to fall."""
        items = self.orders.shape[1]
        if self.reach is None:
            return [(0, items)]
        most = np.arange(items + 1) + self.reach[row]
        least = np.arange(items + 1) - self.reach[row]
        found = []
        for k in (k1, k2):
            before, after = np.flatnonzero(most <= k.min()), np.flatnonzero(least >= k.max())
            found.append((int(before[-1]) if len(before) else 0, int(after[0]) if len(after) else items))
        return found if found[0][1] <= found[1][0] else [(0, items)]

    def _between_cuts(
        self,
        row: int,
        windows: list[tuple[int, int]],
        counts: np.ndarray,
        firsts: np.ndarray,
        cuts: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray | None:
        """Return the sums of parts, (2, resamples), of what the windows hold between the cuts.

        None where a cut of any resample falls outside its window.
        """
        total = np.zeros((2, counts.shape[1]))
        parts = np.stack([self.fixed.high[row], self.fixed.low[row]])
        whole = len(windows) == 1
        for (start, end), first, cut in zip(windows, firsts, cuts, strict=False):
            last = first.astype(self.kind)
            if not whole and (last > cut).any():
                return None
            for block in np.split(self.orders[row, start:end], range(_ROWS, end - start, _ROWS)):
                drawn = running_counts(counts, block, last, self.kind)
                last = drawn[-1].copy()
                np.maximum(drawn, cuts[0], out=drawn)
                np.minimum(drawn, cuts[1], out=drawn)
                total += parts[:, block] @ (drawn[1:] - drawn[:-1]).astype(np.float64)
            if not whole and (last < cut).any():
                return None
        return total
