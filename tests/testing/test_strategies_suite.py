"""The suite for strategies passes a sound strategy and catches each planted defect."""

# ruff: noqa: ARG002  hyperparameters and arguments that a defect ignores
# ruff: noqa: NPY002, S311  the process-wide generators are what is tested

from __future__ import annotations

import random
from typing import Any, ClassVar

import numpy as np
import pytest

from assay.contracts.evaluation import DONE, WAIT, Evaluate, Evaluation, Fidelity
from assay.foundation.errors import AssayError
from assay.foundation.seeding import Stream
from assay.testing.strategies import StrategySuite
from assay.testing.toy_space import ToySpace, toy_score


class Sound:
    """A plain random search without any defect."""

    name = "sound"
    revision = 1
    requires: tuple[type, ...] = ()
    libraries: tuple[str, ...] = ()

    def __init__(self, problem: Any, rng: Stream, *, pause: int = 0) -> None:
        self.problem, self.space, self.rng = problem, problem.space, rng
        self.asked: list[Any] = []
        self.best: tuple[float, Any] = (float("-inf"), None)

    def draw(self) -> Any:
        return self.space.sample(self.rng)

    def ask(self) -> Any:
        self.asked.append(self.draw())
        return Evaluate(len(self.asked) - 1, self.asked[-1])

    def tell(self, id: int, outcome: Any) -> None:
        if isinstance(outcome, Evaluation) and outcome.score > self.best[0]:
            self.best = (outcome.score, self.asked[id])

    def recommend(self) -> Any:
        return self.best[1]


class NoRevision(Sound):
    revision = None  # type: ignore[assignment]


class HiddenHyperparameters(Sound):
    def __init__(self, problem: Any, rng: Stream, **options: Any) -> None:
        super().__init__(problem, rng)


class DefaultIsNotPlain(Sound):
    def __init__(self, problem: Any, rng: Stream, *, rates: tuple[float, ...] = (0.1, 0.2)) -> None:
        super().__init__(problem, rng)


class DefaultOfAnotherType(Sound):
    def __init__(self, problem: Any, rng: Stream, *, rate: int = 0.5) -> None:  # type: ignore[assignment]
        super().__init__(problem, rng)


class OwnEntropy(Sound):
    def draw(self) -> Any:
        return self.space.at(random.SystemRandom().randrange(256))


class IgnoresItsStream(Sound):
    def draw(self) -> Any:
        return self.space.at(len(self.asked) % 256)


class DrawsFromRandom(Sound):
    def draw(self) -> Any:
        return self.space.at(random.randrange(256))


class ReadsNumpyState(Sound):
    def draw(self) -> Any:
        return self.space.at((int(np.random.get_state()[1][0]) + self.rng.below(256)) % 256)


class SeedsNumpy(Sound):
    def __init__(self, problem: Any, rng: Stream) -> None:
        np.random.seed(rng.seed32())
        super().__init__(problem, rng)


class SharesState(Sound):
    seen: ClassVar[list[Any]] = []

    def __init__(self, problem: Any, rng: Stream) -> None:
        super().__init__(problem, rng)
        self.seen.clear()

    def draw(self) -> Any:
        self.seen.append(None)
        return self.space.at((super().draw()[0] + len(self.seen)) % 256)


class RecommendDraws(Sound):
    def recommend(self) -> Any:
        self.rng.bits()
        return super().recommend()


class OutsideTheSpace(Sound):
    def draw(self) -> Any:
        return (*super().draw()[:3], 4)


class UnknownFidelity(Sound):
    def ask(self) -> Any:
        request = super().ask()
        return Evaluate(request.id, request.arch, fidelity=Fidelity("another"))


class UnknownSignal(Sound):
    def ask(self) -> Any:
        request = super().ask()
        return Evaluate(request.id, request.arch, signal="test")


class OneAtATime(Sound):
    def ask(self) -> Any:
        assert not self.asked or self.asked[-1] is None, "tell me first"
        return super().ask()

    def tell(self, id: int, outcome: Any) -> None:
        super().tell(id, outcome)
        self.asked[-1] = None


class ExpectsOrder(Sound):
    """Takes each outcome for that of the oldest request."""

    told = 0

    def tell(self, id: int, outcome: Any) -> None:
        super().tell(self.told, outcome)
        self.told += 1


class ReusesIds(Sound):
    def ask(self) -> Any:
        self.asked = [self.draw()]
        return Evaluate(0, self.asked[0])


class StallsAfterFailure(Sound):
    failed = False

    def ask(self) -> Any:
        return WAIT if self.failed else super().ask()

    def tell(self, id: int, outcome: Any) -> None:
        self.failed = not isinstance(outcome, Evaluation)
        super().tell(id, outcome)


class BreaksOnFailure(Sound):
    def tell(self, id: int, outcome: Any) -> None:
        self.best = max(self.best, (outcome.score, self.asked[id]))


