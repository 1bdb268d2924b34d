"""Differences over families of tasks: what a claim about tasks rests on.

Tasks of one family are averaged first; each family then counts as one independent task, and search
seeds play no part any more: no number of replicates makes few tasks many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from assay.statistics.interval import Interval
from assay.statistics.quantiles import t_quantile

OVER_FAMILIES = ("families of tasks",)
_EXACT = 16
_SLACK = 1e-9  # a level that is a whole number of subsets, but for rounding


def family_interval(differences: Mapping[str, float], confidence: float) -> Interval:
    """Return the mean difference over families, with the interval that the sign-flip test gives.

    Up to 16 families the interval holds the values that the exact two-sided sign-flip test does not
    reject, which lie between two of the sorted means of all subsets (Hartigan, JASA 1969, theorem 1);
    above that it is Student's t. Differences are taken as symmetric about their centre. Where so few
    families could not reject anything at this confidence, there is no interval.
    """
    values = sorted(differences.values())
    n = len(values)
    mean = math.fsum(values) / n
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None
    low = high = None
    if n > _EXACT and sd is not None:
        half = t_quantile(n - 1, confidence) * sd / math.sqrt(n)
        low, high = mean - half, mean + half
    elif k := int((1 - confidence) / 2 * 2**n + _SLACK):
        means = _subset_means(values)
        low, high = float(means[k - 1]), float(means[-k])
    return Interval(
        mean=mean,
        low=low,
        high=high,
        sd=sd,
        n=n,
        confidence=confidence,
        method="none" if low is None else "t" if n > _EXACT else "sign-flip",
        varied=OVER_FAMILIES,
    )


def least_families(confidence: float) -> int:
    """Return how many families the sign-flip test needs to reject anything at this confidence."""
    n = 1
    while not int((1 - confidence) / 2 * 2**n + _SLACK):
        n += 1
    return n


def _subset_means(values: Sequence[float]) -> np.ndarray:
    """Return the means of all subsets but the empty one, sorted; summed in one order on every machine."""
    sums, sizes = np.zeros(1), np.zeros(1)
    for value in values:
        sums, sizes = np.concatenate([sums, sums + value]), np.concatenate([sizes, sizes + 1.0])
    return np.sort(sums[1:] / sizes[1:])
