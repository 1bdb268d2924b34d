"""A published number, and the error of its difference from ours by what is stated of both."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec
from scipy.special import stdtr

from assay.foundation.errors import UsageError
from assay.statistics.quantiles import t_quantile

Spread = Literal["sd", "se", "ci95"]
SPREADS: tuple[Spread, ...] = ("sd", "se", "ci95")
WELCH, EQUAL_SD, ONE_SAMPLE, NONE = "Welch", "equal sd", "one-sample t", "none"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A published number: mean, runs and spread as far as stated, and its place.

    `sd` is what is printed after the mean, and `spread` says what that is: 'sd' (n - 1), 'se' (the
    standard error of the mean) or 'ci95' (half the width of its 95 % interval). `place` is page and table,
    such as 'Dong 2021, p. 9, table 5'; empty means that it is unverified.
    """

    name: str
    mean: float
    n: int | None = None
    sd: float | None = None
    spread: Spread = "sd"
    place: str = ""

    @property
    def deviation(self) -> float | None:
        """The standard deviation of one run, None where none is stated."""
        if self.sd is None or self.spread == "sd" or self.n is None:
            return self.sd
        error = self.sd / (t_quantile(self.n - 1, 0.95) if self.spread == "ci95" else 1.0)
        return error * math.sqrt(self.n)


class StandardError(NamedTuple):
    """The standard error of a difference of means, its degrees of freedom, and what was assumed for it."""

    method: str
    size: float
    freedom: float
    assumption: str
    caution: str = ""


def difference_error(sd: float | None, n: int, published: Published) -> StandardError:
    """Return the standard error of ours - published, from what is stated of both.

    Of the method 'none' where no spread is known, or none that is not zero.
    """
    runs, spread = published.n, published.deviation
    if not (sd or spread) and (sd, spread) != (None, None):
        caution = "no run varies, ours or theirs: there is no interval"
        return StandardError(NONE, math.nan, math.nan, "", caution)
    if spread is not None:
        caution = "" if runs else "the published n is not stated: taken as 2, the fewest that have an sd"
        runs = runs or 2
        if sd is None:
            size = spread * math.sqrt(1 + 1 / runs)
            return StandardError(
                EQUAL_SD, size, runs - 1, "our single run varies as the published ones do", caution
            )
        a, b = sd**2 / n, spread**2 / runs
        freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (runs - 1))
        return StandardError(WELCH, math.sqrt(a + b), freedom, "variances may differ", caution)
    if sd is None:
        return StandardError(
            NONE, math.nan, math.nan, "", "no standard deviation is known: there is no interval"
        )
    if runs is not None:
        size = sd * math.sqrt(1 / n + 1 / runs)
        caution = "the published sd is not stated: taken as ours"
        return StandardError(EQUAL_SD, size, n - 1, "the published runs vary as ours do", caution)
    caution = "neither n nor sd is published: the error of the printed number is left out of the interval"
    return StandardError(ONE_SAMPLE, sd / math.sqrt(n), n - 1, "the printed number is exact", caution)


def upper_tail(distance: float, error: StandardError) -> float:
    """Return the chance of a t beyond `distance` standard errors."""
    return float(stdtr(error.freedom, -distance / error.size))


def check_published(row: Published) -> None:
    """Refuse a published mean, n or sd that cannot be."""
    wrong = (
        (not math.isfinite(row.mean), f"mean {row.mean}"),
        (row.n is not None and row.n < 1, f"n {row.n}"),
        (row.sd is not None and not 0.0 <= row.sd < math.inf, f"sd {row.sd}"),
        (row.sd is not None and row.n == 1, "an sd of one run"),
        (row.spread not in SPREADS, f"a spread '{row.spread}': it is one of {', '.join(SPREADS)}"),
        (row.spread != "sd" and row.n is None, f"the spread {row.spread} without n, which it rests on"),
    )
    for bad, what in wrong:
        if bad:
            raise UsageError(f"a published number cannot have {what}", where=row.name)
