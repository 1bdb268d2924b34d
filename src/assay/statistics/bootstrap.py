"""The stratified and the cluster bootstrap of tasks x runs: the same bytes with any number of threads.

A resample is a column of counts, one for each (task, run). Runs are resampled within tasks (Efron
and Tibshirani 1993, section 8; Agarwal et al., NeurIPS 2021), or whole tasks or whole families with
all their runs (the cluster bootstrap: Davison and Hinkley 1997, section 3.8).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream, as_stream
from assay.statistics.basis import Basis, seed_text
from assay.statistics.bca import expanded_z
from assay.statistics.families import independent, too_few
from assay.statistics.scores import Scores

Over = Literal["runs", "tasks", "families"]

RESAMPLES = 10_000
_BLOCK = 512  # resamples that share a stream
_BLOCKS = 4  # blocks that are worked on together, at most
_CELLS = 1 << 23  # counts that are held together by a thread
_KEYS = 12_800  # draws that are counted together: their counts stay in the cache
_THREADS = 2
_ASSUMED = {
    "runs": "runs of a method on a task are independent and alike",
    "tasks": "tasks are independent draws from the tasks of interest",
    "families": "families are independent draws from the families of interest",
}


class Cells(NamedTuple):
    """Scores as a resampling wants them: nothing depends on the order of tasks or of runs.

    `values` are the runs of each method on one task after the other, tasks in the order of their
    names and the runs of one in increasing order, turned so that larger is better; a lost run is
    -inf, worse than any score. `sizes` says how many runs each method has on each task; `families`
    are the tasks of each family; `lost` counts the lost runs of each method.
    """

    values: tuple[np.ndarray, ...]
    sizes: tuple[tuple[int, ...], ...]
    tasks: tuple[str, ...]
    families: tuple[tuple[int, ...], ...]
    lost: tuple[int, ...]

    def by_task(self, method: int) -> list[np.ndarray]:
        """Return the runs of a method on each task."""
        return np.split(self.values[method], np.cumsum(self.sizes[method])[:-1])

    def shapes(self) -> dict[tuple[int, ...], list[int]]:
        """Return which methods have the same number of runs on every task, and so share resamples."""
        found: dict[tuple[int, ...], list[int]] = {}
        for method, sizes in enumerate(self.sizes):
            found.setdefault(sizes, []).append(method)
        return found


def arrange(scores: Scores) -> Cells:
    """Return the cells of a table of scores.

    A task of which a method has no run at all is lost with as many runs as any other method has.
    """
    tasks = sorted(range(len(scores.tasks)), key=scores.tasks.__getitem__)
    methods = range(len(scores.methods))
    sizes = np.array([[len(scores.sample(t, m)) + scores.lost(t, m) for t in tasks] for m in methods])
    sizes = np.where(sizes == 0, np.maximum(sizes.max(axis=0), 1), sizes)
    values = []
    for m in methods:
        cells = []
        for t, size in zip(tasks, sizes[m], strict=True):
            sample = np.sort(scores.sign(t) * scores.sample(t, m))
            cells += [np.full(size - len(sample), -np.inf), sample]
        values.append(np.concatenate(cells))
    groups: dict[str, list[int]] = {}
    for place, t in enumerate(tasks):
        groups.setdefault(scores.families[t], []).append(place)
    return Cells(
        values=tuple(values),
        sizes=tuple(tuple(row) for row in sizes.tolist()),
        tasks=tuple(scores.tasks[t] for t in tasks),
        families=tuple(tuple(groups[family]) for family in sorted(groups)),
        lost=tuple(int(np.isneginf(row).sum()) for row in values),
    )


class Design:
    """What is drawn again: runs within each task, or groups of tasks with all their runs.

    `sizes` are the numbers of runs of the tasks; `groups` are tuples of task numbers, each group a
    cluster, and None resamples runs within tasks. Designs of one bootstrap draw independently of
    each other if their `name` differs.
    """

    def __init__(
        self, sizes: Sequence[int], groups: Sequence[tuple[int, ...]] | None = None, name: str = "runs"
    ) -> None:
        self.sizes, self.name = tuple(sizes), name
        self.groups = None if groups is None else tuple(groups)
        self.items = sum(self.sizes)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])
        sums = [sum(self.sizes[task] for task in group) for group in self.groups or ()]
        # No resample has more runs than this.
        self.total = self.items if self.groups is None else len(sums) * max(sums)

    def ones(self) -> np.ndarray:
        """Return the counts of the sample itself."""
        return np.ones((self.items, 1), dtype=np.uint8)

    def counts(self, rng: Stream, start: int, columns: int) -> np.ndarray:
        """Return how often each run is in each of some resamples: (items, columns), uint8.

        `start` is a multiple of the block in which streams are opened. A count above 255 wants 256
        of n draws to hit one item of n, a chance below 1 / 256!.
        """
        drawn = np.empty((len(self.groups) if self.groups else self.items, columns), dtype=np.uint8)
        for first in range(0, columns, _BLOCK):
            block = drawn[:, first : first + _BLOCK]
            stream = rng.child(self.name, start + first)
            if self.groups:
                _draw(stream, block)
            else:
                for task in range(len(self.sizes)):
                    _draw(stream, block[self.starts[task] : self.starts[task + 1]])
        if not self.groups:
            return drawn
        weights = np.empty((len(self.sizes), columns), dtype=np.uint8)
        for group, tasks in enumerate(self.groups):
            weights[list(tasks)] = drawn[group]
        return np.repeat(weights, self.sizes, axis=0)

    def task_counts(self, counts: np.ndarray) -> np.ndarray:
        """Return how often each task is in each resample: (tasks, columns)."""
        return np.ones_like(counts[self.starts[:-1]]) if self.groups is None else counts[self.starts[:-1]]

    def drawn(self, counts: np.ndarray) -> np.ndarray:
        """Return how many runs each resample has: (columns,)."""
        if self.groups is None:
            return np.full(counts.shape[1], self.items)
        return np.asarray(np.array(self.sizes) @ self.task_counts(counts).astype(np.int64))

    def spread(self, order: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the number drawn among the first j of an order: (items + 1,).

        Of c items of a task's n that are among the first j, c - c^2 / n is the variance (binomial);
        of the c items of each of g clusters it is the sum of c^2 less j^2 / g (multinomial).
        """
        clusters = [(task,) for task in range(len(self.sizes))] if self.groups is None else self.groups
        of_task = np.empty(len(self.sizes), dtype=np.intp)
        for cluster, tasks in enumerate(clusters):
            of_task[list(tasks)] = cluster
        cluster = np.repeat(of_task, self.sizes)[order]
        by_cluster = np.argsort(cluster, kind="stable")
        many = np.bincount(cluster, minlength=len(clusters))
        before = np.empty(self.items)
        before[by_cluster] = np.arange(self.items) - np.repeat(np.cumsum(many) - many, many)
        step = 2.0 * before + 1.0
        first = np.arange(self.items + 1.0)
        if self.groups is None:
            variance = first - np.pad(np.cumsum(step / many[cluster]), (1, 0))
        else:
            variance = np.pad(np.cumsum(step), (1, 0)) - first**2 / len(clusters)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def designs(cells: Cells, over: Over, name: str = "runs") -> list[Design]:
    """Return what is drawn again when `over` is resampled, for each of the shapes of the methods.

    Raises `UsageError` for another word.
    """
    if over not in _ASSUMED:
        raise UsageError(f"cannot resample over '{over}'", hint=", ".join(_ASSUMED))
    single = [(task,) for task in range(len(cells.tasks))]
    groups = {"runs": None, "tasks": single, "families": cells.families}[over]
    return [Design(sizes, groups, name) for sizes in cells.shapes()]


