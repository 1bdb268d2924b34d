"""Parquet, JSON lines and JSON: tables of typed cells."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from assay.analysis.reading.frame import MOST_BYTES, MOST_CELLS, MOST_ROWS, Cell, Frame, refuse_size
from assay.foundation.errors import UsageError
from assay.foundation.text import shortened


def read_parquet(name: str, source: BinaryIO) -> Frame:
    """Return the table of a Parquet file.

    A column of lists, maps or another nested type has empty cells, and choosing it is refused by name.
    Raises `UsageError` for a file that is damaged, encrypted or unpacks to more than fits.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source)
        meta = file.metadata
        refuse_size(name, "rows", meta.num_rows, MOST_ROWS)
        refuse_size(name, "cells", meta.num_rows * meta.num_columns, MOST_CELLS)
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        refuse_size(name, "bytes", unpacked, MOST_BYTES)
        table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            "the file is not a Parquet table that can be read", where=name, why=_first(error)
        ) from None
    columns = [_cells(table.column(i), pa) for i in range(table.num_columns)]
    rows: list[tuple[Cell, ...]] = list(zip(*columns, strict=True)) if columns else []
    foreign = tuple((f.name, shortened(str(f.type), 60)) for f in table.schema if pa.types.is_nested(f.type))
    notes = tuple(f"column {shortened(one, 40)} holds {kind} and is left out" for one, kind in foreign)
    names = tuple(str(one) for one in table.column_names)
    _refuse_twice(name, names)
    lines = list(range(1, len(rows) + 1))
    return Frame(name, names, rows, lines, "row", notes, foreign=foreign)


def read_json_lines(name: str, data: bytes) -> Frame:
    """Return the table of JSON objects, one a line, or of one JSON array of objects.

    Objects in objects are flattened once: {"metrics": {"acc": 1}} has the column 'metrics.acc'. NaN is
    read as Python writes it. Raises `UsageError` with the line of what is not an object.
    """
    text = _text(name, data)
    if text.lstrip().startswith("["):
        decoded = _decode(name, 1, text)
        listed = list(enumerate(decoded if isinstance(decoded, list) else [], start=1))
        place = "row"
    else:
        lines = [(i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
        refuse_size(name, "rows", len(lines), MOST_ROWS)
        listed = [(i, _decode(name, i, line)) for i, line in lines]
        place = "line"
    refuse_size(name, "rows", len(listed), MOST_ROWS)
    flat = [_flat(name, i, place, item) for i, item in listed]
    columns = tuple(dict.fromkeys(key for row in flat for key in row))
    refuse_size(name, "cells", len(columns) * len(flat), MOST_CELLS)
    rows: list[tuple[Cell, ...]] = [tuple(row.get(column) for column in columns) for row in flat]
    return Frame(name, columns, rows, [i for i, _ in listed], place)


def _cells(column: Any, pa: Any) -> list[Cell]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_nested(kind):
        return [None] * len(column)
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    cells = column.to_pylist()
    if plain or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return list(cells)
    if pa.types.is_decimal(kind):
        return [None if cell is None else float(cell) for cell in cells]
    return [None if cell is None else str(cell) for cell in cells]


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("JSON is UTF-8, and this is not", where=f"{name}:{line}", why=str(error)) from None


def _decode(name: str, line: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "this is not JSON",
            where=f"{name}:{line}",
            why=_first(error),
            hint="each line holds one JSON object",
        ) from None


def _flat(name: str, line: int, place: str, item: Any) -> dict[str, Cell]:
    if not isinstance(item, dict):
        raise UsageError(
            "each row is a JSON object",
            where=f"{name}:{line}" if place == "line" else f"{name}, {place} {line}",
            why=f"it is {type(item).__name__}",
            hint='such as {"method": "a", "task": "t", "seed": 1, "score": 0.9}',
        )
    found: dict[str, Cell] = {}
    for key, value in item.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": _scalar(cell) for inner, cell in value.items()}
        else:
            found[key] = _scalar(value)
    return found


def _scalar(value: Any) -> Cell:
    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value)


def _refuse_twice(name: str, names: tuple[str, ...]) -> None:
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise UsageError(f"two columns have the name '{shortened(twice[0], 40)}'", where=name)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
