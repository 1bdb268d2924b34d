"""Tables that Python holds: data frames, tables of pyarrow, lists of dicts and dicts of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.analysis.reading.frame import MOST_CELLS, MOST_ROWS, Cell, Frame, refuse_size
from assay.foundation.errors import UsageError

NAME = "the table"


def frame_of(table: object) -> Frame:
    """Return the table that a data frame (pandas, polars), pyarrow table or list of dicts holds.

    An index with a name is a column. Raises `UsageError` for anything else.
    """
    rows = _rows(table)
    refuse_size(NAME, "rows", len(rows), MOST_ROWS)
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    refuse_size(NAME, "cells", len(columns) * len(rows), MOST_CELLS)
    names = tuple(_column(key) for key in columns)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two columns have the name '{twice[0]}'", where=NAME)
    cells: list[tuple[Cell, ...]] = [tuple(_cell(row.get(key)) for key in columns) for row in rows]
    return Frame(NAME, names, cells, list(range(1, len(rows) + 1)), "row")


def _rows(table: Any) -> list[Mapping[Any, Any]]:
    if hasattr(table, "to_pylist"):
        found = table.to_pylist()
    elif hasattr(table, "to_dicts"):
        found = table.to_dicts()
    elif hasattr(table, "to_dict") and hasattr(table, "columns"):
        _refuse_double(list(table.columns))
        indexed = any(name is not None for name in table.index.names)
        found = (table.reset_index() if indexed else table).to_dict("records")
    elif isinstance(table, Mapping) and all(_is_list(column) for column in table.values()):
        found = _from_columns(table)
    else:
        found = table
    if not _is_list(found) or not all(isinstance(row, Mapping) for row in found):
        raise UsageError(
            "this is no table of scores",
            why=f"it is {type(table).__name__}",
            hint="give a path, Scores, a data frame, a table of pyarrow, or a list of dicts, one a row",
        )
    return list(found)


def _refuse_double(names: list[Any]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"two columns have the name '{_column(twice[0])}'", where=NAME)


def _from_columns(table: Mapping[Any, Any]) -> list[dict[Any, Any]]:
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        raise UsageError("columns have different lengths", where=NAME, why=f"they are {sorted(lengths)}")
    return [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _column(key: Any) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return "_".join(str(part) for part in parts if str(part)).strip()


def _cell(value: Any) -> Cell:
    plain = value.item() if hasattr(value, "item") and callable(value.item) else value
    return plain if plain is None or isinstance(plain, str | int | float | bool) else str(plain)
