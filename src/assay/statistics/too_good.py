"""Results that are better than the reference allows: MLPerf's reference convergence points.

MLPerf Training rejects a submission that converges faster than its reference implementation can. Both
sides are scored by an olympic mean, without the best and the worst run. MLPerf's checker takes the
standard deviation (with n) of what is left after trimming, which is too small: of honest results of normal
runs it calls 6 to 10 % too good where 5 % are meant (measured with 5 to 20 runs). Yuen's test (Biometrika
1974) has the variance that belongs to a trimmed mean, the winsorised one: 5 % from ten runs, 6 to 7 %
with five. It decides here; MLPerf's number stands beside it.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtr, stdtrit

from assay.foundation.errors import UsageError
from assay.statistics.basis import Basis, Result
from assay.statistics.intervals import Sample
from assay.statistics.permutation import checked, checked_share, mean_of, p_text, sd_of
from assay.statistics.rounding import rounded
from assay.statistics.table import Table

TOO_GOOD, NOT_TOO_GOOD, UNDECIDED = "too good", "not too good", "cannot be decided"


class TooGood(Result, frozen=True, kw_only=True):
    """Whether results are better than a reference by more than chance, by olympic means.

    `p` is one-sided, of Yuen's test, None where too few runs are left for a variance; `p_mlperf` that of
    MLPerf's checker, whose `limit` is the best olympic mean that it lets pass. `ratio` is reference /
    ours where smaller is better (a speed-up), else ours / reference. `failed` counts our runs that
    never got there. `verdict` is 'too good', 'not too good' or 'cannot be decided'.
    """

    ours_mean: float
    reference_mean: float
    ratio: float
    limit: float
    p: float | None
    p_mlperf: float
    n_ours: int
    n_reference: int
    failed: int
    trimmed: int
    alpha: float
    maximize: bool
    verdict: str

    def sentence(self) -> str:
        """Return the verdict with both olympic means."""
        found = "" if self.p is None else f" ({p_text(self.p)}, one-sided)"
        return (
            f"The olympic mean {rounded(self.ours_mean, None)} against {rounded(self.reference_mean, None)} "
            f"of the reference: {self.verdict}{found}."
        )

    def table(self) -> Table:
        """Return one row."""
        names = ("ours_mean", "reference_mean", "ratio", "limit", "p", "p_mlperf", "verdict")
        return Table(names, [tuple(getattr(self, name) for name in names)])


def too_good_test(
    ours: Sample,
    reference: Sample,
    *,
    varied: tuple[str, ...],
    maximize: bool = False,
    trim: int = 1,
    alpha: float = 0.05,
) -> TooGood:
    """Test whether our results are better than those of a reference by more than chance.

    Values are what it took to converge, smaller better, unless `maximize`. NaN or an infinity is a run of
    ours that did not get there: it counts as the worst. `trim` runs are left out at each end.
    Source: the RCP checker of MLPerf Training (`rcp_checker.py`: `np.std` with n, of the trimmed runs,
    a pooled one-sided t test at alpha 0.05); Yuen, Biometrika 61, 1974, as scipy.stats.ttest_ind(trim=).
    Raises `UsageError` where an end of a sample has fewer runs than are trimmed, and for a reference run
    without a value.
    """
    checked_share(alpha, "alpha")
    sign = 1.0 if maximize else -1.0
    mine = np.asarray(ours, dtype=np.float64)
    failed = int((~np.isfinite(mine)).sum())
    mine = np.sort(np.where(np.isfinite(mine), sign * mine, -np.inf))
    base = np.sort(sign * checked(reference, "the reference"))
    for what, sample, least in (("our runs", mine, 1), ("the reference", base, 2)):
        if trim < 0 or sample.ndim != 1 or len(sample) < 2 * trim + least:
            raise UsageError(
                f"{what}: {sample.size} values are too few for an olympic mean",
                why=f"{trim} are left out at each end, and {least} must be left",
            )
    kept, base_kept = (sample[trim : len(sample) - trim] for sample in (mine, base))
    base_mean = mean_of(base_kept)
    mean = mean_of(kept) if np.isfinite(kept[0]) else -math.inf
    p = _yuen(mine, base, trim) if math.isfinite(mean) else 1.0
    p_mlperf, limit = _mlperf(mean, len(kept), base_kept, alpha)
    return TooGood(
        basis=_basis(len(mine), len(base), trim, failed, varied),
        ours_mean=sign * mean,
        reference_mean=sign * base_mean,
        ratio=_ratio(sign * mean, sign * base_mean, maximize),
        limit=sign * limit,
        p=p,
        p_mlperf=p_mlperf,
        n_ours=len(mine),
        n_reference=len(base),
        failed=failed,
        trimmed=trim,
        alpha=alpha,
        maximize=maximize,
        verdict=UNDECIDED if p is None else TOO_GOOD if p <= alpha else NOT_TOO_GOOD,
    )


def _yuen(mine: np.ndarray, base: np.ndarray, trim: int) -> float | None:
    """Return the one-sided p of Yuen's test that ours is larger, None where two runs are not left."""
    parts = []
    for sample in (mine, base):
        left = len(sample) - 2 * trim
        if left < 2:
            return None
        bounded = np.clip(sample, sample[trim], sample[len(sample) - trim - 1])
        parts.append(((len(sample) - 1) * sd_of(bounded) ** 2 / (left * (left - 1)), left))
    (a, na), (b, nb) = parts
    difference = mean_of(mine[trim : len(mine) - trim]) - mean_of(base[trim : len(base) - trim])
    if a + b == 0.0:
        return _certain(difference)
    freedom = (a + b) ** 2 / (a**2 / (na - 1) + b**2 / (nb - 1))
    return float(stdtr(freedom, -difference / math.sqrt(a + b)))


def _mlperf(mean: float, n: int, base: np.ndarray, alpha: float) -> tuple[float, float]:
    """Return the p and the limit of MLPerf's checker, which takes the reference's deviation for both."""
    center, freedom = mean_of(base), n + len(base) - 2
    deviation = sd_of(base) * math.sqrt((len(base) - 1) / len(base))
    error = deviation * math.sqrt(1 / n + 1 / len(base))
    limit = center + float(stdtrit(freedom, 1 - alpha)) * error
    return (float(stdtr(freedom, -(mean - center) / error)) if error else _certain(mean - center)), limit


def _certain(difference: float) -> float:
    """Return the p of a difference that has no error at all."""
    return 0.0 if difference > 0 else 0.5 if difference == 0 else 1.0


def _ratio(ours: float, reference: float, maximize: bool) -> float:
    above, below = (ours, reference) if maximize else (reference, ours)
    return above / below if below else math.inf


def _basis(n_ours: int, n_reference: int, trim: int, failed: int, varied: tuple[str, ...]) -> Basis:
    cautions = [
        "MLPerf's own p takes the deviation of trimmed runs, and rejects more than alpha of honest results"
    ]
    if n_ours < 10:
        cautions.append("below ten runs 6 to 7 % of honest results are too good where 5 % are meant")
    if failed:
        cautions.append(f"{failed} of our runs did not get there: they count as the worst")
    return Basis(
        procedure=f"one-sided test of olympic means ({trim} left out at each end), Yuen's variance",
        source="the RCP checker of MLPerf Training; Yuen, Biometrika 61, 1974",
        n={"our runs": n_ours, "reference runs": n_reference},
        varied=varied,
        assumptions=("runs are independent", "the reference is tuned as well as ours"),
        cautions=tuple(cautions),
    )
