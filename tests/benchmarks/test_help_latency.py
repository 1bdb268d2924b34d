"""HELP's latencies, from files in the layout of its repository."""

from __future__ import annotations

import csv
import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.family import TableContent, table_space
from assay.benchmarks.importers.help_latency import DEVICES, FAMILY, INDEX, SOURCE, HelpLatency
from assay.benchmarks.sources import OfficialFile, OfficialFiles
from assay.foundation.errors import AssayError, CorruptError, UnavailableError

SPACE: Any = table_space("nas-bench-201")
OWN = HelpLatency(
    OfficialFiles(
        name="own",
        version="1",
        homepage="",
        licence="",
        citation="",
        obtain="write it",
        files=tuple(OfficialFile(name=file.name) for file in SOURCE.files),
    )
)


def saved(value: Any) -> bytes:
    """Return what torch.save writes for plain data: a zip file with a pickle of protocol 2."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def order(texts: list[str]) -> dict[str, int]:
    """Return the index file of an order of cells."""
    return {text: i for i, text in enumerate(texts)}


def backwards() -> list[str]:
    """Return all cells, the last of the space first."""
    return [SPACE.format(SPACE.at(i)) for i in reversed(range(SPACE.size))]


def read(folder: Path, texts: list[str], columns: dict[str, Any]) -> TableContent:
    """Write the files of some devices and read them."""
    (folder / INDEX).write_bytes(saved(order(texts)))
    for name, values in columns.items():
        (folder / f"{name}.pt").write_bytes(saved(values))
    return OWN.read("cifar10", folder)


def test_latencies_are_at_the_index_of_their_cells(tmp_path: Path) -> None:
    """The index file gives the order; a device whose file is not there is missing, and said to be."""
    values = [i / 7 + 1 for i in range(SPACE.size)]
    content = read(tmp_path, backwards(), {"gold_6226": values, "pixel2": [7] * SPACE.size})
    assert content.columns["gold_6226"][1].tolist() == values[::-1]
    assert set(content.columns["pixel2"][1].tolist()) == {7.0}
    assert np.isnan(content.columns["fpga"][1]).all()
    assert len(content.dropped) == len(DEVICES) - 2
    assert set(content.sources) == {INDEX, "gold_6226.pt", "pixel2.pt"}
    assert sorted(content.columns) == sorted(DEVICES)


def test_real_latencies_of_dead_cells_are_missing(shared: Path, tmp_path: Path) -> None:
    """Of 341 cells that pass nothing on, 283 and 289 are missing on two devices, and none on the others."""
    folder = shared / "data" / "nasbench201"
    if not (folder / "nb201_help_latency_ms.csv.gz").is_file():
        pytest.skip("HELP's latencies are absent")
    with gzip.open(folder / "nb201_tss_table.csv.gz", "rt") as file:
        texts = [row["arch"] for row in csv.DictReader(file)]
    with gzip.open(folder / "nb201_help_latency_ms.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert sorted(set(rows[0]) - {"index"}) == sorted(DEVICES)
    columns = {name: [float(row[name]) for row in rows] for name in DEVICES}
    content = read(tmp_path, texts, columns)
    places = [SPACE.index(SPACE.parse(text)) for text in texts]
    for name in DEVICES:
        found, published = content.columns[name][1][places], np.array(columns[name])
        gone = np.isnan(found)
        assert gone.sum() == {"pixel3": 283, "raspi4": 289}.get(name, 0)
        assert (found[~gone] == published[~gone]).all()
    assert len(content.dropped) == 2


@pytest.mark.parametrize(
    ("index", "values", "message"),
    [
        ([1, 2], [1.0] * SPACE.size, "a place of its own"),
        ({"a": 0}, [1.0] * SPACE.size, "a place of its own"),
        (dict.fromkeys(backwards(), 0), [1.0] * SPACE.size, "a place of its own"),
        (order(["nonsense", *backwards()[1:]]), [1.0] * SPACE.size, "not one of the space"),
        (order(backwards()), [1.0], "is not one number"),
        (order(backwards()), {"a": 1}, "is not one number"),
        (order(backwards()), ["a"] * SPACE.size, "is not one number"),
    ],
    ids=["list", "short", "one-place", "stray", "few", "dictionary", "words"],
)
def test_other_files_are_refused(index: Any, values: Any, message: str, tmp_path: Path) -> None:
    """An index that is none, and latencies that are not one a cell, give clear errors."""
    (tmp_path / INDEX).write_bytes(saved(index))
    (tmp_path / "fpga.pt").write_bytes(saved(values))
    with pytest.raises(CorruptError, match=message):
        OWN.read("cifar10", tmp_path)


def test_damaged_and_hostile_files_are_refused(tmp_path: Path) -> None:
    """A cut container, a pickle that calls something, and other bytes under a pinned name are refused."""
    (tmp_path / INDEX).write_bytes(saved(order(backwards())))
    whole = saved([1.0] * SPACE.size)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    for data in (whole[: len(whole) // 2], b"", b"PK", bomb.getvalue()):
        (tmp_path / "fpga.pt").write_bytes(data)
        with pytest.raises(AssayError) as error:
            OWN.read("cifar10", tmp_path)
        assert "fpga.pt" in str(error.value)
    with pytest.raises(CorruptError, match="is not the file that help publishes"):
        FAMILY.read("cifar10", tmp_path)


def test_absent_files_say_how_to_get_them(tmp_path: Path) -> None:
    """Without the index, and without any device, the message says what to download."""
    with pytest.raises(UnavailableError, match=INDEX):
        OWN.read("cifar10", tmp_path)
    (tmp_path / INDEX).write_bytes(saved(order(backwards())))
    with pytest.raises(UnavailableError, match="1080ti_1"):
        OWN.read("cifar10", tmp_path)


def test_the_card_names_every_device() -> None:
    """Twenty-seven signals, two of them models', each with its device; batches are told apart."""
    card = FAMILY.card("cifar10")
    assert len(card.signals) == len(SOURCE.files) - 1 == 27
    assert [note.column for note in card.extra_notes if note.origin == "simulated"] == ["eyeriss", "fpga"]
    titles = {note.column: note.title for note in card.extra_notes}
    assert titles["1080ti_256"] == "latency of a batch of 256"
    assert all(file.url and file.sha256 for file in SOURCE.files)
