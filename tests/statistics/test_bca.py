"""The BCa interval of many samples at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from assay.foundation.seeding import Stream
from assay.statistics.bca import RESAMPLES, bca_ends, expanded_z, resample_counts


def stream(name: str = "test") -> Stream:
    return Stream(0, ("bca", name))


def sorted_normal(*shape: int) -> np.ndarray:
    return np.sort(ndtri((stream("normal").indices(1 << 32, shape) + 0.5) / 2**32), axis=1)


def test_resamples_are_as_large_as_the_sample() -> None:
    """Every resample counts n values, each value equally often on average."""
    counts = np.concatenate(list(resample_counts(stream(), 7)))
    assert counts.shape == (RESAMPLES, 7)
    assert set(counts.sum(axis=1)) == {7.0}
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=5 * math.sqrt((1 - 1 / 7) / RESAMPLES))


def test_rows_that_are_made_at_a_time_change_no_draw() -> None:
    """Matrices of ten rows are those of many, cut."""
    some = np.concatenate(list(resample_counts(stream(), 5, rows=10)))
    assert np.array_equal(some, np.concatenate(list(resample_counts(stream(), 5))))


def test_each_row_has_the_interval_that_it_has_alone() -> None:
    """A block gives each sample what it has without the others."""
    block = sorted_normal(4, 20)
    assert bca_ends(block, stream(), 0.95) == [bca_ends(row[None, :], stream(), 0.95)[0] for row in block]


def test_a_constant_sample_has_no_width() -> None:
    """Equal values have exactly their value at both ends, beside samples that vary."""
    block = np.vstack([np.full(12, 0.1), sorted_normal(1, 12)])
    (low, high), (other, another) = bca_ends(block, stream(), 0.95)
    assert low == high == 0.1
    assert other < another


def test_a_higher_confidence_gives_a_wider_interval() -> None:
    """Intervals of growing confidence contain each other, and none leaves the sample."""
    block = sorted_normal(1, 15)
    found = [bca_ends(block, stream(), level)[0] for level in (0.5, 0.9, 0.99, 0.9999)]
    lows, highs = zip(*found, strict=True)
    assert list(lows) == sorted(lows, reverse=True)
    assert list(highs) == sorted(highs)
    assert block[0, 0] <= lows[-1]
    assert highs[-1] <= block[0, -1]


def test_the_quantile_of_ten_values_makes_up_for_the_bootstrap() -> None:
    """It is t(9) times sqrt(10 / 9)."""
    # Hesterberg 2015, section 5.3; t(0.975, 9) = 2.262 in every table.
    assert expanded_z(10, 0.95) == pytest.approx(2.262157 * math.sqrt(10 / 9))
