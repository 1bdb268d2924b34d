"""Random search filtered by a cheap signal: rounds, levels, waiting, and what a study makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from assay.contracts.evaluation import DONE, WAIT, Evaluation, Failure, Fidelity, Level, Status
from assay.contracts.problem import Budget, BudgetView, Problem, Signal
from assay.foundation.errors import CodeError, UnavailableError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies.zero_cost_filter import ZeroCostFilter
from assay.studies.drive import drive
from assay.studies.meter import Evaluator, Meter
from assay.testing.strategies import StrategySuite
from assay.testing.toy_space import ToySpace, toy_score

SPACE = ToySpace()
FULL = Fidelity("toy")
SIGNALS = tuple(
    Signal(name=name, metric=name, split="validation", unit="") for name in ("validation", "flops", "proxy")
)
FAILED = Failure(Status.FAILED, "planned")


def _problem(signals: tuple[Signal, ...] = SIGNALS) -> Problem:
    budget = BudgetView(Budget(table_seconds=100.0))
    return Problem(
        space=SPACE, fidelities=(FULL,), signals=signals, objectives=("validation",), budget=budget
    )


def build(**hyperparameters: Any) -> Any:
    return ZeroCostFilter(_problem(), Stream(0, ("zero-cost-filter",)), **hyperparameters)


def success(score: float) -> Evaluation:
    return Evaluation(value=score, score=score, cost=1.0)


class TestZeroCostFilter(StrategySuite):
    strategy = ZeroCostFilter

    def problem(self, evaluations: int | None = None) -> Problem:
        return replace(super().problem(evaluations), signals=SIGNALS)


class TestZeroCostFilterInSmallRounds(TestZeroCostFilter):
    hyperparameters = {"filter_signal": "proxy", "candidates": 7, "keep": 3}  # noqa: RUF012  read only


@dataclass
class Round:
    """What one round asked for."""

    drawn: list[Any] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)


def rounds_of(strategy: Any, n: int, size: int, keep: int) -> list[Round]:
    """Return n rounds, each architecture told its toy score at either signal."""
    rounds = []
    for _ in range(n):
        found = Round()
        for i in range(size + keep):
            request = strategy.ask()
            assert (request.signal is None) == (i >= size)
            (found.kept if request.signal is None else found.drawn).append(request.arch)
            strategy.tell(request.id, success(toy_score(request.arch)))
        rounds.append(found)
    return rounds


def test_the_best_of_each_round_are_kept_from_the_best_on() -> None:
    """Each round draws new architectures and evaluates the best by the filter, the best first."""
    rounds = rounds_of(build(candidates=12, keep=4), 3, 12, 4)
    for one in rounds:
        assert one.kept == sorted(one.drawn, key=toy_score, reverse=True)[:4]
    drawn = [arch for one in rounds for arch in one.drawn]
    assert len(set(drawn)) == 36


def test_both_levels_are_named() -> None:
    """A draw is asked for at the filter's signal, what is kept at the study's own."""
    strategy = build(filter_signal="proxy", candidates=1, keep=1)
    first = strategy.ask()
    assert (first.signal, first.fidelity) == ("proxy", FULL)
    strategy.tell(first.id, success(1.0))
    second = strategy.ask()
    assert (second.arch, second.signal, second.fidelity) == (first.arch, None, FULL)
    assert build().ask().signal == "flops"


def test_it_waits_for_the_last_candidates_only() -> None:
    """A round waits for its draws; the next one does not wait for what was kept."""
    strategy = build(candidates=3, keep=1)
    requests = [strategy.ask() for _ in range(3)]
    assert strategy.ask() is WAIT
    for request in requests[:2]:
        strategy.tell(request.id, success(1.0))
    assert strategy.ask() is WAIT
    strategy.tell(requests[2].id, success(2.0))
    assert strategy.ask().arch == requests[2].arch
    assert strategy.ask().signal == "flops"


def test_signals_are_never_compared() -> None:
    """Once anything is known by the study's own signal, the filter's scores recommend nothing."""
    strategy = build(candidates=2, keep=1)
    requests = [strategy.ask(), strategy.ask()]
    for request, score in zip(requests, (50.0, 90.0), strict=True):
        strategy.tell(request.id, success(score))
    assert strategy.recommend() == requests[1].arch
    strategy.tell(strategy.ask().id, success(0.1))
    for _ in range(2):
        strategy.tell(strategy.ask().id, success(99.0))
    assert strategy.recommend() == requests[1].arch


def test_failures_are_not_kept() -> None:
    """What failed at the filter's signal is never evaluated; a round of failures is followed by another."""
    strategy = build(candidates=3, keep=3)
    requests = [strategy.ask() for _ in range(3)]
    for request in requests:
        strategy.tell(request.id, FAILED if request is not requests[1] else success(1.0))
    assert strategy.ask().arch == requests[1].arch
    for _ in range(3):
        strategy.tell(strategy.ask().id, FAILED)
    assert strategy.ask().signal == "flops"


