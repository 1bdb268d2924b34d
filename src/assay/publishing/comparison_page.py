"""A comparison as a folder: one page that needs nothing else, tables for a paper, data and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from assay.analysis.comparison import CellSummary, Comparison, TaskComparison
from assay.foundation.digest import digest_bytes, short
from assay.foundation.files import write_atomic
from assay.foundation.text import one_line
from assay.publishing.comparison_text import direction_text, headline, procedure, sections
from assay.publishing.page import POLICY, environment, width
from assay.publishing.papertables import (
    RANKS,
    PaperCell,
    average_ranks,
    legend,
    methods_in_rows,
    paper_cells,
    paper_table,
    task_name,
    to_latex,
    to_markdown,
)
from assay.publishing.style import Look, look
from assay.publishing.words import counted, listed

if TYPE_CHECKING:
    from assay.publishing.sheet import Drawn  # which brings matplotlib, and `--json` draws nothing

FORMAT = "assay-comparison"
VERSION = 1


class ComparisonPaths(NamedTuple):
    """What was written."""

    page: Path
    data: Path
    tables: tuple[Path, Path]
    figures: tuple[Path, ...]


class _Head(NamedTuple):
    """The head of a row or a column; methods have a look, and tasks a note on their family."""

    label: str
    look: Look | None = None
    note: str = ""


class _Cell(NamedTuple):
    label: str
    mean: str
    interval: str
    runs: str
    bold: bool
    mark: str
    standing: str


class _Grid(NamedTuple):
    """The table of results: of each row its head and its cells, in the order of `columns`."""

    corner: str
    columns: list[_Head]
    lines: list[tuple[_Head, list[_Cell]]]
    legend: tuple[str, ...]


def build_comparison(
    comparison: Comparison, folder: Path, *, notes: Sequence[str] = (), drawn: Sequence[Drawn] = ()
) -> ComparisonPaths:
    """Write the page, the tables, the data and the figures; equal comparisons give equal bytes.

    `notes` say how the table was read. Files of the same names are replaced, each whole or not at all.
    Raises `StoreError` when the disk refuses.
    """
    data = encode_comparison(comparison, notes)
    table = paper_table(comparison)
    files = {
        "comparison.json": data,
        "comparison.csv": comparison.table().csv(),
        "table.tex": to_latex(table).encode(),
        "table.md": to_markdown(table).encode(),
        "index.html": render_comparison(comparison, notes, drawn, digest_bytes(data)).encode(),
    }
    figures = {
        f"figures/{figure.id}.{suffix}": content
        for figure in drawn
        for suffix, content in (
            ("svg", figure.svg.encode()),
            ("pdf", figure.pdf),
            ("csv", figure.data.csv()),
        )
    }
    for name, content in (files | figures).items():
        write_atomic(folder / name, content)
    return ComparisonPaths(
        page=folder / "index.html",
        data=folder / "comparison.json",
        tables=(folder / "table.tex", folder / "table.md"),
        figures=tuple(folder / name for name in figures),
    )


def encode_comparison(comparison: Comparison, notes: Sequence[str] = ()) -> bytes:
    """Return the bytes of `comparison.json`: format "assay-comparison", version 1.

    UTF-8 JSON with sorted keys; numbers that do not exist or are not finite are null.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "headline": headline(comparison),
        "findings": [
            {"title": section.title, "lines": list(section.lines)} for section in sections(comparison)
        ],
        "notes": [one_line(note) for note in notes],
        "comparison": _plain(msgspec.to_builtins(comparison, enc_hook=_array)),
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1) + b"\n"


