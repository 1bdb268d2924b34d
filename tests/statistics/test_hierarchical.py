"""The Bayesian hierarchical test over data sets with several runs each."""

from __future__ import annotations

import numpy as np
import pytest

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.hierarchical import bayesian_hierarchical

DRAWS = 100


def hierarchical(d, *, rope=0.1, seed=0, draws=DRAWS, **options):
    return bayesian_hierarchical(d, rope=rope, rng=Stream(seed, ("hierarchical",)), draws=draws, **options)


def made(sets, folds, *, mean, spread, noise, seed=1, freedom=None):
    """Return differences of data sets whose means are drawn around `mean`, and these means."""
    rng = np.random.default_rng(seed)
    draw = rng.normal(size=sets) if freedom is None else rng.standard_t(freedom, size=sets)
    means = mean + spread * draw
    return means[:, None] + noise * rng.normal(size=(sets, folds)), means


def test_known_means_are_recovered():
    """Centre and spread of many data sets come out near those that made them."""
    d, _ = made(60, 10, mean=0.5, spread=0.3, noise=0.5)
    found = hierarchical(d, correlation=0.0)
    assert found.mean == pytest.approx(0.5, abs=0.12)
    assert found.spread == pytest.approx(0.3, abs=0.1)


def test_means_of_noisy_data_sets_shrink_to_the_centre():
    """Posterior means lie nearer to each other, and nearer to the truth, than the observed ones."""
    d, means = made(40, 4, mean=0.2, spread=0.1, noise=1.0)
    found = hierarchical(d, correlation=0.0)
    observed, shrunken = np.array(found.observed), np.array(found.shrunken)
    assert observed == pytest.approx(d.mean(axis=1))
    assert shrunken.std() < 0.6 * observed.std()
    assert np.abs(shrunken - means).mean() < 0.6 * np.abs(observed - means).mean()


def test_means_of_exact_data_sets_hardly_shrink():
    """Where the noise is small beside the spread, the data sets keep their means."""
    d, _ = made(20, 10, mean=0.0, spread=1.0, noise=0.01)
    found = hierarchical(d)
    assert found.shrunken == pytest.approx(found.observed, abs=0.01)


@pytest.mark.parametrize(("mean", "place"), [(-1.0, 0), (0.0, 1), (1.0, 2)])
def test_clear_differences_have_clear_probabilities(mean, place):
    """A large difference goes left or right, and a small one into the rope; the three sum to 1."""
    d, _ = made(15, 10, mean=mean, spread=0.05, noise=0.1)
    found = hierarchical(d, rope=0.3)
    three = [found.left, found.rope, found.right]
    assert sum(three) == pytest.approx(1.0)
    assert three[place] > 0.98
    assert found.samples.shape == (16 * DRAWS, 3)
    assert found.samples.sum(axis=1) == pytest.approx(np.ones(16 * DRAWS))


def test_correlated_folds_leave_more_doubt():
    """Folds that share training data say less of a data set than as many independent seeds."""
    d, _ = made(12, 10, mean=0.1, spread=0.1, noise=0.3)
    shrunken = [np.std(hierarchical(d, correlation=rho).shrunken) for rho in (0.0, 0.8)]
    assert shrunken[1] < 0.7 * shrunken[0]


def test_runs_give_the_correlation_of_cross_validation():
    """With 2 runs of 5 folds the correlation is one fifth, and 1 run of 10 gives one tenth."""
    d, _ = made(8, 10, mean=0.1, spread=0.1, noise=0.3)
    assert "correlation 0.2" in str(hierarchical(d, runs=2, draws=6))
    assert "correlation 0.1" in str(hierarchical(d, draws=6))
    assert hierarchical(d, runs=2, draws=6).left == hierarchical(d, correlation=0.2, draws=6).left


def test_the_order_of_data_sets_and_folds_changes_no_bit():
    """Permuting data sets permutes their means; permuting folds changes nothing."""
    d, _ = made(9, 6, mean=0.1, spread=0.1, noise=0.2)
    order = [4, 2, 0, 8, 6, 1, 3, 5, 7]
    first, second = hierarchical(d, draws=40), hierarchical(d[order][:, ::-1], draws=40)
    assert first.samples.tobytes() == second.samples.tobytes()
    assert second.shrunken == tuple(first.shrunken[i] for i in order)


