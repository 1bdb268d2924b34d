"""The history of a study: what was planned when, so that an extension is known as one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import msgspec

from assay.contracts.problem import Budget
from assay.foundation import clock
from assay.foundation.digest import digest_value
from assay.foundation.documents import read_document, write_document
from assay.records.store import Store
from assay.studies.racing import Racing
from assay.studies.study import Study


class PlanFacts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a plan promises. Its digest stands in each record that was made under it."""

    replicates: int
    budget: Budget
    methods: tuple[str, ...]
    benchmarks: tuple[str, ...]
    claims: tuple[str, ...]
    exclusions: tuple[str, ...] = ()
    stopping: str = ""
    racing: Racing | None = None
    reported: str | None = None


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One distinct plan of a study, and when it was first run."""

    when: str
    facts: PlanFacts


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The plans of a study in order; format 1, in `studies/NAME/history.json` of the store."""

    plans: tuple[Planned, ...] = ()
    format: int = 1


def plan_facts(study: Study, benchmarks: Iterable[str]) -> PlanFacts:
    """Return what a study promises as it stands."""
    return PlanFacts(
        replicates=study.replicates,
        budget=study.budget,
        methods=tuple(study.methods),
        benchmarks=tuple(benchmarks),
        claims=tuple(digest_value(claim) for claim in study.claims),
        exclusions=study.plan.exclusions,
        stopping=study.plan.stopping,
        racing=study.racing,
        reported=study.protocol.reported,
    )


def load_history(store: Store, name: str) -> History:
    """Return the history kept under a study's name; empty where there is none."""
    return _read(store.study_folder(name) / "history.json")


def all_histories(store: Store) -> list[History]:
    """Return the history of every study of a store."""
    return [_read(path) for path in sorted(store.folder.glob("studies/*/history.json"))]


def _read(path: Path) -> History:
    return read_document(path, History, 1, "a study's history") or History()


def note_plan(store: Store, name: str, facts: PlanFacts) -> None:
    """Add a plan to the history, unless it is the same as the last."""
    history = load_history(store, name)
    if history.plans and history.plans[-1].facts == facts:
        return
    updated = History(plans=(*history.plans, Planned(when=clock.now(), facts=facts)))
    write_document(store.study_folder(name) / "history.json", updated)


def later_claims(history: History, study: Study) -> dict[int, str]:
    """Return which claims of a study were not in its first plan, and when each came: a day, or in words."""
    if not history.plans:
        return {}
    added = {}
    for i, claim in enumerate(study.claims):
        digest = digest_value(claim)
        first = next((planned for planned in history.plans if digest in planned.facts.claims), None)
        if first is None or first is not history.plans[0]:
            added[i] = first.when[:10] if first else "later than every run so far"
    return added


def extensions(history: History) -> list[str]:
    """Say in words how each later plan went beyond the one before it.

    A reader must know: replicates added after a first look are a stopping rule that no fixed-size
    interval accounts for.
    """
    notes = []
    for earlier, later in pairwise(history.plans):
        before, after = earlier.facts, later.facts
        changes = []
        if after.replicates > before.replicates:
            changes.append(f"replicates {before.replicates} -> {after.replicates}")
        if after.budget != before.budget:
            changes.append(f"budget {before.budget.text()} -> {after.budget.text()}")
        for kind, old, new in (
            ("method", before.methods, after.methods),
            ("benchmark", before.benchmarks, after.benchmarks),
        ):
            changes += [f"{kind} {name} added" for name in new if name not in old]
            changes += [f"{kind} {name} dropped" for name in old if name not in new]
        changes += [
            f"{what} changed"
            for what in ("claims", "exclusions", "stopping", "racing")
            if getattr(after, what) != getattr(before, what)
        ]
        if after.reported != before.reported:
            was, now = (one.reported or "as searched" for one in (before, after))
            changes.append(f"reported fidelity {was} -> {now}")
        if changes:
            notes.append(f"{later.when[:10]}: {', '.join(changes).replace('stopping', 'stopping rule')}")
    return notes


def looks(history: History) -> tuple[str, ...]:
    """Say when replicates were added or taken away after a first look, from how many to how many."""
    return tuple(
        f"replicates {earlier.facts.replicates:,} -> {later.facts.replicates:,} on {later.when[:10]}"
        for earlier, later in pairwise(history.plans)
        if later.facts.replicates != earlier.facts.replicates
    )


def new_tasks(history: History) -> tuple[str, ...]:
    """Say when benchmarks were added or left out after a first look, and how many."""
    notes = []
    for earlier, later in pairwise(history.plans):
        before, after = set(earlier.facts.benchmarks), set(later.facts.benchmarks)
        if before != after:
            notes.append(
                f"benchmarks on {later.when[:10]}: {len(after - before):,} added, "
                f"{len(before - after):,} left out"
            )
    return tuple(notes)
