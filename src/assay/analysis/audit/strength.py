"""Rules about the strength of the evidence: replicates, families of tasks, ceilings, ranks and pairs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from assay.analysis.audit.columns import words
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    IN_A_TABLE,
    NOTE,
    Doubt,
    Evidence,
    Rule,
    Severity,
    anything,
    scores_needed,
    table_only,
    worst,
)
from assay.foundation.seeding import Stream
from assay.statistics.families import FAMILIES_NEEDED, independent
from assay.statistics.permutation import least_exchange_p, least_flip_p
from assay.statistics.scores import OK, Scores
from assay.statistics.stability import rank_stability
from assay.studies.study import TASKS as TASKS_SCOPE
from assay.tasks.cards import TASKS

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
        least = min(_least_p(sizes[a], sizes[b], scores.paired_by) for a, b in known)
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
    if not found:
        return None
    severity = worst(one for one, _ in found)
    title = (
        "So few replicates cannot show any difference"
        if severity == DOUBTFUL
        else f"Fewer than {FEW} replicates stand behind the means"
    )
    return Doubt(severity, title, [one for _, one in sorted(found, key=lambda item: item[0] == NOTE)])


def _compared_pairs(facts: Facts, scores: Scores) -> list[tuple[str, str]]:
    held = set(scores.methods)
    pairs = [pair for pair in facts.pairs if set(pair) <= held]
    if pairs or len(scores.methods) < 2:
        return pairs
    return [(a, b) for i, a in enumerate(scores.methods) for b in scores.methods[i + 1 :]]


def _least_p(n_a: int, n_b: int, paired_by: str | None) -> float:
    return least_flip_p(min(n_a, n_b)) if paired_by is not None else least_exchange_p(n_a, n_b)


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
    found = []
    if facts.study is not None:
        found = list(_at_optimum(facts.study))
    elif facts.scores is not None and facts.table is not None:
        found = list(_at_ceiling(facts.scores, facts.table))
    return (
        Doubt(DOUBTFUL, "Tasks are saturated: the best methods are at the ceiling", found) if found else None
    )


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


def _dependent_tasks(facts: Facts) -> Doubt | None:
    if facts.study is not None:
        return _shared_lineages(facts.study)
    scores = facts.scores
    if scores is None or len(set(scores.families)) < len(scores.tasks):
        return None
    groups = _alike(scores.tasks)
    found = [
        Evidence(
            kind="cell", place=", ".join(tasks), text=f"tasks of one {what}, each counted as independent"
        )
        for what, tasks in groups
    ]
    if not found:
        return None
    counted = len(scores.tasks) >= FAMILIES_NEEDED
    return Doubt(DOUBTFUL if counted else NOTE, "Tasks of one family are counted as independent", found)


def _shared_lineages(study: StudyFacts) -> Doubt | None:
    """Find families that share a lineage, where a claim counts families as independent."""
    scoped = [i for i, c in enumerate(study.loaded.study.claims) if c.scope == TASKS_SCOPE]
    owners: dict[str, dict[str, str]] = {}
    for name, card in study.cards.items():
        for lineage in card.task.lineage:
            owners.setdefault(lineage, {}).setdefault(card.task.family, name)
    shared = {lineage: names for lineage, names in owners.items() if len(names) > 1}
    if not scoped or not shared:
        return None
    found = [
        Evidence(kind="card", place=", ".join(names.values()), text=f"families of one lineage: {lineage}")
        for lineage, names in shared.items()
    ]
    place, line = study.key("claims", scoped[0], "scope")
    found.append(Evidence(kind="key", place=place, line=line, text="counts families as independent"))
    return Doubt(DOUBTFUL, "Families of one lineage are counted as independent", found)


def _alike(tasks: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return tasks that cards put into one family, or whose names differ in a number or an ending alone."""
    by_family: dict[str, list[str]] = {}
    by_stem: dict[str, list[str]] = {}
    for task in tasks:
        bare = task.lower().rpartition("/")[2]
        card = TASKS.get(bare) or TASKS.get(bare.replace("-", "").replace("_", ""))
        by_family.setdefault(card.family if card else "", []).append(task)
        by_stem.setdefault(_stem(bare), []).append(task)
    found = [
        (f"family ({family})", names) for family, names in by_family.items() if family and len(names) > 1
    ]
    listed = {task for _, names in found for task in names}
    if len(by_stem) > 1:
        found += [
            (f"name ({stem})", names)
            for stem, names in by_stem.items()
            if len(stem) > 1 and len(names) > 1 and not set(names) <= listed
        ]
    return found


