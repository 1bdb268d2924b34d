"""The test of equal behaviour holds its level and finds what it says it finds."""

from __future__ import annotations

import numpy as np
import pytest

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.verification.parity.behaviour import compare_behaviour

NAMES = ["one", "two", "three"]


def sample(seed: int, n: int, shift: float = 0.0) -> np.ndarray:
    """Return n runs of three features that hang together, the second one skewed."""
    generator = np.random.Generator(np.random.Philox(seed))
    base = generator.normal(size=(n, 3))
    base[:, 1] = np.exp(base[:, 0] / 2 + base[:, 1])
    base[:, 2] = np.round(base[:, 2])
    return base + np.array([shift, 0.0, 0.0])


def test_equal_strategies_alarm_at_most_as_often_as_said() -> None:
    """Over 400 pairs of equal samples, alarms at 10 % stay within what chance allows of 10 %."""
    alarms = 0
    for seed in range(400):
        found = compare_behaviour(
            sample(2 * seed, 15),
            sample(2 * seed + 1, 20),
            NAMES,
            rng=Stream(seed, ("t",)),
            alpha=0.1,
            draws=199,
        )
        alarms += found.differ
    # The 99.9 % point of a binomial with n = 400 and p = 0.1 is 60.
    assert 15 <= alarms <= 60


def test_the_detectable_effect_is_detected_in_four_of_five_cases() -> None:
    """A shift of the detectable size is found in about 80 % of the samples."""
    first = compare_behaviour(sample(1, 60), sample(2, 60), NAMES, rng=Stream(0, ("t",)), draws=999)
    hits = 0
    for seed in range(100):
        a, b = sample(1000 + 2 * seed, 60, first.detectable), sample(1001 + 2 * seed, 60)
        hits += compare_behaviour(a, b, NAMES, rng=Stream(seed, ("t",)), draws=499).differ
    assert 65 <= hits <= 95


def test_the_deciding_feature_comes_first() -> None:
    """A shifted feature leads the list with its effect, and the others are not called different."""
    a, b = sample(5, 200, 1.0), sample(6, 200)
    found = compare_behaviour(a, b, NAMES, rng=Stream(0, ("t",)), draws=999)
    assert found.differ
    assert found.differences[0].feature == "one"
    assert found.differences[0].effect == pytest.approx(1.0, abs=0.3)
    assert all(one.p > 0.05 for one in found.differences[1:])


def test_a_feature_that_never_varies_decides_nothing() -> None:
    """Constant columns neither fail nor alarm, and swapping the sides changes no p-value by much."""
    a, b = sample(1, 30), sample(2, 30)
    a[:, 2] = b[:, 2] = 4.0
    found = compare_behaviour(a, b, NAMES, rng=Stream(0, ("t",)), draws=999)
    swapped = compare_behaviour(b, a, NAMES, rng=Stream(0, ("t",)), draws=999)
    assert next(one for one in found.differences if one.feature == "three").p == 1.0
    assert found.p == pytest.approx(swapped.p, abs=0.05)


def test_too_few_runs_are_refused() -> None:
    """Nine runs of a strategy are too few, and a level beyond the draws cannot be reached."""
    with pytest.raises(UsageError, match="at least 10 runs"):
        compare_behaviour(sample(1, 9), sample(2, 30), NAMES, rng=Stream(0, ("t",)))
    with pytest.raises(UsageError, match="cannot be reached"):
        compare_behaviour(sample(1, 10), sample(2, 10), NAMES, rng=Stream(0, ("t",)), alpha=0.001, draws=99)
