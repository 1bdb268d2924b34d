"""The Bayesian hierarchical test of two methods over data sets, each with several runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from scipy.special import stdtr

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, seed_text
from assay.statistics.bayesian import RopeProbabilities
from assay.statistics.families import FAMILIES_NEEDED, too_few
from assay.statistics.hierarchical_posterior import (
    CHAINS,
    THINNING,
    Posterior,
    Priors,
    Summary,
    sample_posterior,
    split_r_hat,
)
from assay.statistics.table import Table

CONVERGED = 1.05

_LEAST_SIGMA = 1e-3
_WIDE = 1000.0


class Hierarchical(RopeProbabilities, frozen=True, kw_only=True):
    """The probabilities of the next data set's mean difference, and what was learned on the way.

    `observed` are the mean differences of the data sets and `shrunken` their posterior means;
    `mean` and `spread` are posterior medians of the centre and the scale of the distribution of data
    sets, `freedom` that of its degrees of freedom; `r_hat` is the largest split R-hat of these three.
    All but `observed` are None where `decided` is False.
    """

    observed: tuple[float, ...]
    shrunken: tuple[float, ...] | None
    mean: float | None
    spread: float | None
    freedom: float | None
    r_hat: float | None

    def table(self) -> Table:
        """Return one row for each data set, with the three probabilities in every row."""
        shrunken = self.shrunken or (None,) * len(self.observed)
        rows = enumerate(zip(self.observed, shrunken, strict=True), start=1)
        shared = (self.rope_width, self.left, self.rope, self.right)
        return Table(
            ("data set", "observed", "shrunken", "rope half-width", "left", "rope", "right"),
            [(i, observed, posterior, *shared) for i, (observed, posterior) in rows],
        )


def bayesian_hierarchical(
    d: Sequence[np.ndarray] | np.ndarray,
    *,
    rope: float,
    rng: Stream,
    runs: int = 1,
    correlation: float | None = None,
    draws: int = 1000,
) -> Hierarchical:
    """Return the hierarchical test of differences of two methods (Corani et al., Machine Learning 2017).

    `d` holds the differences of each data set, (sets, folds) or one array for each set, two at least.
    They come from `runs` repeats of cross-validation, whose correlation is runs / differences (one
    over the folds); `correlation` replaces it, 0 for independent seeds. `draws` are of each of the
    sixteen chains. The probabilities are those of left, rope and right being the likeliest place of
    the mean difference on a new data set. Raises `UsageError` for values that are not finite.
    """
    groups = [np.sort(np.asarray(one, dtype=np.float64)) for one in d]
    summary, scale = _summarise(groups, rope, runs, correlation)
    decided = len(groups) >= FAMILIES_NEEDED
    observed = tuple((summary.means * scale).tolist())
    priors = _priors(summary, max(float(np.abs(one).max()) for one in groups) / scale, rope / scale)
    basis = _basis(groups, summary, priors, scale)
    if not decided:
        none = dict.fromkeys(("left", "rope", "right", "samples", "shrunken", "mean", "spread", "freedom"))
        return Hierarchical(
            basis=basis, rope_width=rope, decided=False, observed=observed, r_hat=None, **none
        )
    posterior = sample_posterior(summary, priors, rng, draws=draws)
    shares = _shares(posterior, rope / scale)
    winners = shares.argmax(axis=-1)
    left, within, right = (np.bincount(winners.reshape(-1), minlength=3) / winners.size).tolist()
    r_hat = max(
        split_r_hat(trace)
        for trace in (posterior.centre, np.log(posterior.spread), np.log(posterior.freedom - 1.0))
    )
    return Hierarchical(
        basis=msgspec.structs.replace(
            basis,
            seed=seed_text(rng) + f", {CHAINS} chains of {draws:,} draws, each after {THINNING} sweeps",
            cautions=(*basis.cautions, *_doubts(winners, r_hat)),
        ),
        left=left,
        rope=within,
        right=right,
        rope_width=float(rope),
        samples=shares.reshape(-1, 3),
        decided=True,
        observed=observed,
        shrunken=tuple((posterior.means * scale).tolist()),
        mean=float(np.median(posterior.centre)) * scale,
        spread=float(np.median(posterior.spread)) * scale,
        freedom=float(np.median(posterior.freedom)),
        r_hat=r_hat,
    )


def _shares(posterior: Posterior, rope: float) -> np.ndarray:
    """Return the probability of a new data set's mean left of, in and right of the rope, for each draw."""
    nu, centre, spread = posterior.freedom, posterior.centre, posterior.spread
    left = stdtr(nu, (-rope - centre) / spread)
    right = stdtr(nu, (centre - rope) / spread)
    return np.stack([left, np.clip(1.0 - left - right, 0.0, 1.0), right], axis=-1)