def test_the_last_round_is_what_is_left() -> None:
    """A space that is used up ends a round early, evaluates its best, and is done."""
    strategy = build(candidates=100, keep=10)
    rounds_of(strategy, 2, 100, 10)
    (last,) = rounds_of(strategy, 1, 56, 10)
    assert last.kept == sorted(last.drawn, key=toy_score, reverse=True)[:10]
    assert strategy.ask() is DONE
    assert strategy.ask() is DONE


def test_a_benchmark_without_a_second_signal_is_refused() -> None:
    """Nothing but the objective gives nothing to filter by; the objective itself is no filter."""
    stream = Stream(0, ("zero-cost-filter",))
    with pytest.raises(UnavailableError, match="none but validation"):
        ZeroCostFilter(_problem(SIGNALS[:1]), stream)
    with pytest.raises(UnknownNameError, match="did you mean 'proxy'"):
        build(filter_signal="proxi")
    with pytest.raises(UnknownNameError, match="signal to filter by 'validation'"):
        build(filter_signal="validation")


@pytest.mark.parametrize("hyperparameters", [{"keep": 0}, {"candidates": 3, "keep": 4}])
def test_refuses_what_cannot_be(hyperparameters: dict[str, Any]) -> None:
    """More than is drawn cannot be kept, and nothing is no selection."""
    with pytest.raises(UsageError, match="why:   candidates = "):
        build(**hyperparameters)


def _evaluator(signal: str, fidelity: Fidelity, continues: Fidelity | None) -> Evaluator:
    """Return what scores at a signal: a proxy costs a hundredth of a second, and a training ten."""
    assert (fidelity, continues) == (FULL, None)
    cost = 10.0 if signal == "validation" else 0.01
    return lambda arch: Evaluation(value=toy_score(arch), score=toy_score(arch), cost=cost)


def test_a_study_charges_each_signal_its_own_cost() -> None:
    """In a budget of seconds, proxies are charged as proxies, and only trainings have an incumbent."""
    own = Level("validation", FULL)
    meter = Meter(
        SPACE,
        _evaluator("validation", FULL, None),
        Budget(table_seconds=104.0),
        level=own,
        evaluator=_evaluator,
        crossing="counted",
        seconds=True,
    )
    strategy = build(filter_signal="proxy", candidates=100, keep=4)
    drive(strategy, meter, workers=3)
    trajectory = meter.trajectory()
    assert trajectory.levels == ("validation at toy", "proxy at toy")
    costs = np.frombuffer(trajectory.cost, "<f8")
    assert sorted(set(costs.tolist())) == [0.01, 10.0]
    # Two rounds and what is left of the space, each of its best four trained, until the seconds are spent.
    assert (costs == 10.0).sum() == 11
    assert meter.best is not None
    assert strategy.recommend() == meter.best[1]


def test_a_budget_in_evaluations_has_no_room_for_a_filter() -> None:
    """A study that counts evaluations refuses a request at another signal, and says what to do."""
    meter = Meter(
        SPACE,
        _evaluator("validation", FULL, None),
        Budget(evaluations=100),
        level=Level("validation", FULL),
        evaluator=_evaluator,
        crossing="counted",
        seconds=True,
    )
    with pytest.raises(CodeError, match="table_seconds"):
        drive(build(), meter)
