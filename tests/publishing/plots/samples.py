"""Results to draw, made by hand so that figures are tested apart from what computes their numbers."""

from __future__ import annotations

import math
import typing
from typing import Any

import msgspec
import numpy as np

from assay.analysis import generalisation, specification, subset, transfer, tuning
from assay.analysis.model import Curve
from assay.foundation.seeding import Stream
from assay.publishing import plots
from assay.statistics import (
    aggregates,
    anytime,
    bayesian,
    differences,
    friedman,
    improvement,
    improvement_over_random,
    luck,
    pairwise,
    pareto,
    power,
    profiles,
    published,
    rank_intervals,
    replication,
    search_effort,
    selection,
    sequential,
    stability,
    superiority,
    targets,
)
from assay.statistics.basis import Basis
from assay.statistics.interval import Interval

METHODS = ("random", "regularized_evolution", "TPE", "local search")
HOSTILE = "<script>&\"'$\\alpha$\x1b[31m=1+1"
LONG = "a method with an extraordinarily long explanation of what it does, number"
BASIS = Basis(
    procedure="stratified bootstrap",
    source="nobody",
    n={"tasks": 14, "runs": 100},
    varied=("search seeds",),
    cautions=("says nothing about other tasks",),
)


def made(kind: type[Any], /, **given: Any) -> Any:
    """Return a result with these fields, and plain ones for the rest."""
    hints = typing.get_type_hints(kind)
    plain = {bool: True, int: 0, float: 0.0, str: ""}
    for field in msgspec.structs.fields(kind):
        if field.name not in given and field.required:
            hint = hints[field.name]
            given[field.name] = (
                BASIS if hint is Basis else plain.get(hint, None if "None" in str(hint) else ())
            )
    if "names" in hints:
        given["names"] = given["names"] or ("TPE", "random")
    return kind(**given)


def interval(mean: float, half: float | None = 0.1, n: int = 20) -> Interval:
    ends = (None, None) if half is None else (mean - half, mean + half)
    method = "none" if half is None else "BCa"
    return Interval(
        mean=mean, low=ends[0], high=ends[1], sd=1.0, n=n, confidence=0.95, method=method, varied=("seeds",)
    )


def names(k: int) -> tuple[str, ...]:
    return tuple(f"{LONG} {i}" for i in range(k))


def draws(*shape: int) -> np.ndarray:
    """Return standard normal numbers that are always the same."""
    stream = Stream(7, ("samples", *shape))
    return np.array([stream.normal() for _ in range(math.prod(shape))]).reshape(shape)


def scores(tasks: int, k: int) -> np.ndarray:
    return draws(tasks, k) + np.linspace(1.5, 0.0, k)


def ranks_of(tasks: int, k: int) -> np.ndarray:
    return np.argsort(np.argsort(-scores(tasks, k), axis=1), axis=1) + 1.0


def compared(tasks: int, methods: tuple[str, ...], decided: bool = True) -> pairwise.PairwiseTests:
    """Return what a test of all pairs gives, made by hand so that figures are tested alone."""
    k, values = len(methods), scores(tasks, len(methods))
    means = ranks_of(tasks, k).mean(axis=0)
    gap = np.abs(means[:, None] - means[None, :])
    wins = (values[:, :, None] > values[:, None, :]).sum(axis=0)
    return made(
        pairwise.PairwiseTests,
        basis=msgspec.structs.replace(
            BASIS,
            procedure="Wilcoxon's signed-rank test of all pairs",
            correction=f"Holm over {k * (k - 1) // 2} pairs",
            zeros="split",
        ),
        methods=methods,
        average_ranks=tuple(means.tolist()),
        p=np.exp(-2 * gap) if decided else None,
        adjusted=np.exp(-gap) if decided else None,
        mean_difference=(values[:, :, None] - values[:, None, :]).mean(axis=0),
        wins=wins,
        ties=np.zeros((k, k), dtype=int),
        losses=wins.T.copy(),
        cliques=friedman.cliques_within(methods, means.tolist(), 1.2) if decided else (),
        correction="holm",
        alpha=0.05,
        decided=decided,
    )


