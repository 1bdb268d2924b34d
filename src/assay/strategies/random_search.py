"""Random search: the baseline that every other strategy has to beat."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from assay.contracts.evaluation import DONE, Outcome, Request
from assay.contracts.problem import Problem
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent
from assay.strategies._unseen import draw_unseen


class RandomSearch:
    """Draws architectures uniformly and independently, as the published tables of NAS benchmarks do.

    `replacement=False` never asks for an architecture twice, and is done when the space is used up
    (a space that is not enumerable: after 10,000 draws in a row that were all seen).

    Source: Li and Talwalkar, "Random Search and Reproducibility for NAS", UAI 2019; the setting of
    Dong et al., "NATS-Bench", IEEE TPAMI 2021, section 4.
    """

    name: ClassVar[str] = "random-search"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, rng: Stream, *, replacement: bool = True) -> None:
        self._space = problem.space
        self._rng = rng
        self._seen: set[Hashable] | None = None if replacement else set()
        self._incumbent = Incumbent()

    def ask(self) -> Request:
        """Return a request for a uniform draw, or DONE when nothing is left to draw."""
        if self._seen is None:
            return self._incumbent.request(self._space.sample(self._rng))
        arch = draw_unseen(self._space, self._rng, self._seen)
        if arch is None:
            return DONE
        self._seen.add(arch)
        return self._incumbent.request(arch)

    def tell(self, id: int, outcome: Outcome) -> None:
        """Take note of an outcome."""
        self._incumbent.settle(id, outcome)

    def recommend(self) -> Hashable | None:
        """Return the best architecture told so far, the first of equals."""
        return self._incumbent.best
