"""Exact sums and trimmed means of resamples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.seeding import Stream
from assay.statistics.trimmed import FixedPoint, TrimmedMean, exact_sums, running_counts

COLUMNS = 40


def normals(name: str, *shape: int) -> np.ndarray:
    rng = Stream(0, ("trimmed", name))
    return np.array([rng.normal() for _ in range(math.prod(shape))]).reshape(shape)


def resamples(name: str, items: int, columns: int = COLUMNS) -> np.ndarray:
    """Return counts of `items` draws with replacement in each column."""
    drawn = Stream(0, ("trimmed", name)).indices(items, (columns, items))
    return np.stack([np.bincount(row, minlength=items) for row in drawn], axis=1).astype(np.uint8)


def cuts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = counts.sum(axis=0, dtype=np.int64)
    return n // 4, n - n // 4


def spread(order: np.ndarray) -> np.ndarray:
    """Return the deviation of the number drawn among the first j of n items, all in one stratum."""
    share = np.arange(len(order) + 1) / len(order)
    return np.sqrt(len(order) * share * (1 - share))


@given(st.lists(st.tuples(st.floats(-1e300, 1e300), st.integers(0, 9)), min_size=1, max_size=40))
def test_a_mean_is_that_of_exact_arithmetic(pairs: list[tuple[float, int]]) -> None:
    """The mean of counted values is the correctly rounded one, relative to the largest value."""
    values, counts = np.array([v for v, _ in pairs]), np.array([c for _, c in pairs], dtype=np.uint8)
    n = max(1, int(counts.sum()))
    fixed = FixedPoint(values[None], n)
    found = fixed.mean(exact_sums(fixed.parts(), counts[:, None]), n)[0, 0]
    exact = math.fsum(float(v) / n for v in np.repeat(values, counts))
    assert found == pytest.approx(exact, rel=1e-15, abs=1e-15 * np.abs(values).max())


def test_the_mean_of_equal_values_is_their_value() -> None:
    """No rounding moves the mean of a sample whose values are all equal."""
    trimmed = TrimmedMean(np.full((1, 30), 0.1), 30)
    counts = resamples("equal", 30)
    assert (trimmed(counts, *cuts(counts)) == 0.1).all()


@pytest.mark.parametrize("decimals", [1, 12])
def test_a_trimmed_mean_is_scipys(decimals: int) -> None:
    """Each resample's trimmed mean is `scipy.stats.trim_mean` of the values written out, ties or not."""
    values = np.round(normals("values", 3, 300), decimals)
    counts = resamples("counts", 300)
    found = TrimmedMean(values, 300, spread)(counts, *cuts(counts))
    naive = [[stats.trim_mean(np.repeat(row, column), 0.25) for column in counts.T] for row in values]
    np.testing.assert_allclose(found, naive, rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 50.0])
def test_windows_save_time_only(factor: float) -> None:
    """Windows that are far too narrow, right or far too wide give the same bytes as none."""
    values, counts = normals("values", 2, 400), resamples("counts", 400)
    whole = TrimmedMean(values, 400)(counts, *cuts(counts))
    found = TrimmedMean(values, 400, lambda order: factor * spread(order))(counts, *cuts(counts))
    assert found.tobytes() == whole.tobytes()


def test_neither_the_order_of_items_nor_of_resamples_changes_a_byte() -> None:
    """Items in another order, and resamples one at a time, give the same bytes."""
    values, counts = normals("values", 2, 250), resamples("counts", 250)
    found = TrimmedMean(values, 250, spread)(counts, *cuts(counts))
    order = np.argsort(normals("order", 250))
    shuffled = TrimmedMean(values[:, order], 250, spread)(counts[order], *cuts(counts))
    trimmed = TrimmedMean(values, 250, spread)
    single = [trimmed(counts[:, [i]], *cuts(counts[:, [i]])) for i in range(COLUMNS)]
    assert found.tobytes() == shuffled.tobytes() == np.concatenate(single, axis=1).tobytes()


def test_lost_runs_are_cut_off_up_to_the_cut_and_no_further() -> None:
    """A lost run is the smallest value; one that is left after trimming makes the mean -inf."""
    values = np.array([[-np.inf, 5.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0]])
    once = np.ones((8, 1), dtype=np.uint8)
    twice = np.array([[3, 1, 1, 1, 1, 1, 0, 0]], dtype=np.uint8).T
    trimmed = TrimmedMean(values, 8)
    assert trimmed(once, *cuts(once))[0, 0] == (2 + 3 + 4 + 5) / 4
    assert trimmed(twice, *cuts(twice))[0, 0] == -np.inf


def test_cuts_may_differ_between_resamples() -> None:
    """Resamples of different sizes are each cut at their own places."""
    values = normals("values", 1, 20)
    counts = np.stack([np.ones(20), np.repeat([3, 0], 10)], axis=1).astype(np.uint8)
    found = TrimmedMean(values, 60)(counts, *cuts(counts))[0]
    naive = [stats.trim_mean(np.repeat(values[0], column), 0.25) for column in counts.T]
    np.testing.assert_allclose(found, naive, rtol=0, atol=1e-15)


def test_running_counts_start_from_what_came_before() -> None:
    """Running counts add up the counts of the given items, in their order."""
    counts = np.array([[1, 0], [2, 5], [4, 1]], dtype=np.uint8)
    found = running_counts(counts, np.array([2, 0]), np.array([10, 20]), np.uint16)
    assert found.tolist() == [[10, 20], [14, 21], [15, 21]]


def test_many_runs_need_wider_counts() -> None:
    """More than 65,535 runs in a resample overflow nothing."""
    values = np.arange(300.0)[None]
    counts = np.full((300, 1), 250, dtype=np.uint8)
    assert TrimmedMean(values, 75_000)(counts, *cuts(counts))[0, 0] == pytest.approx(149.5, abs=1e-12)
