"""HW-NAS-Bench's metrics of cells, from files in the layout of its pickle.

The official pickle is not at hand: what is read here is written by these tests in its layout, with real
latencies of four devices where ../shared has them.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.family import open_table, table_space, write_table
from assay.benchmarks.importers.hw_nas_bench import (
    FAMILY,
    FILE,
    METRICS,
    SOURCE,
    HWNASBench201,
    compiled_away,
    passes_on,
)
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import CorruptError, UnavailableError, UnsafePickleError
from assay.foundation.seeding import Stream

OWN = HWNASBench201(blob=None)
DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}
KINDS: dict[str, Callable[[list[float]], Any]] = {
    "numbers": list,
    "NumPy scalars": lambda values: list(np.array(values)),
    "a NumPy array": np.array,
}


def layout(columns: dict[str, list[float]], order: list[int], kind: str = "numbers") -> dict[str, Any]:
    """Return a dictionary in the layout of the pickle, with the cells of an order, for all data sets."""
    space = table_space("nas-bench-201")
    config = [
        {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": space.format(space.at(i)), "num_classes": 10}
        for i in order
    ]
    as_published = KINDS[kind]
    part = {metric.column: as_published(columns[metric.column]) for metric in METRICS}
    return {"nasbench201": {name: {**part, "config": config} for name in DATASETS.values()}, "fbnet": {}}


def made_up(size: int) -> dict[str, list[float]]:
    """Return numbers above one that differ by metric and cell."""
    return {metric.column: [k + 2 + i / size for i in range(size)] for k, metric in enumerate(METRICS)}


def shuffled(size: int) -> list[int]:
    """Return the cells in an order that is not the space's."""
    order = list(range(size))
    Stream(1, "order").shuffle(order)
    return order


def imported(
    table: dict[str, Any], folder: Path, task: str = "cifar10"
) -> tuple[TableBenchmark, tuple[str, ...]]:
    """Write a pickle, import it, and return the benchmark and what was dropped."""
    (folder / FILE).write_bytes(pickle.dumps(table))
    made = write_table(OWN, task, folder, folder)
    assert made.vault is None
    file, meta = open_table(Path(made.path))
    space = table_space(meta.card.space, file)
    return TableBenchmark(meta.benchmark, meta.card, space, file, meta.signals), made.dropped


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_is_at_the_index_of_its_cell(kind: str, tmp_path: Path) -> None:
    """The order of the file does not matter, nor whether its numbers are Python's or NumPy's."""
    size = table_space("nas-bench-201").size
    columns, order = made_up(size), shuffled(size)
    bench, dropped = imported(layout(columns, order, kind), tmp_path)
    for metric in METRICS:
        published = np.empty(size)
        published[order] = columns[metric.column]
        assert bench.column(metric.column).tolist() == published.tolist()
        assert bench.extra_column(metric.column).tolist() == published.tolist()
    assert dropped == ()


def test_lower_is_better_but_for_the_intensity(tmp_path: Path) -> None:
    """The best cell has the lowest latency, and one evaluation costs one."""
    size = table_space("nas-bench-201").size
    bench, _ = imported(layout(made_up(size), list(range(size))), tmp_path)
    assert bench.best("fpga_latency") == min(made_up(size)["fpga_latency"])
    intensity = "eyeriss_arithmetic_intensity"
    assert bench.best(intensity) == max(made_up(size)[intensity])
    assert set(bench.costs.tolist()) == {1.0}


def test_the_published_examples_come_back(shared: Path, tmp_path: Path) -> None:
    """Cells 0, 1 and 2 of the official order have the numbers that README.md and example.ipynb print."""
    texts = official_order(shared)
    space = table_space("nas-bench-201")
    columns = made_up(space.size)
    # README.md and example.ipynb of GATECH-EIC/HW-NAS-Bench at 393bb8a, CIFAR-10.
    printed = {
        "edgegpu_latency": (5.807418537139893, 6.547689437866211, 6.509256362915039),
        "raspi4_latency": (10.481976820010459, 54.77739761998237, 50.40940375998616),
        "pixel3_latency": (3.6058499999999998, 17.2381, 15.723),
        "eyeriss_energy": (0.6872827644999999, 1.5644240284999997, 2.0846801885),
        "fpga_latency": (2.57296, 5.31536, 5.28656),
        "fpga_energy": (18.01072, 37.20752, 37.005919999999996),
    }
    for name, values in printed.items():
        columns[name][:3] = values
    bench, _ = imported(layout(columns, [space.index(space.parse(text)) for text in texts]), tmp_path)
    for name, values in printed.items():
        found = [bench.column(name)[space.index(space.parse(text))] for text in texts[:3]]
        assert found == list(values)
    # The erratum on the FPGA's energy: 7 W.
    for latency, energy in zip(printed["fpga_latency"], printed["fpga_energy"], strict=True):
        assert energy == pytest.approx(7 * latency, rel=1e-12)


