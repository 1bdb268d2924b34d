"""Families: tasks that are not independent of each other, averaged before anything counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.text import one_line
from assay.statistics.numbers import as_numbers
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import Scores

# The smallest p-value that a two-sided signed-rank test of n differences can give is 2^(1 - n):
# .0625 for five, .03125 for six.
FAMILIES_NEEDED = 6


def independent(scores: Scores) -> int:
    """Return the number of families, each of which counts as one independent task."""
    return len(set(scores.families))


def too_few(families: int) -> str:
    """Return why so few families decide nothing across tasks, or nothing where they are enough."""
    if families >= FAMILIES_NEEDED:
        return ""
    counted = "1 independent family" if families == 1 else f"{families} independent families"
    return (
        f"With {counted} of tasks nothing is decided across tasks: "
        f"{FAMILIES_NEEDED} are needed at least, since fewer cannot give p < 0.05"
    )


def never_run(scores: Scores) -> np.ndarray:
    """Return the cells without any run of which none is known to be lost: booleans (tasks, methods).

    Nothing failed there, so that such a cell is no defeat; a declared plan makes it one (`Scores.lost`).
    """
    cells = [
        [not made.any() and not scores.lost(t, m) for m, made in enumerate(row)]
        for t, row in enumerate(scores.made())
    ]
    return np.array(cells, dtype=bool).reshape(len(scores.tasks), len(scores.methods))


def cells_text(scores: Scores, cells: np.ndarray, most: int = 6) -> str:
    """Return the names of marked cells (tasks, methods): 'B on t6, t7 and 2 more tasks; C on t1'."""
    found = []
    for m, method in enumerate(scores.methods):
        tasks = [scores.tasks[t] for t in np.flatnonzero(cells[:, m])]
        if tasks:
            more = f" and {len(tasks) - most} more tasks" if len(tasks) > most else ""
            found.append(f"{one_line(method)} on {', '.join(map(one_line, tasks[:most]))}{more}")
    more = f"; and {len(found) - most} more methods" if len(found) > most else ""
    return "; ".join(found[:most]) + more


def checked_complete(scores: Scores) -> None:
    """Refuse a table in which a method was never run on a task, and name the cells.

    It has no rank there, and the ranks of the others would be among fewer.
    """
    missing = never_run(scores)
    if missing.any():
        raise UsageError(
            "average ranks need every method on every task",
            why=f"there are no runs of {cells_text(scores, missing)}",
            hint="leave out those methods or tasks, or declare the planned replicates: then what is missing "
            "counts as lost",
        )


def family_means(scores: Scores) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the families, in order of appearance, and the mean score of each method on each.

    Shape (families, methods), turned so that larger is better. NaN where any task of the family has
    lost a planned run of the method (see `Scores.means`). The mean of differences within a family is
    the difference of these. Raises `UsageError` where the tasks of a family have different units:
    average their ranks instead (`family_ranks`).
    """
    for family, tasks in scores.by_family().items():
        units = sorted({scores.units[t] for t in tasks})
        if len(units) > 1:
            raise UsageError(
                "scores in different units have no mean",
                where=f"family {family}",
                why=f"its units are {', '.join(units)}",
                hint="compare ranks, or give one family per unit",
            )
    return _within(scores, scores.means())


def family_ranks(scores: Scores) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the families, in order of appearance, and the average rank of each method within each.

    Shape (families, methods), 1 the best. What failed has the last rank on its task, and units play
    no part. Raises `UsageError`, and names the cells, where a method was never run on a task.
    """
    checked_complete(scores)
    return _within(scores, average_ranks(scores.means()))


def named(values: np.ndarray, methods: Sequence[str] | None, kind: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a table of shape (tasks, methods) as floats, and the names of its methods.

    Methods without names are called 'method 1', 'method 2' and so on; `kind` names the procedure in
    errors. Raises `UsageError` for another shape, fewer than two methods, no task, infinite values,
    and names that do not fit or repeat.
    """
    table = as_numbers(values, kind)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise UsageError(
            f"{kind} needs an array of shape (tasks, methods)",
            why=f"its shape is {table.shape}; one task and two methods are the least",
        )
    if np.isinf(table).any():
        raise UsageError(f"{kind} needs finite scores", hint="give NaN for what failed or is missing")
    names = tuple(methods) if methods else tuple(f"method {i + 1}" for i in range(table.shape[1]))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{kind} needs methods of different names", why=f"'{twice[0]}' is given twice")
    if len(names) != table.shape[1]:
        raise UsageError(
            f"{kind} needs one name for each method", why=f"{len(names)} names for {table.shape[1]} methods"
        )
    return table, names


def _within(scores: Scores, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the mean of each family's rows, whatever their order."""
    groups = scores.by_family()
    rows = [np.sort(values[list(tasks)], axis=0).mean(axis=0) for tasks in groups.values()]
    return tuple(groups), np.array(rows)
