"""What each built-in strategy does, beyond the contract that all share."""

from __future__ import annotations

import logging
import math
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from scipy import stats

from assay.contracts.evaluation import DONE, WAIT, Evaluation, Failure, Status
from assay.contracts.problem import Budget, BudgetView, Problem
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies._incumbent import Incumbent
from assay.strategies.genetic_algorithm import GeneticAlgorithm
from assay.strategies.local_search import LocalSearch
from assay.strategies.optuna_tpe import OptunaTPE
from assay.strategies.random_search import RandomSearch
from assay.strategies.regularized_evolution import RegularizedEvolution
from assay.strategies.reinforce import Reinforce
from assay.strategies.simulated_annealing import SimulatedAnnealing
from assay.testing.toy_space import Toy, ToySpace, toy_score

SPACE = ToySpace()
FAILED = Failure(Status.FAILED, "planned")


class Holes(ToySpace):
    """The toy space as a product in which three quarters of the choices compose to nothing."""

    def compose(self, indices: Sequence[int]) -> Toy | None:
        return super().compose(indices) if indices[0] == 2 else None


class Endless:
    """A space of ten architectures that does not say how many it has."""

    name = "endless"
    revision = 1

    def contains(self, arch: Any) -> bool:
        return arch in range(10)

    def sample(self, rng: Stream) -> int:
        return rng.below(10)

    def parse(self, text: str) -> int:
        return int(text)

    def format(self, arch: int) -> str:
        return str(arch)


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


# The incumbent


def test_the_first_of_equals_stays_the_incumbent() -> None:
    """An equal score does not replace the incumbent, a better one does."""
    incumbent = Incumbent()
    for arch, score in (("a", 1.0), ("b", 1.0)):
        incumbent.settle(incumbent.request(arch).id, success(score))
    assert incumbent.best == "a"
    incumbent.settle(incumbent.request("c").id, success(1.5))
    assert incumbent.best == "c"


def test_a_score_that_is_not_a_number_never_becomes_the_incumbent() -> None:
    """NaN is no score, not even as the first."""
    incumbent = Incumbent()
    incumbent.settle(incumbent.request("a").id, success(math.nan))
    assert incumbent.best is None
    incumbent.settle(incumbent.request("b").id, success(-5.0))
    incumbent.settle(incumbent.request("c").id, success(math.nan))
    assert incumbent.best == "b"


def test_an_outcome_is_told_once() -> None:
    """A second outcome for a request, or one for no request, is refused."""
    strategy = build(RandomSearch)
    request = strategy.ask()
    strategy.tell(request.id, success(1.0))
    with pytest.raises(UsageError, match="request 0, which is not outstanding"):
        strategy.tell(request.id, success(1.0))


# Random search


def test_random_search_is_uniform() -> None:
    """Draws with replacement fit a uniform distribution over the space."""
    strategy = build(RandomSearch)
    counts = Counter(step(strategy) for _ in range(256 * 40))
    observed = [counts[SPACE.at(i)] for i in range(256)]
    assert stats.chisquare(observed).pvalue > 0.001


def test_random_search_without_replacement_visits_everything_once() -> None:
    """Without replacement each architecture is asked for once, and then nothing is left."""
    strategy = build(RandomSearch, replacement=False)
    archs = [step(strategy) for _ in range(256)]
    assert set(archs) == {SPACE.at(i) for i in range(256)}
    assert strategy.ask() is DONE


def test_random_search_without_replacement_ends_where_nothing_can_be_listed() -> None:
    """In a space that cannot be enumerated the search ends when only known architectures come up."""
    strategy = build(RandomSearch, Endless(), replacement=False)
    asked = []
    while (request := strategy.ask()) is not DONE:
        asked.append(request.arch)
    assert sorted(asked) == list(range(10))


# Regularized evolution


def test_evolution_mutates_the_best_of_its_tournament() -> None:
    """With a tournament of the whole population, each child is a neighbour of the population's best."""
    strategy = build(RegularizedEvolution, population=6, tournament=6, tournament_replacement=False)
    population = [step(strategy) for _ in range(6)]
    for _ in range(60):
        parent = max(population, key=toy_score)
        child = step(strategy)
        assert child in SPACE.neighbours(parent)
        population = [*population[1:], child]  # the oldest dies, however good it is


