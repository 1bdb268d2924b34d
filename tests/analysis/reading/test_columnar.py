"""Parquet and JSON lines are the same table as CSV, and what they cannot hold is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.analysis.reading.columns import Columns
from assay.analysis.reading.read import read_table
from assay.foundation.errors import UsageError
from assay.statistics.scores import FAILED, NO_NUMBER

ROWS = [
    {"method": m, "task": "cora", "seed": s, "score": 0.8 + s / 100 + (m == "b") / 10}
    for m in "ab"
    for s in (1, 2, 3)
]


def csv_scores(folder: Path) -> np.ndarray:
    lines = ["method,task,seed,score", *(",".join(map(str, row.values())) for row in ROWS)]
    (folder / "plain.csv").write_text("\n".join(lines))
    return read_table(folder / "plain.csv").scores.values


@pytest.mark.parametrize("form", ["lines", "array", "parquet", "categories"])
def test_every_format_gives_the_same_scores(tmp_path: Path, form: str) -> None:
    """JSON lines, a JSON array and Parquet hold the numbers of the CSV."""
    path = tmp_path / {"lines": "t.jsonl", "array": "t.json"}.get(form, "t.parquet")
    if form == "lines":
        path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    elif form == "array":
        path.write_text(json.dumps(ROWS, indent=1))
    else:
        table = pa.Table.from_pylist(ROWS)
        if form == "categories":
            table = table.set_column(0, "method", table["method"].dictionary_encode())
        pq.write_table(table, path)
    read = read_table(path)
    assert read.scores.methods == ("a", "b")
    assert np.array_equal(read.scores.values, csv_scores(tmp_path))


def test_parquet_is_known_by_its_content(tmp_path: Path) -> None:
    """A Parquet file of another name is still read as one."""
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "t.data")
    assert read_table(tmp_path / "t.data").scores.values.shape == (1, 2, 3)


def test_nothing_in_a_typed_cell_is_a_run_without_a_number(tmp_path: Path) -> None:
    """Null and NaN of Parquet and JSON count as runs without a number, words as failures."""
    rows = [*ROWS, {"method": "a", "task": "cora", "seed": 4, "score": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").scores.status[0, 0, 3] == NO_NUMBER
    rows += [
        {"method": "b", "task": "cora", "seed": 4, "score": float("nan")},
        {"method": "b", "task": "cora", "seed": 5, "score": "failed"},
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    status = read_table(tmp_path / "t.jsonl").scores.status[0]
    assert status[:, 3].tolist() == [NO_NUMBER, NO_NUMBER]
    assert status[1, 4] == FAILED


def test_nested_objects_become_columns(tmp_path: Path) -> None:
    """An object in an object is flattened once, as the exports of trackers have them."""
    rows = [
        {"params": {"method": r["method"], "seed": r["seed"]}, "metrics": {"acc": r["score"]}} for r in ROWS
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    read = read_table(tmp_path / "t.jsonl")
    assert read.scores.values.shape == (1, 2, 3)


def test_a_column_of_a_foreign_type_is_left_out_and_cannot_be_chosen(tmp_path: Path) -> None:
    """Lists are no scores: the column is named, and choosing it is refused."""
    rows = [{**row, "curve": [1.0, 2.0]} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert any("column curve holds list" in note for note in read_table(tmp_path / "t.parquet").notes)
    with pytest.raises(UsageError, match="holds list"):
        read_table(tmp_path / "t.parquet", Columns(scores=("curve",)))


@pytest.mark.parametrize(
    ("name", "data", "where"),
    [
        ("t.parquet", b"PAR1 and nothing more", "t.parquet"),
        ("t.jsonl", b'{"method": "a"}\n{"method": \n', "t.jsonl:2"),
        ("t.jsonl", b'{"method": "a"}\n[1]\n', "t.jsonl:2"),
        ("t.jsonl", b'{"method": "\xff"}\n', "t.jsonl:1"),
        ("t.jsonl", b"[" * 100_000, "t.jsonl:1"),
        ("t.jsonl", b'{"a": ' + b"9" * 5000 + b"}", "t.jsonl:1"),
    ],
    ids=["parquet", "cut", "array", "encoding", "deep", "long"],
)
def test_damaged_files_are_refused_with_their_line(
    tmp_path: Path, name: str, data: bytes, where: str
) -> None:
    """No traceback comes of any bytes."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_table(tmp_path / name)
    assert caught.value.where == where


def test_a_wrong_cell_is_named_by_its_row(tmp_path: Path) -> None:
    """Parquet has no lines: the row is counted from 1."""
    rows = [{**row, "score": "0,5" if i == 2 else str(row["score"])} for i, row in enumerate(ROWS)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    with pytest.raises(UsageError) as caught:
        read_table(tmp_path / "t.parquet")
    assert caught.value.where == "t.parquet, row 3, column score"
