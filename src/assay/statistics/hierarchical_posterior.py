"""Posterior draws of Student's t mixture of normal data sets: the sampler of the hierarchical test.

Of data set i, with the units of the data:

    differences ~ normal around delta_i with standard deviation sigma_i and one common correlation
    delta_i     ~ Student's t with centre delta_0, scale sigma_0 and nu degrees of freedom

A Gibbs sampler over many chains at once. The t is a scale mixture of normals: given its weights the
means have exact conditionals. Metropolis steps move sigma_0 with all means integrated out, and sigma_0
with nu with the weights integrated out, since either mixes badly when it is given what it implies.
"""

from __future__ import annotations

import functools
import math

import msgspec
import numpy as np
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, gammaln, ndtr, ndtri

from assay.foundation.seeding import Stream
from assay.statistics.bayesian import uniforms

CHAINS = 16
WARM_UP = 250
THINNING = 3

# Widths of Metropolis steps in the log: of the scale, and of scale and degrees of freedom together.
_STEPS = (0.5, 1.5)
_TAIL_STEPS = ((0.1, 0.5), (0.2, 1.5), (0.5, 2.5), (0.05, 4.0))
_TINY = 1e-300


class Priors(msgspec.Struct, frozen=True, kw_only=True):
    """Uniform priors, in the units of the data: the centre in ±`centre`, the scale below `spread`.

    sigma_i lies between the two values of `within`; nu - 1 is gamma with shape and rate uniform in
    `shape` and `rate` (those of baycomp).
    """

    centre: float
    spread: float
    within: tuple[float, float]
    shape: tuple[float, float] = (1.0, 2.0)
    rate: tuple[float, float] = (0.01, 0.1)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the likelihood sees of the data sets: means, sums of squares, sizes, correlations: (sets,)."""

    means: np.ndarray
    squares: np.ndarray
    sizes: np.ndarray
    correlations: np.ndarray


class Posterior(msgspec.Struct, frozen=True, kw_only=True):
    """Posterior draws: `centre`, `spread` and `freedom` (draws, chains), means of data sets (sets,)."""

    centre: np.ndarray
    spread: np.ndarray
    freedom: np.ndarray
    means: np.ndarray


def sample_posterior(
    summary: Summary, priors: Priors, rng: Stream, *, draws: int, warm_up: int = WARM_UP, chains: int = CHAINS
) -> Posterior:
    """Return posterior draws; the order of the data sets changes none of them."""
    order = np.lexsort((summary.sizes, summary.squares, summary.means))
    chain = _Chains(_reordered(summary, order), priors, rng, chains)
    traces = np.empty((3, draws, chains))
    total = np.zeros((chains, len(order)))
    for step in range(-warm_up, draws):
        for _ in range(1 if step < 0 else THINNING):
            chain.sweep()
        if step >= 0:
            traces[:, step] = chain.centre, chain.spread, chain.freedom
            total += chain.deltas
    means = np.empty(len(order))
    means[order] = total.sum(axis=0) / (draws * chains)
    return Posterior(centre=traces[0], spread=traces[1], freedom=traces[2], means=means)


def split_r_hat(trace: np.ndarray) -> float:
    """Return the split R-hat of a trace (draws, chains) (Gelman et al., Bayesian Data Analysis, 11.4)."""
    half = len(trace) // 2
    parts = np.concatenate([trace[:half], trace[-half:]], axis=1)
    within = float(parts.var(axis=0, ddof=1).mean())
    between = float(parts.mean(axis=0).var(ddof=1))
    return math.sqrt((half - 1) / half + between / within) if within > 0.0 else 1.0


class _Chains:
    """The state of several chains, all moved at once; arrays are (chains,) or (chains, sets)."""

    def __init__(self, summary: Summary, priors: Priors, rng: Stream, chains: int) -> None:
        self._data, self._priors, self._rng = summary, priors, rng
        self._of_mean = 1.0 + (summary.sizes - 1) * summary.correlations
        self._shape = (chains, len(summary.means))
        start = uniforms(rng, (3, chains))
        width = min(priors.spread, float(np.ptp(summary.means)) or priors.within[0])
        self.spread = width * (0.05 + 0.9 * start[0])
        self.centre = np.clip(np.median(summary.means) + width * (start[1] - 0.5), *self._bounds())
        self.freedom = 1.0 + 30.0 * start[2]
        self.weights = np.ones(self._shape)
        sd = np.sqrt(summary.squares / (summary.sizes - 1))
        self.sigmas = np.broadcast_to(np.clip(sd, *priors.within), self._shape)
        self.deltas = np.broadcast_to(summary.means, self._shape)

    def sweep(self) -> None:
        """Move every unknown of every chain once."""
        self._move_means()
        self._move_tails()
        self._move_sigmas()

    def _bounds(self) -> tuple[float, float]:
        return -self._priors.centre, self._priors.centre

    def _move_means(self) -> None:
        """Draw spread, centre and means together, given the weights and sigmas."""
        noise = self.sigmas**2 * (self._of_mean / self._data.sizes)
        for width in _STEPS:
            then = self.spread * np.exp(width * self._normals((self._shape[0],)))
            ratio = self._log_spread(then, noise) - self._log_spread(self.spread, noise)
            self.spread = np.where(self._taken(ratio), then, self.spread)
        total, mean = self._pooled(self.spread, noise)
        error = 1.0 / np.sqrt(total)
        self.centre = mean + error * self._cut_normals(
            (np.array(self._bounds()) - mean[:, None]) / error[:, None]
        )
        prior = self.weights / self.spread[:, None] ** 2
        precision = 1.0 / noise + prior
        middle = (self._data.means / noise + prior * self.centre[:, None]) / precision
        self.deltas = middle + self._normals(self._shape) / np.sqrt(precision)

    def _pooled(self, spread: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the precision and the mean of the centre, with the means of the data sets integrated out."""
        precision = 1.0 / (noise + spread[:, None] ** 2 / self.weights)
        total = precision.sum(axis=1)
        return total, (precision * self._data.means).sum(axis=1) / total

    def _log_spread(self, spread: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return the log posterior of log spread, with centre and means integrated out."""
        total, mean = self._pooled(spread, noise)
        precision = 1.0 / (noise + spread[:, None] ** 2 / self.weights)
        residual = (precision * (self._data.means - mean[:, None]) ** 2).sum(axis=1)
        ends = (np.array(self._bounds()) - mean[:, None]) * np.sqrt(total)[:, None]
        inside = np.log(np.maximum(ndtr(ends[:, 1]) - ndtr(ends[:, 0]), _TINY))
        found = 0.5 * (np.log(precision).sum(axis=1) - np.log(total) - residual) + inside + np.log(spread)
        return np.where(spread < self._priors.spread, found, -np.inf)

    def _move_tails(self) -> None:
        """Move spread and degrees of freedom without the weights, and draw the weights anew."""
        squares = (self.deltas - self.centre[:, None]) ** 2
        for widths in _TAIL_STEPS:
            steps = np.exp(np.array(widths)[:, None] * self._normals((2, self._shape[0])))
            now, then = (
                (self.spread, self.freedom - 1.0),
                (self.spread * steps[0], (self.freedom - 1.0) * steps[1]),
            )
            ratio = _log_tails(*then, squares, self._priors) - _log_tails(*now, squares, self._priors)
            taken = self._taken(ratio)
            self.spread = np.where(taken, then[0], now[0])
            self.freedom = 1.0 + np.where(taken, then[1], now[1])
        shape = np.broadcast_to((self.freedom[:, None] + 1.0) / 2.0, self._shape)
        drawn = _gammas(shape, self._rng) * 2.0
        self.weights = np.maximum(
            drawn / (self.freedom[:, None] + squares / self.spread[:, None] ** 2), _TINY
        )

    def _move_sigmas(self) -> None:
        """Draw the precision of each data set: gamma, cut to the bounds of sigma."""
        data, (low, high) = self._data, self._priors.within
        squares = data.squares / (1.0 - data.correlations)
        squares = squares + data.sizes * (data.means - self.deltas) ** 2 / self._of_mean
        shape = np.broadcast_to((data.sizes - 1) / 2.0, self._shape)
        self.sigmas = _cut_sigmas(shape, np.maximum(squares, _TINY), low, high, self._rng)

    def _taken(self, ratio: np.ndarray) -> np.ndarray:
        """Return which chains take a Metropolis step of this log ratio."""
        return np.asarray(np.log(uniforms(self._rng, ratio.shape)) < ratio)

    def _normals(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(ndtri(uniforms(self._rng, shape)))

    def _cut_normals(self, ends: np.ndarray) -> np.ndarray:
        """Return standard normal draws between two ends for each chain: (chains, 2)."""
        # In the far tail differences of probabilities vanish; mirror it to where they do not.
        turned = ends[:, 0] > 0.0
        low = np.where(turned, -ends[:, 1], ends[:, 0])
        high = np.where(turned, -ends[:, 0], ends[:, 1])
        below, above = ndtr(low), ndtr(high)
        level = below + uniforms(self._rng, low.shape) * (above - below)
        drawn = np.clip(ndtri(np.maximum(level, _TINY)), low, high)
        return np.asarray(np.where(turned, -drawn, drawn))


def _gammas(shape: np.ndarray, rng: Stream) -> np.ndarray:
    """Return gamma variates of scale 1 (Marsaglia and Tsang, ACM TOMS 2000)."""
    small = shape < 1.0
    d = (shape + small - 1.0 / 3.0).reshape(-1)
    c = 1.0 / np.sqrt(9.0 * d)
    found: np.ndarray = np.empty(d.shape)
    left = np.arange(d.size)
    while left.size:
        normal, uniform = ndtri(uniforms(rng, left.shape)), uniforms(rng, left.shape)
        cube = np.maximum(1.0 + c[left] * normal, 0.0) ** 3
        bound = 0.5 * normal**2 + d[left] * (1.0 - cube + np.log(np.maximum(cube, _TINY)))
        taken = (cube > 0.0) & (np.log(uniform) < bound)
        found[left[taken]] = (d[left] * cube)[taken]
        left = left[~taken]
    found = found.reshape(shape.shape)
    if small.any():
        found = np.where(small, found * uniforms(rng, shape.shape) ** (1.0 / shape), found)
    return found


def _cut_sigmas(shape: np.ndarray, squares: np.ndarray, low: float, high: float, rng: Stream) -> np.ndarray:
    """Return sigma between two bounds, of which 1 / sigma^2 is gamma with this shape and rate squares / 2."""
    rate = squares / 2.0
    least, most = rate / high**2, rate / low**2
    drawn = _gammas(shape, rng)
    # What falls outside is drawn anew by inversion, which leaves the cut distribution as it is.
    out = (drawn < least) | (drawn > most)
    if out.any():
        drawn[out] = _cut_gammas(shape[out], least[out], most[out], uniforms(rng, (int(out.sum()),)))
    return np.asarray(np.sqrt(rate / drawn))


def _cut_gammas(shape: np.ndarray, low: np.ndarray, high: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return gamma variates between two ends by inversion, in whichever tail keeps its digits."""
    ends = gammainc(shape, low), gammainc(shape, high)
    tails = gammaincc(shape, low), gammaincc(shape, high)
    lower = gammaincinv(shape, ends[0] + level * (ends[1] - ends[0]))
    upper = gammainccinv(shape, tails[0] - level * (tails[0] - tails[1]))
    found = np.where(ends[0] > 0.5, upper, lower)
    # Far below the mode the density is a power of the variate.
    found = np.where(ends[1] < _TINY, high * level ** (1.0 / shape), found)
    return np.asarray(np.clip(np.where(np.isfinite(found), found, low), low, high))


def _log_tails(spread: np.ndarray, x: np.ndarray, squares: np.ndarray, priors: Priors) -> np.ndarray:
    """Return the log posterior of log spread and of log x, x = nu - 1, with the weights integrated out."""
    nu, sets = 1.0 + x, squares.shape[1]
    each = gammaln((nu + 1.0) / 2.0) - gammaln(nu / 2.0) - 0.5 * np.log(nu) - np.log(spread)
    tails = np.log1p(squares / (nu * spread**2)[:, None]).sum(axis=1)
    grid, density = _freedom_prior(priors.shape, priors.rate)
    prior = np.interp(np.log(x), grid, density) + np.log(x) + np.log(spread)
    found = prior + sets * each - (nu + 1.0) / 2.0 * tails
    return np.where(spread < priors.spread, found, -np.inf)


@functools.cache
def _freedom_prior(shape: tuple[float, float], rate: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the log density of nu - 1 over a grid of its log, shape and rate integrated out."""
    grid = np.linspace(-14.0, 10.0, 1201)
    middles = (np.arange(32) + 0.5) / 32
    a, b = (low + (high - low) * middles for low, high in (shape, rate))
    first, second = a[:, None, None], b[None, :, None]
    log = first * np.log(second) + (first - 1.0) * grid - second * np.exp(grid) - gammaln(first)
    return grid, np.log(np.maximum(np.exp(log).mean(axis=(0, 1)), _TINY))


def _reordered(summary: Summary, order: np.ndarray) -> Summary:
    return Summary(
        means=summary.means[order],
        squares=summary.squares[order],
        sizes=summary.sizes[order],
        correlations=summary.correlations[order],
    )
