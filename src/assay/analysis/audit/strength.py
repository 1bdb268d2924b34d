"""Rules about the strength of the evidence: replicates, families of tasks, ceilings, ranks and pairs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from assay.analysis.audit.columns import words
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    NOTE,
    Doubt,
    Evidence,
    Rule,
    Severity,
    anything,
    scores_needed,
    worst,
)
from assay.foundation.seeding import Stream
from assay.statistics.families import FAMILIES_NEEDED, independent
from assay.statistics.permutation import least_exchange_p, least_flip_p
from assay.statistics.quantiles import t_quantile
from assay.statistics.scores import Scores
from assay.statistics.stability import rank_stability
from assay.studies.study import TASKS as TASKS_SCOPE

ALPHA = 0.05
FEW = 10
_AT_CEILING = 0.9
_NEAR = 0.005
_ACCURACIES = {
    "accuracy",
    "acc",
    "auc",
    "auroc",
    "f1",
    "precision",
    "recall",
    "top1",
    "top5",
    "iou",
    "miou",
    "dice",
}
_CORRELATED = 0.5
_OF_MARGINS = ("better", "equivalent", "non-inferior", "best-of-set")


def _too_few_replicates(facts: Facts) -> Doubt | None:
    scores = facts.scores
    if scores is None:
        return None
    found: list[tuple[Severity, Evidence]] = []
    pairs = _compared_pairs(facts, scores)
    for t, task in enumerate(scores.tasks):
        sizes = {name: len(scores.sample(t, m)) for m, name in enumerate(scores.methods)}
        known = [(a, b) for a, b in pairs if sizes.get(a) and sizes.get(b)]
        if not known:
            continue
        level = ALPHA / len(known)
        least = min(_least_p(sizes[a], sizes[b], scores.paired_by, level) for a, b in known)
        adjusted = min(1.0, least * len(known))
        fewest = min(sizes[name] for pair in known for name in pair)
        if adjusted > ALPHA:
            text = (
                f"with {fewest:,} {'runs' if fewest != 1 else 'run'} of a method the least p is {least:.2g}; "
                f"{adjusted:.2g} adjusted for {len(known):,} {'pairs' if len(known) != 1 else 'pair'}"
            )
            found.append((DOUBTFUL, Evidence(kind="cell", place=task, text=text)))
        elif fewest < FEW:
            text = f"{fewest:,} runs of a method: intervals of so few are too narrow unless scores are normal"
            found.append((NOTE, Evidence(kind="cell", place=task, text=text)))
    wide = list(_margins(facts.study)) if facts.study is not None else []
    found += [(DOUBTFUL, one) for one in wide]
    if not found:
        return None
    severity = worst(one for one, _ in found)
    title = (
        "So few replicates cannot show what is claimed"
        if wide
        else "So few replicates cannot show any difference"
        if severity == DOUBTFUL
        else f"Fewer than {FEW} replicates stand behind the means"
    )
    return Doubt(severity, title, [one for _, one in sorted(found, key=lambda item: item[0] == NOTE)])


def _margins(study: StudyFacts) -> Iterator[Evidence]:
    """Yield the claims of a margin that is smaller than half the interval, and that are not decided."""
    for i, claim in enumerate(study.loaded.study.claims):
        margin = max(getattr(claim, "margin", 0.0), claim.smallest)
        if margin <= 0.0 or claim.kind not in _OF_MARGINS:
            continue
        names = claim.named()
        on = [name for name in claim.on or study.cards if (name, names[0]) in study.cells]
        for rival in names[1:]:
            told = _difference(study, claim.metric, names[0], rival, on)
            if told is None:
                continue
            mean, half = told
            open_ = any(abs(mean - edge) < half for edge in (-margin, margin))
            if open_ and half > margin:
                place, line = study.key("claims", i, "margin")
                text = (
                    f"claim {i + 1}: the margin is {margin:g}, and the difference of {names[0]} and {rival} "
                    f"is known to within {half:.2g} only"
                )
                yield Evidence(kind="key", place=place, line=line, text=text)


def _difference(
    study: StudyFacts, metric: str, a: str, b: str, on: Iterable[str]
) -> tuple[float, float] | None:
    """Return the mean difference of two methods over benchmarks, and half its one-sided 95 % interval."""
    means, squares, freedom = [], [], 0
    for name in on:
        if (name, b) not in study.cells:
            continue
        x, y = (_values(study, metric, name, method) for method in (a, b))
        if min(len(x), len(y)) < 2:
            continue
        means.append(float(x.mean() - y.mean()))
        squares.append(float(x.var(ddof=1) / len(x) + y.var(ddof=1) / len(y)))
        freedom += len(x) + len(y) - 2
    if not means:
        return None
    half = t_quantile(float(freedom), 1.0 - ALPHA) * math.sqrt(math.fsum(squares)) / len(means)
    return math.fsum(means) / len(means), half


def _values(study: StudyFacts, metric: str, benchmark: str, method: str) -> np.ndarray:
    runs = study.cells[benchmark, method].completed
    values = [run.test if metric == "test" else run.recommended_value for run in runs]
    return np.array([value for value in values if value is not None])


def _compared_pairs(facts: Facts, scores: Scores) -> list[tuple[str, str]]:
    held = set(scores.methods)
    pairs = [pair for pair in facts.pairs if set(pair) <= held]
    if pairs or len(scores.methods) < 2:
        return pairs
    return [(a, b) for i, a in enumerate(scores.methods) for b in scores.methods[i + 1 :]]


def _least_p(n_a: int, n_b: int, paired_by: str | None, level: float) -> float:
    paired = paired_by is not None
    return least_flip_p(min(n_a, n_b), level) if paired else least_exchange_p(n_a, n_b, level)


def _too_few_families(facts: Facts) -> Doubt | None:
    study, scores = facts.study, facts.scores
    if study is None:
        return _families_of_table(scores) if scores is not None else None
    families = {card.task.family for card in study.cards.values()}
    found = []
    for i, claim in enumerate(study.loaded.study.claims):
        on = {study.cards[name].task.family for name in claim.on if name in study.cards} or families
        if claim.scope == TASKS_SCOPE and len(on) < FAMILIES_NEEDED:
            place, line = study.key("claims", i, "scope")
            text = f"claim {i + 1} is about tasks at large, from {len(on)} independent families"
            found.append(Evidence(kind="key", place=place, line=line, text=text))
    return (
        Doubt(DOUBTFUL, "Too few independent tasks for a claim about tasks at large", found)
        if found
        else None
    )


def _families_of_table(scores: Scores) -> Doubt | None:
    """Say where a signed-rank test over the tasks of a table could not be significant over all pairs."""
    families, k = independent(scores), len(scores.methods)
    pairs = k * (k - 1) // 2
    least = 2.0 ** (1 - families)
    if len(scores.tasks) < 2 or families < FAMILIES_NEEDED or least * pairs <= ALPHA:
        return None
    adjusted = min(1.0, least * pairs)
    text = f"{families} tasks and {pairs} pairs of methods: the least adjusted p is {adjusted:.2g}"
    found = [Evidence(kind="cell", place="all tasks", text=text)]
    return Doubt(NOTE, "Across so few tasks no pair of so many methods can be told apart", found)


def _saturated(facts: Facts) -> Doubt | None:
    """Find the saturated tasks: a doubt where a claim, or half of all tasks, rests on them, else a note."""
    found: list[Evidence] = []
    groups: list[set[str]] = []
    if facts.study is not None:
        found = list(_at_optimum(facts.study))
        groups = [set(claim.on) for claim in facts.study.loaded.study.claims if claim.on]
        groups.append(set(facts.study.benchmarks))
    elif facts.scores is not None and facts.table is not None:
        found = list(_at_ceiling(facts.scores, facts.table))
        groups = [set(facts.scores.tasks)]
    if not found:
        return None
    solved = {one.place for one in found}
    severity = DOUBTFUL if any(2 * len(group & solved) >= len(group) for group in groups) else NOTE
    title = "Tasks are saturated: the best methods are at the ceiling"
    if severity == NOTE:
        title = "Some tasks are saturated, and most are not"
    return Doubt(severity, title, found)


def _at_optimum(study: StudyFacts) -> Iterator[Evidence]:
    """Yield the benchmarks on which nearly all runs of two methods end at the best value of the table."""
    for name, facts in study.benchmarks.items():
        shares = {}
        for method in study.methods:
            values = [run.recommended_value for run in study.cells[name, method].completed]
            close = [
                v is not None and math.isclose(v, facts.best, rel_tol=1e-9, abs_tol=1e-12) for v in values
            ]
            if close:
                shares[method] = sum(close) / len(close)
        top = [method for method, share in shares.items() if share >= _AT_CEILING]
        if len(top) >= 2:
            text = f"nearly all runs of {', '.join(top)} end at the optimum of the table, {facts.best:.6g}"
            yield Evidence(kind="card", place=name, text=text)


def _at_ceiling(scores: Scores, table: TableFacts) -> Iterator[Evidence]:
    bounded = bool(_ACCURACIES & set(words(table.metric)))
    steps = _resolutions(table)
    for t, task in enumerate(scores.tasks):
        samples = {name: scores.sample(t, m) for m, name in enumerate(scores.methods)}
        known = {name: scores.sign(t) * values for name, values in samples.items() if len(values)}
        if len(known) < 2:
            continue
        extreme = max(float(values.max()) for values in known.values())
        ceiling = (
            _ceiling(extreme) if scores.maximize[t] and (bounded or _ACCURACIES & set(words(task))) else None
        )
        near = [
            name
            for name, values in known.items()
            if ceiling is not None and ceiling - float(values.mean()) <= _NEAR * ceiling
        ]
        stuck = [
            name for name, v in known.items() if len(v) > 2 and float((v == extreme).mean()) >= _AT_CEILING
        ]
        step = steps.get(task)
        means = [float(values.mean()) for values in known.values()]
        if len(near) >= 2:
            text = f"{', '.join(near)} are within {100 * _NEAR:g} % of {ceiling:g} in the mean"
            yield Evidence(kind="cell", place=task, text=text)
        elif len(stuck) >= 2:
            text = f"nearly all runs of {', '.join(stuck)} have the best score of all, {abs(extreme):g}"
            yield Evidence(kind="cell", place=task, text=text)
        elif step is not None and 0.0 < max(means) - min(means) < 0.99 * step:
            text = f"all means lie within {step:g}, the step in which scores are written"
            yield Evidence(kind="cell", place=task, text=text)


def _resolutions(table: TableFacts) -> dict[str, float]:
    """Return the step in which the scores of each task are written; none for whole numbers and for others."""
    decimals: dict[str, int] = {}
    unclear: set[str] = set()
    wide = table.layout.shape == "tasks in columns"
    for row in range(len(table.frame.rows)):
        for column in table.layout.scores:
            text = table.cell(row, column)
            task = table.columns[column] if wide else table.name(row, "task")
            if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
                unclear.add(task)
            decimals[task] = max(decimals.get(task, 0), len(text.partition(".")[2]))
    return {task: 10.0**-n for task, n in decimals.items() if n and task not in unclear}


def _ceiling(best: float) -> float | None:
    return 1.0 if 0.5 < best <= 1.0 else 100.0 if 50.0 < best <= 100.0 else None


def _pool_dependent(facts: Facts) -> Doubt | None:
    scores = facts.scores
    if scores is None or len(scores.tasks) < 2 or len(scores.methods) < 3:
        return None
    found = rank_stability(scores, rng=Stream(0, ("audit", "ranks")), resamples=100)
    leader = min(found.ranking)
    first = {name for name, place in zip(found.methods, found.ranking, strict=True) if place == leader}
    flips = [flip for flip in found.irrelevant if flip.better in first]
    if not flips:
        return None
    evidence = [
        Evidence(
            kind="cell",
            place=f"{flip.better} and {flip.worse}",
            text=f"{flip.better} leads by average rank; without {', '.join(flip.dropped)} {flip.worse} does",
        )
        for flip in flips
    ]
    return Doubt(
        DOUBTFUL, "Which method leads by average rank depends on which others are in the pool", evidence
    )


RULES = (
    Rule(
        id="too-few-replicates",
        about="replicates, against the least p that they can give and the margins that are claimed",
        why="With a least p above 0.05 nothing can be found; below ten runs intervals are too narrow.",
        source="Phipson and Smyth, SAGMB 2010 (permutation p-values); Bouthillier et al., MLSys 2021",
        remedy="Add replicates: assay plan-replicates says how many the wanted effect needs.",
        find=_too_few_replicates,
        sees=scores_needed,
    ),
    Rule(
        id="too-few-tasks",
        about="independent families of tasks, against what is claimed of tasks at large",
        why="Fewer than six independent differences cannot give p < 0.05 in a signed-rank test.",
        source="Demšar, JMLR 2006; Wilcoxon's exact distribution",
        remedy="Claim it of these tasks only, or add tasks of other families.",
        find=_too_few_families,
        sees=anything,
    ),
    Rule(
        id="saturated-tasks",
        about="tasks on which the best methods reach the ceiling",
        why="At the ceiling all methods are equal, and what is left of their differences is rounding.",
        source="Yang, Esperança and Carlucci, ICLR 2020 (narrow range of accuracies)",
        remedy="Compare at a smaller budget or by time to target, or take harder tasks.",
        find=_saturated,
        sees=scores_needed,
    ),
    Rule(
        id="pool-dependent-ranks",
        about="rankings that turn round when a method leaves the pool",
        why="An order of two methods that a third one decides says nothing about the two.",
        source="Benavoli, Corani and Mangili, JMLR 2016; Zhang and Hardt, ICML 2024",
        remedy="Compare pairs by their differences (signed ranks with Holm), not by average ranks.",
        find=_pool_dependent,
        sees=scores_needed,
    ),
)
