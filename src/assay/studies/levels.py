"""Requests at other levels than the study's own: other fidelities, other signals, continued trainings."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from assay.contracts.evaluation import Evaluate, Fidelity, Level, Outcome
from assay.foundation.errors import AssayError, CodeError
from assay.studies.meter import Evaluator, Meter


class _Asked(NamedTuple):
    arch: Hashable
    level: Level


class Levels:
    """Starts the evaluations of one search, each at its level, and knows which of them can be continued."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._ids: set[int] = set()
        self._known = {meter.level.text(): meter.level}
        # Plain requests are not kept: a search of the study's own level alone has nothing to continue.
        self._open: dict[int, _Asked] = {}
        self._told: dict[int, _Asked] = {}
        self._evaluators: dict[tuple[Level, Level | None], Evaluator] = {}

    def start(self, request: Evaluate) -> tuple[Level | None, Outcome]:
        """Return the level of a request, None for the study's own, and its outcome.

        Raises `CodeError` for an id that was used before, for a level that the study does not have, and
        for a continuation of what was not told, is another architecture, or cannot be continued.
        """
        if request.id in self._ids:
            raise self._refuse(f"the id {request.id} was used before")
        self._ids.add(request.id)
        if request.fidelity is None and request.signal is None and request.continues is None:
            return None, self._meter.start(request.arch)
        own = self._meter.level
        fidelity = own.fidelity if request.fidelity is None else request.fidelity
        if not isinstance(fidelity, Fidelity):
            raise self._refuse(f"{fidelity!r} is no Fidelity", hint="take one of problem.fidelities")
        level = Level(request.signal or own.signal, fidelity)
        # Two spellings of one level are one level.
        level = self._known.setdefault(level.text(), level)
        if level != own and self._meter.counts_evaluations:
            raise self._refuse(
                f"a budget in evaluations would count '{level.text()}' like '{own.text()}'",
                hint="give the study a budget in table_seconds",
            )
        earlier = None if request.continues is None else self._continued(request, level)
        self._open[request.id] = _Asked(request.arch, level)
        return level, self._meter.start(request.arch, self._evaluator(level, earlier))

    def told(self, id: int) -> None:
        """Note that the outcome of a request was told, so that it can be continued."""
        if id in self._open:
            self._told[id] = self._open.pop(id)

    def _evaluator(self, level: Level, earlier: Level | None) -> Evaluator:
        made = self._evaluators.get((level, earlier))
        if made is None:
            if self._meter.evaluator is None:
                raise self._refuse(f"the study evaluates {self._meter.level.text()} alone")
            try:
                made = self._meter.evaluator(
                    level.signal, level.fidelity, earlier.fidelity if earlier else None
                )
            except AssayError as error:
                raise self._refuse(error.one_line()) from None
            self._evaluators[level, earlier] = made
        return made

    def _continued(self, request: Evaluate, level: Level) -> Level:
        before = self._told.get(request.continues or 0)
        if before is None:
            raise self._refuse(f"evaluation {request.continues} was not told at a level of its own")
        if before.arch != request.arch or before.level.signal != level.signal:
            raise self._refuse(f"evaluation {request.continues} is of another architecture or signal")
        return before.level

    def _refuse(self, why: str, hint: str | None = None) -> CodeError:
        what = "a strategy asks for what the study does not give"
        return CodeError(what, where=self._meter.space.name, why=why, hint=hint)
