"""Rules about fairness: machines, arithmetics and failures that go with the method."""

from __future__ import annotations

import math
from collections import Counter

from assay.analysis.audit.budgets import is_cost
from assay.analysis.audit.columns import Told, columns_about, first_rows, rows_of, seen_in, told_by, words
from assay.analysis.audit.facts import Facts
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

_ARITHMETIC = {
    *("precision", "dtype", "arithmetic", "blas", "cuda", "cudnn", "version", "torch", "numpy", "python"),
    *("tf32", "amp", "mkl", "openblas", "pytorch", "tensorflow", "jax", "scipy", "driver", "compiler"),
}
_MACHINE = {
    *("host", "hostname", "machine", "gpu", "device", "hardware", "node", "cluster", "cpu", "platform"),
    *("accelerator", "tpu", "server", "workstation", "processor", "os", "site", "container"),
}
_ORIGIN = {
    *("lab", "commit", "paper", "origin", "operator", "author", "authors", "reported", "institution"),
    *("provenance", "cited", "taken", "copied"),
}
# These say of what the numbers in a column are, and that it is no environment.
_AMOUNTS = {
    *("accuracy", "acc", "score", "scores", "loss", "error", "auc", "f1", "value", "result", "mean", "sd"),
    *("std", "memory", "gb", "mb", "count", "utilisation", "utilization", "util", "num"),
    *("params", "parameters", "year", "size"),
}
# A version of these is what is compared, or the task.
_OF_WHAT = {"dataset", "data", "task", "method", "model"}
_FORMATS = {8.0, 16.0, 32.0, 64.0, 128.0}
_TWICE = 2.0
_TELLING = 3
_SHARE = 0.1
_UNLIKELY = 0.01


def _mixed_arithmetic(facts: Facts) -> Doubt | None:
    title = "The runs were computed in several arithmetics"
    if facts.table is not None:
        found = [
            one
            for told in told_by(facts.table, _ARITHMETIC)
            if len(told.distinct()) > 1 and _is_environment(told)
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


def _is_environment(told: Told) -> bool:
    """Say whether a column names environments: costs and scores are amounts, whatever it is called.

    A number of bits is a precision; another number under that name is the metric. Fractions that vary
    from run to run were measured, and name nothing.
    """
    about = set(words(told.name))
    if is_cost(told.name) or about & (_AMOUNTS | _OF_WHAT):
        return False
    numbers = told.numbers()
    if numbers is None:
        return True
    values = [value for own in numbers.values() for value in own]
    if "precision" in about:
        return set(values) <= _FORMATS
    if all(value.is_integer() for value in values):
        return True
    return not about & _ORIGIN and any(len(set(own)) < _TELLING for own in numbers.values())


def _used(records: list[Record], what: str) -> Counter[str]:
    return Counter(str(getattr(record.circumstances, what)) for record in records)


def _confounded(facts: Facts) -> Doubt | None:
    title = "The environment goes with the method, so that their effects cannot be told apart"
    if facts.table is not None:
        found = [
            one
            for told in told_by(facts.table, _MACHINE | _ORIGIN | _ARITHMETIC)
            if told.aligned() and _is_environment(told)
            for one in first_rows(facts.table, told)
        ]
        return Doubt(DOUBTFUL, title, found) if found else None
    study = facts.study
    if study is None:
        return None
    seen: list[tuple[Severity, Evidence]] = []
    for what, severity in (("arithmetic", INVALIDATES), ("environment", DOUBTFUL), ("host", NOTE)):
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
    made = scores.made().sum(axis=(0, 2))
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