def official_order(shared: Path) -> list[str]:
    """Return the cells in the order of NAS-Bench-201."""
    path = shared / "data" / "nasbench201" / "nb201_tss_table.csv.gz"
    if not path.is_file():
        pytest.skip("the joined table of NAS-Bench-201 is absent")
    with gzip.open(path, "rt") as file:
        return [row["arch"] for row in csv.DictReader(file)]


def real_columns(shared: Path) -> dict[str, list[float]]:
    """Return HELP's copy of four CIFAR-10 columns, in milliseconds to five digits."""
    path = shared / "data" / "nasbench201" / "nb201_help_latency_ms.csv.gz"
    if not path.is_file():
        pytest.skip("HELP's latencies are absent")
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    return {
        f"{name}_latency": [float(row[name]) for row in rows]
        for name in ("raspi4", "pixel3", "eyeriss", "fpga")
    }


def test_real_cells_that_were_compiled_away_are_missing(shared: Path, tmp_path: Path) -> None:
    """Of 341 cells that pass nothing on, 289 and 283 are missing on the two phones' boards, and no others."""
    space = table_space("nas-bench-201")
    order = [space.index(space.parse(text)) for text in official_order(shared)]
    real = real_columns(shared)
    bench, dropped = imported(layout(made_up(space.size) | real, order), tmp_path)
    passing = np.array([passes_on(space.at(i)) for i in range(space.size)])
    assert (~passing).sum() == 341
    for name, count in (("raspi4", 289), ("pixel3", 283), ("eyeriss", 0), ("fpga", 0)):
        column = bench.column(f"{name}_latency")
        published = np.empty(space.size)
        published[order] = real[f"{name}_latency"]
        gone = np.isnan(column)
        assert gone.sum() == count
        assert not (gone & passing).any()
        assert (column[~gone] == published[~gone]).all()
        # Models have few values, which no clock would give, as the erratum says.
        assert len(np.unique(published)) == {"eyeriss": 27, "fpga": 84}.get(name, len(np.unique(published)))
    assert any(text.startswith("289 numbers of raspi4_latency") for text in dropped)


def test_what_is_not_above_zero_is_missing(tmp_path: Path) -> None:
    """Zero, negative and infinite numbers of any device are missing, and counted."""
    space = table_space("nas-bench-201")
    columns = made_up(space.size)
    alive = [i for i in range(space.size) if passes_on(space.at(i))][:4]
    for i, value in zip(alive, (0.0, -1.0, float("inf"), float("nan")), strict=True):
        columns["fpga_latency"][i] = value
    bench, dropped = imported(layout(columns, list(range(space.size))), tmp_path)
    assert np.isnan(bench.column("fpga_latency")).nonzero()[0].tolist() == alive
    assert "4 numbers of fpga_latency are not above zero, and missing" in dropped


def test_only_cells_that_pass_nothing_on_are_compiled_away() -> None:
    """A cell that passes something on stays, however fast, and a slow one that passes nothing on as well."""
    values = np.array([0.1, 0.2, 5.0, 1.0, np.nan, 0.0])
    dead = np.array([True, False, True, False, True, True])
    assert compiled_away(values, dead).tolist() == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("cell", "passes"),
    [
        ((0, 0, 0, 0, 0, 0), False),
        ((1, 1, 1, 0, 0, 0), False),
        ((0, 0, 0, 4, 0, 0), True),
        ((1, 0, 0, 0, 1, 0), True),
        ((0, 0, 1, 0, 1, 1), False),
        ((1, 0, 1, 0, 0, 1), True),
        ((0, 1, 0, 0, 0, 1), True),
    ],
)
def test_ways_through_a_cell(cell: tuple[int, ...], passes: bool) -> None:
    """A way leads from node 0 to node 3 over edges that are not 'none'."""
    assert passes_on(cell) == passes


