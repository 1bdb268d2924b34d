"""How many replicates an effect needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.intervals import welch_interval
from assay.statistics.power import replicates_needed


def exact_power(n: int, effect: float) -> float:
    """Return the power of the two-sided t test for two samples, from the noncentral t distribution."""
    df, away = 2 * n - 2, effect * math.sqrt(n / 2)
    edge = stats.t.ppf(0.975, df)
    return float(stats.nct.sf(edge, df, away) + stats.nct.cdf(-edge, df, away))


@pytest.mark.parametrize(("effect", "needed"), [(0.5, 64), (1.0, 17), (0.2, 394)])
def test_the_classic_sample_sizes(effect: float, needed: int) -> None:
    """A standardised difference of 0.5 needs 64 runs a side for 80 % power, one of 1 needs 17."""
    # 64 and 17 are the classic sizes, of which statsmodels' TTestIndPower gives 63.77 and 16.71.
    assert replicates_needed(effect, math.sqrt(2.0)) == needed
    assert exact_power(needed - 1, effect) < 0.8 <= exact_power(needed, effect)


def test_direction_and_scale_play_no_part() -> None:
    """Only the ratio of effect to standard deviation counts."""
    assert replicates_needed(-0.5, math.sqrt(2.0)) == replicates_needed(50.0, 100 * math.sqrt(2.0)) == 64


def test_no_number_of_runs_finds_an_effect_of_zero() -> None:
    """An effect of zero has no answer, and one without noise is seen with two runs."""
    assert replicates_needed(0.0, 1.0) is None
    assert replicates_needed(1e-200, 1.0) is None
    assert replicates_needed(0.1, 0.0) == 2


def test_the_number_gives_the_power_that_it_promises() -> None:
    """With that many runs a side, about 80 % of 1,000 studies exclude zero."""
    n, found = replicates_needed(1.0, math.sqrt(2.0)), 0
    assert n is not None
    for i in range(1000):
        rng = Stream(0, ("power", i))
        a, b = np.array([rng.normal() for _ in range(2 * n)]).reshape(2, n)
        interval = welch_interval(a + 1.0, b, varied=())
        found += interval.low is not None and interval.low > 0.0
    # Binomial(1000, 0.8) has a standard deviation of 12.6.
    assert 0.76 <= found / 1000 <= 0.85


def test_what_is_no_standard_deviation_is_refused() -> None:
    """A negative spread and a power of 80 are usage errors."""
    with pytest.raises(UsageError):
        replicates_needed(1.0, -1.0)
    with pytest.raises(UsageError):
        replicates_needed(1.0, 1.0, power=80.0)
