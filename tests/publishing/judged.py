"""A judgement with generated numbers, every part of it there; for tests of publishing alone."""

from __future__ import annotations

import numpy as np

from assay.analysis.ablations import Ablation, AblationRow
from assay.analysis.arms import Change
from assay.analysis.chance import LuckRow
from assay.analysis.comparison import compare
from assay.analysis.generalisation import generalisations
from assay.analysis.judgement import Judgement, RegistrationFacts, over_random
from assay.analysis.power import ClaimedPair, detectable_rows
from assay.analysis.published import PublishedResult
from assay.analysis.transfer import transfer
from assay.analysis.tuning import (
    ConfigurationScore,
    Level,
    MethodTuning,
    Sensitivity,
    TuningGain,
    TuningReport,
)
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis
from assay.statistics.differences import unpaired_difference
from assay.statistics.luck import luck_of
from assay.statistics.published import Published
from assay.statistics.rank_intervals import mean_rank_intervals
from assay.statistics.replication import confusion, replicate_table
from assay.statistics.scores import OK, Scores
from assay.statistics.stability import rank_stability

VARIED = ("search seeds",)


def scores_of(finals: dict[tuple[str, str], np.ndarray], families: dict[str, str]) -> Scores:
    """Return regrets by (method, benchmark) as scores, larger being better."""
    methods = tuple(dict.fromkeys(m for m, _ in finals))
    tasks = tuple(dict.fromkeys(t for _, t in finals))
    values = np.array([[100.0 * (1.0 - finals[m, t]) for m in methods] for t in tasks])
    return Scores(
        methods=methods,
        tasks=tasks,
        families=tuple(families[t] for t in tasks),
        units=("%",) * len(tasks),
        maximize=np.ones(len(tasks), dtype=bool),
        replicates=tuple(map(str, range(values.shape[2]))),
        values=values,
        status=np.full(values.shape, OK, dtype=np.int8),
        planned=values.shape[2],
        varied=VARIED,
    )


def judgement(scores: Scores, *, hostile: str = "") -> Judgement:
    """Return a judgement of these scores, with a hostile text in whatever holds text."""
    rng = Stream(3, ("sample", "judgement"))
    first, second = scores.methods[:2]
    half = len(scores.tasks) // 2
    return Judgement(
        comparison=compare(scores, name="the methods of the study", metric="reported metric"),
        luck=_luck(scores),
        over_random=over_random(scores, scores.methods[:1]),
        detectable=detectable_rows(scores, [ClaimedPair(claim="c1", a=second, b=first)]),
        ranks=mean_rank_intervals(scores, over="runs", rng=rng, resamples=200),
        stability=rank_stability(scores, rng=rng, resamples=200),
        generalisation=generalisations(scores, rng=rng),
        transfer=transfer(
            scores.only(tasks=scores.tasks[:half]),
            scores.only(tasks=scores.tasks[half:]),
            rng=rng,
            resamples=200,
        ),
        ablations=_ablations(scores, hostile),
        tuning=_tuning(scores, hostile),
        published=_published(scores, hostile),
        registration=RegistrationFacts(
            state="self-declared",
            why=hostile or "no outside witness was named",
            written="2026-11-20T09:00:00.000Z",
            digest="5ad1" * 16,
            hypotheses=2,
            stopping=hostile or "20 replicates, no look before",
            exclusions=(hostile or "runs on machines without AVX2",),
            deviations=(hostile or "look: replicates 10 -> 20 on 2026-11-22",),
        ),
    )


def _luck(scores: Scores) -> tuple[LuckRow, ...]:
    space = np.sort(Stream(3, ("sample", "space")).indices(1 << 20, (500,)) / (1 << 20)) * 30.0 + 70.0
    rows = []
    for t, task in enumerate(scores.tasks):
        for m, method in enumerate(scores.methods):
            values = scores.sample(t, m).copy()
            values[-1] = np.nan if m == 0 and t == 0 else values[-1]
            luck = luck_of(
                space, space, 150, values, varied=VARIED, rng=Stream(3, ("sample", "luck", task, method))
            )
            rows.append(LuckRow(method=method, benchmark=task, reported="test", luck=luck))
    return tuple(rows)