def test_the_unit_of_the_differences_plays_no_part():
    """Differences and rope in percent give the probabilities of those in shares."""
    d, _ = made(9, 6, mean=0.1, spread=0.1, noise=0.2)
    first, second = hierarchical(d, draws=60), hierarchical(d * 128.0, rope=12.8, draws=60)
    assert second.right == first.right
    assert second.mean == pytest.approx(128.0 * first.mean)


def test_data_sets_may_have_different_numbers_of_folds():
    """A list of arrays of different sizes is one data set each."""
    d, _ = made(8, 10, mean=0.5, spread=0.05, noise=0.1)
    found = hierarchical([row[: 2 + i] for i, row in enumerate(d)], draws=60)
    assert found.right > 0.9
    assert found.basis.n == {"tasks": 8, "differences": sum(range(2, 10))}


@pytest.mark.parametrize("rope", [0.0, 0.01])
def test_data_sets_without_any_variance_have_an_answer(rope):
    """Constant data sets, equal methods among them, neither fail nor freeze the sampler."""
    d, _ = made(8, 6, mean=0.1, spread=0.05, noise=0.1)
    d[2], d[5] = 0.07, 0.0
    found = hierarchical(d, rope=rope, draws=40)
    assert found.shrunken[2] == pytest.approx(0.07, abs=1e-3)
    equal = hierarchical(np.zeros((8, 5)), rope=rope)
    assert equal.rope == 1.0 if rope else equal.left == pytest.approx(0.5, abs=0.05)


def test_a_heavy_tail_is_not_taken_for_a_large_spread():
    """One odd data set among many that agree leaves the centre where it is."""
    d, _ = made(20, 8, mean=0.3, spread=0.02, noise=0.05)
    odd = d.copy()
    odd[0] += 5.0
    found = hierarchical(odd)
    assert found.mean == pytest.approx(0.3, abs=0.05)
    assert found.spread < 0.2
    assert found.freedom < hierarchical(d).freedom


def test_priors_seed_and_error_are_printed():
    """The basis states the priors, the chains and the Monte Carlo error."""
    d, _ = made(8, 6, mean=0.1, spread=0.05, noise=0.1)
    text = str(hierarchical(d, draws=30))
    for part in ("priors: centre uniform in", "nu - 1 gamma", "16 chains of 30 draws", "Monte Carlo error"):
        assert part in text


def test_chains_that_disagree_are_told():
    """A handful of draws has a large R-hat, and the cautions say that the chains do not agree."""
    d, _ = made(8, 6, mean=0.1, spread=0.05, noise=0.1)
    found = hierarchical(d, draws=6)
    assert found.r_hat > 1.05
    assert any("do not agree" in caution for caution in found.basis.cautions)


def test_equal_streams_give_equal_bytes():
    """The same stream gives the same draws, another root others."""
    d, _ = made(8, 6, mean=0.1, spread=0.05, noise=0.1)
    draws = [hierarchical(d, seed=seed, draws=20).samples.tobytes() for seed in (0, 0, 1)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_below_six_data_sets_no_probability_is_printed():
    """With five data sets only what was observed is given, and the sentence says why."""
    d, _ = made(5, 6, mean=0.1, spread=0.05, noise=0.1)
    found = hierarchical(d)
    assert not found.decided
    assert (found.left, found.samples, found.shrunken, found.r_hat) == (None, None, None, None)
    assert len(found.observed) == 5
    assert "5 independent families" in found.sentence()
    assert found.table().rows[0] == (1, found.observed[0], None, 0.1, None, None, None)


@pytest.mark.parametrize(
    ("d", "options"),
    [
        ([], {}),
        ([[0.1]] * 6, {}),
        ([[0.1, float("nan")]] * 6, {}),
        ([[0.1, 0.2]] * 6, {"runs": 2}),
        ([[0.1, 0.2]] * 6, {"rope": -0.1}),
        ([[0.1, 0.2]] * 6, {"correlation": 1.0}),
        ([[0.1, 0.2]] * 6, {"correlation": -0.1}),
    ],
)
def test_what_the_model_cannot_hold_is_refused(d, options):
    """Single or missing differences and impossible correlations are the caller's errors."""
    with pytest.raises(UsageError):
        hierarchical(d, **options)
