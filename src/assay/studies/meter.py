"""The meter of a run: it evaluates, charges, and keeps the trajectory."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Hashable
from typing import Any

from assay.contracts.evaluation import Evaluation, Failure, Fidelity, Level, Outcome, Status
from assay.contracts.problem import Budget, BudgetView
from assay.contracts.space import SearchSpace
from assay.foundation.errors import CodeError
from assay.records.record import Trajectory

Evaluator = Callable[[Any], Outcome]


class Meter:
    """Evaluates architectures within a budget and records each in the order of telling.

    A budget in evaluations admits that many; one in table seconds admits an evaluation while what
    was started before costs less in all, over every simulated worker together. Whether the one
    that crosses the end counts is the card's `crossing`: where it does not, it ends as
    OVER_BUDGET and the strategy is not told its value.

    `level` is what a plain request evaluates, by `evaluate`; `evaluator` makes the evaluators of others
    (see `TableBenchmark.evaluator`), None where there are none. Only the own level has an incumbent.
    """

    def __init__(
        self,
        space: SearchSpace[Any],
        evaluate: Evaluator,
        budget: Budget,
        *,
        level: Level,
        evaluator: Callable[[str, Fidelity, Fidelity | None], Evaluator] | None = None,
        crossing: str,
        seconds: bool,
    ) -> None:
        self.space = space
        self.level = level
        self.evaluator = evaluator
        self.view = BudgetView(budget)
        self.best: tuple[float, Hashable] | None = None
        self._evaluate = evaluate
        self._evaluations = math.inf if budget.evaluations is None else budget.evaluations
        self._seconds = math.inf if budget.table_seconds is None else budget.table_seconds
        self._drop_crossing = crossing != "counted"
        self._charges_seconds = seconds
        self._started = 0
        self._spent = 0.0
        self._codes: dict[Hashable, int] = {}
        self._archs: list[str] = []
        self._code, self._asked = array("I"), array("I")
        self._levels: dict[Level, int] = {level: 0}
        self._level = array("H")
        self._value, self._cost, self._time = array("d"), array("d"), array("d")
        self._status = bytearray()

    @property
    def admits(self) -> bool:
        """Whether the budget allows one more evaluation to start."""
        return self._started < self._evaluations and self._spent < self._seconds

    @property
    def counts_evaluations(self) -> bool:
        """Whether the budget is a number of evaluations."""
        return math.isfinite(self._evaluations)

    @property
    def evaluations(self) -> int:
        """How many evaluations were told."""
        return len(self._status)

    @property
    def left(self) -> float:
        """What is left of the budget, in its own unit; never below zero. Reading it is noticed."""
        self.view.was_read = True
        left = self._evaluations - self._started if math.isinf(self._seconds) else self._seconds - self._spent
        return max(left, 0.0)

    def start(self, arch: Hashable, evaluate: Evaluator | None = None) -> Outcome:
        """Evaluate and charge an architecture; it enters the trajectory when it is `told`.

        `evaluate` is that of another level than the own. Raises `UsageError` for what is not an
        architecture of the space, `CodeError` for a cost that is no charge.
        """
        outcome = (evaluate or self._evaluate)(arch)
        if not outcome.cost >= 0:  # NaN too
            raise CodeError(
                "an evaluation costs less than nothing, or no number",
                where=self.space.format(arch),
                why=f"its cost is {outcome.cost!r}",
            )
        self._started += 1
        self._spent += outcome.cost
        if self._drop_crossing and self._spent > self._seconds:
            outcome = Failure(Status.OVER_BUDGET, "it crossed the end of the budget", outcome.cost)
        return outcome

    def told(
        self, arch: Hashable, outcome: Outcome, *, asked: int, time: float, level: Level | None = None
    ) -> None:
        """Record an outcome as it reaches the strategy, at a virtual moment; without a level, at the own."""
        code = self._codes.get(arch)
        if code is None:
            code = self._codes[arch] = len(self._archs)
            self._archs.append(self.space.format(arch))
        self._code.append(code)
        self._asked.append(asked)
        self._cost.append(outcome.cost)
        self._time.append(time)
        level = level or self.level
        own = level == self.level
        self._level.append(self._levels.setdefault(level, len(self._levels)))
        if type(outcome) is Evaluation:
            self._value.append(outcome.value)
            self._status.append(0)
            if own and (self.best is None or outcome.score > self.best[0]):
                self.best = (outcome.score, arch)
        else:
            self._value.append(math.nan)
            self._status.append(outcome.status.value)  # type: ignore[union-attr]

    def trajectory(self) -> Trajectory:
        """Return the trajectory so far."""
        return Trajectory(
            archs=list(self._archs),  # what is sealed does not change with the meter
            code=little(self._code),
            value=little(self._value),
            status=bytes(self._status),
            cost=little(self._cost),
            time=little(self._time),
            asked=little(self._asked),
            levels=tuple(level.text() for level in self._levels) if len(self._levels) > 1 else (),
            level=little(self._level) if len(self._levels) > 1 else b"",
        )

    def duration(self, outcome: Outcome) -> float:
        """Return how long an evaluation takes in virtual time: its seconds, or 1 where there are none."""
        return outcome.cost if self._charges_seconds else 1.0


def little(column: array[Any]) -> bytes:
    """Return the bytes of an array in little-endian order."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def empty_trajectory() -> Trajectory:
    """Return the trajectory of a run that evaluated nothing."""
    return Trajectory(archs=[], code=b"", value=b"", status=b"", cost=b"", time=b"", asked=b"")