def change_at(*keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of one place of the dictionary."""

    def change(table: dict[str, Any]) -> None:
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value

    return change


CELLS = ("nasbench201", "cifar10")
BROKEN: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no cells": (change_at("nasbench201", value=[]), "has no 'cifar10'"),
    "no data set": (lambda table: table["nasbench201"].pop("cifar10"), "has no 'cifar10'"),
    "no dictionary": (change_at(*CELLS, value=3), "no dictionary of metrics"),
    "no metric": (
        lambda table: table["nasbench201"]["cifar10"].pop("fpga_energy"),
        "'fpga_energy' is not one",
    ),
    "too few": (change_at(*CELLS, "fpga_energy", value=[1.0]), "'fpga_energy' is not one number"),
    "words": (change_at(*CELLS, "fpga_energy", value=["a"] * 15_625), "'fpga_energy' is not one number"),
    "no config": (change_at(*CELLS, "config", value=None), "does not name a cell"),
    "other config": (change_at(*CELLS, "config", value=[{}] * 15_625), "does not name a cell"),
    "a stray cell": (change_at(*CELLS, "config", value=[{"arch_str": "|x~0|"}]), "not one of the space"),
    "a number": (change_at(*CELLS, "config", value=[{"arch_str": 3}]), "not one of the space"),
    "one cell twice": (
        lambda table: table["nasbench201"]["cifar10"]["config"].__setitem__(
            0, table["nasbench201"]["cifar10"]["config"][1]
        ),
        "not every cell",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_other_layouts_are_refused(broken: str, tmp_path: Path) -> None:
    """What is not as the official reader expects it gives a clear error and no table."""
    change, message = BROKEN[broken]
    size = table_space("nas-bench-201").size
    table = layout(made_up(size), list(range(size)))
    change(table)
    with pytest.raises(CorruptError, match=message):
        imported(table, tmp_path)
    assert not list(tmp_path.glob("tables/**/*.table"))


def test_a_pickle_that_calls_something_is_refused(tmp_path: Path) -> None:
    """A pickle that names a function is refused before anything is called."""
    (tmp_path / FILE).write_bytes(b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    with pytest.raises(UnsafePickleError):
        OWN.read("cifar10", tmp_path)


def git_name(data: bytes) -> str:
    """Return Git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def test_a_file_that_is_not_the_repository_s_is_refused(tmp_path: Path) -> None:
    """The file is pinned by Git's name of it, which is `git hash-object` of its bytes."""
    data = pickle.dumps({})
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(CorruptError, match="is not the file of HW-NAS-Bench's repository"):
        FAMILY.read("cifar10", tmp_path)
    name = git_name(data)
    with pytest.raises(CorruptError, match="has no 'nasbench201'"):
        HWNASBench201(blob=name).read("cifar10", tmp_path)
    # `git hash-object` of an empty file, as Git's own documentation gives it.
    assert git_name(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_the_cards_say_where_a_number_comes_from() -> None:
    """Each metric has an origin and a device; measured ones are never those of a model."""
    for task in DATASETS:
        card = FAMILY.card(task)
        origins = {note.column: (note.origin, note.device) for note in card.extra_notes}
        assert origins["fpga_latency"] == ("simulated", "FPGA")
        assert origins["edgegpu_energy"] == ("measured", "NVIDIA Jetson TX2")
        assert card.test is None
        assert card.cost is None
        assert [signal.name for signal in card.signals] == list(card.extras)
    assert len({FAMILY.card(task).meaning() for task in DATASETS}) == 3


def test_an_absent_file_says_how_to_get_it(tmp_path: Path) -> None:
    """Without the file the message names it and where it is published."""
    with pytest.raises(UnavailableError, match=FILE) as error:
        FAMILY.read("cifar10", tmp_path)
    assert SOURCE.homepage in str(error.value)
