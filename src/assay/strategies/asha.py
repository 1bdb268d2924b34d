"""ASHA: successive halving that never waits."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from assay.contracts.evaluation import Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import SearchSpace
from assay.foundation.seeding import Stream
from assay.strategies._rungs import Member, Told, ladder


class Asha:
    """Asynchronous successive halving: whoever is in the best 1/eta of a rung goes on at once.

    Looking from the highest rung down, the best architecture that is among the best 1/eta of those told
    on its rung and did not go on yet is asked for on the next rung; where there is none, a new uniform
    draw starts on the lowest. It never waits. A failure is in no share of a rung, and does not go on. An
    ask walks through the best 1/eta of each rung.

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, Algorithm 2.
    """

    name: ClassVar[str] = "asha"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, rng: Stream, *, eta: int = 3, min_epochs: int = 1) -> None:
        self._space: SearchSpace[Any] = problem.space
        self._rng = rng
        self._eta = eta
        self._told = Told(problem, ladder(problem, self.name, eta=eta, min_epochs=min_epochs))
        self._gone_on: list[set[int]] = [set() for _ in self._told.rungs]

    def ask(self) -> Request:
        """Return a request for one that goes on, or for a new architecture."""
        for rung in reversed(range(len(self._told.rungs) - 1)):
            member = self._promotable(rung)
            if member is not None:
                self._gone_on[rung].add(member.id)
                return self._told.request(member.arch, rung + 1, member)
        return self._told.request(self._space.sample(self._rng), 0)

    def tell(self, id: int, outcome: Outcome) -> None:
        """Let a success enter its rung."""
        self._told.settle(id, outcome)

    def recommend(self) -> Hashable | None:
        """Return the best architecture of the highest rung reached, the first of equals."""
        return self._told.best

    def _promotable(self, rung: int) -> Member | None:
        members, gone = self._told.members[rung], self._gone_on[rung]
        best = members[: len(members) // self._eta]
        return next((member for member in best if member.id not in gone), None)