def render_comparison(
    comparison: Comparison, notes: Sequence[str], drawn: Sequence[Drawn], digest: str
) -> str:
    """Return the page; `digest` is that of `comparison.json`."""
    table = paper_table(comparison)
    context: dict[str, Any] = {
        "policy": POLICY,
        "name": one_line(comparison.name),
        "headline": headline(comparison),
        "facts": _facts(comparison),
        "procedure": procedure(comparison),
        "sections": sections(comparison),
        "columns": _methods(comparison),
        "grid": _grid(comparison),
        "figures": [(figure, width(figure)) for figure in drawn],
        "latex": to_latex(table),
        "markdown": to_markdown(table),
        "basis": _basis(comparison, notes),
        "digest": short(digest),
    }
    return environment().get_template("comparison.html.j2").render(context)


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    tasks = counted(len(comparison.tasks), "task")
    families = counted(comparison.families, "family", "families")
    least, most = comparison.least, comparison.most
    lost = comparison.failed + comparison.unscored
    return [
        ("Methods", f"{len(comparison.methods)}"),
        ("Tasks", tasks if comparison.families == len(comparison.tasks) else f"{tasks} of {families}"),
        ("Runs", f"{comparison.runs:,}, {f'{least} to {most}' if least != most else most} a cell"),
        ("Lost runs", f"{lost:,}" if lost else "none"),
        ("Measured", _measured(comparison)),
        ("Pairs share", one_line(comparison.paired_by) if comparison.paired_by else "nothing: not paired"),
    ]


def _measured(comparison: Comparison) -> str:
    return f"{one_line(comparison.metric)}, {direction_text(comparison)}"


def _methods(comparison: Comparison) -> list[_Head]:
    return [_Head(one_line(name), look(i)) for i, name in enumerate(comparison.methods)]


def _grid(comparison: Comparison) -> _Grid:
    """Return tasks by methods, or methods by tasks where that is narrower, as the tables for a paper."""
    methods, tasks = _methods(comparison), [_task_head(task) for task in comparison.tasks]
    shown = [paper_cells(task) for task in comparison.tasks]
    cells = [
        [_page_cell(*pair, comparison.most) for pair in zip(task.cells, row, strict=True)]
        for task, row in zip(comparison.tasks, shown, strict=True)
    ]
    ranks = average_ranks(comparison)
    if ranks:
        tasks.append(_Head(RANKS))
        cells.append([_rank_cell(rank) for rank in ranks])
    columns, rows, corner = methods, tasks, "Task"
    if methods_in_rows(comparison):
        columns, rows, corner = tasks, methods, "Method"
        cells = [list(column) for column in zip(*cells, strict=True)]
    # On a narrow screen each cell stands below the other, with the name of its column.
    named = [
        [cell._replace(label=column.label) for column, cell in zip(columns, line, strict=True)]
        for line in cells
    ]
    marks = legend(cell for row in shown for cell in row)
    return _Grid(corner, columns, list(zip(rows, named, strict=True)), marks)


def _task_head(task: TaskComparison) -> _Head:
    family = f"family {task.family}" if task.family != task.task else ""
    return _Head(task_name(task), note=one_line(family))


def _rank_cell(rank: str) -> _Cell:
    return _Cell("", rank, "", "", bold=False, mark="", standing="")


def _page_cell(cell: CellSummary, shown: PaperCell, most: int) -> _Cell:
    # Where every cell has one run the page says so once, at its head.
    told = most > 1 or cell.lost or not cell.n
    lost = f", {counted(cell.lost, 'run')} lost" if cell.lost else ""
    return _Cell(
        label="",
        mean=shown.mean,
        interval=shown.interval,
        runs="" if not told else f"n = {cell.n}{lost}" if cell.n or cell.lost else "no run",
        bold=shown.bold,
        mark=shown.mark,
        standing=cell.standing,
    )


def _basis(comparison: Comparison, notes: Sequence[str]) -> list[tuple[str, list[str]]]:
    basis = comparison.basis
    rows = [
        ("Read", [one_line(note) for note in notes]),
        ("Procedure", [f"{basis.procedure} ({basis.source})"]),
        ("Counted", [listed([f"{count:,} {name}" for name, count in basis.n.items()])]),
        ("Varied", [listed([one_line(name) for name in basis.varied])]),
        ("Assumes", [one_line(text) for text in basis.assumptions]),
        ("Correction", [one_line(basis.correction)]),
        ("Seed", [basis.seed]),
    ]
    if comparison.pairwise is not None:
        across = comparison.pairwise.basis
        rows.append(("Across tasks", [f"{across.procedure}; zeros: {across.zeros}; ties: {across.ties}"]))
    return [(term, texts) for term, texts in rows if texts]


def _array(value: Any) -> Any:
    """Return NumPy's arrays and numbers as lists and plain numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


def _plain(value: Any) -> Any:
    """Return the same value with None for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
