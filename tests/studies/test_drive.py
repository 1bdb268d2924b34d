"""The driver: virtual time, budgets, and strategies that break the contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.evaluation import (
    DONE,
    WAIT,
    Evaluate,
    Evaluation,
    Failure,
    Fidelity,
    Level,
    Outcome,
    Status,
    Work,
)
from assay.contracts.problem import Budget
from assay.foundation.errors import CodeError, UnavailableError
from assay.studies.drive import drive, recommendation
from assay.studies.meter import Meter
from assay.testing.toy_space import ToySpace

SPACE = ToySpace()


def _cost(arch: Any) -> float:
    return 1.0 + SPACE.index(arch) % 7


def _evaluate(arch: Any) -> Outcome:
    return Evaluation(float(SPACE.index(arch)), float(SPACE.index(arch)), _cost(arch))


class Walk:
    """Asks for every architecture in order, and keeps what it was told."""

    def __init__(self) -> None:
        self.next = 0
        self.told: list[tuple[int, Outcome]] = []

    def ask(self) -> Any:
        if self.next == SPACE.size:
            return DONE
        self.next += 1
        return Evaluate(self.next, SPACE.at(self.next - 1))

    def tell(self, id: int, outcome: Outcome) -> None:
        self.told.append((id, outcome))

    def recommend(self) -> Hashable:
        return SPACE.at(0)


def _meter(
    evaluate: Callable[[Any], Outcome] = _evaluate,
    *,
    crossing: str = "counted",
    seconds: bool = True,
    **budget: Any,
) -> Meter:
    return Meter(
        SPACE,
        evaluate,
        Budget(**budget),
        level=Level("validation", Fidelity("full")),
        crossing=crossing,
        seconds=seconds,
    )


def test_a_budget_of_evaluations_is_spent_to_the_last() -> None:
    """Exactly that many evaluations are made and told."""
    meter, walk = _meter(evaluations=9), Walk()
    drive(walk, meter)
    assert len(walk.told) == len(meter.trajectory()) == 9


@pytest.mark.parametrize("crossing", ["counted", "dropped"])
def test_the_evaluation_that_crosses_a_budget_in_seconds(crossing: str) -> None:
    """It counts where the card says so; elsewhere it ends as OVER_BUDGET without a value."""
    meter, walk = _meter(crossing=crossing, table_seconds=12.0), Walk()
    drive(walk, meter)
    costs = [_cost(SPACE.at(i)) for i in range(SPACE.size)]
    started = next(n for n in range(1, SPACE.size) if sum(costs[:n]) >= 12.0)
    assert len(walk.told) == started
    assert sum(costs[:started]) > 12.0
    last = walk.told[-1][1]
    if crossing == "counted":
        assert isinstance(last, Evaluation)
    else:
        assert isinstance(last, Failure)
        assert last.status is Status.OVER_BUDGET
        assert math.isnan(meter.trajectory().column("value")[-1])


@given(workers=st.integers(1, 1024), evaluations=st.integers(1, 60))
def test_simulated_workers_finish_in_order_of_virtual_time(workers: int, evaluations: int) -> None:
    """Moments never go back, every evaluation is told once, and as many run at once as there are workers."""
    meter, walk = _meter(evaluations=evaluations), Walk()
    drive(walk, meter, workers=workers)
    trajectory = meter.trajectory()
    moments = trajectory.column("time").tolist()
    assert moments == sorted(moments)
    assert sorted(trajectory.column("asked").tolist()) == list(range(evaluations))
    ends = [moment - cost for moment, cost in zip(moments, trajectory.column("cost").tolist(), strict=True)]
    for start in ends:
        running = sum(s <= start < e for s, e in zip(ends, moments, strict=True))
        assert running <= workers


def test_ties_in_virtual_time_are_broken_by_the_order_of_asking() -> None:
    """Where evaluations have no cost in seconds, each takes one unit, and ids decide."""
    meter, walk = _meter(seconds=False, evaluations=10), Walk()
    drive(walk, meter, workers=5)
    assert [number for number, _ in walk.told] == list(range(1, 11))
    assert meter.trajectory().column("time").tolist() == [1.0] * 5 + [2.0] * 5


def test_a_missing_value_is_told_as_a_failure_and_never_a_number() -> None:
    """The trajectory holds the status and NaN, and the incumbent is another architecture."""

    def evaluate(arch: Any) -> Outcome:
        if SPACE.index(arch) == 3:
            return Failure(Status.MISSING, "no seed", 1.0)
        return _evaluate(arch)

    meter, walk = _meter(evaluate, evaluations=5), Walk()
    drive(walk, meter)
    trajectory = meter.trajectory()
    assert trajectory.column("status").tolist() == [0, 0, 0, Status.MISSING.value, 0]
    assert math.isnan(trajectory.column("value")[3])
    assert meter.best is not None
    assert meter.best[0] == 4.0


class Broken(Walk):
    """Answers `ask` with whatever it was given."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def ask(self) -> Any:
        return self.answer

    def recommend(self) -> Hashable:
        return "nowhere"


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (WAIT, CodeError, "nothing is outstanding"),
        ("arch", CodeError, "something else than a request"),
        (Work(1, "supernet", {}), UnavailableError, "cannot train"),
        (Evaluate(1, SPACE.at(0), fidelity=Fidelity("short", 1)), CodeError, "short@1' like"),
        (Evaluate(1, SPACE.at(0), signal="latency"), CodeError, "'latency at full' like"),
        (Evaluate(1, SPACE.at(0), continues=0), CodeError, "evaluation 0 was not told"),
        (Evaluate(1, SPACE.at(0)), CodeError, "the id 1 was used before"),
    ],
)
def test_a_strategy_that_breaks_the_contract_is_told_so(
    answer: Any, error: type[Exception], said: str
) -> None:
    """Each breach is an error in words, not a hang."""
    with pytest.raises(error, match=said):
        drive(Broken(answer), _meter(evaluations=3))


def test_a_recommendation_outside_the_space_is_refused() -> None:
    """Sealing freezes only architectures of the space."""
    with pytest.raises(CodeError, match="not in the space"):
        recommendation(Broken(DONE), _meter(evaluations=3))


def test_only_one_architecture_is_recommended() -> None:
    """A list of everything would be told every test value for one assessment."""

    class Greedy(Walk):
        def recommend(self) -> Any:
            return [SPACE.at(i) for i in range(SPACE.size)]

    with pytest.raises(CodeError, match="256 architectures are recommended"):
        recommendation(Greedy(), _meter(evaluations=3))


def test_reading_the_budget_is_noticed() -> None:
    """A strategy that looks at the whole budget marks its run."""
    meter = _meter(evaluations=3)
    assert not meter.view.was_read
    assert meter.view.total.evaluations == 3
    assert meter.view.was_read
