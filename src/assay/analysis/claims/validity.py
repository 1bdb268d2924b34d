"""What is wrong with the protocol that a claim rests on, whichever way the claim came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.analysis.cells import TEST, Cells
from assay.analysis.model import BenchmarkFacts, ClaimSpec, Conduct, RunData
from assay.contracts.problem import Budget
from assay.studies.study import ALWAYS_VALID, TASKS, UNVERIFIED

_SPENT = 0.9  # of a budget in seconds: the last evaluation may not fit in what is left


def problems(
    claim: ClaimSpec,
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    planned: int,
    conduct: Conduct,
) -> tuple[str, ...]:
    """Return what is wrong with the protocol of a claim, in words; empty where nothing was found."""
    runs = {m: [run for b in claim.benchmarks for run in cells[b, m].runs] for m in claim.methods}
    found = [
        *_absent(claim, runs, facts, planned),
        *_raced(claim, facts),
        *_budgets(runs, conduct.budget),
        *_assessment(claim, facts),
        *_arithmetic(runs, conduct),
        *_data_seen(claim, conduct),
    ]
    if claim.published is not None and claim.published.source == UNVERIFIED:
        found.append("the published number is unverified")
    return tuple(found)


def _absent(
    claim: ClaimSpec,
    runs: Mapping[str, Sequence[RunData]],
    facts: Mapping[str, BenchmarkFacts],
    planned: int,
) -> list[str]:
    found = []
    for method, own in runs.items():
        failed = sum(not run.completed for run in own)
        asked = sum(facts[benchmark].planned_of(method, planned) for benchmark in claim.benchmarks)
        absent = max(asked - len(own), 0)
        found += [f"failed runs: {failed:,} of {method}"] if failed else []
        found += [f"runs not made: {absent:,} of {method}"] if absent else []
    return found


def _raced(claim: ClaimSpec, facts: Mapping[str, BenchmarkFacts]) -> list[str]:
    """Say which methods a race dropped early, so that their means rest on fewer runs."""
    told = [
        f"{method} on {benchmark} after {facts[benchmark].kept[method]:,} runs"
        for method in claim.methods
        for benchmark in claim.benchmarks
        if method in facts[benchmark].kept
    ]
    return [f"dropped by a race: {', '.join(told)}"] if told else []


def _budgets(runs: Mapping[str, Sequence[RunData]], budget: Budget | None) -> list[str]:
    """Say which methods ended before their budget was spent, where others did not."""
    if budget is None or len(runs) < 2:
        return []
    completed = {method: [run for run in own if run.completed] for method, own in runs.items()}
    short = {method: sum(_ended_early(run, budget) for run in own) for method, own in completed.items()}
    shares = {m: short[m] / len(own) for m, own in completed.items() if own}
    if len(set(shares.values())) < 2:
        return []
    told = ", ".join(f"{short[m]:,} of {len(completed[m]):,} runs of {m}" for m in shares if short[m])
    return [f"unequal budgets: of {budget.text()} less was spent by {told}"]


def _ended_early(run: RunData, budget: Budget) -> bool:
    if budget.evaluations is not None:
        return len(run.values) < budget.evaluations
    spent = float(run.times[-1]) if len(run.times) else 0.0
    return budget.table_seconds is not None and spent < _SPENT * budget.table_seconds


def _assessment(claim: ClaimSpec, facts: Mapping[str, BenchmarkFacts]) -> list[str]:
    """Say where a claim rests on the signal and not on a test metric.

    A target is reached on the signal by definition, and a search that stops there has not selected
    among what it reports.
    """
    if claim.metric == TEST or claim.kind == "reaches" or not claim.benchmarks:
        return []
    able = sum(facts[b].test_metric is not None for b in claim.benchmarks)
    besides = f", though {able} of {len(claim.benchmarks)} benchmarks have a test metric" if able else ""
    return [f"no assessment: the claim is about the signal, not a test metric{besides}"]


def _arithmetic(runs: Mapping[str, Sequence[RunData]], conduct: Conduct) -> list[str]:
    used = {
        conduct.arithmetics[run.run]
        for own in runs.values()
        for run in own
        if run.completed and run.run in conduct.arithmetics
    }
    return [f"mixed arithmetic: the runs were made in {len(used)} different ones"] if len(used) > 1 else []


def _data_seen(claim: ClaimSpec, conduct: Conduct) -> list[str]:
    """Say what was decided after a look at the data."""
    late = conduct.late.get(claim.id)
    found = [f"claim added after the first run: {late}"] if late else []
    if claim.scope == TASKS:
        return found + [f"looks at the data: {added}" for added in conduct.new_tasks]
    if claim.rule != ALWAYS_VALID:
        found += [f"looks at the data under a fixed rule: {look}" for look in conduct.looks]
    return found
