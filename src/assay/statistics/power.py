"""How many replicates an effect needs, and which effect a number of replicates can show.

What is planned is the power of the tests that decide (see `differences`): sign flips of pairs, and Welch's
test together with exchanged labels of independent runs. Where permutations are few enough to list, they are
simulated with normal values; where there are more, they have nearly the power of the t-test. At a very
strict level it is less at first: 0.68 instead of 0.80 with 18 pairs at 0.05 / 780.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, nctdtr, ndtri, stdtrit

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result
from assay.statistics.permutation import (
    ENUMERATED,
    Sample,
    checked_pair,
    checked_share,
    choices,
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
_SIMULATED = 1000  # studies behind a power: it is within 0.03 of the truth
_CELLS = 1 << 22  # of a matrix of means that is held at a time


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
    sd_a: float, sd_b: float | None, n: int, power: float = 0.8, *, alpha: float = 0.05, tasks: int = 1
) -> float:
    """Return the smallest difference of means that n replicates per method show with this power.

    In units of the standard deviations: those of both methods, or that of paired differences alone where
    `sd_b` is None. Two-sided at `alpha` by the test that decides, with the root mean square of both.
    Infinite where so few replicates cannot decide at all. Of a mean over `tasks` the deviations are those of
    the mean, runs are exchanged within each task, and the power is that of the t-test. Raises `UsageError`
    for a deviation that is negative or not finite.
    """
    checked_share(power, "a power")
    sds = (sd_a,) if sd_b is None else (sd_a, sd_b)
    if not all(sd >= 0.0 and math.isfinite(sd) for sd in sds):
        raise UsageError(f"a standard deviation is finite and not negative, got {sds}")
    paired = sd_b is None
    # Each task has permutations of its own; two of all give the very difference that was seen.
    if n < 2 or 2.0 * (_least_p(n, paired, alpha) / 2.0) ** tasks > alpha:
        return math.inf
    if tasks == 1 and _listed(n, paired):
        shown = _shown(n, alpha, paired)
        effect = float(shown[math.ceil(power * len(shown)) - 1])
    else:
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
    `alpha` is the level of one test, after any correction. The power is that of the test that decides, for
    normal values. Raises `UsageError` for an effect that is not above zero, for pilots of fewer than two
    runs or without any variation, and for samples that `checked_pair` refuses.
    """
    if not (effect > 0.0 and math.isfinite(effect)):
        raise UsageError(f"a wanted effect is above zero, got {effect}", hint="the smallest that matters")
    a, b = checked_pair(pilot_a, pilot_b, source)
    paired = source is not None
    sd, freedom = _pilot(a, b, paired=paired)
    upper = sd * math.sqrt(freedom / float(chdtri(freedom, _CAUTIOUS)))
    recommended, cautious = (
        _needed(effect / s, power=power, alpha=alpha, paired=paired) for s in (sd, upper)
    )
    sizes = sorted({*(n for n in SIZES if n <= 2 * cautious), recommended, cautious})
    return ReplicatePlan(
        basis=Basis(
            procedure="number of replicates for "
            + ("a sign-flip test" if paired else "the larger of Welch's and the permutation p"),
            source="Cohen 1988, chapter 2, where permutations are too many to list; Browne 1995",
            n={"pilot pairs": len(a)} if paired else {"pilot runs of A": len(a), "pilot runs of B": len(b)},
            varied=varied,
            assumptions=("further runs vary as the pilot's do", "the means are near normal"),
            cautions=(
                f"a pilot of this size leaves the standard deviation open up to {upper:.4g} (80 % bound)",
                "what the pilot varied is all that the plan covers",
            ),
            seed=_seed_text(sizes, paired),
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
    return PlanRow(n, _power(effect, n, alpha, paired), half, _least_p(n, paired, alpha))


def _needed(effect: float, *, power: float, alpha: float, paired: bool) -> int:
    """Return the least n with which the test that decides has this power."""
    n = math.ceil(t_power_n(effect, power=power, alpha=alpha, paired=paired))
    while _listed(n, paired) and _power(effect, n, alpha, paired) < power:
        n += 1
    return n


def _power(effect: float, n: int, alpha: float, paired: bool) -> float:
    """Return the power of the test that decides, for an effect in standard deviations."""
    if not _listed(n, paired):
        return t_power(effect, n, alpha=alpha, paired=paired)
    if _least_p(n, paired, alpha) > alpha:
        return 0.0
    return float(np.searchsorted(_shown(n, alpha, paired), effect, side="right")) / _SIMULATED


def _listed(n: int, paired: bool) -> bool:
    """Say whether the permutations of n pairs, or of n and n values, are listed rather than drawn."""
    return (2**n if paired else math.comb(2 * n, n)) <= ENUMERATED


def _least_p(n: int, paired: bool, alpha: float) -> float:
    return least_flip_p(n, alpha) if paired else least_exchange_p(n, n, alpha)


@lru_cache(maxsize=256)
def _shown(n: int, alpha: float, paired: bool) -> np.ndarray:
    """Return, in increasing order, the least effect that each of many simulated studies would show.

    Adding e to all differences turns a study significant once e exceeds minus the k-th smallest mean of a
    subset of them, where k is the number of sign patterns that the level allows (Hartigan, JASA 1969, theorem
    1); of two samples, the k-th smallest difference of means of equally large subsets (Bauer, JASA 1972), and
    Welch's own bound if that is larger.
    """
    width = n if paired else 2 * n
    words = _stream(n, paired).indices(1 << 32, (_SIMULATED, width))
    z = ndtri((words + 0.5) / 2.0**32)
    weights = _subsets(n) if paired else _exchanges(n)
    # Both tails share the level; the pattern that was seen is not among the subsets, and counts.
    k = int(alpha / 2 * (len(weights) + 1) * (1.0 + 1e-9))
    rows = max(1, _CELLS // len(weights))
    least = [
        np.partition(z[i : i + rows] @ weights.T, k - 1, axis=1)[:, k - 1] for i in range(0, len(z), rows)
    ]
    shown = -np.concatenate(least)
    if not paired:
        a, b = z[:, :n], z[:, n:]
        error = (a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / n
        parts = (a.var(axis=1, ddof=1) ** 2 + b.var(axis=1, ddof=1) ** 2) / (n * n * (n - 1))
        bound = stdtrit(error**2 / parts, 1.0 - alpha / 2) * np.sqrt(error)
        shown = np.maximum(shown, bound - (a.mean(axis=1) - b.mean(axis=1)))
    found = np.sort(shown)
    found.flags.writeable = False
    return found


def _subsets(n: int) -> np.ndarray:
    """Return the weights of the mean of each subset of n values but the empty one: (2^n - 1, n)."""
    chosen = (np.arange(1, 1 << n)[:, None] >> np.arange(n)) & 1
    return np.asarray(chosen / chosen.sum(axis=1, keepdims=True))


def _exchanges(n: int) -> np.ndarray:
    """Return the weights of the difference of means of what is exchanged between n and n values."""
    kept = np.concatenate(list(choices(2 * n, n)))
    gone, come = ~kept[:, :n], kept[:, n:]
    moved = gone.sum(axis=1)
    weights = np.concatenate([gone, -come.astype(np.float64)], axis=1)[moved > 0]
    return np.asarray(weights / moved[moved > 0][:, None])


def _stream(n: int, paired: bool) -> Stream:
    return Stream(0, ("power", "pairs" if paired else "samples", n))


def _seed_text(sizes: Sequence[int], paired: bool) -> str:
    """Return the streams of the simulated studies, and nothing where none were."""
    return (
        f"root 0, streams power/…, {_SIMULATED:,} studies" if any(_listed(n, paired) for n in sizes) else ""
    )


def _least(enough: Callable[[float], bool], low: float, high: float) -> float:
    """Return the least number that is enough; `high` is taken to be."""
    if enough(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2 if low <= 0.0 else math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
