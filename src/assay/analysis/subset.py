"""Cheaper benchmarks: the fewest tasks and replicates that keep a ranking, and how often they do not."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.families import family_ranks, independent, too_few
from assay.statistics.rank_intervals import ranks_over_runs
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import OK, Scores
from assay.statistics.table import Table

EXHAUSTIVE = 15
SPLITS = 20
DRAWS = 20
RESAMPLES = 10_000
LEAST_RUNS = 4

_DIGITS = 9


class ResolvedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two methods that the full set tells apart by average rank, and the gap of their ranks."""

    better: str
    worse: str
    gap: float


class TaskSubset(msgspec.Struct, frozen=True, kw_only=True):
    """The best subset of one size: what it is on all replicates, and the error of choosing one this way.

    `error` is the mean over the splits of the share of resolved pairs that a subset, chosen by one half of
    the replicates, does not put in their order by the other half; `worst` is the largest of them.
    """

    size: int
    tasks: tuple[str, ...]
    error: float
    worst: float


class FewerReplicates(msgspec.Struct, frozen=True, kw_only=True):
    """The error of so many replicates, of the half that chose nothing, on all tasks and on the subset.

    `on_subset` is None where no subset is good enough.
    """

    replicates: int
    on_all: float
    on_subset: float | None


class Cheaper(Result, frozen=True, kw_only=True):
    """The smallest subset of tasks, and the smallest number of replicates, that keep the resolved pairs.

    `tasks` are empty and `replicates` None where no subset, or number, has a measured error of at most
    `tolerance`. `share` is what remains of the runs. `unresolved` counts the pairs that even the full set
    does not tell apart, of which nothing is asked.
    """

    tasks: tuple[str, ...]
    replicates: int | None
    error: float | None
    share: float | None
    resolved: tuple[ResolvedPair, ...]
    unresolved: int
    subsets: tuple[TaskSubset, ...]
    fewer: tuple[FewerReplicates, ...]
    exhaustive: bool
    tolerance: float
    splits: int

    @property
    def replicates_on_all(self) -> int | None:
        """The fewest replicates that suffice on all tasks; None where half of them do not."""
        return next((one.replicates for one in self.fewer if one.on_all <= self.tolerance), None)

    def sentence(self) -> str:
        """Return what suffices, with its error."""
        pairs = len(self.resolved)
        if not pairs:
            return "The full set tells no two methods apart by average rank: there is no ranking to keep"
        of = f"{pairs} of {pairs + self.unresolved} pairs of methods that the full set tells apart"
        if not self.tasks:
            return f"No smaller set of tasks keeps the {of} with an error of at most {self.tolerance:g}"
        n = self.basis.n
        tasks = f"{len(self.tasks)} of {n['tasks']} tasks"
        if self.replicates is None or self.error is None:
            return f"{tasks} keep the {of}; half of the replicates do not suffice for it"
        return (
            f"{tasks} and {self.replicates} of {n['replicates']} replicates keep the {of}: a share of "
            f"{self.error:.2g} of those pairs is misplaced on replicates that did not choose"
        )

    def table(self) -> Table:
        """Return one row for each size of subset."""
        rows = [(one.size, ", ".join(one.tasks), one.error, one.worst) for one in self.subsets]
        return Table(("tasks", "chosen", "error", "worst error"), [tuple(row) for row in rows])


def cheaper(
    scores: Scores,
    *,
    rng: Stream,
    alpha: float = 0.05,
    tolerance: float = 0.05,
    splits: int = SPLITS,
) -> Cheaper:
    """Return the smallest subset of tasks and number of replicates that keep the ranking of the methods.

    Methods are ranked by average rank, families averaged first. Only the pairs that the full set resolves
    are to be kept: those of one order in all but alpha / pairs / 2 of the bootstrap resamples of its runs.
    A subset is chosen by the fewest misplaced pairs, then by the widest least gap, then by name: of up to
    15 tasks among all subsets, of more by adding one task after the other. Its error is measured by
    splitting the replicates in halves: one chooses, the other measures, `splits` times; fewer replicates
    are drawn from the half that measures, so that no number above half of them is looked at. Raises
    `UsageError` for fewer than two methods or tasks, and below four runs in a cell.
    """
    _check(scores, tolerance, splits)
    scores = scores.only(methods=sorted(scores.methods), tasks=sorted(scores.tasks))
    resolved = _resolved(scores, rng.child("resolved"), alpha)
    pairs = len(scores.methods) * (len(scores.methods) - 1) // 2
    order = np.array([(scores.methods.index(p.better), scores.methods.index(p.worse)) for p in resolved])
    table = _Table(scores, order.reshape(-1, 2).astype(np.intp))
    halves = [table.halves(rng.child("split", i)) for i in range(splits)]
    sizes = _sizes(table, halves) if resolved else ()
    found = next((one for one in sizes if one.error <= tolerance), None)
    fewer = _fewer(table, halves, found.size if found else None, rng) if resolved else ()
    enough = next((one for one in fewer if one.on_subset is not None and one.on_subset <= tolerance), None)
    share = None
    if found is not None and enough is not None:
        share = found.size / len(scores.tasks) * enough.replicates / table.n
    return Cheaper(
        basis=_basis(scores, table, seed_text(rng, RESAMPLES)),
        tasks=found.tasks if found else (),
        replicates=enough.replicates if enough else None,
        error=enough.on_subset if enough else None,
        share=share,
        resolved=resolved,
        unresolved=pairs - len(resolved),
        subsets=sizes,
        fewer=fewer,
        exhaustive=len(scores.tasks) <= EXHAUSTIVE,
        tolerance=tolerance,
        splits=splits,
    )


