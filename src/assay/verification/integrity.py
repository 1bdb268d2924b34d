"""Checks that what a study stands on is what was written: ledger, sources, assessments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from assay.benchmarks.assessing import vaults
from assay.foundation.digest import digest_value
from assay.foundation.errors import IntegrityError
from assay.provenance.components import CodeEvidence
from assay.records.store import Run, Store
from assay.studies.history import all_histories, load_history
from assay.studies.plan import Cell, Plan
from assay.studies.reasons import Reasons, load_snapshot
from assay.tasks.gate import Answers, NoTest
from assay.tasks.ledger import Ledger


class HasLedger(Protocol):
    """What an earlier verification remembers of the ledger."""

    @property
    def ledger_lines(self) -> int:
        """The longest that the ledger was seen to be."""
        ...


def check_ledger(store: Store, before: HasLedger | None) -> tuple[int, list[str]]:
    """Return the longest that the ledger was seen to be, and what is wrong with it.

    A ledger that was removed whole is a new one to `assay run`; the verification before remembers.
    """
    seen = before.ledger_lines if before else 0
    try:
        lines = Ledger(store.folder).check().n
    except IntegrityError as error:
        return seen, [error.one_line()]
    if lines < seen:
        return seen, [f"the ledger has {lines:,} lines, and had {seen:,} when it was last verified"]
    return lines, []


def check_sources(plan: Plan, runs: Mapping[str, Run], store: Store) -> list[str]:
    """Name what changed since the recorded runs of the study, and evidence that is damaged."""
    findings = []
    before = load_snapshot(store, plan.loaded.study.name)
    reasons = Reasons(plan.loaded.study.name, store, plan.documents)
    changed: dict[tuple[str, str], int] = {}
    for cell in plan.cells:
        earlier = before.get(cell.place)
        if earlier is None or earlier == cell.spec.components or earlier.run_id() not in runs:
            continue
        reason = reasons.of(cell.place, cell.spec.components, None)
        changed[cell.method, reason] = changed.get((cell.method, reason), 0) + 1
    for (method, reason), count in changed.items():
        findings.append(
            f"{count} recorded runs of {method} are not those of the study as it stands: {reason}"
        )
    return findings


def check_objects(plan: Plan, runs: Mapping[str, Run], store: Store) -> list[str]:
    """Name what the recorded runs refer to and the store does not hold as it was written."""
    records = [runs[cell.spec.run].record for cell in plan.cells if cell.spec.run in runs]
    wanted: set[str] = set()
    evidence: set[str] = set()
    for record in records:
        facts = record.circumstances
        wanted |= {
            *record.components.parts().values(),
            facts.environment,
            facts.arithmetic,
            facts.plan,
        }
        evidence.add(facts.evidence)
    findings = []
    for digest in sorted(evidence):
        try:
            wanted |= {file.content for file in store.objects.get_value(digest, CodeEvidence).files}
        except IntegrityError as error:
            findings.append(error.one_line())
    for digest in sorted(wanted):
        try:
            store.objects.get(digest)
        except IntegrityError as error:
            findings.append(error.one_line())
    return findings


def check_history(plan: Plan, runs: Mapping[str, Run], store: Store) -> list[str]:
    """Say whether the history of the study is there, and whether runs were made under a plan it lost.

    Studies share runs, so that a plan may be of another study in the store.
    """
    if not load_history(store, plan.loaded.study.name).plans:
        return ["the history of the study is missing: whether it was extended cannot be told"]
    known = {digest_value(planned.facts) for history in all_histories(store) for planned in history.plans}
    foreign = {cell.spec.run for cell in plan.cells if cell.spec.run in runs}
    foreign = {run for run in foreign if runs[run].record.circumstances.plan not in known}
    if not foreign:
        return []
    return [f"{len(foreign)} runs were made under a plan that no history in the store has"]


def check_assessments(
    plan: Plan, chosen: Sequence[Cell], runs: Mapping[str, Run], store: Store, cache: Path
) -> list[str]:
    """Compare what the ledger says of the repeated runs with the vault.

    This tells no test value to anybody and so counts as no assessment. It finds a ledger that was
    rewritten with its whole chain.
    """
    if plan.loaded.study.protocol.assessment == "none":
        return []
    try:
        entries = {entry.seal: entry for entry in Ledger(store.folder).entries()}
    except IntegrityError:
        return []  # `check_ledger` has named it
    findings, find = [], vaults(cache)
    opened: dict[str, Answers | NoTest] = {}
    for cell in chosen:
        benchmark = plan.benchmarks[cell.benchmark]
        if benchmark.card.test is None:
            continue
        record = runs[cell.spec.run].record
        entry = entries.get(record.seal().digest())
        if entry is None:
            findings.append(f"{_name(cell)} was never assessed; assay run assesses it")
            continue
        if entry.values is None:
            continue
        if cell.benchmark not in opened:
            opened[cell.benchmark] = find(cell.benchmark)
        vault = opened[cell.benchmark]
        if isinstance(vault, NoTest) or vault.answer(record.result.recommendation) != entry.values:
            findings.append(
                f"the ledger is not what the vault answers for {_name(cell)}: it says {entry.values}"
            )
    return findings


def _name(cell: Cell) -> str:
    return f"{cell.method} on {cell.benchmark}, replicate {cell.replicate}"
