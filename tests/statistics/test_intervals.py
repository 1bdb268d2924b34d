"""Intervals of means and of differences of means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics import bca
from assay.statistics.bca import expanded_z
from assay.statistics.interval import Interval
from assay.statistics.intervals import combine, mean_band, mean_interval, mean_intervals, welch_interval
from assay.statistics.quantiles import t_quantile

SEEDS = ("search seeds",)
SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def stream(name: str | int = "test") -> Stream:
    return Stream(0, ("statistics", name))


def interval(values: object, name: str | int = "test", confidence: float = 0.95) -> Interval:
    return mean_interval(np.asarray(values), rng=stream(name), varied=SEEDS, confidence=confidence)


def skewed(n: int, name: str = "skewed") -> np.ndarray:
    rng = stream(name)
    return np.array([-math.log(1.0 - rng.random()) for _ in range(n)])


def normal(n: int, name: str | int) -> np.ndarray:
    rng = stream(name)
    return np.array([rng.normal() for _ in range(n)])


def test_a_small_sample_has_a_t_interval() -> None:
    """Below ten values the interval is Student's t."""
    found = interval([1.0, 2.0, 4.0])
    # scipy.stats.t.interval is the textbook formula, mean ± t(0.975, n - 1) s / sqrt n.
    sample = [1.0, 2.0, 4.0]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(sample), scale=stats.sem(sample))
    assert found.method == "t"
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.sd == pytest.approx(np.std(sample, ddof=1))
    assert (found.n, found.varied, found.confidence) == (3, SEEDS, 0.95)


@pytest.mark.parametrize(("n", "method"), [(9, "t"), (10, "BCa")])
def test_the_bootstrap_begins_at_ten_values(n: int, method: str) -> None:
    """Nine values give a t interval, and ten give BCa."""
    assert interval(skewed(n)).method == method


def test_one_value_has_no_interval() -> None:
    """A single value has a mean and neither an interval nor a standard deviation."""
    found = interval([0.5])
    assert (found.mean, found.low, found.high, found.sd, found.method) == (0.5, None, None, None, "none")


@pytest.mark.parametrize("n", [2, 9, 10, 50])
@pytest.mark.parametrize("value", [0.1, -7.3, 0.0, 1e-300, 1e299])
def test_a_constant_sample_has_an_interval_of_width_zero(n: int, value: float) -> None:
    """Values that are all equal give exactly their value, three times."""
    found = interval([value] * n)
    assert (found.mean, found.low, found.high, found.sd) == (value, value, value, 0.0)


@pytest.mark.parametrize("n", [10, 25, 100])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_bca_agrees_with_scipy_within_monte_carlo_error(n: int, confidence: float) -> None:
    """The ends are those of scipy.stats.bootstrap(method='BCa') at the level of the expanded quantile.

    scipy reads the bootstrap at the normal quantile z; here it is read at sqrt(n / (n - 1)) t(n - 1).
    """
    sample = skewed(n, f"scipy-{n}")
    found = interval(sample, confidence=confidence)
    level = 2 * float(ndtr(expanded_z(n, confidence))) - 1
    ends = np.array(
        [
            stats.bootstrap(
                (sample,), np.mean, confidence_level=level, n_resamples=10_000, method="BCa", rng=seed
            ).confidence_interval
            for seed in range(12)
        ]
    )
    # The spread of scipy's own ends over its seeds is the Monte Carlo error of one of them.
    error = ends.std(axis=0, ddof=1) * math.sqrt(1 + 1 / len(ends))
    assert np.all(np.abs(np.array([found.low, found.high]) - ends.mean(axis=0)) < 4 * error)
    # The agreement means something: a percentile interval of skewed data lies elsewhere.
    if n == 25 and confidence == 0.99:
        resampled = sample[stream("percentile").indices(n, (10_000, n))].mean(axis=1)
        percentile = np.quantile(resampled, [0.005, 0.995])
        assert np.any(np.abs(percentile - ends.mean(axis=0)) > 4 * error)


