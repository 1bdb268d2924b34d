"""The judgement of a study: which differences hold, how much of a result is luck, and how far it carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from assay.analysis.ablations import Ablation, ablations
from assay.analysis.cells import SEARCH_SEEDS, Cells
from assay.analysis.chance import LuckRow, luck_rows
from assay.analysis.comparison import Comparison
from assay.analysis.generalisation import Generalisation, generalisations
from assay.analysis.model import BenchmarkFacts, ClaimSpec
from assay.analysis.power import ALPHA, DetectableRow, claimed_pairs, detectable_rows
from assay.analysis.published import PublishedResult, published_result
from assay.analysis.results import compare_scores
from assay.analysis.scoring import study_scores
from assay.analysis.transfer import Transfer, transfer
from assay.analysis.tuning import TuningReport
from assay.foundation.seeding import Stream
from assay.statistics.families import independent
from assay.statistics.improvement_over_random import RelativeImprovement, relative_improvement
from assay.statistics.rank_intervals import RankIntervals, mean_rank_intervals
from assay.statistics.scores import OK, Scores
from assay.statistics.stability import RankStability, rank_stability
from assay.studies.plan import Plan
from assay.tasks.suites import SUITES

RANDOM_SEARCH = "random-search"
# The ends of an interval of ranks move by less than a hundredth beyond so many.
RESAMPLES = 2_000
_DEVELOPMENT, _HELD_OUT = "development-v1", "held-out-v1"


class OverRandom(msgspec.Struct, frozen=True, kw_only=True):
    """What a method gains over random search on one benchmark, in percent of random search's mean.

    `improvement` is None where runs are lost or the mean has no direction in percent; `why` then says so.
    """

    method: str
    random: str
    benchmark: str
    improvement: RelativeImprovement | None
    why: str = ""


class RegistrationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the plan was written down before there were data, who vouches for it, and what departs from it.

    `state` is 'anchored', 'self-declared' or 'not registered'; `why` is what the witness proves, or why
    none does. `written` is the moment that the file itself declares, `witnessed` the one that a time-stamp
    authority vouches for.
    """

    state: str
    why: str
    witness: str = ""
    written: str = ""
    witnessed: str | None = None
    digest: str = ""
    hypotheses: int = 0
    stopping: str = ""
    exclusions: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a report says beyond its numbers; a part that a study does not give is absent.

    `comparison` decides which differences hold, by Holm over all pairs of a task. `ranks` are intervals of
    average ranks over runs, on these tasks only. `generalisation` has an entry for each method, `ablations`
    those pairs of methods that run the same strategy.
    """

    comparison: Comparison | None = None
    luck: tuple[LuckRow, ...] = ()
    over_random: tuple[OverRandom, ...] = ()
    detectable: tuple[DetectableRow, ...] = ()
    ranks: RankIntervals | None = None
    stability: RankStability | None = None
    generalisation: tuple[Generalisation, ...] = ()
    transfer: Transfer | None = None
    ablations: tuple[Ablation, ...] = ()
    tuning: TuningReport | None = None
    published: tuple[PublishedResult, ...] = ()
    registration: RegistrationFacts | None = None


def judge(
    plan: Plan,
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    claims: Sequence[ClaimSpec],
    cache: Path,
    *,
    tuning: TuningReport | None = None,
    registration: RegistrationFacts | None = None,
    comparison: Comparison | None = None,
) -> Judgement:
    """Return the judgement of a study from the cells of its runs; `cache` has its tables.

    `comparison` is that of `compare_scores`, where it is at hand. Equal runs and seed give equal results.
    """
    study = plan.loaded.study
    methods = tuple(study.methods)
    scores = study_scores(cells, facts, methods, study.replicates)
    rng = Stream(study.seed, ("analysis", "judgement"))
    several = len(methods) > 1 and len(scores.tasks) > 1 and bool((scores.status == OK).any())
    whole = several and not any(scores.lost(t, m) for t in range(len(facts)) for m in range(len(methods)))
    return Judgement(
        comparison=comparison or compare_scores(scores, study.seed),
        luck=luck_rows(plan, cells, facts, methods, cache),
        over_random=over_random(scores, random_methods(plan)),
        detectable=_detectable(plan, claims, cells, facts),
        ranks=mean_rank_intervals(scores, over="runs", rng=rng.child("ranks"), resamples=RESAMPLES)
        if whole
        else None,
        stability=rank_stability(scores, rng=rng.child("stability"), resamples=RESAMPLES)
        if several
        else None,
        generalisation=_generalisation(scores, rng.child("generalisation")) if several else (),
        transfer=_transfer(scores, rng.child("transfer")) if several else None,
        ablations=_ablations(plan, cells, facts),
        tuning=tuning,
        published=tuple(
            published_result(name, table, cells, facts, study.replicates)
            for name, table in study.published.items()
        ),
        registration=registration,
    )


def random_methods(plan: Plan) -> tuple[str, ...]:
    """Return the methods of a study that are Assay's random search."""
    return tuple(method.name for method in plan.methods if method.door.target == RANDOM_SEARCH)


