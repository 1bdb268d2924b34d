"""Families: tasks that are not independent of each other, averaged before anything counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.foundation.errors import UsageError
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
    no part.
    """
    return _within(scores, average_ranks(scores.means()))


def named(values: np.ndarray, methods: Sequence[str] | None, kind: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a table of shape (tasks, methods) as floats, and the names of its methods.

    Methods without names are called 'method 1', 'method 2' and so on; `kind` names the procedure in
    errors. Raises `UsageError` for another shape, fewer than two methods, no task, infinite values,
    and names that do not fit or repeat.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise UsageError(
            f"{kind} needs an array of shape (tasks, methods)",
            why=f"its shape is {table.shape}; one task and two methods are the least",
        )
    if np.isinf(table).any():
        raise UsageError(f"{kind} needs finite scores", hint="give NaN for what failed or is missing")
    names = tuple(methods) if methods else tuple(f"method {i + 1}" for i in range(table.shape[1]))
    if len(names) != table.shape[1] or len(set(names)) != len(names):
        raise UsageError(
            f"{kind} needs one name for each method", why=f"{len(names)} names for {table.shape[1]} methods"
        )
    return table, names


def _within(scores: Scores, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the mean of each family's rows, whatever their order."""
    groups = scores.by_family()
    rows = [np.sort(values[list(tasks)], axis=0).mean(axis=0) for tasks in groups.values()]
    return tuple(groups), np.array(rows)
