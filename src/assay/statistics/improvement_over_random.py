"""Relative improvement over random search (Yang, Esperança and Carlucci, ICLR 2020)."""

from __future__ import annotations

import math

import numpy as np

from assay.foundation.errors import UsageError
from assay.statistics.basis import Basis, Result
from assay.statistics.intervals import Sample
from assay.statistics.permutation import checked, checked_share, mean_of, sd_of
from assay.statistics.quantiles import t_quantile
from assay.statistics.rounding import rounded
from assay.statistics.table import Table


class RelativeImprovement(Result, frozen=True, kw_only=True):
    """RI = 100 (mean(method) - mean(random)) / mean(random), in percent, with Fieller's interval.

    `low` and `high` are None where a sample has one value, or where the mean of random is not told
    apart from zero. Where smaller is better the sign is turned: positive is always an improvement.
    """

    percent: float
    low: float | None
    high: float | None
    method_mean: float
    random_mean: float
    n_method: int
    n_random: int
    confidence: float
    maximize: bool

    def sentence(self) -> str:
        """Return the improvement with its interval, and on which side of random it lies."""
        if self.low is None or self.high is None:
            return f"The improvement over random is {rounded(self.percent, None)} %, without an interval."
        side = "better" if self.low > 0 else "worse" if self.high < 0 else "not told apart"
        tail = "from random" if side == "not told apart" else "than random"
        return (
            f"The improvement over random is {rounded(self.percent, None)} % ({rounded(self.low, None)} % to "
            f"{rounded(self.high, None)} %): {side} {tail}."
        )

    def table(self) -> Table:
        """Return one row."""
        names = ("percent", "low", "high", "method_mean", "random_mean", "n_method", "n_random")
        return Table(names, [tuple(getattr(self, name) for name in names)])


def relative_improvement(
    method: Sample,
    random: Sample,
    *,
    varied: tuple[str, ...],
    maximize: bool = True,
    confidence: float = 0.95,
) -> RelativeImprovement:
    """Return the improvement of the mean of a method over that of random search, in percent.

    The samples are independent runs (Yang et al. use eight of each). The interval of the ratio is
    Fieller's (JRSS B 1954), with Satterthwaite's degrees of freedom, as the variances may differ.
    Raises `UsageError` for an empty sample, values that are not finite, and a mean of random search
    that is not positive: percents of it would have no direction.
    """
    checked_share(confidence, "a confidence")
    ours, base = checked(method, "the method's sample"), checked(random, "the sample of random search")
    a, b = mean_of(ours), mean_of(base)
    if b <= 0:
        raise UsageError(
            f"the mean of random search is {b:g}",
            why="an improvement in percent needs a positive score to improve on",
            hint="give scores such as accuracies or error rates, not their negatives",
        )
    ends = _fieller(ours, base, confidence)
    sign = 100.0 if maximize else -100.0
    turned = None if ends is None else sorted(sign * (end - 1.0) + 0.0 for end in ends)
    low, high = (None, None) if turned is None else turned
    return RelativeImprovement(
        basis=Basis(
            procedure="relative improvement over random search, with Fieller's interval",
            source="Yang, Esperança and Carlucci, ICLR 2020; Fieller, JRSS B 16, 1954",
            n={"runs of the method": len(ours), "runs of random search": len(base)},
            varied=varied,
            assumptions=("runs are independent", "means are normal, variances may differ"),
            cautions=("the percentage depends on where the scale of the score has its zero",),
        ),
        percent=sign * (a - b) / b + 0.0,
        low=low,
        high=high,
        method_mean=a,
        random_mean=b,
        n_method=len(ours),
        n_random=len(base),
        confidence=confidence,
        maximize=maximize,
    )


def _fieller(ours: np.ndarray, base: np.ndarray, confidence: float) -> tuple[float, float] | None:
    """Return the ends of the interval of mean(ours) / mean(base), None where it has none or no ends.

    The ratios r for which (a - r b)^2 <= t^2 (var(a) + r^2 var(b)).
    """
    if min(len(ours), len(base)) < 2:
        return None
    # In units of the mean of random search, so that no square overflows.
    unit = mean_of(base)
    a = mean_of(ours) / unit
    va, vb = sd_of(ours / unit) ** 2 / len(ours), sd_of(base / unit) ** 2 / len(base)
    scaled = a * a * vb
    if va + scaled == 0.0:
        return a, a
    freedom = (va + scaled) ** 2 / (va**2 / (len(ours) - 1) + scaled**2 / (len(base) - 1))
    g = t_quantile(freedom, confidence) ** 2
    leading = 1.0 - g * vb
    if leading <= 0.0:
        return None
    half = math.sqrt(max(g * (va + a * a * vb) - g * g * va * vb, 0.0))
    return (a - half) / leading, (a + half) / leading
