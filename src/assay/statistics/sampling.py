"""What a sample of repeated runs says about the runs that were not repeated."""

from __future__ import annotations

import math

from scipy.special import betaincinv

from assay.foundation.errors import UsageError


def differing_bound(identical: int, sampled: int, population: int, confidence: float = 0.95) -> float:
    """Return an upper confidence bound on the share of a population that differs from its repeat.

    The exact binomial bound (Clopper and Pearson, Biometrika 1934), which with no difference among
    n is 1 - (1 - confidence)^(1/n). It holds for runs drawn by chance from any population, and is
    cautious for a small one, of which the hypergeometric bound would make more. Where every run was
    repeated nothing is left to infer, and the share that differs is returned.
    Raises `UsageError` for counts that cannot be, and for a confidence outside (0, 1).
    """
    if not (0 <= identical <= sampled <= population and sampled):
        raise UsageError(
            f"{identical} identical of {sampled} sampled from {population} cannot be",
            hint="0 <= identical <= sampled <= population, and a sample of one at least",
        )
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"a confidence lies between 0 and 1, got {confidence}", hint="0.95")
    differing = sampled - identical
    if sampled == population:
        return differing / sampled
    if not differing:
        return -math.expm1(math.log1p(-confidence) / sampled)
    if not identical:
        return 1.0
    return float(betaincinv(differing + 1, identical, confidence))


def sentence(identical: int, sampled: int, population: int, confidence: float = 0.95) -> str:
    """Return the bound in words, such as '30 of 30 identical: at 95 % confidence at most 9.5 % ...'."""
    bound = differing_bound(identical, sampled, population, confidence)
    head = f"{identical:,} of {sampled:,} identical"
    if sampled == population:
        return f"{head}: every run was repeated, and {_percent(bound) if bound else 'none'} differ"
    share, level = _percent(bound), f"{100 * confidence:g} %"
    return f"{head}: at {level} confidence at most {share} of the {population:,} runs can differ"


def _percent(share: float) -> str:
    """Return a share as a percentage with one decimal, or with two significant digits below 1 %."""
    percent = 100 * share
    if percent >= 1 or not percent:
        return f"{percent:.1f}".removesuffix(".0") + " %"
    size = math.floor(math.log10(float(f"{percent:.1e}")))
    return f"{percent:.{1 - size}f} %"
