"""Methods compared on any table of scores: within each task against the best, and across tasks by pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from assay.analysis.across import friedman_across, one_unit, pairwise_across
from assay.analysis.pairs import TaskPair, samples_of, task_pairs, test_text, whole
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result
from assay.statistics.differences import Difference
from assay.statistics.families import FAMILIES_NEEDED, independent, never_run
from assay.statistics.friedman import Friedman
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_intervals
from assay.statistics.pairwise import PairwiseTests
from assay.statistics.permutation import mean_of
from assay.statistics.rank_intervals import RankIntervals, mean_rank_intervals
from assay.statistics.ranks import levelled
from assay.statistics.scores import ABSENT, FAILED, NO_NUMBER, OK, RACED, Scores
from assay.statistics.superiority import Superiority, probability_of_superiority
from assay.statistics.table import Table

SELECTION = (
    "the best method of a task is chosen by the runs that it is tested on, which is why the correction is "
    "over all pairs; its lead is still a selection, and fresh runs would show a smaller one"
)
UNITS_DIFFER = (
    "scores without one declared unit have no differences of a common size, so that across tasks methods are "
    "compared by the families that they win"
)
ONE_METHOD = "There is one method, and nothing to compare it with"
SHARED = (
    "the best of a task is chosen by the replicates that all its methods share; the mean of a cell is over "
    "all of its own"
)
FOLDS = (
    "folds share training data, so that their intervals and tests are too narrow (Nadeau and Bengio, Machine "
    "Learning 2003)"
)

RACED_TESTS = (
    "methods raced: how many runs there are hangs on what was seen, so that tests for a fixed number do not "
    "hold; a race drops only what an always-valid bound excludes from being the best"
)

Standing = Literal["best", "better", "worse", "not distinguished", "cannot be decided", "not tested"]


class CellSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one task. `interval` is of the runs that have a score, None without any.

    `failed` counts runs that failed, `unscored` those that ended without a finite number. `standing` is
    against the best of the task: 'worse' also where runs were lost, without a test; 'not tested' where
    there are no runs, or no best; 'better' where it leads on the pairs that it shares with the best.
    """

    method: str
    n: int
    failed: int
    unscored: int
    interval: Interval | None
    standing: Standing

    @property
    def lost(self) -> int:
        """How many runs gave no score."""
        return self.failed + self.unscored


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """The best method of a task minus another, larger being better.

    `adjusted` is Holm's p over all `pairs` of the methods that were run on the task (see `task_pairs`),
    None where there was no test; `superiority` is P(a run of the best beats one of the other).
    """

    method: str
    difference: Difference
    adjusted: float | None
    pairs: int
    superiority: Superiority
    standing: Standing


class TaskComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All methods on one task, in the order of the comparison.

    `best` has the highest mean among the methods that lost no run, None where there is none; where runs
    are paired, the mean over the replicates that all of these share, if there are any. `against`
    compares it with each of the others that lost no run, from the second best on.
    """

    task: str
    family: str
    maximize: bool
    best: str | None
    cells: tuple[CellSummary, ...]
    against: tuple[Against, ...]

    @property
    def runner_up(self) -> Against | None:
        """The comparison with the second best mean."""
        return self.against[0] if self.against else None

    @property
    def stands(self) -> bool:
        """Whether the best is distinguished from every other method that was tested."""
        return bool(self.against) and all(one.standing == "worse" for one in self.against)


class Comparison(Result, frozen=True, kw_only=True):
    """Methods compared on tasks.

    `friedman`, `pairwise` and `rank_intervals` count families of tasks, and are None below six of them,
    where nothing across tasks is decided; `friedman` and `rank_intervals` are None too where a method was
    never run on a task. `pairwise` is of signed ranks, or of signs where not all tasks have one declared
    unit. All show one average rank: over families, of the ranks within each. `least` and `most` are the
    fewest and the most runs with a score that a cell with runs has; `unequal` says that cells differ in the
    runs that the table gives.
    """

    name: str
    metric: str
    methods: tuple[str, ...]
    tasks: tuple[TaskComparison, ...]
    families: int
    friedman: Friedman | None
    pairwise: PairwiseTests | None
    rank_intervals: RankIntervals | None
    runs: int
    failed: int
    unscored: int
    absent: int
    least: int
    most: int
    unequal: bool
    alpha: float
    gamma: float
    confidence: float
    paired_by: str | None
    varied: tuple[str, ...]

    def sentence(self) -> str:
        """Return on how many tasks the best stands alone, and what is decided across tasks."""
        if len(self.methods) < 2:
            return ONE_METHOD
        alone, tasks = sum(task.stands for task in self.tasks), len(self.tasks)
        within = (
            f"On {alone} of {tasks} tasks the best of {len(self.methods)} methods is distinguished "
            "from all others"
        )
        if tasks == 1:
            told = "is distinguished" if alone else "is not distinguished"
            return f"The best of {len(self.methods)} methods {told} from all others"
        if self.pairwise is None:
            few = (
                "1 family of tasks decides"
                if self.families == 1
                else f"{self.families} families of tasks decide"
            )
            return f"{within}; {few} nothing across tasks"
        return f"{within}. {self.pairwise.sentence()}"

    def table(self) -> Table:
        """Return one row for each method on each task, in full."""
        columns = (
            *(
                "task",
                "family",
                "method",
                "n",
                "failed",
                "without a number",
                "mean",
                "low",
                "high",
                "interval",
            ),
            *("standing", "best minus method", "difference low", "difference high", "p", "adjusted p"),
            "P(best > method)",
        )
        return Table(columns, [_row(task, cell) for task in self.tasks for cell in task.cells])


def compare(
    scores: Scores,
    *,
    name: str = "comparison",
    metric: str = "score",
    seed: int = 0,
    alpha: float = 0.05,
    gamma: float = 0.75,
) -> Comparison:
    """Compare the methods of a table of scores, as Assay does by default.

    Within a task all pairs of methods are compared (`task_pairs`): by the larger p of Welch's and a
    permutation test, or by flipping signs of pairs where `scores.paired_by` declares a common source.
    Shown is the method with the highest mean against each of the others. It is chosen by the same runs,
    so that Holm's correction is over all pairs of methods of the task: over the comparisons of the best
    alone, 13 % of tasks with eight equal methods would give a false alarm. A method that lost a run is
    never the best, and stands as worse than it without a test. Across tasks families count once, and from
    six of them on all pairs are compared, by signed ranks (Benavoli, Corani and Mangili, JMLR 2016) if
    all scores have one declared unit, else by signs; a method that was never run on a task has lost
    nothing there, but Friedman's test and intervals of ranks are then not made. Equal scores and seed give
    equal results, whatever the order of methods, tasks and replicates. Raises `UsageError` without a run.
    """
    made = scores.made()
    if not made.any():
        raise UsageError("there is nothing to compare", why="no method has a run on any task")
    across = independent(scores) >= FAMILIES_NEEDED and len(scores.methods) > 1
    complete = across and not never_run(scores).any()
    counts, given = (scores.status == OK).sum(axis=2), made.sum(axis=2)
    held = counts[given > 0]
    return Comparison(
        basis=_basis(scores, alpha, seed),
        name=name,
        metric=metric,
        methods=scores.methods,
        tasks=_tasks(scores, seed, alpha, gamma, 1.0 - alpha),
        families=independent(scores),
        friedman=friedman_across(scores, seed, alpha) if complete else None,
        pairwise=pairwise_across(scores, alpha) if across else None,
        rank_intervals=mean_rank_intervals(scores, over="families", rng=Stream(seed, ("compare", "ranks")))
        if complete
        else None,
        runs=int(made.sum()),
        failed=int((scores.status == FAILED).sum()),
        unscored=int((scores.status == NO_NUMBER).sum()),
        absent=int((scores.status == ABSENT).all(axis=2).sum()),
        least=int(held.min()),
        most=int(held.max()),
        unequal=bool(given[given > 0].min() < given.max()),
        alpha=alpha,
        gamma=gamma,
        confidence=1.0 - alpha,
        paired_by=scores.paired_by,
        varied=scores.varied,
    )


def _tasks(
    scores: Scores, seed: int, alpha: float, gamma: float, confidence: float
) -> tuple[TaskComparison, ...]:
    orders = [_order(scores, t) for t in range(len(scores.tasks))]
    pairs: dict[str, list[TaskPair]] = {name: [] for name in scores.tasks}
    for pair in task_pairs(scores, rng=Stream(seed, ("compare",)), alpha=alpha, orders=orders):
        pairs[pair.task].append(pair)
    intervals = _intervals(scores, seed, confidence)
    return tuple(
        _task(scores, t, orders[t], pairs[name], intervals, gamma) for t, name in enumerate(scores.tasks)
    )


def _intervals(scores: Scores, seed: int, confidence: float) -> dict[tuple[int, int], Interval]:
    """Return the interval of the mean of each cell that has a score."""
    places = [(t, m) for t in range(len(scores.tasks)) for m in range(len(scores.methods))]
    samples = {place: sample for place in places if len(sample := scores.sample(*place))}
    rng = Stream(seed, ("compare", "means"))
    made = mean_intervals(list(samples.values()), rng=rng, varied=scores.varied, confidence=confidence)
    return dict(zip(samples, made, strict=True))


def _order(scores: Scores, task: int) -> list[int]:
    """Return the methods on a task: those that lost no run first, best mean first, equal ones by name.

    Where runs are paired the means are over the replicates that all of these share, if there are any:
    the best is to be the one that its pairs are in favour of.
    """
    names = scores.methods
    complete = [m for m in range(len(names)) if whole(scores, task, m)]
    rest = [m for m in range(len(names)) if m not in complete]
    samples = {m: scores.sample(task, m) for m in complete}
    shared = (scores.status[task, complete] == OK).all(axis=0)
    if scores.paired_by is not None and shared.any():
        samples = {m: scores.values[task, m][shared] for m in complete}
    means = levelled(np.array([scores.sign(task) * mean_of(samples[m]) for m in complete]))
    place = dict(zip(complete, (-means).tolist(), strict=True))
    return [*sorted(complete, key=lambda m: (place[m], names[m])), *sorted(rest, key=names.__getitem__)]


def _task(
    scores: Scores,
    task: int,
    order: list[int],
    pairs: Sequence[TaskPair],
    intervals: Mapping[tuple[int, int], Interval],
    gamma: float,
) -> TaskComparison:
    best = order[0] if whole(scores, task, order[0]) else None
    against: tuple[Against, ...] = ()
    standings: dict[str, Standing] = {}
    if best is not None:
        name = scores.methods[best]
        own = [pair for pair in pairs if name in (pair.a, pair.b)]
        others = {(pair.b if pair.a == name else pair.a): pair for pair in own}
        standings = {other: pair.seen_from(other)[1] for other, pair in others.items()}
        standings[name] = "best"
        against = _against(scores, task, best, own, gamma)
    return TaskComparison(
        task=scores.tasks[task],
        family=scores.families[task],
        maximize=bool(scores.maximize[task]),
        best=None if best is None else scores.methods[best],
        cells=tuple(
            _cell(scores, task, m, standings, intervals.get((task, m))) for m in range(len(scores.methods))
        ),
        against=against,
    )


def _against(
    scores: Scores, task: int, best: int, pairs: Sequence[TaskPair], gamma: float
) -> tuple[Against, ...]:
    found: list[Against] = []
    for pair in pairs:
        if pair.difference is None:
            continue
        a, b = samples_of(scores, task, best, scores.methods.index(pair.b))
        found.append(
            Against(
                method=pair.b,
                difference=pair.difference,
                adjusted=pair.adjusted,
                pairs=pair.pairs,
                superiority=probability_of_superiority(
                    a,
                    b,
                    varied=scores.varied,
                    gamma=gamma,
                    source=scores.paired_by,
                    names=pair.difference.names,
                ),
                standing=pair.seen_from(pair.b)[1],
            )
        )
    return tuple(found)


def _cell(
    scores: Scores, task: int, method: int, standings: dict[str, Standing], interval: Interval | None
) -> CellSummary:
    status, name = scores.status[task, method], scores.methods[method]
    return CellSummary(
        method=name,
        n=len(scores.sample(task, method)),
        failed=int((status == FAILED).sum()),
        unscored=int((status == NO_NUMBER).sum()),
        interval=interval,
        standing=standings.get(name, "not tested"),
    )


def _basis(scores: Scores, alpha: float, seed: int) -> Basis:
    paired = scores.paired_by
    counts = (scores.status == OK).sum(axis=2)
    uneven = bool(((counts != counts.max(axis=1, keepdims=True)) & (counts > 0)).any())
    several = len(scores.tasks) > 1
    folds = any("fold" in name.lower() for name in scores.varied)
    cautions = (
        SELECTION,
        "Holm's correction is over the pairs of methods within a task, not over tasks" if several else "",
        FOLDS if folds else "",
        SHARED if paired and uneven else "",
        RACED_TESTS if (scores.status == RACED).any() else "",
    )
    return Basis(
        procedure=f"within a task {test_text(paired)} of all pairs of methods; "
        f"across families of tasks {'signed ranks' if one_unit(scores) else 'signs'} of all pairs",
        source="Demšar, JMLR 2006; Benavoli, Corani and Mangili, JMLR 2016",
        n={
            "tasks": len(scores.tasks),
            "families": independent(scores),
            "methods": len(scores.methods),
            "runs": int(scores.made().sum()),
        },
        varied=scores.varied,
        assumptions=(
            "runs of a method on a task are independent of each other",
            *(() if paired else ("runs of different methods are independent",)),
            "families of tasks are independent of each other",
        ),
        correction=f"Holm over all pairs of methods of a task, and across tasks; level {alpha:g}",
        seed=f"root {seed}, streams compare/…",
        cautions=tuple(text for text in cautions if text),
    )


def _row(task: TaskComparison, cell: CellSummary) -> tuple[str | int | float | None, ...]:
    one = next((against for against in task.against if against.method == cell.method), None)
    interval, difference = cell.interval, one.difference if one else None
    ends = (None,) * 4 if interval is None else (interval.mean, interval.low, interval.high, interval.method)
    d = difference
    told = (None,) * 4 if d is None else (d.mean, d.low, d.high, d.p)
    return (
        *(task.task, task.family, cell.method, cell.n, cell.failed, cell.unscored),
        *ends,
        cell.standing,
        *told,
        one.adjusted if one else None,
        one.superiority.probability if one else None,
    )
