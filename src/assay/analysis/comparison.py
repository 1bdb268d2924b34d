"""Methods compared on any table of scores: within each task against the best, and across tasks by pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result
from assay.statistics.differences import Difference, paired_differences, unpaired_differences
from assay.statistics.families import FAMILIES_NEEDED, family_means, independent
from assay.statistics.friedman import Friedman, friedman_test
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_interval
from assay.statistics.multiplicity import holm
from assay.statistics.pairwise import PairwiseTests, pairwise_signed_rank
from assay.statistics.rank_intervals import RankIntervals, mean_rank_intervals
from assay.statistics.scores import ABSENT, FAILED, NO_NUMBER, OK, RACED, Scores
from assay.statistics.superiority import Superiority, probability_of_superiority
from assay.statistics.table import Table

SELECTION = (
    "the best method of a task is chosen by the runs that it is tested on, which is why the correction is "
    "over all pairs; its lead is still a selection, and fresh runs would show a smaller one"
)
FOLDS = (
    "folds share training data, so that their intervals and tests are too narrow (Nadeau and Bengio, Machine "
    "Learning 2003)"
)

RACED_TESTS = (
    "methods raced: how many runs there are hangs on what was seen, so that tests for a fixed number do not "
    "hold; a race drops only what an always-valid bound excludes from being the best"
)

Standing = Literal["best", "worse", "not distinguished", "cannot be decided", "not tested"]


class CellSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one task. `interval` is of the runs that have a score, None without any.

    `failed` counts runs that failed, `unscored` those that ended without a finite number. `standing` is
    against the best of the task; 'not tested' where runs were lost or do not exist.
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

    `adjusted` is Holm's p over all `pairs` of the methods that were compared on the task, None where
    there was no test; `superiority` is P(a run of the best beats one of the other).
    """

    method: str
    difference: Difference
    adjusted: float | None
    pairs: int
    superiority: Superiority
    standing: Standing


class TaskComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All methods on one task, in the order of the comparison.

    `best` has the highest mean among the methods that lost no run, None where there is none; `against`
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
    where nothing across tasks is decided. `least` and `most` are the fewest and the most runs with a
    score that a cell with runs has; `unequal` says that cells differ in the runs that the table gives.
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
        alone = sum(task.stands for task in self.tasks)
        within = (
            f"On {alone} of {len(self.tasks)} tasks the best of {len(self.methods)} methods is distinguished "
            "from all others"
        )
        if self.pairwise is None:
            return f"{within}; {self.families} families of tasks decide nothing across tasks"
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

    Within a task the method with the highest mean is compared with each of the others: by Welch's test,
    or by flipping signs of pairs where `scores.paired_by` declares a common source. The best is chosen by
    the same runs, so that Holm's correction is over all pairs of methods of the task: over the
    comparisons of the best alone, 13 % of tasks with eight equal methods would give a false alarm. A
    method that lost a run is never the best and is not tested. Across tasks, families are averaged
    first, and from six of them on all pairs are compared by signed ranks (Benavoli, Corani and Mangili,
    JMLR 2016). Equal scores and seed give equal results, whatever the order of methods, tasks and
    replicates.
    """
    confidence = 1.0 - alpha
    tasks = _tasks(scores, seed, alpha, gamma, confidence)
    families = independent(scores)
    across = families >= FAMILIES_NEEDED
    means = family_means(scores)[1] if across else np.empty((0, 0))
    stream = Stream(seed, ("compare", "ranks"))
    counts = (scores.status == OK).sum(axis=2)
    given = made(scores).sum(axis=2)
    held = counts[given > 0]
    return Comparison(
        basis=_basis(scores, alpha, seed),
        name=name,
        metric=metric,
        methods=scores.methods,
        tasks=tasks,
        families=families,
        friedman=friedman_test(means, methods=scores.methods, alpha=alpha) if across else None,
        pairwise=pairwise_signed_rank(means, scores.methods, alpha=alpha) if across else None,
        rank_intervals=mean_rank_intervals(scores, over="families", rng=stream) if across else None,
        runs=int(made(scores).sum()),
        failed=int((scores.status == FAILED).sum()),
        unscored=int((scores.status == NO_NUMBER).sum()),
        absent=int((scores.status == ABSENT).all(axis=2).sum()),
        least=int(held.min()),
        most=int(held.max()),
        unequal=bool(given[given > 0].min() < given.max()),
        alpha=alpha,
        gamma=gamma,
        confidence=confidence,
        paired_by=scores.paired_by,
        varied=scores.varied,
    )


def _tasks(
    scores: Scores, seed: int, alpha: float, gamma: float, confidence: float
) -> tuple[TaskComparison, ...]:
    means = scores.means()
    orders = [_order(means[t], scores.methods) for t in range(len(scores.tasks))]
    places = [(t, order[0], m) for t, order in enumerate(orders) for m in order[1:]]
    found = dict(zip(places, _differences(scores, places, seed, confidence), strict=True))
    return tuple(
        _task(scores, t, orders[t], [found[t, orders[t][0], m] for m in orders[t][1:]], seed, alpha, gamma)
        for t in range(len(scores.tasks))
    )


def _order(means: np.ndarray, methods: Sequence[str]) -> list[int]:
    """Return the methods that lost no run on a task, best mean first; equal means in the order of names."""
    whole = [m for m in range(len(methods)) if not math.isnan(means[m])]
    return sorted(whole, key=lambda m: (-means[m], methods[m]))


def _differences(
    scores: Scores, places: list[tuple[int, int, int]], seed: int, confidence: float
) -> list[Difference | None]:
    """Return best minus other for each (task, best, other); None where no replicate is shared."""
    pairs = [_pair(scores, *place) for place in places]
    kept = [i for i, (a, _) in enumerate(pairs) if len(a)]
    names = [(scores.methods[places[i][1]], scores.methods[places[i][2]]) for i in kept]
    rng = Stream(seed, ("compare", "differences"))
    samples = [pairs[i] for i in kept]
    if scores.paired_by is None:
        made = unpaired_differences(
            samples, rng=rng, varied=scores.varied, confidence=confidence, names=names
        )
    else:
        made = paired_differences(
            samples,
            source=scores.paired_by,
            rng=rng,
            varied=scores.varied,
            confidence=confidence,
            names=names,
        )
    found = dict(zip(kept, made, strict=True))
    return [found.get(i) for i in range(len(places))]


def _pair(scores: Scores, task: int, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of two methods, larger being better; those of shared replicates where paired."""
    sign = scores.sign(task)
    if scores.paired_by is None:
        return sign * scores.sample(task, a), sign * scores.sample(task, b)
    both = (scores.status[task, a] == OK) & (scores.status[task, b] == OK)
    return sign * scores.values[task, a][both], sign * scores.values[task, b][both]


