"""Random search that evaluates only what a cheap signal likes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from msgspec.structs import replace

from assay.contracts.evaluation import DONE, WAIT, Outcome, Request
from assay.contracts.problem import Problem
from assay.contracts.space import SearchSpace
from assay.foundation.errors import UnavailableError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies._rungs import Member, Rung, Told, ranked
from assay.strategies._unseen import draw_unseen

_FILTER, _OWN = 0, 1


class ZeroCostFilter:
    """Rounds of uniform draws, ranked by one signal, of which the best are evaluated by the study's own.

    In each round `candidates` architectures that were not asked for are asked for at `filter_signal` (None:
    the first signal of the benchmark that is no objective), such as a zero-cost proxy; then the `keep`
    best of them at the study's own signal. Both are charged, each at its own cost, so that a study needs a
    budget in table seconds. `ask` answers WAIT until the last candidates of a round are told, and begins
    the next round without waiting for what it keeps; it is DONE when the space is used up. A failure at
    the filter signal is not kept. Signals are never compared: the recommendation is the best by the
    study's own, and by the filter's only as long as nothing else succeeded.

    The source scores some thousand models once and evaluates them in the order of their scores; here this is
    `candidates = 3000, keep = 3000`. Rounds are ours, so that a search of any length goes on drawing.

    Thinking: a tell inserts into the sorted candidates, linear in what was told with a small constant; an
    ask takes less than 0.01 ms after 1,000 observations (benchmarks/strategies.py).

    Source: Abdelfattah, Mehrotra, Dudziak and Lane, "Zero-Cost Proxies for Lightweight NAS", ICLR 2021,
    the zero-cost warm-up of random search.
    """

    name: ClassVar[str] = "zero-cost-filter"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Problem,
        rng: Stream,
        *,
        filter_signal: str | None = None,
        candidates: int = 100,
        keep: int = 10,
    ) -> None:
        if not 1 <= keep <= candidates:
            raise UsageError(
                f"{self.name} keeps at least one and at most all of its candidates",
                why=f"candidates = {candidates}, keep = {keep}",
            )
        self._space: SearchSpace[Any] = problem.space
        self._rng = rng
        self._signal = _signal(problem, filter_signal)
        self._size = candidates
        self._keep = keep
        own = problem.fidelity or problem.fidelities[0]
        # A level of the filter's signal, and that of the study's own, as if they were rungs.
        self._told = Told(problem, (Rung(own, 0), Rung(own, 1)))
        self._asked: set[Hashable] = set()
        # Of this round: how many are to be drawn, how many are outstanding, and what succeeded.
        self._to_draw = candidates
        self._awaited = 0
        self._round: list[Member] = []
        self._kept: list[Hashable] = []

    def ask(self) -> Request:
        """Return a request at either signal, WAIT for the last candidates of a round, or DONE."""
        if not self._kept and self._to_draw:
            arch = draw_unseen(self._space, self._rng, self._asked)
            if arch is not None:
                self._asked.add(arch)
                self._to_draw -= 1
                self._awaited += 1
                return replace(self._told.request(arch, _FILTER), signal=self._signal)
            self._to_draw = 0  # the space is used up
            self._decide()
        if self._kept:
            return self._told.request(self._kept.pop(), _OWN)
        return WAIT if self._awaited else DONE

    def tell(self, id: int, outcome: Outcome) -> None:
        """Take in an outcome; with the last candidate of a round, its best are kept."""
        _, rung, member = self._told.settle(id, outcome)
        if rung == _FILTER:
            self._awaited -= 1
            if member is not None:
                self._round.append(member)
            self._decide()

    def recommend(self) -> Hashable | None:
        """Return the best architecture by the study's own signal, by the filter's before there is one."""
        return self._told.best

    def _decide(self) -> None:
        """Keep the best of a round whose candidates were all told, and open the next round."""
        if self._to_draw or self._awaited:
            return
        self._kept = [member.arch for member in reversed(ranked(self._round)[: self._keep])]
        self._round = []
        self._to_draw = self._size


def _signal(problem: Problem, name: str | None) -> str:
    """Return the name of the signal to filter by."""
    others = [signal.name for signal in problem.signals if signal.name not in problem.objectives]
    if name is None and others:
        return others[0]
    if name is None:
        raise UnavailableError(
            "zero-cost-filter needs a signal to filter by",
            why=f"the benchmark has none but {' and '.join(problem.objectives) or 'its own'}",
            hint="a benchmark whose card has a cheap signal, such as a zero-cost proxy",
        )
    if name not in others:
        raise UnknownNameError("signal to filter by", name, others)
    return name
