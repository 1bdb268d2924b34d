"""The runs of a table whose columns are known, each with the place of its row."""

from __future__ import annotations

import msgspec

from assay.analysis.reading.columns import Layout
from assay.analysis.reading.frame import Frame, label
from assay.analysis.reading.numbers import NotANumber, Style, read_score, style_of, with_state
from assay.foundation.errors import UsageError
from assay.foundation.text import one_line

LONGEST_NAME = 200
_METRICS = ("metric", "metric_name", "measure")
_GENERIC = {"value", "score", "result", "values", "scores", "results"}


class Run(msgspec.Struct, frozen=True):
    """One score of the table with the place of its row."""

    row: int
    method: str
    task: str
    replicate: str
    score: float | None
    failed: bool


def runs_of(frame: Frame, layout: Layout) -> tuple[list[Run], list[str]]:
    """Return the runs, and what is to be told of how their numbers are written."""
    styles = {c: style_of(frame.column(c), frame.commas) for c in layout.scores}
    only = "all rows" if layout.shape == "methods in columns" else metric_of(frame, layout)
    runs: list[Run] = []
    for i, row in enumerate(frame.rows):
        method = name_of(frame, i, layout.method, "method") if layout.method is not None else ""
        task = name_of(frame, i, layout.task, "task") if layout.task is not None else ""
        replicate = ", ".join(name_of(frame, i, c, "replicate") for c in layout.labels)
        for column in layout.scores:
            try:
                found = read_score(row[column], styles[column])
            except NotANumber as wrong:
                where = frame.where(i, column)
                raise UsageError(wrong.what, where=where, why=wrong.why, hint=wrong.hint) from None
            if layout.state is not None:
                found = with_state(found, row[layout.state])
            named = one_line(frame.columns[column])
            own = named if layout.shape == "tasks in columns" else only
            runs.append(Run(i, method or named, task or own, replicate, found.score, found.failed))
    return runs, _written(frame, styles)


def name_of(frame: Frame, row: int, column: int, role: str) -> str:
    """Return the name in a cell on one line; raises `UsageError` for none and for a very long one."""
    name = one_line(label(frame.rows[row][column]))
    if not name:
        raise UsageError(f"a row has no {role}", where=frame.where(row, column), hint="fill the cell")
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"the name of a {role} is longer than {LONGEST_NAME} characters", where=frame.where(row, column)
        )
    return name


def metric_of(frame: Frame, layout: Layout) -> str:
    """Return the name of what was measured, where the table has one.

    Where the column of the scores has no name of its own, a column 'metric' of one value tells it.
    """
    if layout.shape != "long":
        return "score"
    name = one_line(frame.columns[layout.scores[0]].removeprefix("metrics."))
    if name.lower() in _GENERIC:
        for i, column in enumerate(frame.columns):
            held = {label(cell) for cell in frame.column(i)} if column.lower() in _METRICS else set()
            if len(held) == 1 and (only := one_line(next(iter(held)))):
                return only
    return name or "score"


def _written(frame: Frame, styles: dict[int, Style]) -> list[str]:
    percent = [one_line(frame.columns[c]) for c, style in styles.items() if style.percent]
    commas = [one_line(frame.columns[c]) for c, style in styles.items() if style.comma]
    notes = (
        [f"percent signs in {', '.join(percent[:8])} are read as the unit of the numbers"] if percent else []
    )
    return notes + ([f"commas in {', '.join(commas[:8])} are read as decimal commas"] if commas else [])
