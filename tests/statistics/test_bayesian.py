"""Bayesian sign and signed-rank tests with a region of practical equivalence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.bayesian import bayesian_sign, bayesian_signed_rank, sign_counts, uniforms

FEW = 2000
DIFFERENCES = st.lists(st.sampled_from([-0.3, -0.1, 0.0, 0.05, 0.1, 0.2]), min_size=6, max_size=10)
BOTH = pytest.mark.parametrize("test", [bayesian_sign, bayesian_signed_rank])


def stream(name="bayes"):
    return Stream(0, (name,))


def three(result):
    return np.array([result.left, result.rope, result.right])


@pytest.fixture
def nbc_aode(case):
    """Return the differences aode - nbc over 54 data sets."""
    inputs = case("benavoli17-sign")["inputs"]
    return np.array(inputs["aode"]) - np.array(inputs["nbc"])


def test_the_sign_test_of_benavoli(case, nbc_aode):
    """Counts and probabilities of naive Bayes against AODE come out as published."""
    one = case("benavoli17-sign")
    inputs, expected = one["inputs"], one["expected"]
    assert sign_counts(nbc_aode, inputs["rope"]).tolist() == expected["counts"]
    found = bayesian_sign(
        nbc_aode, rope=inputs["rope"], prior=inputs["prior"], place=inputs["prior_place"], rng=stream()
    )
    assert three(found) == pytest.approx(expected["probs"], abs=one["tolerance"]["probs"])


def test_the_signed_rank_test_of_benavoli(nbc_aode):
    """The published signed-rank probabilities of the same data: 0, .125 and .875."""
    # Benavoli et al., JMLR 2017: nbc against aode, rope 0.01.
    found = bayesian_signed_rank(nbc_aode, rope=0.01, rng=stream())
    assert three(found) == pytest.approx([0.0, 0.125, 0.875], abs=0.006)


def test_the_counts_of_baycomp(case):
    """The counts of differences by rope are those of baycomp's own tests."""
    one = case("baycomp-sign-alpha")
    d = np.array(one["inputs"]["y"]) - np.array(one["inputs"]["x"])
    for rope, expected in one["expected"]["alpha_by_rope"].items():
        assert sign_counts(d, float(rope)).tolist() == expected


@pytest.mark.parametrize("rope", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_probabilities_are_those_of_baycomp(rope, seed):
    """Both tests agree with baycomp within the Monte Carlo error of either."""
    from baycomp import SignedRankTest, SignTest

    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=15), rng.normal(0.3, 1.0, size=15)
    theirs = SignTest(x, y, rope, random_state=seed, nsamples=20_000).probs()
    assert three(bayesian_sign(y - x, rope=rope, rng=stream())) == pytest.approx(theirs, abs=0.015)
    theirs = SignedRankTest(x, y, rope, random_state=seed, nsamples=5000).probs()
    assert three(bayesian_signed_rank(y - x, rope=rope, rng=stream())) == pytest.approx(theirs, abs=0.03)


@pytest.mark.parametrize("place", ["left", "rope", "right"])
def test_the_integrated_probabilities_are_those_of_the_draws(place):
    """The probability of a share being the largest is the share of draws in which it is."""
    d = np.array([-0.3, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4])
    found = bayesian_sign(d, rope=0.1, prior=2.0, place=place, rng=stream())
    drawn = np.bincount(found.samples.argmax(axis=1), minlength=3) / len(found.samples)
    assert three(found) == pytest.approx(drawn, abs=0.01)
    shape = sign_counts(d, 0.1) + 2.0 * np.eye(3)[["left", "rope", "right"].index(place)]
    # The mean and the variance of a Dirichlet distribution.
    mean = shape / shape.sum()
    assert found.samples.mean(axis=0) == pytest.approx(mean, abs=0.005)
    assert found.samples.var(axis=0) == pytest.approx(mean * (1 - mean) / (shape.sum() + 1), abs=0.002)


@BOTH
@given(DIFFERENCES, st.sampled_from([0.0, 0.05, 0.15]))
@settings(max_examples=12)
def test_the_three_probabilities_sum_to_one(test, d, rope):
    """Whatever the data, left, rope and right are probabilities, and so is every draw."""
    found = test(np.array(d), rope=rope, rng=stream(), samples=FEW)
    assert three(found).sum() == pytest.approx(1.0, abs=1e-9)
    assert (three(found) >= 0.0).all()
    assert found.samples.shape == (FEW, 3)
    assert found.samples.sum(axis=1) == pytest.approx(np.ones(FEW))


@BOTH
@given(DIFFERENCES, st.randoms(use_true_random=False))
@settings(max_examples=12)
def test_the_order_of_tasks_changes_no_bit(test, d, rng):
    """Permuting the tasks leaves the probabilities and the draws as they are."""
    moved = list(d)
    rng.shuffle(moved)
    first, second = (test(np.array(one), rope=0.1, rng=stream(), samples=FEW) for one in (d, moved))
    assert (three(first) == three(second)).all()
    assert (first.samples == second.samples).all()


@BOTH
def test_exchanging_the_methods_exchanges_left_and_right(test):
    """Negated differences give the mirrored probabilities."""
    d = np.array([-0.3, 0.1, 0.2, 0.25, 0.4, 0.5, 0.6])
    there, back = test(d, rope=0.1, rng=stream()), test(-d, rope=0.1, rng=stream())
    assert three(there)[::-1] == pytest.approx(three(back), abs=0.01)


