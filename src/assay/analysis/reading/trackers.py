"""Exports of experiment trackers: which are recognised, and how their columns are to be read.

MLflow: `mlflow experiments csv` writes `mlflow.search_runs`, with columns `run_id`, `experiment_id`,
`status`, `metrics.*`, `params.*`, `tags.*` (mlflow/experiments.py, `generate_csv_with_runs`). The
download of the user interface has 'Start Time', 'Duration', 'Run ID', 'Name', 'Source Type',
'Source Name', 'User', 'Status', then parameters, metrics and tags without a prefix, and puts a quote
before cells that would be formulas; the download of a chart has 'Run', 'Run ID', 'metric', 'step',
'timestamp', 'value' (mlflow/server/js/src/experiment-tracking/utils/CsvUtils.ts).

W&B: the export of the runs table has 'Name', 'State' and such columns as 'Created', 'Runtime', 'User',
'Tags', 'Sweep', then keys of config and summary; the states are those of docs.wandb.ai, "Run states".
The export of a chart has 'Step' (or another x-axis) and for each run 'NAME - METRIC', with
'NAME - METRIC__MIN' and 'NAME - METRIC__MAX' beside it (wandb/wandb issues 5222 and 5349).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay.analysis.reading.frame import Cell, Frame, label
from assay.analysis.reading.numbers import is_state
from assay.foundation.errors import UsageError
from assay.foundation.text import shortened

_MLFLOW_TABLE = {"run_id", "experiment_id", "status"}
_MLFLOW_DOWNLOAD = {"Run ID", "Source Type", "Source Name", "Status"}
_MLFLOW_CHART = {"Run", "Run ID", "metric", "step", "value"}
_WANDB_TABLE = {"Name", "State"}
_WANDB_BESIDE = {
    *("Created", "Runtime", "Notes", "User", "Tags", "Sweep", "Hostname", "ID", "Group", "Job Type"),
    *("End Time", "Description", "Commit", "GitHub"),
}
_WANDB_AXES = {"Step", "Relative Time (Process)", "Relative Time (Wall)", "Wall Time", "global_step", "epoch"}
_NOT_SCORES = {"Duration", "Runtime", "Start Time", "Created", "Updated", "End Time", "User", "Tags", "Notes"}
_LONGEST = 200
# A name such as 'resnet-seed3' or 'resnet_s3': what tells runs of one method apart must say so.
_NUMBERED = re.compile(
    r"(?P<method>.+?)[\s_./=-]+(?:seed|rep|fold|trial|run|s|r)[\s_=-]?(?P<label>\d+)", re.IGNORECASE
)


def as_runs(frame: Frame, scores: Sequence[str] = ()) -> Frame:
    """Return a tracker's export with its roles marked, or the very table where it is none.

    `scores` are the metrics that the caller asks for; they choose among those of a chart. Raises
    `UsageError` for exports that hold no single runs, such as means over a group.
    """
    names = set(frame.columns)
    if names >= _MLFLOW_CHART:
        return _mlflow_chart(frame, scores)
    if names >= _MLFLOW_TABLE and any(name.startswith("metrics.") for name in names):
        return _mlflow_table(frame)
    if names >= _MLFLOW_DOWNLOAD:
        return _downloaded(frame, "MLflow", "Run ID")
    if names >= _WANDB_TABLE and _is_wandb(frame, len(names & _WANDB_BESIDE)):
        return _downloaded(frame, "W&B", "ID")
    if frame.columns and frame.columns[0] in _WANDB_AXES and any(" - " in name for name in frame.columns):
        return _wandb_chart(frame, scores)
    return frame


def split_name(name: str) -> tuple[str, str] | None:
    """Return the method and the replicate that a name such as 'resnet-seed3' tells, or None."""
    match = _NUMBERED.fullmatch(name.strip()) if len(name) <= _LONGEST else None
    return (match["method"], match["label"]) if match else None


def with_methods_from_names(frame: Frame) -> Frame:
    """Return a tracker's runs with the columns 'method' and 'replicate', taken from the runs' names.

    Raises `UsageError` where the names do not tell them.
    """
    place = frame.columns.index(frame.run_name) if frame.run_name else None
    names = [] if place is None else [label(row[place]) for row in frame.rows]
    split = [split_name(name) for name in names]
    if not names or any(one is None for one in split):
        odd = next((f" ('{shortened(n, 40)}')" for n, s in zip(names, split, strict=True) if s is None), "")
        raise UsageError(
            "nothing says which method a run is of",
            where=frame.name,
            why=f"no parameter is called method, algorithm or model, and names of runs do not tell{odd}",
            hint="name the column, as in --method params.optimizer, or call runs NAME-seed3",
        )
    told = [one for one in split if one is not None]
    rows = [(*row, *one) for row, one in zip(frame.rows, told, strict=True)]
    note = "method and replicate are taken from the names of the runs"
    return frame._replace(
        columns=(*frame.columns, "method", "replicate"), rows=rows, notes=(*frame.notes, note)
    )


def _is_wandb(frame: Frame, beside: int) -> bool:
    return beside > 1 or (beside == 1 and is_state(frame.column(frame.columns.index("State"))))


def _mlflow_table(frame: Frame) -> Frame:
    measures = frozenset(name for name in frame.columns if name.startswith("metrics."))
    name = next((one for one in ("tags.mlflow.runName", "run_name") if one in frame.columns), None)
    return frame._replace(measures=measures, tracker="MLflow", run_name=name, run_id="run_id")


def _downloaded(frame: Frame, tracker: str, run_id: str) -> Frame:
    """Mark the runs table of a user interface, in which metrics do not differ from parameters by name."""
    known = _MLFLOW_DOWNLOAD | _WANDB_TABLE | _WANDB_BESIDE | _NOT_SCORES
    measures = frozenset(name for name in frame.columns if name not in known)
    identity = run_id if run_id in frame.columns else None
    # A run of that name is what people see; it is no method.
    columns = tuple("run_name" if name == "Name" else name for name in frame.columns)
    return frame._replace(
        columns=columns, measures=measures, tracker=tracker, run_name="run_name", run_id=identity
    )


def _mlflow_chart(frame: Frame, scores: Sequence[str]) -> Frame:
    """Return the last value of the metric in each run of an MLflow chart."""
    at = {name: frame.columns.index(name) for name in ("Run", "Run ID", "metric", "step", "value")}
    metric = _only_metric(frame, {label(row[at["metric"]]) for row in frame.rows}, scores)
    last: dict[str, tuple[float, int]] = {}
    for i, row in enumerate(frame.rows):
        if label(row[at["metric"]]) == metric:
            step, run = _step(frame, i, at["step"]), label(row[at["Run ID"]])
            if run not in last or step >= last[run][0]:
                last[run] = step, i
    kept = [i for _, i in last.values()]
    rows: list[tuple[Cell, ...]] = [
        (frame.rows[i][at["Run"]], frame.rows[i][at["Run ID"]], frame.rows[i][at["value"]]) for i in kept
    ]
    lines = [frame.lines[i] for i in kept]
    return _of_chart(frame, "MLflow", metric, rows, lines)


def _wandb_chart(frame: Frame, scores: Sequence[str]) -> Frame:
    """Return the last value of each run of a W&B chart."""
    series: list[tuple[int, str, str]] = [
        (i, name.rsplit(" - ", 1)[0], name.rsplit(" - ", 1)[1])
        for i, name in enumerate(frame.columns)
        if " - " in name and not name.endswith(("__MIN", "__MAX", " - _step", " - _runtime"))
    ]
    grouped = next((name for _, name, _ in series if name.startswith("Group: ")), None)
    if grouped is not None:
        raise UsageError(
            "the chart holds means over groups of runs, not runs",
            where=f"{frame.name}:1, column {shortened(grouped, 40)}",
            why="no test can be made from the mean of a group alone",
            hint="switch grouping off in W&B and export again",
        )
    metric = _only_metric(frame, {metric for _, _, metric in series}, scores)
    rows: list[tuple[Cell, ...]] = []
    lines: list[int] = []
    for column, name, measured in series:
        if measured == metric:
            filled = [r for r, row in enumerate(frame.rows) if label(row[column])]
            rows.append((name, name, frame.rows[filled[-1]][column] if filled else None))
            lines.append(frame.lines[filled[-1]] if filled else frame.lines[-1] if frame.lines else 1)
    return _of_chart(frame, "W&B", metric, rows, lines)


def _of_chart(
    frame: Frame, tracker: str, metric: str, rows: list[tuple[Cell, ...]], lines: list[int]
) -> Frame:
    note = "each run's last value is its score; a chart does not say which runs failed"
    return Frame(
        frame.name,
        ("run_name", "run_id", metric),
        rows,
        lines,
        frame.place,
        (*frame.notes, note),
        frozenset({metric}),
        tracker,
        "run_name",
        "run_id",
    )


def _only_metric(frame: Frame, metrics: set[str], scores: Sequence[str]) -> str:
    chosen = sorted(metrics & set(scores)) or sorted(metrics)
    if len(chosen) != 1:
        raise UsageError(
            "the chart holds several metrics",
            where=frame.name,
            why=f"they are {', '.join(shortened(name, 30) for name in chosen[:8])}",
            hint=f"name one, as in --score {shortened(chosen[0], 40)}" if chosen else None,
        )
    return chosen[0]


def _step(frame: Frame, row: int, column: int) -> float:
    try:
        return float(label(frame.rows[row][column]))
    except ValueError:
        raise UsageError("a step is a number", where=frame.where(row, column)) from None