def test_evolution_draws_a_tournament_with_replacement_by_default() -> None:
    """The second best of two wins a tournament of two only where both draws may be the same."""
    for replacement, shares in ((True, (0.2, 0.3)), (False, (0.0, 0.0))):
        strategy = build(RegularizedEvolution, population=2, tournament=2, tournament_replacement=replacement)
        for score in (1.0, 2.0):
            strategy.tell(strategy.ask().id, success(score))
        second = strategy._population[0][0]
        wins = sum(strategy._parent() == second for _ in range(2_000))
        assert shares[0] <= wins / 2_000 <= shares[1]


def test_a_failed_individual_never_enters_the_population() -> None:
    """Failures are replaced while the population fills, and leave it as it is afterwards."""
    strategy = build(RegularizedEvolution, population=3, tournament=2)
    for _ in range(20):
        strategy.tell(strategy.ask().id, FAILED)
    assert strategy._population == []
    best = [step(strategy) for _ in range(3)]
    parents = {neighbour for arch in best for neighbour in SPACE.neighbours(arch)}
    for _ in range(20):
        request = strategy.ask()
        assert request.arch in parents
        strategy.tell(request.id, FAILED)
    assert [arch for arch, _ in strategy._population] == best


def test_the_genetic_algorithm_keeps_its_best() -> None:
    """A child takes the place of the worst only where it is better, so that the population never falls."""
    strategy = build(GeneticAlgorithm, population=8)
    for _ in range(8):
        step(strategy)
    for _ in range(60):
        before = sorted(score for _, score in strategy._population)
        score = toy_score(step(strategy))
        after = sorted(score for _, score in strategy._population)
        assert after == (sorted([*before[1:], score]) if score > before[0] else before)


def test_the_genetic_algorithm_never_repeats_a_parent() -> None:
    """Without crossover and with mutation off, a child is still another architecture than its parent."""
    strategy = build(GeneticAlgorithm, population=2, tournament=2, crossover=0.0, mutation=0.0)
    first = [step(strategy), step(strategy)]
    assert strategy.ask().arch in {n for arch in first for n in SPACE.neighbours(arch)}


@pytest.mark.parametrize(
    "hyperparameters", [{"population": 1}, {"tournament": 0}, {"crossover": 1.5}, {"mutation": -0.1}]
)
def test_the_genetic_algorithm_refuses_what_cannot_be(hyperparameters: dict[str, Any]) -> None:
    """Sizes and chances out of range are refused before anything is asked."""
    with pytest.raises(UsageError):
        build(GeneticAlgorithm, **hyperparameters)


def test_annealing_without_temperature_only_climbs() -> None:
    """At temperature zero a worse step is never taken."""
    strategy = build(SimulatedAnnealing, temperature=0.0, warmup=4)
    for _ in range(4):
        step(strategy)
    for _ in range(40):
        before = strategy._current[1]
        score = toy_score(step(strategy))
        assert strategy._current[1] == max(before, score)


def test_annealing_takes_worse_steps_as_metropolis_does() -> None:
    """A step that is worse by one temperature is taken with chance 1/e."""
    taken = 0
    for seed in range(2_000):
        problem = Problem(
            space=SPACE, fidelities=(), signals=(), objectives=(), budget=BudgetView(Budget(evaluations=9))
        )
        strategy = SimulatedAnnealing(problem, Stream(seed, ("annealing",)), warmup=2, temperature=1.0)
        for score in (0.0, 2.0):
            strategy.tell(strategy.ask().id, success(score))
        strategy.tell(strategy.ask().id, success(2.0 - math.sqrt(2.0)))  # their standard deviation
        taken += strategy._current[1] < 2.0
    assert taken / 2_000 == pytest.approx(math.exp(-1.0), abs=0.03)


def test_annealing_is_the_same_in_any_unit() -> None:
    """Scores in percent and in fractions give the same walk."""
    walks = []
    for unit in (1.0, 100.0):
        strategy = build(SimulatedAnnealing)
        walk = []
        for _ in range(60):
            request = strategy.ask()
            walk.append(request.arch)
            strategy.tell(request.id, success(unit * toy_score(request.arch)))
        walks.append(walk)
    assert walks[0] == walks[1]


@pytest.mark.parametrize(
    "hyperparameters", [{"warmup": 1}, {"temperature": -1.0}, {"cooling": 0.0}, {"temperature": math.inf}]
)
def test_annealing_refuses_what_cannot_be(hyperparameters: dict[str, Any]) -> None:
    """A schedule that is none is refused before anything is asked."""
    with pytest.raises(UsageError):
        build(SimulatedAnnealing, **hyperparameters)


