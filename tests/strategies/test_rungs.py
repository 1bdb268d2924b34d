"""Strategies over several fidelities: rungs, brackets, promotions, continuations, densities."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest

from assay.contracts.evaluation import WAIT, Evaluate, Evaluation, Failure, Fidelity, Status
from assay.contracts.problem import Budget, BudgetView, Problem, Signal
from assay.foundation.errors import UnavailableError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies._rungs import ladder
from assay.strategies.asha import Asha
from assay.strategies.bohb import Bohb, _Density
from assay.strategies.dehb import Dehb
from assay.strategies.hyperband import Hyperband, SuccessiveHalving, hyperband_sizes
from assay.testing.strategies import StrategySuite
from assay.testing.toy_space import ToySpace, toy_score

CURVE = (Fidelity("9-epochs"), *[Fidelity("9-epochs", epoch) for epoch in range(1, 9)], Fidelity("apart", 3))


class Curves(StrategySuite):
    fidelities: ClassVar = CURVE
    evaluations: ClassVar = 70


class TestSuccessiveHalving(Curves):
    strategy = SuccessiveHalving


class TestHyperband(Curves):
    strategy = Hyperband


class TestAsha(Curves):
    strategy = Asha


class TestBohb(Curves):
    strategy = Bohb


class TestBohbWithoutChance(Curves):
    strategy = Bohb
    hyperparameters: ClassVar = {"random_fraction": 0.0, "num_samples": 8}


class TestDehb(Curves):
    strategy = Dehb


def _problem(fidelities: tuple[Fidelity, ...] = CURVE, *, prefix: bool = False) -> Problem:
    return Problem(
        space=ToySpace(),
        fidelities=fidelities,
        signals=(Signal(name="validation", metric="accuracy", split="validation", unit="%"),),
        objectives=("validation",),
        budget=BudgetView(Budget(table_seconds=1e6)),
        prefix=prefix,
    )


def _score(arch: Any) -> Evaluation:
    return Evaluation(toy_score(arch), toy_score(arch), 1.0)


def _run(strategy: Any, evaluations: int) -> list[Evaluate]:
    """Ask and tell one at a time; every request is answered by the toy score."""
    asked = []
    for _ in range(evaluations):
        request = strategy.ask()
        assert isinstance(request, Evaluate)
        asked.append(request)
        strategy.tell(request.id, _score(request.arch))
    return asked


def _epochs(request: Evaluate) -> int:
    assert request.fidelity is not None
    return request.fidelity.epoch or 9


def test_rungs_are_shares_of_the_full_schedule() -> None:
    """Twelve epochs with eta 3 give 1, 4 and 12, those of NATS-Bench's BOHB; other schedules take no part."""
    curve = (Fidelity("12-epochs"), *[Fidelity("12-epochs", epoch) for epoch in range(1, 12)])
    rungs = ladder(_problem((*curve, Fidelity("200-epochs", 4))), "test", eta=3, min_epochs=1)
    assert [rung.epochs for rung in rungs] == [1, 4, 12]
    assert rungs[-1].fidelity == Fidelity("12-epochs")
    assert [rung.epochs for rung in ladder(_problem(curve), "test", eta=3, min_epochs=2)] == [4, 12]


def test_a_benchmark_without_a_curve_is_refused() -> None:
    """There is nothing to halve where only the full training is known."""
    with pytest.raises(UnavailableError, match="earlier epochs of '200-epochs'"):
        ladder(_problem((Fidelity("200-epochs"), Fidelity("12-epochs", 3))), "test", eta=3, min_epochs=1)
    with pytest.raises(UsageError, match="eta of at least 2"):
        ladder(_problem(), "test", eta=1, min_epochs=1)


def test_brackets_are_those_of_the_paper() -> None:
    """With R = 81 and eta = 3: Li et al., JMLR 2018, Table 1."""
    assert [hyperband_sizes(5, bracket, 3) for bracket in range(5)] == [
        (81, 27, 9, 3, 1),
        (0, 34, 11, 3, 1),
        (0, 0, 15, 5, 1),
        (0, 0, 0, 8, 2),
        (0, 0, 0, 0, 5),
    ]


