"""The time that runs take to reach targets; a target that is not reached is counted, never left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.anytime import Runs, incumbents
from assay.statistics.basis import Basis, Result
from assay.statistics.permutation import checked_share
from assay.statistics.table import Table


class Ecdf(NamedTuple):
    """A right-continuous step function: from `x[i]` on, the share `share[i]` of pairs is reached."""

    x: tuple[float, ...]
    share: tuple[float, ...]


class Unreached(NamedTuple):
    """How many of n runs never reach a target, as a share with its exact binomial interval."""

    missed: int
    share: float
    low: float
    high: float


class TargetTimes(Result, frozen=True, kw_only=True):
    """When each run first reaches each target; `inf` where it never does.

    `times` is one tuple a target, with one time a run; `spent` is what each run spent in all. Both
    are in `unit`.
    """

    targets: tuple[float, ...]
    times: tuple[tuple[float, ...], ...]
    spent: tuple[float, ...]
    unit: str
    maximize: bool
    confidence: float

    def ecdf(self) -> Ecdf:
        """Return the share of (target, run) pairs reached by each time; its end may be below 1."""
        flat = sorted(time for row in self.times for time in row)
        reached = [time for time in flat if time < math.inf]
        steps = {time: (i + 1) / len(flat) for i, time in enumerate(reached)}
        return Ecdf(tuple(steps), tuple(steps.values()))

    def ert(self) -> tuple[float, ...]:
        """Return the expected running time to each target, `inf` where no run reaches it.

        All that was spent until the target was reached or the run ended, over the number of runs that
        reached it (Hansen et al., "COCO: Performance Assessment", arXiv:1605.03560).
        """
        return tuple(_ert(row, self.spent) for row in self.times)

    def unreached(self) -> tuple[Unreached, ...]:
        """Return for each target how many runs never reach it (Clopper and Pearson, Biometrika 1934)."""
        found = []
        for row in self.times:
            count, n = sum(time == math.inf for time in row), len(row)
            tail = 0.5 - self.confidence / 2
            low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
            high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
            found.append(Unreached(count, count / n, low, high))
        return tuple(found)

    def restarted(self, target: int, *, rng: Stream, draws: int = 1_000) -> tuple[float, ...]:
        """Return times of a search that is restarted until it reaches target number `target`, in order.

        Runs are drawn with replacement; those that fail add what they spent (the simulated restarts of
        arXiv:1605.03560). All `inf` where no run reaches the target.
        """
        row = sorted(zip(self.times[target], self.spent, strict=True))
        if all(time == math.inf for time, _ in row):
            return (math.inf,) * draws
        return tuple(sorted(_restart(row, rng) for _ in range(draws)))

    def sentence(self) -> str:
        """Return how many pairs of target and run are reached, and how many targets by no run."""
        flat = [time for row in self.times for time in row]
        reached = sum(time < math.inf for time in flat)
        never = sum(min(row) == math.inf for row in self.times)
        return (
            f"{reached:,} of {len(flat):,} pairs of target and run are reached; "
            f"{never} of {len(self.targets)} targets by no run."
        )

    def table(self) -> Table:
        """Return one row for each target: median time, ERT, and the share of runs that never reach it."""
        rows = zip(self.targets, self.times, self.ert(), self.unreached(), strict=True)
        return Table(
            ("target", "median time", "ert", "unreached", "runs", "share", "low", "high"),
            [
                (target, _median(row), ert, lost.missed, len(row), lost.share, lost.low, lost.high)
                for target, row, ert, lost in rows
            ],
        )


def target_times(
    x: Runs,
    y: Runs,
    targets: Sequence[float],
    *,
    varied: tuple[str, ...],
    maximize: bool = True,
    spent: Sequence[float] | None = None,
    unit: str = "evaluations",
    confidence: float = 0.95,
) -> TargetTimes:
    """Return when each run first reaches each target, a value at least as good as it.

    `x` and `y` hold one list a run: when each evaluation ends, and its value (NaN: failed). `spent` is
    what each run spent in all, the end of its last evaluation if None; a run without evaluations must
    be given with what it spent. Raises `UsageError` for targets that are not finite, and for runs that
    spent less than they took.
    """
    goals = tuple(float(target) for target in targets)
    if not goals or not all(map(math.isfinite, goals)):
        raise UsageError("targets are finite numbers, one at least")
    checked_share(confidence, "a confidence")
    steps = incumbents(x, y, maximize=maximize)
    sign = 1.0 if maximize else -1.0
    return TargetTimes(
        basis=Basis(
            procedure="first time at which a run's incumbent is at least as good as a target",
            source="Hansen et al., arXiv:1605.03560",
            n={"targets": len(goals), "runs": len(steps)},
            varied=varied,
            assumptions=("runs are independent",),
            ties="a value equal to the target reaches it",
            cautions=("pairs of one run are not independent: intervals are for one target at a time",),
        ),
        targets=goals,
        times=tuple(tuple(_first(when, value, sign * goal) for when, value in steps) for goal in goals),
        spent=_spent(x, spent),
        unit=unit,
        maximize=maximize,
        confidence=confidence,
    )


def _first(when: np.ndarray, value: np.ndarray, goal: float) -> float:
    place = int(np.searchsorted(value, goal, side="left"))
    return float(when[place]) if place < len(when) else math.inf


def _spent(x: Runs, spent: Sequence[float] | None) -> tuple[float, ...]:
    ends = [float(budgets[-1]) if len(budgets) else 0.0 for budgets in x]
    given = ends if spent is None else [float(one) for one in spent]
    if len(given) != len(ends):
        raise UsageError(f"{len(given)} budgets are said to be spent by {len(ends)} runs")
    for run, (total, end) in enumerate(zip(given, ends, strict=True)):
        if not (0.0 < total < math.inf and total >= end):
            raise UsageError(
                f"a run that ended at {end:g} cannot have spent {total:g}",
                where=f"run {run}",
                hint="give spent=, what each run spent in all, also one that has no evaluation",
            )
    return tuple(given)


def _ert(row: Sequence[float], spent: Sequence[float]) -> float:
    reached = sum(time < math.inf for time in row)
    total = math.fsum(min(time, whole) for time, whole in zip(row, spent, strict=True))
    return total / reached if reached else math.inf


def _restart(row: Sequence[tuple[float, float]], rng: Stream) -> float:
    total = 0.0
    while True:
        time, whole = as_stream(rng).choice(row)
        if time < math.inf:
            return total + time
        total += whole


def _median(row: Sequence[float]) -> float:
    """Return the median of times of which some are infinite; the later of two in the middle."""
    return sorted(row)[len(row) // 2]