def nemenyi(tasks: int, methods: tuple[str, ...]) -> friedman.Nemenyi:
    return friedman.nemenyi_test(scores(tasks, len(methods)), methods=methods)


def difference(mean: float, half: float | None, verdict: str, **more: Any) -> differences.Difference:
    held = interval(mean, half)
    given: dict[str, Any] = {"confidence": 0.95, "method": held.method, "p_method": "Welch", "least_p": 0.25}
    return made(
        differences.Difference, mean=mean, low=held.low, high=held.high, verdict=verdict, **given | more
    )


def superior(p: float, half: float, verdict: str) -> superiority.Superiority:
    ends = {"low": max(0.0, p - half), "high": min(1.0, p + half)}
    return made(
        superiority.Superiority, probability=p, **ends, gamma=0.75, confidence=0.95, verdict=verdict, n_a=29
    )


def number(name: str, gap: float, half: float | None, verdict: str) -> replication.NumberReplication:
    held = interval(gap, half)
    return made(
        replication.NumberReplication,
        name=name,
        published=published.Published(name=name, mean=93.0, n=3, sd=0.1, place="p. 9, table 5"),
        mean=93.0 + gap,
        n=20,
        difference=gap,
        low=held.low,
        high=held.high,
        confidence=0.95,
        method="Welch",
        margin=0.25,
        verdict=verdict,
        decision=verdict,
    )


def curve(method: str, benchmark: str, axis: str, end: float, runs: int = 10) -> Curve:
    n = 60
    x = [float(i) * (1.0 if axis == "evaluations" else 433.7) for i in range(1, n + 1)]
    y = [max(end, math.exp(-i / n * 6.0)) if i < n - 5 else end for i in range(n)]
    low, high = ([v * 0.7 for v in y], [v * 1.4 for v in y])
    return Curve(
        method=method,
        benchmark=benchmark,
        axis=axis,
        x=x,
        mean=y,
        low=low,
        high=high,
        runs=runs,
        band="95 % t interval",
    )


def timed(method: int, unit: str = "evaluations") -> targets.TargetTimes:
    raw = np.abs(draws(3, 30 + method)) * 400 * (method + 1)
    return made(
        targets.TargetTimes,
        targets=(0.1, 0.01, 0.001),
        times=tuple(tuple(float(v) if v < 900 else math.inf for v in row) for row in raw),
        spent=(1000.0,) * (30 + method),
        unit=unit,
        confidence=0.95,
    )


def lucky(shift: float, lost: int = 0) -> luck.Luck:
    p = [float(1 / (1 + math.exp(v + shift))) for v in draws(40)] + [math.nan] * lost
    return made(
        luck.Luck,
        values=tuple(p),
        budgets=(100.0,) * len(p),
        unit="evaluations",
        at_least=tuple(p),
        better=tuple(p),
        space=15625,
    )


def attained(shift: float) -> pareto.Attainment:
    surfaces = tuple(
        tuple((1.0 + i + level, 8.0 - i + level + shift) for i in range(5)) for level in (0.0, 0.6, 1.5)
    )
    return made(
        pareto.Attainment, levels=(0.25, 0.5, 0.75), surfaces=surfaces, runs=20, maximize=(False, False)
    )


def fronts(methods: tuple[str, ...], size: float = 1.0) -> plots.ParetoFronts:
    points = {
        name: tuple((float(90 + a + i) * size, float(10 ** (b / 2 + 2)) * size) for a, b in draws(20, 2))
        for i, name in enumerate(methods)
    }
    return plots.ParetoFronts(
        points=points,
        reference=(88.0 * size, 3000.0 * size),
        maximize=(True, False),
        objectives=("accuracy, %", "parameters"),
        hypervolume={name: 10.0 + i for i, name in enumerate(methods)},
    )


