"""A strategy of one's own: climb from the best architecture so far, and explore now and then."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from assay.contracts.evaluation import Evaluate, Evaluation, Outcome
from assay.contracts.problem import Problem
from assay.contracts.space import Mutable
from assay.foundation.seeding import Stream


class GreedyMutation:
    """Mutates the best architecture so far, and draws a new one with probability `explore`."""

    name = "greedy-mutation"
    revision = 1
    requires = (Mutable,)
    libraries = ()

    def __init__(self, problem: Problem, rng: Stream, *, explore: float = 0.1) -> None:
        self.space: Any = problem.space
        self.rng, self.explore = rng, explore
        self.asked: list[Hashable] = []
        self.best: Hashable | None = None
        self.best_score = float("-inf")

    def ask(self) -> Evaluate:
        if self.best is None or self.rng.random() < self.explore:
            arch = self.space.sample(self.rng)
        else:
            arch = self.space.mutate(self.best, self.rng, self.space.mutations[0])
        self.asked.append(arch)
        return Evaluate(id=len(self.asked) - 1, arch=arch)

    def tell(self, id: int, outcome: Outcome) -> None:
        if isinstance(outcome, Evaluation) and outcome.score > self.best_score:
            self.best, self.best_score = self.asked[id], outcome.score

    def recommend(self) -> Hashable | None:
        return self.best
