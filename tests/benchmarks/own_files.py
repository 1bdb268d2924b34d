"""Data files and cards of users' own tables, written by tests."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.benchmarks.tabular import TableBenchmark

HEAD = """family = "mine"
data = "results.csv"
source = "measured for this test"
licence = "CC0"
task = "cifar10"
"""
LISTED = """space = "listed"
architecture = "arch"

[fidelity]
schedule = "200-epochs"
"""
SIGNAL = """
[signals.validation]
column = "acc"
split = "validation"
unit = "%"
"""
TEST = """
[test]
column = "test"
split = "10,000 test images"
unit = "%"
evidence = "measured once, at the end"
"""
COST = """
[cost]
column = "time"
unit = "seconds"
rule = "of training"
"""
CELLS = """space = "nas-bench-201"
architecture = "arch"

[fidelity]
schedule = "200-epochs"

[seeds]
values = [777, 888, 999]
note = "three trainings"

[signals.validation]
columns = ["val777", "val888", "val999"]
split = "x-valid"
unit = "%"

[extras.latency]
column = "latency"
title = "latency of a forward pass"
unit = "seconds"
origin = "measured"
device = "NVIDIA GTX 1080 Ti"
"""


def write_card(folder: Path, *parts: str, name: str = "card.toml") -> Path:
    """Write a card made of parts, the head first, and return its path."""
    path = folder / name
    path.write_text("".join((HEAD, *parts)), encoding="utf-8")
    return path


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str = ",") -> Path:
    """Write rows with a header; None is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def cells_of(table: TableBenchmark) -> dict[str, list[Any]]:
    """Return the table of NAS-Bench-201 as a user would have it: published strings, in another order."""
    space = table.space
    order = [(7 * i + 3) % space.size for i in range(space.size)]
    held = table._table.arrays
    columns = {"arch": [space.format(space.at(i)) for i in order]}
    for k, seed in enumerate((777, 888, 999)):
        columns[f"val{seed}"] = [_cell(x) for x in held["val_acc"][order, k]]
    columns["time"] = [float(x) for x in held["train_time"][order]]
    columns["latency"] = [float(x) for x in held["latency"][order]]
    return columns


def _cell(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
