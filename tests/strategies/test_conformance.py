"""Every built-in strategy, and the worked example, against the shipped suite."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, ClassVar

import pytest

from assay.foundation.digest import digest_bytes
from assay.spaces.catalogue import get_space
from assay.strategies.genetic_algorithm import GeneticAlgorithm
from assay.strategies.local_search import LocalSearch
from assay.strategies.optuna_tpe import OptunaTPE
from assay.strategies.random_search import RandomSearch
from assay.strategies.regularized_evolution import RegularizedEvolution
from assay.strategies.reinforce import Reinforce
from assay.strategies.simulated_annealing import SimulatedAnnealing
from assay.testing.strategies import StrategySuite

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="the extra 'optuna' is not installed"
)


def _example() -> type:
    path = Path(__file__).with_name("example_strategy.py")
    spec = importlib.util.spec_from_file_location("example_strategy", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.GreedyMutation


class TestGeneticAlgorithm(StrategySuite):
    strategy = GeneticAlgorithm


class TestSimulatedAnnealing(StrategySuite):
    strategy = SimulatedAnnealing


class TestRandomSearch(StrategySuite):
    strategy = RandomSearch


class TestRandomSearchWithoutReplacement(StrategySuite):
    strategy = RandomSearch
    hyperparameters: ClassVar = {"replacement": False}


class TestRegularizedEvolution(StrategySuite):
    strategy = RegularizedEvolution


class TestRegularizedEvolutionWithoutReplacement(StrategySuite):
    strategy = RegularizedEvolution
    hyperparameters: ClassVar = {"population": 5, "tournament": 3, "tournament_replacement": False}


class TestLocalSearch(StrategySuite):
    strategy = LocalSearch


class TestLocalSearchFirstBetter(StrategySuite):
    strategy = LocalSearch
    hyperparameters: ClassVar = {"full_neighbourhood": False}


class TestReinforce(StrategySuite):
    strategy = Reinforce


@needs_optuna
class TestOptunaTPE(StrategySuite):
    strategy = OptunaTPE
    evaluations = 20


@needs_optuna
class TestOptunaTPEMultivariate(StrategySuite):
    strategy = OptunaTPE
    hyperparameters: ClassVar = {"multivariate": True, "constant_liar": True, "n_startup_trials": 5}
    evaluations = 15


class TestExample(StrategySuite):
    strategy = _example()


class RealSpace(StrategySuite):
    """The suite on a published space, whose product of factors has holes."""

    space = get_space("nas-bench-graph")
    evaluations = 40

    def score(self, arch: Any) -> float:
        return int(digest_bytes(self.space.format(arch).encode())[:8], 16) / 2**32


class TestRandomSearchOnRealSpace(RealSpace):
    strategy = RandomSearch
    hyperparameters: ClassVar = {"replacement": False}


class TestRegularizedEvolutionOnRealSpace(RealSpace):
    strategy = RegularizedEvolution
    hyperparameters: ClassVar = {"mutation": "operation"}


class TestLocalSearchOnRealSpace(RealSpace):
    strategy = LocalSearch


class TestReinforceOnRealSpace(RealSpace):
    strategy = Reinforce


@needs_optuna
class TestOptunaTPEOnRealSpace(RealSpace):
    strategy = OptunaTPE
    evaluations = 15