def test_evolution_takes_the_named_mutation() -> None:
    """A kind of mutation that the space does not have is refused with the nearest one."""
    build(RegularizedEvolution, mutation="one-operation")
    with pytest.raises(UnknownNameError, match="did you mean 'one-operation'"):
        build(RegularizedEvolution, mutation="one-operaton")


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"population": 0},
        {"tournament": 0},
        {"population": 3, "tournament": 4, "tournament_replacement": False},
    ],
)
def test_evolution_refuses_sizes_that_cannot_be(hyperparameters: dict[str, Any]) -> None:
    """An empty population or tournament, or a tournament beyond the population, is refused."""
    with pytest.raises(UsageError, match="population"):
        build(RegularizedEvolution, **hyperparameters)


# Local search


def test_local_search_climbs_to_the_best_neighbour() -> None:
    """All neighbours are asked for, then those of the best; at a local optimum it starts again."""
    strategy = build(LocalSearch)
    known = {current := step(strategy)}
    for _ in range(5):
        fresh = [arch for arch in SPACE.neighbours(current) if arch not in known]
        asked = [step(strategy) for _ in fresh]
        assert sorted(asked) == sorted(fresh)
        known |= set(asked)
        best = max(SPACE.neighbours(current), key=toy_score)
        current = best if toy_score(best) > toy_score(current) else current
        if current is not best:
            break
    optimum, restart = current, step(strategy)
    assert all(toy_score(arch) < toy_score(optimum) for arch in SPACE.neighbours(optimum))
    assert restart not in known


def test_neighbours_are_asked_for_in_random_order() -> None:
    """The order of the neighbours comes from the stream, not from the space."""
    strategy = build(LocalSearch)
    current = step(strategy)
    assert [step(strategy) for _ in range(12)] != SPACE.neighbours(current)


def test_local_search_can_move_to_the_first_better_neighbour() -> None:
    """Without the full neighbourhood, the first better neighbour is climbed at once."""
    strategy = build(LocalSearch, full_neighbourhood=False)
    current = step(strategy)
    moves = 0
    for _ in range(12):
        arch = step(strategy)
        assert arch in SPACE.neighbours(current)
        if toy_score(arch) > toy_score(current):
            current, moves = arch, moves + 1
    assert moves >= 2


@pytest.mark.parametrize("full", [True, False])
def test_local_search_never_asks_twice_and_ends(full: bool) -> None:
    """The whole space is asked for once, by restarts, and then it is done."""
    strategy = build(LocalSearch, full_neighbourhood=full)
    asked = [step(strategy) for _ in range(256)]
    assert len(set(asked)) == 256
    assert strategy.ask() is DONE
    assert strategy.recommend() == max(asked, key=toy_score)


def test_local_search_waits_for_its_round() -> None:
    """It waits for its start, and for the last neighbours of a round, and starts over after a failure."""
    strategy = build(LocalSearch)
    start = strategy.ask()
    assert strategy.ask() is WAIT
    strategy.tell(start.id, FAILED)
    start = strategy.ask()
    strategy.tell(start.id, success(50.0))
    requests = [strategy.ask() for _ in range(12)]
    assert strategy.ask() is WAIT
    for request in requests[1:]:
        strategy.tell(request.id, FAILED)
    assert strategy.ask() is WAIT
    strategy.tell(requests[0].id, success(51.0))
    assert strategy.ask().arch in SPACE.neighbours(requests[0].arch)


# REINFORCE


def test_the_first_score_is_its_own_baseline() -> None:
    """The first evaluation has no advantage and moves the policy by no more than rounding."""
    strategy = build(Reinforce)
    before = [list(row) for row in strategy._logits]
    step(strategy)
    for row, old in zip(strategy._logits, before, strict=True):
        assert row == pytest.approx(old, abs=1e-7)


def test_two_steps_agree_with_adam_by_hand() -> None:
    """Two updates give the logits of Adam (Kingma and Ba, Algorithm 1) on the policy gradient."""
    strategy = build(Reinforce, learning_rate=0.1, baseline_momentum=0.5)
    logits = [list(row) for row in strategy._logits]
    first = [[0.0] * 4 for _ in range(4)]
    second = [[0.0] * 4 for _ in range(4)]
    baselines = (10.0, (0.25 * 10.0 + 0.5 * 30.0) / 0.75)
    for t, (score, baseline) in enumerate(zip((10.0, 30.0), baselines, strict=True), start=1):
        request = strategy.ask()
        strategy.tell(request.id, success(score))
        for factor, chosen in enumerate(request.arch):
            total = sum(math.exp(logit) for logit in logits[factor])
            policy = [math.exp(logit) / total for logit in logits[factor]]
            for i in range(4):
                gradient = -(score - baseline) * ((i == chosen) - policy[i])
                first[factor][i] = 0.9 * first[factor][i] + 0.1 * gradient
                second[factor][i] = 0.999 * second[factor][i] + 0.001 * gradient**2
                m, v = first[factor][i] / (1 - 0.9**t), second[factor][i] / (1 - 0.999**t)
                logits[factor][i] -= 0.1 * m / (math.sqrt(v) + 1e-8)
    for row, expected in zip(strategy._logits, logits, strict=True):
        assert row == pytest.approx(expected, abs=1e-9)


