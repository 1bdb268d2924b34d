"""Strategies with a predictor: what they ask for, and the predictors themselves."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import integrate, stats

from assay.contracts.evaluation import DONE, Evaluation, Failure, Status
from assay.contracts.problem import Budget, BudgetView, Problem
from assay.contracts.space import Graph
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.spaces.encodings import weisfeiler_lehman_encoding
from assay.strategies import bananas
from assay.strategies._ensemble import Training, _Networks, ensemble_predictions
from assay.strategies._gaussian_process import NOISES, wl_posterior
from assay.strategies._model_based import first_of_each, from_best
from assay.strategies.bananas import Bananas
from assay.strategies.nas_bowl import NasBowl, expected_improvement
from assay.strategies.npenas import Npenas
from assay.testing.strategies import StrategySuite
from assay.testing.toy_space import ToySpace, toy_score

SPACE = ToySpace()
FAILED = Failure(Status.FAILED, "planned")
# Small networks: what is tested here does not depend on how well they predict.
SMALL: dict[str, Any] = {"ensemble": 2, "layers": 1, "width": 4, "epochs": 2}
MODELS = [(Bananas, SMALL), (Npenas, {}), (NasBowl, {"initial": 10})]


class TestBananas(StrategySuite):
    strategy = Bananas
    hyperparameters: ClassVar = SMALL
    evaluations = 30


class TestNpenas(StrategySuite):
    strategy = Npenas
    hyperparameters: ClassVar = {"candidates": 20, "parents": 5, "tries": 10}
    evaluations = 40


class TestNasBowl(StrategySuite):
    strategy = NasBowl
    hyperparameters: ClassVar = {"initial": 10, "candidates": 20, "max_depth": 2}
    evaluations = 40


def build(cls: Any, space: Any = SPACE, **hyperparameters: Any) -> Any:
    budget = BudgetView(Budget(evaluations=100))
    problem = Problem(space=space, fidelities=(), signals=(), objectives=(), budget=budget)
    return cls(problem, Stream(0, ("strategy", cls.name)), **hyperparameters)


def success(score: float) -> Evaluation:
    return Evaluation(value=score, score=score, cost=1.0)


def step(strategy: Any) -> Any:
    """Ask for one architecture, tell its toy score, and return it."""
    request = strategy.ask()
    strategy.tell(request.id, success(toy_score(request.arch)))
    return request.arch


@pytest.mark.parametrize(("cls", "given"), MODELS)
def test_never_asks_twice_and_ends(cls: Any, given: dict[str, Any]) -> None:
    """Every architecture of the toy space is asked for once, and then nothing is left."""
    strategy = build(cls, **given)
    asked = [step(strategy) for _ in range(256)]
    assert len(set(asked)) == 256
    assert strategy.ask() is DONE


@pytest.mark.parametrize(("cls", "given"), MODELS)
def test_uniform_draws_make_up_for_failures(cls: Any, given: dict[str, Any]) -> None:
    """A failure is no observation: the model is first used when `initial` draws succeeded."""
    strategy = build(cls, **given)
    rounds = []
    strategy._round = lambda: rounds.append(len(strategy._scores)) or []
    for i in range(20):
        request = strategy.ask()
        strategy.tell(request.id, success(toy_score(request.arch)) if i % 2 else FAILED)
    assert rounds == []
    step(strategy)
    assert rounds == [10]


@pytest.mark.parametrize(("cls", "given"), MODELS)
def test_scores_of_no_number_are_not_fitted(cls: Any, given: dict[str, Any]) -> None:
    """Scores that are not finite enter no model, and equal scores do not break one."""
    strategy = build(cls, **given)
    for i in range(40):
        strategy.tell(strategy.ask().id, success((math.nan, math.inf, 5.0)[i % 3]))
    assert set(strategy._scores) == {5.0}
    assert strategy.ask() is not DONE


@pytest.mark.parametrize(("cls", "given"), MODELS)
def test_asks_are_the_same_in_any_unit(cls: Any, given: dict[str, Any]) -> None:
    """Scores in percent and in fractions (a power of two apart) give the same asks."""
    walks = []
    for unit in (1.0, 2.0**-7):
        strategy, walk = build(cls, **given), []
        for _ in range(40):
            request = strategy.ask()
            walk.append(request.arch)
            strategy.tell(request.id, success(unit * toy_score(request.arch)))
        walks.append(walk)
    assert walks[0] == walks[1]


@pytest.mark.parametrize(("cls", "given"), [(Bananas, SMALL), (Npenas, {})])
def test_a_round_is_mutants_of_the_best(cls: Any, given: dict[str, Any]) -> None:
    """After the uniform draws, what is asked for are neighbours of the best parents told so far."""
    strategy = build(cls, **given, parents=2, batch=5)
    told = [step(strategy) for _ in range(10)]
    for _ in range(4):
        parents = sorted(told, key=toy_score, reverse=True)[:2]
        around = {arch for parent in parents for arch in SPACE.neighbours(parent)}
        batch = [step(strategy) for _ in range(5)]
        assert set(batch) <= around
        told += batch


def test_a_pool_is_half_mutants_and_half_uniform() -> None:
    """NAS-BOWL's candidates are as many mutants of each of its parents, and uniform draws."""
    strategy = build(NasBowl, initial=10, candidates=40, parents=4)
    told = [step(strategy) for _ in range(10)]
    pool = strategy._pool()
    assert len(set(pool)) == 40
    assert not set(pool) & set(told)
    parents = sorted(told, key=toy_score, reverse=True)[:4]
    for i, parent in enumerate(parents):
        assert set(pool[5 * i : 5 * i + 5]) <= set(SPACE.neighbours(parent))


