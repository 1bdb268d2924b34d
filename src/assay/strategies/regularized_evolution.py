"""Regularized (ageing) evolution."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, cast

from assay.contracts.evaluation import Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Mutable
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent


class RegularizedEvolution:
    """Ageing evolution: the best of a small tournament is mutated, and the oldest individual dies.

    While the population holds fewer than `population` individuals, uniform draws are asked for;
    with several requests outstanding the first draws may thus be a few more than `population`. A
    failed individual never enters the population. `mutation` is a kind of the space, None for its
    default. `tournament_replacement` lets one individual be drawn twice into a tournament, as the
    pseudocode of the paper does.

    The defaults are NATS-Bench's (population 10, tournament 3), whose budgets are near 180
    evaluations; the paper's own setting for 20,000 evaluations is population 100, tournament 25.

    Source: Real et al., "Regularized Evolution for Image Classifier Architecture Search", AAAI
    2019, Algorithm 1; Dong et al., "NATS-Bench", IEEE TPAMI 2021.
    """

    name: ClassVar[str] = "regularized-evolution"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Mutable,)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        population: int = 10,
        tournament: int = 3,
        mutation: str | None = None,
        tournament_replacement: bool = True,
    ) -> None:
        space = cast("Mutable[Hashable]", problem.space)
        if population < 1 or tournament < 1:
            raise UsageError(
                f"{self.name} needs a population and a tournament of at least 1",
                why=f"population = {population}, tournament = {tournament}",
            )
        if not tournament_replacement and tournament > population:
            raise UsageError(
                f"{self.name} cannot draw a tournament of {tournament} from a population of {population}",
                hint="make the tournament smaller, or set tournament_replacement = true",
            )
        kinds = space.mutations
        if mutation is not None and mutation not in kinds:
            raise UnknownNameError(f"mutation of the space {space.name}", mutation, kinds)
        self._space = space
        self._rng = rng
        self._size = population
        self._tournament = tournament
        self._replacement = tournament_replacement
        self._kind = kinds[0] if mutation is None else mutation
        self._population: list[tuple[Hashable, float]] = []
        self._oldest = 0
        self._incumbent = Incumbent()

    def ask(self) -> Request:
        """Return a request for a uniform draw, or for a child of a tournament's winner."""
        if len(self._population) < self._size:
            return self._incumbent.request(self._space.sample(self._rng))
        return self._incumbent.request(self._space.mutate(self._parent(), self._rng, self._kind))

    def tell(self, id: int, outcome: Outcome) -> None:
        """Let a successful individual enter, in the place of the oldest once the population is full."""
        arch, score = self._incumbent.settle(id, outcome)
        if score is None:
            return
        if len(self._population) < self._size:
            self._population.append((arch, score))
            return
        # The population is a ring, so that ageing costs nothing.
        self._population[self._oldest] = (arch, score)
        self._oldest = (self._oldest + 1) % self._size

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _parent(self) -> Hashable:
        """Return the winner of a tournament, the first drawn of equals."""
        if not self._replacement:
            return max(self._rng.sample(self._population, self._tournament), key=_score)[0]
        population, below, size = self._population, self._rng.below, self._size
        winner, best = population[below(size)]
        for _ in range(self._tournament - 1):
            arch, score = population[below(size)]
            if score > best:
                winner, best = arch, score
        return winner


def _score(individual: tuple[Hashable, float]) -> float:
    return individual[1]
