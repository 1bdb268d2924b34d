"""The winner's curse."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.selection import (
    bbc_cv,
    best_of_k,
    expected_maximum,
    fresh_seed_gap,
    table_gap,
)

NAN = math.nan
SEEDS = ("training seeds",)


def stream(name: str | int = "test") -> Stream:
    return Stream(0, ("selection", name))


def normals(name: str | int, *shape: int) -> np.ndarray:
    rng = stream(name)
    return np.array([rng.normal() for _ in range(math.prod(shape))]).reshape(shape)


def test_the_expected_maximum_is_that_of_the_tables() -> None:
    """The expected largest of k standard normals has its closed forms and printed values."""
    # Closed forms for 2 and 3; David and Nagaraja, Order Statistics, 2003; 32: 2.07.
    assert expected_maximum(1) == 0.0
    assert expected_maximum(2) == pytest.approx(1 / math.sqrt(math.pi), abs=1e-12)
    assert expected_maximum(3) == pytest.approx(1.5 / math.sqrt(math.pi), abs=1e-12)
    assert round(expected_maximum(32), 2) == 2.07
    assert round(expected_maximum(100), 5) == 2.50759
    assert expected_maximum(5, 3.0) == pytest.approx(3 * expected_maximum(5))


@pytest.mark.parametrize("k", [7, 1_000, 10**6, 10**9])
def test_the_expected_maximum_agrees_with_quadrature(k: int) -> None:
    """Adaptive quadrature of 1 - Phi^k and Phi^k finds the same expectation."""
    above, _ = integrate.quad(lambda x: -math.expm1(k * stats.norm.logcdf(x)), 0, 12, limit=400)
    below, _ = integrate.quad(lambda x: math.exp(k * stats.norm.logcdf(x)), -12, 0, limit=400)
    assert expected_maximum(k) == pytest.approx(above - below, rel=1e-8)


def test_noise_alone_makes_a_best() -> None:
    """Of equal candidates the best is where it is expected, on average over 500 tables."""
    excess = [best_of_k(normals(i, 20), varied=SEEDS, sd=1.0).excess for i in range(500)]
    assert abs(np.mean(excess)) < 4 * np.std(excess) / math.sqrt(500)


def test_best_of_k_turns_and_counts_failures() -> None:
    """Minimising mirrors, a failed candidate raises what noise may give, and one value is refused."""
    up = best_of_k([0.1, 0.5, 0.9], varied=SEEDS)
    down = best_of_k([-0.1, -0.5, -0.9], varied=SEEDS, maximize=False)
    assert (up.best, up.mean, up.sd) == pytest.approx((0.9, 0.5, 0.4))
    assert (down.best, down.expected, down.excess) == pytest.approx((-up.best, -up.expected, up.excess))
    lost = best_of_k([0.1, NAN, 0.5, 0.9], varied=SEEDS)
    assert (lost.k, lost.failed) == (4, 1)
    assert lost.excess < up.excess
    assert "by noise alone" in str(up)
    assert up.table().rows[0][0] == 3
    with pytest.raises(UsageError, match="two candidates"):
        best_of_k([1.0, NAN], varied=SEEDS)


def gap(selecting: Any, fresh: Any, **more: Any) -> Any:
    return fresh_seed_gap(selecting, fresh, rng=stream("gap"), varied=SEEDS, **more)


def test_the_winner_is_judged_by_the_other_seed() -> None:
    """The gap is what the choosing seed said of the winner minus what the fresh one says."""
    found = gap([[1.0, 3.0], [5.0, 4.0]], [[9.0, 2.0], [4.5, 9.0]])
    assert (found.selected, found.fresh) == ((3.0, 5.0), (2.0, 4.5))
    assert found.gap.mean == pytest.approx(0.75)
    assert (found.candidates, found.lost) == (2, 0)
    down = gap([[-1.0, -3.0], [-5.0, -4.0]], [[-9.0, -2.0], [-4.5, -9.0]], maximize=False)
    assert down.gap.mean == pytest.approx(0.75)
    assert down.fresh == (-2.0, -4.5)
    winners = gap([3.0, 5.0], [2.0, 4.5])
    assert (winners.gap.mean, winners.candidates) == (found.gap.mean, 1)


def test_ties_and_losses_of_winners() -> None:
    """Tied winners count as their mean, what failed is not chosen, what has no fresh value is lost."""
    assert gap([[2.0, 2.0]], [[1.0, 0.0]]).fresh == (0.5,)
    assert gap([[NAN, 2.0]], [[9.0, 1.0]]).fresh == (1.0,)
    found = gap([[1.0, 2.0], [2.0, 1.0], [NAN, NAN]], [[1.0, NAN], [1.0, NAN], [1.0, 1.0]])
    assert (found.fresh, found.lost) == ((1.0,), 2)
    assert "2 searches are lost" in str(found)
    with pytest.raises(UsageError, match="no search has a winner"):
        gap([[NAN]], [[1.0]])
    with pytest.raises(UsageError, match="do not fit"):
        gap([[1.0, 2.0]], [[1.0]])


def test_the_gap_of_equal_candidates_is_the_expected_maximum() -> None:
    """With k equal candidates the gap is sd E[max_k]; where nothing is chosen there is none."""
    found = gap(normals("a", 2_000, 10), normals("b", 2_000, 10))
    error = 4 * found.gap.sd / math.sqrt(2_000)
    assert abs(found.gap.mean - expected_maximum(10)) < error
    assert found.gap.low < expected_maximum(10) < found.gap.high
    single = gap(normals("c", 2_000, 1), normals("d", 2_000, 1))
    assert abs(single.gap.mean) < 4 * single.gap.sd / math.sqrt(2_000)


@given(
    st.integers(2, 4).flatmap(
        lambda seeds: st.lists(
            st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=seeds, max_size=seeds), min_size=1, max_size=3
        )
    ),
    st.integers(1, 3),
)
@settings(max_examples=50)
def test_the_gap_of_a_table_is_what_enumeration_gives(table: list[list[float]], n: int) -> None:
    """The exact overstatement is the mean over every choosing seed and every sequence of draws."""
    found = table_gap(table, n)
    selected, fresh = [], []
    for seed in range(len(table[0])):
        for drawn in itertools.product(range(len(table)), repeat=n):
            best = max(table[i][seed] for i in drawn)
            winners = [i for i in drawn if table[i][seed] == best]
            others = [[v for s, v in enumerate(table[i]) if s != seed] for i in winners]
            selected.append(best)
            fresh.append(np.mean(others))
    assert (found.selected[0], found.fresh[0]) == pytest.approx((np.mean(selected), np.mean(fresh)))
    mirrored = table_gap([[-v for v in row] for row in table], n, maximize=False)
    assert mirrored.gap == pytest.approx(found.gap, abs=1e-12)


def test_overstatement_grows_with_the_choice() -> None:
    """On a noisy table one draw overstates nothing, and more draws overstate more."""
    found = table_gap(normals("table", 200, 3), [1, 5, 25])
    assert found.gap[0] == pytest.approx(0.0, abs=1e-12)
    assert found.gap[0] < found.gap[1] < found.gap[2]
    assert "overstates itself" in str(found)
    assert len(found.table().rows) == 3
    for bad in ([[1.0]], [[1.0, NAN]], [1.0, 2.0]):
        with pytest.raises(UsageError, match="two seeds at least"):
            table_gap(bad, 1)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one at least"):
        table_gap([[1.0, 2.0]], 0)


def test_the_correction_removes_the_optimism_of_choosing() -> None:
    """Of 30 configurations that guess, the best looks good, and BBC-CV says that it guesses."""
    rng = stream("guess")
    naive, corrected = [], []
    for i in range(20):
        right = (rng.indices(2, (60, 30)) == 1).astype(float)
        found = bbc_cv(right, rng=stream(i), resamples=200)
        naive.append(found.naive)
        corrected.append(found.corrected)
        assert found.low <= found.corrected <= found.high
        assert found.optimism == pytest.approx(found.naive - found.corrected)
    assert np.mean(naive) > 0.58  # chance is 0.5
    # The out-of-bag rows of a sample in which a configuration did well in the bag do worse: slightly low.
    assert 0.45 < np.mean(corrected) < 0.51


def test_a_single_configuration_has_nothing_to_correct() -> None:
    """Without a choice the correction leaves the mean, within resampling error."""
    rows = normals("one", 80, 1)
    found = bbc_cv(rows, rng=stream("bbc"))
    assert abs(found.optimism) < 0.02
    assert found.naive == pytest.approx(rows.mean())


def test_bbc_depends_on_nothing_it_should_not() -> None:
    """Order and duplicates of configurations change nothing, minimising mirrors, and seeds repeat."""
    table = normals("order", 30, 4)
    found = bbc_cv(table, rng=stream("bbc"), resamples=100)
    assert bbc_cv(table, rng=stream("bbc"), resamples=100) == found
    turned = bbc_cv(table[:, ::-1], rng=stream("bbc"), resamples=100)
    assert (turned.naive, turned.corrected) == pytest.approx((found.naive, found.corrected), abs=1e-12)
    doubled = bbc_cv(np.hstack([table, table]), rng=stream("bbc"), resamples=100)
    assert (doubled.corrected, doubled.low) == pytest.approx((found.corrected, found.low), abs=1e-12)
    down = bbc_cv(-table, rng=stream("bbc"), resamples=100, maximize=False)
    assert (down.naive, down.corrected) == pytest.approx((-found.naive, -found.corrected), abs=1e-12)
    assert (down.low, down.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert down.optimism == pytest.approx(found.optimism, abs=1e-12)
    assert "corrected for the choice" in str(found)
    assert len(found.table().rows) == 1


@pytest.mark.parametrize("bad", [[[1.0, NAN], [1.0, 2.0]], [[1.0, 2.0]], [1.0, 2.0], [[], []]])
def test_scores_that_are_not_whole_are_refused(bad: Any) -> None:
    """A failed prediction is a wrong one, and one row has nothing outside the bag."""
    with pytest.raises(UsageError, match="finite scores"):
        bbc_cv(bad, rng=stream())
