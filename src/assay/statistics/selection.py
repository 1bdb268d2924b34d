"""What choosing the best adds to its number: the winner's curse, measured and corrected."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.bca import RESAMPLES
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_interval
from assay.statistics.luck import choice_weights
from assay.statistics.permutation import checked_share, mean_of, sd_of
from assay.statistics.rounding import interval_text, rounded
from assay.statistics.table import Table

Numbers = Sequence[float] | np.ndarray
_GRID = np.arange(-12 * 64, 40 * 64 + 1) / 64
_EQUAL = 1e-12  # in units of the largest sum: two configurations are tied in a resample


class BestOfK(Result, frozen=True, kw_only=True):
    """The best of k candidates beside what the best of k equal ones would show by noise alone.

    `optimism` is sd * E[max of k standard normals]; `expected` is the mean bettered by it; `excess` is
    how far the best is beyond `expected` (negative: noise alone would do better). `k` counts failed
    candidates too.
    """

    k: int
    failed: int
    best: float
    mean: float
    sd: float
    sd_source: str
    optimism: float
    expected: float
    excess: float
    maximize: bool

    def sentence(self) -> str:
        """Return the best beside what noise alone gives."""
        return (
            f"The best of {self.k:,} is {rounded(self.best, None)}; the best of as many equal candidates "
            f"is expected at {rounded(self.expected, None)} by noise alone."
        )

    def table(self) -> Table:
        """Return one row."""
        names = ("k", "failed", "best", "mean", "sd", "optimism", "expected", "excess")
        return Table(names, [tuple(getattr(self, name) for name in names)])


class FreshSeedGap(Result, frozen=True, kw_only=True):
    """How much the value by which a winner was chosen overstates its value under a fresh seed.

    `selected` and `fresh` are one value a search, of its winner; `gap` is the mean of their difference,
    turned so that positive is overstatement. `lost` counts searches without a winner, or whose winner
    has no fresh value; they are in no mean.
    """

    selected: tuple[float, ...]
    fresh: tuple[float, ...]
    gap: Interval
    candidates: int
    lost: int
    maximize: bool

    def sentence(self) -> str:
        """Return the gap with its interval."""
        return (
            f"The value that chose the winner overstates it by {interval_text(self.gap)} "
            f"over {self.gap.n:,} searches."
        )

    def table(self) -> Table:
        """Return one row for each search."""
        return Table(("selected", "fresh"), list(zip(self.selected, self.fresh, strict=True)))


class TableGap(Result, frozen=True, kw_only=True):
    """The exact overstatement of best-of-n random search by one seed, on a table with several seeds.

    For each of `n`: the expected value of the winner under the seed that chose it, under the other
    seeds, and the difference of the two (`gap`, positive is overstatement).
    """

    n: tuple[int, ...]
    selected: tuple[float, ...]
    fresh: tuple[float, ...]
    gap: tuple[float, ...]
    architectures: int
    seeds: int
    maximize: bool

    def sentence(self) -> str:
        """Return the overstatement for the largest n."""
        return (
            f"The best of {self.n[-1]:,} by one seed overstates itself by {rounded(self.gap[-1], None)} "
            f"against the other seeds."
        )

    def table(self) -> Table:
        """Return one row for each n."""
        rows = zip(self.n, self.selected, self.fresh, self.gap, strict=True)
        return Table(("n", "selected", "fresh", "gap"), list(rows))


class BbcCv(Result, frozen=True, kw_only=True):
    """The performance of choosing the best of several configurations, corrected for the choice.

    `naive` is the best configuration's own mean; `corrected` the mean of its out-of-bag performance,
    `low` and `high` the percentiles; `optimism` is what the choice added to `naive` (positive is
    overstatement).
    """

    naive: float
    corrected: float
    low: float
    high: float
    optimism: float
    rows: int
    configurations: int
    resamples: int
    confidence: float
    maximize: bool

    def sentence(self) -> str:
        """Return the corrected performance beside the naive one."""
        return (
            f"The best of {self.configurations:,} configurations scores {rounded(self.naive, None)}; "
            f"corrected for the choice it is {rounded(self.corrected, None)} "
            f"({rounded(self.low, None)} to {rounded(self.high, None)})."
        )

    def table(self) -> Table:
        """Return one row."""
        names = ("naive", "corrected", "low", "high", "optimism", "rows", "configurations")
        return Table(names, [tuple(getattr(self, name) for name in names)])


def expected_maximum(k: int, sd: float = 1.0) -> float:
    """Return the expected maximum of k independent normals of mean 0 and this standard deviation.

    The integral of x k phi(x) Phi(x)^(k-1) (David and Nagaraja, "Order Statistics", 2003),
    by the trapezoidal rule, which is exact to rounding for an analytic integrand that falls so fast.
    """
    if k < 1 or not (math.isfinite(sd) and sd >= 0):
        raise UsageError(f"no maximum of {k} normals of standard deviation {sd}")
    if k == 1:
        return 0.0
    logs = math.log(k) - _GRID**2 / 2 - math.log(2 * math.pi) / 2 + (k - 1) * log_ndtr(_GRID)
    return sd * math.fsum((_GRID * np.exp(logs)).tolist()) / 64


def best_of_k(
    values: Numbers, *, varied: tuple[str, ...], sd: float | None = None, maximize: bool = True
) -> BestOfK:
    """Return the best of k candidates beside the best of k that differ by noise alone.

    `sd` is the standard deviation of one evaluation of one candidate; if None, that of the candidates
    is taken, which is the null in which all that tells them apart is noise. NaN is a candidate that
    failed: it counts in k, and is never the best. Raises `UsageError` for fewer than two values.
    """
    sample = np.asarray(values, dtype=np.float64)
    kept = np.sort(sample[~np.isnan(sample)])
    if sample.ndim != 1 or len(kept) < 2 or np.isinf(kept).any():
        raise UsageError("a best of several needs two candidates with finite values at least")
    mean, noise = mean_of(kept), sd_of(kept) if sd is None else sd
    sign = 1.0 if maximize else -1.0
    optimism = expected_maximum(len(sample), noise)
    best = float(kept[-1] if maximize else kept[0])
    expected = mean + sign * optimism
    source = "of the candidates" if sd is None else "given, of one evaluation"
    return BestOfK(
        basis=Basis(
            procedure="best of k against the expected maximum of k normals",
            source="David and Nagaraja, Order Statistics, 2003",
            n={"candidates": len(sample)},
            varied=varied,
            assumptions=("noise is normal, independent and of one size", f"standard deviation {source}"),
            cautions=("a pessimistic null: candidates that truly differ owe less of their best to noise",),
        ),
        k=len(sample),
        failed=len(sample) - len(kept),
        best=best,
        mean=mean,
        sd=noise,
        sd_source=source,
        optimism=optimism,
        expected=expected,
        excess=sign * (best - expected),
        maximize=maximize,
    )


def fresh_seed_gap(
    selecting: Numbers,
    fresh: Numbers,
    *,
    rng: Stream,
    varied: tuple[str, ...],
    maximize: bool = True,
    confidence: float = 0.95,
) -> FreshSeedGap:
    """Return how much the value that chose a winner overstates what a fresh seed gives it.

    Both are (searches, candidates): what each candidate scored under the seed that chose, and under
    another; or (searches,), of the winners alone. Tied winners count as their mean. NaN: a candidate
    that failed is not chosen; a winner without a fresh value is lost, and said so.
    Raises `UsageError` for arrays that do not fit, and where every search is lost.
    """
    first, second = (np.asarray(a, dtype=np.float64) for a in (selecting, fresh))
    if first.shape != second.shape or first.ndim not in {1, 2} or not first.size:
        raise UsageError(f"values of shape {first.shape} and fresh ones of shape {second.shape} do not fit")
    sign = 1.0 if maximize else -1.0
    table, again = (sign * a.reshape(len(a), -1) for a in (first, second))
    chosen = np.where(np.isnan(table), -np.inf, table).max(axis=1)
    winners = (table == chosen[:, None]) & np.isfinite(table)
    count = np.maximum(winners.sum(axis=1), 1)
    values = np.where(winners, again, 0.0).sum(axis=1) / count
    kept = winners.any(axis=1) & np.isfinite(values)
    if not kept.any():
        raise UsageError("no search has a winner with a fresh value")
    lost = int((~kept).sum())
    gap = mean_interval((chosen - values)[kept], rng=rng, varied=varied, confidence=confidence)
    cautions = (f"{lost} searches are lost: their winners have no fresh value",) if lost else ()
    return FreshSeedGap(
        basis=Basis(
            procedure="value under the choosing seed minus value under a fresh seed, of each winner",
            source="selection by one seed, evaluation by another: unbiased for the winner's mean",
            n={"searches": len(table), "candidates": table.shape[1]},
            varied=varied,
            assumptions=("searches are independent", "the fresh seed played no part in the choice"),
            ties="tied winners count as their mean",
            seed=seed_text(rng, RESAMPLES) if gap.method == "BCa" else "",
            cautions=cautions,
        ),
        selected=tuple((sign * chosen[kept] + 0.0).tolist()),
        fresh=tuple((sign * values[kept] + 0.0).tolist()),
        gap=gap,
        candidates=table.shape[1],
        lost=lost,
        maximize=maximize,
    )


def table_gap(
    values: Sequence[Sequence[float]] | np.ndarray, n: int | Sequence[int], *, maximize: bool = True
) -> TableGap:
    """Return the exact expected overstatement of the best of n architectures by one seed.

    `values` is (architectures, seeds). n architectures are drawn with replacement, one seed, the same
    for all, chooses the best, and the other seeds give its fresh value; both are means over which seed
    chooses. Raises `UsageError` for fewer than two seeds and for values that are not finite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not len(table) or not np.isfinite(table).all():
        raise UsageError(
            "a fresh seed needs finite values of shape (architectures, seeds), two seeds at least",
            why=f"the shape is {table.shape}",
        )
    sizes = (int(n),) if isinstance(n, int | np.integer) else tuple(map(int, n))
    if not sizes or min(sizes) < 1:
        raise UsageError("the best of n needs n of one at least")
    seeds = table.shape[1]
    others = [np.delete(table, s, axis=1).mean(axis=1) for s in range(seeds)]
    pairs = []
    for size in sizes:
        weights = [choice_weights(table[:, s] * (1 if maximize else -1), size) for s in range(seeds)]
        selected = math.fsum(_products(weights[s], table[:, s]) for s in range(seeds)) / seeds
        fresh = math.fsum(_products(weights[s], others[s]) for s in range(seeds)) / seeds
        pairs.append((selected, fresh))
    return TableGap(
        basis=Basis(
            procedure="exact expectation over all draws of n and all choices of the seed",
            source="the order statistics of a finite space",
            n={"architectures": len(table), "seeds": seeds},
            varied=("sampled architectures", "choosing seed"),
            assumptions=("random search draws uniformly, with replacement", "one seed for all candidates"),
            ties="equal values: one at random",
        ),
        n=sizes,
        selected=tuple(s for s, _ in pairs),
        fresh=tuple(f for _, f in pairs),
        gap=tuple((s - f) if maximize else (f - s) for s, f in pairs),
        architectures=len(table),
        seeds=seeds,
        maximize=maximize,
    )


