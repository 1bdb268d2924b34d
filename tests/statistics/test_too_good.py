"""Results that are too good."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.too_good import TooGood, too_good_test

NAN, INF = math.nan, math.inf
SAMPLE = st.lists(st.floats(1, 100), min_size=5, max_size=12)


def judge(ours: Any, reference: Any, **more: Any) -> TooGood:
    return too_good_test(ours, reference, varied=("training seeds",), **more)


def normals(name: str | int, n: int) -> np.ndarray:
    rng = Stream(0, ("too-good", name))
    return np.array([rng.normal() for _ in range(n)])


def limit_of_mlperf(reference: list[float], runs: int, alpha: float = 0.05) -> float:
    """Return the smallest mean that MLPerf's checker accepts, found as it does: by bisection."""
    kept = np.sort(reference)[1:-1]
    mean, deviation = np.mean(kept), np.std(kept)
    low, high = 0.0, float(mean)
    while high - low > 1e-9:
        middle = (low + high) / 2
        test = stats.ttest_ind_from_stats(middle, deviation, runs - 2, mean, deviation, len(kept))
        low, high = (low, middle) if test.pvalue / 2 > alpha else (middle, high)
    return high


def test_the_limit_is_that_of_mlperf() -> None:
    """The closed form agrees with the bisection of the RCP checker, standard deviation with n and all."""
    reference = [10.0, 11.0, 11.5, 12.0, 12.0, 12.5, 13.0, 13.5, 14.0, 19.0]
    found = judge([12.0, 11.0, 12.5, 13.0, 30.0], reference)
    assert found.limit == pytest.approx(limit_of_mlperf(reference, 5), abs=1e-6)
    assert (found.ours_mean, found.reference_mean) == pytest.approx((12.5, np.mean(reference[1:-1])))
    assert found.ratio == pytest.approx(found.reference_mean / found.ours_mean)
    # Exactly at the limit the checker's p is alpha.
    edge = judge([found.limit] * 5, reference)
    assert edge.p_mlperf == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize("trim", [0, 1])
@pytest.mark.parametrize(("n_ours", "n_reference"), [(5, 9), (9, 5), (6, 6)])
def test_yuens_test_agrees_with_scipy(n_ours: int, n_reference: int, trim: int) -> None:
    """The p is that of scipy's trimmed t test with unequal variances, one-sided."""
    for i in range(10):
        draws = normals(f"scipy-{i}", n_ours + n_reference)
        ours, reference = 20 + draws[:n_ours], 21 + 3 * draws[n_ours:]
        # scipy trims floor(share * n) values at each end: one of 5 to 9.
        test = stats.ttest_ind(ours, reference, equal_var=False, trim=0.2 * trim, alternative="less")
        assert judge(ours, reference, trim=trim).p == pytest.approx(test.pvalue, rel=1e-9)


@given(SAMPLE, SAMPLE)
@settings(max_examples=60)
def test_it_turns_with_the_direction(ours: list[float], reference: list[float]) -> None:
    """Larger-is-better values that are mirrored give the same verdict, and order plays no part."""
    found = judge(ours, reference)
    mirrored = judge([-v for v in ours], [-v for v in reference], maximize=True)
    assert mirrored.p == found.p
    assert mirrored.limit == -found.limit
    assert mirrored.verdict == found.verdict
    assert judge(ours[::-1], reference[::-1]) == found


@given(SAMPLE, SAMPLE, st.integers(0, 4))
@settings(max_examples=60)
def test_faster_runs_are_more_suspect(ours: list[float], reference: list[float], place: int) -> None:
    """All runs faster by a constant never gives a larger p, and a run that failed never a faster mean."""
    found, faster = judge(ours, reference), judge([v - 3 for v in ours], reference)
    assert found.p is not None
    assert faster.p is not None
    assert faster.p <= found.p + 1e-12
    assert faster.p_mlperf <= found.p_mlperf + 1e-12
    lost = judge([NAN if i == place else v for i, v in enumerate(ours)], reference)
    assert lost.ours_mean >= found.ours_mean - 1e-9
    assert lost.failed == 1


def test_too_good_is_said_and_only_then() -> None:
    """Half the reference's epochs are too good, and twice as many are not."""
    reference = list(20 + normals("reference", 20))
    fast = judge(list(10 + normals("fast", 5)), reference)
    assert fast.verdict == "too good"
    assert fast.sentence().endswith("of the reference: too good (p < 0.0001, one-sided).")
    assert judge(list(40 + normals("slow", 5)), reference).verdict == "not too good"
    assert fast.table().rows[0][-1] == "too good"


def test_the_level_holds_and_that_of_mlperf_does_not() -> None:
    """On equal populations Yuen's test calls about 5 % too good, and MLPerf's rule more."""
    yuen = mlperf = 0
    for i in range(2_000):
        draws = normals(i, 15)
        found = judge(20 + draws[:5], 20 + draws[5:])
        yuen += found.verdict == "too good"
        mlperf += found.p_mlperf <= 0.05
    # Three Monte Carlo errors above 0.05: 0.05 + 3 sqrt(.05 * .95 / 2000) = 0.065.
    assert yuen / 2_000 <= 0.065
    assert yuen / 2_000 >= 0.02
    assert mlperf / 2_000 > 0.08


def test_runs_that_never_converge() -> None:
    """One failed run of ours is the worst, which is left out; with more nothing is too good."""
    reference = [20.0, 21.0, 22.0, 23.0, 24.0, 25.0]
    one = judge([10.0, 10.5, 11.0, 11.5, INF], reference)
    assert (one.failed, one.ours_mean, one.verdict) == (1, pytest.approx(11.0), "too good")
    two = judge([10.0, 10.5, 11.0, NAN, INF], reference)
    assert (two.failed, two.ours_mean, two.verdict, two.p) == (2, INF, "not too good", 1.0)
    assert two.ratio == 0.0
    assert "2 of our runs did not get there" in str(two)


def test_too_few_runs_decide_nothing() -> None:
    """Three runs leave one, which has no variance: MLPerf's number is there, and no verdict."""
    found = judge([10.0, 11.0, 12.0], [20.0, 21.0, 22.0, 23.0, 24.0])
    assert (found.p, found.verdict) == (None, "cannot be decided")
    assert found.p_mlperf < 0.01


def test_equal_runs_are_judged_without_an_error() -> None:
    """Where nothing varies, faster is too good and equal is not."""
    assert judge([9.0] * 5, [10.0] * 6).verdict == "too good"
    assert judge([10.0] * 5, [10.0] * 6).verdict == "not too good"
    assert judge([11.0] * 5, [10.0] * 6).p == 1.0


@pytest.mark.parametrize(
    ("ours", "reference", "more"),
    [
        ([1.0, 2.0], [1.0] * 5, {}),
        ([1.0] * 5, [1.0] * 3, {}),
        ([1.0] * 5, [1.0, NAN, 2.0, 3.0, 4.0], {}),
        ([1.0] * 5, [1.0] * 5, {"trim": -1}),
        ([1.0] * 5, [1.0] * 5, {"alpha": 5.0}),
    ],
)
def test_what_makes_no_test_is_refused(
    ours: list[float], reference: list[float], more: dict[str, Any]
) -> None:
    """Too few runs, a failed reference and levels that cannot be are the caller's mistakes."""
    with pytest.raises(UsageError):
        judge(ours, reference, **more)
