"""The rule about budgets: what each method was granted, and what it spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from assay.analysis.audit.columns import Told, first_rows, seen_in, told_by, words
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import DOUBTFUL, INVALIDATES, NOTE, Doubt, Evidence, Rule, Severity, worst

GRANTED = {
    *("budget", "budgets", "evaluations", "evals", "queries", "steps", "epochs", "iterations", "iters"),
    *("generations", "samples", "timesteps", "frames", "allowance"),
}
MEASURED = {
    *("hours", "hour", "hrs", "cost", "costs", "flops", "seconds", "sec", "secs", "walltime", "runtime"),
    *("time", "days", "minutes", "energy", "kwh", "compute", "duration"),
}
# Times of these are a price of the search; a bare runtime may be that of anything.
_OF_SEARCH = {
    *("gpu", "tpu", "cpu", "core", "search", "compute", "cost", "costs", "train", "training", "total"),
    *("hours", "hour", "hrs", "days", "kwh", "energy"),
}
_BESIDE = {
    *("overhead", "inference", "latency", "test", "eval", "evaluation", "predict", "prediction", "model"),
    *("start", "end", "date", "timestamp", "size", "per", "rate", "dataset", "data", "batch", "to", "until"),
}
_SPENT_ALIKE = 0.9
_TWICE = 2.0


def is_cost(name: str) -> bool:
    """Say whether a column is about budgets by its name, and so about no machine and no recipe."""
    return bool((GRANTED | MEASURED) & set(words(name)))


class Spent(NamedTuple):
    """What the runs of a method spent on a benchmark in the mean, and in which unit."""

    method: str
    benchmark: str
    amount: float
    unit: str


def _unequal_budgets(facts: Facts) -> Doubt | None:
    found = list(_of_study(facts) if facts.study else _of_table(facts, facts.table) if facts.table else ())
    if not found:
        return None
    title = "The methods did not have, or did not spend, the same budget"
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found])


def _of_study(facts: Facts) -> Iterator[tuple[Severity, Evidence]]:
    study = facts.study
    if study is None or study.plan is None:
        return
    leaders = facts.leaders()
    for benchmark in study.plan.benchmarks:
        spent = {one.method: one for name in study.methods if (one := _spent(study, name, benchmark))}
        yield from _compared(spent, leaders, lambda one: ("cell", f"{one.method} on {one.benchmark}", None))


def _spent(study: StudyFacts, method: str, benchmark: str) -> Spent | None:
    records = [record for record in study.of(method) if record.benchmark == benchmark]
    if not records:
        return None
    if study.loaded.study.budget.evaluations is not None:
        amounts = [float(len(record.result.trajectory)) for record in records]
        return Spent(method, benchmark, math.fsum(amounts) / len(amounts), "evaluations")
    amounts = [math.fsum(record.result.trajectory.column("cost").tolist()) for record in records]
    return Spent(method, benchmark, math.fsum(amounts) / len(amounts), "table seconds")


def _compared(
    spent: Mapping[str, Spent],
    leaders: Mapping[str, float],
    place: Callable[[Spent], tuple[str, str, int | None]],
) -> Iterator[tuple[Severity, Evidence]]:
    """Yield the methods that spent less than nine tenths of the most, worse where a leader spent twice it."""
    most = max(spent.values(), key=lambda one: (one.amount, one.method), default=None)
    if most is None or most.amount <= 0:
        return
    led = max((one.amount for name, one in spent.items() if name in leaders), default=0.0)
    for one in spent.values():
        if one.amount >= _SPENT_ALIKE * most.amount:
            continue
        severity = INVALIDATES if led >= _TWICE * one.amount else DOUBTFUL
        text = f"{one.method} spent {one.amount:,.6g} {one.unit} a run, {most.method} {most.amount:,.6g}"
        _, where, line = place(one)
        yield severity, Evidence(kind="cell" if line is None else "row", place=where, line=line, text=text)


def _of_table(facts: Facts, table: TableFacts) -> Iterator[tuple[Severity, Evidence]]:
    leaders = facts.leaders()
    columns = list(told_by(table, GRANTED | MEASURED))
    equal = any(_granted_alike(told) for told in columns)
    for told in columns:
        if _is_of_something_else(told.name):
            continue
        numbers = told.numbers()
        if numbers is None:
            if told.aligned():
                yield from ((DOUBTFUL, one) for one in first_rows(table, told))
            continue
        severity = _unequal(table, told, leaders)
        if severity is None:
            continue
        if _by_run(table, told):
            searched = bool((_OF_SEARCH | GRANTED) & set(words(told.name))) and not equal
            severity = DOUBTFUL if severity == INVALIDATES and searched else NOTE
        yield from ((severity, one) for one in first_rows(table, told))


def _is_of_something_else(name: str) -> bool:
    """Say whether an amount is that of a model, a test or an outcome; operations count for a search only."""
    about = set(words(name))
    return bool(about & _BESIDE) or ("flops" in about and not about & (_OF_SEARCH | GRANTED))


def _granted_alike(told: Told) -> bool:
    """Say whether a column grants all methods the same."""
    return bool(GRANTED & set(words(told.name))) and len({frozenset(v) for v in told.values.values()}) == 1


def _unequal(table: TableFacts, told: Told, leaders: Mapping[str, float]) -> Severity | None:
    """Return how unequal a column of numbers is on the task where it is so most, None where it is not."""
    found: list[Severity] = []
    for amounts in _by_task(table, told.column).values():
        means = {m: math.fsum(sorted(values)) / len(values) for m, values in amounts.items()}
        least, most = min(means.values()), max(means.values())
        if len(means) > 1 and least < _SPENT_ALIKE * most:
            led = max((means[name] for name in leaders if name in means), default=0.0)
            found.append(INVALIDATES if led >= _TWICE * least else DOUBTFUL)
    return worst(found) if found else None


def _by_task(table: TableFacts, column: int) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for row in range(len(table.frame.rows)):
        if text := table.cell(row, column):
            of_task = found.setdefault(table.name(row, "task"), {})
            of_task.setdefault(table.name(row, "method"), []).append(float(text.replace(",", "")))
    return found


def _by_run(table: TableFacts, told: Told) -> bool:
    """Say whether a column varies from run to run, so that it was measured and not granted."""
    cells = [values for task in _by_task(table, told.column).values() for values in task.values()]
    several = [values for values in cells if len(values) > 1]
    if not several:
        return not GRANTED & set(words(told.name))
    return any(len(set(values)) > 1 for values in several)


RULES = (
    Rule(
        id="unequal-budgets",
        about="budgets, planned and actually spent",
        why="Most searches get better with every evaluation, so that the larger budget may be the winner.",
        source="Li and Talwalkar, UAI 2019; Lindauer and Hutter, JMLR 2020",
        remedy="Give every method the same budget, or compare at the budget that all of them spent.",
        find=_unequal_budgets,
        sees=seen_in(GRANTED | MEASURED),
    ),
)
