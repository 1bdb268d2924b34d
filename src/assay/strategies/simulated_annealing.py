"""Simulated annealing."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import ClassVar, cast

from assay.contracts.evaluation import Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Mutable
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent


class SimulatedAnnealing:
    """A walk by mutation that takes each better step, and a worse one with a chance that falls.

    The first `warmup` requests are uniform draws; the walk begins at the best of them, and the standard
    deviation of their scores is the unit of temperature, so that the walk is the same in any unit of
    the metric. A step that is worse by d is taken with chance exp(-d / T), where T is `temperature`
    times that unit and falls by the factor `cooling` with each step that is told.

    Source: Kirkpatrick, Gelatt and Vecchi, "Optimization by Simulated Annealing", Science 220 (1983);
    the acceptance rule is that of Metropolis et al. (1953).
    """

    name: ClassVar[str] = "simulated-annealing"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Mutable,)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        warmup: int = 10,
        temperature: float = 0.5,
        cooling: float = 0.97,
    ) -> None:
        if warmup < 2 or temperature < 0.0 or not 0.0 < cooling <= 1.0 or not math.isfinite(temperature):
            raise UsageError(
                f"{self.name} needs a warm-up of 2 or more, a temperature of 0 or more, a cooling in (0, 1]",
                why=f"warmup = {warmup}, temperature = {temperature}, cooling = {cooling}",
            )
        self._space = cast("Mutable[Hashable]", problem.space)
        self._rng = rng
        self._warmup = warmup
        self._temperature = temperature
        self._cooling = cooling
        self._scores: list[float] = []
        self._asked = 0
        self._current: tuple[Hashable, float] | None = None
        self._incumbent = Incumbent()

    def ask(self) -> Request:
        """Return a request for a uniform draw, or for a neighbour of where the walk stands."""
        self._asked += 1
        if self._asked <= self._warmup or self._current is None:
            return self._incumbent.request(self._space.sample(self._rng))
        return self._incumbent.request(
            self._space.mutate(self._current[0], self._rng, self._space.mutations[0])
        )

    def tell(self, id: int, outcome: Outcome) -> None:
        """Step to what is better, and by chance to what is worse; a failure is no step."""
        arch, score = self._incumbent.settle(id, outcome)
        if score is None:
            return
        if len(self._scores) < self._warmup:
            self._scores.append(score)
            if self._current is None or score > self._current[1]:
                self._current = (arch, score)
            if len(self._scores) == self._warmup:
                self._temperature *= _spread(self._scores)
            return
        # The draw is made whether it decides or not, so that one step shifts no later draw.
        chance = self._rng.random()
        if self._current is None or self._accepts(score - self._current[1], chance):
            self._current = (arch, score)
        self._temperature *= self._cooling

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _accepts(self, gain: float, chance: float) -> bool:
        if gain >= 0.0:
            return True
        return self._temperature > 0.0 and chance < math.exp(max(gain / self._temperature, -745.0))


def _spread(scores: list[float]) -> float:
    """Return the standard deviation (n - 1) of scores, in a sum that depends on no order."""
    mean = math.fsum(scores) / len(scores)
    return math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1))
