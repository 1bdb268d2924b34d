"""Which column of a table is what: told from the names of columns, exact names first, then from the cells."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from assay.analysis.reading.frame import Frame, label
from assay.analysis.reading.numbers import is_state, looks_numeric
from assay.analysis.reading.words import SCORES, is_cost, is_summary, spreads, words
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.text import shortened

_NAMES: dict[str, tuple[str, ...]] = {
    "method": (
        *("method", "algorithm", "algo", "approach", "model", "optimizer", "optimiser", "strategy"),
        *("system", "agent", "learner", "classifier", "estimator", "solver", "searcher", "architecture"),
        *("variant", "policy", "config", "name"),
    ),
    "task": (
        *("task", "dataset", "data_set", "data", "problem", "benchmark", "environment", "env", "game"),
        *("instance", "function", "testbed"),
    ),
    "replicate": (
        *("replicate", "replication", "seed", "random_seed", "random_state", "rep", "repeat"),
        *("repetition", "run", "trial", "run_number"),
    ),
    "fold": ("fold", "cv_fold", "split_index"),
    "family": ("family", "task_family", "dataset_family", "families"),
    "state": ("status", "state", "outcome", "run_status"),
    "score": (
        *("score", "value", "result", "performance", "test_score", "test_accuracy", "test_acc"),
        *("accuracy", "acc", "auc", "auroc", "roc_auc", "f1", "f1_score", "bleu", "r2", "reward"),
        *("mean_reward", "episode_reward", "return", "episodic_return", "success_rate", "map", "miou"),
        *("test_loss", "loss", "test_error", "error", "rmse", "mse", "mae", "perplexity", "regret"),
        *("objective", "fitness", "hypervolume", "val_accuracy", "valid_accuracy", "val_acc", "val_loss"),
    ),
}
_TAILS = {"name", "id", "label", "number", "index"}
_PREFIXES = ("params.", "param.", "config.", "tags.", "metrics.", "metric.", "summary.")


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that the caller names; None and an empty tuple leave them to be found.

    Several columns of one role are joined to one. Several `scores` make the table wide: each is a method
    or a task. `where` holds pairs of a column and a value: only such rows are read.
    """

    method: str | tuple[str, ...] | None = None
    task: str | tuple[str, ...] | None = None
    replicate: str | tuple[str, ...] | None = None
    family: str | tuple[str, ...] | None = None
    scores: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()


class Layout(NamedTuple):
    """The places of the columns. `shape` is 'long', 'methods in columns' or 'tasks in columns'.

    `aside` are the columns of numbers that are costs, settings or spreads by their names, beside scores.
    """

    shape: str
    scores: tuple[int, ...]
    method: int | None
    task: int | None
    replicate: int | None
    fold: int | None
    family: int | None
    state: int | None
    unused: tuple[str, ...]
    aside: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[int, ...]:
        """The columns that tell replicates apart."""
        return tuple(i for i in (self.replicate, self.fold) if i is not None)


def find_columns(frame: Frame, given: Columns) -> Layout:
    """Return which column is what; raises `UsageError` where that cannot be told, with what to type."""
    if not frame.rows:
        raise UsageError("the table has no rows", where=frame.name, hint="give one row for each run")
    found: dict[str, int | None] = {
        "method": _named(frame, given.method, "method"),
        "task": _named(frame, given.task, "task"),
        "replicate": _named(frame, given.replicate, "replicate"),
        "family": _named(frame, given.family, "family"),
    }
    scores = tuple(_place(frame, name, "scores") for name in given.scores)
    parts = {i for i, name in enumerate(frame.columns) if name in frame.parts}
    taken = {i for i in found.values() if i is not None} | set(scores) | parts
    for role in ("state", "method", "task", "replicate", "fold", "family"):
        if found.get(role) is None:
            found[role] = _guess(frame, role, taken)
            taken |= _just(found[role])
    labelled = found["replicate"] is not None or found["fold"] is not None
    aside = _aside(frame, taken - set(scores), scores, labelled)
    taken |= aside
    if found["method"] is None and given.method is None:
        found["method"] = _fallback_method(frame, taken, bool(scores))
        taken |= _just(found["method"])
    shape, scores, task = _shape(frame, found["method"], found["task"], taken, scores)
    used = {i for i in found.values() if i is not None} | set(scores) | _just(task) | parts | aside
    return Layout(
        shape=shape,
        scores=scores,
        method=found["method"],
        task=task,
        replicate=found["replicate"],
        fold=found["fold"],
        family=found["family"],
        state=found["state"],
        unused=tuple(
            name or "(no name)"
            for i, name in enumerate(frame.columns)
            if i not in used and name not in frame.filtered
        ),
        aside=tuple(frame.columns[i] for i in sorted(aside)),
    )


def _named(frame: Frame, name: str | tuple[str, ...] | None, role: str) -> int | None:
    """Return the place of a column; several are one by now (see `joined_columns`)."""
    return None if not name else _place(frame, name if isinstance(name, str) else name[0], role)


def _just(place: int | None) -> set[int]:
    return set() if place is None else {place}


def _aside(frame: Frame, taken: set[int], scores: tuple[int, ...], labelled: bool) -> set[int]:
    """Return the columns of costs, settings and spreads that stand beside scores.

    Raises `UsageError` where the rows are means with their spreads: rows that a seed or a fold labels are
    runs, which may well report a spread of their own.
    """
    numbers = _numeric(frame, taken)
    pairs = spreads([frame.columns[i] for i in numbers])
    if pairs and not labelled:
        spread, mean = next(iter(pairs.items()))
        raise UsageError(
            "the table holds means with their spreads, not the scores of runs",
            where=f"{frame.name}, columns {shortened(mean, 30)} and {shortened(spread, 30)}",
            why="no test can be made from a summary",
            hint="give one row for each run, with a column that tells them apart, such as seed",
        )
    beside = {i for i in numbers if is_cost(frame.columns[i]) or frame.columns[i] in pairs} - set(scores)
    # With nothing but costs, a cost is what is compared.
    return beside if set(numbers) - beside else set()


