"""Rules about numbers that look made, copied or counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from assay.analysis.audit.columns import row_evidence
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    INVALIDATES,
    NOTE,
    Doubt,
    Evidence,
    Rule,
    Severity,
    anything,
    runs_or_table,
    worst,
)
from assay.statistics.scores import OK, Scores

_LEAST = 3
_SAME = 0.5
_ROUND = 0.9
_ENOUGH = 10


def _suspicious_equality(facts: Facts) -> Doubt | None:
    found: list[tuple[Severity, Evidence]] = []
    if facts.study is not None:
        found += _same_trajectories(facts.study)
    elif facts.scores is not None and facts.table is not None:
        found += [(DOUBTFUL, one) for one in _same_scores(facts.scores)]
        found += [(DOUBTFUL, one) for one in _shifted(facts.scores)]
        found += [(DOUBTFUL, one) for one in _round_digits(facts.table)]
        found += [(NOTE, one) for one in _equal_rows(facts.table)]
    if not found:
        return None
    title = "Numbers are equal, or regular, where chance would make them differ"
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found])


def _same_trajectories(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    """Yield the cells in which replicates repeat each other, and the methods that repeat another method."""
    digests: dict[tuple[str, str], list[str]] = {}
    for name in study.methods:
        for record in study.of(name):
            if len(record.result.trajectory):
                digests.setdefault((name, record.benchmark), []).append(record.result.trajectory.digest())
    for (name, benchmark), own in digests.items():
        different = len(set(own))
        if len(own) > 1 and different < len(own):
            text = (
                f"{len(own):,} replicates hold {different:,} different searches: the seed does not reach them"
            )
            if different > 1:
                text = f"{len(own):,} replicates hold {different:,} different searches"
            yield DOUBTFUL, Evidence(kind="cell", place=f"{name} on {benchmark}", text=text)
    for (a, on), (b, other) in combinations(digests, 2):
        both = set(digests[a, on]) & set(digests[b, other])
        if on == other and both and len(set(digests[a, on])) > 1:
            text = f"{len(both):,} searches are the same, evaluation for evaluation"
            yield DOUBTFUL, Evidence(kind="cell", place=f"{a} and {b} on {on}", text=text)


def _same_scores(scores: Scores) -> Iterator[Evidence]:
    for t, task in enumerate(scores.tasks):
        best = _best(scores, t)
        for m, method in enumerate(scores.methods):
            sample = scores.sample(t, m)
            if len(sample) >= _LEAST and len(set(sample.tolist())) == 1 and sample[0] != best:
                text = f"all {len(sample)} replicates have the score {sample[0]:g}"
                yield Evidence(kind="cell", place=f"{method} on {task}", text=text)
        for a, b in combinations(range(len(scores.methods)), 2):
            x, y = _both(scores, t, a, b)
            same = (x == y) & (x != best)
            if len(x) >= _LEAST and len(set(x.tolist())) > 1 and float(same.mean()) >= _SAME:
                text = f"{int(same.sum())} of {len(x)} replicates have the same score"
                yield Evidence(
                    kind="cell", place=f"{scores.methods[a]} and {scores.methods[b]} on {task}", text=text
                )


def _best(scores: Scores, task: int) -> float:
    known = scores.values[task][scores.status[task] == OK]
    return float((scores.sign(task) * known).max() * scores.sign(task)) if len(known) else float("nan")


def _both(scores: Scores, task: int, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    both = (scores.status[task, a] == OK) & (scores.status[task, b] == OK)
    return scores.values[task, a][both], scores.values[task, b][both]


def _shifted(scores: Scores) -> Iterator[Evidence]:
    """Yield pairs of methods whose scores differ by one constant in every replicate."""
    for t, task in enumerate(scores.tasks):
        for a, b in combinations(range(len(scores.methods)), 2):
            x, y = _both(scores, t, a, b)
            if len(x) < _LEAST + 1 or len(set(x.tolist())) < _LEAST + 1:
                continue
            gap = x - y
            spread = float(gap.max() - gap.min())
            if spread <= 1e-9 * max(1.0, float(np.abs(x).max())) and abs(float(gap[0])) > 0:
                text = f"the scores differ by {float(gap[0]):g} in each of {len(x)} replicates"
                yield Evidence(
                    kind="cell", place=f"{scores.methods[a]} and {scores.methods[b]} on {task}", text=text
                )


def _round_digits(table: TableFacts) -> Iterator[Evidence]:
    """Yield the methods whose last digits are nearly all 0 or 5, where those of others are not."""
    digits: dict[str, list[str]] = {}
    decimals: dict[str, int] = {}
    for row in range(len(table.frame.rows)):
        for column in table.layout.scores:
            text = table.cell(row, column)
            method = table.name(row, "method") or table.columns[column]
            if "." in text and text.replace(".", "", 1).lstrip("-").isdigit():
                digits.setdefault(method, []).append(text)
                decimals[method] = max(decimals.get(method, 0), len(text.partition(".")[2]))
    most = max(decimals.values(), default=0)
    round_share = {
        method: sum(_is_round(text, most) for text in texts) / len(texts)
        for method, texts in digits.items()
        if len(set(texts)) >= _ENOUGH
    }
    if len(round_share) < 2 or most < 2:
        return
    least = min(round_share.values())
    for method, share in round_share.items():
        if share >= _ROUND and least <= _SAME:
            text = f"{share:.0%} of the {len(digits[method])} scores of {method} end in 0 or 5"
            yield Evidence(kind="cell", place=method, text=text)


def _is_round(text: str, decimals: int) -> bool:
    return text.partition(".")[2].ljust(decimals, "0")[decimals - 1] in "05"


def _equal_rows(table: TableFacts) -> Iterator[Evidence]:
    seen: dict[tuple[object, ...], int] = {}
    for i, row in enumerate(table.frame.rows):
        if row in seen:
            yield row_evidence(table, i, f"equals the row at {table.frame.where(seen[row])} in every cell")
        seen.setdefault(row, i)


def _twin_tasks(facts: Facts) -> Doubt | None:
    found: list[tuple[Severity, Evidence]] = []
    if facts.study is not None:
        found += _equal_columns(facts.study)
    elif facts.scores is not None:
        found += _equal_tasks(facts.scores)
    if not found:
        return None
    title = "Tasks are the same under two names"
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found])


def _equal_columns(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    plan = study.plan
    if plan is None:
        return
    protocol = study.loaded.study.protocol
    for (a, one), (b, other) in combinations(plan.benchmarks.items(), 2):
        x, y = (table.column(protocol.signal, protocol.seeds) for table in (one, other))
        same = one.card.task.name == other.card.task.name and one.card.task.version == other.card.task.version
        if (x.shape == y.shape and np.array_equal(x, y, equal_nan=True)) or same:
            text = "the same data set under two names" if same else "their signals are equal throughout"
            yield INVALIDATES, Evidence(kind="card", place=f"{a} and {b}", text=text)


def _equal_tasks(scores: Scores) -> Iterator[tuple[Severity, Evidence]]:
    for a, b in combinations(range(len(scores.tasks)), 2):
        both = (scores.status[a] == OK) & (scores.status[b] == OK)
        x, y = scores.values[a][both], scores.values[b][both]
        if len(x) < _LEAST or len(set(x.tolist())) < _LEAST:
            continue
        equal = float((x == y).mean())
        place = f"{scores.tasks[a]} and {scores.tasks[b]}"
        if equal == 1.0:
            text = f"all {len(x)} scores are equal"
            yield INVALIDATES, Evidence(kind="cell", place=place, text=text)
        elif equal >= _SAME:
            text = f"{equal:.0%} of {len(x)} scores are equal"
            yield DOUBTFUL, Evidence(kind="cell", place=place, text=text)


RULES = (
    Rule(
        id="suspicious-equality",
        about="equal or regular scores across replicates and methods",
        why="Replicates that repeat each other are one run, and copied or rounded numbers were not measured.",
        source="Simonsohn, Psychological Science 2013 (data that are too regular)",
        remedy="Let the seed decide what a run draws, and give the scores as they were measured.",
        find=_suspicious_equality,
        sees=runs_or_table,
    ),
    Rule(
        id="twin-tasks",
        about="duplicates: one task under two names",
        why="A task that stands there twice counts twice in every average and every test over tasks.",
        source="Kapoor and Narayanan, Patterns 2023 (duplicates in data sets)",
        remedy="Leave one of the two out.",
        find=_twin_tasks,
        sees=anything,
    ),
)
