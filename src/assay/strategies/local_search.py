"""Local search: hill climbing over the neighbours of an architecture, restarted at a local optimum."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, cast

from assay.contracts.evaluation import DONE, WAIT, Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import Neighbours
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent
from assay.strategies._unseen import draw_unseen


class LocalSearch:
    """Hill climbing from random starts.

    With `full_neighbourhood` (the paper's hill climbing) all neighbours of the current architecture
    are evaluated, in random order, and the best becomes current if it is better; without it (the
    paper's variant "query until lower") the first better neighbour does. Where no neighbour is
    better, the climb starts again at a random architecture that was not asked for before.

    An architecture is never asked for twice: the score told for it counts again, and one that
    failed is worse than any other. With several requests outstanding, `ask` answers WAIT until a
    start, or the last neighbours of a round, are told. It is DONE when the space is used up.

    Source: White, Nolen and Savani, "Exploring the Loss Landscape in Neural Architecture Search",
    UAI 2021, section 3.
    """

    name: ClassVar[str] = "local-search"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Neighbours,)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, rng: Stream, *, full_neighbourhood: bool = True) -> None:
        self._space = cast("Neighbours[Hashable]", problem.space)
        self._rng = rng
        self._full = full_neighbourhood
        self._incumbent = Incumbent()
        self._asked: set[Hashable] = set()
        # What was told; -inf where it failed.
        self._scores: dict[Hashable, float] = {}
        self._current: Hashable | None = None
        self._neighbours: list[Hashable] = []
        self._to_ask: list[Hashable] = []

    def ask(self) -> Request:
        """Return a request for a start or for a neighbour, WAIT for a round to end, or DONE."""
        while True:
            if self._to_ask:
                arch = self._to_ask.pop()
                self._asked.add(arch)
                return self._incumbent.request(arch)
            if self._unsettled():
                return WAIT
            better = self._better_neighbour()
            if better is not None:
                self._move(better)
                continue
            start = draw_unseen(self._space, self._rng, self._asked)
            if start is None:
                return DONE
            self._current = start
            self._neighbours = []
            self._to_ask = [start]

    def tell(self, id: int, outcome: Outcome) -> None:
        """Take note of a score, and move at once if the first better neighbour is enough."""
        arch, score = self._incumbent.settle(id, outcome)
        self._scores[arch] = float("-inf") if score is None else score
        if arch == self._current and not self._neighbours:
            if score is not None:
                self._move(arch)
        elif not self._full and arch in self._neighbours and self._scores[arch] > self._scores[self._current]:
            self._move(arch)

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _move(self, arch: Hashable) -> None:
        """Make `arch` current; its neighbours that were never asked for are next, in random order."""
        self._current = arch
        self._neighbours = list(self._space.neighbours(arch))
        self._rng.shuffle(self._neighbours)
        self._to_ask = [arch for arch in reversed(self._neighbours) if arch not in self._asked]

    def _unsettled(self) -> bool:
        """Say whether the start, or a neighbour of this round, is still outstanding."""
        if not self._incumbent.outstanding:
            return False
        awaited = self._neighbours or [self._current]
        return any(arch in self._asked and arch not in self._scores for arch in awaited)

    def _better_neighbour(self) -> Hashable | None:
        """Return the best neighbour, in their random order, if it is better than the current one."""
        if not self._neighbours:
            return None
        best = max(self._neighbours, key=self._scores.__getitem__)
        return best if self._scores[best] > self._scores[self._current] else None
