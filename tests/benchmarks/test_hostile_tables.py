"""Tables in the cache that are not what they say: each is refused with its file and the reason."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from own_files import COST, LISTED, SIGNAL, write_card, write_csv

from assay.benchmarks.catalogue import imported, open_benchmark
from assay.benchmarks.family import KEYS, TABLE_KIND, TEXTS, open_table
from assay.benchmarks.importers.own_table import import_own
from assay.foundation.dense import write_dense
from assay.foundation.errors import CorruptError

OWN = "mine/cifar10"
EPOCHS = '[fidelity]\nschedule = "curve"\nepoch_column = "epoch"\nprefix = true\n'
SEEDS = '\n[seeds]\ncolumn = "seed"\nnote = "two trainings"\n'
EXTRA = '\n[extras.params]\ncolumn = "params"\ntitle = "parameters"\nunit = "million"\norigin = "counted"\n'
Arrays = dict[str, tuple[tuple[str, ...], np.ndarray]]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache with a table of three architectures, two epochs and two seeds."""
    folder = tmp_path_factory.mktemp("honest")
    rows = [(a, s, e, 10 * e + s, 2.0 * e, len(a)) for a in ("a", "b", "c") for s in (1, 2) for e in (1, 2)]
    write_csv(folder / "results.csv", ("arch", "seed", "epoch", "acc", "time", "params"), rows)
    listed = LISTED.partition("[fidelity]")[0]
    import_own(write_card(folder, listed, EPOCHS, SEEDS, SIGNAL, COST, EXTRA), folder / "cache")
    return folder / "cache"


def _unchanged(held: Any) -> None:
    """Change nothing."""


def _crafted(
    honest: Path, cache: Path, change: Callable[[Arrays], Any], meta: Callable[[Any], Any] = _unchanged
) -> Path:
    """Write the table with other arrays and metadata: every checksum is right, the content is not."""
    shutil.copytree(honest, cache)
    path = cache / "tables" / "mine" / "cifar10.table"
    file, _ = open_table(path)
    arrays: Arrays = {name: (file.axes[name], np.array(file.arrays[name])) for name in file.arrays}
    described = msgspec.to_builtins(file.meta)
    change(arrays)
    meta(described)
    write_dense(path, TABLE_KIND, described, arrays)
    return path


def _with(name: str, axes: tuple[str, ...], values: Any) -> Callable[[Arrays], Any]:
    return lambda arrays: arrays.update({name: (axes, np.asarray(values))})


THREE = ("architecture", "fidelity", "seed")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_with("validation", THREE, np.ones((3, 1, 2))), "the shape (3, 1, 2), not (3, 2, 2)"),
        (_with("validation", THREE, np.ones((3, 2, 3))), "the shape (3, 2, 3), not (3, 2, 2)"),
        (_with("validation", ("architecture", "device"), np.ones((3, 2))), "the axes (architecture, device)"),
        (_with("validation", ("seed", "architecture"), np.ones((3, 2))), "the axes (seed, architecture)"),
        (_with("params", (), 1.0), "column 'params' has the axes ()"),
        (_with("params", ("architecture",), np.ones(2)), "'params' has the shape (2,)"),
        (_with("cost", ("architecture", "fidelity"), np.ones((2, 2))), "the shape (3,), not (2,)"),
        (_with("cost", THREE, np.ones((3, 2, 2))), "has an axis of seeds"),
        (_with("cost", ("architecture",), [1.0, -1.0, 1.0]), "is below zero"),
        (lambda arrays: arrays.pop("cost"), "no column 'cost'"),
        (lambda arrays: arrays.pop("params"), "no column 'params'"),
        (lambda arrays: arrays.pop("validation"), "no column 'validation'"),
        (lambda arrays: [arrays.pop(name) for name in list(arrays) if name != KEYS], "no column"),
    ],
)
def test_columns_are_as_the_card_says(
    honest: Path, tmp_path: Path, change: Callable[[Arrays], Any], why: str
) -> None:
    """An absent, short, or oddly shaped column is refused, in the listing as when it is opened."""
    path = _crafted(honest, tmp_path / "cache", change)
    for opens in (lambda: imported(tmp_path / "cache"), lambda: open_benchmark(OWN, tmp_path / "cache")):
        with pytest.raises(CorruptError, match="not what its name and its card say") as caught:
            opens()
        assert why in (caught.value.why or "")
        assert str(path) in (caught.value.where or "")


def _policy(meta: Any) -> None:
    meta["card"]["seeds"]["policies"] = ["seed=7"]


def _unnamed(meta: Any) -> None:
    meta["card"]["fidelities"] = []


def _parameters(meta: Any) -> None:
    meta["parameters"] = "{not JSON"


@pytest.mark.parametrize(
    ("meta", "why"),
    [(_policy, "no seed for the policy 'seed=7'"), (_unnamed, "no fidelity"), (_parameters, "property name")],
)
def test_a_card_that_cannot_be_is_refused(
    honest: Path, tmp_path: Path, meta: Callable[[Any], None], why: str
) -> None:
    """A policy of a seed that there is not, no fidelity, and parameters that are no JSON are refused."""
    path = _crafted(honest, tmp_path / "cache", _unchanged, meta)
    with pytest.raises(CorruptError, match=why) as caught:
        open_benchmark(OWN, tmp_path / "cache")
    assert str(path) in (caught.value.where or "")


@pytest.mark.parametrize(
    "rows",
    [
        {KEYS: b"a\nb\n\xff\xfe"},
        {KEYS: b"a\nb"},
        {KEYS: b"a\nb\nb"},
        {TEXTS: b"a\nb"},
    ],
)
def test_damaged_rows_are_refused(honest: Path, tmp_path: Path, rows: dict[str, bytes]) -> None:
    """Row keys that are no text, too few, twice, or not as many as the published forms are refused."""
    arrays = {name: (("byte",), np.frombuffer(text, dtype=np.uint8)) for name, text in rows.items()}
    _crafted(honest, tmp_path / "cache", lambda held: held.update(arrays))
    with pytest.raises(CorruptError):
        open_benchmark(OWN, tmp_path / "cache")


def test_a_table_under_another_name_is_refused(honest: Path, tmp_path: Path) -> None:
    """A copied file does not open as the benchmark whose name it was given."""
    shutil.copytree(honest, tmp_path / "cache")
    folder = tmp_path / "cache" / "tables" / "mine"
    (folder / "cifar10.table").rename(folder / "cifar100.table")
    with pytest.raises(CorruptError, match="it is the table of 'mine/cifar10'"):
        open_benchmark("mine/cifar100", tmp_path / "cache")


def test_an_honest_table_opens(honest: Path) -> None:
    """What the others change is accepted unchanged."""
    assert [one.benchmark for one in imported(honest)] == [OWN]
    assert open_benchmark(OWN, honest).column("validation").tolist() == [21.5, 21.5, 21.5]
