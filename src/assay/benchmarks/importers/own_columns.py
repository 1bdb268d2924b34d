"""The columns of a data file, CSV, Parquet or Arrow, as texts and numbers; every error names its row."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from assay.foundation.errors import CorruptError, UsageError
from assay.foundation.text import one_line, shortened

MOST_BYTES = 1 << 30
"""No file is read that is larger, packed or unpacked."""

MOST_ROWS = 20_000_000
"""No file is read that has more rows: a column of equal cells may be long and yet small."""

_ABSENT = ("", "nan", "na", "n/a", "null", "none", "-")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_DELIMITERS = ",\t;|"
_BLOCK = 16 << 20


class DataColumns:
    """The wanted columns of a data file.

    `names` are all its columns, `sha256` is of the file's bytes. Cells of text files are texts, cells of
    the others have their types. Rows are counted from 1, without the header.
    """

    def __init__(self, path: Path, names: list[str], table: Any, sha256: str) -> None:
        self.path = path
        self.names = names
        self.sha256 = sha256
        self.rows: int = table.num_rows
        self._table = table

    def where(self, row: int, column: str) -> str:
        """Return a place for people."""
        return f"{self.path}, row {row + 1:,}, column '{shortened(column, 60)}'"

    def chosen(self, rows: np.ndarray) -> DataColumns:
        """Return the columns of the rows at some places; rows are counted anew."""
        return DataColumns(self.path, self.names, self._table.take(pa.array(rows)), self.sha256)

    def texts(self, column: str) -> list[str]:
        """Return a column as texts; a whole number is its digits, what is absent is empty."""
        cells = self._plain(column)
        if not (pa.types.is_string(cells.type) or pa.types.is_integer(cells.type)):
            raise self._wrong_type(column, cells.type, "texts")
        return ["" if cell is None else str(cell).strip() for cell in cells.to_pylist()]

    def values(self, column: str) -> list[Any]:
        """Return a column of texts, numbers or booleans as Python's own, None where it is absent."""
        cells = self._plain(column)
        kinds = (pa.types.is_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
        if not any(kind(cells.type) for kind in kinds):
            raise self._wrong_type(column, cells.type, "values of a parameter")
        if pa.types.is_floating(cells.type):
            return [None if cell is None or math.isnan(cell) else cell for cell in cells.to_pylist()]
        if pa.types.is_string(cells.type):
            return [(cell or "").strip() or None for cell in cells.to_pylist()]
        return list(cells.to_pylist())

    def numbers(self, column: str) -> np.ndarray:
        """Return a column in float64, NaN where it is absent; texts are rounded correctly."""
        cells = self._plain(column)
        if pa.types.is_string(cells.type):
            cells = self._spelled(column, cells)
        elif not (pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)):
            raise self._wrong_type(column, cells.type, "numbers")
        try:
            found = pc.cast(cells, pa.float64())
        except pa.ArrowInvalid as error:
            why = _first(error)
            raise UsageError("a number has no equal in float64", where=self._of(column), why=why) from None
        return np.asarray(pc.fill_null(found, float("nan")).to_numpy(), dtype=np.float64)

    def integers(self, column: str, least: int) -> np.ndarray:
        """Return a column of whole numbers of at least `least`, such as epochs, in int64."""
        numbers = self.numbers(column)
        wrong = np.flatnonzero(~((numbers >= least) & (numbers < 2**53) & (numbers == np.floor(numbers))))
        if wrong.size:
            row = int(wrong[0])
            what = f"this is no whole number from {least}"
            raise UsageError(what, where=self.where(row, column), why=f"got {numbers[row]:g}")
        return numbers.astype(np.int64)

    def _plain(self, column: str) -> Any:
        """Return a column as one array, dictionaries, decimals and large texts undone."""
        cells = self._table.column(self._table.column_names.index(column)).combine_chunks()
        if isinstance(cells, pa.ChunkedArray):
            cells = pa.concat_arrays(cells.chunks) if cells.num_chunks else pa.array([], cells.type)
        if pa.types.is_dictionary(cells.type):
            cells = cells.dictionary_decode()
        if pa.types.is_decimal(cells.type):
            return pc.cast(cells, pa.float64())
        if pa.types.is_large_string(cells.type) or pa.types.is_string_view(cells.type):
            return pc.cast(cells, pa.string())
        if pa.types.is_null(cells.type):
            return pc.cast(cells, pa.string())
        return cells

    def _spelled(self, column: str, cells: Any) -> Any:
        """Return texts that are numbers, null where a number is absent."""
        trimmed = pc.utf8_trim_whitespace(cells)
        absent = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(_ABSENT))
        trimmed = pc.if_else(absent, pa.scalar(None, pa.string()), trimmed)
        for row, text in enumerate(trimmed.to_pylist()):
            if text is not None and _NUMBER.fullmatch(text) is None:
                hint = "write 1234.5: a point, and no separator of thousands" if "," in text else None
                why = f"got '{shortened(text, 40)}'"
                raise UsageError("this is no number", where=self.where(row, column), why=why, hint=hint)
        # Arrow's parser takes no sign before a number that has one for positive.
        return pc.replace_substring_regex(trimmed, r"^\+", "")

    def _wrong_type(self, column: str, kind: Any, wanted: str) -> UsageError:
        why = f"its cells are of the type {shortened(str(kind), 60)}"
        return UsageError(f"this column does not hold {wanted}", where=self._of(column), why=why)

    def _of(self, column: str) -> str:
        return f"{self.path}, column '{shortened(column, 60)}'"


