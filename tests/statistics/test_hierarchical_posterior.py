"""The sampler of the hierarchical test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from assay.foundation.seeding import Stream
from assay.statistics.hierarchical_posterior import (
    Priors,
    Summary,
    _cut_sigmas,
    _freedom_prior,
    _gammas,
    sample_posterior,
    split_r_hat,
)

PRIORS = Priors(centre=1.0, spread=1.0, within=(0.2, 2.0))


def stream(seed=0):
    return Stream(seed, ("posterior",))


@pytest.mark.parametrize("shape", [0.3, 1.0, 2.5, 40.0])
def test_gamma_variates_have_the_gamma_distribution(shape):
    """Draws by rejection are gamma variates, also of shapes below one."""
    drawn = _gammas(np.full(4000, shape), stream())
    assert stats.kstest(drawn, stats.gamma(shape).cdf).pvalue > 0.001


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.8), (0.05, 0.2), (2.0, 3.0), (0.01, 100.0)])
def test_sigmas_between_bounds_have_the_cut_distribution(low, high):
    """1 / sigma^2 is a gamma variate given that it lies between the bounds, wherever these lie."""
    shape, squares = 4.5, 2.0
    drawn = _cut_sigmas(np.full(3000, shape), np.full(3000, squares), low, high, stream())
    assert ((drawn >= low) & (drawn <= high)).all()
    whole = stats.gamma(shape, scale=2.0 / squares)
    ends = whole.cdf(high**-2.0), whole.cdf(low**-2.0)
    if ends[0] > 0.5:
        levels = (whole.sf(high**-2.0) - whole.sf(drawn**-2.0)) / (whole.sf(high**-2.0) - whole.sf(low**-2.0))
    else:
        levels = (whole.cdf(drawn**-2.0) - ends[0]) / (ends[1] - ends[0])
    assert stats.kstest(levels, "uniform").pvalue > 0.001


def test_sigma_of_a_constant_data_set_stays_at_its_least():
    """Without any squares the density runs to the lower bound, which no underflow turns round."""
    drawn = _cut_sigmas(np.full(100, 50.0), np.full(100, 1e-300), 0.001, 1000.0, stream())
    assert drawn == pytest.approx(np.full(100, 0.001), rel=0.1)


def test_the_prior_of_the_degrees_of_freedom_is_a_density():
    """The density of nu - 1 with shape and rate integrated out has mass one."""
    grid, log = _freedom_prior((1.0, 2.0), (0.01, 0.1))
    assert integrate.trapezoid(np.exp(log + grid), grid) == pytest.approx(1.0, abs=1e-4)


def test_split_r_hat_tells_chains_that_agree_from_others():
    """Chains of one distribution have an R-hat near 1, shifted or drifting ones a large one."""
    rng = np.random.default_rng(0)
    trace = rng.normal(size=(400, 8))
    assert split_r_hat(trace) < 1.01
    assert split_r_hat(trace + np.arange(8)) > 1.5
    assert split_r_hat(trace + np.linspace(0, 5, 400)[:, None]) > 1.3
    assert split_r_hat(np.ones((10, 4))) == 1.0


def generated(rng, sets, folds, rho):
    """Return centre, spread and freedom drawn from the priors, and data sets that they made."""
    centre, spread = rng.uniform(-PRIORS.centre, PRIORS.centre), rng.uniform(0, PRIORS.spread)
    freedom = 1 + rng.gamma(rng.uniform(*PRIORS.shape)) / rng.uniform(*PRIORS.rate)
    sigmas = rng.uniform(*PRIORS.within, size=sets)
    deltas = centre + spread * rng.standard_t(freedom, size=sets)
    noise = np.sqrt(1 - rho) * rng.normal(size=(sets, folds)) + np.sqrt(rho) * rng.normal(size=(sets, 1))
    d = deltas[:, None] + sigmas[:, None] * noise
    means = d.mean(axis=1)
    summary = Summary(
        means=means,
        squares=((d - means[:, None]) ** 2).sum(axis=1),
        sizes=np.full(sets, folds),
        correlations=np.full(sets, rho),
    )
    return (centre, spread, freedom), summary


def test_the_posterior_is_that_of_a_grid():
    """For one data set of known sigma the centre's posterior is found by plain integration."""
    priors = Priors(centre=1.0, spread=1e-6, within=(0.5, 0.5 + 1e-9))
    sizes = np.array([4, 6])
    summary = Summary(
        means=np.array([0.3, 0.5]),
        squares=np.array([0.7, 1.2]),
        sizes=sizes,
        correlations=np.array([0.1, 0.2]),
    )
    found = sample_posterior(summary, priors, stream(), draws=200).centre
    grid = np.linspace(-1, 1, 4001)
    variances = 0.25 * (1 + (sizes - 1) * summary.correlations) / sizes
    log = -0.5 * ((grid[:, None] - summary.means) ** 2 / variances).sum(axis=1)
    weight = np.exp(log) / np.exp(log).sum()
    mean = (weight * grid).sum()
    assert found.mean() == pytest.approx(mean, abs=0.01)
    assert found.std() == pytest.approx(np.sqrt((weight * (grid - mean) ** 2).sum()), abs=0.01)


@pytest.mark.slow
def test_simulation_based_calibration():
    """Truths drawn from the priors have uniform ranks in their posteriors (Talts et al. 2018)."""
    rng, trials, bins = np.random.default_rng(77), 240, 10
    levels = np.empty((trials, 3))
    for trial in range(trials):
        truth, summary = generated(rng, 8, 5, 0.2)
        drawn = sample_posterior(summary, PRIORS, stream(trial), draws=50, warm_up=150)
        traces = (drawn.centre, drawn.spread, drawn.freedom)
        levels[trial] = [(trace < value).mean() for value, trace in zip(truth, traces, strict=True)]
    for column in levels.T:
        counts = np.histogram(column, bins=bins, range=(0.0, 1.0))[0]
        assert stats.chisquare(counts).pvalue > 0.002
        assert column.mean() == pytest.approx(0.5, abs=3.3 * np.sqrt(1 / 12 / trials))