def _stem(task: str) -> str:
    return re.sub(
        r"([-_. ]?(v?[0-9]+|[a-d]|fold|split|part|subset|noisy|small|large|copy|rotated|clean))+$", "", task
    )


def _pairing(facts: Facts) -> Doubt | None:
    scores, table = facts.scores, facts.table
    if scores is None or table is None or not _labelled_alike(table):
        return None
    found = []
    strong, weak, n = _correlations(scores)
    if scores.paired_by is None and strong:
        for task, a, b, r in strong:
            text = (
                f"replicates of {a} and {b} go together: correlation {r:.2f} over {n[task, a, b]} replicates"
            )
            found.append(Evidence(kind="cell", place=task, text=text))
        title = "The data are paired, and are compared as if they were not"
        return Doubt(DOUBTFUL, title, found)
    if scores.paired_by is not None and weak and not strong:
        for task, a, b, r in weak:
            pairs = n[task, a, b]
            text = f"by {scores.paired_by}: the correlation of {a} and {b} is {r:.2f} over {pairs} pairs"
            found.append(Evidence(kind="cell", place=task, text=text))
        return Doubt(DOUBTFUL, "Pairs are declared, and the scores show nothing that they share", found)
    return None


def _labelled_alike(table: TableFacts) -> bool:
    """Say whether replicates have labels and methods share them; else their order means nothing."""
    layout = table.layout
    column = layout.replicate if layout.replicate is not None else layout.fold
    if column is None:
        return False
    labels: dict[str, set[str]] = {}
    for row in range(len(table.frame.rows)):
        labels.setdefault(table.name(row, "method"), set()).add(table.cell(row, column))
    return bool(set.intersection(*labels.values()))


_Correlation = tuple[str, str, str, float]


def _correlations(
    scores: Scores,
) -> tuple[list[_Correlation], list[_Correlation], dict[tuple[str, str, str], int]]:
    """Return the pairs whose replicates clearly go together, those that clearly do not, and their n."""
    strong, weak, counts = [], [], {}
    for t, task in enumerate(scores.tasks):
        for a in range(len(scores.methods)):
            for b in range(a + 1, len(scores.methods)):
                both = (scores.status[t, a] == OK) & (scores.status[t, b] == OK)
                x, y = scores.values[t, a][both], scores.values[t, b][both]
                if len(x) < 5 or float(x.std()) == 0.0 or float(y.std()) == 0.0:
                    continue
                r = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
                one = (task, scores.methods[a], scores.methods[b], r)
                counts[one[:3]] = len(x)
                # Fisher's transformation: 3.3 standard errors is p < 0.001 two-sided.
                z = math.atanh(min(abs(r), 0.999999)) * math.sqrt(len(x) - 3)
                if r >= _CORRELATED and z > 3.3:
                    strong.append(one)
                elif len(x) >= FEW and r < 0.1:
                    weak.append(one)
    pairs = max(1, len(counts))
    return (strong if len(strong) * 2 >= pairs else []), (weak if len(weak) * 2 > pairs else []), counts


def _pairs_seen(facts: Facts) -> str:
    if facts.table is None:
        return table_only(facts)
    return "" if _labelled_alike(facts.table) else f"{IN_A_TABLE}: methods share no labels of replicates"


RULES = (
    Rule(
        id="too-few-replicates",
        about="replicates, against the least p that they can give",
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
    Rule(
        id="dependent-tasks",
        about="tasks of one family or lineage counted as independent",
        why="Tasks that are made of the same data agree with each other, and count as one.",
        source="Demšar, JMLR 2006 (independence of data sets); lineages of the protocol cards",
        remedy="Average tasks of one family first: name the column of families, as in --family.",
        find=_dependent_tasks,
        sees=anything,
        one_sided=True,
    ),
    Rule(
        id="pairing",
        about="paired data compared as unpaired, or the reverse",
        why="Pairs that share a source are compared by their differences; what shares nothing is no pair.",
        source="Bouthillier et al., MLSys 2021; Fisher 1921 (transformation of the correlation)",
        remedy="Say what equal replicates share (--paired-by SOURCE), or nothing where they share nothing.",
        find=_pairing,
        sees=_pairs_seen,
    ),
)