@BOTH
def test_equal_methods_are_equivalent(test):
    """Differences of nothing are in the rope for certain."""
    found = test(np.zeros(8), rope=0.01, rng=stream(), samples=FEW)
    assert three(found).tolist() == [0.0, 1.0, 0.0]


@BOTH
def test_a_wider_rope_holds_more(test):
    """The probability of equivalence grows with the rope."""
    d = np.linspace(-0.2, 0.5, 12)
    within = [test(d, rope=rope, rng=stream(), samples=FEW).rope for rope in (0.0, 0.1, 0.3, 0.6)]
    assert within == sorted(within)
    assert within[0] < 0.01
    assert within[-1] == 1.0


@BOTH
@given(DIFFERENCES, st.integers(0, 5))
@settings(max_examples=12)
def test_a_failure_moves_weight_from_right_to_left(test, d, task):
    """A task on which the first method fails takes from the share of tasks on which it is better."""
    failed = np.array(d)
    failed[task] = -math.inf
    before, after = (test(np.array(one), rope=0.1, rng=stream(), samples=FEW) for one in (d, failed))
    error = 4 * 0.5 / math.sqrt(FEW)
    assert after.samples[:, 2].mean() <= before.samples[:, 2].mean() + error
    assert after.samples[:, 0].mean() >= before.samples[:, 0].mean() - error
    ahead = [(one.samples[:, 2] > one.samples[:, 0]).mean() for one in (before, after)]
    assert ahead[1] <= ahead[0] + error
    assert any("1 tasks" in caution for caution in after.basis.cautions)


@BOTH
def test_a_failure_weighs_as_much_as_a_loss_beyond_all_others(test):
    """A failure gives the probabilities of a difference larger than any other."""
    d = np.array([0.0, 0.1, 0.2, 0.25, 0.4, 0.5, 0.6])
    lost, failed = d.copy(), d.copy()
    lost[0], failed[0] = -7.0, -math.inf
    first, second = (test(one, rope=0.1, rng=stream(), samples=FEW) for one in (lost, failed))
    assert (three(first) == three(second)).all()


@BOTH
def test_differences_on_the_edge_of_the_rope_are_not_moved_by_noise(test):
    """A difference that equals the rope but for the last bit is treated as equal."""
    exact, noisy = np.full(8, 0.25), np.full(8, 0.25) * (1 + 2.0**-50)
    first, second = (test(one, rope=0.25, rng=stream(), samples=FEW) for one in (exact, noisy))
    assert (three(first) == three(second)).all()


@BOTH
def test_equal_streams_give_equal_bytes(test):
    """The same stream gives the same draws, another one others."""
    d = np.linspace(-0.2, 0.5, 9)
    draws = [test(d, rope=0.1, rng=stream(name), samples=FEW).samples for name in ("a", "a", "b")]
    assert draws[0].tobytes() == draws[1].tobytes()
    assert draws[0].tobytes() != draws[2].tobytes()


@BOTH
def test_below_six_tasks_no_probability_is_printed(test):
    """With five tasks nothing is decided, and the sentence says why."""
    found = test(np.ones(5), rope=0.1, rng=stream())
    assert not found.decided
    assert (found.left, found.rope, found.right, found.samples) == (None, None, None, None)
    assert "5 independent families" in found.sentence()
    assert found.table().rows == [(0.1, None, None, None)]


@BOTH
def test_the_result_says_what_it_stands_on(test):
    """Prior, seed and number of tasks are printed, and the sentence gives the three probabilities."""
    found = test(np.linspace(0.1, 0.5, 9), rope=0.05, rng=stream(), samples=FEW)
    text = str(found)
    for part in ("prior: ", "9 tasks", "root 0, stream bayes, 2,000 resamples", "above 0.05 with", "±0.05"):
        assert part in text
    assert found.table().rows == [(0.05, found.left, found.rope, found.right)]


@BOTH
@pytest.mark.parametrize(
    ("d", "options"),
    [
        (np.array([0.1, math.nan]), {"rope": 0.1}),
        (np.array([]), {"rope": 0.1}),
        (np.ones((6, 2)), {"rope": 0.1}),
        (np.ones(6), {"rope": -0.1}),
        (np.ones(6), {"rope": math.nan}),
        (np.ones(6), {"rope": 0.1, "prior": -1.0}),
    ],
)
def test_what_is_no_difference_is_refused(test, d, options):
    """NaN, other shapes and negative widths or priors are the caller's errors."""
    with pytest.raises(UsageError):
        test(d, rng=stream(), **options)


def test_an_unknown_place_of_the_prior_is_refused():
    """A prior lies left, in the rope or right."""
    with pytest.raises(UsageError, match="unknown place"):
        bayesian_sign(np.ones(6), rope=0.1, place="middle", rng=stream())


def test_uniform_draws_lie_inside_the_unit_interval():
    """Draws in bulk never touch 0 or 1, and have the moments of the uniform distribution."""
    drawn = uniforms(stream(), (20_000,))
    assert drawn.min() > 0.0
    assert drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.var() == pytest.approx(1 / 12, abs=0.005)
