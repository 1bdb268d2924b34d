"""Rungs: the fidelities of one training schedule, from short to full, and what was told at each."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Hashable
from typing import NamedTuple

from assay.contracts.evaluation import Evaluate, Evaluation, Fidelity, Outcome
from assay.contracts.problem import Problem
from assay.foundation.errors import UnavailableError, UsageError

_NAMED = re.compile(r"(\d{1,9})-epochs")


class Rung(NamedTuple):
    """A fidelity, and how many epochs it takes."""

    fidelity: Fidelity
    epochs: int


class Member(NamedTuple):
    """An evaluation that succeeded on a rung; `order` counts the tellings."""

    arch: Hashable
    score: float
    id: int
    order: int


def ladder(problem: Problem, strategy: str, *, eta: int, min_epochs: int) -> tuple[Rung, ...]:
    """Return the rungs from the shortest to the problem's own fidelity.

    Each has a share 1/eta of the next one's epochs, rounded down to an epoch at which the benchmark is
    known, as long as this is not below `min_epochs`. Where the card gives the last epoch of a schedule no
    number, that of a schedule called '108-epochs' is 108, and another one's counts as one more than the
    latest with a number. Raises `UnavailableError` where the
    benchmark has no earlier epoch of the schedule, `UsageError` for an `eta` below 2.
    """
    if eta < 2 or min_epochs < 1:
        why = f"eta = {eta}, min_epochs = {min_epochs}"
        raise UsageError(f"{strategy} needs an eta of at least 2 and min_epochs of at least 1", why=why)
    own = problem.fidelity or problem.fidelities[0]
    same = [one for one in problem.fidelities if _schedule(one) == _schedule(own)]
    numbered = {one.epoch: one for one in same if one.epoch is not None}
    named = _NAMED.fullmatch(own.schedule)
    last = own.epoch or max(int(named[1]) if named else 0, 1 + max(numbered, default=0))
    earlier = sorted(epoch for epoch in numbered if min_epochs <= epoch < last)
    rungs = [Rung(own, last)]
    wanted = float(last)
    while (wanted := wanted / eta) >= min_epochs:
        known = [epoch for epoch in earlier if epoch <= wanted and epoch < rungs[-1].epochs]
        if not known:
            break
        rungs.append(Rung(numbered[known[-1]], known[-1]))
    if len(rungs) == 1:
        raise UnavailableError(
            f"{strategy} needs earlier epochs of '{own.schedule}'",
            why=f"the benchmark knows {_epochs(earlier, last)}",
            hint="a benchmark with learning curves, or another fidelity in [protocol]"
            + (", or a smaller eta" if earlier else ""),
        )
    return tuple(reversed(rungs))


class Told:
    """The requests of a strategy over rungs, their outcomes, and the best of the highest rung reached.

    `members` holds what succeeded on each rung, from the best to the worst, the first told of equals first.
    Scores of two rungs are never compared: the recommendation is the best of the highest rung on which
    anything succeeded. Where the card lets a longer training continue a shorter one, promotions do.
    """

    def __init__(self, problem: Problem, rungs: tuple[Rung, ...]) -> None:
        self.rungs = rungs
        self.members: list[list[Member]] = [[] for _ in rungs]
        self._prefix = problem.prefix
        self._next = 0
        self._order = 0
        self._open: dict[int, tuple[Hashable, int]] = {}
        self._best: Member | None = None
        self._highest = -1

    def request(self, arch: Hashable, rung: int, before: Member | None = None) -> Evaluate:
        """Return the next request for an architecture on a rung; `before` is its success on a lower one."""
        number = self._next
        self._next += 1
        self._open[number] = arch, rung
        continues = before.id if before is not None and self._prefix else None
        return Evaluate(number, arch, fidelity=self.rungs[rung].fidelity, continues=continues)

    def settle(self, id: int, outcome: Outcome) -> tuple[Hashable, int, Member | None]:
        """Return the architecture and the rung of a request, and what succeeded (None for a failure)."""
        if id not in self._open:
            raise UsageError(
                f"told the outcome of request {id}, which is not outstanding",
                hint="each request is told once, by the id of its Evaluate",
            )
        arch, rung = self._open.pop(id)
        if not isinstance(outcome, Evaluation):
            return arch, rung, None
        member = Member(arch, outcome.score, id, self._order)
        self._order += 1
        insort(self.members[rung], member, key=_place)
        if rung > self._highest or (
            rung == self._highest and (self._best is None or member.score > self._best.score)
        ):
            self._best, self._highest = member, rung
        return arch, rung, member

    @property
    def best(self) -> Hashable | None:
        """The best architecture of the highest rung reached, the first of equals."""
        return None if self._best is None else self._best.arch


def ranked(members: list[Member]) -> list[Member]:
    """Return members from the best to the worst, the first told of equals first."""
    return sorted(members, key=_place)


def _place(member: Member) -> tuple[float, int]:
    return -member.score, member.order


def _schedule(fidelity: Fidelity) -> tuple[str, float, int | None]:
    return fidelity.schedule, fidelity.data_fraction, fidelity.width


def _epochs(earlier: list[int], last: int) -> str:
    return f"epochs {earlier[0]} to {earlier[-1]} before {last}" if earlier else "its last epoch alone"
