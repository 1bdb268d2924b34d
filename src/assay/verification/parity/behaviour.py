"""A test of whether two search strategies behave alike, from many runs of each; numbers in, result out.

Each run becomes a row of features: what it found and how fast, and how it moved through the space. Under
the hypothesis that both strategies are one, rows can be exchanged; the largest standardised difference of
all features is compared with what exchanging gives (Westfall and Young, "Resampling-Based Multiple
Testing", 1993), so that the false-alarm rate holds however many features there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from scipy.special import ndtri

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream

DRAWS = 9_999
_LEAST = 10  # runs of each strategy
_BLOCK = 500


class FeatureDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How far apart two strategies are in one feature.

    `a` and `b` are the means, `effect` the difference in standard deviations of a run (Cohen's d), `p` the
    adjusted one: of a difference as large in any feature.
    """

    feature: str
    a: float
    b: float
    effect: float
    p: float


class BehaviourTest(msgspec.Struct, frozen=True, kw_only=True):
    """Whether two strategies behave alike.

    `p` is that of the largest difference; `differences` come by its size. `detectable` is the effect, in
    standard deviations of a run, that this many runs find in four of five cases.
    """

    runs: tuple[int, int]
    alpha: float
    p: float
    differ: bool
    detectable: float
    draws: int
    differences: tuple[FeatureDifference, ...]

    def sentence(self) -> str:
        """Return the finding in one or two sentences."""
        most = self.differences[0]
        n = " and ".join(f"{count:,}" for count in self.runs)
        if self.differ:
            return (
                f"The strategies behave differently: {most.feature} is {most.a:.6g} and {most.b:.6g}, "
                f"apart by {abs(most.effect):.2f} standard deviations of a run (p = {self.p:.4g}, {n} runs)."
            )
        return (
            f"No difference was found in {n} runs (p = {self.p:.3g}); one of {self.detectable:.2f} standard "
            "deviations of a run would be found in four of five cases. That is no proof of equality."
        )


def compare_behaviour(
    a: np.ndarray,
    b: np.ndarray,
    features: Sequence[str],
    *,
    rng: Stream,
    alpha: float = 0.05,
    draws: int = DRAWS,
) -> BehaviourTest:
    """Return the test of two samples of runs: rows are runs, columns the named features.

    Raises `UsageError` below ten runs of each, or for a level that the draws cannot reach.
    """
    _check(a, b, alpha, draws)
    both = np.concatenate([a, b])
    spread = both.std(axis=0)
    kept = spread > 1e-12 * (1 + np.abs(both).max(axis=0))
    units = np.zeros_like(both)
    units[:, kept] = (both[:, kept] - both.mean(axis=0)[kept]) / spread[kept]
    scale = math.sqrt(len(a) * len(b) / len(both))
    observed = _differences(units, np.arange(len(both)) < len(a)) * scale
    largest = _largest(units, len(a), rng, draws) * scale
    adjusted = (1 + (largest[:, None] >= np.abs(observed)[None, :] - 1e-9).sum(axis=0)) / (draws + 1)
    critical = float(np.quantile(largest, 1 - alpha, method="higher"))
    pooled = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 2)
    effects = np.divide(a.mean(axis=0) - b.mean(axis=0), pooled, out=np.zeros(len(pooled)), where=pooled > 0)
    found = [
        FeatureDifference(
            feature=name,
            a=float(a[:, i].mean()),
            b=float(b[:, i].mean()),
            effect=float(effects[i]),
            p=float(adjusted[i]),
        )
        for i, name in enumerate(features)
    ]
    p = float(adjusted[np.abs(observed).argmax()])
    return BehaviourTest(
        runs=(len(a), len(b)),
        alpha=alpha,
        p=p,
        differ=p <= alpha,
        detectable=(critical + float(ndtri(0.8))) / scale,
        draws=draws,
        differences=tuple(sorted(found, key=lambda one: (one.p, -abs(one.effect), one.feature))),
    )


def _check(a: np.ndarray, b: np.ndarray, alpha: float, draws: int) -> None:
    if min(len(a), len(b)) < _LEAST:
        raise UsageError(
            f"two strategies are compared by at least {_LEAST} runs of each",
            why=f"{len(a)} and {len(b)} runs",
        )
    if not 1 / (draws + 1) <= alpha < 1:
        raise UsageError(f"a level of {alpha} cannot be reached with {draws:,} draws")


def _differences(units: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the differences of means of the rows in `first` and the others."""
    return np.asarray(units[first].mean(axis=0) - units[~first].mean(axis=0))


def _largest(units: np.ndarray, size: int, rng: Stream, draws: int) -> np.ndarray:
    """Return the largest difference of means over the features, for each exchange of the rows."""
    n = len(units)
    found = []
    for start in range(0, draws, _BLOCK):
        count = min(_BLOCK, draws - start)
        # The first `size` of a random order of the rows; ties of 32-bit keys are broken by place.
        order = np.argsort(rng.indices(2**32 - 1, (count, n)), axis=1, kind="stable")[:, :size]
        chosen = np.zeros((count, n))
        np.put_along_axis(chosen, order, 1.0, axis=1)
        # Columns have mean 0, so that the mean of the others follows from that of the first.
        means = chosen @ units / size
        found.append(np.abs(means * (n / (n - size))).max(axis=1))
    return np.concatenate(found)