def bbc_cv(
    matrix: Sequence[Sequence[float]] | np.ndarray,
    *,
    rng: Stream,
    varied: tuple[str, ...] = ("examples",),
    maximize: bool = True,
    resamples: int = 1_000,
    confidence: float = 0.95,
) -> BbcCv:
    """Return the bootstrap bias corrected performance of the best of several configurations.

    `matrix` is (rows, configurations): the out-of-sample score of each example under each
    configuration. In each resample of the rows the configuration with the best mean in the bag is
    scored on the rows outside it (Tsamardinos, Greasidou and Borboudakis, Machine Learning 2018).
    Raises `UsageError` for scores that are not finite: a failed prediction is a wrong one.
    """
    table = np.asarray(matrix, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2 or not table.shape[1] or not np.isfinite(table).all():
        raise UsageError(
            "BBC-CV needs finite scores of shape (rows, configurations), two rows at least",
            hint="give a prediction that failed the score of a wrong one",
        )
    checked_share(confidence, "a confidence")
    sign = 1.0 if maximize else -1.0
    turned = sign * table
    scores = np.array(
        [score for _ in range(resamples) if (score := _out_of_bag(turned, rng)) is not None] or [np.nan]
    )
    naive = float(turned.mean(axis=0).max())
    corrected = math.fsum(np.sort(scores).tolist()) / len(scores)
    ends = np.quantile(scores, [0.5 - confidence / 2, 0.5 + confidence / 2])
    low, high = sorted((sign * ends + 0.0).tolist())
    return BbcCv(
        basis=Basis(
            procedure="bootstrap bias corrected cross-validation (BBC-CV)",
            source="Tsamardinos, Greasidou and Borboudakis, Machine Learning 107, 2018",
            n={"rows": len(table), "configurations": table.shape[1]},
            varied=varied,
            assumptions=("rows are independent", "each row was predicted by models that had not seen it"),
            ties="configurations tied in the bag count as their mean outside it",
            seed=seed_text(rng, resamples),
            cautions=("speaks of new rows of these tasks, not of new tasks",),
        ),
        naive=sign * naive + 0.0,
        corrected=sign * corrected + 0.0,
        low=low,
        high=high,
        optimism=naive - corrected,
        rows=len(table),
        configurations=table.shape[1],
        resamples=len(scores),
        confidence=confidence,
        maximize=maximize,
    )


def _out_of_bag(table: np.ndarray, rng: Stream) -> float | None:
    """Return what the best in the bag scores outside it; None where the bag holds every row."""
    rows = len(table)
    counts = np.bincount(as_stream(rng).indices(rows, (rows,)), minlength=rows)
    outside = counts == 0
    if not outside.any():
        return None
    # Sums over the first axis add one row after the other, so that ties are the same on every machine.
    inside = (table * counts[:, None]).sum(axis=0)
    best = inside >= inside.max() - _EQUAL * max(float(np.abs(inside).max()), 1e-300)
    return float(table[outside][:, best].sum(axis=0).mean() / outside.sum())


def _products(weights: np.ndarray, values: np.ndarray) -> float:
    return math.fsum((weights * values).tolist())
