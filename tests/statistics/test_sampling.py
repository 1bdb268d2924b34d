"""What a sample says of the runs that were not repeated."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.errors import UsageError
from assay.statistics.sampling import differing_bound, sentence


def test_thirty_identical_leave_nine_and_a_half_percent() -> None:
    """30 of 30 identical bounds the share that differs by 1 - 0.05^(1/30) = 0.0950."""
    assert differing_bound(30, 30, 540) == pytest.approx(1 - 0.05 ** (1 / 30), rel=1e-12)
    assert round(differing_bound(30, 30, 540), 4) == 0.0950
    assert sentence(30, 30, 540) == (
        "30 of 30 identical: at 95 % confidence at most 9.5 % of the 540 runs can differ"
    )


def test_the_rule_of_three() -> None:
    """For many identical runs the bound is close to 3 / n."""
    # Hanley and Lippman-Hand, JAMA 249 (1983): -ln 0.05 = 2.996.
    assert differing_bound(1000, 1000, 10**6) * 1000 == pytest.approx(-math.log(0.05), rel=2e-3)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(("identical", "sampled"), [(28, 30), (1, 2), (15, 30), (1, 30), (0, 5), (30, 30)])
def test_the_bound_is_that_of_clopper_and_pearson(identical: int, sampled: int, confidence: float) -> None:
    """It equals the upper end of scipy's exact one-sided binomial interval."""
    test = stats.binomtest(sampled - identical, sampled, alternative="less")
    reference = test.proportion_ci(confidence, method="exact").high
    assert differing_bound(identical, sampled, 10**6, confidence) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("sampled", [1, 5, 12, 19])
def test_the_bound_is_never_below_the_hypergeometric_one(sampled: int) -> None:
    """Drawn without replacement from 20 runs, no larger number of differing runs remains plausible."""
    population = 20
    for identical in range(sampled + 1):
        differing = sampled - identical
        plausible = [
            d for d in range(population + 1) if stats.hypergeom.cdf(differing, population, d, sampled) > 0.05
        ]
        assert differing_bound(identical, sampled, population) >= max(plausible) / population - 1e-12


@given(st.integers(1, 200), st.data())
def test_the_bound_grows_with_differences_and_falls_with_sampling(sampled: int, data: st.DataObject) -> None:
    """More differences never lower the bound, and more identical runs never raise it."""
    identical = data.draw(st.integers(1, sampled))
    here = differing_bound(identical, sampled, 1000)
    assert differing_bound(identical - 1, sampled, 1000) > here >= (sampled - identical) / sampled
    assert differing_bound(identical + 1, sampled + 1, 1000) < here


def test_when_all_were_repeated_nothing_is_inferred() -> None:
    """A sample that is the whole population gives the share that differs, zero if none does."""
    assert differing_bound(540, 540, 540) == 0.0
    assert differing_bound(537, 540, 540) == 3 / 540
    assert sentence(12, 12, 12) == "12 of 12 identical: every run was repeated, and none differ"
    assert sentence(9, 12, 12) == "9 of 12 identical: every run was repeated, and 25 % differ"


def test_small_shares_keep_two_digits() -> None:
    """A bound below one percent is never rounded to nothing."""
    assert "at most 0.10 % of" in sentence(3000, 3000, 54_000)
    assert "at most 0.010 % of the 540,000 runs" in sentence(30_000, 30_000, 540_000)
    assert "at 99 % confidence at most 100 % of" in sentence(0, 3, 4, 0.99)


@pytest.mark.parametrize("counts", [(-1, 3, 5), (4, 3, 5), (3, 6, 5), (0, 0, 5)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    """More identical than sampled, more sampled than there are, or no sample is a usage error."""
    with pytest.raises(UsageError, match="cannot be"):
        differing_bound(*counts)


def test_a_confidence_is_a_probability() -> None:
    """A confidence of 95 is refused."""
    with pytest.raises(UsageError, match="between 0 and 1"):
        differing_bound(3, 3, 5, 95)
