"""Any table of scores as `Scores`, with what was taken for what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from assay.analysis.reading.columnar import read_json_lines, read_parquet
from assay.analysis.reading.columns import Columns, Layout, find_columns, smaller_is_better
from assay.analysis.reading.delimited import read_delimited
from assay.analysis.reading.frame import MOST_BYTES, Frame, label, refuse_size
from assay.analysis.reading.numbers import NotANumber, read_score, with_state
from assay.analysis.reading.trackers import as_runs, with_methods_from_names
from assay.foundation.errors import UsageError, nearest
from assay.foundation.text import one_line, shortened
from assay.statistics.scores import Row, Scores, make_scores

MOST_METHODS = 100
MOST_CELLS = 5_000
MOST_RUNS = 100_000
MOST_PLACES = 20_000_000
LONGEST_NAME = 200
_STEPS = {"step", "_step", "epoch", "iteration", "iter", "timestep", "global_step", "evaluations"}


class ReadTable(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, what they are of, and what was taken for what, in sentences for a person.

    `guessed` is False where the caller said which direction is better.
    """

    scores: Scores
    metric: str
    guessed: bool
    notes: tuple[str, ...]


class _Run(msgspec.Struct, frozen=True):
    """One score of the table with the place of its row."""

    row: int
    method: str
    task: str
    replicate: str
    score: float | None
    failed: bool


def read_table(
    path: Path,
    columns: Columns | None = None,
    *,
    minimize: bool | None = None,
    paired_by: str | None = None,
) -> ReadTable:
    """Read a table of scores: CSV, TSV, Parquet, JSON lines, or an export of MLflow or W&B.

    The table is long (columns method, task, replicate, score) or wide (a column for each method, or for
    each task). `minimize` None guesses from the name of the metric. `paired_by` names what replicates of
    equal label share, and needs a column of replicates. The order of rows never matters: methods, tasks
    and replicates are sorted. Raises `UsageError` with file, line and column.
    """
    given = columns or Columns()
    frame = as_runs(load_frame(path), given.scores)
    frame, layout = _laid_out(frame, given)
    runs = _runs(frame, layout)
    _refuse_many(frame, runs)
    labelled = bool(layout.labels)
    if paired_by is not None and not labelled:
        raise UsageError(
            "pairs need a column that tells replicates apart",
            where=frame.name,
            why=f"rows are paired by {one_line(paired_by)}, and no column says which rows belong together",
            hint="name it, as in --replicate seed",
        )
    rows = _numbered(frame, runs, labelled, paired_by is not None)
    metric = _metric(frame, layout)
    tasks = {row.task for row in rows}
    smaller = _smaller(tasks, metric, layout, minimize)
    scores = make_scores(
        rows,
        families=_families(frame, layout),
        minimize=smaller,
        varied=tuple(one_line(frame.columns[i]) for i in layout.labels) or ("not declared",),
        paired_by=paired_by,
    )
    notes = (*frame.notes, *_notes(frame, layout, metric, rows, smaller, minimize))
    return ReadTable(scores=scores, metric=metric, guessed=minimize is None, notes=notes)


