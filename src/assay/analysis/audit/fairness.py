"""Rules about fairness: budgets, tuning, recipes, machines and failures that go with the method."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from assay.analysis.audit.columns import Told, columns_about, rows_of, seen_in, told_by
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    INVALIDATES,
    NOTE,
    Doubt,
    Evidence,
    Rule,
    Severity,
    scores_needed,
    worst,
)
from assay.records.record import Record
from assay.statistics.scores import ABSENT, FAILED, NO_NUMBER, Scores
from assay.studies.study import Method
from assay.studies.tuning import TUNED_DEFAULT

_BUDGET = {"budget", "budgets", "evaluations", "evals", "queries", "steps", "epochs", "iterations", "iters"}
_MEASURED = {"hours", "cost", "flops", "seconds", "walltime", "runtime", "time"}
_TUNING = {"tuned", "tuning", "hpo", "configurations", "configs"}
_RECIPE = {
    "recipe",
    "augmentation",
    "augment",
    "aug",
    "cutout",
    "mixup",
    "schedule",
    "pretraining",
    "protocol",
}
_ARITHMETIC = {
    "precision",
    "dtype",
    "arithmetic",
    "blas",
    "cuda",
    "cudnn",
    "version",
    "torch",
    "numpy",
    "python",
}
_MACHINE = {"host", "hostname", "machine", "gpu", "device", "hardware", "node", "cluster", "cpu", "platform"}
_ORIGIN = {"lab", "commit", "paper", "origin", "operator", "author", "authors", "reported"}
_SPENT_ALIKE = 0.9
_TWICE = 2.0
_SHARE = 0.1
_UNLIKELY = 0.01


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
    for told in told_by(table, _BUDGET | _MEASURED):
        numbers = told.numbers()
        if numbers is None:
            if told.aligned():
                yield from ((DOUBTFUL, one) for one in _rows(table, told))
            continue
        means = {m: math.fsum(values) / len(values) for m, values in numbers.items()}
        least, most = min(means.values()), max(means.values())
        if least >= _SPENT_ALIKE * most:
            continue
        measured = all(len(set(values)) > 1 for values in numbers.values())
        led = max((means[name] for name in leaders if name in means), default=0.0)
        severity = INVALIDATES if led >= _TWICE * least else DOUBTFUL
        if measured:
            severity = NOTE
        yield from ((severity, one) for one in _rows(table, told))


def _rows(table: TableFacts, told: Told) -> list[Evidence]:
    """Return the first row of each method with what the column says there."""
    seen: set[str] = set()

    def first(row: int, _: str) -> bool:
        method = table.name(row, "method")
        new = method not in seen
        seen.add(method)
        return new

    return rows_of(table, told.column, first)


def _unequal_tuning(facts: Facts) -> Doubt | None:
    title = "Some methods were tuned, or trained by another recipe, and others were not"
    if facts.table is not None:
        found = [
            one
            for told in told_by(facts.table, _TUNING | _RECIPE)
            if told.aligned()
            for one in _rows(facts.table, told)
        ]
        return Doubt(DOUBTFUL, title, found) if found else None
    found = list(_tuning_of_study(facts.study)) if facts.study is not None else []
    return Doubt(DOUBTFUL, title, found) if found else None


def _tuning_of_study(study: StudyFacts) -> Iterator[Evidence]:
    methods = study.loaded.study.methods
    tuned = {name: method.tuning for name, method in methods.items() if method.tuning is not None}
    if not tuned:
        return
    chosen = {} if study.plan is None else {one.name: one.hyperparameters for one in study.plan.methods}
    for name, method in methods.items():
        if name in tuned or not _choices(name, method, chosen):
            continue
        place, line = study.key("methods", name)
        listed = ", ".join(sorted(chosen.get(name, method.hyperparameters))) or "its hyperparameters"
        text = f"{name} has {listed} and is not tuned; tuned: {', '.join(tuned)}"
        yield Evidence(kind="key", place=place, line=line, text=text)
    amounts = {
        name: (one.configurations, one.replicates, one.budget, one.suite, one.benchmarks)
        for name, one in tuned.items()
    }
    if len(set(map(repr, amounts.values()))) > 1:
        for name, one in tuned.items():
            place, line = study.key("methods", name, "tuning")
            budget = f" x {one.budget.text()}" if one.budget is not None else ""
            text = f"{name}: {one.configurations} configurations x {one.replicates} replicates{budget}"
            yield Evidence(kind="key", place=place, line=line, text=text)


def _choices(name: str, method: Method, chosen: Mapping[str, object]) -> bool:
    """Say whether there would be something to tune; random search, and defaults of a tuned one, have not."""
    if name.endswith(TUNED_DEFAULT) or method.strategy == "random-search":
        return False
    return bool(chosen.get(name) or method.hyperparameters)


def _mixed_arithmetic(facts: Facts) -> Doubt | None:
    title = "The runs were computed in several arithmetics"
    if facts.table is not None:
        found = [
            one
            for told in told_by(facts.table, _ARITHMETIC)
            if len(told.distinct()) > 1
            for one in rows_of(facts.table, told.column, lambda _row, _value: True)
        ]
        return Doubt(DOUBTFUL, title, found) if found else None
    if facts.study is None:
        return None
    used = {name: _used(facts.study.of(name), "arithmetic") for name in facts.study.methods}
    kinds = sorted({one for counts in used.values() for one in counts})
    if len(kinds) < 2:
        return None
    found = [
        Evidence(
            kind="cell",
            place=name,
            text=", ".join(f"{counts[one]:,} runs in arithmetic {one[:12]}" for one in kinds if counts[one]),
        )
        for name, counts in used.items()
    ]
    return Doubt(DOUBTFUL, title, found)


def _used(records: list[Record], what: str) -> Counter[str]:
    return Counter(str(getattr(record.circumstances, what)) for record in records)


def _confounded(facts: Facts) -> Doubt | None:
    title = "The environment goes with the method, so that their effects cannot be told apart"
    if facts.table is not None:
        found = [
            one
            for told in told_by(facts.table, _MACHINE | _ORIGIN | _ARITHMETIC)
            if told.aligned()
            for one in _rows(facts.table, told)
        ]
        return Doubt(DOUBTFUL, title, found) if found else None
    study = facts.study
    if study is None:
        return None
    seen: list[tuple[Severity, Evidence]] = []
    for what, severity in (("arithmetic", INVALIDATES), ("environment", NOTE), ("host", NOTE)):
        used = {name: _used(study.of(name), what) for name in study.methods}
        for a, b in facts.pairs:
            mine, theirs = used.get(a), used.get(b)
            if mine and theirs and not mine.keys() & theirs.keys():
                text = f"no {what} has runs of both: {a} {_brief(mine)}, {b} {_brief(theirs)}"
                seen.append((severity, Evidence(kind="cell", place=f"{a} and {b}", text=text)))
    if not seen:
        return None
    return Doubt(worst(one for one, _ in seen), title, [one for _, one in seen])


def _brief(counts: Counter[str]) -> str:
    return ", ".join(f"{one[:12]} ({count:,} runs)" for one, count in sorted(counts.items()))


def _failed_runs(facts: Facts) -> Doubt | None:
    scores = facts.scores
    lost = _lost(facts, scores)
    total = sum(bad for bad, _ in lost.values())
    if not total:
        return None
    found: list[tuple[Severity, Evidence]] = []
    runs = sum(size for _, size in lost.values())
    for name, (bad, size) in lost.items():
        if not bad:
            continue
        others = [(b, s) for other, (b, s) in lost.items() if other != name]
        elsewhere = sum(b for b, _ in others) / max(sum(s for _, s in others), 1)
        alone = bad > 1 and bad / size >= _SHARE and bad / size > _TWICE * elsewhere
        unlikely = _at_least(bad, size, total, runs) <= _UNLIKELY
        severity = DOUBTFUL if alone or unlikely else NOTE
        text = (
            f"{bad:,} of {size:,} runs of {name} gave no number; of the other methods {100 * elsewhere:.0f} %"
        )
        found.append((severity, Evidence(kind="cell", place=name, text=text)))
    severity = worst(one for one, _ in found)
    title = (
        "Runs were lost, most of them in one method" if severity == DOUBTFUL else "Some runs gave no number"
    )
    return Doubt(severity, title, [one for _, one in sorted(found, key=lambda item: item[0] == NOTE)])


def _lost(facts: Facts, scores: Scores | None) -> dict[str, tuple[int, int]]:
    """Return for each method how many runs failed or gave no number, and how many were made."""
    if scores is None:
        study = facts.study
        cells = study.cells if study is not None else {}
        counts: dict[str, tuple[int, int]] = {}
        for (_, method), cell in cells.items():
            bad, size = counts.get(method, (0, 0))
            counts[method] = bad + sum(not run.completed for run in cell.runs), size + len(cell.runs)
        return counts
    bad = ((scores.status == FAILED) | (scores.status == NO_NUMBER)).sum(axis=(0, 2))
    made = (scores.status != ABSENT).sum(axis=(0, 2))
    return {name: (int(bad[m]), int(made[m])) for m, name in enumerate(scores.methods)}


def _at_least(bad: int, size: int, total: int, runs: int) -> float:
    """Return the hypergeometric probability that so many of all lost runs fall on one method."""
    ways = [math.comb(size, k) * math.comb(runs - size, total - k) for k in range(bad, min(size, total) + 1)]
    return sum(ways) / math.comb(runs, total)


def _missing_runs(facts: Facts) -> Doubt | None:
    scores = facts.scores
    if scores is None:
        return None
    made = (scores.status != ABSENT).sum(axis=2)
    found = []
    for t, task in enumerate(scores.tasks):
        wanted = scores.planned if scores.planned is not None else int(made[t].max())
        for m, method in enumerate(scores.methods):
            if made[t, m] < wanted:
                text = f"{int(made[t, m]):,} of {wanted:,} runs of {method}"
                found.append(Evidence(kind="cell", place=f"{method} on {task}", text=text))
    if not found:
        return None
    planned = scores.planned is not None
    title = "Planned runs are missing" if planned else "The methods have unequal numbers of runs"
    return Doubt(DOUBTFUL if planned else NOTE, title, found)


def _protocol_differs(facts: Facts) -> Doubt | None:
    title = "The protocol differs between tasks"
    if facts.table is not None:
        found = [
            one
            for column in columns_about(facts.table, {"policy", "protocol", "split", "fidelity"})
            if len({facts.table.cell(row, column) for row in range(len(facts.table.frame.rows))} - {""}) > 1
            for one in rows_of(facts.table, column, lambda _row, _value: True)
        ]
        return Doubt(NOTE, title, found) if found else None
    study = facts.study
    if study is None:
        return None
    asked = study.loaded.study.protocol.seeds
    policies = {name: asked or card.seeds.policies[0] for name, card in study.cards.items()}
    if len(set(policies.values())) < 2:
        return None
    found = [
        Evidence(
            kind="card",
            place=", ".join(name for name, own in policies.items() if own == policy),
            text=f"seed policy {policy}",
        )
        for policy in dict.fromkeys(policies.values())
    ]
    return Doubt(NOTE, title, found)


RULES = (
    Rule(
        id="unequal-budgets",
        about="budgets, planned and actually spent",
        why="Most searches get better with every evaluation, so that the larger budget may be the winner.",
        source="Li and Talwalkar, UAI 2019; Lindauer and Hutter, JMLR 2020",
        remedy="Give every method the same budget, or compare at the budget that all of them spent.",
        find=_unequal_budgets,
        sees=seen_in(_BUDGET | _MEASURED),
    ),
    Rule(
        id="unequal-tuning",
        about="tuning, and training recipes",
        why="A tuned method against one with defaults compares the tuning; a recipe can outweigh the search.",
        source="Yang, Esperança and Carlucci, ICLR 2020; Lindauer and Hutter, JMLR 2020",
        remedy="Tune every method with the same budget, or none, and train what they find by one recipe.",
        find=_unequal_tuning,
        sees=seen_in(_TUNING | _RECIPE, ""),
        one_sided=True,
    ),
    Rule(
        id="mixed-arithmetic",
        about="several arithmetics in one comparison",
        why="Other libraries or processors give other last bits, and searches that branch on them diverge.",
        source="Assay's definition of identical results",
        remedy="assay run STUDY --rerun-on arithmetic",
        find=_mixed_arithmetic,
        sees=seen_in(_ARITHMETIC),
    ),
    Rule(
        id="confounded-environment",
        about="machines, arithmetics or sources that go with the method",
        why="Where each method has an environment of its own, a difference may be that of the environments.",
        source="Lindauer and Hutter, JMLR 2020 (control confounding factors)",
        remedy="Run all methods in the same environment, or each of them in all.",
        find=_confounded,
        sees=seen_in(_MACHINE | _ORIGIN | _ARITHMETIC),
        one_sided=True,
    ),
    Rule(
        id="failed-runs",
        about="failed runs, and where they concentrate",
        why="Leaving out what failed makes a method look better than it is where it fails on what is hard.",
        source="Rubin, Biometrika 1976 (data that are not missing at random)",
        remedy="Mend and repeat the failed runs, or count each as the worst result.",
        find=_failed_runs,
        sees=scores_needed,
        one_sided=True,
    ),
    Rule(
        id="missing-runs",
        about="runs that were planned and not made, and unequal numbers of runs",
        why="Runs that are absent may be absent because of what they would have shown.",
        source="Rubin, Biometrika 1976 (data that are not missing at random)",
        remedy="Make the missing runs, or say why they are missing.",
        find=_missing_runs,
        sees=scores_needed,
        one_sided=True,
    ),
    Rule(
        id="protocol-differs",
        about="seed policies, splits and fidelities that differ between tasks",
        why="A mean over several training seeds and a value of one seed are not the same quantity.",
        source="the protocol cards of the benchmarks",
        remedy="Name one seed policy that all cards offer (protocol.seeds), or report the tasks apart.",
        find=_protocol_differs,
        sees=seen_in({"policy", "protocol", "split", "fidelity"}, ""),
    ),
)
