"""Intervals for means and for differences of means of independent samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.bca import bca_ends
from assay.statistics.interval import Interval
from assay.statistics.permutation import checked
from assay.statistics.quantiles import t_quantile

SMALL = 10  # below this the bootstrap is too narrow, and a t interval is given

Sample = Sequence[float] | np.ndarray


def mean_interval(
    values: Sample, *, rng: Stream, varied: tuple[str, ...], confidence: float = 0.95
) -> Interval:
    """Return the mean of a sample with its interval: Student's t below ten values, BCa from there.

    One value has no interval (`low` and `high` are None); values that are all equal have one of
    width zero. Equal streams give equal intervals, whatever the order of the values. Raises
    `UsageError` for an empty sample and for values that are not finite.
    """
    return mean_intervals([values], rng=rng, varied=varied, confidence=confidence)[0]


def mean_intervals(
    samples: Sequence[Sample], *, rng: Stream, varied: tuple[str, ...], confidence: float = 0.95
) -> list[Interval]:
    """Return what `mean_interval` returns for each of many samples, from shared draws."""
    ordered = [_checked(values, confidence) for values in samples]
    ends: list[tuple[float, float] | None] = [None] * len(ordered)
    for n in sorted({len(sample) for sample in ordered if len(sample) >= SMALL}):
        places = [i for i, sample in enumerate(ordered) if len(sample) == n]
        made = bca_ends(np.stack([ordered[i] for i in places]), rng, confidence)
        for i, pair in zip(places, made, strict=True):
            ends[i] = pair
    return [_interval(*pair, varied, confidence) for pair in zip(ordered, ends, strict=True)]


def _interval(
    sample: np.ndarray, ends: tuple[float, float] | None, varied: tuple[str, ...], confidence: float
) -> Interval:
    n, mean, sd = len(sample), _mean(sample), _sd(sample)
    low: float | None
    high: float | None
    if sd is None:
        method, low, high = "none", None, None
    elif ends is None:
        half = t_quantile(n - 1, confidence) * sd / math.sqrt(n)
        method, low, high = "t", mean - half, mean + half
    else:
        method, (low, high) = "BCa", ends
    return Interval(
        mean=mean, low=low, high=high, sd=sd, n=n, confidence=confidence, method=method, varied=varied
    )


def welch_interval(a: Sample, b: Sample, *, varied: tuple[str, ...], confidence: float = 0.95) -> Interval:
    """Return mean(a) - mean(b) of two independent samples with Welch's interval (Biometrika 1947).

    See `combine` for `n`, `sd`, samples of one value, and errors.
    """
    return combine([(a, b)], varied=varied, confidence=confidence)


def combine(
    pairs: Sequence[tuple[Sample, Sample]], *, varied: tuple[str, ...], confidence: float = 0.95
) -> Interval:
    """Return the mean over pairs of mean(a) - mean(b), all samples independent, variances unequal.

    The squared standard error is the sum of s²/n over the samples, divided by the squared number of
    pairs; its degrees of freedom are Satterthwaite's (Biometrics Bulletin 1946). `n` is the size of
    the smallest sample, and `sd` the standard deviation of the same mean over one value of each.
    Where a sample has a single value, or no sample varies, there is no interval: runs that all agree
    say nothing of how far others would lie.
    Raises `UsageError` without pairs, for an empty sample and for values that are not finite.
    """
    if not pairs:
        raise UsageError("a mean difference needs a pair of samples at least")
    samples = [_checked(sample, confidence) for pair in pairs for sample in pair]
    signed = [_mean(sample) * (-1) ** i for i, sample in enumerate(samples)]
    mean = math.fsum(signed) / len(pairs)
    sds = [sd for sample in samples if (sd := _sd(sample)) is not None]
    low = high = sd = None
    if len(sds) == len(samples):
        sd = math.hypot(*sorted(sds)) / len(pairs)
        half = _half_width(sds, [len(sample) for sample in samples], confidence) / len(pairs)
        low, high = (mean - half, mean + half) if sd else (None, None)
    return Interval(
        mean=mean,
        low=low,
        high=high,
        sd=sd,
        n=min(map(len, samples)),
        confidence=confidence,
        method="Welch" if sd else "none",
        varied=varied,
    )


def mean_band(values: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean over the rows of an array, and the ends of its t interval in each column.

    `values` is finite, of shape (runs, points). With one run the ends are NaN.
    """
    n = len(values)
    mean = values.mean(axis=0)
    if n < 2:
        unknown = np.full_like(mean, np.nan)
        return mean, unknown, unknown
    half = t_quantile(n - 1, confidence) / math.sqrt(n) * values.std(axis=0, ddof=1)
    return mean, mean - half, mean + half


def _checked(values: Sample, confidence: float) -> np.ndarray:
    """Return a sample in increasing order, so that no result depends on the order it came in."""
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"a confidence lies between 0 and 1, got {confidence}", hint="0.95")
    return np.sort(checked(values))


def _mean(sample: np.ndarray) -> float:
    """Return the mean of a sorted sample; that of equal values is exactly their value."""
    if sample[0] == sample[-1]:
        return float(sample[0])
    return math.fsum((sample / len(sample)).tolist())


def _sd(sample: np.ndarray) -> float | None:
    if len(sample) < 2:
        return None
    deviations, scale = _deviations(sample, _mean(sample))
    return scale * math.sqrt(float(deviations @ deviations) / (len(sample) - 1))


def _deviations(sample: np.ndarray, mean: float) -> tuple[np.ndarray, float]:
    """Return the deviations from the mean in units of the largest, so that no power of them overflows."""
    deviations = sample - mean
    scale = float(np.abs(deviations).max())
    return (deviations / scale if scale else deviations), scale


def _half_width(sds: Sequence[float], sizes: Sequence[int], confidence: float) -> float:
    """Return half the width of the interval of a sum of independent means."""
    errors = [sd / math.sqrt(n) for sd, n in zip(sds, sizes, strict=True)]
    scale = max(errors)
    if not scale:
        return 0.0
    shares = [(error / scale) ** 2 for error in errors]
    total = math.fsum(shares)
    freedom = total**2 / math.fsum(share**2 / (n - 1) for share, n in zip(shares, sizes, strict=True))
    return t_quantile(freedom, confidence) * scale * math.sqrt(total)
