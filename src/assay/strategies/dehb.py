"""DEHB: Hyperband whose populations evolve by differential evolution."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, NamedTuple, cast

import numpy as np

from assay.contracts.evaluation import WAIT, Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Factorised
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._rungs import Member, Told, ladder
from assay.strategies.hyperband import hyperband_sizes


class _Trial(NamedTuple):
    """A vector that was asked for: its rung and the individual whose place it may take."""

    rung: int
    place: int
    vector: np.ndarray


class _Population:
    """Vectors in the unit cube with their scores, minus infinity where there is none."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors
        self.scores = np.full(len(vectors), -np.inf)
        self.members: list[Member | None] = [None] * len(vectors)
        self._turn = 0

    def next(self) -> int:
        """Return the individual that is the next target, each in turn."""
        place = self._turn
        self._turn = (place + 1) % len(self.vectors)
        return place

    def best(self, n: int) -> list[int]:
        """Return the n best individuals that have a score, the first of equals first."""
        order = np.argsort(-self.scores, kind="stable")[:n]
        return [place for place in order.tolist() if np.isfinite(self.scores[place])]


class Dehb:
    """A population on each rung; the better of a trial vector and its target stays.

    Every rung has as many individuals as Hyperband ever has on it. The first bracket is plain successive
    halving over random vectors, whose survivors enter the populations above. In each later bracket the
    lowest rung evolves within its own population, and the others take their parents from the best of the
    rung below: as many as the bracket has evaluations here, and random individuals of all populations where
    these are fewer than three. Mutation is rand/1 with `factor`, crossover binomial with `crossover`.

    A vector has one number in [0, 1) for each factor of the space, of which a choice takes its share;
    what leaves the cube is drawn again, as are vectors that compose to no architecture. `ask` answers WAIT
    while a rung is undecided. A failure never takes a place. An ask takes constant time in what was told.

    The authors' program (automl/DEHB) differs in details: its numbers of evaluations are rounded down, it
    promotes from rung to rung in every bracket of the first round and not in the first alone, and where
    parents are too few it adds mutants.

    Source: Awad, Mallik and Hutter, "DEHB: Evolutionary Hyperband for Scalable, Robust and Efficient
    Hyperparameter Optimization", IJCAI 2021, section 4 and Algorithm 1.
    """

    name: ClassVar[str] = "dehb"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Factorised,)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        eta: int = 3,
        min_epochs: int = 1,
        factor: float = 0.5,
        crossover: float = 0.5,
    ) -> None:
        if not 0 < factor <= 2 or not 0 <= crossover <= 1:
            why = f"factor = {factor:g}, crossover = {crossover:g}"
            raise UsageError(f"{self.name} has a hyperparameter out of range", why=why)
        rungs = ladder(problem, self.name, eta=eta, min_epochs=min_epochs)
        self._space = cast("Factorised[Hashable]", problem.space)
        self._sizes = np.array([len(one.choices) for one in self._space.factors])
        self._rng = rng
        self._factor = factor
        self._crossover = crossover
        self._told = Told(problem, rungs)
        # Of each bracket, how many evaluations it has on each rung; none on those below its first.
        self._plan = [hyperband_sizes(len(rungs), bracket, eta) for bracket in range(len(rungs))]
        most = [max(sizes[rung] for sizes in self._plan) for rung in range(len(rungs))]
        self._populations = [_Population(np.stack([self._random() for _ in range(n)])) for n in most]
        self._trials: dict[int, _Trial] = {}
        self._bracket, self._rung, self._left = 0, 0, self._plan[0][0]
        self._promoted: list[tuple[np.ndarray, Member]] = []

    def ask(self) -> Request:
        """Return a request for the next trial vector, or WAIT for the rung below to be decided."""
        while not self._left:
            if self._trials:
                return WAIT
            self._next_rung()
        self._left -= 1
        population = self._populations[self._rung]
        place = population.next()
        before = self._promoted.pop(0) if self._promoted else None
        if before is None:
            vector, arch = self._composed(self._trial(place))
        else:
            vector, arch = before[0], before[1].arch
        request = self._told.request(arch, self._rung, before[1] if before else None)
        self._trials[request.id] = _Trial(self._rung, place, vector)
        return request

    def tell(self, id: int, outcome: Outcome) -> None:
        """Let the trial take its target's place where it is at least as good."""
        _, rung, member = self._told.settle(id, outcome)
        trial = self._trials.pop(id)
        population = self._populations[rung]
        if member is not None and member.score >= population.scores[trial.place]:
            population.vectors[trial.place] = trial.vector
            population.scores[trial.place] = member.score
            population.members[trial.place] = member

    def recommend(self) -> Hashable | None:
        """Return the best architecture of the highest rung reached, the first of equals."""
        return self._told.best

    def _next_rung(self) -> None:
        """Go on to the next rung of the bracket, or to the first of the next bracket."""
        self._rung += 1
        if self._rung == len(self._populations):
            self._bracket += 1
            sizes = self._plan[self._bracket % len(self._plan)]
            self._rung = next(rung for rung, n in enumerate(sizes) if n)
        self._left = self._plan[self._bracket % len(self._plan)][self._rung]
        if not self._bracket:
            below = self._populations[self._rung - 1]
            found = [(below.vectors[place], below.members[place]) for place in below.best(self._left)]
            self._promoted = [(vector, member) for vector, member in found if member is not None]
            self._left = len(self._promoted)

    def _trial(self, place: int) -> np.ndarray:
        """Return the vector that competes with an individual."""
        population = self._populations[self._rung]
        if not self._bracket:
            return np.array(population.vectors[place])
        sizes = self._plan[self._bracket % len(self._plan)]
        is_lowest = not self._rung or not sizes[self._rung - 1]
        pool = population.vectors
        if not is_lowest:
            below = self._populations[self._rung - 1]
            pool = below.vectors[below.best(sizes[self._rung])]
        everyone = np.concatenate([one.vectors for one in self._populations])
        while len(pool) < 3:
            pool = np.concatenate([pool, everyone[[self._rng.below(len(everyone))]]])
        a, b, c = (pool[i] for i in self._rng.sample(range(len(pool)), 3))
        mutant = a + self._factor * (b - c)
        target = population.vectors[place]
        kept = self._rng.below(len(mutant))
        crossed = [i == kept or self._rng.random() < self._crossover for i in range(len(mutant))]
        return np.where(crossed, self._inside(mutant), target)

    def _inside(self, vector: np.ndarray) -> np.ndarray:
        """Return a vector whose numbers outside of [0, 1) are drawn again."""
        return np.array([x if 0 <= x < 1 else self._rng.random() for x in vector.tolist()])

    def _composed(self, vector: np.ndarray) -> tuple[np.ndarray, Hashable]:
        """Return a vector with its architecture, another vector where it has none."""
        while (arch := self._space.compose((vector * self._sizes).astype(int).tolist())) is None:
            vector = self._random()
        return vector, arch

    def _random(self) -> np.ndarray:
        return np.array([self._rng.random() for _ in self._sizes])
