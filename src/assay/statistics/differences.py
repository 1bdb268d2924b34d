"""The difference of two methods on one task: interval, test and verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from scipy.special import stdtr

from assay.foundation.seeding import Stream
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.bca import RESAMPLES, bca_ends
from assay.statistics.coverage import coverage_text
from assay.statistics.intervals import SMALL
from assay.statistics.permutation import (
    FLIP_ASSUMPTIONS,
    INDEPENDENT,
    Sample,
    checked_pair,
    checked_share,
    checked_source,
    exchange_p,
    flip_p,
    least_exchange_p,
    least_flip_p,
    mean_of,
    p_text,
    sd_of,
)
from assay.statistics.quantiles import t_quantile
from assay.statistics.table import Table

Verdict = Literal["better", "worse", "not distinguished", "cannot be decided"]
Names = tuple[str, str]


class Difference(Result, frozen=True, kw_only=True):
    """mean(a) - mean(b), larger being better, with its interval and a verdict on a.

    `method` is that of the interval: 'BCa', 't', 'Welch' or 'none' (one replicate, or nothing varies:
    `low` and `high` are None). `sd` is that of the paired differences, or of one value of a minus one of
    b; None where unknown. `p` decides. For pairs it is that of the 'sign-flip' test. For independent
    samples it is the larger of `welch_p` and `permutation_p` ('Welch and permutation'), the latter alone
    where neither sample varies ('permutation'), and None where one has a single value ('none').
    `least_p` is the smallest p that a permutation test of so many replicates can give: where it lies
    above 1 - `confidence`, nothing 'can be decided'.
    """

    names: Names
    mean: float
    low: float | None
    high: float | None
    sd: float | None
    n_a: int
    n_b: int
    confidence: float
    method: str
    paired_by: str | None
    p: float | None
    p_method: str
    welch_p: float | None
    permutation_p: float | None
    least_p: float
    verdict: Verdict

    def sentence(self) -> str:
        """Return the verdict with the difference, its interval and p, in one sentence."""
        a, b = self.names
        size = f"{self.n_a} pairs" if self.paired_by else f"{self.n_a} and {self.n_b} values"
        numbers = f"mean difference {self.mean:.4g}"
        if self.low is not None:
            percent = f"{100 * self.confidence:g} %"
            numbers += f", {percent} {self.method} interval {self.low:.4g} to {self.high:.4g}"
        if self.p is not None:
            numbers += f", {self.p_method} {p_text(self.p)}"
        if self.verdict == "cannot be decided":
            return f"whether {a} or {b} is better cannot be decided with {size}{self._least()}: {numbers}"
        if self.verdict == "not distinguished":
            return f"{a} and {b} are not distinguished with {size}: {numbers}"
        return f"{a} is {self.verdict} than {b} with {size}: {numbers}"

    def table(self) -> Table:
        """Return the difference as one row."""
        columns = (
            *("A", "B", "difference", "low", "high", "sd", "n of A", "n of B", "interval", "paired by"),
            *("p", "test", "Welch p", "permutation p", "least p", "verdict"),
        )
        row = (
            *(*self.names, self.mean, self.low, self.high, self.sd, self.n_a, self.n_b, self.method),
            *(self.paired_by, self.p, self.p_method, self.welch_p, self.permutation_p),
            *(self.least_p, self.verdict),
        )
        return Table(columns, [row])

    def _least(self) -> str:
        if self.p_method == "none":
            return ""
        test = "sign-flip" if self.paired_by else "permutation"
        return f", of which a {test} test gives p = {self.least_p:.2g} at the least"


class _Ends(NamedTuple):
    method: str
    low: float | None
    high: float | None


_NO_ENDS = _Ends("none", None, None)


def paired_difference(
    a: Sample,
    b: Sample,
    *,
    source: str,
    rng: Stream,
    varied: tuple[str, ...],
    confidence: float = 0.95,
    names: Names = ("A", "B"),
) -> Difference:
    """Return mean(a) - mean(b) over pairs that share `source`, decided by flipping signs.

    The interval is Student's t below ten pairs, and BCa from there (Efron, JASA 1987, section 4; at the
    levels of `expanded_z`); differences that are all equal have none. The verdict is that of `sign_flip`,
    exact up to 16 pairs. The order of the pairs changes nothing, and exchanging a and b mirrors the result.
    Raises `UsageError` without a source, for samples of different sizes or none, and for values that are
    not finite.
    """
    (found,) = paired_differences(
        [(a, b)], source=source, rng=rng, varied=varied, confidence=confidence, names=[names]
    )
    return found


def paired_differences(
    pairs: Sequence[tuple[Sample, Sample]],
    *,
    source: str,
    rng: Stream,
    varied: tuple[str, ...],
    confidence: float = 0.95,
    level: float | None = None,
    names: Sequence[Names] | None = None,
) -> list[Difference]:
    """Return what `paired_difference` returns for each of many pairs of samples.

    All of one size share their draws, which makes many cheap; each comes out as it would alone. `level`
    is the strictest that a p is held against, such as that of a correction for many tests: drawn p-values
    are made fine enough for it. 1 - `confidence` if None.
    """
    checked_share(confidence, "a confidence")
    checked_source(source)
    level = _level(level, confidence)
    arrays = [checked_pair(a, b, source) for a, b in pairs]
    # The side that is larger is a's: so exchanging a and b changes no draw, only signs.
    listed = [np.sort(a - b) for a, b in arrays]
    turned = [bool(tuple(d) < tuple(-d[::-1])) for d in listed]
    upright = [-d[::-1] if turn else d for d, turn in zip(listed, turned, strict=True)]
    found: dict[int, Difference] = {}
    for n in {len(d) for d in upright}:
        places = [i for i, d in enumerate(upright) if len(d) == n]
        block = np.stack([upright[i] for i in places])
        ends = _paired_ends(block, rng, confidence)
        p, exact, count = flip_p(block, rng, level)
        basis = _paired_basis(
            n, source, varied, seed=_seed(rng, RESAMPLES if n >= SMALL else 0 if exact else count)
        )
        for row, i in enumerate(places):
            found[i] = _decided(
                basis,
                names=names[i] if names else ("A", "B"),
                ends=ends[row],
                turned=turned[i],
                mean=mean_of(block[row]),
                sd=sd_of(block[row]) if n > 1 else None,
                sizes=(n, n),
                confidence=confidence,
                paired_by=source,
                p=float(p[row]) if n > 1 else None,
                p_method="sign-flip" if n > 1 else "none",
                welch_p=None,
                permutation_p=None,
                least_p=least_flip_p(n, level),
            )
    return [found[i] for i in range(len(listed))]


def unpaired_difference(
    a: Sample,
    b: Sample,
    *,
    rng: Stream,
    varied: tuple[str, ...],
    confidence: float = 0.95,
    names: Names = ("A", "B"),
) -> Difference:
    """Return mean(a) - mean(b) of independent samples, decided by Welch's test and by permutation.

    The larger of Welch's p (Biometrika 1947) and that of `permute_means` decides: Welch's test errs where
    few values are far from normal, and a permutation where the two spread differently. Where neither
    sample varies there is no Welch's test and no interval. The order of the values changes nothing, and
    exchanging a and b mirrors the result.
    Raises `UsageError` for an empty sample and for values that are not finite.
    """
    (found,) = unpaired_differences([(a, b)], rng=rng, varied=varied, confidence=confidence, names=[names])
    return found


def unpaired_differences(
    pairs: Sequence[tuple[Sample, Sample]],
    *,
    rng: Stream,
    varied: tuple[str, ...],
    confidence: float = 0.95,
    level: float | None = None,
    names: Sequence[Names] | None = None,
) -> list[Difference]:
    """Return what `unpaired_difference` returns for each of many pairs of samples, from shared draws.

    `level` as in `paired_differences`.
    """
    checked_share(confidence, "a confidence")
    level = _level(level, confidence)
    arrays = [checked_pair(a, b, None) for a, b in pairs]
    sizes = [(len(a), len(b)) for a, b in arrays]
    found: dict[int, Difference] = {}
    for group in {(min(pair), max(pair)) for pair in sizes}:
        places = [i for i, pair in enumerate(sizes) if (min(pair), max(pair)) == group]
        p, exact, count = exchange_p([arrays[i] for i in places], rng, level)
        seed = _seed(rng, 0 if exact else count)
        for row, i in enumerate(places):
            found[i] = _unpaired(
                *arrays[i],
                permutation_p=float(p[row]),
                least_p=least_exchange_p(*group, level),
                confidence=confidence,
                names=names[i] if names else ("A", "B"),
                basis=_unpaired_basis(sizes[i], varied, seed=seed),
            )
    return [found[i] for i in range(len(arrays))]


class WelchTest(NamedTuple):
    """A difference of means, its standard error and Satterthwaite's degrees of freedom."""

    mean: float
    error: float
    freedom: float


