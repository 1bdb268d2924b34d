"""Equivalence and non-inferiority within a margin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.equivalence import Equivalence, NonInferiority, equivalence_test, non_inferiority_test

SEEDS = ("search seeds",)
SAMPLES = st.lists(st.floats(-10, 10), min_size=2, max_size=15).filter(lambda x: min(x) < max(x))
BOUND = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 3000)


def normal(name: str | int, *shape: int) -> np.ndarray:
    words = Stream(0, ("equivalence", name)).indices(1 << 32, shape)
    return ndtri((words + 0.5) / 2**32)


def both(a: object, b: object, margin: float = 1.0, **settings: Any) -> Equivalence:
    return equivalence_test(np.asarray(a), np.asarray(b), margin=margin, varied=SEEDS, **settings)


def above(a: object, b: object, margin: float = 1.0, **settings: Any) -> NonInferiority:
    return non_inferiority_test(np.asarray(a), np.asarray(b), margin=margin, varied=SEEDS, **settings)


@pytest.mark.parametrize("source", [None, "data split"])
def test_both_tests_agree_with_statsmodels(source: str | None) -> None:
    """The p-values are those of statsmodels' TOST, paired and with unequal variances."""
    a, b = normal("tost a", 14) * 2 + 0.3, normal("tost b", 14)
    found = both(a, b, source=source)
    if source:
        p, lower, upper = ttost_paired(a, b, -1.0, 1.0)
    else:
        p, lower, upper = ttost_ind(a, b, -1.0, 1.0, usevar="unequal")
    assert found.p_lower == pytest.approx(lower[1])
    assert found.p_upper == pytest.approx(upper[1])
    assert above(a, b, source=source).p == pytest.approx(lower[1])
    assert (found.verdict == "equivalent") == (p <= 0.05)


@given(SAMPLES, SAMPLES, st.floats(0.01, 5), st.floats(0.01, 0.4))
def test_the_interval_decides_as_the_tests_do(
    a: list[float], b: list[float], margin: float, alpha: float
) -> None:
    """Equivalent means that the interval of confidence 1 - 2 alpha lies within the margin, and so on."""
    found, one = both(a, b, margin, alpha=alpha), above(a, b, margin, alpha=alpha)
    low, high = found.difference.low, found.difference.high
    assert low is not None
    assert high is not None
    assert found.difference.confidence == pytest.approx(1 - 2 * alpha)
    near = 1e-7 * (1 + abs(low) + abs(high))
    if all(abs(abs(end) - margin) > near for end in (low, high)):
        inside, outside = -margin < low and high < margin, low > margin or high < -margin
        assert found.verdict == ("equivalent" if inside else "not equivalent" if outside else "undecided")
        assert one.verdict == (
            "non-inferior" if low > -margin else "inferior" if high < -margin else "undecided"
        )


@given(SAMPLES, SAMPLES, st.floats(0.01, 5))
def test_exchanging_the_methods_exchanges_the_tests(a: list[float], b: list[float], margin: float) -> None:
    """Swapping a and b mirrors the interval and swaps the p-values; the order of values plays no part."""
    forth, back = both(a, b, margin), both(b, a, margin)
    assert forth.difference.low is not None
    assert forth.difference.high is not None
    assert (back.difference.low, back.difference.high) == (-forth.difference.high, -forth.difference.low)
    assert (back.p_lower, back.p_upper, back.verdict) == (forth.p_upper, forth.p_lower, forth.verdict)
    assert both(a[::-1], b, margin) == forth


def test_scale_and_shift_change_nothing() -> None:
    """Scores and margin in other units, or both methods shifted, have the same p-values."""
    a, b = normal("unit a", 9), normal("unit b", 12)
    before = both(a, b, 0.7)
    for other in (both(100 * a, 100 * b, 70.0), both(a + 3, b + 3, 0.7)):
        assert (other.p_lower, other.p_upper) == pytest.approx((before.p_lower, before.p_upper))