def confused(k: int) -> replication.Confusion:
    rows = ("ours, table 2", "random, table 2", "third row")
    cells = tuple(
        tuple(number(f"{i}{j}", (i - j) * 0.4, 0.2, "replicated" if i == j else "differs") for j in range(3))
        for i in range(k)
    )
    return made(
        replication.Confusion,
        methods=(METHODS + names(20))[:k],
        rows=rows,
        cells=cells,
        margin=0.25,
        compatible=tuple(tuple(abs(i - j) < 2 for j in range(3)) for i in range(k)),
        statuses=("identified", "not identifiable", "no fit"),
        fits=((), (), ()),
    )


def stable(k: int, bootstrap: bool = True) -> stability.RankStability:
    full = tuple(float(i + 1) for i in range(k))
    left = tuple(
        stability.LeftOut(
            what="task",
            name=f"t{j}",
            ranking=tuple(np.roll(full, j % 2).tolist()),
            tau=1.0 - j % 2,
            max_rank_change=1.0,
        )
        for j in range(6)
    )
    shares = np.exp(-np.abs(np.subtract.outer(np.arange(k), np.arange(k))))
    return made(
        stability.RankStability,
        methods=(METHODS + names(20))[:k],
        mean_rank=full,
        ranking=full,
        leave_one_out=left,
        bootstrap=shares / shares.sum(axis=1, keepdims=True) if bootstrap else None,
    )


