"""Racing: a method that an always-valid bound excludes from being the best gets no more replicates.

After each batch of replicates all pairs of the methods that still race on a benchmark are looked at. The
bound is the empirical-Bernstein sequence of the differences of bounded scores, at alpha over all pairs of
methods: so that the best method of a benchmark is dropped there with a probability of at most alpha,
however many looks there are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from assay.foundation.errors import UsageError

_STEPS = 60


class Racing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How methods race: the replicates of a batch, the level, and the range of the signal.

    Without a `range` each benchmark has that of its table: the least and the largest signal of the space.
    """

    batch: int = 10
    alpha: float = 0.05
    range: tuple[float, float] | None = None


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A method that was dropped on a benchmark after so many replicates.

    `by` is the rival that excludes it, and `high` the upper end of the interval of its mean signal minus
    that of the rival, larger being better: below zero.
    """

    method: str
    benchmark: str
    after: int
    by: str
    high: float


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The race on one benchmark: the replicates of the last look, those that may run now, who is out.

    `low` and `high` bound the signal; `dropped` are in the order in which they were.
    """

    benchmark: str
    looked: int
    admitted: int
    low: float
    high: float
    dropped: tuple[Dropped, ...] = ()


class Race(msgspec.Struct, frozen=True, kw_only=True):
    """The races of a study as its records have them; format 1, in `studies/NAME/racing.json` of the store.

    Derived from the records alone: the document shows it, and nothing reads it back.
    """

    racing: Racing
    lanes: tuple[Lane, ...]
    format: int = 1

    def kept(self) -> dict[tuple[str, str], int]:
        """Return how many replicates each dropped (method, benchmark) has."""
        return {(out.method, out.benchmark): out.after for out in self.dropped()}

    def dropped(self) -> tuple[Dropped, ...]:
        """Return who was dropped, benchmark by benchmark."""
        return tuple(out for lane in self.lanes for out in lane.dropped)

    def admits(self, method: str, benchmark: str, replicate: int) -> bool:
        """Say whether a replicate may run, as far as the records decide it yet."""
        lane = next(lane for lane in self.lanes if lane.benchmark == benchmark)
        out = self.kept().get((method, benchmark), lane.admitted)
        return replicate < min(out, lane.admitted)


def problems(racing: Racing, replicates: int) -> Iterator[tuple[str, str, str]]:
    """Yield what cannot be meant: the key, what is wrong, and what was given."""
    if not 1 <= racing.batch < replicates:
        yield "batch", "a batch has one replicate at least, and fewer than there are", f"got {racing.batch}"
    if not 0.0 < racing.alpha < 1.0:
        yield "alpha", "alpha lies between 0 and 1", f"got {racing.alpha:g}"
    if racing.range is not None and not -math.inf < racing.range[0] < racing.range[1] < math.inf:
        yield "range", "a range is two finite numbers, the smaller first", f"got {list(racing.range)}"


def lane(
    benchmark: str,
    scores: Mapping[str, Mapping[int, float]],
    *,
    racing: Racing,
    replicates: int,
    bounds: tuple[float, float],
) -> Lane:
    """Return the race on a benchmark, as far as the scores of its runs decide it.

    `scores` has the score of each recorded replicate of each method, larger being better and within
    `bounds`. A look is taken once every method that still races has all replicates of the batch; what a
    dropped method has beyond its last look plays no part. Raises `UsageError` for a score out of bounds.
    """
    _check(benchmark, scores, bounds)
    running, looked, dropped = sorted(scores), 0, list[Dropped]()
    while looked < replicates:
        batch = min(looked + racing.batch, replicates)
        if any(r not in scores[name] for name in running for r in range(batch)):
            return _lane(benchmark, looked, batch, bounds, dropped)
        looked = batch
        # After the last batch there is nothing to save.
        if looked < replicates:
            values = {name: np.array([scores[name][r] for r in range(looked)]) for name in running}
            out = excluded(values, bounds, racing.alpha / _pairs(len(scores)))
            dropped += [
                Dropped(method=name, benchmark=benchmark, after=looked, by=by, high=high)
                for name, (by, high) in out.items()
            ]
            running = [name for name in running if name not in out]
    return _lane(benchmark, looked, replicates, bounds, dropped)


def excluded(
    values: Mapping[str, np.ndarray], bounds: tuple[float, float], alpha: float
) -> dict[str, tuple[str, float]]:
    """Return the methods that some other excludes from being the best, with that rival and the upper bound.

    `values` are the scores of each method in the order of the replicates, of one length. Of several
    rivals the one with the least bound is named, the first by name of equals.
    """
    from assay.statistics.sequential import confidence_sequence

    width = bounds[1] - bounds[0]
    highs: dict[str, list[tuple[float, str]]] = {}
    for a, b in itertools.combinations(sorted(values), 2):
        difference = np.clip(values[a] - values[b], -width, width)
        found = confidence_sequence(difference, varied=("search seeds",), alpha=alpha, bounds=(-width, width))
        highs.setdefault(a, []).append((found.high[-1], b))
        highs.setdefault(b, []).append((-found.low[-1], a))
    out = {}
    for name in sorted(highs):
        high, by = min(highs[name])
        if high < 0.0:
            out[name] = (by, high)
    # Three bounds that contradict each other exclude everybody: then nothing is known.
    return out if len(out) < len(values) else {}


def least_gap(width: float, replicates: int, alpha: float) -> float | None:
    """Return the least difference that drops a method after so many replicates if no score varies.

    In the unit of the scores, of which `width` is the range; None where not even `width` would. Larger
    spreads need larger gaps.
    """
    from assay.statistics.sequential import confidence_sequence

    def drops(gap: float) -> bool:
        found = confidence_sequence(
            np.full(replicates, -gap), varied=("nothing",), alpha=alpha, bounds=(-width, width)
        )
        return found.high[-1] < 0.0

    if not drops(width):
        return None
    low, high = 0.0, width
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if drops(middle) else (middle, high)
    return high


def pair_alpha(racing: Racing, methods: int) -> float:
    """Return the level of one pair: alpha over all pairs of methods."""
    return racing.alpha / _pairs(methods)


def _pairs(methods: int) -> int:
    return max(methods * (methods - 1) // 2, 1)


def _lane(
    benchmark: str, looked: int, admitted: int, bounds: tuple[float, float], dropped: list[Dropped]
) -> Lane:
    return Lane(
        benchmark=benchmark,
        looked=looked,
        admitted=admitted,
        low=bounds[0],
        high=bounds[1],
        dropped=tuple(dropped),
    )


def _check(benchmark: str, scores: Mapping[str, Mapping[int, float]], bounds: tuple[float, float]) -> None:
    slack = 1e-9 * (bounds[1] - bounds[0])
    for name, own in scores.items():
        for replicate, score in own.items():
            if not bounds[0] - slack <= score <= bounds[1] + slack:
                raise UsageError(
                    "a score lies outside the range that the race declares",
                    where=f"{name} on {benchmark}, replicate {replicate}",
                    why=f"{abs(score):g} is not within {bounds[0]:g} and {bounds[1]:g}",
                    hint="declare the range that the signal can have, or none: then it is that of the table",
                )