class RecommendsFailures(Sound):
    """Falls back on the first architecture, whatever became of it."""

    def recommend(self) -> Any:
        return self.best[1] or (self.asked[0] if self.asked else None)


class RecommendsTheLastAsked(Sound):
    def recommend(self) -> Any:
        return self.asked[-1] if self.asked else None


class RecommendsTheUnseen(Sound):
    def recommend(self) -> Any:
        return None if self.best[1] is None else self.space.at(0)


class NeverRecommends(Sound):
    def recommend(self) -> Any:
        return None


class RisesAgain(Sound):
    def ask(self) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        return DONE if self.calls == 40 else super().ask()


class PeeksAtTheBudget(Sound):
    def draw(self) -> Any:
        evaluations = self.problem.budget._budget.evaluations
        return self.space.at((self.rng.below(256) + evaluations) % 256)


DEFECTS = [
    (NoRevision, "test_is_named_and_versioned"),
    (HiddenHyperparameters, "test_hyperparameters_are_plain"),
    (DefaultIsNotPlain, "test_hyperparameters_are_plain"),
    (DefaultOfAnotherType, "test_hyperparameters_are_plain"),
    (OwnEntropy, "test_equal_streams_give_equal_asks"),
    (IgnoresItsStream, "test_another_stream_gives_other_asks"),
    (DrawsFromRandom, "test_leaves_process_wide_generators_alone"),
    (ReadsNumpyState, "test_leaves_process_wide_generators_alone"),
    (SeedsNumpy, "test_leaves_process_wide_generators_alone"),
    (SharesState, "test_keeps_no_state_outside_itself"),
    (RecommendDraws, "test_recommending_changes_nothing"),
    (OutsideTheSpace, "test_equal_streams_give_equal_asks"),
    (UnknownFidelity, "test_equal_streams_give_equal_asks"),
    (UnknownSignal, "test_equal_streams_give_equal_asks"),
    (OneAtATime, "test_many_asks_before_a_tell"),
    (ExpectsOrder, "test_tells_in_any_order"),
    (ReusesIds, "test_many_asks_before_a_tell"),
    (StallsAfterFailure, "test_failures_do_not_stop_it"),
    (BreaksOnFailure, "test_failures_do_not_stop_it"),
    (RecommendsFailures, "test_failures_do_not_stop_it"),
    (RecommendsTheLastAsked, "test_recommends_nothing_before_a_success"),
    (RecommendsTheUnseen, "test_recommends_an_evaluated_architecture"),
    (NeverRecommends, "test_recommends_an_evaluated_architecture"),
    (RisesAgain, "test_stays_done"),
    (PeeksAtTheBudget, "test_reading_the_budget_is_noticed"),
]

TESTS = sorted(name for name in vars(StrategySuite) if name.startswith("test_"))


def _suite(cls: type) -> StrategySuite:
    return type(f"Suite{cls.__name__}", (StrategySuite,), {"strategy": cls})()


@pytest.fixture(autouse=True)
def _generators() -> Any:
    """Put the process-wide generators back, which the suite and the defects disturb."""
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.mark.parametrize("test", TESTS)
def test_a_sound_strategy_passes(test: str) -> None:
    """A strategy without a defect passes every test of the suite."""
    getattr(_suite(Sound), test)()


@pytest.mark.parametrize(("defect", "test"), DEFECTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_defect_is_caught(defect: type, test: str) -> None:
    """A planted defect fails the test that is there for it."""
    with pytest.raises((AssertionError, AssayError, AttributeError)):
        getattr(_suite(defect), test)()


def test_every_test_catches_something() -> None:
    """No test of the suite is without a defect that it catches."""
    assert {test for _, test in DEFECTS} == set(TESTS)


def test_the_suite_disturbs_no_generator() -> None:
    """The suite leaves the process-wide generators as it found them."""
    random.seed(5)
    np.random.seed(5)
    before = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    _suite(Sound).test_leaves_process_wide_generators_alone()
    assert (random.random(), np.random.random()) == before


def test_the_toy_space_keeps_its_contract() -> None:
    """The toy space enumerates, parses, mutates and scores 256 distinct architectures."""
    space = ToySpace()
    archs = [space.at(i) for i in range(space.size)]
    assert [space.index(arch) for arch in archs] == list(range(256))
    assert [space.parse(space.format(arch)) for arch in archs] == archs
    assert all(space.contains(arch) and space.compose(space.decompose(arch)) == arch for arch in archs)
    assert len({toy_score(arch) for arch in archs}) == 256
    for arch in archs:
        neighbours = space.neighbours(arch)
        assert len(set(neighbours)) == 12 and arch not in neighbours
        assert all(arch in space.neighbours(neighbour) for neighbour in neighbours)
