"""How far a method generalises: where it wins, where it loses, and which tasks its standing hangs on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from assay.analysis.comparison import RACED_TESTS
from assay.analysis.conclusions import (
    FAMILIES_WON,
    LeftOutFamily,
    RivalConclusion,
    SubsetPositions,
    leave_one_family_out,
    position_in_subsets,
    rivals_in_subsets,
)
from assay.analysis.pairs import Standing, TaskPair, pairs_stream, task_pairs, test_text
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.foundation.text import one_line
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.families import family_ranks, independent, too_few
from assay.statistics.scores import RACED, Scores
from assay.statistics.table import Table


class TaskStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a method stands against one rival on one task.

    `difference` is in the unit of the task, positive in favour of the method, None where a run is lost;
    `adjusted` is Holm's p over all pairs of methods of the task.
    """

    task: str
    family: str
    rival: str
    standing: Standing
    difference: float | None
    adjusted: float | None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often a method wins, loses, and cannot be told apart, over its rivals on the tasks of a family.

    `mean_rank` is the mean over the tasks of the rank of its mean, 1 the best; `untold` counts what is
    not distinguished, cannot be decided or was not tested.
    """

    family: str
    tasks: tuple[str, ...]
    wins: int
    losses: int
    untold: int
    mean_rank: float


class Generalisation(Result, frozen=True, kw_only=True):
    """Where a method wins and loses, and whether the conclusion of any subset of families would differ.

    `position` is that by average rank over all families, 1 the best, ties shared. `standings` has a row
    for each task and rival, `families` one for each family, `rivals` one for each rival.
    """

    method: str
    methods: tuple[str, ...]
    position: float
    standings: tuple[TaskStanding, ...]
    families: tuple[Tally, ...]
    subsets: SubsetPositions
    rivals: tuple[RivalConclusion, ...]
    leave_one_out: tuple[LeftOutFamily, ...]
    alpha: float

    @property
    def wins(self) -> int:
        """How many pairs of task and rival the method wins."""
        return sum(one.standing == "better" for one in self.standings)

    @property
    def losses(self) -> int:
        """How many pairs of task and rival the method loses."""
        return sum(one.standing == "worse" for one in self.standings)

    def sentence(self) -> str:
        """Return wins and losses, the position, and what could change it."""
        n = self.basis.n["tasks"]
        told = (
            f"{one_line(self.method)} wins {self.wins}, loses {self.losses} and cannot be told in "
            f"{len(self.standings) - self.wins - self.losses} of {len(self.standings)} comparisons on {n} "
            f"{'task' if n == 1 else 'tasks'}; it is in position {self.position:g} of {len(self.methods)} by "
            "average rank"
        )
        if not self.subsets.subsets:
            return f"{told} of one family, so that no subset of families could say otherwise"
        looked = "of all" if self.subsets.exact else "of the smallest and largest"
        if not self.subsets.fewest:
            return f"{told}, and in each {looked} {self.subsets.subsets:,} subsets of the families"
        left = ", ".join(one_line(name) for name in self.subsets.fewest)
        return (
            f"{told}, and in {self.subsets.same:,} {looked} {self.subsets.subsets:,} subsets of the families "
            f"(from {self.subsets.best:g} to {self.subsets.worst:g}; another one without {left})"
        )

    def table(self) -> Table:
        """Return one row for each task and rival."""
        columns = ("task", "family", "method", "rival", "standing", "difference", "adjusted p")
        rows = [
            (one.task, one.family, self.method, one.rival, one.standing, one.difference, one.adjusted)
            for one in self.standings
        ]
        return Table(columns, [tuple(row) for row in rows])


def generalisation(
    scores: Scores,
    method: str,
    *,
    rng: Stream,
    alpha: float = 0.05,
    pairs: Sequence[TaskPair] | None = None,
) -> Generalisation:
    """Return where a method wins and loses on the tasks of a table, and what its standing hangs on.

    Within a task all pairs of methods are compared, with Holm's correction over them; `pairs` are those
    of `task_pairs` where they are at hand. The subsets of families describe these tasks: how many of them
    agree is a count, not a probability. Raises `UnknownNameError` for an unknown method, and `UsageError`
    for fewer than two methods.
    """
    if len(scores.methods) < 2:
        raise UsageError("a method wins or loses against another", why="the table has one method")
    if method not in scores.methods:
        raise UnknownNameError("method", method, scores.methods)
    made = task_pairs(scores, rng=rng, alpha=alpha) if pairs is None else pairs
    standings = tuple(sorted(_standings(made, method), key=lambda one: (one.task, one.rival)))
    m = scores.methods.index(method)
    position, subsets = position_in_subsets(scores, m)
    rivals = tuple(sorted(rivals_in_subsets(scores, m), key=lambda one: one.rival))
    return Generalisation(
        basis=_basis(scores, rivals, alpha, seed_text(pairs_stream(rng))),
        method=method,
        methods=scores.methods,
        position=position,
        standings=standings,
        families=_tallies(scores, standings, m),
        subsets=subsets,
        rivals=rivals,
        leave_one_out=leave_one_family_out(scores, m, rivals),
        alpha=alpha,
    )


def generalisations(scores: Scores, *, rng: Stream, alpha: float = 0.05) -> tuple[Generalisation, ...]:
    """Return the generalisation of every method, the best average rank first."""
    pairs = task_pairs(scores, rng=rng, alpha=alpha)
    found = [generalisation(scores, name, rng=rng, alpha=alpha, pairs=pairs) for name in scores.methods]
    return tuple(sorted(found, key=lambda one: (one.position, one.method)))


def _standings(pairs: Sequence[TaskPair], method: str) -> list[TaskStanding]:
    found = []
    for pair in pairs:
        if method not in (pair.a, pair.b):
            continue
        rival, standing, difference = pair.seen_from(method)
        found.append(
            TaskStanding(
                task=pair.task,
                family=pair.family,
                rival=rival,
                standing=standing,
                difference=difference,
                adjusted=pair.adjusted,
            )
        )
    return found


def _tallies(scores: Scores, standings: Sequence[TaskStanding], method: int) -> tuple[Tally, ...]:
    names, ranks = family_ranks(scores)
    groups = scores.by_family()
    found = []
    for f, family in enumerate(names):
        counts = Counter(one.standing for one in standings if one.family == family)
        won, lost = counts["better"], counts["worse"]
        tally = Tally(
            family=family,
            tasks=tuple(sorted(scores.tasks[t] for t in groups[family])),
            wins=won,
            losses=lost,
            untold=sum(counts.values()) - won - lost,
            mean_rank=float(ranks[f, method]),
        )
        found.append(tally)
    return tuple(sorted(found, key=lambda one: one.family))


def _basis(scores: Scores, rivals: Sequence[RivalConclusion], alpha: float, seed: str) -> Basis:
    families = independent(scores)
    by_families = any(one.measure == FAMILIES_WON for one in rivals)
    units = "scores have no common declared unit, or runs were lost: signs are by families won"
    cautions = (
        too_few(families),
        "how many subsets agree is a count over these families, not a probability about others",
        "the position depends on which other methods are in the table; signs against a rival do not",
        units if by_families else "",
        RACED_TESTS if (scores.status == RACED).any() else "",
    )
    return Basis(
        procedure=f"{test_text(scores.paired_by)} of all pairs within a task; average ranks and signs over "
        "subsets of families",
        source="Welch 1947; Pitman 1937; Fisher 1935; Holm 1979; subsets as in Zhang and Hardt, ICML 2024",
        n={"families": families, "tasks": len(scores.tasks), "methods": len(scores.methods)},
        varied=scores.varied,
        assumptions=("tasks of a family are averaged first, and families count alike",),
        ties="average ranks",
        correction=f"Holm over all pairs of methods of a task, not over tasks; level {alpha:g}",
        seed=seed,
        cautions=tuple(text for text in cautions if text),
    )