def load_frame(path: Path) -> Frame:
    """Return the table of a file by its format; raises `UsageError` for what is no table."""
    _refuse_missing(path)
    refuse_size(path.name, "bytes", path.stat().st_size, MOST_BYTES)
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(4)
    if suffix in (".parquet", ".pq") or head == b"PAR1":
        return read_parquet(path)
    if suffix in (".xlsx", ".xls", ".ods", ".gz", ".zip", ".bz2", ".xz", ".zst", ".pkl", ".pickle"):
        hint = (
            "save the sheet as CSV" if suffix in (".xlsx", ".xls", ".ods") else "unpack it or save it as CSV"
        )
        raise UsageError(f"tables of the kind '{suffix}' are not read", where=path.name, hint=hint)
    data = path.read_bytes()
    if not data.strip():
        raise UsageError("the file is empty", where=path.name, hint="the first line names the columns")
    if suffix in (".jsonl", ".ndjson", ".json"):
        return read_json_lines(path, data)
    return read_delimited(path, data)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts 'seed 10' after 'seed 9', the same everywhere."""
    parts = re.split(r"([0-9]{1,18})", name)
    keyed = ((1, int(part), "") if i % 2 else (0, 0, part) for i, part in enumerate(parts))
    return (*keyed, (0, 0, name))


def _refuse_missing(path: Path) -> None:
    shown = one_line(str(path))
    if path.is_dir():
        inside = sorted(
            one.name for one in path.iterdir() if one.suffix.lower() in (".csv", ".tsv", ".parquet")
        )
        named = f"name a file in it, such as {one_line(str(path / inside[0]))}"
        raise UsageError(
            "this is a folder, not a table", where=shown, hint=named if inside else "name a file"
        )
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path()
        near = nearest(path.name, [one.name for one in folder.iterdir()])
        hint = f"did you mean '{one_line(str(path.with_name(near)))}'?" if near else None
        raise UsageError("there is no such file", where=shown, hint=hint)
    if not path.is_file():
        raise UsageError("this is not a regular file", where=shown, hint="save the table to a file first")


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


def _runs(frame: Frame, layout: Layout) -> list[_Run]:
    runs: list[_Run] = []
    for i, row in enumerate(frame.rows):
        method = _name(frame, i, layout.method, "method") if layout.method is not None else ""
        task = _name(frame, i, layout.task, "task") if layout.task is not None else ""
        replicate = ", ".join(_name(frame, i, c, "replicate") for c in layout.labels)
        for column in layout.scores:
            try:
                found = read_score(row[column])
            except NotANumber as wrong:
                where = frame.where(i, column)
                raise UsageError(wrong.what, where=where, why=wrong.why, hint=wrong.hint) from None
            if layout.state is not None:
                found = with_state(found, row[layout.state])
            named = one_line(frame.columns[column])
            runs.append(
                _Run(
                    i,
                    method or named,
                    task or (named if layout.shape == "tasks in columns" else _all(frame, layout)),
                    replicate,
                    found.score,
                    found.failed,
                )
            )
    return runs


def _all(frame: Frame, layout: Layout) -> str:
    """Return the name of the only task of a table that names none."""
    return "all rows" if layout.shape == "methods in columns" else one_line(_metric(frame, layout))


def _name(frame: Frame, row: int, column: int, role: str) -> str:
    name = one_line(label(frame.rows[row][column]))
    if not name:
        raise UsageError(f"a row has no {role}", where=frame.where(row, column), hint="fill the cell")
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"the name of a {role} is longer than {LONGEST_NAME} characters", where=frame.where(row, column)
        )
    return name


def _refuse_many(frame: Frame, runs: list[_Run]) -> None:
    refuse_size(frame.name, "runs", len(runs), MOST_RUNS)
    methods, tasks = len({run.method for run in runs}), len({run.task for run in runs})
    if methods < 2:
        raise UsageError(
            f"a comparison needs two methods at least, and the table has {methods}",
            where=frame.name,
            why=f"every row is of '{shortened(runs[0].method, 40)}'" if runs else None,
            hint="name the column that tells methods apart, as in --method optimizer",
        )
    for found, most, what in ((methods, MOST_METHODS, "methods"), (tasks, MOST_CELLS // methods, "tasks")):
        if found > most:
            raise UsageError(
                f"the table has {found:,} {what}; at most {most:,} are compared",
                where=frame.name,
                hint=f"name the column of the {what}, as in --{what[:-1]} COLUMN, or compare fewer",
            )


def _numbered(frame: Frame, runs: list[_Run], labelled: bool, paired: bool) -> list[Row]:
    """Return the runs in an order of their own; refuses a run that is given twice.

    Replicates that are not paired and whose labels no two methods share are numbered within their cell.
    """
    cells: dict[tuple[str, str], list[_Run]] = {}
    for run in runs:
        cells.setdefault((run.task, run.method), []).append(run)
    if labelled:
        for held in cells.values():
            _refuse_twice(frame, held)
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


def _order(run: _Run) -> tuple[object, ...]:
    return natural(run.replicate), run.score is None, run.score or 0.0, run.failed


def _refuse_twice(frame: Frame, held: list[_Run]) -> None:
    first: dict[str, int] = {}
    steps = [name for name in frame.columns if name.strip().lower() in _STEPS]
    hint = "remove one, or name the column that tells them apart with --replicate"
    if steps:
        hint = f"keep the row of each run that counts: column {shortened(steps[0], 30)} makes these curves"
    for run in held:
        if run.replicate in first:
            raise UsageError(
                "a run is given twice",
                where=frame.where(run.row),
                why=f"method {shortened(run.method, 40)}, task {shortened(run.task, 40)}, replicate "
                f"{shortened(run.replicate, 40)} stands at {frame.where(first[run.replicate])} too",
                hint=hint,
            )
        first[run.replicate] = run.row


def _families(frame: Frame, layout: Layout) -> dict[str, str]:
    if layout.family is None or layout.task is None:
        return {}
    found: dict[str, tuple[str, int]] = {}
    for i in range(len(frame.rows)):
        task, family = _name(frame, i, layout.task, "task"), _name(frame, i, layout.family, "family")
        if found.setdefault(task, (family, i))[0] != family:
            raise UsageError(
                f"the task '{shortened(task, 40)}' is of two families",
                where=frame.where(i, layout.family),
                why=f"'{shortened(family, 40)}' here, '{shortened(found[task][0], 40)}' at "
                f"{frame.where(found[task][1])}",
            )
    return {task: family for task, (family, _) in found.items()}


def _metric(frame: Frame, layout: Layout) -> str:
    """Return the name of what was measured, where the table has one."""
    if layout.shape != "long":
        return "score"
    name = frame.columns[layout.scores[0]]
    return one_line(name.removeprefix("metrics.")) or "score"


def _smaller(tasks: Iterable[str], metric: str, layout: Layout, minimize: bool | None) -> set[str]:
    """Return the tasks of which smaller scores are better."""
    if minimize is not None:
        return set(tasks) if minimize else set()
    if layout.shape == "tasks in columns":
        return {task for task in tasks if smaller_is_better(task)}
    return set(tasks) if smaller_is_better(metric) else set()


def _notes(
    frame: Frame, layout: Layout, metric: str, rows: list[Row], smaller: set[str], minimize: bool | None
) -> list[str]:
    """Return what was taken for what."""
    named = [one_line(frame.columns[i]) or "(no name)" for i in layout.scores]
    roles = [
        ("method", layout.method),
        ("task", layout.task),
        ("family", layout.family),
        ("state", layout.state),
    ]
    parts = [f"{role}: {one_line(frame.columns[i]) or '(no name)'}" for role, i in roles if i is not None]
    if layout.labels:
        parts.append(f"replicate: {' and '.join(one_line(frame.columns[i]) for i in layout.labels)}")
    if layout.shape == "long":
        parts.append(f"score: {named[0]}")
    else:
        kind = layout.shape.split(" ", 1)[0]
        parts.append(f"{kind}, one a column: {', '.join(named[:8])}{' …' if len(named) > 8 else ''}")
    source = f"an export of {frame.tracker}" if frame.tracker else "a table"
    shape = "long" if layout.shape == "long" else "wide"
    notes = [f"read {frame.name} as {source}, {shape}; {'; '.join(parts)}"]
    if layout.unused:
        shown = ", ".join(shortened(name, 30) for name in layout.unused[:8])
        notes.append(f"not used: {shown}{' …' if len(layout.unused) > 8 else ''}")
    notes.append(
        _direction(
            metric if layout.shape == "long" else "", len(smaller), len({row.task for row in rows}), minimize
        )
    )
    same = _equal_rows(frame) if not layout.labels else 0
    if same:
        notes.append(f"{same} rows equal another in every cell and count as runs: no column tells runs apart")
    return notes


def _direction(metric: str, smaller: int, tasks: int, minimize: bool | None) -> str:
    if minimize is not None:
        return f"{'smaller' if minimize else 'larger'} {metric or 'score'} is better, as told"
    other = "--maximize" if smaller == tasks else "--minimize"
    if 0 < smaller < tasks:
        return f"smaller is better on {smaller} of {tasks} tasks, guessed from their names"
    if not metric and not smaller:
        return f"larger is better, since no name says otherwise; else add {other}"
    what = f"{'smaller' if smaller else 'larger'} {metric or 'score'} is better"
    return f"{what}, guessed from its name; else add {other}"


def _equal_rows(frame: Frame) -> int:
    return sum(count - 1 for count in Counter(frame.rows).values())
