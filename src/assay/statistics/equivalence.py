"""Tests within a margin: two methods are equivalent, or one is not worse."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import stdtr

from assay.foundation.errors import UsageError
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result
from assay.statistics.differences import welch
from assay.statistics.interval import Interval
from assay.statistics.permutation import INDEPENDENT, Sample, checked_pair, mean_of, p_text, sd_of
from assay.statistics.quantiles import t_quantile
from assay.statistics.table import Cell, Table


class Equivalence(Result, frozen=True, kw_only=True):
    """Two one-sided tests that a mean difference a - b lies within ±`margin`.

    `difference` has confidence 1 - 2 alpha, the interval that decides as the tests do. `p_lower` is that
    of a difference above -margin, `p_upper` of one below margin; None where a sample has a single value
    or nothing varies, which leaves the verdict 'undecided'.
    'not equivalent' means that the interval lies outside the margin, not that equivalence went unshown.
    """

    names: tuple[str, str]
    difference: Interval
    margin: float
    alpha: float
    p_lower: float | None
    p_upper: float | None
    verdict: Literal["equivalent", "not equivalent", "undecided"]
    paired_by: str | None

    def sentence(self) -> str:
        """Return the verdict with the difference, its interval and the larger p."""
        a, b = self.names
        if self.p_lower is None or self.p_upper is None:
            return f"{a} and {b}: undecided within ±{self.margin:g}, as {_why_none(self.difference)}"
        found = f"{_difference_text(self.difference)}, TOST {p_text(max(self.p_lower, self.p_upper))}"
        if self.verdict == "undecided":
            return f"whether {a} and {b} are equivalent within ±{self.margin:g} is undecided: {found}"
        return f"{a} and {b} are {self.verdict} within ±{self.margin:g}: {found}"

    def table(self) -> Table:
        """Return the tests as one row."""
        columns = ("A", "B", "difference", "low", "high", "margin", "p lower", "p upper", "verdict")
        row = (*_cells(self.names, self.difference, self.margin), self.p_lower, self.p_upper, self.verdict)
        return Table(columns, [row])


class NonInferiority(Result, frozen=True, kw_only=True):
    """A one-sided test that a mean difference a - b lies above -`margin`; `difference` as in `Equivalence`.

    'inferior' means that the interval lies below -margin.
    """

    names: tuple[str, str]
    difference: Interval
    margin: float
    alpha: float
    p: float | None
    verdict: Literal["non-inferior", "inferior", "undecided"]
    paired_by: str | None

    def sentence(self) -> str:
        """Return the verdict with the difference, its interval and p."""
        a, b = self.names
        if self.p is None:
            why = _why_none(self.difference)
            return f"{a} against {b}: undecided at a margin of {self.margin:g}, as {why}"
        found = f"at a margin of {self.margin:g}: {_difference_text(self.difference)}, {p_text(self.p)}"
        if self.verdict == "undecided":
            return f"whether {a} is non-inferior to {b} is undecided {found}"
        return f"{a} is {self.verdict} to {b} {found}"

    def table(self) -> Table:
        """Return the test as one row."""
        columns = ("A", "B", "difference", "low", "high", "margin", "p", "verdict")
        return Table(columns, [(*_cells(self.names, self.difference, self.margin), self.p, self.verdict)])


class _Tests(NamedTuple):
    difference: Interval
    above: float | None
    below: float | None
    basis: Basis


def equivalence_test(
    a: Sample,
    b: Sample,
    *,
    margin: float,
    varied: tuple[str, ...],
    source: str | None = None,
    alpha: float = 0.05,
    names: tuple[str, str] = ("A", "B"),
) -> Equivalence:
    """Test that the means of a and b differ by less than `margin`, fixed before the runs.

    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987: two one-sided t-tests at `alpha`,
    on pairs with a `source`, and Welch's without one. Exchanging a and b exchanges the tests. Raises
    `UsageError` for a margin that is not above zero, an alpha outside (0, 1/2), and samples that
    `checked_pair` refuses.
    """
    tests = _tests(a, b, margin, source, alpha, varied, procedure="two one-sided tests", paper=_SCHUIRMANN)
    return Equivalence(
        basis=tests.basis,
        names=(one_line(names[0]), one_line(names[1])),
        difference=tests.difference,
        margin=margin,
        alpha=alpha,
        p_lower=tests.above,
        p_upper=tests.below,
        verdict=_equivalent(tests.above, tests.below, alpha),
        paired_by=source,
    )


def non_inferiority_test(
    a: Sample,
    b: Sample,
    *,
    margin: float,
    varied: tuple[str, ...],
    source: str | None = None,
    alpha: float = 0.05,
    names: tuple[str, str] = ("A", "B"),
) -> NonInferiority:
    """Test that the mean of a is less than `margin` below that of b, larger being better.

    One one-sided t-test at `alpha` (ICH E9 1998, section 3.3.2); all else as in `equivalence`.
    """
    tests = _tests(a, b, margin, source, alpha, varied, procedure="one one-sided test", paper=_ICH)
    verdict: Literal["non-inferior", "inferior", "undecided"] = "undecided"
    if tests.above is not None and tests.above <= alpha:
        verdict = "non-inferior"
    elif tests.above is not None and tests.above >= 1.0 - alpha:
        verdict = "inferior"
    return NonInferiority(
        basis=tests.basis,
        names=(one_line(names[0]), one_line(names[1])),
        difference=tests.difference,
        margin=margin,
        alpha=alpha,
        p=tests.above,
        verdict=verdict,
        paired_by=source,
    )


_SCHUIRMANN = "Schuirmann 1987"
_ICH = "ICH E9 1998, section 3.3.2"


def _equivalent(
    above: float | None, below: float | None, alpha: float
) -> Literal["equivalent", "not equivalent", "undecided"]:
    if above is None or below is None:
        return "undecided"
    if max(above, below) <= alpha:
        return "equivalent"
    return "not equivalent" if max(above, below) >= 1.0 - alpha else "undecided"


def _tests(
    a: Sample,
    b: Sample,
    margin: float,
    source: str | None,
    alpha: float,
    varied: tuple[str, ...],
    *,
    procedure: str,
    paper: str,
) -> _Tests:
    """Return a mean difference, and the p of its lying above -margin and of its lying below margin."""
    if not (margin > 0.0 and math.isfinite(margin)):
        raise UsageError(f"a margin is above zero, got {margin}", hint="fix it before the runs")
    if not 0.0 < alpha < 0.5:
        raise UsageError(f"alpha lies between 0 and 0.5, got {alpha}", hint="0.05")
    first, second = checked_pair(a, b, source)
    mean, error, freedom, sd = _estimate(first, second, paired=source is not None)
    low = high = above = below = None
    if error:
        half = t_quantile(freedom, 1.0 - 2.0 * alpha) * error
        low, high = mean - half, mean + half
        above = _one_sided(mean + margin, error, freedom)
        below = _one_sided(margin - mean, error, freedom)
    paired = source is not None
    interval = Interval(
        mean=mean,
        low=low,
        high=high,
        sd=sd,
        n=min(len(first), len(second)),
        confidence=1.0 - 2.0 * alpha,
        method=("t" if paired else "Welch") if error else "none",
        varied=varied,
    )
    near = "the means are near normal"
    basis = Basis(
        procedure=f"{procedure} ({'paired t' if paired else 'Welch'}), margin {margin:g}, alpha {alpha:g}",
        source=paper,
        n={"pairs": len(first)} if paired else {"values of A": len(first), "values of B": len(second)},
        varied=varied,
        assumptions=(f"pairs share {source}", "pairs are independent of each other", near)
        if paired
        else (INDEPENDENT, near),
        cautions=("no value varies: there is no error to test by",) if error == 0.0 else (),
    )
    return _Tests(interval, above, below, basis)


def _estimate(
    a: np.ndarray, b: np.ndarray, *, paired: bool
) -> tuple[float, float | None, float, float | None]:
    """Return mean difference, standard error, degrees of freedom and the deviation of one difference."""
    if paired:
        d = np.sort(a - b)
        if len(d) < 2:
            return mean_of(d), None, 0.0, None
        return mean_of(d), sd_of(d) / math.sqrt(len(d)), len(d) - 1.0, sd_of(d)
    test = welch(a, b)
    if test is None:
        return mean_of(a) - mean_of(b), None, 0.0, None
    return test.mean, test.error, test.freedom, math.hypot(*sorted((sd_of(a), sd_of(b))))


def _one_sided(beyond: float, error: float, freedom: float) -> float:
    """Return the p of a mean that lies `beyond` a bound, against its lying on it or short of it."""
    return float(stdtr(freedom, -beyond / error))


def _why_none(difference: Interval) -> str:
    return "one value has no interval" if difference.sd is None else "no value varies"


def _difference_text(difference: Interval) -> str:
    percent = f"{100 * difference.confidence:g} %"
    return (
        f"mean difference {difference.mean:.4g}, {percent} {difference.method} interval "
        f"{difference.low:.4g} to {difference.high:.4g}"
    )


def _cells(names: tuple[str, str], difference: Interval, margin: float) -> tuple[Cell, ...]:
    return (*names, difference.mean, difference.low, difference.high, margin)