def welch(a: np.ndarray, b: np.ndarray) -> WelchTest | None:
    """Return the parts of Welch's test (Biometrika 1947); None where a sample has a single value."""
    if min(len(a), len(b)) < 2:
        return None
    mean = mean_of(a) - mean_of(b)
    errors = [sd_of(sample) / math.sqrt(len(sample)) for sample in (a, b)]
    scale = max(errors)
    if not scale:
        return WelchTest(mean, 0.0, float(len(a) + len(b) - 2))
    shares = [(error / scale) ** 2 for error in errors]
    parts = [share**2 / (len(x) - 1) for share, x in zip(shares, (a, b), strict=True)]
    total = math.fsum(shares)
    return WelchTest(mean, scale * math.sqrt(total), total**2 / math.fsum(parts))


def _paired_ends(block: np.ndarray, rng: Stream, confidence: float) -> list[_Ends]:
    n = block.shape[1]
    if n < 2:
        return [_NO_ENDS for _ in block]
    if n >= SMALL:
        made = [_Ends("BCa", low, high) for low, high in bca_ends(block, rng, confidence)]
    else:
        halves = [t_quantile(n - 1, confidence) * sd_of(row) / math.sqrt(n) for row in block]
        means = [mean_of(row) for row in block]
        made = [_Ends("t", mean - half, mean + half) for mean, half in zip(means, halves, strict=True)]
    return [ends if row[0] < row[-1] else _NO_ENDS for row, ends in zip(block, made, strict=True)]


