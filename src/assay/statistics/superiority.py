"""The probability that one method beats another: P(A > B)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from scipy.special import betaincinv

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.bca import RESAMPLES, resample_counts
from assay.statistics.permutation import INDEPENDENT, Sample, checked_pair, checked_share, mean_of, sd_of
from assay.statistics.quantiles import t_quantile
from assay.statistics.table import Table

Verdict = Literal["not significant", "significant, not meaningful", "significant and meaningful"]

_HALVINGS = 60
_FEW = 10
_ROWS = 1000  # resamples of two samples that are held at a time


class Superiority(Result, frozen=True, kw_only=True):
    """P(A > B), ties counting one half, with its interval and the three-way decision.

    `gamma` is the probability from which a difference matters. `decidable` is False where no outcome of
    so few replicates would be significant.
    """

    names: tuple[str, str]
    probability: float
    low: float
    high: float
    gamma: float
    confidence: float
    verdict: Verdict
    n_a: int
    n_b: int
    paired: bool
    decidable: bool

    def sentence(self) -> str:
        """Return the probability, its interval and the decision."""
        a, b = self.names
        size = f"{self.n_a} pairs" if self.paired else f"{self.n_a} and {self.n_b} values"
        if not self.decidable:
            decision = f"not significant, as no outcome of {size} would be"
        elif self.high < 0.5:
            decision = f"not significant for {a}, which {b} beats, with {size}"
        else:
            decision = f"{self.verdict} (meaningful from {self.gamma:g}) with {size}"
        interval = f"{100 * self.confidence:g} % interval {self.low:.3f} to {self.high:.3f}"
        return f"P({a} > {b}) = {self.probability:.3f}, {interval}: {decision}"

    def table(self) -> Table:
        """Return the probability as one row."""
        columns = ("A", "B", "P(A > B)", "low", "high", "gamma", "n of A", "n of B", "paired", "verdict")
        row = (
            *(*self.names, self.probability, self.low, self.high, self.gamma),
            *(self.n_a, self.n_b, self.paired, self.verdict),
        )
        return Table(columns, [row])


def probability_of_superiority(
    a: Sample,
    b: Sample,
    *,
    varied: tuple[str, ...],
    rng: Stream | None = None,
    gamma: float = 0.75,
    source: str | None = None,
    confidence: float = 0.95,
    method: Literal["score", "bootstrap"] = "score",
    names: tuple[str, str] = ("A", "B"),
) -> Superiority:
    """Return P(A > B) with the decision of Bouthillier et al. (MLSys 2021, section 4).

    Not significant where the interval reaches down to 1/2; otherwise meaningful where its upper end
    exceeds `gamma`. With a `source` values are compared within pairs, without one each of a with each of
    b. The interval 'score' needs no draws. Pairs have that of Clopper and Pearson (Biometrika 1934) with
    ties shared out evenly. Independent samples have the wider of two at either end: the fifth of Newcombe
    (Statistics in Medicine 2006, part 2) at Student's t of two samples of the smaller size, which takes
    both to spread alike, and that of Brunner and Munzel (Biometrical Journal 2000), which does not, but
    is too narrow for few values. 'bootstrap' is the percentile interval of the MLSys
    paper, which for few replicates is too narrow: where A wins always it has no width. Raises
    `UsageError` for samples that `checked_pair` refuses, and for a bootstrap without `rng`.
    """
    checked_share(confidence, "a confidence")
    if not 0.5 <= gamma < 1.0:
        raise UsageError(f"gamma lies between 0.5 and 1, got {gamma}", hint="0.75")
    first, second = checked_pair(a, b, source)
    wins = _wins(first, second, paired=source is not None)
    sizes = len(first), len(second)
    if method == "score":
        low, high = _score(float(wins.mean()), sizes, confidence, paired=source is not None)
        if source is None:
            other = _placements(wins, confidence)
            low, high = min(low, other[0]), max(high, other[1])
    elif rng is None:
        raise UsageError("a bootstrap needs a stream of draws", hint="rng=SeedTree(0).stream('bootstrap')")
    else:
        low, high = _bootstrap(first, second, rng, confidence, paired=source is not None)
    best, _ = _score(1.0, sizes, confidence, paired=source is not None)
    meaningful: Verdict = "significant and meaningful" if high > gamma else "significant, not meaningful"
    return Superiority(
        basis=_basis(sizes, source, varied, method, rng),
        names=(one_line(names[0]), one_line(names[1])),
        probability=float(wins.mean()),
        low=low,
        high=high,
        gamma=gamma,
        confidence=confidence,
        verdict="not significant" if low <= 0.5 else meaningful,
        n_a=sizes[0],
        n_b=sizes[1],
        paired=source is not None,
        decidable=best > 0.5,
    )


def cliffs_delta(a: Sample, b: Sample) -> float:
    """Return P(A > B) - P(A < B) over all pairs of values (Cliff, Psychological Bulletin 1993, equation 3).

    Raises `UsageError` for an empty sample and for values that are not finite.
    """
    return 2.0 * float(_wins(*checked_pair(a, b, None), paired=False).mean()) - 1.0


def _wins(a: np.ndarray, b: np.ndarray, *, paired: bool) -> np.ndarray:
    """Return 1 where a is larger, 1/2 where both are equal, else 0: by pair, or (n_a, n_b)."""
    mine, other = (a, b) if paired else (a[:, None], b[None, :])
    return np.asarray(((mine > other) + 0.5 * (mine == other)).astype(np.float64))


def _score(share: float, sizes: tuple[int, int], confidence: float, *, paired: bool) -> tuple[float, float]:
    tail = (1.0 - confidence) / 2
    if paired:
        n = sizes[0]
        won = share * n
        low = float(betaincinv(won, n - won + 1, tail)) if won else 0.0
        return low, float(betaincinv(won + 1, n - won, 1.0 - tail)) if won < n else 1.0
    freedom = 2 * min(sizes) - 2
    if not freedom:
        return 0.0, 1.0
    quantile = t_quantile(freedom, confidence)
    return _root(share, 0.0, sizes, quantile), _root(share, 1.0, sizes, quantile)


def _placements(wins: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the interval of Brunner and Munzel, from how each value is placed among those of the other."""
    share = mean_of(wins.ravel())
    if min(wins.shape) < 2:
        return 0.0, 1.0
    parts = [sd_of(wins.mean(axis=1 - side)) ** 2 / n for side, n in enumerate(wins.shape)]
    if not (variance := math.fsum(parts)):
        return share, share  # nothing is placed between others: the other interval is the wider
    freedom = variance**2 / math.fsum(part**2 / (n - 1) for part, n in zip(parts, wins.shape, strict=True))
    half = t_quantile(freedom, confidence) * math.sqrt(variance)
    return max(share - half, 0.0), min(share + half, 1.0)


