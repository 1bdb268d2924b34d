"""Hyperband, and successive halving, which is one of its brackets."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from assay.contracts.evaluation import WAIT, Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import SearchSpace
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.strategies._rungs import Member, Told, ladder, ranked


class Bracket:
    """One run of successive halving: `sizes[i]` architectures on rung `first + i`.

    A rung is decided when all of its evaluations were told; then the best go on to the next rung, as
    many as succeeded where these are fewer.
    """

    def __init__(self, first: int, sizes: tuple[int, ...]) -> None:
        self.rung = first
        self._sizes = sizes
        self._place = 0
        self._to_ask: list[Member | None] = [None] * sizes[0]
        self._awaited = sizes[0]
        self._succeeded: list[Member] = []

    @property
    def asks(self) -> bool:
        """Whether the rung has an evaluation left to ask for."""
        return bool(self._to_ask)

    @property
    def done(self) -> bool:
        """Whether the last rung is decided."""
        return not self._awaited and not self._to_ask

    def next(self) -> Member | None:
        """Return what goes on to this rung, None for a new architecture."""
        return self._to_ask.pop(0)

    def told(self, member: Member | None) -> None:
        """Take in an outcome of the rung, None for a failure, and open the next rung with the last one."""
        self._awaited -= 1
        if member is not None:
            self._succeeded.append(member)
        if self._awaited or self._place + 1 == len(self._sizes):
            return
        self._place += 1
        best = ranked(self._succeeded)[: self._sizes[self._place]]
        self.rung += 1
        self._to_ask, self._awaited, self._succeeded = list(best), len(best), []


def hyperband_sizes(rungs: int, bracket: int, eta: int) -> tuple[int, ...]:
    """Return how many evaluations a bracket has on each rung; none on those below its first.

    Bracket 0 is the most aggressive, and begins on the lowest rung.
    """
    s = rungs - 1 - bracket
    first = -(-rungs * eta**s // (s + 1))
    return (0,) * bracket + tuple(max(1, first // eta**i) for i in range(s + 1))


class Hyperband:
    """Brackets of successive halving in turn, from the most aggressive to plain random search.

    Bracket s starts with ceil((s_max + 1) / (s + 1) * eta^s) architectures s rungs below the full
    fidelity and keeps the best 1/eta at each rung. Rungs are those of `_rungs.ladder`. The brackets begin
    again after the last. `ask` answers WAIT while a rung is undecided. A failure is worse than any
    score. An ask takes constant time, but for sorting a rung.

    Source: Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18
    (2018), Algorithm 1.
    """

    name: ClassVar[str] = "hyperband"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, rng: Stream, *, eta: int = 3, min_epochs: int = 1) -> None:
        self._rungs = ladder(problem, self.name, eta=eta, min_epochs=min_epochs)
        self._space: SearchSpace[Any] = problem.space
        self._rng = rng
        self._eta = eta
        self._told = Told(problem, self._rungs)
        self._brackets = 0
        self._bracket = self._new_bracket()

    def ask(self) -> Request:
        """Return a request for a new architecture or one that goes on to the next rung, or WAIT."""
        if self._bracket.done:
            self._bracket = self._new_bracket()
        if not self._bracket.asks:
            return WAIT
        before = self._bracket.next()
        arch = self._draw() if before is None else before.arch
        return self._told.request(arch, self._bracket.rung, before)

    def tell(self, id: int, outcome: Outcome) -> None:
        """Take in an outcome; with the last one of a rung, its best go on."""
        arch, rung, member = self._told.settle(id, outcome)
        self._learn(arch, rung, member)
        self._bracket.told(member)  # a bracket is left only when all of it was told

    def recommend(self) -> Hashable | None:
        """Return the best architecture of the highest rung reached, the first of equals."""
        return self._told.best

    def _new_bracket(self) -> Bracket:
        sizes = hyperband_sizes(len(self._rungs), self._brackets % len(self._rungs), self._eta)
        self._brackets += 1
        first = next(rung for rung, n in enumerate(sizes) if n)
        return Bracket(first, sizes[first:])

    def _draw(self) -> Hashable:
        """Return a new architecture; here a uniform draw."""
        arch: Hashable = self._space.sample(self._rng)
        return arch

    def _learn(self, arch: Hashable, rung: int, member: Member | None) -> None:
        """Take note of an outcome; random draws learn nothing."""


class SuccessiveHalving(Hyperband):
    """The most aggressive bracket of Hyperband, again and again.

    `n` architectures start on the lowest rung (None: eta to the number of rungs above it), and the best
    1/eta go on at each rung. `ask` answers WAIT while a rung is undecided.

    Source: Karnin, Koren and Somekh, "Almost Optimal Exploration in Multi-Armed Bandits", ICML 2013;
    Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
    AISTATS 2016.
    """

    name: ClassVar[str] = "successive-halving"

    def __init__(
        self, problem: Problem, rng: Stream, *, eta: int = 3, min_epochs: int = 1, n: int | None = None
    ) -> None:
        if n is not None and n < 1:
            raise UsageError(f"{self.name} needs at least one architecture", why=f"n = {n}")
        self._n = n
        super().__init__(problem, rng, eta=eta, min_epochs=min_epochs)

    def _new_bracket(self) -> Bracket:
        top = len(self._rungs) - 1
        first = self._n or self._eta**top
        return Bracket(0, tuple(max(1, first // self._eta**i) for i in range(top + 1)))
