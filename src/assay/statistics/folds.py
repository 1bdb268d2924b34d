"""Two methods on the folds of one cross-validation, whose training sets overlap."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtr

from assay.foundation.errors import UsageError
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result
from assay.statistics.permutation import Sample, checked, checked_share, mean_of, p_text, sd_of
from assay.statistics.quantiles import t_quantile
from assay.statistics.table import Table


class FoldTest(Result, frozen=True, kw_only=True):
    """The corrected resampled t-test of the mean of fold differences.

    `variance` is that of the mean; `correlation` is what is assumed between the differences of two folds.
    Where the differences do not vary there is no test: `low`, `high` and `p` are None.
    """

    names: tuple[str, str]
    mean: float
    low: float | None
    high: float | None
    variance: float
    p: float | None
    df: int
    correlation: float
    confidence: float

    def sentence(self) -> str:
        """Return the mean difference over folds, its interval and p."""
        a, b = self.names
        over = f"{a} minus {b} over {self.df + 1} folds: {self.mean:.4g}"
        if self.p is None:
            return f"{over} on each, which leaves nothing to test"
        percent = f"{100 * self.confidence:g} %"
        return (
            f"{over}, {percent} interval {self.low:.4g} to {self.high:.4g}, corrected resampled t "
            f"{p_text(self.p)}"
        )

    def table(self) -> Table:
        """Return the test as one row."""
        columns = ("A", "B", "difference", "low", "high", "variance", "df", "correlation", "p")
        row = (*self.names, self.mean, self.low, self.high, self.variance, self.df, self.correlation, self.p)
        return Table(columns, [row])


class CorrelatedT(Result, frozen=True, kw_only=True):
    """The posterior of the mean of fold differences, and its probability on either side of a ROPE.

    `left` is below -`width` (B is better), `rope` within ±`width` (practically equivalent), and `right`
    above it (A is better). The posterior is Student's t with `df`, `mean` and squared scale `variance`.
    """

    names: tuple[str, str]
    left: float
    rope: float
    right: float
    width: float
    mean: float
    variance: float
    df: int

    def sentence(self) -> str:
        """Return the three probabilities."""
        a, b = self.names
        return (
            f"P({a} better) = {self.right:.3f}, P(within {self.width:g}) = {self.rope:.3f}, "
            f"P({b} better) = {self.left:.3f} over {self.df + 1} folds"
        )

    def table(self) -> Table:
        """Return the probabilities as one row."""
        columns = ("A", "B", "P(B better)", "P(equivalent)", "P(A better)", "rope", "mean", "variance", "df")
        row = (*self.names, self.left, self.rope, self.right, self.width, self.mean, self.variance, self.df)
        return Table(columns, [row])


class _Folds(NamedTuple):
    mean: float
    variance: float
    df: int
    correlation: float
    basis: Basis


def nadeau_bengio(
    d: Sample,
    *,
    runs: int = 1,
    correlation: float | None = None,
    varied: tuple[str, ...] = ("folds",),
    confidence: float = 0.95,
    names: tuple[str, str] = ("A", "B"),
) -> FoldTest:
    """Test that the mean of fold differences is zero, with overlapping training sets in mind.

    Nadeau and Bengio, Machine Learning 2003, section 3: the variance of the mean is s² (1/n + r/(1 - r))
    on n - 1 degrees of freedom. `d` holds the differences a - b of all folds of all `runs` of the same
    k-fold cross-validation; r is the test share 1/k, unless `correlation` gives that of other splits.
    Raises `UsageError` for fewer than two differences, for one that is not finite, and for a number that
    `runs` does not divide into at least two folds.
    """
    checked_share(confidence, "a confidence")
    folds = _folds(d, runs, correlation, varied, procedure="corrected resampled t-test", paper=_NADEAU)
    low = high = p = None
    if error := math.sqrt(folds.variance):
        half = t_quantile(folds.df, confidence) * error
        low, high = folds.mean - half, folds.mean + half
        p = 2.0 * float(stdtr(folds.df, -abs(folds.mean) / error))
    return FoldTest(
        basis=folds.basis,
        names=(one_line(names[0]), one_line(names[1])),
        mean=folds.mean,
        low=low,
        high=high,
        variance=folds.variance,
        p=p,
        df=folds.df,
        correlation=folds.correlation,
        confidence=confidence,
    )


def correlated_t(
    d: Sample,
    *,
    rope: float,
    runs: int = 1,
    correlation: float | None = None,
    varied: tuple[str, ...] = ("folds",),
    names: tuple[str, str] = ("A", "B"),
) -> CorrelatedT:
    """Return the posterior probabilities of the mean of fold differences with a ROPE of ±`rope`.

    The Bayesian correlated t-test of Corani and Benavoli (Machine Learning 2015, equation 11; Benavoli et
    al., JMLR 2017, section 3.1), whose posterior has the variance of `nadeau_bengio`; `d`, `runs`,
    `correlation` and errors as there. Raises `UsageError` also for a negative rope, and for differences that
    do not vary, of which there is no posterior.
    """
    if not (rope >= 0.0 and math.isfinite(rope)):
        raise UsageError(f"a region of practical equivalence is not negative, got {rope}", hint="rope=0.01")
    folds = _folds(d, runs, correlation, varied, procedure="Bayesian correlated t-test", paper=_BENAVOLI)
    scale = math.sqrt(folds.variance)
    if not scale:
        raise UsageError(
            "the differences of the folds do not vary, and have no posterior",
            why=f"each of {folds.df + 1} is {folds.mean:g}",
        )
    left = float(stdtr(folds.df, (-rope - folds.mean) / scale))
    right = float(stdtr(folds.df, (folds.mean - rope) / scale))
    return CorrelatedT(
        basis=folds.basis,
        names=(one_line(names[0]), one_line(names[1])),
        left=left,
        rope=max(0.0, 1.0 - left - right),
        right=right,
        width=rope,
        mean=folds.mean,
        variance=folds.variance,
        df=folds.df,
    )


_NADEAU = "Nadeau and Bengio 2003, section 3"
_BENAVOLI = "Corani and Benavoli 2015; Benavoli et al. 2017, section 3.1"


def _folds(
    d: Sample, runs: int, correlation: float | None, varied: tuple[str, ...], *, procedure: str, paper: str
) -> _Folds:
    differences = checked(d, "the fold differences")
    n = len(differences)
    if n < 2:
        raise UsageError("folds need at least two differences", why=f"there is {n}")
    if correlation is None:
        if runs < 1 or n % runs or n // runs < 2:
            raise UsageError(
                f"{n} differences are not {runs} runs of at least two folds",
                hint="runs= how often the whole cross-validation was repeated",
            )
        correlation = runs / n
    else:
        checked_share(correlation, "the correlation of two folds")
    deviation = sd_of(differences)
    constant = () if deviation else ("the differences do not vary: there is no error to test by",)
    return _Folds(
        mean=mean_of(differences),
        variance=deviation**2 * (1 / n + correlation / (1 - correlation)),
        df=n - 1,
        correlation=correlation,
        basis=Basis(
            procedure=procedure,
            source=paper,
            n={"folds": n, "runs": runs},
            varied=varied,
            assumptions=(
                f"the differences of two folds correlate by {correlation:.3g}, the share tested on",
                "the differences are near normal",
            ),
            zeros="kept",
            cautions=constant,
        ),
    )