def _root(share: float, end: float, sizes: tuple[int, int], quantile: float) -> float:
    """Return the probability, on the side of `end`, that lies `quantile` standard errors from the share."""
    outside, inside = end, share
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if (share - middle) ** 2 < quantile**2 * _variance(middle, sizes):
            inside = middle
        else:
            outside = middle
    return outside


def _variance(theta: float, sizes: tuple[int, int]) -> float:
    """Return the variance of the share of wins where the probability is theta (Newcombe 2006, method 5).

    At 1/2 it is that of the Mann-Whitney statistic under the null.
    """
    spread = (1 - theta) / (2 - theta) + theta / (1 + theta)
    return theta * (1 - theta) * (1 + (sum(sizes) / 2 - 1) * spread) / (sizes[0] * sizes[1])


def _bootstrap(
    a: np.ndarray, b: np.ndarray, rng: Stream, confidence: float, *, paired: bool
) -> tuple[float, float]:
    """Return the percentile interval; exchanging a and b mirrors it, and order changes nothing."""
    a, b = (a, b) if paired else (np.sort(a), np.sort(b))
    wins = _wins(a, b, paired=paired)
    level = wins.mean() == 0.5
    turned = wins.mean() < 0.5 or (level and not paired and tuple(a) < tuple(b))
    if paired:
        wins = np.sort(1.0 - wins if turned else wins)
        stream = as_stream(rng).child("superiority", len(wins))
        shares = np.concatenate([counts @ wins for counts in resample_counts(stream, len(wins))]) / len(wins)
    else:
        wins = (1.0 - wins).T if turned else wins
        streams = [as_stream(rng).child("superiority", i, n) for i, n in enumerate(wins.shape)]
        drawn = (resample_counts(s, n, _ROWS) for s, n in zip(streams, wins.shape, strict=True))
        shares = (
            np.concatenate([((x @ wins) * y).sum(axis=1) for x, y in zip(*drawn, strict=True)]) / wins.size
        )
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(shares, [tail, 1.0 - tail])
    if level and (paired or tuple(a) == tuple(b)):  # its own mirror image, but for the draws
        low = min(low, 1.0 - high)
        high = 1.0 - low
    return (1.0 - float(high), 1.0 - float(low)) if turned else (float(low), float(high))


def _cautions(sizes: tuple[int, int], source: str | None, *, drawn: bool) -> Iterator[str]:
    if drawn:
        yield "the percentile bootstrap is too narrow for few replicates"
    elif source is None and min(sizes) < _FEW and max(sizes) > 2 * min(sizes):
        yield (
            f"with {min(sizes)} values of one method and {max(sizes)} of the other, a difference of spread "
            "may pass for one of level: of samples with one centre up to 10 % were told apart"
        )


def _basis(
    sizes: tuple[int, int], source: str | None, varied: tuple[str, ...], method: str, rng: Stream | None
) -> Basis:
    paper = (
        "Clopper and Pearson 1934" if source else "Newcombe 2006, part 2, method 5; Brunner and Munzel 2000"
    )
    drawn = method == "bootstrap" and rng is not None
    return Basis(
        procedure=f"probability of superiority, {'percentile bootstrap' if drawn else 'score'} interval",
        source="Bouthillier et al. 2021, section 4" + ("" if drawn else f"; {paper}"),
        n={"pairs": sizes[0]} if source else {"values of A": sizes[0], "values of B": sizes[1]},
        varied=varied,
        assumptions=(f"pairs share {source}", "pairs are independent of each other")
        if source
        else (INDEPENDENT,),
        ties="count one half",
        seed=seed_text(rng, RESAMPLES) if drawn and rng is not None else "",
        cautions=tuple(_cautions(sizes, source, drawn=drawn)),
    )