def read_columns(
    path: Path, wanted: Callable[[list[str]], Iterable[str]], sha256: str | None = None
) -> DataColumns:
    """Return the columns of a file that `wanted` takes from all its names, and may refuse.

    The format is told by the first bytes, and for text by the header. `sha256` is the digest that the file
    must have. Raises `UsageError` for a file that cannot be read, `CorruptError` for another digest.
    """
    data = _bytes_of(path)
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256.lower():
        why = f"SHA-256 {found[:12]} found, {sha256[:12]} stated"
        raise CorruptError("this is not the file that the card names", where=str(path), why=why)
    data = _unpacked(path, data)
    reader = _columnar if data[:4] in (b"PAR1", b"FEA1") or _is_arrow(data) else _delimited
    try:
        names, table = reader(path, data, wanted)
        _refuse_long(path, table.num_rows)
        table.validate(full=True)  # offsets of a hostile file may lead anywhere
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise UsageError("the table cannot be read", where=str(path), why=_first(error)) from None
    if not table.num_rows:
        raise UsageError("the table has no rows", where=str(path))
    return DataColumns(path, names, table, found)


def _delimited(
    path: Path, data: bytes, wanted: Callable[[list[str]], Iterable[str]]
) -> tuple[list[str], Any]:
    """Read text with a header; all cells stay texts."""
    if not data.strip():
        raise UsageError("the file is empty", where=str(path), hint="the first line names the columns")
    if b"\0" in data[:_BLOCK]:
        hint = "CSV, TSV, Parquet and Arrow are read, and gzip around them"
        raise UsageError("the file is no table that is read", where=str(path), hint=hint)
    names, delimiter, length = _header(path, data)
    columns = _once(path, names, wanted(names))
    table = pa.csv.read_csv(
        pa.BufferReader(data),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=max(_BLOCK, 2 * length)),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=False,
        ),
    )
    return names, table


def _header(path: Path, data: bytes) -> tuple[list[str], str, int]:
    """Return the names of the columns, what is between them, and the length of the header in bytes."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    try:
        first = next(line for line in text if line.strip())
        delimiter = max(_DELIMITERS, key=first.count)
        names = next(csv.reader(_lines(first, text), delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        hint = "save it as UTF-8, with a first line that names the columns"
        raise UsageError("the header cannot be read", where=str(path), why=_first(error), hint=hint) from None
    return names, delimiter, sum(len(name.encode()) + 3 for name in names)


def _lines(first: str, rest: Iterable[str]) -> Iterable[str]:
    yield first
    yield from rest


def _columnar(path: Path, data: bytes, wanted: Callable[[list[str]], Iterable[str]]) -> tuple[list[str], Any]:
    """Read Parquet or Arrow (Feather 2), files or streams."""
    if data.startswith(b"FEA1"):
        hint = "write it again with pyarrow.feather.write_feather"
        raise UsageError("the first version of Feather is not read", where=str(path), hint=hint)
    buffer = pa.BufferReader(data)
    if data.startswith(b"PAR1"):
        file = pa.parquet.ParquetFile(buffer)
        meta = file.metadata
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        _refuse_large(path, unpacked)
        _refuse_long(path, meta.num_rows)
        names = [str(name) for name in file.schema_arrow.names]
        return names, file.read(columns=_once(path, names, wanted(names)), use_threads=False)
    opened = pa.ipc.open_file(buffer) if data.startswith(b"ARROW1") else pa.ipc.open_stream(buffer)
    names = [str(name) for name in opened.schema.names]
    columns = _once(path, names, wanted(names))
    table = opened.read_all()
    _refuse_large(path, table.nbytes)
    return names, table.select([names.index(column) for column in columns])


def _is_arrow(data: bytes) -> bool:
    """Tell an Arrow file or stream, which begins with a continuation marker, from text."""
    return data.startswith((b"ARROW1", b"\xff\xff\xff\xff"))


def _once(path: Path, names: list[str], wanted: Iterable[str]) -> list[str]:
    """Return the wanted columns, each once; refuses those that the file has twice."""
    counts = Counter(names)
    columns = list(dict.fromkeys(wanted))
    twice = next((column for column in columns if counts[column] > 1), None)
    if twice is not None:
        raise UsageError(f"two columns have the name '{shortened(twice, 40)}'", where=str(path))
    return columns


def _bytes_of(path: Path) -> bytes:
    try:
        _refuse_large(path, path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError("the data file cannot be read", where=one_line(str(path)), why=why) from None


def _unpacked(path: Path, data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            unpacked = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError("the file cannot be unpacked", where=str(path), why=str(error)) from None
    _refuse_large(path, len(unpacked))
    return unpacked


def _refuse_large(path: Path, size: int) -> None:
    if size > MOST_BYTES:
        why = f"{size:,} bytes; at most {MOST_BYTES:,} are read"
        raise UsageError("the data file is too large", where=str(path), why=why)


def _refuse_long(path: Path, rows: int) -> None:
    if rows > MOST_ROWS:
        why = f"{rows:,} rows; at most {MOST_ROWS:,} are read"
        raise UsageError("the data file has too many rows", where=str(path), why=why)


def _first(error: Exception) -> str:
    return shortened((str(error).splitlines() or [type(error).__name__])[0], 200)
