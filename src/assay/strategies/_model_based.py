"""What strategies with a predictor share: uniform draws first, then rounds of what a model ranks highest."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import ClassVar, cast

import numpy as np

from assay.contracts.evaluation import DONE, Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import AsGraph, Mutable
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent
from assay.strategies._unseen import draw_unseen


class ModelBased:
    """Uniform draws until `initial` succeeded or are outstanding; then rounds of `batch` candidates.

    A round begins when the one before was asked for, and not when it was told: the model is fitted to what
    was told by then, and `ask` never waits. No architecture is asked for twice; a failure is no
    observation. Where a round has no candidates, and until two scores are known, a uniform draw takes their
    place; it is DONE when the space is used up.
    """

    name: ClassVar[str]
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = (Mutable, AsGraph)
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        initial: int,
        batch: int,
        candidates: int,
        mutation: str | None,
    ) -> None:
        if initial < 2 or batch < 1 or candidates < batch:
            raise UsageError(
                f"{self.name} needs 2 initial draws, a batch of 1, and as many candidates as its batch",
                why=f"initial = {initial}, batch = {batch}, candidates = {candidates}",
            )
        self._space = cast("Mutable[Hashable]", problem.space)
        kinds = self._space.mutations
        if mutation is not None and mutation not in kinds:
            raise UnknownNameError(f"mutation of the space {self._space.name}", mutation, kinds)
        self._kind = kinds[0] if mutation is None else mutation
        self._rng = rng
        self._initial = initial
        self._batch = batch
        self._candidates = candidates
        self._incumbent = Incumbent()
        self._asked: set[Hashable] = set()
        # What succeeded, in the order of the tells.
        self._archs: list[Hashable] = []
        self._scores: list[float] = []
        self._to_ask: list[Hashable] = []

    def ask(self) -> Request:
        """Return a request for a uniform draw or for the next candidate of a round, or DONE."""
        if not self._to_ask and self._knows_enough():
            self._to_ask = self._round()[: self._batch][::-1]
        arch = self._to_ask.pop() if self._to_ask else draw_unseen(self._space, self._rng, self._asked)
        if arch is None:
            return DONE
        self._asked.add(arch)
        return self._incumbent.request(arch)

    def tell(self, id: int, outcome: Outcome) -> None:
        """Keep a score for the model of the next round."""
        arch, score = self._incumbent.settle(id, outcome)
        if score is not None and math.isfinite(score):
            self._archs.append(arch)
            self._scores.append(score)

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best

    def _round(self) -> list[Hashable]:
        """Return candidates from the most to the least promising; none where all are known."""
        raise NotImplementedError

    def _knows_enough(self) -> bool:
        drawn = len(self._scores) + self._incumbent.outstanding
        return drawn >= self._initial and len(self._scores) >= 2

    def _best(self, n: int) -> list[Hashable]:
        """Return the n best architectures told so far, the first told of equals first."""
        order = sorted(range(len(self._scores)), key=lambda i: -self._scores[i])
        return [self._archs[i] for i in order[:n]]

    def _mutants(self, parents: Sequence[Hashable], *, tries: int, each: int, most: int) -> list[Hashable]:
        """Return at most `most` distinct mutants that were not asked for, at most `each` of a parent.

        Each parent in turn is mutated at most `tries` times.
        """
        found: dict[Hashable, None] = {}
        for parent in parents:
            full = min(len(found) + each, most)
            for _ in range(tries):
                if len(found) >= full:
                    break
                child = self._space.mutate(parent, self._rng, self._kind)
                if child not in self._asked:
                    found[child] = None
        return list(found)

    def _targets(self) -> np.ndarray:
        """Return the scores with mean 0 and standard deviation 1, or all 0 where they are equal."""
        scores = np.array(self._scores)
        centred = scores - scores.mean()
        spread = float(centred.std())
        return centred / spread if spread > 0.0 else np.zeros_like(centred)


def first_of_each(rows: np.ndarray, known: int) -> list[int]:
    """Return which rows from `known` on equal no earlier row, counted from `known`.

    Architectures with equal encodings are one to the model: only one of them is worth an evaluation.
    """
    seen = {row.tobytes() for row in rows[:known]}
    new = []
    for i, row in enumerate(rows[known:]):
        key = row.tobytes()
        if key not in seen:
            seen.add(key)
            new.append(i)
    return new


def from_best(values: np.ndarray) -> list[int]:
    """Return the positions of the values from the largest to the smallest, the first of equals first.

    Values are equal that agree in nine decimals, in the unit of `_targets`: what differs below is a matter
    of the processor.
    """
    order: list[int] = np.argsort(-np.round(values, 9), kind="stable").tolist()
    return order