def _summarise(
    groups: list[np.ndarray], rope: float, runs: int, correlation: float | None
) -> tuple[Summary, float]:
    """Return the summary of data sets in units of their mean standard deviation, and that unit."""
    if not groups or any(one.ndim != 1 or len(one) < 2 or not np.isfinite(one).all() for one in groups):
        raise UsageError(
            "the hierarchical test needs two finite differences or more for each data set",
            why="a failed run has no difference, and leaving it out would favour the method that failed",
        )
    sizes = np.array([len(one) for one in groups])
    shared = runs / sizes if correlation is None else np.full(len(groups), float(correlation))
    if not (np.isfinite(rope) and rope >= 0.0 and (shared >= 0.0).all() and (shared < 1.0).all()):
        raise UsageError(
            "a rope is 0 at least, and a correlation between 0 and 1",
            why=f"rope {rope:g}, {runs} runs, correlations up to {shared.max():g}",
            hint="runs is the number of repeats of the cross-validation, 1 for a single one",
        )
    means = np.array([math.fsum(one.tolist()) / len(one) for one in groups])
    centred = [np.where(one[0] == one[-1], 0.0, one - mean) for one, mean in zip(groups, means, strict=True)]
    squares = np.array([math.fsum((one * one).tolist()) for one in centred])
    widest = max(float(np.abs(one).max()) for one in groups)
    scale = math.fsum(np.sqrt(squares / sizes).tolist()) / len(groups) or widest or rope or 1.0
    return Summary(means=means / scale, squares=squares / scale**2, sizes=sizes, correlations=shared), scale


def _priors(summary: Summary, widest: float, rope: float) -> Priors:
    """Return the bounds of baycomp, and a least sigma that keeps constant data sets apart from certainty."""
    among = float(summary.means.std())
    return Priors(
        centre=max(widest, rope) or 1.0, spread=_WIDE * (among or 1.0), within=(_LEAST_SIGMA, _WIDE)
    )


def _doubts(winners: np.ndarray, r_hat: float) -> tuple[str, ...]:
    """Return the Monte Carlo error of the probabilities, and whether the chains agree."""
    chains = np.array([[(trace == place).mean() for place in range(3)] for trace in winners.T])
    error = float(chains.std(axis=0, ddof=1).max()) / math.sqrt(len(chains))
    return (
        f"each probability has a Monte Carlo error of {error:.1g} at most (standard error over chains)",
        *((f"the chains do not agree yet: R-hat is {r_hat:.3f}",) if r_hat > CONVERGED else ()),
    )


def _basis(groups: list[np.ndarray], summary: Summary, priors: Priors, scale: float) -> Basis:
    few = too_few(len(groups))
    correlations = sorted({f"{one:.3g}" for one in summary.correlations.tolist()})
    return Basis(
        procedure="Bayesian hierarchical test",
        source="Corani, Benavoli, Demšar, Mangili and Zaffalon, Machine Learning 2017, section 3",
        n={"tasks": len(groups), "differences": sum(map(len, groups))},
        varied=("tasks", "runs within tasks"),
        assumptions=(
            f"differences within a data set are normal with correlation {', '.join(correlations)}",
            "data sets are independent, and their means have Student's t",
            _prior_text(priors, scale),
        ),
        zeros="inside the rope",
        cautions=(few,) if few else (),
    )


def _prior_text(priors: Priors, scale: float) -> str:
    low, high = (scale * end for end in priors.within)
    return (
        f"priors: centre uniform in ±{priors.centre * scale:.3g}, scale uniform below "
        f"{priors.spread * scale:.3g}, each sigma uniform from {low:.3g} to {high:.3g}, "
        f"nu - 1 gamma with shape uniform from {priors.shape[0]:g} to {priors.shape[1]:g} "
        f"and rate from {priors.rate[0]:g} to {priors.rate[1]:g}"
    )
