"""Tables ready for a paper: LaTeX with booktabs, and Markdown; nothing in a name acts in either."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from assay.analysis.comparison import CellSummary, Comparison, TaskComparison
from assay.foundation.text import one_line
from assay.publishing.comparison_text import direction_mark, procedure
from assay.publishing.decimals import mean_in, range_in, shared_decimals
from assay.statistics.intervals import SMALL

_MOST_COLUMNS = 8
_MARKS = {"not distinguished": "≈", "better": "≈", "cannot be decided": "‡"}
RANKS = "average rank"

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
    "[": "{[}",  # after the end of a row it would begin an option
    "]": "{]}",
    "*": "{*}",  # after the end of a row it would forbid a page break
    "`": r"\char96{}",
    "±": r"$\pm$",
    "−": "$-$",
    "≈": r"$\approx$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "–": r"\textendash{}",
    "…": r"\ldots{}",
}
_ENGINE = (
    "% Has characters beyond ASCII: use XeLaTeX or LuaLaTeX with a font that has them. pdfLaTeX knows only\n"
    "% accented Latin letters, and before 2018 needs \\usepackage[utf8]{inputenc} for these."
)
# What is markup within a line; lines begin with words of ours.
_MARKDOWN = re.compile(r"([\\`*_\[\]|~$^])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "://": "&#58;//", "www.": "www&#46;"}


class PaperCell(NamedTuple):
    """A number with its interval.

    `mark` is '≈' (not told from the best), '‡' (too few runs to decide), '†' (runs lost) or ''.
    """

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
    """Return tasks by methods, or methods by tasks where that is narrower; average ranks where known."""
    cells = [list(paper_cells(task)) for task in comparison.tasks]
    names = [task_name(task) for task in comparison.tasks]
    ranks = average_ranks(comparison)
    if ranks:
        cells.append([PaperCell(rank, "", bold=False, mark="") for rank in ranks])
        names.append(RANKS)
    methods = [one_line(name) for name in comparison.methods]
    across = methods_in_rows(comparison)
    if across:
        cells = [list(column) for column in zip(*cells, strict=True)]
        names, methods = methods, names
    return PaperTable(
        caption=_caption(comparison),
        corner="method" if across else "task",
        heads=tuple(methods),
        rows=tuple((name, tuple(row)) for name, row in zip(names, cells, strict=True)),
        notes=_notes(comparison),
    )


def methods_in_rows(comparison: Comparison) -> bool:
    """Tell whether a table is narrower with a row for each method."""
    return len(comparison.methods) > _MOST_COLUMNS and len(comparison.tasks) < len(comparison.methods)


def paper_cells(task: TaskComparison) -> tuple[PaperCell, ...]:
    """Return what a table shows of the methods on a task, all in the same decimals.

    A method that lost runs is never bold, and nothing is where no method could be tested against another.
    """
    decimals = shared_decimals(cell.interval for cell in task.cells)
    tested = any(one.adjusted is not None for one in task.against)
    return tuple(_cell(cell, decimals, tested or not task.against) for cell in task.cells)


def average_ranks(comparison: Comparison) -> tuple[str, ...]:
    """Return the average rank of each method over families, 1 the best; nothing where none is shown."""
    if comparison.friedman is None or comparison.pairwise is None:
        return ()
    ranks = dict(zip(comparison.pairwise.methods, comparison.pairwise.average_ranks, strict=True))
    return tuple(f"{ranks[name]:.2f}" for name in comparison.methods)


def task_name(task: TaskComparison) -> str:
    """Return a task with an arrow that points to the better scores."""
    return f"{one_line(task.task)} {direction_mark(task)}"


def legend(cells: Iterable[PaperCell]) -> tuple[str, ...]:
    """Return what the marks mean that are in a table."""
    held = list(cells)
    marks = {cell.mark for cell in held}
    told = {
        "≈": "≈ not distinguished from the best.",
        "‡": "‡ too few runs to decide against the best, whatever they had been.",
        "†": "† some runs failed or have no number: mean of the others, not tested.",
    }
    bold = "Bold: the best mean of a task, among methods that lost no run."
    first = (bold,) if any(cell.bold for cell in held) else ()
    return (*first, *(text for mark, text in told.items() if mark in marks))


def _cell(cell: CellSummary, decimals: int, tested: bool) -> PaperCell:
    if cell.interval is None:
        return PaperCell("failed" if cell.failed else "–", "", bold=False, mark="")
    mark = "†" if cell.lost else _MARKS.get(cell.standing, "") if tested else ""
    return PaperCell(
        mean_in(cell.interval, decimals),
        range_in(cell.interval, decimals),
        bold=tested and cell.standing == "best",
        mark=mark,
    )


def _caption(comparison: Comparison) -> str:
    metric = one_line(comparison.metric)
    if comparison.most < 2:
        return f"Scores ({metric}) of single runs: no interval, and no test within a task."
    return f"Mean {metric} over runs, with its {comparison.confidence:.0%} interval."


def to_latex(table: PaperTable) -> str:
    """Return the table as LaTeX; it needs the packages booktabs and graphicx, and nothing else.

    Every character of a name is set as itself: none begins a command, a group, an option or a comment.
    """
    lines = [
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
    text = "\n".join(lines) + "\n"
    needs = [r"% Needs \usepackage{booktabs} and \usepackage{graphicx}."]
    return "\n".join([*needs, *([] if text.isascii() else [_ENGINE]), text])


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
    line = "".join(_LATEX.get(character, character) for character in one_line(text))
    return re.sub("-(?=-)", "-{}", line)  # no ligature makes a dash of two


def markdown_text(text: str) -> str:
    """Return text of others on one line, within a line of ours: no markup, HTML or link of theirs acts."""
    line = one_line(text)
    for mark, entity in _ENTITIES.items():
        line = line.replace(mark, entity)
    return _MARKDOWN.sub(r"\\\1", line)


def _latex_row(cells: list[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _latex_cell(cell: PaperCell) -> str:
    mean, interval = (
        text.replace("-", "$-$").replace("–", r"\textendash{}") for text in (cell.mean, cell.interval)
    )
    shown = rf"\textbf{{{mean}}}" if cell.bold else mean
    spread = rf" {{\scriptsize {interval}}}" if interval else ""
    return f"{shown}{latex_text(cell.mark)}{spread}"


def _markdown_cell(cell: PaperCell) -> str:
    shown = f"**{cell.mean}**" if cell.bold else cell.mean
    return " ".join(part for part in (f"{shown}{cell.mark}", cell.interval) if part)


def _notes(comparison: Comparison) -> tuple[str, ...]:
    cells = [cell for task in comparison.tasks for cell in task.cells]
    shown = [cell for task in comparison.tasks for cell in paper_cells(task)]
    notes = [*legend(shown)]
    if any(cell.standing == "better" for cell in cells):
        notes.append(
            "A method may be ahead of the best mean on the pairs that they share, and is then ≈ too."
        )
    if comparison.most > 1:
        least, most = comparison.least, comparison.most
        runs = f"{least} to {most}" if least != most else most
        notes.append(f"n = {runs} runs; intervals are {_kinds(cells)}. {procedure(comparison)}")
    if average_ranks(comparison):
        notes.append(f"{RANKS[0].upper()}{RANKS[1:]}: over families of tasks, 1 is the best.")
    return tuple(notes)


def _kinds(cells: list[CellSummary]) -> str:
    kinds = {cell.interval.method for cell in cells if cell.interval is not None}
    names = {"t": f"Student's t (below {SMALL} runs)", "BCa": "BCa bootstrap", "none": "absent for one run"}
    return " and ".join(names[kind] for kind in ("t", "BCa", "none") if kind in kinds) or "absent"
