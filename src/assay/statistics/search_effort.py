"""How good the best of n trials is expected to be, given B trials that were made."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.permutation import checked_share
from assay.statistics.rounding import rounded
from assay.statistics.table import Table

RESAMPLES = 2_000
# Beyond this share of the trials the bootstrap of a maximum fails: at n = B / 2 it covers 0.6 to 0.8.
INTERVAL_SHARE = 0.1
_CHUNK = 1 << 20


class ExpectedBest(Result, frozen=True, kw_only=True):
    """The expected best of n trials, for each n; `low` and `high` are None where there is no interval.

    `n`, `expected`, `low` and `high` are of one length; `trials` is B, and `failed` how many of them
    had no value.
    """

    n: tuple[int, ...]
    expected: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    trials: int
    failed: int
    maximize: bool
    confidence: float

    def sentence(self) -> str:
        """Return the expected best of the most trials."""
        return (
            f"The best of {self.n[-1]:,} trials is expected to be {rounded(self.expected[-1], None)}, "
            f"as estimated from {self.trials:,} trials."
        )

    def table(self) -> Table:
        """Return one row for each n."""
        return Table(
            ("trials", "expected best", "low", "high"),
            list(zip(self.n, self.expected, self.low, self.high, strict=True)),
        )


def log_shares(total: int, n: int) -> np.ndarray:
    """Return the log of C(k, n) / C(total, n) for k = 0 ... total: shape (total + 1,).

    It is the chance that n different items out of `total` all come from a certain k of them. A sum of
    logarithms of one sign, so that nothing cancels and nothing overflows.
    """
    logs = np.full(total + 1, -np.inf)
    later = np.arange(total, n, -1, dtype=np.float64)
    logs[n:] = np.concatenate([[0.0], np.cumsum(np.log1p(-n / later))])[::-1]
    return logs


def best_weights(total: int, n: int) -> np.ndarray:
    """Return the chance that the j-th smallest of `total` is the largest of n that are drawn, all different.

    It is C(j-1, n-1) / C(total, n), for j = 1 ... total: shape (total,).
    """
    j = np.arange(1, total + 1)
    return np.asarray(np.exp(log_shares(total, n)[1:]) * n / j)


def expected_best(
    values: Sequence[float] | np.ndarray,
    n: int | Sequence[int] | None = None,
    *,
    varied: tuple[str, ...],
    rng: Stream | None = None,
    maximize: bool = True,
    failed: float | None = None,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> ExpectedBest:
    """Return the expected best of n trials, estimated without bias from B independent trials.

    The estimate is the mean of the best over all subsets of n of the B values, the sum over j of
    x_(j) C(j-1, n-1) / C(B, n) (Tang et al., ACL 2020); the one of Dodge et al. (EMNLP
    2019), which draws with replacement, is biased low. `n` is 1 ... B if None. NaN is a trial that
    failed: it counts with the value `failed`, such as that of chance, and is refused without one.
    With `rng` there is a percentile bootstrap interval, for n up to a tenth of B only.
    Raises `UsageError` for n that is not a whole number in [1, B], where no estimate without bias exists.
    """
    try:
        sample = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("expected best needs a list of numbers, one a trial") from None
    if sample.ndim != 1 or not sample.size or np.isinf(sample).any():
        raise UsageError("expected best needs a list of finite values, one a trial")
    lost = int(np.isnan(sample).sum())
    if lost and (failed is None or not math.isfinite(failed)):
        raise UsageError(
            f"{lost} of {sample.size} trials have no value",
            why="left out, a trial that failed would make the search look better",
            hint="give failed=, the value that a failed trial is worth, such as that of chance",
        )
    sign = 1.0 if maximize else -1.0
    ordered = np.sort(sign * np.where(np.isnan(sample), failed or 0.0, sample))
    sizes = _sizes(n, len(ordered))
    weights = [best_weights(len(ordered), size) for size in sizes]
    lows, highs = _intervals(ordered, sizes, weights, rng, resamples, confidence)
    ends = (lows, highs) if maximize else (highs, lows)
    low, high = (tuple(None if end is None else sign * end + 0.0 for end in side) for side in ends)
    return ExpectedBest(
        basis=_basis(len(ordered), lost, failed, varied, rng, resamples),
        n=sizes,
        expected=tuple(sign * math.fsum((ordered * w).tolist()) + 0.0 for w in weights),
        low=low,
        high=high,
        trials=len(ordered),
        failed=lost,
        maximize=maximize,
        confidence=confidence,
    )


def _sizes(n: int | Sequence[int] | None, trials: int) -> tuple[int, ...]:
    listed = range(1, trials + 1) if n is None else np.atleast_1d(np.asarray(n, dtype=object)).tolist()
    broken = [size for size in listed if not isinstance(size, int | np.integer) or isinstance(size, bool)]
    if broken:
        raise UsageError(
            f"a number of trials is a whole number, got {one_line(repr(broken[0])[:40])}",
            hint=f"n between 1 and {trials}",
        )
    sizes = tuple(int(size) for size in listed)
    outside = [size for size in sizes if not 1 <= size <= trials]
    if outside or not sizes:
        raise UsageError(
            f"the best of {outside[0] if outside else 'no'} trials cannot be told from {trials}",
            why="an estimate without bias exists for 1 to B trials only",
            hint=f"n between 1 and {trials}, or more trials",
        )
    return sizes


def _intervals(
    ordered: np.ndarray,
    sizes: tuple[int, ...],
    weights: list[np.ndarray],
    rng: Stream | None,
    resamples: int,
    confidence: float,
) -> tuple[list[float | None], list[float | None]]:
    """Return the ends of the percentile interval of each size, None beyond a tenth of the trials."""
    checked_share(confidence, "a confidence")
    trials = len(ordered)
    wanted = [i for i, size in enumerate(sizes) if size <= INTERVAL_SHARE * trials]
    lows: list[float | None] = [None] * len(sizes)
    highs = lows.copy()
    if rng is None or not wanted:
        return lows, highs
    found = np.empty((len(wanted), resamples))
    step = max(1, _CHUNK // trials)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        # The sum runs over the first axis, one addend after the other, on every machine.
        drawn = ordered[np.sort(as_stream(rng).indices(trials, (rows, trials)), axis=1).T]
        for place, i in enumerate(wanted):
            found[place, start : start + rows] = (weights[i][:, None] * drawn).sum(axis=0)
    for place, i in enumerate(wanted):
        low, high = np.quantile(found[place], [0.5 - confidence / 2, 0.5 + confidence / 2])
        lows[i], highs[i] = float(low), float(high)
    return lows, highs


def _basis(
    trials: int,
    lost: int,
    failed: float | None,
    varied: tuple[str, ...],
    rng: Stream | None,
    resamples: int,
) -> Basis:
    cautions = ["beyond n = B / 10 there is no interval: the bootstrap of a maximum fails there"]
    if rng is not None:
        cautions.append("the percentile interval is narrow near n = B / 10: it covers 0.85 to 0.95 for 0.95")
    if lost:
        cautions.append(f"{lost} failed trials count as {failed:g}")
    return Basis(
        procedure="expected best of n trials, without bias",
        source="Tang et al., ACL 2020",
        n={"trials": trials},
        varied=varied,
        assumptions=("trials are independent draws of one distribution, as those of random search are",),
        seed="" if rng is None else seed_text(rng, resamples),
        cautions=tuple(cautions),
    )
