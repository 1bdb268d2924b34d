"""Tables ready for a paper: LaTeX with booktabs, and Markdown; nothing in a name acts in either."""

from __future__ import annotations

import re
from typing import NamedTuple

from assay.analysis.comparison import CellSummary, Comparison, TaskComparison
from assay.foundation.text import one_line
from assay.publishing.comparison_text import procedure
from assay.publishing.words import mean_of, range_of
from assay.statistics.intervals import SMALL

_MOST_COLUMNS = 8
_BESIDE = ("not distinguished", "cannot be decided", "better")

# In the order of the characters: each stands for itself in the set text, whatever it means in the source.
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "-": "-{}",  # no ligature makes a dash of two
    "[": "{[}",  # after the end of a row it would begin an option
    "]": "{]}",
    "*": "{*}",  # after the end of a row it would forbid a page break
    "`": r"\char96{}",
    "±": r"$\pm$",
    "−": "$-$",
    "≈": r"$\approx$",
    "†": r"$^{\dagger}$",
}
# What is markup within a line; lines begin with words of ours.
_MARKDOWN = re.compile(r"([\\`*_\[\]|~$^])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "://": "&#58;//", "www.": "www&#46;"}


class PaperCell(NamedTuple):
    """A number with its interval; `mark` is '≈' (not told from the best), '†' (runs lost) or ''."""

    mean: str
    interval: str
    bold: bool
    mark: str


class PaperTable(NamedTuple):
    """Heads and rows of a table; `corner` is the head of the first column, `notes` stand below it."""

    caption: str
    corner: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[PaperCell, ...]], ...]
    notes: tuple[str, ...]


def paper_table(comparison: Comparison) -> PaperTable:
    """Return tasks by methods, or methods by tasks where that is narrower."""
    cells = [[paper_cell(cell) for cell in task.cells] for task in comparison.tasks]
    names = [_task_name(task) for task in comparison.tasks]
    methods = [one_line(name) for name in comparison.methods]
    across = len(methods) > _MOST_COLUMNS and len(names) < len(methods)
    if across:
        cells = [list(column) for column in zip(*cells, strict=True)]
        names, methods = methods, names
    return PaperTable(
        caption=f"Mean {one_line(comparison.metric)} over runs with its {comparison.confidence:.0%} "
        f"interval. {procedure(comparison)}",
        corner="method" if across else "task",
        heads=tuple(methods),
        rows=tuple((name, tuple(row)) for name, row in zip(names, cells, strict=True)),
        notes=_notes(comparison),
    )


def paper_cell(cell: CellSummary) -> PaperCell:
    """Return what a table shows of a method on a task; a method that lost runs is never bold."""
    if cell.interval is None:
        return PaperCell("failed" if cell.failed else "–", "", bold=False, mark="")
    mark = "†" if cell.lost else "≈" if cell.standing in _BESIDE else ""
    spread = "" if cell.interval.low is None else range_of(cell.interval)
    return PaperCell(mean_of(cell.interval), spread, bold=cell.standing == "best", mark=mark)


def to_latex(table: PaperTable) -> str:
    """Return the table as LaTeX; it needs the packages booktabs and graphicx, and nothing else.

    Every character of a name is set as itself: none begins a command, a group, an option or a comment.
    """
    lines = [
        r"% Needs \usepackage{booktabs} and \usepackage{graphicx}.",
        r"\begin{table}[t]",
        r"  \centering",
        rf"  \caption{{{latex_text(table.caption)}}}",
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"  \begin{{tabular}}{{l{'c' * len(table.heads)}}}",
        r"    \toprule",
        _latex_row([latex_text(table.corner), *map(latex_text, table.heads)]),
        r"    \midrule",
        *(_latex_row([latex_text(name), *map(_latex_cell, cells)]) for name, cells in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}}",
        *(rf"  \par\smallskip{{\footnotesize {latex_text(note)}\par}}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_markdown(table: PaperTable) -> str:
    """Return the table as Markdown, in which names are text: neither markup nor HTML of theirs acts."""
    heads = [markdown_text(table.corner), *map(markdown_text, table.heads)]
    lines = [
        f"| {' | '.join(heads)} |",
        f"| :-- |{' --: |' * len(table.heads)}",
        *(
            f"| {' | '.join([markdown_text(name), *map(_markdown_cell, cells)])} |"
            for name, cells in table.rows
        ),
        "",
        markdown_text(table.caption),
        *(line for note in table.notes for line in ("", markdown_text(note))),
    ]
    return "\n".join(lines) + "\n"


def latex_text(text: str) -> str:
    """Return text of others on one line, each character as itself in LaTeX."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def markdown_text(text: str) -> str:
    """Return text of others on one line, within a line of ours: no markup, HTML or link of theirs acts."""
    line = one_line(text)
    for mark, entity in _ENTITIES.items():
        line = line.replace(mark, entity)
    return _MARKDOWN.sub(r"\\\1", line)


def _latex_row(cells: list[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _latex_cell(cell: PaperCell) -> str:
    mean, interval = (text.replace("-", "$-$") for text in (cell.mean, cell.interval))
    shown = rf"\textbf{{{mean}}}" if cell.bold else mean
    spread = rf" {{\scriptsize {interval}}}" if interval else ""
    return f"{shown}{latex_text(cell.mark)}{spread}"


def _markdown_cell(cell: PaperCell) -> str:
    shown = f"**{cell.mean}**" if cell.bold else cell.mean
    return " ".join(part for part in (f"{shown}{cell.mark}", cell.interval) if part)


def _task_name(task: TaskComparison) -> str:
    return one_line(task.task)


def _notes(comparison: Comparison) -> tuple[str, ...]:
    cells = [cell for task in comparison.tasks for cell in task.cells]
    runs = (
        f"{comparison.least} to {comparison.most}" if comparison.least != comparison.most else comparison.most
    )
    bold = "Bold: the best mean of a task, among methods that lost no run."
    notes = [f"{bold} n = {runs} runs; intervals are {_kinds(cells)}."]
    if any(cell.standing in _BESIDE for cell in cells):
        ahead = any(cell.standing == "better" for cell in cells)
        more = ", or ahead of it on the pairs that they share" if ahead else ""
        notes.append(f"≈ not distinguished from the best{more}.")
    if any(cell.lost and cell.interval for cell in cells):
        notes.append("† some runs failed or have no number: mean of the others, not tested.")
    return tuple(notes)


def _kinds(cells: list[CellSummary]) -> str:
    kinds = {cell.interval.method for cell in cells if cell.interval is not None}
    names = {"t": f"Student's t (below {SMALL} runs)", "BCa": "BCa bootstrap", "none": "absent for one run"}
    return " and ".join(names[kind] for kind in ("t", "BCa", "none") if kind in kinds) or "absent"