def _check(scores: Scores, tolerance: float, splits: int) -> None:
    if len(scores.methods) < 2 or len(scores.tasks) < 2:
        raise UsageError("a cheaper benchmark needs two methods and two tasks at least")
    if not 0.0 <= tolerance < 1.0 or splits < 1:
        raise UsageError("a tolerated error lies between 0 and 1, and one split is the least", hint="0.05")
    counts = (scores.status == OK).sum(axis=2)
    for t, task in enumerate(scores.tasks):
        for m, method in enumerate(scores.methods):
            if counts[t, m] < LEAST_RUNS and not scores.lost(t, m):
                raise UsageError(
                    "there are too few runs to split them in halves",
                    where=f"{method} on {task}",
                    why=f"it has {counts[t, m]}, and {LEAST_RUNS} are the least",
                )


def _resolved(scores: Scores, rng: Stream, alpha: float) -> tuple[ResolvedPair, ...]:
    """Return the pairs of which the order of average ranks stands in nearly all resamples of the runs."""
    mean = family_ranks(scores)[1].mean(axis=0)
    drawn = np.round(ranks_over_runs(scores, rng, RESAMPLES), _DIGITS)
    k = len(scores.methods)
    level = alpha / (k * (k - 1) / 2) / 2
    found = []
    for a, b in itertools.permutations(range(k), 2):
        gap = float(np.round(mean[b] - mean[a], _DIGITS))
        if gap > 0.0 and int((drawn[:, a] >= drawn[:, b]).sum()) <= level * RESAMPLES:
            found.append(ResolvedPair(better=scores.methods[a], worse=scores.methods[b], gap=gap))
    return tuple(sorted(found, key=lambda pair: (-pair.gap, pair.better, pair.worse)))