def _unpaired(
    a: np.ndarray,
    b: np.ndarray,
    *,
    permutation_p: float,
    least_p: float,
    confidence: float,
    names: Names,
    basis: Basis,
) -> Difference:
    test = welch(a, b)
    ends, p, welch_p, p_method, sd = _NO_ENDS, None, None, "none", None
    if test is not None:
        sd = math.hypot(*sorted((sd_of(a), sd_of(b))))
        p, p_method = permutation_p, "permutation"
    if test is not None and test.error:
        half = t_quantile(test.freedom, confidence) * test.error
        ends = _Ends("Welch", test.mean - half, test.mean + half)
        welch_p = 2.0 * float(stdtr(test.freedom, -abs(test.mean) / test.error))
        p, p_method = max(welch_p, permutation_p), "Welch and permutation"
    return _decided(
        basis,
        names=names,
        ends=ends,
        turned=False,
        mean=mean_of(a) - mean_of(b),
        sd=sd,
        sizes=(len(a), len(b)),
        confidence=confidence,
        paired_by=None,
        p=p,
        p_method=p_method,
        welch_p=welch_p,
        permutation_p=permutation_p,
        least_p=least_p,
    )


def _decided(
    basis: Basis,
    *,
    names: Names,
    ends: _Ends,
    turned: bool,
    mean: float,
    sd: float | None,
    sizes: tuple[int, int],
    confidence: float,
    paired_by: str | None,
    p: float | None,
    p_method: str,
    welch_p: float | None,
    permutation_p: float | None,
    least_p: float,
) -> Difference:
    """Return a difference, turned back to a minus b, with its verdict and the cautions that it needs."""
    low, high = ends.low, ends.high
    if turned:
        mean = 0.0 - mean
        low, high = (None if end is None else 0.0 - end for end in (high, low))
    alpha = round(1.0 - confidence, 12)
    verdict: Verdict
    if p is None or least_p > alpha:
        verdict = "cannot be decided"
    elif p > alpha or not mean:
        verdict = "not distinguished"
    else:
        verdict = "better" if mean > 0.0 else "worse"
    apart = low is not None and high is not None and not low <= 0.0 <= high
    held = verdict in {"better", "worse"}
    cautions = list(basis.cautions)
    if p is not None and ends.method != "none" and apart != held:
        where = "excludes zero and the test does not" if apart else "holds zero and the test excludes it"
        cautions.append(f"the interval {where}: the verdict is the test's")
    if p is not None and ends.method == "none":
        cautions.append("no value varies: there is no interval, and what was not seen to vary may yet")
    if ends.method != "none" and confidence == 0.95 and min(sizes) < SMALL:
        cautions.append(coverage_text(min(sizes), paired=paired_by is not None))
    return Difference(
        basis=msgspec.structs.replace(basis, cautions=tuple(cautions)),
        names=(one_line(names[0]), one_line(names[1])),
        mean=mean,
        low=low,
        high=high,
        sd=sd,
        n_a=sizes[0],
        n_b=sizes[1],
        confidence=confidence,
        method=ends.method,
        paired_by=paired_by,
        p=p,
        p_method=p_method,
        welch_p=welch_p,
        permutation_p=permutation_p,
        least_p=least_p,
        verdict=verdict,
    )


def _paired_basis(n: int, source: str, varied: tuple[str, ...], *, seed: str) -> Basis:
    interval = "BCa bootstrap interval" if n >= SMALL else "t interval"
    paper = "Efron 1987, levels of Hesterberg 2015" if n >= SMALL else "Student 1908"
    return Basis(
        procedure=f"paired difference of means, {interval}, decided by flipping signs",
        source=f"{paper}; Fisher 1935, section 21",
        n={"pairs": n},
        varied=varied,
        assumptions=(f"pairs share {source}", *FLIP_ASSUMPTIONS),
        zeros="kept: a difference of zero has no sign to flip",
        seed=seed,
    )


def _unpaired_basis(sizes: tuple[int, int], varied: tuple[str, ...], *, seed: str) -> Basis:
    return Basis(
        procedure="difference of means of independent samples, Welch's interval, "
        "decided by the larger of Welch's and the permutation p",
        source="Welch 1947; Pitman 1937",
        n={"values of A": sizes[0], "values of B": sizes[1]},
        varied=varied,
        assumptions=(
            INDEPENDENT,
            "the means are near normal, or both methods have one distribution under the null",
        ),
        seed=seed,
    )


def _seed(rng: Stream, drawn: int) -> str:
    """Return the stream of a randomised procedure, and nothing where all was enumerated."""
    return seed_text(rng, drawn) if drawn else ""


def _level(level: float | None, confidence: float) -> float:
    return 1.0 - confidence if level is None else checked_share(level, "a level")