def over_random(scores: Scores, random: Sequence[str]) -> tuple[OverRandom, ...]:
    """Return what each other method gains over random search, the first of `random`, on each benchmark."""
    if not random:
        return ()
    base = scores.methods.index(random[0])
    return tuple(
        _over_random(scores, t, m, base)
        for t in range(len(scores.tasks))
        for m, name in enumerate(scores.methods)
        if name not in random
    )


def _over_random(scores: Scores, task: int, method: int, base: int) -> OverRandom:
    row = OverRandom(
        method=scores.methods[method],
        random=scores.methods[base],
        benchmark=scores.tasks[task],
        improvement=None,
    )
    samples = [scores.sample(task, m) for m in (method, base)]
    if any(scores.lost(task, m) for m in (method, base)) or not all(len(sample) for sample in samples):
        return msgspec.structs.replace(row, why="runs were lost, so that no mean speaks for all")
    if samples[1].mean() <= 0.0:
        return msgspec.structs.replace(row, why="percents of a mean that is not positive have no direction")
    found = relative_improvement(*samples, varied=SEARCH_SEEDS, maximize=bool(scores.maximize[task]))
    return msgspec.structs.replace(row, improvement=found)


def _detectable(
    plan: Plan, claims: Sequence[ClaimSpec], cells: Cells, facts: Mapping[str, BenchmarkFacts]
) -> tuple[DetectableRow, ...]:
    """Return what each claim could have seen, in its own metric and on its own benchmarks."""
    study = plan.loaded.study
    rows: list[DetectableRow] = []
    for claim in claims:
        pairs = [
            msgspec.structs.replace(pair, on=claim.benchmarks)
            for pair in claimed_pairs(study)
            if pair.claim == claim.id and claim.benchmarks
        ]
        scores = study_scores(cells, facts, tuple(study.methods), study.replicates, claim.metric)
        # The level of one claim among all, whichever metric the others are in.
        rows += detectable_rows(scores, pairs, alpha=ALPHA / len(claims)) if pairs else ()
    return tuple(rows)


def _generalisation(scores: Scores, rng: Stream) -> tuple[Generalisation, ...]:
    return generalisations(scores, rng=rng) if independent(scores) > 1 else ()


def _transfer(scores: Scores, rng: Stream) -> Transfer | None:
    """Compare the development tasks with the held-out ones, where a study has both."""
    developed = [name for name in scores.tasks if name in SUITES[_DEVELOPMENT].members]
    held = [name for name in scores.tasks if name in SUITES[_HELD_OUT].members]
    if not developed or not held:
        return None
    return transfer(scores.only(tasks=developed), scores.only(tasks=held), rng=rng)


def _ablations(plan: Plan, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> tuple[Ablation, ...]:
    """Return the pairs of methods that run the same strategy; those of two strategies are the comparison."""
    strategy = {method.name: method.door.target for method in plan.methods}
    if max(Counter(strategy.values()).values(), default=0) < 2:
        return ()
    return tuple(one for one in ablations(plan, cells, facts) if strategy[one.a] == strategy[one.b])