def _draw(rng: Stream, out: np.ndarray) -> None:
    """Count n draws with replacement from n items in each column of `out`, (n, columns)."""
    n = len(out)
    width = max(1, _KEYS // n)
    for start in range(0, out.shape[1], width):
        columns = min(width, out.shape[1] - start)
        keys = rng.halves(n, n * columns).reshape(n, columns)
        np.multiply(keys, np.uint64(columns), out=keys)
        np.add(keys, np.arange(columns, dtype=np.uint64), out=keys)
        found = np.bincount(keys.reshape(-1).view(np.int64), minlength=n * columns)
        out[:, start : start + columns] = found.reshape(n, columns)


def bootstrap(
    statistic: Callable[[list[np.ndarray]], np.ndarray],
    plans: Sequence[Design],
    *,
    rng: Stream,
    resamples: int = RESAMPLES,
    threads: int | None = None,
) -> np.ndarray:
    """Return a statistic of every resample: (..., resamples).

    `statistic` turns the counts of each design, (items, columns), into (..., columns); it is called
    by several threads. Each block of resamples has a stream of its own below `rng`, so that equal
    streams give equal bytes with any number of threads, and designs do not disturb each other.
    Raises `UsageError` without resamples.
    """
    if resamples < 1:
        raise UsageError(f"a bootstrap needs resamples, got {resamples}", hint=f"{RESAMPLES:,}")
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    parent = as_stream(rng).child("bootstrap", str(rng.bits()))
    held = sum(plan.items for plan in plans)
    width = _BLOCK * max(1, min(_BLOCKS, _CELLS // (_BLOCK * held)))

    def chunk(start: int) -> np.ndarray:
        columns = min(width, resamples - start)
        return statistic([plan.counts(parent, start, columns) for plan in plans])

    starts = range(0, resamples, width)
    workers = min(len(starts), threads or min(_THREADS, _processors()))
    # Products are small: threads of BLAS beside these would wait for each other more than they work.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(chunk, starts)), axis=-1)


def expanded_level(cells: Cells, over: Over, confidence: float) -> float:
    """Return the share of resamples between the ends of an interval: more than `confidence` for few units.

    Resamples of few runs, tasks or families vary too little, and their ends are those of a normal where
    Student's t is due (Hesterberg 2015: see `expanded_z`). Degrees of freedom add up over tasks; the fewest
    runs of a task decide how much too little they vary. Raises `UsageError` for a confidence outside (0, 1).
    """
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"a confidence lies between 0 and 1, got {confidence}", hint="0.95")
    sizes = {
        "runs": [min(column) for column in zip(*cells.sizes, strict=True)],
        "tasks": [len(cells.tasks)],
        "families": [len(cells.families)],
    }[over]
    units, freedom = min(sizes), sum(size - 1 for size in sizes)
    return 2.0 * float(ndtr(expanded_z(units, confidence, freedom))) - 1.0 if units > 1 else confidence


def percentiles(draws: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends between which this share of the draws along the last axis lies (Efron 1979).

    `level` is that of `expanded_level`. Draws may hold -inf, which sorts below every number; an end between
    -inf and a number is -inf.
    """
    tail = (1.0 - level) / 2.0
    last = draws.shape[-1] - 1
    places = [tail * last, (1.0 - tail) * last]
    # Two neighbours of each end are enough: the rest need not be in order.
    ordered = np.partition(draws, sorted({min(int(p) + i, last) for p in places for i in (0, 1)}), axis=-1)
    low, high = (_between(ordered, place, last) for place in places)
    return low, high


def _between(ordered: np.ndarray, place: float, last: int) -> np.ndarray:
    below = int(place)
    a, b = ordered[..., below], ordered[..., min(below + 1, last)]
    with np.errstate(invalid="ignore"):
        between = a + (place - below) * (b - a)
    return np.where(np.isinf(a) | (a == b), a, between)


def ends(values: np.ndarray, known: np.ndarray | None = None) -> tuple[float | None, ...]:
    """Return numbers as a result holds them: None for what is infinite, and where nothing is known."""
    given = np.isfinite(values) if known is None else np.isfinite(values) & known
    return tuple(float(value) if there else None for value, there in zip(values, given, strict=True))


def bootstrap_basis(
    scores: Scores,
    cells: Cells,
    over: Over,
    *,
    procedure: str,
    source: str,
    seed: tuple[Stream, int],
    lost: str,
    assumptions: tuple[str, ...] = (),
    ties: str = "",
) -> tuple[Basis, bool]:
    """Return what a bootstrap over tasks and runs stands on, and whether it gives an interval at all."""
    sizes = np.array(cells.sizes)
    methods, tasks = sizes.shape
    runs, most = int(sizes.min()), int(sizes.max())
    families = independent(scores)
    undecided = too_few(families) if over != "runs" else "one run of each has no interval" * (runs < 2)
    cautions = [
        undecided,
        "all methods share their resamples: each interval holds by itself, overlap decides no difference",
        *(_about_runs() if over == "runs" else _about_tasks(over, tasks, families)),
        f"{sum(cells.lost):,} lost runs: {lost}" * any(cells.lost),
        "cells have different numbers of runs; a run that is absent is not known to be lost" * (most > runs),
    ]
    basis = Basis(
        procedure=procedure,
        source=source,
        n={"methods": methods, "tasks": tasks, "families": families, "runs of each on a task": runs}
        | ({"runs of the most": most} if most > runs else {}),
        varied=scores.varied if over == "runs" else (over,),
        assumptions=(_ASSUMED[over], *assumptions),
        ties=ties,
        seed=seed_text(*seed),
        cautions=tuple(caution for caution in cautions if caution),
    )
    return basis, not undecided


def _about_runs() -> list[str]:
    return ["only runs were resampled: nothing is said about tasks that are not among these"]


def _about_tasks(over: Over, tasks: int, families: int) -> list[str]:
    found = ["tasks were resampled with all their runs, as if they were drawn from a population of tasks"]
    if over == "tasks" and families < tasks:
        found.append(f"{tasks} tasks are of {families} families and not independent: resample over families")
    return found


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