class _Table:
    """The scores with what subsets of tasks and replicates make of the resolved pairs.

    Tasks and methods are sorted by name. `order` is (pairs, 2): better, worse.
    """

    def __init__(self, scores: Scores, order: np.ndarray) -> None:
        self.order = order
        self.tasks = scores.tasks
        places = sorted(range(len(scores.replicates)), key=scores.replicates.__getitem__)
        signs = np.array([scores.sign(t) for t in range(len(scores.tasks))])
        self.values = (scores.values * signs[:, None, None])[:, :, places]
        self.present = (scores.status == OK)[:, :, places]
        self.lost = np.array(
            [[bool(scores.lost(t, m)) for m in range(len(scores.methods))] for t in range(len(scores.tasks))]
        )
        families = list(dict.fromkeys(scores.families))
        self.families = np.array([families.index(family) for family in scores.families])

    @property
    def n(self) -> int:
        """The largest number of runs of a cell."""
        return int(self.present.sum(axis=2).max())

    def halves(self, rng: Stream) -> tuple[np.ndarray, np.ndarray]:
        """Return two disjoint halves of the runs of every cell, as booleans (tasks, methods, replicates)."""
        order = np.argsort(rng.indices(1 << 32, self.present.shape[2:]), kind="stable")
        place = np.cumsum(self.present[:, :, order], axis=2)
        first = np.zeros_like(self.present)
        # Every other run that is there, in one random order for all cells: pairs stay together.
        first[:, :, order] = self.present[:, :, order] & (place % 2 == 1)
        return first, self.present & ~first

    def drawn(self, half: np.ndarray, count: int, rng: Stream) -> np.ndarray:
        """Return `count` runs of each cell of a half, in one random order for all cells."""
        order = np.argsort(rng.indices(1 << 32, half.shape[2:]), kind="stable")
        place = np.cumsum(half[:, :, order], axis=2)
        chosen = np.zeros_like(half)
        chosen[:, :, order] = half[:, :, order] & (place <= count)
        return chosen

    def ranks(self, chosen: np.ndarray) -> np.ndarray:
        """Return the ranks of the means over the chosen runs: (tasks, methods); lost cells rank last."""
        count = chosen.sum(axis=2)
        total = np.where(chosen, self.values, 0.0)
        means = np.cumsum(total, axis=2)[:, :, -1] / np.maximum(count, 1)
        return average_ranks(np.where(self.lost | (count == 0), np.nan, means))

    def gaps(self, masks: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """Return how far the worse of each resolved pair ranks behind the better: (subsets, pairs)."""
        sizes = np.zeros(masks.shape)
        present = np.zeros((len(masks), 1))
        for family in range(int(self.families.max()) + 1):
            members = self.families == family
            held = masks[:, members].sum(axis=1, keepdims=True)
            sizes[:, members] = np.maximum(held, 1)
            present += held > 0
        weights = masks / (sizes * present)
        behind = ranks[:, self.order[:, 1]] - ranks[:, self.order[:, 0]]
        total = np.zeros((len(masks), len(self.order)))
        for t, row in enumerate(behind):
            total += weights[:, t, None] * row
        return np.asarray(np.round(total, _DIGITS))

    def error(self, masks: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """Return the share of the resolved pairs that each subset misplaces, ties included."""
        return np.asarray((self.gaps(masks, ranks) <= 0.0).mean(axis=1))

    def choose(self, ranks: np.ndarray) -> np.ndarray:
        """Return the best subset of each size below the full one: booleans (sizes, tasks)."""
        count = len(self.tasks)
        if count > EXHAUSTIVE:
            return self._grown(ranks)
        numbers = np.arange(1, 2**count - 1)
        masks = (numbers[:, None] >> np.arange(count) & 1).astype(bool)
        gaps = self.gaps(masks, ranks)
        wrong, least = (gaps <= 0.0).sum(axis=1), gaps.min(axis=1)
        size = masks.sum(axis=1)
        # The last key is the first to sort by; of equals the names decide, the first task foremost.
        best = np.lexsort((*(~masks[:, t] for t in reversed(range(count))), -least, wrong, size))
        first = np.searchsorted(size[best], np.arange(1, count))
        return np.asarray(masks[best[first]])

    def _grown(self, ranks: np.ndarray) -> np.ndarray:
        count = len(self.tasks)
        held = np.zeros(count, dtype=bool)
        found = []
        for _ in range(count - 1):
            free = np.flatnonzero(~held)
            masks = np.tile(held, (len(free), 1))
            masks[np.arange(len(free)), free] = True
            gaps = self.gaps(masks, ranks)
            best = np.lexsort((-gaps.min(axis=1), (gaps <= 0.0).sum(axis=1)))[0]
            held = masks[best]
            found.append(held)
        return np.array(found)


_Halves = list[tuple[np.ndarray, np.ndarray]]


def _sizes(table: _Table, halves: _Halves) -> tuple[TaskSubset, ...]:
    chosen = table.choose(table.ranks(table.present))
    errors = np.array(
        [table.error(table.choose(table.ranks(half)), table.ranks(other)) for half, other in halves]
    )
    return tuple(
        TaskSubset(
            size=s + 1,
            tasks=tuple(task for task, held in zip(table.tasks, mask, strict=True) if held),
            error=math.fsum(errors[:, s]) / len(errors),
            worst=float(errors[:, s].max()),
        )
        for s, mask in enumerate(chosen)
    )


def _fewer(table: _Table, halves: _Halves, size: int | None, rng: Stream) -> tuple[FewerReplicates, ...]:
    full = np.ones((1, len(table.tasks)), dtype=bool)
    subsets = [table.choose(table.ranks(half))[[size - 1]] if size else full for half, _ in halves]
    found = []
    for count in _counts(table.n // 2):
        errors: list[tuple[float, float]] = []
        for i, (_, other) in enumerate(halves):
            for draw in range(DRAWS):
                ranks = table.ranks(table.drawn(other, count, rng.child("draw", count, i, draw)))
                errors.append((float(table.error(full, ranks)[0]), float(table.error(subsets[i], ranks)[0])))
        on_all, on_subset = (math.fsum(column) / len(errors) for column in zip(*errors, strict=True))
        found.append(FewerReplicates(replicates=count, on_all=on_all, on_subset=on_subset if size else None))
    return tuple(found)


def _counts(most: int) -> list[int]:
    """Return the numbers of replicates that are looked at: all up to 10, then in steps of a quarter."""
    counts = list(range(1, min(most, 10) + 1))
    while counts[-1] < most:
        counts.append(min(most, max(counts[-1] + 1, counts[-1] * 5 // 4)))
    return counts


def _basis(scores: Scores, table: _Table, seed: str) -> Basis:
    families, lost = independent(scores), int(table.lost.sum())
    search = "all subsets" if len(scores.tasks) <= EXHAUSTIVE else "adding one task after the other"
    cautions = (
        too_few(families),
        "the error is that of choosing this way for these methods: another method may need other tasks",
        "which pairs are to be kept is decided by all replicates, those that measure included",
        f"{lost} cells with failed or missing runs rank last" if lost else "",
    )
    return Basis(
        procedure=f"fewest tasks ({search}) and replicates that keep the order of resolved pairs by average "
        "rank; error on the half of the replicates that did not choose",
        source="repeated half splits; resolved by the percentile bootstrap over runs",
        n={
            "families": families,
            "tasks": len(scores.tasks),
            "methods": len(scores.methods),
            "replicates": table.n,
        },
        varied=scores.varied,
        assumptions=("ranks of a family are averaged first, and families count alike",),
        ties="a tie counts as misplaced",
        correction="alpha over the pairs of methods, for which pairs are resolved",
        seed=seed,
        cautions=tuple(text for text in cautions if text),
    )