@pytest.mark.parametrize(
    ("cls", "given"),
    [
        (Bananas, {"initial": 1}),
        (Bananas, {"batch": 0}),
        (Bananas, {"candidates": 5}),
        (Bananas, {"ensemble": 1}),
        (Bananas, {"learning_rate": 0.0}),
        (Npenas, {"tries": 0}),
        (Npenas, {"depth": -1}),
        (NasBowl, {"parents": 0}),
        (NasBowl, {"min_depth": 3, "max_depth": 2}),
    ],
)
def test_refuses_what_cannot_be(cls: Any, given: dict[str, Any]) -> None:
    """Hyperparameters out of range are refused before anything is asked."""
    with pytest.raises(UsageError, match=f"why:.*{next(iter(given))} = "):
        build(cls, **given)


def test_takes_the_named_mutation() -> None:
    """A kind of mutation that the space does not have is refused with the nearest one."""
    with pytest.raises(UnknownNameError, match="did you mean 'one-operation'"):
        build(Npenas, mutation="one-operaton")


def test_too_many_paths_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An architecture whose paths would fill the memory is refused by BANANAS with what to use instead."""
    ladder = Graph(("a",) * 5, ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (1, 4)))
    assert bananas._paths(ladder) == 3
    cell = get_space("nas-bench-201")
    assert bananas._paths(cell.graph(cell.at(0))) == 4
    monkeypatch.setattr(bananas, "_MOST_PATHS", 0)
    strategy = build(Bananas, **SMALL)
    for _ in range(10):
        step(strategy)
    with pytest.raises(UsageError, match="hint:  nas-bowl and npenas"):
        strategy.ask()


# The predictors


def test_gradients_agree_with_differences() -> None:
    """The gradient of the mean absolute error agrees with central differences in every parameter."""
    rng = np.random.default_rng(0)
    networks = _Networks(3, Training(2, 2, 4, 1, 8, 0.1), Stream(0, ("weights",)))
    networks.parameters += 0.1 * rng.normal(size=networks.parameters.shape)
    x, y = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 6, 1))
    gradient = networks.gradient(x, y)
    for member, i in np.ndindex(gradient.shape):
        ends = []
        for change in (1e-6, -1e-6):
            networks.parameters[member, i] += change
            ends.append(np.abs(networks.forward(x[member])[-1][member] - y[member]).mean())
            networks.parameters[member, i] -= change
        assert gradient[member, i] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-5)


def test_an_ensemble_learns_a_function() -> None:
    """Networks predict new rows of a linear function well, and none like another."""
    rng = np.random.default_rng(0)
    x = (rng.random((200, 12)) < 0.4).astype(float)
    y = x @ np.linspace(-1.0, 1.0, 12)
    y = (y - y.mean()) / y.std()
    training = Training(3, 3, 20, 100, 32, 0.01)
    predicted = ensemble_predictions(x[:150], y[:150], x[150:], training, Stream(0, ("ensemble",)))
    assert predicted.shape == (3, 50)
    assert all(np.corrcoef(member, y[150:])[0, 1] > 0.95 for member in predicted)
    assert not np.allclose(predicted[0], predicted[1])


def test_the_posterior_agrees_with_the_textbook() -> None:
    """Mean, deviation, depth and noise are those of the formulas with an explicit inverse."""
    rng, depths = Stream(0, ("posterior",)), (0, 1, 2)
    archs = [SPACE.at(i) for i in rng.sample(range(256), 40)]
    known, pool = archs[:30], archs[30:]
    y = np.array([toy_score(arch) for arch in known])
    y = (y - y.mean()) / y.std()
    found = wl_posterior(SPACE, known, y, pool, depths)
    best = (-np.inf, np.empty(0), np.empty(0))
    for depth in depths:
        rows = weisfeiler_lehman_encoding(SPACE, archs, depth)(archs)
        kernel = rows @ rows.T
        kernel /= np.sqrt(np.outer(np.diagonal(kernel), np.diagonal(kernel)))
        for noise in NOISES:
            inverse = np.linalg.inv(kernel[:30, :30] + noise * np.eye(30))
            variance = y @ inverse @ y / 30
            covariance = variance * np.linalg.inv(inverse)
            likelihood = stats.multivariate_normal(np.zeros(30), covariance).logpdf(y)
            across = kernel[:30, 30:]
            mean = across.T @ inverse @ y
            spread = variance * (1 - np.einsum("ij,ik,kj->j", across, inverse, across))
            best = max(best, (likelihood, mean, np.sqrt(spread)), key=lambda one: one[0])
    assert set(found.places) <= set(range(10))
    assert found.mean == pytest.approx(best[1][found.places], abs=1e-8)
    assert found.deviation == pytest.approx(best[2][found.places], rel=1e-5)


def test_expected_improvement_agrees_with_its_integral() -> None:
    """The closed form is the mean of what a normal variable is above the best, 0 below it."""
    for mean, deviation, best in ((0.3, 0.5, 0.7), (1.0, 0.2, 0.0), (-2.0, 1.5, 1.0)):
        x = np.linspace(best, mean + 12 * deviation, 100_001)
        expected = integrate.simpson((x - best) * stats.norm(mean, deviation).pdf(x), x=x)
        (found,) = expected_improvement(np.array([mean]), np.array([deviation]), best)
        assert found == pytest.approx(expected, rel=1e-6)


def test_equal_encodings_count_once() -> None:
    """Of rows that are equal, or known already, the first counts or none."""
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    assert first_of_each(rows, 2) == [1, 3]


def test_order_is_by_nine_decimals() -> None:
    """What differs by less than a rounding error keeps its order."""
    assert from_best(np.array([1.0, 2.0, 1.0 + 1e-14, 3.0, -0.0, 0.0])) == [3, 1, 0, 2, 4, 5]