def _ablations(scores: Scores, hostile: str) -> tuple[Ablation, ...]:
    first, second = scores.methods[:2]
    change = Change(kind="hyperparameter", name=hostile or "population", a="50", b="5")
    row = AblationRow(
        benchmark=scores.tasks[0],
        metric="accuracy",
        unit="%",
        difference=unpaired_difference(
            scores.sample(0, 1),
            scores.sample(0, 0),
            rng=Stream(3, ("sample", "ablation")),
            varied=VARIED,
            names=(second, first),
        ),
        adjusted=0.04,
    )
    other = Change(kind="code", name="method", a="a", b="b")
    return (
        Ablation(a=first, b=second, kind="hyperparameter", changes=(change,), rows=(row,)),
        Ablation(a=first, b=second, kind="confounded", changes=(change, other), rows=()),
    )


def _tuning(scores: Scores, hostile: str) -> TuningReport:
    first, second = scores.methods[:2]
    configurations = tuple(
        ConfigurationScore(
            text=f"population = {value}", score=score, runs=9, default=value == 50, chosen=value == 20
        )
        for value, score in ((50, 0.21), (20, 0.18), (10, 0.24))
    )
    levels = tuple(
        Level(value=value, mean=mean, configurations=1)
        for value, mean in (("10", 0.24), ("20", 0.18), ("50", 0.21))
    )
    gains = tuple(
        TuningGain(
            method=second,
            benchmark=task,
            reported="test",
            unit="%",
            difference=unpaired_difference(
                scores.sample(t, 1),
                scores.sample(t, 0),
                rng=Stream(3, ("sample", "gain", task)),
                varied=VARIED,
                names=(second, f"{second}@default"),
            ),
            adjusted=0.02,
        )
        for t, task in enumerate(scores.tasks[:2])
    )
    return TuningReport(
        basis=Basis(
            procedure="mean normalised regret", source="Assay", n={"configurations": 3}, varied=VARIED
        ),
        methods=(
            MethodTuning(
                method=second,
                benchmarks=("nas-bench-graph/photo",),
                configurations=configurations,
                digest="aa11" * 16,
                frozen="aa11" * 16,
                when="2026-11-21T09:00:00.000Z",
                earlier=1,
                note="",
                evaluations=4_050,
                table_seconds=None,
                sensitivity=(
                    Sensitivity(
                        hyperparameter="population", levels=levels, range=0.06, fraction=1.0, by_chance=1.0
                    ),
                ),
            ),
        ),
        gains=gains,
        untuned=(first,),
        problems=(hostile or "the frozen choice for 'evolution' is not what its runs choose",),
    )


def _published(scores: Scores, hostile: str) -> tuple[PublishedResult, ...]:
    first, second = scores.methods[:2]
    mean = float(scores.sample(0, 0).mean())
    rows = [
        Published(name="RS", mean=round(mean, 2), n=500, sd=1.0, place="p. 9, table 5"),
        Published(name=hostile or "REA", mean=round(mean + 3.0, 2), n=500, sd=1.0, place="p. 9, table 5"),
    ]
    samples = {first: scores.sample(0, 0), second: scores.sample(0, 1)}
    by_row = dict(zip([row.name for row in rows], samples.values(), strict=True))
    return (
        PublishedResult(
            name="Dong 2021",
            benchmark=scores.tasks[0],
            metric="test",
            unit="%",
            source="p. 9, table 5",
            methods=dict(zip([row.name for row in rows], samples, strict=True)),
            table=replicate_table(by_row, rows, varied=VARIED, margin=0.5),
            confusion=confusion(samples, rows, varied=VARIED, margin=0.5),
        ),
        PublishedResult(
            name="Ying 2019",
            benchmark=scores.tasks[0],
            metric="test",
            unit="%",
            source="unverified",
            methods={"RS": first},
            missing=hostile or "no run with a test metric of random",
        ),
    )
