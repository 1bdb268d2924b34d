"""A table of scores: what every comparison of methods starts from, whoever made it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.text import one_line
from assay.statistics.permutation import mean_of

ABSENT, OK, FAILED, NO_NUMBER, RACED = 0, 1, 2, 3, 4


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one method on one task; `score` is None where it failed or reports no finite number."""

    method: str
    task: str
    replicate: str
    score: float | None
    failed: bool = False


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of methods on tasks over replicates, and what is known of their meaning.

    `values` is float64 of shape (tasks, methods, replicates), NaN wherever `status` is not OK;
    `status` is int8 of the same shape: ABSENT (no such run), OK, FAILED, NO_NUMBER (it ended without
    a finite score), RACED (a race had dropped the method, so that it was not to run and is not lost).
    `families` and `maximize` are per task. `paired_by` names the declared common source that makes
    replicate r of every method on a task a pair, such as 'data split'; None means that replicates of
    different methods are independent. `varied` names what varies from replicate to replicate.
    `planned` is the declared number of replicates of each cell, None where nobody declared it: then a
    run that is absent is not known to have failed, and more runs of one method never make another's
    incomplete.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    families: tuple[str, ...]
    units: tuple[str, ...]
    maximize: np.ndarray
    replicates: tuple[str, ...]
    values: np.ndarray
    status: np.ndarray
    planned: int | None = None
    varied: tuple[str, ...] = ("not declared",)
    paired_by: str | None = None

    def sample(self, task: int, method: int) -> np.ndarray:
        """Return the finite scores of a cell, in the order of the replicates."""
        return np.asarray(self.values[task, method][self.status[task, method] == OK])

    def made(self) -> np.ndarray:
        """Return which runs were made, whatever came of them: booleans (tasks, methods, replicates)."""
        return np.asarray((self.status != ABSENT) & (self.status != RACED))

    def lost(self, task: int, method: int) -> int:
        """Return how many runs of a cell failed, have no number, or were declared and never run."""
        status = self.status[task, method]
        broken = int(((status == FAILED) | (status == NO_NUMBER)).sum())
        absent = 0 if self.planned is None else self.planned - int((status != ABSENT).sum())
        return broken + max(absent, 0)

    def sign(self, task: int) -> float:
        """Return the factor that turns the scores of a task so that larger is better."""
        return 1.0 if self.maximize[task] else -1.0

    def means(self) -> np.ndarray:
        """Return the mean of each cell, turned so that larger is better: shape (tasks, methods).

        Equal scores have exactly their value as mean, however many they are, and the order of the runs
        plays no part. NaN where any run is lost, or none exists: a mean that leaves out what failed may
        be better than the method, and NaN ranks last (see `average_ranks`).
        """
        found = np.full((len(self.tasks), len(self.methods)), np.nan)
        for t in range(len(self.tasks)):
            for m in range(len(self.methods)):
                sample = self.sample(t, m)
                if len(sample) and not self.lost(t, m):
                    found[t, m] = self.sign(t) * mean_of(sample)
        return found

    def by_family(self) -> dict[str, tuple[int, ...]]:
        """Return the tasks of each family, in the order in which families first appear."""
        found: dict[str, list[int]] = {}
        for t, family in enumerate(self.families):
            found.setdefault(family, []).append(t)
        return {family: tuple(tasks) for family, tasks in found.items()}

    def only(self, *, methods: Sequence[str] | None = None, tasks: Sequence[str] | None = None) -> Scores:
        """Return the scores of some methods and tasks, in the given order."""
        m = [self.methods.index(name) for name in (self.methods if methods is None else methods)]
        t = [self.tasks.index(name) for name in (self.tasks if tasks is None else tasks)]
        return msgspec.structs.replace(
            self,
            methods=tuple(self.methods[i] for i in m),
            tasks=tuple(self.tasks[i] for i in t),
            families=tuple(self.families[i] for i in t),
            units=tuple(self.units[i] for i in t),
            maximize=self.maximize[t],
            values=self.values[np.ix_(t, m)],
            status=self.status[np.ix_(t, m)],
        )


def make_scores(
    rows: Iterable[Row],
    *,
    families: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    minimize: Iterable[str] = (),
    planned: int | None = None,
    varied: tuple[str, ...] = ("not declared",),
    paired_by: str | None = None,
) -> Scores:
    """Return the scores of these rows; methods, tasks and replicates in the order of appearance.

    A task without a family is one by itself. `minimize` names the tasks of which a smaller score is
    better. Raises `UsageError` without rows, for a run that is given twice and for a score that is no
    number, and `UnknownNameError` for a task of `families`, `units` or `minimize` that has no rows.
    """
    listed = list(rows)
    if not listed:
        raise UsageError("a comparison needs scores, and there are none")
    methods, tasks, replicates = (
        {name: i for i, name in enumerate(dict.fromkeys(names))}
        for names in zip(*((row.method, row.task, row.replicate) for row in listed), strict=True)
    )
    shape = (len(tasks), len(methods), len(replicates))
    values, status = np.full(shape, np.nan), np.zeros(shape, dtype=np.int8)
    for row in listed:
        place = tasks[row.task], methods[row.method], replicates[row.replicate]
        if status[place] != ABSENT:
            raise UsageError(
                "a run is given twice",
                where=f"method {row.method}, task {row.task}, replicate {row.replicate}",
                hint="name the column that tells them apart as the replicate",
            )
        finite = row.score is not None and math.isfinite(_number(row))
        status[place] = FAILED if row.failed else OK if finite else NO_NUMBER
        values[place] = row.score if status[place] == OK else np.nan
    # A name by itself is one task, and not its letters.
    smaller = {minimize} if isinstance(minimize, str) else set(minimize)
    for what, named in (("families", families or {}), ("units", units or {}), ("minimize", sorted(smaller))):
        for task in named:
            if task not in tasks:
                raise UnknownNameError("task", task, tasks, where=what)
    return Scores(
        methods=tuple(methods),
        tasks=tuple(tasks),
        families=tuple((families or {}).get(task, task) for task in tasks),
        units=tuple((units or {}).get(task, "") for task in tasks),
        maximize=np.array([task not in smaller for task in tasks]),
        replicates=tuple(replicates),
        values=values,
        status=status,
        planned=planned,
        varied=varied,
        paired_by=paired_by,
    )


def _number(row: Row) -> float:
    """Return the score of a row; refuse what is no number."""
    if isinstance(row.score, int | float | np.integer | np.floating) and not isinstance(row.score, bool):
        return float(row.score)
    raise UsageError(
        "a score is a number",
        where=f"method {row.method}, task {row.task}, replicate {row.replicate}",
        why=f"got {one_line(repr(row.score)[:40])}",
        hint="None where a run has no score",
    )
