"""Delimited text: comma, tab, semicolon or bar, in the usual encodings."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from pathlib import Path

from assay.analysis.reading.frame import MOST_CELLS, MOST_ROWS, Cell, Frame, refuse_size
from assay.foundation.errors import UsageError
from assay.foundation.text import shortened

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_delimited(path: Path, data: bytes) -> Frame:
    """Return the table of a text file (RFC 4180, any of four delimiters), told from its first line.

    UTF-8, UTF-16 and UTF-32 are known by their marks; what is not UTF-8 is read as Windows-1252, and
    said to be. Raises `UsageError` with the line for rows that do not fit the header.
    """
    text, notes = _decoded(path.name, data)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = _delimiter(first)
    if delimiter != ",":
        notes.append(f"columns are separated by a {DELIMITERS[delimiter]}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header, rows, lines = _records(path.name, reader)
    return Frame(path.name, _names(path.name, header), rows, lines, notes=tuple(notes))


def _records(name: str, reader: object) -> tuple[list[str], list[tuple[Cell, ...]], list[int]]:
    """Return the header, the rows and the line on which each begins; blank lines are passed over."""
    header: list[str] = []
    rows: list[tuple[Cell, ...]] = []
    lines: list[int] = []
    begins = 1
    try:
        for record in reader:  # type: ignore[attr-defined]  # the class of readers has no name
            line, begins = begins, reader.line_num + 1  # type: ignore[attr-defined]
            if not any(cell.strip() for cell in record):
                continue
            if not header:
                header = record
                continue
            _refuse_ragged(name, line, record, header)
            rows.append(tuple(record))
            lines.append(line)
            refuse_size(name, "rows", len(rows), MOST_ROWS)
            refuse_size(name, "cells", len(rows) * len(header), MOST_CELLS)
    except csv.Error as error:
        raise UsageError(
            "the file is not a table", where=f"{name}:{begins}", why=f"{error}", hint="save it as plain CSV"
        ) from None
    return header, rows, lines


def _refuse_ragged(name: str, line: int, record: list[str], header: list[str]) -> None:
    if len(record) != len(header):
        raise UsageError(
            "a row does not fit the header",
            where=f"{name}:{line}",
            why=f"it has {len(record)} cells, the header {len(header)}",
            hint="quote cells that hold the separator, such as a decimal comma",
        )


def _names(name: str, header: list[str]) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in header)
    if not columns:
        raise UsageError("the table is empty", where=name, hint="the first line names the columns")
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise UsageError(
            f"two columns have the name '{shortened(twice[0], 40)}'",
            where=f"{name}:1",
            hint="give each column its own name",
        )
    return columns


def _decoded(name: str, data: bytes) -> tuple[str, list[str]]:
    marked = next((codec for mark, codec in _BOMS if data.startswith(mark)), None)
    try:
        text = data.decode(marked or "utf-8")
        notes = [f"read as {marked.upper()}"] if marked and marked != "utf-8-sig" else []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if marked or b"\0" in data:
            raise UsageError("the file is not text", where=f"{name}:{line}", why=str(error)) from None
        text = data.decode("cp1252", errors="replace")
        notes = [f"not UTF-8 (line {line}), read as Windows-1252"]
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(
            "the file is not text",
            where=f"{name}:{line}",
            why="it holds a NUL character",
            hint="CSV, Parquet and JSON lines are read; save a spreadsheet as CSV",
        )
    return text, notes


def _delimiter(first: str) -> str:
    """Return the delimiter that the first line holds most often outside quotes."""
    bare = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=bare.count) if any(mark in bare for mark in DELIMITERS) else ","
