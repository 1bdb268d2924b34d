"""The history of a study: what was planned when, so that an extension is known as one."""

from __future__ import annotations

import msgspec

from assay.contracts.problem import Budget
from assay.foundation import clock
from assay.foundation.errors import CorruptError
from assay.foundation.files import write_atomic
from assay.records.store import Store


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One distinct plan of a study, and when it was first run."""

    when: str
    replicates: int
    budget: Budget
    methods: tuple[str, ...]
    benchmarks: tuple[str, ...]
    claims: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The plans of a study in order; format 1, in `studies/NAME/history.json` of the store."""

    plans: tuple[Planned, ...] = ()
    format: int = 1


def load_history(store: Store, name: str) -> History:
    """Return the history kept under a study's name."""
    path = store.study_folder(name) / "history.json"
    if not path.exists():
        return History()
    try:
        return msgspec.json.decode(path.read_bytes(), type=History)
    except msgspec.DecodeError as error:
        raise CorruptError("a study's history cannot be read", where=str(path), why=str(error)) from None


def note_plan(
    store: Store,
    name: str,
    *,
    replicates: int,
    budget: Budget,
    methods: tuple[str, ...],
    benchmarks: tuple[str, ...],
    claims: str,
) -> None:
    """Add a plan to the history, unless it is the same as the last."""
    history = load_history(store, name)
    plan = Planned(
        when=clock.now(),
        replicates=replicates,
        budget=budget,
        methods=methods,
        benchmarks=benchmarks,
        claims=claims,
    )
    if history.plans and msgspec.structs.replace(plan, when=history.plans[-1].when) == history.plans[-1]:
        return
    updated = History(plans=(*history.plans, plan))
    write_atomic(store.study_folder(name) / "history.json", msgspec.json.format(msgspec.json.encode(updated)))


def extensions(history: History) -> list[str]:
    """Say in words how each later plan went beyond the one before it.

    A reader must know: replicates added after a first look are a stopping rule that no fixed-size
    interval accounts for.
    """
    notes = []
    for before, after in zip(history.plans, history.plans[1:], strict=False):
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
        if after.claims != before.claims:
            changes.append("claims changed")
        if changes:
            notes.append(f"{after.when[:10]}: {', '.join(changes)}")
    return notes
