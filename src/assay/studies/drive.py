"""The search driver: an event queue in virtual time.

The trajectory is the same on any machine, for 1 to 1,024 simulated workers; events at one moment
are told in the order of their ids, so that nothing depends on how fast a process is.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable

from assay.contracts.evaluation import DONE, WAIT, Evaluate, Level, Outcome, Work
from assay.contracts.problem import Strategy
from assay.foundation import clock
from assay.foundation.errors import CodeError, UnavailableError
from assay.studies.levels import Levels
from assay.studies.meter import Meter


def drive(strategy: Strategy, meter: Meter, *, workers: int = 1) -> float:
    """Ask, evaluate and tell until the budget is spent or the strategy is done.

    Returns the seconds that the strategy spent thinking, as measured here.
    """
    running: list[tuple[float, int, int, Hashable, Outcome, Level | None]] = []
    levels = Levels(meter)
    now, asked, thinking, open_door = 0.0, 0, 0.0, True
    tick = clock.monotonic
    while True:
        while open_door and len(running) < workers and meter.admits:
            began = tick()
            request = strategy.ask()
            thinking += tick() - began
            if type(request) is not Evaluate:
                open_door = _waits(request, strategy, outstanding=bool(running))
                break
            level, outcome = levels.start(request)
            ends = now + meter.duration(outcome)
            heapq.heappush(running, (ends, asked, request.id, request.arch, outcome, level))
            asked += 1
        if not running:
            return thinking
        now, order, number, arch, outcome, level = heapq.heappop(running)
        meter.told(arch, outcome, asked=order, time=now, level=level)
        levels.told(number)
        began = tick()
        strategy.tell(number, outcome)
        thinking += tick() - began


def recommendation(strategy: Strategy, meter: Meter) -> tuple[str, ...]:
    """Return what the strategy recommends in published form; refuses what is not in the space."""
    recommended = strategy.recommend()
    if recommended is None:
        return ()
    if isinstance(recommended, list | tuple | set | frozenset) and not _contains(meter, recommended):
        return formatted(tuple(recommended), meter)
    return formatted((recommended,), meter)


def formatted(archs: tuple[Hashable, ...], meter: Meter) -> tuple[str, ...]:
    """Return a recommendation in published form.

    A study has one objective, and so one recommendation: with several, a search would be told as
    many test values for one assessment.
    """
    if len(archs) > 1:
        raise CodeError(
            f"{len(archs):,} architectures are recommended",
            where=meter.space.name,
            why="a search with one objective recommends one",
        )
    for arch in archs:
        if not _contains(meter, arch):
            raise CodeError(
                "what is recommended is not in the space",
                where=meter.space.name,
                why=repr(arch)[:200],
            )
    return tuple(meter.space.format(arch) for arch in archs)


def _contains(meter: Meter, arch: object) -> bool:
    try:
        return meter.space.contains(arch)
    except TypeError:  # a list or set is not even hashable
        return False


def _waits(request: object, strategy: Strategy, *, outstanding: bool) -> bool:
    """Say whether to go on asking after something that is not an evaluation."""
    if request is DONE:
        return False
    if request is WAIT:
        if not outstanding:
            raise CodeError(
                "a strategy waits although nothing is outstanding",
                where=type(strategy).__name__,
                hint="return DONE when there is nothing more to ask",
            )
        return True
    if isinstance(request, Work):
        raise UnavailableError(
            f"a strategy asks for work of kind '{request.kind}'",
            where=type(strategy).__name__,
            why="a table cannot train; work needs a benchmark with real training",
        )
    raise CodeError(
        "a strategy's ask returned something else than a request",
        where=type(strategy).__name__,
        why=repr(request)[:200],
        hint="return Evaluate(...), WAIT or DONE",
    )
