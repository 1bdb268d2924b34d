"""Grid search: every architecture once, in a drawn order or that of the space."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from scipy import stats

from assay.contracts.evaluation import DONE, Evaluation
from assay.contracts.problem import Budget, BudgetView, Problem
from assay.foundation.errors import CapabilityError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.strategies.catalogue import make
from assay.strategies.grid import GridSearch
from assay.testing.strategies import StrategySuite
from assay.testing.toy_space import ToySpace

SPACE = ToySpace()


class TestGrid(StrategySuite):
    strategy = GridSearch


class Three(ToySpace):
    """The first three architectures of the toy space."""

    size = 3


class Vast(ToySpace):
    """A space that says it is larger than 2^64."""

    size = 2**70

    def at(self, index: int) -> Any:
        return super().at(index % 256)


def _problem(space: Any) -> Problem:
    budget = BudgetView(Budget(evaluations=100))
    return Problem(space=space, fidelities=(), signals=(), objectives=(), budget=budget)


def order_of(space: Any, seed: int = 0, **hyperparameters: Any) -> list[Any]:
    """Return the architectures of a whole grid, without telling anything."""
    strategy: Any = GridSearch(_problem(space), Stream(seed, ("grid",)), **hyperparameters)
    asked = []
    while (request := strategy.ask()) is not DONE:
        asked.append(request.arch)
    return asked


def test_every_architecture_is_asked_for_once() -> None:
    """Both orders hold the whole space; that by index is the published one."""
    assert sorted(order_of(SPACE), key=SPACE.index) == [SPACE.at(i) for i in range(256)]
    assert order_of(SPACE, order="index") == [SPACE.at(i) for i in range(256)]


def test_every_order_is_as_likely() -> None:
    """The six orders of three architectures fit a uniform distribution."""
    counts = Counter(tuple(order_of(Three(), seed)) for seed in range(1_200))
    assert len(counts) == 6
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


def test_a_space_too_large_to_draw_from_has_its_own_order() -> None:
    """Beyond 2^64 architectures only the order by index is left, and it is not listed first."""
    with pytest.raises(UsageError, match="more than 2\\^64"):
        GridSearch(_problem(Vast()), Stream(0, ("grid",)))
    strategy: Any = GridSearch(_problem(Vast()), Stream(0, ("grid",)), order="index")
    assert [strategy.ask().arch for _ in range(3)] == [SPACE.at(i) for i in range(3)]


def test_recommends_the_best() -> None:
    """The recommendation is the best architecture told."""
    strategy: Any = GridSearch(_problem(SPACE), Stream(0, ("grid",)))
    requests = [strategy.ask() for _ in range(5)]
    for score, request in enumerate(requests):
        strategy.tell(request.id, Evaluation(value=score, score=score % 3, cost=1.0))
    assert strategy.recommend() == requests[2].arch


def test_a_space_without_an_order_has_no_grid() -> None:
    """DARTS, whose architectures are not enumerated, is refused."""
    with pytest.raises(CapabilityError, match="requires Enumerable"):
        make(GridSearch, _problem(get_space("darts")), Stream(0, ("grid",)), {})
