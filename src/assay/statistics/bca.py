"""The BCa bootstrap interval of the mean of many samples at once, from one set of draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from assay.foundation.seeding import Stream, as_stream
from assay.statistics.permutation import mean_of, quantised
from assay.statistics.quantiles import t_quantile

RESAMPLES = 10_000

_CELLS = 1 << 21  # of a matrix of resamples that is held at a time


def expanded_z(n: int, confidence: float, freedom: int | None = None) -> float:
    """Return the normal quantile at which the bootstrap of n values is read.

    `freedom` are the degrees of freedom behind the variance, n - 1 if None; several strata of n add up.

    The resamples of n values vary by sqrt((n - 1) / n) too little, and their ends are those of a normal
    where Student's t is due: sqrt(n / (n - 1)) t(n - 1) instead of z makes up for both (Hesterberg, The
    American Statistician 2015, section 5.3).
    """
    return t_quantile(freedom or n - 1, confidence) * math.sqrt(n / (n - 1))


def bca_ends(block: np.ndarray, rng: Stream, confidence: float) -> list[tuple[float, float]]:
    """Return the BCa interval of the mean of each sorted row of (samples, n), all from one set of draws.

    Efron, JASA 1987, equation 4.1: bias from the share of resamples below the mean, acceleration from
    the jackknife, in which leaving x out moves a mean by (mean - x) / (n - 1); at `expanded_z`.
    """
    n = block.shape[1]
    means = np.array([mean_of(row) for row in block])
    units, scale, bits = quantised(block - means[:, None])
    # Resamples of few distinct values often have the very mean of the sample, but for rounding.
    sums = _resampled_sums(units, as_stream(rng).child("bootstrap", n))
    below = (sums < -n).sum(axis=1) + (np.abs(sums) <= n).sum(axis=1) / 2
    bias = ndtri(np.clip(below, 0.5, RESAMPLES - 0.5) / RESAMPLES)
    z = expanded_z(n, confidence)
    ends = []
    for k, row in enumerate(units):
        if not scale[k, 0]:
            ends.append((float(means[k]), float(means[k])))
            continue
        shares = row / 2.0**bits
        acceleration = float((shares**3).sum() / (6.0 * (shares * shares).sum() ** 1.5))
        levels = [_level(float(bias[k]), acceleration, side * z) for side in (-1, 1)]
        low, high = means[k] + scale[k, 0] * (_quantiles(sums[k], levels) / n / 2.0**bits)
        # No mean of resamples lies outside the sample; scaling back may by a rounding error.
        ends.append((max(float(low), float(block[k, 0])), min(float(high), float(block[k, -1]))))
    return ends


def _level(bias: float, acceleration: float, z: float) -> float:
    """Return the level of the bootstrap distribution that stands for the normal quantile `z`."""
    shifted = bias + z
    shrink = 1.0 - acceleration * shifted
    if shrink <= 0.0:  # beyond its pole the transformation has reached its end
        return 0.0 if shifted < 0.0 else 1.0
    return float(ndtr(bias + shifted / shrink))


def resample_counts(rng: Stream, n: int, rows: int | None = None) -> Iterator[np.ndarray]:
    """Yield how often each of n values is drawn: matrices of `rows` resamples of n, `RESAMPLES` in all."""
    for drawn in _resamples(rng, n, rows):
        places = drawn + np.arange(0, drawn.size, n)[:, None]
        yield np.bincount(places.ravel(), minlength=drawn.size).reshape(-1, n).astype(np.float64)


def _resamples(rng: Stream, n: int, rows: int | None = None) -> Iterator[np.ndarray]:
    step = max(1, _CELLS // n) if rows is None else rows
    for start in range(0, RESAMPLES, step):
        yield as_stream(rng).indices(n, (min(step, RESAMPLES - start), n))


def _resampled_sums(units: np.ndarray, rng: Stream) -> np.ndarray:
    """Return the sums of resamples of each row, (rows, resamples): whole numbers, so exact in any order."""
    n = units.shape[1]
    if len(units) == 1:  # to count what is drawn is worth while only if many rows share it
        parts = [units[:, drawn].sum(axis=2) for drawn in _resamples(rng, n)]
    else:
        parts = [units @ counts.T for counts in resample_counts(rng, n)]
    return np.concatenate(parts, axis=1)


def _quantiles(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return linear quantiles, as numpy's, without sorting what lies elsewhere."""
    places = [level * (len(values) - 1) for level in levels]
    lower = [min(int(place), len(values) - 2) for place in places]
    sifted = np.partition(values, sorted({i + step for i in lower for step in (0, 1)}))
    return np.array(
        [
            sifted[i] + (sifted[i + 1] - sifted[i]) * (place - i)
            for i, place in zip(lower, places, strict=True)
        ]
    )
