"""Relative improvement over random search."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.improvement_over_random import RelativeImprovement, relative_improvement
from assay.statistics.intervals import welch_interval

SCORES = st.lists(st.floats(50, 100), min_size=2, max_size=8)
SEEDS = ("search seeds",)


def improvement(method: Any, random: Any, **more: Any) -> RelativeImprovement:
    return relative_improvement(method, random, varied=SEEDS, **more)


def normals(name: str | int, n: int) -> np.ndarray:
    rng = Stream(0, ("improvement", name))
    return np.array([rng.normal() for _ in range(n)])


def test_the_formula() -> None:
    """RI = 100 (mean(method) - mean(random)) / mean(random), in percent of random search."""
    found = improvement([97.0, 97.4], [96.0, 97.0])
    # Yang et al., ICLR 2020: RI = 100 * (Acc_m - Acc_r) / Acc_r, here 100 * 0.7 / 96.5.
    assert found.percent == pytest.approx(100 * 0.7 / 96.5)
    assert (found.n_method, found.n_random) == (2, 2)


@pytest.mark.parametrize(("published", "better"), [(0.322, True), (0.521, True), (-0.479, False)])
def test_the_direction_is_that_of_the_paper(published: float, better: bool) -> None:
    """DARTS and P-DARTS improve on random sampling on CIFAR-10, NSGANet does not: signs as printed."""
    # Yang et al., ICLR 2020, CIFAR-10: DARTS 0.32, P-DARTS 0.52, NSGANet -0.48 percent. Only the
    # aggregates are stated here: a method whose mean is by so much above random gives that number.
    random = 96.5 + 0.2 * normals("random", 8)
    method = random * (1 + published / 100)
    found = improvement(method, random)
    assert found.percent == pytest.approx(published, abs=1e-9)
    assert (found.percent > 0) == better


@given(SCORES, SCORES, st.floats(0.01, 100))
@settings(max_examples=60)
def test_the_unit_of_the_score_plays_no_part(a: list[float], b: list[float], scale: float) -> None:
    """Scores in percent and as shares give the same improvement and interval."""
    found = improvement(a, b)
    again = improvement([scale * v for v in a], [scale * v for v in b])
    assert (again.percent, again.low, again.high) == pytest.approx(
        (found.percent, found.low, found.high), abs=1e-7
    )
    assert improvement(a[::-1], b[::-1]) == found


@given(SCORES, SCORES)
@settings(max_examples=60)
def test_the_interval_holds_the_improvement(a: list[float], b: list[float]) -> None:
    """The ends enclose the estimate, and an error rate that is smaller is an improvement."""
    found = improvement(a, b)
    if found.low is not None and found.high is not None:
        assert found.low <= found.percent + 1e-9
        assert found.percent <= found.high + 1e-9
    down = improvement(a, b, maximize=False)
    assert down.percent == pytest.approx(-found.percent, abs=1e-9)


def test_for_small_spread_it_is_welch_in_percent() -> None:
    """Where random search hardly varies in percent, Fieller's ends are Welch's over its mean."""
    a, b = 97 + 0.1 * normals("a", 8), 96 + 0.1 * normals("b", 8)
    found, welch = improvement(a, b), welch_interval(a, b, varied=SEEDS)
    assert welch.low is not None
    assert found.low == pytest.approx(100 * welch.low / b.mean(), rel=2e-3)
    assert found.sentence().endswith("better than random.")


def test_the_interval_covers_the_true_ratio() -> None:
    """Of 1,000 pairs of samples of 8 with 20 % spread, 92.9 to 97.1 % have an interval with the truth."""
    held = 0
    for i in range(1_000):
        draws = normals(i, 16)
        found = improvement(1.1 + 0.3 * draws[:8], 1.0 + 0.2 * draws[8:])
        held += found.low is not None and found.high is not None and found.low <= 10.0 <= found.high
    # Three Monte Carlo errors about 0.95: 3 sqrt(.95 * .05 / 1000) = 0.021.
    assert 0.929 <= held / 1_000 <= 0.971


def test_where_there_is_no_interval_none_is_given() -> None:
    """Single runs, and a random search that is not told apart from zero, have no interval."""
    assert improvement([2.0], [1.0, 1.1]).low is None
    assert improvement([2.0, 3.0], [0.1, 5.0]).high is None
    assert "without an interval" in improvement([2.0], [1.0]).sentence()
    exact = improvement([3.0, 3.0], [2.0, 2.0])
    assert (exact.low, exact.percent, exact.high) == (50.0, 50.0, 50.0)
    assert exact.table().rows[0][0] == 50.0


@pytest.mark.parametrize("random", [[0.0, 0.0], [-1.0, 0.5], [math.nan, 1.0], []])
def test_a_base_without_percents_is_refused(random: list[float]) -> None:
    """A mean of random search that is not positive, and failed runs, are refused."""
    with pytest.raises(UsageError):
        improvement([1.0, 2.0], random)