@pytest.mark.parametrize("source", [None, "data split"])
@pytest.mark.parametrize("n", [5, 20])
def test_methods_at_the_margin_are_rarely_called_equivalent(n: int, source: str | None) -> None:
    """Where the true difference is the margin itself, each verdict is wrong in at most 5 % of studies."""
    a, b = normal(f"margin a{n}", 3000, n) * 0.3, normal(f"margin b{n}", 3000, n) * 0.2
    shifted = [both(x + 1, y, source=source).verdict for x, y in zip(a, b, strict=True)]
    assert shifted.count("equivalent") / 3000 <= BOUND
    assert shifted.count("not equivalent") / 3000 <= BOUND
    worse = [above(x - 1, y, source=source).verdict for x, y in zip(a, b, strict=True)]
    assert worse.count("non-inferior") / 3000 <= BOUND
    assert worse.count("inferior") / 3000 <= BOUND
    # The simulation can fail: a little inside the margin the share is larger.
    inside = [both(x + 0.8, y, source=source).verdict for x, y in zip(a, b, strict=True)]
    assert inside.count("equivalent") / 3000 > BOUND


def test_absence_of_a_difference_is_no_equivalence() -> None:
    """Few noisy replicates that show no difference leave equivalence undecided."""
    found = both([0.0, 3.0, -2.0], [1.0, -1.0, 0.5])
    assert found.verdict == "undecided"
    assert "is undecided" in found.sentence()
    assert above([0.0, 3.0, -2.0], [1.0, -1.0, 0.5]).verdict == "undecided"


def test_one_value_decides_nothing() -> None:
    """A sample of one has no interval, no p and no verdict."""
    for source in (None, "data split"):
        found, one = both([1.0], [1.0], source=source), above([1.0], [1.0], source=source)
        assert (found.p_lower, found.p_upper, found.verdict, found.difference.method) == (
            None,
            None,
            "undecided",
            "none",
        )
        assert (one.p, one.verdict) == (None, "undecided")
        assert "one value has no interval" in found.sentence()
        assert "one value has no interval" in one.sentence()


def test_values_that_do_not_vary() -> None:
    """Without any variation there is no error to test by: no interval, no verdict, and a caution."""
    for source in (None, "data split"):
        found, one = both([0.5] * 3, [0.5] * 3, source=source), above([5.0] * 3, [0.0] * 3, source=source)
        assert (found.verdict, found.p_upper, found.difference.low) == ("undecided", None, None)
        assert (one.verdict, one.p) == ("undecided", None)
        assert found.basis.cautions == ("no value varies: there is no error to test by",)
        assert "no value varies" in found.sentence()
        assert "no value varies" in one.sentence()


def test_what_makes_no_sense_is_refused() -> None:
    """Margins of zero, an alpha of one half, and failed runs are usage errors."""
    for margin in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="a margin is above zero"):
            both([1.0, 2.0], [1.0, 2.0], margin)
    with pytest.raises(UsageError, match=r"alpha lies between 0 and 0\.5, got 0\.5"):
        above([1.0, 2.0], [1.0, 2.0], alpha=0.5)
    with pytest.raises(UsageError, match="not finite"):
        both([1.0, math.nan], [1.0, 2.0])
    with pytest.raises(UsageError, match="do not make pairs"):
        both([1.0, 2.0], [1.0], source="data split")


def test_results_print_and_tabulate() -> None:
    """Results print margin, alpha, verdict and source, and have one row."""
    a, b = normal("print a", 30) * 0.1, normal("print b", 30) * 0.1
    found, one = both(a, b, names=("new", "old"), source="data split"), above(a, b, names=("new", "old"))
    assert found.sentence().startswith("new and old are equivalent within ±1: mean difference")
    assert one.sentence().startswith("new is non-inferior to old at a margin of 1: ")
    for part in ("Schuirmann 1987", "paired t", "margin 1, alpha 0.05", "pairs share data split"):
        assert part in str(found)
    for result in (found, one):
        assert len(result.table().rows[0]) == len(result.table().columns)
