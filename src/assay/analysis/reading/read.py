"""Any table of scores as `Scores`, with what was taken for what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from assay.analysis.reading.cautions import cautions
from assay.analysis.reading.checks import check_pairs, refuse_many, refuse_twice
from assay.analysis.reading.columns import Columns, Layout, find_columns
from assay.analysis.reading.files import load_frame
from assay.analysis.reading.frame import Frame, refuse_size
from assay.analysis.reading.notes import direction_note, layout_notes
from assay.analysis.reading.runs import Run, metric_of, name_of, runs_of
from assay.analysis.reading.select import chosen_rows, joined_columns
from assay.analysis.reading.summaries import without_summaries
from assay.analysis.reading.trackers import as_runs, with_methods_from_names
from assay.analysis.reading.units import in_order, unit_of
from assay.analysis.reading.words import smaller_is_better
from assay.foundation.errors import UsageError
from assay.foundation.text import one_line, shortened
from assay.statistics.scores import Row, Scores, make_scores

MOST_PLACES = 20_000_000


class ReadTable(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, what they are of, and what was taken for what, in sentences for a person.

    `guessed` is False where the caller said which direction is better.
    """

    scores: Scores
    metric: str
    guessed: bool
    notes: tuple[str, ...]


def read_table(
    source: Path | Frame,
    columns: Columns | None = None,
    *,
    minimize: bool | None = None,
    paired_by: str | None = None,
    unit: str | None = None,
    order: Sequence[str] = (),
) -> ReadTable:
    """Read a table of scores: CSV, TSV, Parquet, JSON lines, or an export of MLflow or W&B.

    The table is long (columns method, task, replicate, score) or wide (a column for each method, or for
    each task). `minimize` None guesses from the name of the metric. `paired_by` names what replicates of
    equal label share, and needs a column of replicates. `unit` declares one unit of all scores; without it
    a metric that is a bounded share by its name is one (see `unit_of`). `order` names the methods that
    come first. Costs, settings and means over tasks beside
    scores are set aside and told. The order of rows never matters: methods, tasks and replicates are
    sorted. Raises `UsageError` with file, line and column.
    """
    frame = source if isinstance(source, Frame) else load_frame(source)
    given = columns or Columns()
    frame, given = joined_columns(chosen_rows(frame, given.where), given)
    frame, layout = _laid_out(as_runs(frame, given.scores), given)
    runs, written = runs_of(frame, layout)
    runs, aside = without_summaries(runs, frozenset(one_line(name) for name in given.scores))
    refuse_many(frame, runs)
    if layout.labels:
        refuse_twice(frame, layout, runs)
    unpaired = [] if paired_by is None else check_pairs(frame, layout, runs, paired_by)
    rows = _numbered(frame, runs, bool(layout.labels), paired_by is not None)
    metric = metric_of(frame, layout)
    tasks = sorted({row.task for row in rows})
    telling = tasks if layout.shape == "tasks in columns" else [metric]
    smaller = _smaller(tasks, telling, minimize)
    scores = make_scores(
        rows,
        families={task: family for task, family in _families(frame, layout).items() if task in tasks},
        minimize=smaller,
        varied=tuple(one_line(frame.columns[i]) for i in layout.labels) or ("not declared",),
        paired_by=paired_by,
    )
    scores = in_order(_sorted(scores), order)
    known, measured = unit_of(scores, metric, unit)
    scores = msgspec.structs.replace(scores, units=tuple(known for _ in scores.tasks))
    better = direction_note(telling, metric if layout.shape == "long" else "", minimize)
    notes = (*frame.notes, *layout_notes(frame, layout), *written, *aside, better, *unpaired)
    notes = (*notes, *([measured] if measured else []), *cautions(frame, layout, runs))
    return ReadTable(scores=scores, metric=metric, guessed=minimize is None, notes=notes)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts 'seed 10' after 'seed 9' and 'Ours' after 'base', the same everywhere."""
    parts = re.split(r"([0-9]{1,18})", name.casefold())
    keyed = ((1, int(part), "") if i % 2 else (0, 0, part) for i, part in enumerate(parts))
    return (*keyed, (0, 0, name))


def _sorted(scores: Scores) -> Scores:
    """Return the scores with methods and tasks in their natural order, whichever replicates they have."""
    return scores.only(methods=sorted(scores.methods, key=natural), tasks=sorted(scores.tasks, key=natural))


def _laid_out(frame: Frame, given: Columns) -> tuple[Frame, Layout]:
    """Return the table with its layout; runs of a tracker get what only their names tell."""
    if frame.tracker is None:
        return frame, find_columns(frame, given)
    try:
        layout = find_columns(frame, given)
    except UsageError as error:
        if "which method" not in error.what:
            raise
        frame = with_methods_from_names(frame)
        layout = find_columns(frame, given)
    if layout.replicate is None and frame.run_id is not None and not layout.labels:
        layout = layout._replace(replicate=frame.columns.index(frame.run_id))
    return frame, layout


def _numbered(frame: Frame, runs: list[Run], labelled: bool, paired: bool) -> list[Row]:
    """Return the runs in an order of their own.

    Replicates that are not paired and whose labels no two methods share are numbered within their cell.
    """
    cells: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        cells.setdefault((run.task, run.method), []).append(run)
    labels = {run.replicate for run in runs}
    largest = max(len(held) for held in cells.values())
    number = not labelled or (not paired and len(labels) > largest)
    places = len({t for t, _ in cells}) * len({m for _, m in cells}) * (largest if number else len(labels))
    refuse_size(frame.name, "combinations of task, method and replicate", places, MOST_PLACES)
    rows: list[Row] = []
    for task, method in sorted(cells, key=lambda cell: (natural(cell[0]), natural(cell[1]))):
        held = sorted(cells[task, method], key=_order)
        for i, run in enumerate(held, start=1):
            name = str(i) if number else run.replicate
            rows.append(Row(method=method, task=task, replicate=name, score=run.score, failed=run.failed))
    return sorted(rows, key=lambda row: (natural(row.replicate), natural(row.method), natural(row.task)))


def _order(run: Run) -> tuple[object, ...]:
    return natural(run.replicate), run.score is None, run.score or 0.0, run.failed


def _families(frame: Frame, layout: Layout) -> dict[str, str]:
    if layout.family is None or layout.task is None:
        return {}
    found: dict[str, tuple[str, int]] = {}
    for i in range(len(frame.rows)):
        task, family = name_of(frame, i, layout.task, "task"), name_of(frame, i, layout.family, "family")
        if found.setdefault(task, (family, i))[0] != family:
            raise UsageError(
                f"the task '{shortened(task, 40)}' is of two families",
                where=frame.where(i, layout.family),
                why=f"'{shortened(family, 40)}' here, '{shortened(found[task][0], 40)}' at "
                f"{frame.where(found[task][1])}",
            )
    return {task: family for task, (family, _) in found.items()}


def _smaller(tasks: list[str], telling: list[str], minimize: bool | None) -> set[str]:
    """Return the tasks of which smaller scores are better, by the names that tell it."""
    if minimize is not None:
        return set(tasks) if minimize else set()
    if telling is tasks:
        return {task for task in tasks if smaller_is_better(task)}
    return set(tasks) if smaller_is_better(telling[0]) else set()