def _task(
    scores: Scores,
    task: int,
    order: list[int],
    differences: list[Difference | None],
    seed: int,
    alpha: float,
    gamma: float,
) -> TaskComparison:
    against = _against(scores, task, order, differences, alpha, gamma)
    standings: dict[str, Standing] = {one.method: one.standing for one in against}
    standings |= {scores.methods[m]: "best" for m in order[:1]}
    return TaskComparison(
        task=scores.tasks[task],
        family=scores.families[task],
        maximize=bool(scores.maximize[task]),
        best=scores.methods[order[0]] if order else None,
        cells=tuple(_cell(scores, task, m, standings, seed, 1 - alpha) for m in range(len(scores.methods))),
        against=against,
    )


def _against(
    scores: Scores,
    task: int,
    order: list[int],
    differences: list[Difference | None],
    alpha: float,
    gamma: float,
) -> tuple[Against, ...]:
    made = [(m, one) for m, one in zip(order[1:], differences, strict=True) if one is not None]
    tested = [one.p for _, one in made if one.p is not None]
    pairs = len(order) * (len(order) - 1) // 2
    # Pairs without the best stand as never rejected: no less strict than Holm's procedure over all pairs.
    adjusted = iter(holm([*tested, *[1.0] * (pairs - len(tested))]).tolist())
    found: list[Against] = []
    for m, difference in made:
        p = None if difference.p is None else float(next(adjusted))
        a, b = _pair(scores, task, order[0], m)
        found.append(
            Against(
                method=scores.methods[m],
                difference=difference,
                adjusted=p,
                pairs=pairs,
                superiority=probability_of_superiority(
                    a,
                    b,
                    varied=scores.varied,
                    gamma=gamma,
                    source=scores.paired_by,
                    names=difference.names,
                ),
                standing=_standing(difference, p, pairs, alpha),
            )
        )
    return tuple(found)


def _standing(difference: Difference, adjusted: float | None, pairs: int, alpha: float) -> Standing:
    """Return where the other method of a difference stands; sign-flip tests may be too few to decide."""
    if adjusted is None:
        return "cannot be decided"
    if adjusted < alpha:
        return "worse"
    least = difference.least_p
    by_signs = difference.p_method == "sign-flip" and least is not None
    return "cannot be decided" if by_signs and least * pairs >= alpha else "not distinguished"  # type: ignore[operator]  # by_signs says that it is a number


def _cell(
    scores: Scores, task: int, method: int, standings: dict[str, Standing], seed: int, confidence: float
) -> CellSummary:
    sample, status, name = scores.sample(task, method), scores.status[task, method], scores.methods[method]
    rng = Stream(seed, ("compare", "means", scores.tasks[task], name))
    interval = (
        mean_interval(sample, rng=rng, varied=scores.varied, confidence=confidence) if len(sample) else None
    )
    return CellSummary(
        method=name,
        n=len(sample),
        failed=int((status == FAILED).sum()),
        unscored=int((status == NO_NUMBER).sum()),
        interval=interval,
        standing=standings.get(name, "not tested"),
    )


def _basis(scores: Scores, alpha: float, seed: int) -> Basis:
    paired = scores.paired_by
    test = f"sign-flip test of pairs that share {paired}" if paired else "Welch's test"
    several = len(scores.tasks) > 1
    folds = any("fold" in name.lower() for name in scores.varied)
    cautions = (
        SELECTION,
        "Holm's correction is over the pairs of methods within a task, not over tasks" if several else "",
        FOLDS if folds else "",
        RACED_TESTS if (scores.status == RACED).any() else "",
    )
    return Basis(
        procedure=f"within a task {test} of the best mean against each other method; "
        "across families of tasks signed ranks of all pairs",
        source="Demšar, JMLR 2006; Benavoli, Corani and Mangili, JMLR 2016",
        n={
            "tasks": len(scores.tasks),
            "families": independent(scores),
            "methods": len(scores.methods),
            "runs": int(made(scores).sum()),
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
    told = (
        (None,) * 4
        if difference is None
        else (difference.mean, difference.low, difference.high, difference.p)
    )
    return (
        *(task.task, task.family, cell.method, cell.n, cell.failed, cell.unscored),
        *ends,
        cell.standing,
        *told,
        one.adjusted if one else None,
        one.superiority.probability if one else None,
    )
