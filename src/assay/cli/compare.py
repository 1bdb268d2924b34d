"""The body of `assay compare`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import msgspec

from assay.analysis.comparison import Comparison, compare
from assay.analysis.reading.columns import Columns
from assay.analysis.reading.files import STDIN
from assay.analysis.reading.read import ReadTable, read_table
from assay.analysis.reading.units import in_order
from assay.cli.output import give, say, table, visible
from assay.foundation.errors import UsageError
from assay.foundation.text import one_line, shortened
from assay.publishing.comparison_page import build_comparison, encode_comparison
from assay.publishing.comparison_text import headline, sections, what_was_compared
from assay.publishing.papertables import RANKS, average_ranks, paper_cells, task_name

_MOST_ROWS = 120
_WIDTH = 30
_LINE = 100


class Told(NamedTuple):
    """What the caller says of the scores beside their columns."""

    minimize: bool | None
    paired_by: str | None
    unit: str | None
    order: Sequence[str]


def direction(minimize: bool, maximize: bool) -> bool | None:
    """Return whether smaller is better, None where neither is told; raises `UsageError` for both."""
    if minimize and maximize:
        raise UsageError("--minimize and --maximize cannot both hold", hint="give one, or neither")
    return True if minimize else False if maximize else None


def conditions(given: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Return the column and value of each condition COL=VALUE; raises `UsageError` for anything else."""
    found = []
    for one in given or ():
        column, equals, value = one.partition("=")
        if not (column.strip() and equals):
            raise UsageError(f"--where needs COL=VALUE, got '{visible(one)}'", hint="--where split=test")
        found.append((column.strip(), value.strip()))
    return tuple(found)


def names(given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names in lists with commas; what is a known name as a whole is one name."""
    found: list[str] = []
    for one in given:
        whole = one_line(one)
        found += [whole] if whole in known else [part.strip() for part in whole.split(",") if part.strip()]
    return tuple(found)


def compare_file(path: Path, columns: Columns, told: Told, *, out: Path | None, json: bool) -> int:
    """Compare the methods of a table; print the verdict and the table, and write the page."""
    read = read_table(path, columns, minimize=told.minimize, paired_by=told.paired_by, unit=told.unit)
    order = names(told.order, read.scores.methods)
    read = msgspec.structs.replace(read, scores=in_order(read.scores, order))
    for note in read.notes:
        say(visible(note))
    say()
    name = "stdin" if str(path) == STDIN else path.name
    found = compare(read.scores, name=one_line(name), metric=read.metric)
    if json:
        give(encode_comparison(found, read.notes).decode().rstrip("\n"))
        if out is None:
            return 0
    else:
        give(text(found))
    _write(found, read, out or Path(f"{Path(name.removesuffix('.gz')).stem}-comparison"), quiet=json)
    return 0


def text(found: Comparison) -> str:
    """Return what a terminal shows: the verdict, then the table."""
    lines = [*_wrapped(headline(found)), "", *_wrapped(what_was_compared(found))]
    for section in sections(found):
        lines += ["", section.title]
        lines += [wrapped for line in section.lines for wrapped in _wrapped(line, "  - ", "    ")]
    return "\n".join([*lines, "", _table(found)])


def _wrapped(line: str, first: str = "", later: str = "") -> list[str]:
    return wrap(visible(line), _LINE, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)


def _table(found: Comparison) -> str:
    rows = []
    for task in found.tasks:
        for i, (cell, shown) in enumerate(zip(task.cells, paper_cells(task), strict=True)):
            lost = f" ({cell.lost} lost)" if cell.lost else ""
            rows.append(
                [
                    f"{shortened(task.task, _WIDTH - 2)} {task_name(task)[-1]}" if i == 0 else "",
                    shortened(cell.method, _WIDTH),
                    f"{'*' if shown.bold else ' '}{shown.mean}",
                    shown.interval,
                    f"{cell.n}{lost}",
                    cell.standing,
                ]
            )
    shown_rows = rows[:_MOST_ROWS]
    for i, (name, rank) in enumerate(zip(found.methods, average_ranks(found), strict=False)):
        shown_rows.append([RANKS if i == 0 else "", shortened(name, _WIDTH), f" {rank}", "", "", ""])
    text = table(["task", "method", "mean", "interval", "n", "against the best"], shown_rows, right=(2,))
    more = len(rows) - _MOST_ROWS
    return text + (f"\nand {more:,} more rows: the page and comparison.csv have all" if more > 0 else "")


def _write(found: Comparison, read: ReadTable, folder: Path, *, quiet: bool) -> None:
    from assay.publishing.comparison_figures import draw_comparison

    paths = build_comparison(found, folder, notes=read.notes, drawn=draw_comparison(found))
    # Both outputs are often read as one: the heading is to stand above the path.
    sys.stdout.flush()
    say()
    say("page, table.tex, table.md, comparison.json and figures:")
    say(visible(str(paths.page))) if quiet else give(visible(str(paths.page)))
