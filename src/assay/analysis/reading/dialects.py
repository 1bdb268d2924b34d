"""How a text writes its table: what separates the columns, and which lines are none of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from assay.foundation.errors import UsageError

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|?")
_DECLARED = re.compile(r'"?sep=([^"\w\r\n .])"?', re.IGNORECASE)
_BAR = re.compile(r"(?<!\\)\|")
_FEW = 30

Record = tuple[int, list[str]]


class Dialect(NamedTuple):
    """A delimiter, or the records themselves, where no delimiter of CSV makes them; and what to tell."""

    delimiter: str
    notes: tuple[str, ...] = ()
    skipped: int = 0
    records: tuple[Record, ...] | None = None


def find_dialect(name: str, text: str) -> Dialect:
    """Return how a text writes its table; raises `UsageError` where nothing separates columns.

    A first line 'sep=;' is obeyed, comments before the header are passed over, and tables of Markdown
    and those with columns of blanks are read.
    """
    head = [line.rstrip("\r") for line in text.split("\n", _FEW)[:_FEW]]
    at = _next(head, 0)
    declared = _DECLARED.fullmatch(head[at].strip(" ")) if head else None
    if declared:
        mark = declared[1]
        return Dialect(mark, (f"columns are separated by {_named(mark)}, as line {at + 1} says",), at + 1)
    start, notes = _after_comments(head, at)
    first, second = head[start], head[_next(head, start + 1)]
    if "|" in first and second != first and "|" in second and _RULE.fullmatch(second.strip()):
        return Dialect("|", (*notes, "read as a table of Markdown"), start, tuple(_markdown(text, start)))
    delimiter = _delimiter(first)
    if delimiter is None and len(first.split()) > 1:
        return Dialect("", (*notes, "columns are separated by blanks"), start, _blanks(name, text, start))
    if delimiter not in (None, ","):
        notes = (*notes, f"columns are separated by {_named(delimiter or '')}")
    return Dialect(delimiter or ",", notes, start)


def records(name: str, text: str, dialect: Dialect) -> Iterator[Record]:
    """Yield the records with something in them, each with the line on which it begins."""
    if dialect.records is not None:
        yield from dialect.records
        return
    rest = text.split("\n", dialect.skipped)[-1] if dialect.skipped else text
    reader = csv.reader(io.StringIO(rest, newline=""), delimiter=dialect.delimiter, strict=True)
    begins = dialect.skipped + 1
    try:
        for record in reader:
            line, begins = begins, dialect.skipped + reader.line_num + 1
            if any(cell.strip() for cell in record):
                yield line, record
    except csv.Error as error:
        raise UsageError(
            "the file is not a table", where=f"{name}:{begins}", why=f"{error}", hint="save it as plain CSV"
        ) from None


def _after_comments(head: list[str], at: int) -> tuple[int, tuple[str, ...]]:
    """Return where the header is; a line with '#' is one if it has as many columns as the next line."""
    start = at
    while head[start].startswith("#"):
        following = _next(head, start + 1)
        if following == start or _fields(head[start], head[following]) == _fields(
            head[following], head[following]
        ):
            break
        start = following
    return start, (f"{start - at} lines of comments are passed over",) if start > at else ()


def _fields(line: str, like: str) -> int:
    mark = _delimiter(like)
    return line.count(mark) if mark else len(line.lstrip("# ").split())


def _next(head: list[str], start: int) -> int:
    """Return the first line from here on that is not blank; the last one, where all are."""
    return next((i for i in range(start, len(head)) if head[i].strip()), max(0, len(head) - 1))


def _delimiter(line: str) -> str | None:
    """Return the delimiter that a line holds most often outside quotes, None without any."""
    bare = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=bare.count) if any(mark in bare for mark in DELIMITERS) else None


def _markdown(text: str, start: int) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n")[start:], start=start + 1):
        bare = line.strip()
        if bare and not _RULE.fullmatch(bare):
            inner = bare.removeprefix("|").removesuffix("|")
            yield (
                number,
                [one.strip().replace("\\|", "|").replace("**", "") for one in _BAR.split(inner)],
            )


def _blanks(name: str, text: str, start: int) -> tuple[Record, ...]:
    """Return the records of columns that blanks separate, one or two at least; an index comes first."""
    lines = [(i, line.strip()) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    lines = [(i, line) for i, line in lines if i > start]
    for pattern in (r"\s+", r"\s{2,}"):
        cells = [(i, re.split(pattern, line)) for i, line in lines]
        widths = {len(row) for _, row in cells[1:]}
        columns = len(cells[0][1])
        if columns > 1 and widths == {columns}:
            return tuple(cells)
        if columns > 1 and widths == {columns + 1}:
            return ((cells[0][0], ["", *cells[0][1]]), *cells[1:])
    raise UsageError(
        "nothing separates the columns",
        where=f"{name}:{lines[0][0]}",
        why="there is no comma, tab, semicolon or bar, and blanks do not make as many cells in each line",
        hint="save the table with commas, as pandas' to_csv does",
    )


def _named(mark: str) -> str:
    return f"a {DELIMITERS[mark]}" if mark in DELIMITERS else f"'{mark}'"
