"""How many replicates an effect needs, and which effect a number of replicates can show."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, nctdtr, ndtri

from assay.foundation.errors import UsageError
from assay.statistics.basis import Basis, Result
from assay.statistics.permutation import (
    Sample,
    checked_pair,
    checked_share,
    least_exchange_p,
    least_flip_p,
    sd_of,
)
from assay.statistics.quantiles import t_quantile
from assay.statistics.table import Table

SIZES = (3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)
_HALVINGS = 100
_MOST = 10.0**9
_CAUTIOUS = 0.8


class PlanRow(NamedTuple):
    """What n replicates per method give: power, half the width of the interval, least permutation p."""

    n: int
    power: float
    half_width: float
    least_p: float


class ReplicatePlan(Result, frozen=True, kw_only=True):
    """Replicates per method for a wanted effect, from pilot runs.

    `effect` and `sd` are in units of the score; with a source `sd` is that of the differences, without
    one the root mean square of both methods. `rows` come by growing n, `recommended` among them.
    `cautious` is what n would be at the upper 80 % confidence bound of `sd`, which a small pilot leaves
    far above it (Browne, Statistics in Medicine 1995).
    """

    effect: float
    sd: float
    power: float
    alpha: float
    paired_by: str | None
    rows: tuple[PlanRow, ...]
    recommended: int
    cautious: int

    def sentence(self) -> str:
        """Return how many replicates are needed, and how many if the pilot is not to be trusted."""
        unit = f"pairs by {self.paired_by}" if self.paired_by else "replicates of each method"
        return (
            f"{self.recommended} {unit} show a difference of {self.effect:g} with power {self.power:g} at "
            f"alpha {self.alpha:g}, if the standard deviation is {self.sd:.4g} as in the pilot; "
            f"{self.cautious} if it is at its upper 80 % bound"
        )

    def table(self) -> Table:
        """Return what each number of replicates gives."""
        return Table(("n", "power", "half width", "least p"), [tuple(row) for row in self.rows])


def noether_n(gamma: float, alpha: float = 0.05, beta: float = 0.05) -> int:
    """Return the replicates per method with which a one-sided test shows P(A > B) = gamma.

    Noether, JASA 1987, as in Bouthillier et al. (MLSys 2021, appendix C.3): n = ((z(1 - alpha) - z(beta))
    / (sqrt 6 (1/2 - gamma)))², rounded up; 29 at gamma = 0.75 and alpha = beta = 0.05. Raises
    `UsageError` for a gamma outside (1/2, 1) and for an alpha or beta outside (0, 1/2).
    """
    if not 0.5 < gamma < 1.0:
        raise UsageError(f"gamma lies between 0.5 and 1, got {gamma}", hint="0.75")
    for value, what in ((alpha, "alpha"), (beta, "beta")):
        if not 0.0 < value < 0.5:
            raise UsageError(f"{what} lies between 0 and 0.5, got {value}", hint="0.05")
    quantiles = float(ndtri(1.0 - alpha)) - float(ndtri(beta))
    return math.ceil((quantiles / (math.sqrt(6.0) * (0.5 - gamma))) ** 2)


def t_power(effect: float, n: float, *, alpha: float = 0.05, paired: bool = False) -> float:
    """Return the power of a two-sided t-test with n values of each of two samples, or n pairs.

    Cohen, Statistical Power Analysis 1988, chapter 2, by the noncentral t; `effect` is the difference
    of means over the standard deviation (of one method, or of the differences where `paired`). Raises
    `UsageError` for n <= 1, an effect that is not finite, and an alpha outside (0, 1).
    """
    checked_share(alpha, "alpha")
    if not n > 1.0:
        raise UsageError(f"a t-test needs more than one value of each, got {n}")
    if not math.isfinite(effect):
        raise UsageError(f"an effect is finite, got {effect}")
    freedom = n - 1.0 if paired else 2.0 * n - 2.0
    shift = abs(effect) * math.sqrt(n if paired else n / 2.0)
    critical = t_quantile(freedom, 1.0 - alpha)
    tails = [float(nctdtr(freedom, shift, side * critical)) for side in (1.0, -1.0)]
    # Where the noncentral t has no number both tails have vanished.
    below, other = (0.0 if math.isnan(tail) else tail for tail in tails)
    return min(max(1.0 - below + other, 0.0), 1.0)


def t_power_n(effect: float, *, power: float = 0.8, alpha: float = 0.05, paired: bool = False) -> float:
    """Return the values per method, or pairs, with which a two-sided t-test has this power.

    Not rounded: 63.77 for an effect of half a standard deviation, and never below 2. All else as in
    `t_power`; raises `UsageError` also for an effect of zero and for one that a billion do not show.
    """
    checked_share(power, "a power")
    if not effect or t_power(effect, _MOST, alpha=alpha, paired=paired) < power:
        raise UsageError(
            f"no number of replicates shows an effect of {effect:g}", hint="name a larger effect"
        )
    return _least(lambda n: t_power(effect, n, alpha=alpha, paired=paired) >= power, 2.0, _MOST)


def detectable_effect(
    sd_a: float, sd_b: float | None, n: int, power: float = 0.8, *, alpha: float = 0.05
) -> float:
    """Return the smallest difference of means that n replicates per method show with this power.

    In units of the standard deviations: those of both methods, or that of paired differences alone where
    `sd_b` is None. A two-sided t-test at `alpha`, as in `t_power`, with the root mean square of both.
    Infinite for n < 2. Raises `UsageError` for a deviation that is negative or not finite.
    """
    checked_share(power, "a power")
    sds = (sd_a,) if sd_b is None else (sd_a, sd_b)
    if not all(sd >= 0.0 and math.isfinite(sd) for sd in sds):
        raise UsageError(f"a standard deviation is finite and not negative, got {sds}")
    if n < 2:
        return math.inf
    paired = sd_b is None
    effect = _least(lambda size: t_power(size, n, alpha=alpha, paired=paired) >= power, 0.0, 1e4)
    return effect * math.hypot(*sorted(sds)) / math.sqrt(len(sds))


def plan_replicates(
    pilot_a: Sample,
    pilot_b: Sample,
    *,
    effect: float,
    power: float = 0.8,
    alpha: float = 0.05,
    source: str | None = None,
    varied: tuple[str, ...] = ("not declared",),
) -> ReplicatePlan:
    """Return how many replicates a difference of `effect` needs, given pilot runs of both methods.

    `effect` is the smallest difference of interest, in units of the score, and not what the pilot showed.
    n is that of `t_power_n`, and at least what a permutation test needs for a p of alpha. Raises
    `UsageError` for an effect that is not above zero, for pilots of fewer than two runs or without any
    variation, and for samples that `checked_pair` refuses.
    """
    if not (effect > 0.0 and math.isfinite(effect)):
        raise UsageError(f"a wanted effect is above zero, got {effect}", hint="the smallest that matters")
    a, b = checked_pair(pilot_a, pilot_b, source)
    paired = source is not None
    sd, freedom = _pilot(a, b, paired=paired)
    upper = sd * math.sqrt(freedom / float(chdtri(freedom, _CAUTIOUS)))
    recommended, cautious = (
        max(math.ceil(t_power_n(effect / s, power=power, alpha=alpha, paired=paired)), _needed(alpha, paired))
        for s in (sd, upper)
    )
    sizes = sorted({*(n for n in SIZES if n <= 2 * cautious), recommended, cautious})
    return ReplicatePlan(
        basis=Basis(
            procedure="number of replicates for a two-sided t-test and a permutation test",
            source="Cohen 1988, chapter 2; Browne 1995",
            n={"pilot pairs": len(a)} if paired else {"pilot runs of A": len(a), "pilot runs of B": len(b)},
            varied=varied,
            assumptions=("further runs vary as the pilot's do", "the means are near normal"),
            cautions=(
                f"a pilot of this size leaves the standard deviation open up to {upper:.4g} (80 % bound)",
                "what the pilot varied is all that the plan covers",
            ),
        ),
        effect=effect,
        sd=sd,
        power=power,
        alpha=alpha,
        paired_by=source,
        rows=tuple(_row(n, effect / sd, sd, alpha, paired) for n in sizes),
        recommended=recommended,
        cautious=cautious,
    )


def _pilot(a: np.ndarray, b: np.ndarray, *, paired: bool) -> tuple[float, int]:
    """Return the standard deviation of a pilot and its degrees of freedom."""
    if min(len(a), len(b)) < 2:
        raise UsageError("a pilot needs at least two runs of each method")
    if paired:
        sd, freedom = sd_of(a - b), len(a) - 1
    else:
        sd, freedom = math.hypot(*sorted((sd_of(a), sd_of(b)))) / math.sqrt(2.0), len(a) + len(b) - 2
    if not sd:
        raise UsageError(
            "the pilot does not vary, and says nothing of how many replicates are needed",
            hint="vary what the study will vary: seeds, splits, order of the data",
        )
    return sd, freedom


def _row(n: int, effect: float, sd: float, alpha: float, paired: bool) -> PlanRow:
    freedom = n - 1 if paired else 2 * n - 2
    half = t_quantile(freedom, 1.0 - alpha) * sd * math.sqrt((1.0 if paired else 2.0) / n)
    return PlanRow(n, t_power(effect, n, alpha=alpha, paired=paired), half, _least_p(n, paired))


def _needed(alpha: float, paired: bool) -> int:
    """Return the least n of which a permutation test can be significant at all."""
    return next((n for n in range(2, 100) if _least_p(n, paired) <= alpha), 100)


def _least_p(n: int, paired: bool) -> float:
    return least_flip_p(n) if paired else least_exchange_p(n, n)


def _least(enough: Callable[[float], bool], low: float, high: float) -> float:
    """Return the least number that is enough; `high` is taken to be."""
    if enough(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2 if low <= 0.0 else math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
