"""Delimited text: comma, tab, semicolon or bar, Markdown or blanks, in the usual encodings."""

from __future__ import annotations

import codecs
from collections import Counter

from assay.analysis.reading.dialects import find_dialect, records
from assay.analysis.reading.frame import MOST_CELLS, MOST_ROWS, Cell, Frame, refuse_size
from assay.foundation.errors import UsageError
from assay.foundation.text import shortened

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = {*map(chr, range(32)), "\x7f", "\ufffd"} - set("\t\n\r\f")
_KINDS = "CSV, Parquet and JSON lines are read; save a spreadsheet as CSV"


def read_delimited(name: str, data: bytes) -> Frame:
    """Return the table of a text file (RFC 4180, any of four delimiters), told from its first lines.

    UTF-8, UTF-16 and UTF-32 are known by their marks; what is not UTF-8 is read as Windows-1252, and
    said to be. Raises `UsageError` with the line for rows that do not fit the header.
    """
    text, notes = _decoded(name, data)
    dialect = find_dialect(name, text)
    header: list[str] = []
    rows: list[tuple[Cell, ...]] = []
    lines: list[int] = []
    first = repeated = 0
    for line, record in records(name, text, dialect):
        if not header:
            header, first = record, line
        elif record == header:
            repeated += 1
        else:
            _refuse_ragged(name, line, record, header)
            rows.append(tuple(record))
            lines.append(line)
            refuse_size(name, "rows", len(rows), MOST_ROWS)
            refuse_size(name, "cells", len(rows) * len(header), MOST_CELLS)
    if not header:
        raise UsageError("the table is empty", where=name, hint="the first line names the columns")
    if repeated:
        notes.append(f"{repeated} more lines repeat the header and are passed over")
    columns, rows = _filled(tuple(cell.strip() for cell in header), rows)
    if columns:
        columns = (columns[0].removeprefix("#").strip(), *columns[1:])
    _refuse_double(f"{name}:{first}", columns)
    commas = dialect.delimiter != ","
    return Frame(name, columns, rows, lines, notes=(*notes, *dialect.notes), commas=commas)


def _filled(
    columns: tuple[str, ...], rows: list[tuple[Cell, ...]]
) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Leave out columns without a name or content, as separators at the ends of lines make them."""
    empty = {
        i for i, name in enumerate(columns) if not name and not any(str(row[i] or "").strip() for row in rows)
    }
    if not empty or not rows:
        return columns, rows
    kept = [i for i in range(len(columns)) if i not in empty]
    return tuple(columns[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def _refuse_ragged(name: str, line: int, record: list[str], header: list[str]) -> None:
    if len(record) != len(header):
        raise UsageError(
            "a row does not fit the header",
            where=f"{name}:{line}",
            why=f"it has {len(record)} cells, the header {len(header)}",
            hint="quote cells that hold the separator, such as a decimal comma",
        )


def _refuse_double(where: str, columns: tuple[str, ...]) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise UsageError(
            f"two columns have the name '{shortened(twice[0], 40)}'",
            where=where,
            hint="give each column its own name; a header of several lines must become one",
        )


def _decoded(name: str, data: bytes) -> tuple[str, list[str]]:
    marked = next((codec for mark, codec in _BOMS if data.startswith(mark)), None)
    try:
        text = data.decode(marked or "utf-8")
        notes = [f"read as {marked.upper()}"] if marked and marked != "utf-8-sig" else []
        foreign = {"\0"}
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if marked:
            raise UsageError(
                "the file is not text",
                where=f"{name}:{line}",
                why=f"it begins as {marked.upper()} does and does not go on as such",
                hint=_KINDS,
            ) from None
        text = data.decode("cp1252", errors="replace")
        notes = [f"not UTF-8 (line {line}), read as Windows-1252"]
        foreign = _NO_TEXT
    odd = next((i for i, character in enumerate(text) if character in foreign), None)
    if odd is not None:
        raise UsageError(
            "the file is not text",
            where=f"{name}:{text.count(chr(10), 0, odd) + 1}",
            why=f"it holds {'a NUL character' if text[odd] == chr(0) else 'bytes that no text has'}",
            hint=_KINDS,
        )
    return text, notes