def _place(frame: Frame, name: str, role: str) -> int:
    if name not in frame.columns:
        raise UnknownNameError("column", name, frame.columns, where=f"{frame.name}, the column of the {role}")
    foreign = dict(frame.foreign)
    if name in foreign:
        raise UsageError(
            f"the column '{shortened(name, 40)}' holds {foreign[name]}", where=frame.name, hint="name another"
        )
    return frame.columns.index(name)


def _guess(frame: Frame, role: str, taken: set[int]) -> int | None:
    """Return the free column whose name says this role; among several, the first that varies."""
    free = [i for i, name in enumerate(frame.columns) if i not in taken and not name.startswith("metrics.")]
    plain = {i: _plain(frame.columns[i]) for i in free}
    matches = [i for name in _NAMES[role] for i in free if plain[i] == name]
    if not matches:
        matches = [i for name in _NAMES[role] for i in free if _without_tail(plain[i]) == name]
    if role == "state":
        matches = [i for i in matches if is_state(frame.column(i))]
    return next((i for i in matches if _varies(frame, i)), matches[0] if matches else None)


def _fallback_method(frame: Frame, taken: set[int], scored: bool) -> int | None:
    """Return the only column of text of a long table, which must be the method."""
    named = scored or _score_names(frame, taken, exact=True)
    text = [i for i in range(len(frame.columns)) if i not in taken and not looks_numeric(frame.column(i))]
    varied = [i for i in text if _varies(frame, i) and frame.columns[i]]
    return varied[0] if named and len(varied) == 1 and frame.tracker is None else None


def _shape(
    frame: Frame, method: int | None, task: int | None, taken: set[int], scores: tuple[int, ...]
) -> tuple[str, tuple[int, ...], int | None]:
    if method is not None:
        return _with_method(frame, task, taken, scores)
    if frame.tracker or len(scores) == 1 or _score_names(frame, taken, exact=True):
        raise UsageError(
            "no column says which method a run is of",
            where=frame.name,
            why=f"the columns are {_listed(frame.columns)}",
            hint="name it, as in --method optimizer",
        )
    scores = scores or _numeric(frame, taken)
    if len(scores) < 2:
        raise UsageError(
            "no column says which method a run is of",
            where=frame.name,
            why=f"the columns are {_listed(frame.columns)}",
            hint="name the columns, as in --method COLUMN --task COLUMN --replicate COLUMN --score COLUMN",
        )
    if task is None:
        task = _first_of_text(frame, taken | set(scores))
    return "methods in columns", scores, task


def _with_method(
    frame: Frame, task: int | None, taken: set[int], scores: tuple[int, ...]
) -> tuple[str, tuple[int, ...], int | None]:
    if not scores:
        scores = _score_names(frame, taken, exact=True)[:1] or _score_names(frame, taken, exact=False)
        scores = scores or _numeric(frame, taken)
    if len(scores) == 1:
        return "long", scores, task
    if not scores:
        raise UsageError(
            "no column holds numbers", where=frame.name, why=f"the columns are {_listed(frame.columns)}"
        )
    if task is not None or frame.tracker:
        raise UsageError(
            "several columns could be the score",
            where=frame.name,
            why=f"they are {_listed([frame.columns[i] for i in scores])}",
            hint=f"name one, as in --score {shortened(frame.columns[scores[0]], 40)}",
        )
    return "tasks in columns", scores, None


def _score_names(frame: Frame, taken: set[int], *, exact: bool) -> tuple[int, ...]:
    """Return the free columns whose name is that of a score, or those of numbers with a word of one."""
    if exact:
        allowed = frame.columns if frame.measures is None else frame.measures
        free = [i for i, name in enumerate(frame.columns) if i not in taken and name in allowed]
        plain = {i: _plain(frame.columns[i]) for i in free}
        return tuple(i for name in _NAMES["score"] for i in free if plain[i] == name)
    names = {i: frame.columns[i] for i in _numeric(frame, taken)}
    return tuple(i for i, name in names.items() if set(words(name)) & SCORES and not is_summary(name))


def _numeric(frame: Frame, taken: set[int]) -> tuple[int, ...]:
    """Return the free columns of numbers that have a name; one without is the index of a data frame."""
    return tuple(
        i
        for i, name in enumerate(frame.columns)
        if i not in taken
        and name
        and not name.startswith("Unnamed:")
        and name not in frame.filtered
        and (frame.measures is None or name in frame.measures)
        and looks_numeric(frame.column(i))
    )


def _first_of_text(frame: Frame, taken: set[int]) -> int | None:
    """Return the first column if it holds names: those of the tasks, one a row."""
    return 0 if frame.columns and 0 not in taken and not looks_numeric(frame.column(0)) else None


def _varies(frame: Frame, column: int) -> bool:
    first = label(frame.rows[0][column])
    return any(label(row[column]) != first for row in frame.rows)


def _plain(name: str) -> str:
    low = name.strip().lower()
    for prefix in _PREFIXES:
        low = low.removeprefix(prefix)
    return re.sub(r"[\s/.:-]+", "_", low)


def _without_tail(plain: str) -> str:
    head, _, tail = plain.rpartition("_")
    return head if tail in _TAILS else ""


def _listed(columns: tuple[str, ...] | list[str]) -> str:
    shown = [f"'{shortened(name, 30)}'" for name in columns[:12]]
    return ", ".join(shown) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
