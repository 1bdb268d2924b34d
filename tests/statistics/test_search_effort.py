"""The expected best of n trials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.search_effort import ExpectedBest, best_weights, expected_best, log_shares

VARIED = ("sampled configurations",)
VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9)


def stream(name: str | int = "test") -> Stream:
    return Stream(0, ("search-effort", name))


def best(values: object, n: object = None, **more: Any) -> ExpectedBest:
    return expected_best(values, n, varied=VARIED, **more)  # type: ignore[arg-type]


def dodge(values: list[float], n: int) -> float:
    """Return the biased estimate of Dodge et al. (EMNLP 2019): draws with replacement from the B values."""
    ordered, b = sorted(values), len(values)
    return sum(x * ((j / b) ** n - ((j - 1) / b) ** n) for j, x in enumerate(ordered, 1))


def test_the_reference_case(case: Callable[[str], dict[str, Any]]) -> None:
    """The values of Tang's estimator come out, and Dodge's are below them beyond one trial."""
    reference = case("evp")
    values, sizes = reference["inputs"]["values"], reference["inputs"]["n"]
    expected, tolerance = reference["expected"], reference["tolerance"]["all"]
    found = best(values, sizes)
    assert found.n == tuple(sizes)
    assert found.expected == pytest.approx(expected["tang_unbiased"], abs=tolerance)
    biased = [dodge(values, n) for n in sizes]
    assert biased == pytest.approx(expected["dodge_biased"], abs=tolerance)
    assert all(low < high for low, high in zip(biased[1:], found.expected[1:], strict=True))


@given(VALUES)
@settings(max_examples=40)
def test_it_is_the_mean_over_all_subsets(values: list[float]) -> None:
    """The estimate is the mean of the best over every subset of n trials, enumerated."""
    found = best(values)
    for n, estimate in zip(found.n, found.expected, strict=True):
        subsets = [max(subset) for subset in itertools.combinations(values, n)]
        assert estimate == pytest.approx(math.fsum(subsets) / len(subsets), abs=1e-9)


@given(VALUES, st.randoms(use_true_random=False), st.floats(0.1, 10), st.floats(-10, 10))
@settings(max_examples=40)
def test_it_moves_with_its_data(values: list[float], random: Any, scale: float, shift: float) -> None:
    """The order of trials plays no part, scaling and shifting carry over, and minimising mirrors."""
    found = best(values)
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert best(shuffled) == found
    moved = best([scale * v + shift for v in values])
    assert moved.expected == pytest.approx([scale * e + shift for e in found.expected], abs=1e-8)
    mirrored = best([-v for v in values], maximize=False)
    assert mirrored.expected == pytest.approx([-e for e in found.expected], abs=1e-12)


@given(VALUES)
@settings(max_examples=40)
def test_more_trials_are_never_expected_worse(values: list[float]) -> None:
    """The curve rises from the mean of the trials to their maximum."""
    found = best(values).expected
    assert found[0] == pytest.approx(np.mean(values), abs=1e-9)
    assert found[-1] == pytest.approx(max(values), abs=1e-9)
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(found))


def test_it_is_unbiased_where_the_older_estimate_is_low() -> None:
    """Over 4,000 samples of 10 uniforms the mean estimate of the best of 5 is 5/6, and Dodge's is below."""
    rng = stream()
    samples = [[rng.random() for _ in range(10)] for _ in range(4_000)]
    tang = np.array([best(sample, 5).expected[0] for sample in samples])
    older = np.array([dodge(sample, 5) for sample in samples])
    error = tang.std() / math.sqrt(len(tang))
    assert abs(tang.mean() - 5 / 6) < 4 * error  # the expected maximum of five uniforms is 5/6
    assert older.mean() < 5 / 6 - 10 * error


def test_shares_are_exact_for_large_numbers() -> None:
    """Logs of C(k, n) / C(N, n) agree with those of integers to twelve digits where C(N, n) has thousands."""
    total, n = 15_625, 1_000
    logs = log_shares(total, n)
    whole = math.comb(total, n)
    for k in (n, n + 1, 8_000, total - 1, total):
        # Logs of integers of thousands of digits: each is right to 1e-12.
        assert logs[k] == pytest.approx(math.log(math.comb(k, n)) - math.log(whole), rel=1e-12, abs=5e-12)
    assert logs[n - 1] == -math.inf
    assert math.fsum(best_weights(total, n).tolist()) == pytest.approx(1.0, abs=1e-12)


def test_more_trials_than_were_made_are_refused() -> None:
    """Beyond B trials there is no estimate without bias, nor below one."""
    for n in (4, 0, [1, 9], []):
        with pytest.raises(UsageError, match="cannot be told from 3"):
            best([1.0, 2.0, 3.0], n)


def test_a_failed_trial_counts() -> None:
    """A trial without a value is refused until it has one, and then never raises the expectation."""
    with pytest.raises(UsageError, match="1 of 3 trials have no value"):
        best([0.5, math.nan, 0.9])
    found = best([0.5, math.nan, 0.9], failed=0.1)
    assert (found.trials, found.failed) == (3, 1)
    assert found.expected == best([0.5, 0.1, 0.9]).expected
    assert found.expected[0] < best([0.5, 0.9]).expected[0]
    assert "1 failed trials count as 0.1" in str(found)


def test_the_interval_is_where_the_bootstrap_holds() -> None:
    """Ends are given up to a tenth of the trials, hold the estimate, repeat, and mirror."""
    rng = stream("interval")
    values = [rng.normal() for _ in range(50)]
    found = best(values, [1, 5, 6, 50], rng=stream("draws"))
    assert found.low[2:] == found.high[2:] == (None, None)
    for low, mean, high in zip(found.low[:2], found.expected[:2], found.high[:2], strict=True):
        assert low is not None
        assert high is not None
        assert low < mean < high
    assert best(values[::-1], [1, 5, 6, 50], rng=stream("draws")) == found
    assert best(values, [1, 5, 6, 50], rng=stream("others")) != found
    down = best([-v for v in values], [1, 5], rng=stream("draws"), maximize=False)
    assert down.low[0] == pytest.approx(-(found.high[0] or 0.0))
    assert best(values, 3).low == (None,)


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    """Of 300 samples of 50 normals the interval of the best of 3 holds its mean in 86 to 98 %."""
    truth = 1.5 / math.sqrt(math.pi)  # the expected maximum of three standard normals
    held = 0
    for i in range(300):
        rng = stream(i)
        found = best([rng.normal() for _ in range(50)], 3, rng=rng, resamples=400)
        held += (found.low[0] or 0.0) <= truth <= (found.high[0] or 0.0)
    assert 0.86 <= held / 300 <= 0.98


def test_it_prints_and_tabulates() -> None:
    """A result says its sentence and its basis, and has one row for each n."""
    found = best([0.8, 0.9, 0.85])
    assert str(found).startswith("The best of 3 trials is expected to be 0.9, as estimated from 3 trials.")
    assert "Tang et al." in str(found)
    assert found.table().rows[2][:2] == (3, pytest.approx(0.9))


def test_only_whole_numbers_of_trials_of_numbers() -> None:
    """Half a trial and trials that are words are refused."""
    for n in (2.5, [1, 2.0], True):
        with pytest.raises(UsageError, match="is a whole number"):
            expected_best([1.0, 2.0, 3.0], n, varied=("trials",))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a list of numbers"):
        expected_best(["x"], varied=("trials",))  # type: ignore[list-item]
    several = expected_best([1.0, 2.0, 3.0], np.array([1, 3]), varied=("trials",))  # type: ignore[arg-type]
    assert several.n == (1, 3)
