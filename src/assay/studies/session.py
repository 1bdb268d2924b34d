"""The door for code that keeps its own loop: a session evaluates, and says when to stop."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from assay.contracts.evaluation import Evaluation, Outcome
from assay.contracts.space import SearchSpace
from assay.foundation.errors import CodeError, UsageError
from assay.foundation.seeding import Stream
from assay.studies.drive import formatted
from assay.studies.meter import Meter


class BudgetSpent(Exception):  # noqa: N818  an event that ends a loop, not an error
    """Raised by `evaluate` when the budget is spent; a session's `with` block ends quietly on it."""


class Session:
    """One run of a search that keeps its own loop.

    `space` is the search space, `rng` the run's stream of random draws, `seed` a 32-bit seed from
    it for other generators. Architectures are given as values of the space or in published form.
    """

    def __init__(self, meter: Meter, rng: Stream) -> None:
        self.space: SearchSpace[Any] = meter.space
        self.rng = rng
        self.seed = rng.seed32()
        self._meter = meter
        self._count = 0
        self._now = 0.0
        self._closed = False
        self._recommended: tuple[Hashable, ...] | None = None

    @property
    def finished(self) -> bool:
        """Whether the budget is spent, so that `evaluate` would raise `BudgetSpent`."""
        return not self._meter.admits

    @property
    def evaluations(self) -> int:
        """How many evaluations were made."""
        return self._count

    @property
    def left(self) -> float:
        """What is left of the budget, in its own unit."""
        return self._meter.left

    def evaluate(self, arch: Hashable) -> float:
        """Evaluate one architecture and return its score, larger being better.

        Returns negative infinity where the benchmark has no number; raises `BudgetSpent` when the
        budget is spent. `outcome` tells more.
        """
        outcome = self.outcome(arch)
        return outcome.score if isinstance(outcome, Evaluation) else float("-inf")

    def outcome(self, arch: Hashable) -> Outcome:
        """Evaluate one architecture and return the evaluation, or the failure with its status."""
        if self._closed:
            raise UsageError("the search is over", hint="evaluate inside the `with` block")
        if self.finished:
            raise BudgetSpent
        value = self._value(arch)
        outcome = self._meter.start(value)
        self._now += self._meter.duration(outcome)
        self._meter.told(value, outcome, asked=self._count, time=self._now)
        self._count += 1
        return outcome

    def recommend(self, arch: Hashable) -> None:
        """Say what the search recommends; without it, the best architecture by score is."""
        self._recommended = (self._value(arch),)

    def recommendation(self) -> tuple[str, ...]:
        """Return what is recommended, in published form."""
        if self._recommended is not None:
            return formatted(self._recommended, self._meter)
        return formatted((self._meter.best[1],), self._meter) if self._meter.best else ()

    def _value(self, arch: Hashable) -> Hashable:
        value: Hashable = self.space.parse(arch) if isinstance(arch, str) else arch
        if not self.space.contains(value):
            raise CodeError(
                "this architecture is not in the space",
                where=self.space.name,
                why=repr(arch)[:200],
                hint="take values from session.space, or give the published string",
            )
        return value
