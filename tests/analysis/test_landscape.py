"""Landscapes, against brute force and against a published analysis."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assay.analysis.landscape import (
    _autocorrelation,
    _climb,
    _correlation,
    _distances,
    _has_equal,
    landscape,
    neighbour_table,
)
from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import CapabilityError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.spaces.listed import ListedSpace
from assay.testing.toy_space import ToySpace, toy_score

CELLS: Any = get_space("nas-bench-201")


def _table(space: Any) -> np.ndarray:
    made: Any = SimpleNamespace(space=space, name="made")
    return neighbour_table(made)


@pytest.fixture(scope="module")
def toy() -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of the toy space and its neighbours."""
    space = ToySpace()
    return np.array([toy_score(space.at(i)) for i in range(space.size)]), _table(space)


@pytest.fixture(scope="module")
def tested(shared: Path) -> np.ndarray:
    """Return the mean test accuracy of CIFAR-10 at 200 epochs, in the order of the space."""
    values = np.full(CELLS.size, np.nan)
    with gzip.open(shared / "data" / "nasbench201" / "nb201_tss_table.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            values[CELLS.index(CELLS.parse(row["arch"]))] = float(row["c10_test200_mean"])
    return np.round(values, 10)


def test_optima_are_what_no_neighbour_beats(toy: tuple[np.ndarray, np.ndarray]) -> None:
    """Steepest ascent ends at the architectures that a plain loop finds, and at each from itself."""
    scores, neighbours = toy
    climbed = _climb(scores, neighbours, np.isfinite(scores))
    plain = [i for i in range(len(scores)) if all(scores[j] <= scores[i] for j in neighbours[i] if j >= 0)]
    assert np.unique(climbed).tolist() == plain
    assert climbed[plain].tolist() == plain


def test_what_has_no_value_is_no_neighbour(toy: tuple[np.ndarray, np.ndarray]) -> None:
    """A hole is never climbed to nor walked through, even where it was the best."""
    scores, neighbours = toy
    holed = scores.copy()
    best = int(scores.argmax())
    holed[best] = np.nan
    present = np.isfinite(holed)
    assert best not in _climb(holed, neighbours, present)[present]
    assert _distances(neighbours, present, np.array([0]))[best] == -1
    assert np.isfinite(_autocorrelation(holed, neighbours, present)).all()


def test_distances_are_the_fewest_steps(toy: tuple[np.ndarray, np.ndarray]) -> None:
    """In the toy space they are the number of operations that differ."""
    space, (scores, neighbours) = ToySpace(), toy
    found = _distances(neighbours, np.isfinite(scores), np.array([5]))
    target = space.at(5)
    assert found.tolist() == [
        sum(a != b for a, b in zip(space.at(i), target, strict=True)) for i in range(space.size)
    ]


def test_autocorrelation_is_that_of_long_walks(toy: tuple[np.ndarray, np.ndarray]) -> None:
    """The expectation over all walks agrees with 200,000 steps of one."""
    scores, neighbours = toy
    rng, here, path = Stream(0, ("walk",)), 0, []
    for _ in range(200_000):
        here = int(neighbours[here, rng.below(neighbours.shape[1])])
        path.append(scores[here])
    walked = np.array(path)
    exact = _autocorrelation(scores, neighbours, np.isfinite(scores))
    for lag in (1, 2, 3):
        assert np.corrcoef(walked[:-lag], walked[lag:])[0, 1] == pytest.approx(exact[lag - 1], abs=0.02)


def test_the_published_landscape_of_nas_bench_201(tested: np.ndarray) -> None:
    """v-tao/nats-bench-landscape b307ae5, CIFAR10/summary.json: 17 strict local maxima of test accuracy."""
    neighbours = _table(CELLS)
    present = np.isfinite(tested)
    ends = np.unique(_climb(tested, neighbours, present))
    equal = _has_equal(tested, neighbours, ends)
    assert (~equal).sum() == 17
    distance = _distances(neighbours, present, np.array([tested.argmax()]))
    assert tested.max() == pytest.approx(94.37333333333332)
    # FDC there: -0.2199. Its edges are compared as sets of (operation, source), ours by position.
    assert _correlation(tested, distance, present) == pytest.approx(-0.2199, abs=0.005)


def test_short_walks_make_the_published_autocorrelation_too_low(tested: np.ndarray) -> None:
    """Their estimate, 200 walks of 100 each by its own mean, gives .52 at lag 1; what is expected is .56."""
    neighbours = _table(CELLS)
    rng, estimates = Stream(0, ("walks",)), []
    for _ in range(1_000):
        here, path = rng.below(CELLS.size), []
        for _ in range(100):
            path.append(tested[here])
            here = int(neighbours[here, rng.below(24)])
        estimates.append(np.corrcoef(path[:-1], path[1:])[0, 1])
    ours, theirs = (np.std(estimates) / np.sqrt(walks) for walks in (1_000, 200))
    assert np.mean(estimates) == pytest.approx(0.5204330516516592, abs=3 * np.hypot(ours, theirs))
    exact = _autocorrelation(tested, neighbours, np.isfinite(tested))[0]
    assert exact == pytest.approx(0.560, abs=0.001)
    assert exact > np.mean(estimates) + 3 * ours


def test_a_landscape_of_a_real_table(cache: Path) -> None:
    """The best of CIFAR-10 by validation is the published one (91.607), and all numbers are consistent."""
    found = landscape(open_benchmark("nas-bench-201/cifar10", cache))
    assert found.optima[0].value == pytest.approx(91.607, abs=5e-4)
    assert found.architectures == 15_625
    assert found.neighbours == 24
    assert 0 < found.reaches_best <= 1
    assert list(found.autocorrelation) == sorted(found.autocorrelation, reverse=True)
    assert sum(one.basin for one in found.optima) <= 1 + 1e-9
    assert found.farthest == 6
    assert found.equal_best == 0


def test_equals_of_the_best_are_counted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several architectures share the highest value, all but the one that is named are counted."""
    whole = TableBenchmark.column
    monkeypatch.setattr(TableBenchmark, "column", lambda *arguments: np.floor(whole(*arguments)))
    benchmark = open_benchmark("nas-bench-201/cifar10", cache)
    floored = benchmark.column("validation")
    found = landscape(benchmark)
    assert found.equal_best == (floored == floored.max()).sum() - 1 > 0


def test_a_space_without_neighbours_has_no_landscape() -> None:
    """A list of models is no landscape."""
    with pytest.raises(CapabilityError, match="has no neighbours"):
        _table(ListedSpace("models", ("a", "b")))