def test_reinforce_learns() -> None:
    """On an easy score the policy comes to prefer the best choice of every factor."""
    strategy = build(Reinforce)
    for _ in range(1_500):
        request = strategy.ask()
        strategy.tell(request.id, success(float(sum(choice == 1 for choice in request.arch))))
    last = [strategy.ask().arch for _ in range(100)]
    assert sum(arch == (1, 1, 1, 1) for arch in last) > 80


def test_a_failure_moves_no_policy() -> None:
    """A failed evaluation changes neither the policy nor the baseline."""
    strategy = build(Reinforce)
    step(strategy)
    before = [list(row) for row in strategy._logits], strategy._numerator
    strategy.tell(strategy.ask().id, FAILED)
    assert ([list(row) for row in strategy._logits], strategy._numerator) == before


@pytest.mark.parametrize("hyperparameters", [{"learning_rate": 0.0}, {"baseline_momentum": 1.0}])
def test_reinforce_refuses_rates_that_cannot_be(hyperparameters: dict[str, float]) -> None:
    """A learning rate of zero, or a baseline that never moves, is refused."""
    with pytest.raises(UsageError, match="needs learning_rate > 0"):
        build(Reinforce, **hyperparameters)


@pytest.mark.parametrize("cls", [Reinforce, OptunaTPE])
def test_choices_that_compose_to_nothing_are_redrawn(cls: Any) -> None:
    """In a product with holes only architectures are asked for."""
    if cls is OptunaTPE:
        pytest.importorskip("optuna", reason="the extra 'optuna' is not installed")
    strategy = build(cls, Holes())
    for _ in range(30):
        assert step(strategy)[0] == 2


@pytest.mark.parametrize("cls", [Reinforce, OptunaTPE])
def test_hopeless_redraws_end_in_a_uniform_draw(cls: Any) -> None:
    """Where no drawn choice composes, the space itself draws."""
    if cls is OptunaTPE:
        pytest.importorskip("optuna", reason="the extra 'optuna' is not installed")

    class AllHoles(ToySpace):
        def compose(self, indices: Sequence[int]) -> Toy | None:  # noqa: ARG002  nothing composes
            return None

    strategy = build(cls, AllHoles())
    assert SPACE.contains(step(strategy))


# Optuna's TPE


def test_tpe_says_how_to_install_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Optuna the message is the command that installs it."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"pip install 'assay\[optuna\]'"):
        build(OptunaTPE)


@pytest.mark.parametrize("flags", [{}, {"multivariate": True, "constant_liar": True}])
def test_tpe_is_silent_and_leaves_optunas_settings(
    flags: dict[str, bool], capfd: pytest.CaptureFixture[str]
) -> None:
    """A search prints nothing, warns of nothing, and leaves Optuna's log level as the user set it."""
    optuna = pytest.importorskip("optuna", reason="the extra 'optuna' is not installed")
    level = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        strategy = build(OptunaTPE, **flags)
        for _ in range(25):
            step(strategy)
        strategy.tell(strategy.ask().id, FAILED)
    assert optuna.logging.get_verbosity() == level != logging.ERROR
    assert capfd.readouterr() == ("", "")


def test_tpe_learns() -> None:
    """After its start-up draws TPE scores better than uniform draws do."""
    pytest.importorskip("optuna", reason="the extra 'optuna' is not installed")
    strategy = build(OptunaTPE)
    scores = [toy_score(step(strategy)) for _ in range(80)]
    assert sum(scores[40:]) / 40 > sum(map(toy_score, map(SPACE.at, range(256)))) / 256 + 10


def test_tpe_refuses_a_negative_start() -> None:
    """A negative number of start-up draws is refused."""
    pytest.importorskip("optuna", reason="the extra 'optuna' is not installed")
    with pytest.raises(UsageError, match="n_startup_trials"):
        build(OptunaTPE, n_startup_trials=-1)
