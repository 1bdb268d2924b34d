"""A steady-state genetic algorithm with crossover."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from assay.contracts.evaluation import Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Crossable, Mutable
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent


class GeneticAlgorithm:
    """Two parents, each the winner of a tournament, have a child that takes the place of the worst.

    While the population holds fewer than `population` individuals, uniform draws are asked for. The
    child is a crossover with chance `crossover`, else a copy of the first parent; with chance
    `mutation`, and always where it equals the first parent, it is mutated by the space's default kind.
    A child enters only if it is better than the worst, which never ages: the elitist opposite of
    regularized evolution.

    Source: Whitley, "The GENITOR Algorithm and Selection Pressure", ICGA 1989 (steady state, the worst
    is replaced), with tournaments in the place of its ranks.
    """

    name: ClassVar[str] = "genetic-algorithm"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Mutable, Crossable)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        population: int = 20,
        tournament: int = 2,
        crossover: float = 0.5,
        mutation: float = 0.5,
    ) -> None:
        if population < 2 or tournament < 1:
            raise UsageError(
                f"{self.name} needs a population of at least 2 and a tournament of at least 1",
                why=f"population = {population}, tournament = {tournament}",
            )
        if not (0.0 <= crossover <= 1.0 and 0.0 <= mutation <= 1.0):
            raise UsageError(
                f"{self.name} needs chances between 0 and 1",
                why=f"crossover = {crossover}, mutation = {mutation}",
            )
        self._space: Any = problem.space
        self._rng = rng
        self._size = population
        self._tournament = tournament
        self._crossover = crossover
        self._mutation = mutation
        self._population: list[tuple[Hashable, float]] = []
        self._incumbent = Incumbent()

    def ask(self) -> Request:
        """Return a request for a uniform draw, or for a child of two winners."""
        if len(self._population) < self._size:
            return self._incumbent.request(self._space.sample(self._rng))
        first = child = self._parent()
        if self._rng.random() < self._crossover:
            child = self._space.crossover(first, self._parent(), self._rng)
        # The draw is made whether it decides or not, so that equal parents shift no later draw.
        mutate = self._rng.random() < self._mutation
        if mutate or child == first:
            child = self._space.mutate(child, self._rng, self._space.mutations[0])
        return self._incumbent.request(child)

    def tell(self, id: int, outcome: Outcome) -> None:
        """Let a successful individual enter: freely at first, then in the place of a worse one."""
        arch, score = self._incumbent.settle(id, outcome)
        if score is None:
            return
        if len(self._population) < self._size:
            self._population.append((arch, score))
            return
        worst = min(range(self._size), key=lambda i: self._population[i][1])
        if score > self._population[worst][1]:
            self._population[worst] = (arch, score)

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _parent(self) -> Hashable:
        """Return the winner of a tournament with replacement, the first drawn of equals."""
        drawn = [self._population[self._rng.below(self._size)] for _ in range(self._tournament)]
        return max(drawn, key=lambda individual: individual[1])[0]
