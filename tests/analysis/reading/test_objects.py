"""Tables that Python holds are the same as those of a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.analysis.reading.objects import frame_of
from assay.analysis.reading.read import read_table
from assay.api import compare
from assay.foundation.errors import UsageError

ROWS = [{"method": m, "seed": s, "acc": 0.8 + s / 100 + (m == "b") / 10} for m in "ab" for s in (1, 2, 3)]


class Pandas:
    """What of a data frame of pandas is read: an index, columns and `to_dict`."""

    def __init__(self, rows: list[dict[str, Any]], index: str | None = None) -> None:
        self.rows = rows
        self.columns = list(rows[0])
        self.index = SimpleNamespace(names=[index])

    def reset_index(self) -> Pandas:
        return Pandas([{self.index.names[0]: i, **row} for i, row in enumerate(self.rows)])

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self.rows


class Polars:
    """What of a data frame of polars is read."""

    def to_dicts(self) -> list[dict[str, Any]]:
        return ROWS


@pytest.mark.parametrize(
    "table",
    [
        ROWS,
        {key: [row[key] for row in ROWS] for key in ROWS[0]},
        pa.Table.from_pylist(ROWS),
        Pandas([{**row, "acc": np.float64(row["acc"])} for row in ROWS]),
        Pandas(ROWS, index="run"),
        Polars(),
    ],
    ids=["rows", "columns", "pyarrow", "pandas", "index", "polars"],
)
def test_every_kind_of_table_gives_the_scores_of_the_file(tmp_path: Path, table: object) -> None:
    """Lists, tables and data frames hold the numbers of the CSV."""
    lines = ["method,seed,acc", *(",".join(map(str, row.values())) for row in ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = compare(table, replicate="seed")
    of_file = compare(tmp_path / "t.csv")
    assert found.methods == of_file.methods == ("a", "b")
    assert [cell.interval for cell in found.tasks[0].cells] == [
        cell.interval for cell in of_file.tasks[0].cells
    ]
    assert found.name == "the table"


def test_a_missing_value_is_a_run_without_a_number() -> None:
    """None, NaN and the NA of pandas count as lost runs."""
    for missing in (None, float("nan"), "<NA>"):
        rows = [*ROWS, {"method": "a", "seed": 4, "acc": missing}]
        assert read_table(frame_of(rows)).scores.lost(0, 0) == 1


def test_columns_and_rows_are_chosen_as_on_the_command_line() -> None:
    """Names, one or several, and conditions mean the same."""
    rows = [{**row, "lr": lr} for row in ROWS for lr in ("x", "y")]
    assert compare(rows, method=["method", "lr"]).methods == ("a / x", "a / y", "b / x", "b / y")
    assert compare(rows, where={"lr": "x"}).least == 3
    assert compare(rows, where={"lr": ["x", "y"]}, replicate=("seed", "lr")).least == 6


@pytest.mark.parametrize(
    "table",
    [3, None, [1, 2], {"a": [1], "b": [1, 2]}, np.zeros(3), [{"a": 1, "a ": 2}]],
    ids=["number", "none", "numbers", "ragged", "array", "twice"],
)
def test_what_is_no_table_is_refused(table: object) -> None:
    """The message says what a table is, and no traceback comes of it."""
    with pytest.raises(UsageError):
        compare(table)