@pytest.mark.parametrize(("n", "least"), [(5, 0.92), (12, 0.915), (30, 0.92)])
def test_intervals_cover_the_mean_as_often_as_they_say(
    n: int, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 600 samples from a normal distribution about 95 % have an interval that holds its mean.

    The bounds leave three Monte Carlo errors below what `statistics.coverage` measured.
    """
    monkeypatch.setattr(bca, "RESAMPLES", 1000)
    held = 0
    for i in range(600):
        found = interval(normal(n, i * 100 + n), i)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.0 <= found.high
    assert least <= held / 600 <= 0.98


def test_a_higher_confidence_gives_a_wider_interval() -> None:
    """Intervals of growing confidence contain each other."""
    found = [interval(skewed(20), confidence=c) for c in (0.5, 0.8, 0.95, 0.999)]
    lows, highs = [i.low for i in found], [i.high for i in found]
    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)
    assert len(set(lows)) == 4


def test_the_same_seed_gives_the_same_interval() -> None:
    """Equal streams give equal bits, other streams other ends, and the order of values plays no part."""
    sample = skewed(40)
    assert interval(sample) == interval(sample[::-1]) == interval(np.roll(sample, 7))
    assert interval(sample) != interval(sample, "another")


@given(SAMPLES, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_intervals_move_with_their_data(values: list[float], shift: float, scale: float) -> None:
    """Shifting and scaling the values shifts and scales the interval."""
    before, after = interval(values), interval([scale * v + shift for v in values])
    tolerance = 1e-7 * (1.0 + scale * max(abs(v) for v in values) + abs(shift))
    assert before.low is not None
    assert before.high is not None
    assert after.low == pytest.approx(scale * before.low + shift, abs=tolerance)
    assert after.high == pytest.approx(scale * before.high + shift, abs=tolerance)


@given(st.lists(st.floats(-1e299, 1e299), min_size=2, max_size=25))
def test_every_finite_sample_has_a_finite_interval(values: list[float]) -> None:
    """The ends are finite and in order, however large, small or alike the values are."""
    found = interval(values)
    assert found.low is not None
    assert found.high is not None
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)
    assert found.low <= found.high
    if found.method == "BCa":
        assert min(values) <= found.low
        assert found.high <= max(values)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    """A failed run cannot slip into a mean."""
    with pytest.raises(UsageError, match="1 of 3 values of a sample are not finite"):
        interval([1.0, bad, 2.0])
    with pytest.raises(UsageError, match="not finite"):
        welch_interval([1.0, 2.0], [bad, 1.0], varied=SEEDS)


def test_a_call_that_makes_no_sense_is_refused() -> None:
    """An empty sample, a table, no pairs, and a confidence of 95 are usage errors."""
    with pytest.raises(UsageError, match="at least one value"):
        interval([])
    with pytest.raises(UsageError, match="at least one value"):
        interval([[1.0, 2.0]])
    with pytest.raises(UsageError, match="between 0 and 1, got 95"):
        interval([1.0, 2.0], confidence=95.0)
    with pytest.raises(UsageError, match="a pair of samples"):
        combine([], varied=SEEDS)


def test_welch_agrees_with_scipy() -> None:
    """The difference of two means with unequal sizes and variances has scipy's Welch interval."""
    a, b = skewed(7, "a") * 3 + 1, skewed(19, "b")
    found = welch_interval(a, b, varied=SEEDS, confidence=0.9)
    reference = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert (found.method, found.n) == ("Welch", 7)
    assert found.sd == pytest.approx(math.hypot(a.std(ddof=1), b.std(ddof=1)))


@given(SAMPLES, SAMPLES)
def test_welch_is_antisymmetric(a: list[float], b: list[float]) -> None:
    """Exchanging the samples mirrors the interval at zero."""
    forth, back = welch_interval(a, b, varied=SEEDS), welch_interval(b, a, varied=SEEDS)
    if forth.low is None or forth.high is None:
        assert (forth.sd, back.low, back.mean) == (0.0, None, -forth.mean)
        return
    assert (back.mean, back.low, back.high) == (-forth.mean, -forth.high, -forth.low)


def test_single_runs_have_no_difference_interval() -> None:
    """A difference with a sample of one has a mean and no ends."""
    found = welch_interval([1.0], [0.25, 0.75], varied=SEEDS)
    assert (found.mean, found.low, found.high, found.method) == (0.5, None, None, "none")


def test_constant_samples_have_no_interval() -> None:
    """Two constant samples have a difference without an error; one constant sample still has an interval."""
    found = welch_interval([0.75] * 3, [0.5] * 4, varied=SEEDS)
    assert (found.low, found.mean, found.high, found.method) == (None, 0.25, None, "none")
    # With one variance of zero the degrees of freedom are those of the other sample alone.
    one = welch_interval([0.0, 1.0, 2.0], [0.5] * 4, varied=SEEDS)
    assert one.low == pytest.approx(0.5 - t_quantile(2, 0.95) * 1.0 / math.sqrt(3))


def test_equal_pairs_narrow_the_mean_difference() -> None:
    """Over k pairs of one shape the standard error falls with sqrt k, and freedom grows with k."""
    a, b = [1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 1.0, 3.0]
    one, four = (combine([(a, b)] * k, varied=SEEDS) for k in (1, 4))
    assert one.high is not None
    assert four.high is not None
    # Equal variances and sizes: df = 2 k (n - 1), so 6 for one pair and 24 for four.
    ratio = t_quantile(24, 0.95) / t_quantile(6, 0.95) / 2
    assert four.high - four.mean == pytest.approx((one.high - one.mean) * ratio)
    assert four.mean == one.mean


def test_differences_of_equal_methods_rarely_exclude_zero() -> None:
    """On null data the 95 % interval excludes zero in about 5 % of 1,000 studies, also with 4 a side."""
    wrong = 0
    for i in range(1000):
        data = normal(24, f"null-{i}").reshape(6, 4) * np.array([1.0, 1.0, 1.0, 5.0, 2.0, 2.0])[:, None]
        found = combine([(data[0], data[1]), (data[2], data[3]), (data[4], data[5])], varied=SEEDS)
        assert found.low is not None
        assert found.high is not None
        wrong += not found.low <= 0.0 <= found.high
    # Binomial(1000, 0.05) has a standard deviation of 6.9; 0.05 + 3 of them is 0.071.
    assert 0.02 <= wrong / 1000 <= 0.071


def test_the_quantile_is_that_of_the_tables() -> None:
    """t(0.975) is 12.706 for 1 degree of freedom, 2.262 for 9, and 1.960 in the limit."""
    # Printed in every table of the t distribution, e.g. Student, Metron 1925.
    assert [round(t_quantile(df, 0.95), 3) for df in (1, 9, 1e9)] == [12.706, 2.262, 1.960]


def test_a_band_is_an_interval_at_each_point() -> None:
    """Every column of a band is the t interval of that column; one run has none."""
    values = np.stack([skewed(6, "x"), skewed(6, "y")], axis=1)
    mean, low, high = mean_band(values, 0.9)
    for k in range(2):
        alone = interval(values[:, k], confidence=0.9)
        assert (mean[k], low[k], high[k]) == pytest.approx((alone.mean, alone.low, alone.high))
    mean, low, high = mean_band(values[:1])
    assert mean.tolist() == values[0].tolist()
    assert np.isnan([low, high]).all()


def test_many_intervals_are_those_of_each_sample():
    """Intervals that share their draws are those that each sample has alone, whatever stands beside it."""
    samples = [[float(i * i % 17) for i in range(n)] for n in (1, 4, 12, 12, 30)]
    samples[3] = [value + 0.5 for value in samples[3][::-1]]
    together = mean_intervals(samples, rng=stream("many"), varied=SEEDS)
    assert together == [mean_interval(sample, rng=stream("many"), varied=SEEDS) for sample in samples]
    assert [interval.method for interval in together] == ["none", "t", "BCa", "BCa", "BCa"]
