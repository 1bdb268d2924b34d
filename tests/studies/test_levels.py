"""Requests at other levels: fidelities, signals, continued trainings, and incumbents that are not mixed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pytest

from assay.contracts.evaluation import DONE, Evaluate, Evaluation, Fidelity, Level, Outcome
from assay.contracts.problem import Budget
from assay.foundation.errors import CodeError, UnavailableError
from assay.studies.drive import drive
from assay.studies.meter import Evaluator, Meter
from assay.testing.toy_space import ToySpace

SPACE = ToySpace()
FULL, SHORT, OTHER = Fidelity("full", 9), Fidelity("full", 3), Fidelity("apart", 3)
OWN = Level("validation", FULL)


def _value(arch: Any, level: Level) -> float:
    """Return a number that is larger at the lower fidelity, so that mixing the two would show."""
    return SPACE.index(arch) + (0.0 if level == OWN else 1000.0)


def _made(signal: str, fidelity: Fidelity, continues: Fidelity | None) -> Evaluator:
    if continues is not None and continues.schedule != fidelity.schedule:
        raise UnavailableError("its schedules are trained apart")
    spent = 0 if continues is None else continues.epoch or 0
    level = Level(signal, fidelity)

    def evaluate(arch: Any) -> Outcome:
        value = _value(arch, level)
        return Evaluation(value, value, float((fidelity.epoch or 0) - spent))

    return evaluate


def _meter(seconds: float = 1000.0) -> Meter:
    own = _made(OWN.signal, OWN.fidelity, None)
    budget = Budget(table_seconds=seconds)
    return Meter(SPACE, own, budget, level=OWN, evaluator=_made, crossing="counted", seconds=True)


class Script:
    """Asks what it is given, in order, one at a time."""

    def __init__(self, *requests: Evaluate) -> None:
        self.told: list[Outcome] = []
        self._requests: Iterator[Evaluate] = iter(requests)

    def ask(self) -> Any:
        return next(self._requests, DONE)

    def tell(self, id: int, outcome: Outcome) -> None:  # noqa: ARG002
        self.told.append(outcome)

    def recommend(self) -> Hashable:
        return SPACE.at(0)


def test_the_incumbent_is_of_the_own_level_alone() -> None:
    """A larger number at another fidelity or of another signal never becomes the incumbent."""
    meter = _meter()
    requests = (
        Evaluate(1, SPACE.at(7), fidelity=SHORT),
        Evaluate(2, SPACE.at(3)),
        Evaluate(3, SPACE.at(9), signal="proxy", fidelity=FULL),
        Evaluate(4, SPACE.at(5), fidelity=FULL),
    )
    drive(Script(*requests), meter)
    assert meter.best == (5.0, SPACE.at(5))
    trajectory = meter.trajectory()
    assert trajectory.levels == ("validation at full@9", "validation at full@3", "proxy at full@9")
    assert trajectory.column("level").tolist() == [1, 0, 2, 0]
    np.testing.assert_array_equal(trajectory.own_values(), [np.nan, 3.0, np.nan, 5.0])


def test_each_level_is_charged_its_own_cost() -> None:
    """A low epoch costs what its epochs cost, and a continuation only what it adds."""
    meter = _meter()
    requests = (
        Evaluate(1, SPACE.at(7), fidelity=SHORT),
        Evaluate(2, SPACE.at(7), fidelity=FULL, continues=1),
    )
    drive(Script(*requests), meter)
    assert meter.trajectory().column("cost").tolist() == [3.0, 6.0]


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (Evaluate(2, SPACE.at(8), fidelity=FULL, continues=1), "another architecture"),
        (
            Evaluate(2, SPACE.at(7), fidelity=FULL, signal="proxy", continues=1),
            "another architecture or signal",
        ),
        (Evaluate(2, SPACE.at(7), fidelity=FULL, continues=5), "evaluation 5 was not told"),
        (Evaluate(2, SPACE.at(7), fidelity=OTHER, continues=1), "trained apart"),
    ],
)
def test_what_cannot_be_continued_is_refused(later: Evaluate, said: str) -> None:
    """A continuation is of the same architecture and signal, was told, and is one that the card allows."""
    with pytest.raises(CodeError, match=said):
        drive(Script(Evaluate(1, SPACE.at(7), fidelity=SHORT), later), _meter())


def test_a_search_at_one_level_has_the_bytes_that_it_always_had() -> None:
    """Naming the study's own level changes neither the trajectory nor its digest."""
    plain, named = _meter(), _meter()
    drive(Script(Evaluate(1, SPACE.at(7)), Evaluate(2, SPACE.at(3))), plain)
    requests = (Evaluate(1, SPACE.at(7), fidelity=FULL), Evaluate(2, SPACE.at(3), signal="validation"))
    drive(Script(*requests), named)
    assert plain.trajectory() == named.trajectory()
    assert plain.trajectory().digest() == named.trajectory().digest()
    assert plain.trajectory().level == b""


def test_another_level_gives_another_digest() -> None:
    """Equal numbers at other levels are other results."""
    runs = []
    for fidelity in (SHORT, OTHER):
        meter = _meter()
        drive(Script(Evaluate(1, SPACE.at(7), fidelity=fidelity)), meter)
        runs.append(meter.trajectory())
    assert runs[0].value == runs[1].value
    assert runs[0].digest() != runs[1].digest()
