"""Wilcoxon's signed-rank test and the sign test of two methods over many tasks."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.special import bdtr, ndtr

from assay.foundation.errors import UsageError
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result
from assay.statistics.families import too_few
from assay.statistics.permutation import Sample, checked_pair, checked_share, p_text
from assay.statistics.table import Table

Zero = Literal["split", "wilcox", "pratt"]

_EXACT = 100  # ranked pairs up to which the distribution is enumerated
_DIGITS = 12  # of the largest score, that a difference is rounded to before it is ranked
_PLACES = 300  # decimal places that a double can be rounded to
_ZEROS = {
    "split": "ranked, their ranks shared out evenly (Demšar 2006)",
    "wilcox": "left out before ranking (Wilcoxon 1945)",
    "pratt": "ranked, then left out (Pratt 1959)",
}


class SignedRank(Result, frozen=True, kw_only=True):
    """Wilcoxon's signed-rank test, two-sided.

    `r_plus` is the sum of ranks where a is larger, `r_minus` where b is. `n` counts the pairs, `zeros`
    those without a difference. `distribution` is what p comes from: 'conditional' on the ranks, ties
    and all; 'table', that of n ranks without ties; or 'normal'; `exact` is False for the last. `z` is the
    normal statistic of `r_plus`. `least_p` is the smallest p that so many pairs can give.
    """

    names: tuple[str, str]
    r_plus: float
    r_minus: float
    n: int
    zeros: int
    p: float
    z: float
    exact: bool
    distribution: str
    zero: str
    least_p: float

    def sentence(self) -> str:
        """Return the sums of ranks and p, with what so many pairs could show at best."""
        a, b = self.names
        lean = f"{a} over {b}" if self.r_plus > self.r_minus else f"{b} over {a}"
        ranks = f"{max(self.r_plus, self.r_minus):g} to {min(self.r_plus, self.r_minus):g}"
        found = f"signed-rank test of {self.n} pairs: {lean} by {ranks}, {p_text(self.p)}"
        if self.r_plus == self.r_minus:
            found = (
                f"signed-rank test of {self.n} pairs: {a} and {b} even at {self.r_plus:g}, {p_text(self.p)}"
            )
        if self.least_p > 0.05:
            return f"{found}; so few pairs give p = {self.least_p:.2g} at the least, never below 0.05"
        return found

    def table(self) -> Table:
        """Return the test as one row."""
        columns = ("A", "B", "R+", "R-", "n", "zeros", "z", "p", "distribution", "zero rule", "least p")
        row = (
            *(*self.names, self.r_plus, self.r_minus, self.n, self.zeros, self.z, self.p),
            *(self.distribution, self.zero, self.least_p),
        )
        return Table(columns, [row])


class SignTest(Result, frozen=True, kw_only=True):
    """The sign test, two-sided and exact.

    `split_wins` is wins and half the ties, of which an odd one is left out; `n` is what then remains.
    """

    names: tuple[str, str]
    wins: int
    ties: int
    losses: int
    split_wins: int
    n: int
    p: float
    least_p: float

    def sentence(self) -> str:
        """Return wins, ties, losses and p."""
        a, b = self.names
        counted = f"{self.wins} wins, {self.ties} ties, {self.losses} losses"
        found = f"{a} against {b}: {counted}, sign test {p_text(self.p)}"
        if self.least_p > 0.05:
            return f"{found}; so few pairs give p = {self.least_p:.2g} at the least, never below 0.05"
        return found

    def table(self) -> Table:
        """Return the test as one row."""
        columns = ("A", "B", "wins", "ties", "losses", "wins with ties split", "n", "p", "least p")
        row = (
            *(*self.names, self.wins, self.ties, self.losses),
            *(self.split_wins, self.n, self.p, self.least_p),
        )
        return Table(columns, [row])


def signed_rank_test(
    a: Sample,
    b: Sample,
    *,
    zero: Zero = "split",
    exact: bool | Literal["table"] | None = None,
    digits: int | None = None,
    tie_corrected: bool = True,
    varied: tuple[str, ...] = ("tasks",),
    names: tuple[str, str] = ("A", "B"),
) -> SignedRank:
    """Test that the differences of a and b over tasks are symmetric around zero.

    Wilcoxon (Biometrics Bulletin 1945); zeros by `zero`, the default as in Demšar (JMLR 2006, section
    3.1.3). Differences are rounded before ranking, to `digits` decimals, or to twelve digits of the
    largest score: otherwise the noise of floating point breaks ties. `exact` True is the distribution of
    all signs given the ranks, right also with ties and zeros, and the default up to 100 ranked pairs;
    False the normal approximation, `tie_corrected` or as Demšar prints it; 'table' the distribution of
    1..n, which books tabulate and `scipy.stats.wilcoxon(method='exact')` uses also where ties make it
    wrong, at the larger sum of ranks. Exchanging a and b exchanges the sums and leaves p. Raises
    `UsageError` for samples of different sizes or none, and for values that are not finite.
    """
    if zero not in _ZEROS:
        raise UsageError(f"unknown zero rule '{zero}'", hint=", ".join(_ZEROS))
    first, second = checked_pair(a, b, "tasks")
    d = rounded_differences(first, second, digits)
    kept = d[d != 0.0] if zero == "wilcox" else d
    ranks = _midranks(np.abs(kept))
    moving = kept != 0.0
    shared = float(ranks[~moving].sum()) / 2 if zero == "split" else 0.0
    sums = [float(ranks[side].sum()) for side in (kept > 0.0, kept < 0.0)]
    r_plus, r_minus = (total + shared for total in sums)
    variance, middle = _moments(ranks, moving, zero=zero, tie_corrected=tie_corrected)
    z = (r_plus - middle) / math.sqrt(variance) if variance else 0.0
    if exact == "table":
        distribution, p = "table", _table_p(max(r_plus, r_minus), len(kept))
    elif exact or (exact is None and moving.sum() <= _EXACT):
        distribution, p = "conditional", _conditional_p(ranks[moving], min(sums))
    else:
        distribution, p = "normal", 2.0 * float(ndtr(-abs(z)))
    return SignedRank(
        basis=_basis(len(d), int((d == 0.0).sum()), zero, distribution, varied, tie_corrected=tie_corrected),
        names=(one_line(names[0]), one_line(names[1])),
        r_plus=r_plus,
        r_minus=r_minus,
        n=len(d),
        zeros=int((d == 0.0).sum()),
        p=min(p, 1.0),
        z=z,
        exact=distribution != "normal",
        distribution=distribution,
        zero=zero,
        least_p=2.0 ** (1 - len(d)),
    )


def sign_test(
    a: Sample,
    b: Sample,
    *,
    digits: int | None = None,
    varied: tuple[str, ...] = ("tasks",),
    names: tuple[str, str] = ("A", "B"),
) -> SignTest:
    """Test that a wins as often as b over tasks, ties shared out evenly and an odd one left out.

    Demšar, JMLR 2006, section 3.1.4; p is the exact binomial one, two-sided. `digits` and errors as in
    `signed_rank`.
    """
    d = rounded_differences(*checked_pair(a, b, "tasks"), digits)
    wins, losses = int((d > 0.0).sum()), int((d < 0.0).sum())
    ties = len(d) - wins - losses
    n, split = len(d) - ties % 2, wins + ties // 2
    most = max(split, n - split)
    return SignTest(
        basis=Basis(
            procedure="sign test, two-sided and exact",
            source="Demšar 2006, section 3.1.4",
            n={"pairs": len(d), "ties": ties},
            varied=varied,
            assumptions=("tasks are independent of each other",),
            ties="shared out evenly, an odd one left out",
            cautions=_units_cautions(len(d), varied),
        ),
        names=(one_line(names[0]), one_line(names[1])),
        wins=wins,
        ties=ties,
        losses=losses,
        split_wins=split,
        n=n,
        p=min(1.0, 2.0 * float(bdtr(n - most, n, 0.5))),
        least_p=2.0 ** (1 - len(d)),
    )


def critical_wins(n: int, *, alpha: float = 0.05) -> int | None:
    """Return the least number of wins of n that a fair coin reaches with probability alpha at most.

    None where even n of n are not enough. One-sided, as the 11 of 14 in table 3 of Demšar (JMLR 2006) are.
    """
    checked_share(alpha, "alpha")
    return next((wins for wins in range(n // 2, n + 1) if bdtr(n - wins, n, 0.5) <= alpha), None)


def rounded_differences(a: np.ndarray, b: np.ndarray, digits: int | None = None) -> np.ndarray:
    """Return a - b to so many decimals, or to twelve digits of the largest score."""
    difference = a - b
    scale = float(max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0)))
    if digits is None:
        if not scale:
            return np.asarray(difference)
        digits = _DIGITS - math.ceil(math.log10(scale))
    return np.asarray(np.round(difference, digits) if abs(digits) <= _PLACES else difference)


def _midranks(sizes: np.ndarray) -> np.ndarray:
    """Return ranks from 1, ties sharing the average of theirs."""
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _moments(ranks: np.ndarray, moving: np.ndarray, *, zero: str, tie_corrected: bool) -> tuple[float, float]:
    """Return variance and mean of a sum of ranks under the null, as its normal approximation takes them."""
    n, zeros = len(ranks), len(ranks) - int(moving.sum())
    plain = _squares(n) - (_squares(zeros) if zero == "pratt" else 0.0)
    corrected = float((ranks[moving] ** 2 if zero == "pratt" else ranks**2).sum())
    total = n * (n + 1) / 2 - (zeros * (zeros + 1) / 2 if zero == "pratt" else 0.0)
    return (corrected if tie_corrected else plain) / 4, total / 2


def _squares(n: int) -> float:
    return n * (n + 1) * (2 * n + 1) / 6


def _conditional_p(ranks: np.ndarray, least: float) -> float:
    """Return the two-sided p over all signs of these ranks; twice a midrank is a whole number."""
    doubled = np.rint(2.0 * ranks).astype(np.intp)
    return 2.0 * float(_distribution(doubled)[: round(2.0 * least) + 1].sum())


def _table_p(most: float, n: int) -> float:
    """Return the two-sided p of a sum of the ranks 1..n that is at least `most`, rounded down."""
    return 2.0 * float(_distribution(np.arange(1, n + 1))[math.floor(most) :].sum())


def _distribution(ranks: np.ndarray) -> np.ndarray:
    """Return the probability of each sum of ranks that are taken or left by the toss of a coin."""
    share = np.zeros(int(ranks.sum()) + 1)
    share[0] = 1.0
    for rank in ranks:
        taken = np.zeros_like(share)
        taken[rank:] = share[: len(share) - rank]
        share = (share + taken) / 2
    return share


def _basis(
    n: int, zeros: int, zero: str, distribution: str, varied: tuple[str, ...], *, tie_corrected: bool
) -> Basis:
    words = {
        "conditional": "exact, given the ranks",
        "table": "tabulated distribution of ranks without ties",
        "normal": "normal approximation" + (", corrected for ties" if tie_corrected else ""),
    }
    return Basis(
        procedure=f"Wilcoxon signed-rank test, two-sided, {words[distribution]}",
        source="Wilcoxon 1945; Demšar 2006, section 3.1.3",
        n={"pairs": n, "zeros": zeros},
        varied=varied,
        assumptions=(
            "pairs are independent of each other",
            "under the null the differences are symmetric around zero",
        ),
        zeros=_ZEROS[zero],
        ties="share the average of their ranks, after rounding",
        cautions=_units_cautions(n, varied),
    )


def _units_cautions(n: int, varied: tuple[str, ...]) -> tuple[str, ...]:
    """Say where the pairs are tasks, and too few to decide; pairs of runs of one task are another matter."""
    return (too_few(n),) if {"tasks", "families"} & set(varied) and too_few(n) else ()
