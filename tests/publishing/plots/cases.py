"""Every kind of figure with a typical result, and with results that are hard on a figure."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import msgspec
import numpy as np

from assay.publishing import plots
from assay.statistics import (
    bayesian,
    equivalence,
    folds,
    friedman,
    improvement,
    pareto,
    replication,
    selection,
    targets,
    too_good,
)


def typical(s: ModuleType) -> dict[str, Any]:
    """Return one result of every type, such as papers have them."""
    made_folds = {
        "mean": 0.01,
        "low": -0.02,
        "high": 0.04,
        "p": 0.3,
        "df": 9,
        "correlation": 0.1,
        "confidence": 0.95,
    }
    held = s.interval(0.1, 0.3)
    gap = {"n": (1, 4, 16, 64), "selected": (91.0, 92.0, 93.0, 93.8), "fresh": (91.0, 91.8, 92.5, 93.0)}
    return {
        "pairwise": s.compared(14, s.METHODS),
        "nemenyi": s.nemenyi(14, s.METHODS),
        "dunn": friedman.bonferroni_dunn_test(s.scores(14, 4), 0, methods=s.METHODS),
        "friedman": friedman.friedman_test(s.scores(14, 4), methods=s.METHODS),
        "aggregates": s.aggregate(s.METHODS, (0.5, 0.7, 0.65, None), 0.05),
        "rank intervals": s.ranked(4),
        "stability": s.stable(4),
        "rank grid": s.heat(12, 4),
        "improvement matrix": s.improved(4),
        "improvement": s.made(
            improvement.Improvement,
            a="TPE",
            b="random",
            probability=0.7,
            low=0.6,
            high=0.8,
            over="tasks",
            confidence=0.95,
            tasks=("t1", "t2"),
            per_task=(0.6, 0.8),
        ),
        "profile": s.profile(s.METHODS),
        "difference": s.difference(0.5, 0.3, "better"),
        "differences": {
            "NB201 cifar10": s.difference(0.5, 0.3, "better", paired_by="data split"),
            "NB201 cifar100": s.difference(-0.1, 0.3, "not distinguished"),
            "one run": s.difference(1.0, None, "cannot be decided"),
        },
        "folds": s.made(folds.FoldTest, **made_folds),
        "correlated t": s.made(folds.CorrelatedT, left=0.2, rope=0.3, right=0.5, width=0.01),
        "equivalence": s.made(
            equivalence.Equivalence, difference=held, margin=0.5, alpha=0.05, verdict="equivalent"
        ),
        "non-inferiority": s.made(
            equivalence.NonInferiority, difference=held, margin=0.3, alpha=0.05, verdict="non-inferior"
        ),
        "superiority": {
            "TPE > random": s.superior(0.8, 0.12, "significant and meaningful"),
            "evolution > random": s.superior(0.62, 0.1, "significant, not meaningful"),
            "local search > random": s.superior(0.5, 0.2, "not significant"),
        },
        "rope": s.roped(),
        "anytime": plots.AnytimeCurves(
            curves=tuple(
                s.curve(m, "nas-bench-201/cifar10", axis, end)
                for m, end in zip(s.METHODS, (0.02, 0.01, 0.003, 0.0), strict=True)
                for axis in ("evaluations", "table seconds")
            ),
            runs=(
                plots.RunCurve(
                    method="TPE",
                    benchmark="nas-bench-201/cifar10",
                    axis="evaluations",
                    x=(1.0, 9.0),
                    y=(0.9, 0.1),
                ),
            ),
        ),
        "area": {m: s.areas(0.1 * (i + 1)) for i, m in enumerate(s.METHODS)},
        "expected best": {m: s.best_of(50, i / 10) for i, m in enumerate(s.METHODS)},
        "targets": {m: s.timed(i) for i, m in enumerate(s.METHODS)},
        "luck": {m: s.lucky(i * 0.8, i) for i, m in enumerate(s.METHODS)},
        "pareto": s.fronts(s.METHODS),
        "attainment": {m: s.attained(i / 2) for i, m in enumerate(s.METHODS)},
        "hypervolume": {m: s.volume(10.0 + i) for i, m in enumerate(s.METHODS)},
        "gain": {m: s.gained(i / 5 - 0.2) for i, m in enumerate(s.METHODS)},
        "proxy": s.proxied(200),
        "cost": s.costs(s.METHODS),
        "reproduction": s.reproduced(8),
        "number": s.number("one", 0.1, 0.1, "replicated"),
        "table": s.made(
            replication.TableReplication,
            numbers=(s.number("row 1", 0.1, 0.1, "replicated"), s.number("row 2", -0.6, 0.2, "differs")),
            margin=0.25,
        ),
        "confusion": s.confused(4),
        "specification": s.specified(24),
        "plan": s.planned(),
        "sequence": s.sequence(),
        "tuning": s.tuned(s.METHODS),
        "transfer": s.transferred(s.METHODS),
        "fewer": s.fewer(),
        "generalisation": s.general(8, 4),
        "fresh seed": s.fresh(40),
        "table gap": s.made(
            selection.TableGap, **gap, gap=(0.0, 0.2, 0.5, 0.8), architectures=15625, seeds=3
        ),
        "best of k": s.made(
            selection.BestOfK,
            k=32,
            best=94.3,
            mean=93.0,
            sd=0.5,
            optimism=1.0,
            expected=94.0,
            excess=0.3,
            sd_source="replicates",
        ),
        "bbc": s.made(
            selection.BbcCv,
            naive=0.93,
            corrected=0.91,
            low=0.9,
            high=0.925,
            optimism=0.02,
            rows=500,
            configurations=40,
            resamples=2000,
            confidence=0.95,
        ),
        "too good": s.made(
            too_good.TooGood,
            ours_mean=40.0,
            reference_mean=55.0,
            limit=45.0,
            n_ours=5,
            n_reference=10,
            verdict="too good",
        ),
    }


def nasty(s: ModuleType) -> dict[str, Any]:
    """Return results that are hard on a figure: one method, twenty, long and hostile s.names, odd numbers."""
    twenty = s.names(20)
    huge = s.aggregate(s.METHODS, (1e15, 2e15, -3e15, 0.0), 1e14)
    tiny = s.aggregate(s.METHODS, (1e-12, 2e-12, 3e-12, 2.5e-12), 1e-13)
    near = s.aggregate(s.METHODS, (1e6 + 0.001, 1e6 + 0.002, 1e6 + 0.003, 1e6 + 0.0025), 1e-4)
    return {
        "two methods": s.compared(14, ("a", "b")),
        "twenty": s.compared(12, twenty),
        "twenty, nemenyi": s.nemenyi(12, twenty),
        "five tasks": s.compared(5, s.METHODS, decided=False),
        "equal ranks": friedman.nemenyi_test(np.ones((8, 5)), methods=list("abcde")),
        "hostile pair": s.compared(10, (s.HOSTILE, s.HOSTILE * 3, "c")),
        "one method": s.aggregate(("a",), (0.5,), 0.0),
        "twenty aggregates": s.aggregate(twenty, tuple(i / 20 for i in range(20)), 0.02),
        "equal aggregates": s.aggregate(s.METHODS, (0.5,) * 4, 0.0),
        "nothing known": s.aggregate(s.METHODS, (None,) * 4, 0.0),
        "nan": s.aggregate(s.METHODS, (math.nan, 0.5, math.nan, 0.6), 0.1),
        "huge": huge,
        "tiny": tiny,
        "near": near,
        "rank intervals, twenty": s.ranked(20),
        "rank intervals, undecided": s.ranked(2, decided=False),
        "stability, twenty": s.stable(20),
        "stability, alone": s.stable(1, bootstrap=False),
        "rank grid, twenty": s.heat(26, 20),
        "rank grid, one": s.heat(2, 1),
        "improvement, twenty": s.improved(20),
        "profile, twenty": s.profile(twenty),
        "profile, one point": s.profile(("a",), 1),
        "differences, infinite": {
            "a": s.difference(0.3, math.inf, "not distinguished"),
            s.HOSTILE * 4: s.difference(1e-9, 1e-10, "better"),
        },
        "rope, no samples": s.roped(0),
        "rope, undecided": s.made(bayesian.RopeProbabilities, samples=None, decided=False),
        "anytime, twenty": plots.AnytimeCurves(
            curves=tuple(
                s.curve(m, f"bench {j}", "evaluations", 0.0 if j == 1 else 1e-9)
                for m in twenty
                for j in range(5)
            )
        ),
        "anytime, flat": plots.AnytimeCurves(
            curves=(s.curve("a", s.HOSTILE * 3, "evaluations", 1.0, runs=1),)
        ),
        "expected best, one": s.best_of(1),
        "targets, none": {
            "a": s.made(targets.TargetTimes, targets=(1.0,), times=((math.inf,),), spent=(5.0,), unit="s")
        },
        "luck, failed": {"a": s.lucky(0.0, 200), s.HOSTILE: s.lucky(9.0)},
        "pareto, twenty": s.fronts(twenty),
        "pareto, huge": s.fronts(s.METHODS[:1], 1e12),
        "pareto, empty": msgspec.structs.replace(s.fronts(("a",)), points={"a": ()}),
        "attainment, empty": {
            "a": s.made(pareto.Attainment, levels=(0.5,), surfaces=((),), runs=2, maximize=(False, True))
        },
        "hypervolume, one run": {"a": s.volume(3.0, 1)},
        "proxy, many": s.proxied(5000),
        "proxy, equal": plots.ProxyScatter(proxy=(1.0, 1.0), true=(2.0, math.nan), tau=math.nan),
        "cost, twenty": s.costs(twenty, 1e9),
        "cost, none": plots.CostStack(methods=("a",), parts={"search": (0.0,)}, unit=s.HOSTILE),
        "reproduction, many": s.reproduced(40),
        "confusion, twenty": s.confused(20),
        "specification, many": s.specified(300),
        "specification, one": s.specified(1),
        "sequence, short": s.sequence(2),
        "tuning, twenty": s.tuned(twenty),
        "transfer, twenty": s.transferred(twenty),
        "generalisation, twenty": s.general(20, 20),
        "fresh seed, one": s.made(
            selection.FreshSeedGap, selected=(1.0,), fresh=(1.0,), gap=s.interval(0.0, None)
        ),
        "too good, no limit": s.made(
            too_good.TooGood, ours_mean=1e-9, reference_mean=1e9, limit=math.inf, verdict="not too good"
        ),
    }