def specified(n: int) -> specification.SpecificationCurve:
    options = {"split": ("published", "own"), "metric": ("test", "valid"), "budget": ("50", "150", "500")}
    found = []
    for i, gap in enumerate(draws(n).tolist()):
        choices = {f: v[(i // (k + 1)) % len(v)] for k, (f, v) in enumerate(options.items())}
        found.append(specification.Specified(choices=choices, estimate=gap + 0.5))
    found.append(specification.Specified(choices={"split": "own"}, estimate=None))
    return made(
        specification.SpecificationCurve,
        specifications=tuple(found),
        what="TPE − random, points",
        chosen=found[0].choices,
    )


def aggregate(methods: tuple[str, ...], values: tuple[float | None, ...], half: float) -> Any:
    return made(
        aggregates.AggregateIntervals,
        metric="iqm",
        methods=methods,
        estimates=values,
        lows=tuple(None if v is None else v - half for v in values),
        highs=tuple(None if v is None else v + half for v in values),
        over="runs",
        confidence=0.95,
        resamples=10_000,
        lost=tuple(0 if v is not None else 7 for v in values),
    )


def profile(methods: tuple[str, ...], n: int = 51) -> profiles.PerformanceProfile:
    taus = np.linspace(0.0, 1.0, n)
    shares = np.stack([1 - taus ** (i + 1) for i in range(len(methods))])
    return made(
        profiles.PerformanceProfile,
        taus=taus,
        methods=methods,
        shares=shares,
        lows=np.clip(shares - 0.05, 0, 1),
        highs=np.clip(shares + 0.05, 0, 1),
        over="runs",
        confidence=0.95,
        lost=(0, 3, *(0,) * len(methods))[: len(methods)],
    )


def improved(k: int) -> improvement.ImprovementMatrix:
    p = 1 / (1 + np.exp(draws(k, k)))
    p = (p + 1 - p.T) / 2
    return made(
        improvement.ImprovementMatrix,
        methods=(METHODS + names(20))[:k],
        probability=p,
        low=p - 0.1,
        high=p + 0.1,
        over="tasks",
        confidence=0.95,
    )


def best_of(n: int, shift: float = 0.0) -> search_effort.ExpectedBest:
    sizes = tuple(range(1, n + 1))
    values = tuple(94 - 3 / math.sqrt(i) + shift for i in sizes)
    return made(
        search_effort.ExpectedBest,
        n=sizes,
        expected=values,
        low=tuple(v - 0.3 for v in values),
        high=tuple(v + 0.3 for v in values),
        trials=n,
        confidence=0.95,
    )


def sequence(n: int = 100) -> sequential.ConfidenceSequence:
    times = tuple(range(1, n + 1))
    half = tuple(math.inf if t < 3 else 2.0 / math.sqrt(t) for t in times)
    return made(
        sequential.ConfidenceSequence,
        times=times,
        mean=(0.4,) * n,
        low=tuple(0.4 - h for h in half),
        high=tuple(0.4 + h for h in half),
        alpha=0.05,
        kind="normal mixture",
    )


def planned() -> power.ReplicatePlan:
    rows = tuple(
        power.PlanRow(n, 1 - math.exp(-n / 12), 1.9 / math.sqrt(n), 2.0 ** (1 - n))
        for n in (3, 5, 10, 20, 30, 50)
    )
    return made(power.ReplicatePlan, effect=0.5, sd=1.0, power=0.8, alpha=0.05, rows=rows, recommended=20)


def roped(samples: int = 2000) -> bayesian.RopeProbabilities:
    raw = np.exp(draws(samples, 3) * 0.6 + np.array([0.0, 1.0, 0.3])) if samples else None
    shares = None if raw is None else raw / raw.sum(axis=1, keepdims=True)
    return made(
        bayesian.RopeProbabilities, left=0.0004, rope=0.7086, right=0.291, rope_width=0.01, samples=shares
    )


def proxied(n: int) -> plots.ProxyScatter:
    x = draws(n, 2)
    return plots.ProxyScatter(
        proxy=tuple(x[:, 0].tolist()),
        true=tuple((x[:, 0] + x[:, 1]).tolist()),
        tau=0.48,
        top_k=((1, 0.8), (10, 0.1)),
        proxy_name="synflow",
        true_name="accuracy",
    )


def costs(methods: tuple[str, ...], size: float = 1.0) -> plots.CostStack:
    k = len(methods)
    parts = {
        p: tuple(size * (i + j + 1.0) for i in range(k))
        for j, p in enumerate(("search", "train", "tune", "final"))
    }
    parts["failed"] = (None, *(0.3 * size,) * (k - 1))
    return plots.CostStack(methods=methods, parts=parts, unit="GPU hours")


def areas(mean: float) -> anytime.AnytimeRegret:
    return made(
        anytime.AnytimeRegret,
        areas=(mean, mean),
        interval=interval(mean, 0.04),
        start=1.0,
        end=150.0,
        unit="evaluations",
    )


def gained(percent: float) -> improvement_over_random.RelativeImprovement:
    return made(
        improvement_over_random.RelativeImprovement,
        percent=percent,
        low=percent - 0.3,
        high=percent + 0.3,
        confidence=0.95,
    )


def ranked(k: int, decided: bool = True) -> rank_intervals.RankIntervals:
    means = tuple(1.0 + i * 0.9 for i in range(k))
    return made(
        rank_intervals.RankIntervals,
        methods=(METHODS + names(20))[:k],
        mean_rank=means,
        low=tuple(m - 0.4 for m in means) if decided else None,
        high=tuple(m + 0.4 for m in means) if decided else None,
        resampled="tasks",
        confidence=0.95,
        decided=decided,
    )


def reproduced(n: int) -> plots.Reproduction:
    rows = [
        plots.ReproducedNumber(
            name=f"table 2, row {i}",
            reported=93.0,
            reproduced=None if i == 2 else 93.0 + gap / 3,
            low=gap / 3 - 0.1,
            high=gap / 3 + 0.1,
        )
        for i, gap in enumerate(draws(n))
    ]
    return plots.Reproduction(rows=tuple(rows), tolerance=0.25, unit="points")


def tuned(methods: tuple[str, ...]) -> tuning.TuningReport:
    """Return the tuning of some methods on two benchmarks, of which the second method has no runs."""
    levels = tuple(tuning.Level(value=str(v), mean=v / 100, configurations=8) for v in (10, 50, 100))
    sensitivity = made(
        tuning.Sensitivity, hyperparameter="population", levels=levels, fraction=0.41, by_chance=0.09
    )
    other = msgspec.structs.replace(sensitivity, hyperparameter="rate", fraction=None, by_chance=None)
    gains = tuple(
        made(
            tuning.TuningGain,
            method=name,
            benchmark=benchmark,
            unit="points",
            difference=None if i == 1 else difference(i / 4, 0.2, "better"),
            adjusted=None if i == 1 else 0.01 * (i + 1),
            why="runs are lost" if i == 1 else "",
        )
        for i, name in enumerate(methods)
        for benchmark in ("nas-bench-201/cifar10", "nas-bench-graph/cora")
    )
    methods_tuned = tuple(
        made(tuning.MethodTuning, method=name, sensitivity=(sensitivity, other)) for name in methods[:2]
    )
    return made(tuning.TuningReport, methods=methods_tuned, gains=gains, untuned=("grid",))


def transferred(methods: tuple[str, ...]) -> transfer.Transfer:
    rows = tuple(
        made(transfer.MethodTransfer, method=name, development_rank=1.0 + i, held_out_rank=1.0 + (i * 3) % 7)
        for i, name in enumerate(methods)
    )
    return made(transfer.Transfer, tau=0.4, low=0.1, high=0.7, confidence=0.95, rows=rows)


def fewer() -> subset.Cheaper:
    subsets = tuple(
        subset.TaskSubset(size=i, tasks=("t1",) * i, error=0.3 / i, worst=0.6 / i) for i in range(1, 9)
    )
    halves = tuple(
        subset.FewerReplicates(replicates=n, on_all=0.2 / n, on_subset=0.4 / n if n > 1 else None)
        for n in (1, 2, 4, 8)
    )
    return made(subset.Cheaper, tasks=("t1", "t2"), subsets=subsets, fewer=halves, tolerance=0.05)


def general(tasks: int, k: int) -> generalisation.Generalisation:
    methods = (METHODS + names(20))[:k]
    words = ("better", "worse", "not distinguished", "not tested")
    standings = tuple(
        generalisation.TaskStanding(
            task=f"nas-bench-201/task {i}",
            family="nas-bench-201",
            rival=rival,
            standing=words[(i + j) % 4],
            difference=None if (i + j) % 4 == 3 else (i - j) / 3,
            adjusted=0.01,
        )
        for i in range(tasks)
        for j, rival in enumerate(methods[1:])
    )
    return made(
        generalisation.Generalisation, method=methods[0], methods=methods, position=1.5, standings=standings
    )


def fresh(n: int) -> selection.FreshSeedGap:
    values = 90 + draws(n, 2)
    return made(
        selection.FreshSeedGap,
        selected=tuple((values[:, 0] + 0.5).tolist()),
        fresh=tuple(values[:, 1].tolist()),
        gap=interval(0.5),
        candidates=32,
        lost=1,
    )


def volume(mean: float, runs: int = 5) -> pareto.Hypervolume:
    return made(
        pareto.Hypervolume,
        volumes=(mean,) * runs,
        fronts=(4,) * runs,
        beyond=(0,) * runs,
        reference=(88.0, 3000.0),
        maximize=(True, False),
        interval=interval(mean) if runs > 1 else None,
    )


def heat(tasks: int, k: int) -> plots.RankGrid:
    table = ranks_of(tasks, k)
    table[0] = np.nan
    return plots.RankGrid(
        tasks=tuple(f"nas-bench-201/task {i}" for i in range(tasks)),
        methods=(METHODS + names(20))[:k],
        ranks=table,
    )
