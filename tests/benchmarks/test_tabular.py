"""Looking numbers up in tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Evaluation, Failure, Status
from assay.foundation.errors import UnknownNameError, UsageError

SLOW_FIXTURES = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
Rows = dict[Any, Any]
Published = Callable[[str], Rows]


@pytest.fixture(scope="module")
def cell_rows(published: Published) -> Rows:
    return published("nas-bench-201/cifar10")


@pytest.fixture(scope="module")
def graph_rows(published: Published) -> Rows:
    return published("nas-bench-graph/pubmed")


@pytest.fixture(scope="module")
def cells(cache: Path) -> TableBenchmark:
    return open_benchmark("nas-bench-201/cifar10", cache)


@pytest.fixture(scope="module")
def graphs(cache: Path) -> TableBenchmark:
    return open_benchmark("nas-bench-graph/pubmed", cache)


def expected(seeds: list[float], policy: str) -> float | None:
    """Return what a seed policy makes of a published list, None where it says missing."""
    if policy == "mean-of-available":
        return sum(seeds) / len(seeds)
    if policy == "require":
        return sum(seeds) / 3 if len(seeds) == 3 else None
    place = ("seed=777", "seed=888", "seed=999").index(policy)
    return seeds[place] if place < len(seeds) else None


@given(
    st.lists(st.integers(0, 15_624), max_size=30),
    st.sampled_from(["mean-of-available", "require", "seed=777", "seed=888", "seed=999"]),
)
@SLOW_FIXTURES
def test_cells_are_looked_up_as_published(
    cells: TableBenchmark, cell_rows: Rows, indices: list[int], policy: str
) -> None:
    """A batch gives the published number of each cell under each seed policy, and its seconds."""
    columns = cells.lookup(np.array(indices, dtype=np.int64), "validation", policy)
    evaluate = cells.evaluator("validation", policy)
    for k, index in enumerate(indices):
        row = cell_rows["".join(map(str, cells.space.at(index)))]
        value = expected(row["val_acc"], policy)
        outcome = evaluate(cells.space.at(index))
        assert columns.costs[k] == outcome.cost == row["train_time"][0]
        if value is None:
            assert math.isnan(columns.values[k])
            assert columns.statuses[k] == Status.MISSING.value
            assert isinstance(outcome, Failure)
            assert outcome.status is Status.MISSING
            assert policy in outcome.reason
        else:
            assert columns.statuses[k] == Status.OK.value
            assert columns.values[k] == columns.scores[k] == value
            assert outcome == Evaluation(value, value, row["train_time"][0])


@given(st.lists(st.integers(0, 26_205), min_size=1, max_size=30))
@SLOW_FIXTURES
def test_graphs_are_looked_up_as_published(
    graphs: TableBenchmark, graph_rows: Rows, indices: list[int]
) -> None:
    """A batch gives the published validation number of each architecture, charged as one evaluation."""
    columns = graphs.lookup(np.array(indices), "validation")
    keys = [graphs.space.table_key(graphs.space.at(i)) for i in indices]  # type: ignore[attr-defined]
    assert columns.values.tolist() == [float(graph_rows[key]["valid_perf"]) for key in keys]
    assert columns.costs.tolist() == [1.0] * len(indices)
    outcome = graphs.evaluator("validation")(graphs.space.at(indices[0]))
    assert outcome == Evaluation(columns.values[0], columns.values[0], 1.0)


def test_only_what_costs_seconds_charges_seconds(cells: TableBenchmark, graphs: TableBenchmark) -> None:
    """NAS-Bench-201 charges training seconds; NAS-Bench-Graph has no training time."""
    assert cells.charges_seconds
    assert not graphs.charges_seconds


def test_best_and_reference(
    cells: TableBenchmark, graphs: TableBenchmark, cell_rows: Rows, graph_rows: Rows
) -> None:
    """The best and the median of the space are those of the published numbers."""
    means = [sum(row["val_acc"]) / len(row["val_acc"]) for row in cell_rows.values()]
    assert cells.best("validation") == max(means)
    assert cells.reference("validation") == statistics.median(means)
    thirds = [row["val_acc"][2] for row in cell_rows.values() if len(row["val_acc"]) == 3]
    assert cells.best("validation", "seed=999") == max(thirds)
    assert cells.reference("validation", "seed=999") == statistics.median(thirds)
    assert graphs.best("validation") == max(float(row["valid_perf"]) for row in graph_rows.values())


def test_outcomes_are_made_once(cells: TableBenchmark) -> None:
    """The same architecture gives the same object, from every evaluator of the same question."""
    arch = cells.space.at(77)
    assert cells.evaluator("validation")(arch) is cells.evaluator("validation", "mean-of-available")(arch)


def test_columns_cannot_be_written(cells: TableBenchmark) -> None:
    """What is cached is read-only, and a batch is the caller's own."""
    with pytest.raises(ValueError, match="read-only"):
        cells.column("validation")[0] = 1.0
    batch = cells.lookup(np.arange(3), "validation")
    batch.values[0] = 1.0
    assert cells.column("validation")[0] != 1.0


@pytest.mark.parametrize("indices", [[-1], [15_625], [0.5], ["1"]])
def test_indices_outside_the_space_are_refused(cells: TableBenchmark, indices: list[object]) -> None:
    """An index that is negative, too large or no integer is refused."""
    with pytest.raises(UsageError):
        cells.lookup(np.array(indices), "validation")


def test_other_architectures_are_refused(cells: TableBenchmark) -> None:
    """What is not in the space is refused, and never looked up."""
    evaluate = cells.evaluator("validation")
    others: tuple[Any, ...] = ((0, 0, 0, 0, 0, 5), (0, 0), "text", None, [0, 0, 0, 0, 0, 0])
    for arch in others:
        with pytest.raises(UsageError, match="not an architecture"):
            evaluate(arch)


def test_unknown_names_suggest_the_nearest(cells: TableBenchmark) -> None:
    """A misspelt signal, policy or column gets the nearest name, and `test` is no signal."""
    with pytest.raises(UnknownNameError, match="did you mean 'validation'"):
        cells.lookup(np.arange(2), "validaton")
    with pytest.raises(UnknownNameError, match="did you mean 'seed=777'"):
        cells.column("validation", "seed=77")
    with pytest.raises(UnknownNameError, match="did you mean 'latency'"):
        cells.extra_column("latencies")
    with pytest.raises(UnknownNameError):
        cells.evaluator("test")


def test_digests_name_the_numbers_and_the_card(cells: TableBenchmark, cache: Path) -> None:
    """Opening again gives the same digests; another task has others."""
    again = open_benchmark("nas-bench-201/cifar10", cache)
    other = open_benchmark("nas-bench-201/cifar100", cache)
    assert (again.card_digest, again.table_digest) == (cells.card_digest, cells.table_digest)
    assert other.card_digest != cells.card_digest
    assert other.table_digest != cells.table_digest