def test_successive_halving_keeps_the_best_third() -> None:
    """Nine start on one epoch, the best three go on to three, and the best of them to nine."""
    asked = _run(SuccessiveHalving(_problem(), Stream(0, ("sh",))), 13)
    assert [_epochs(one) for one in asked] == [1] * 9 + [3] * 3 + [9]
    scores = sorted((toy_score(one.arch) for one in asked[:9]), reverse=True)
    assert [toy_score(one.arch) for one in asked[9:12]] == scores[:3]
    assert toy_score(asked[12].arch) == scores[0]


def test_a_rung_is_decided_when_all_of_it_was_told() -> None:
    """With everything outstanding the strategy waits, and a failure does not go on."""
    strategy = SuccessiveHalving(_problem(), Stream(0, ("sh",)))
    asked = [strategy.ask() for _ in range(9)]
    assert strategy.ask() is WAIT
    best = max(asked, key=lambda one: toy_score(one.arch))
    for one in asked:
        strategy.tell(one.id, Failure(Status.FAILED, "planned") if one is best else _score(one.arch))
    assert best.arch not in [strategy.ask().arch for _ in range(3)]


def test_asha_promotes_at_once_and_never_waits() -> None:
    """After three tellings on the lowest rung the best of them goes on, whatever is outstanding."""
    strategy = Asha(_problem(), Stream(0, ("asha",)))
    asked = [strategy.ask() for _ in range(3)]
    outstanding = strategy.ask()
    assert _epochs(outstanding) == 1
    for one in asked:
        strategy.tell(one.id, _score(one.arch))
    promoted = strategy.ask()
    assert _epochs(promoted) == 3
    assert promoted.arch == max((one.arch for one in asked), key=toy_score)
    assert _epochs(strategy.ask()) == 1


@pytest.mark.parametrize("strategy", [SuccessiveHalving, Hyperband, Asha, Bohb])
def test_promotions_continue_only_where_the_card_allows_it(strategy: Any) -> None:
    """With `prefix` a promotion continues its own training; without, it trains from the start."""
    alone = _run(strategy(_problem(), Stream(0, ("x",))), 40)
    assert all(one.continues is None for one in alone)
    asked = _run(strategy(_problem(prefix=True), Stream(0, ("x",))), 40)
    arch_of = {one.id: one.arch for one in asked}
    continued = [one for one in asked if one.continues is not None]
    assert continued
    assert all(arch_of[one.continues] == one.arch for one in continued if one.continues is not None)


@pytest.mark.parametrize("strategy", [SuccessiveHalving, Hyperband, Asha, Bohb, Dehb])
def test_what_is_recommended_is_of_the_highest_rung(strategy: Any) -> None:
    """A better score of fewer epochs does not make an architecture the best."""
    search = strategy(_problem(), Stream(0, ("x",)))
    top = []
    for _ in range(120):
        request = search.ask()
        bonus = 1000.0 if _epochs(request) < 9 else 0.0
        value = toy_score(request.arch) + bonus
        search.tell(request.id, Evaluation(value, value, 1.0))
        if not bonus:
            top.append(request.arch)
    assert search.recommend() == max(top, key=toy_score)


@pytest.mark.parametrize("strategy", [Bohb, Dehb])
def test_models_find_better_architectures_than_chance(strategy: Any) -> None:
    """After 300 evaluations the late new architectures are better than Hyperband's, which are random."""
    means = []
    for kind in (Hyperband, strategy):
        asked = [_run(kind(_problem(), Stream(0, ("m", seed))), 300)[150:] for seed in range(8)]
        low = [toy_score(one.arch) for run in asked for one in run if _epochs(one) == 1]
        means.append(np.mean(low))
    assert means[1] > means[0] + 5.0


def test_densities_are_distributions() -> None:
    """A density sums to one over all choices, and draws follow it."""
    rows = np.array([[0, 1], [0, 2], [1, 2], [0, 2]])
    density = _Density(rows, np.array([2, 3]), 1e-3)
    every = [[a, b] for a in range(2) for b in range(3)]
    chances = np.exp([density.log_density(choices) for choices in every])
    assert chances.sum() == pytest.approx(1.0)
    rng = Stream(0, ("density",))
    drawn = Counter(tuple(density.draw(rng)) for _ in range(20_000))
    assert drawn[0, 2] > drawn[1, 1]
    assert max(drawn, key=lambda one: drawn[one]) == tuple(every[int(np.argmax(chances))])
