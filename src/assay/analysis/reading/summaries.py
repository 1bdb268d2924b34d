"""Means over tasks or methods that a table holds beside what they are means of: told, and set aside.

A mean counted as a task of its own is one more task that agrees with the others, and may well be the one
that makes six families of five.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from assay.analysis.reading.runs import Run
from assay.analysis.reading.words import is_summary
from assay.foundation.text import shortened

_FEWEST_BY_VALUE = 3
_MOST_DECIMALS = 12

Key = tuple[str, str]


def without_summaries(runs: list[Run], named: frozenset[str]) -> tuple[list[Run], list[str]]:
    """Return the runs without summaries of the others, and what was set aside and why.

    A task is one by its name (see `is_summary`), or by its values: at least three other tasks, and in each
    run the mean of theirs, to rounding. A method is one by its name and its values together. Those
    `named` by the caller stay.
    """
    notes: list[str] = []
    tasks = {run.task for run in runs} - named
    by_name = {task for task in tasks if is_summary(task)}
    if by_name < {run.task for run in runs}:
        notes += [_note("task", task, "by its name") for task in sorted(by_name)]
        runs = [run for run in runs if run.task not in by_name]
    means = _means(runs, lambda run: run.task, lambda run: (run.method, run.replicate), _FEWEST_BY_VALUE)
    if len(means) == 1 and not means & named and len({run.method for run in runs}) > 1:
        notes += [_note("task", task, "it is the mean of the other tasks") for task in means]
        runs = [run for run in runs if run.task not in means]
    means = _means(runs, lambda run: run.method, lambda run: (run.task, run.replicate), 2)
    twice = {method for method in means - named if is_summary(method)}
    notes += [_note("method", method, "it is the mean of the other methods") for method in sorted(twice)]
    return [run for run in runs if run.method not in twice], notes


def _note(kind: str, name: str, why: str) -> str:
    return (
        f"set aside: {kind} '{shortened(name, 40)}', a summary of the others ({why}); rename it if it is a "
        f"{kind} of its own"
    )


def _means(runs: list[Run], name: Callable[[Run], str], key: Callable[[Run], Key], fewest: int) -> set[str]:
    """Return the names whose every score is the mean of the scores of all others with the same key."""
    held: defaultdict[str, dict[Key, float]] = defaultdict(dict)
    whole = Counter(name(run) for run in runs)
    for run in runs:
        if run.score is not None:
            held[name(run)][key(run)] = run.score
    if len(whole) <= fewest or any(len(held[one]) != count for one, count in whole.items()):
        return set()
    keys = next(iter(held.values())).keys()
    if any(scores.keys() != keys for scores in held.values()):
        return set()
    totals = {one: sum(sorted(scores[one] for scores in held.values())) for one in keys}
    return {one for one, scores in held.items() if _is_mean(scores, totals, len(held) - 1)}


def _is_mean(scores: dict[Key, float], totals: dict[Key, float], others: int) -> bool:
    decimals = max(_decimals(score) for score in scores.values())
    # Whole numbers are coarse enough to meet a rounded mean by chance.
    half = 0.5 * 10.0**-decimals if decimals else 0.0
    return all(
        abs((totals[key] - score) / others - score) <= half * 1.001 + 1e-12 * abs(score)
        for key, score in scores.items()
    )


def _decimals(score: float) -> int:
    text = repr(score)
    return _MOST_DECIMALS if "e" in text else min(_MOST_DECIMALS, len(text.partition(".")[2].rstrip("0")))
