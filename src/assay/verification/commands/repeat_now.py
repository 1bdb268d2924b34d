"""Repeats a recorded command as things are here and now, and records the repeat."""

from __future__ import annotations

from pathlib import Path

from assay.capture.recording.launch import HookSettings, Launch
from assay.capture.recording.record import record_command
from assay.foundation.errors import UsageError
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.records.trace import load_trace
from assay.verification.commands.repeat import Repeater, recorded_steps


def repeat_now(store: Store, record: CommandRecord, scratch: Path, cache: Path) -> CommandRecord:
    """Run a restored copy with this environment's own settings and return the new record of it.

    Raises `UsageError` where data or secrets that it needs are not there.
    """
    repeater = Repeater(store, record, scratch, as_recorded=False)
    if repeater.obstacles:
        raise UsageError("the run cannot be repeated", where=record.id, why="; ".join(repeater.obstacles[:3]))
    restored = repeater.restored
    level = repeater.provenance.level
    what = Launch(
        argv=repeater.command(),
        folder=restored.working,
        variables=repeater.variables(),
        hook=HookSettings(
            level="steps" if level == "operators" else level,
            every=recorded_steps(load_trace(store, record)),
            paths=restored.paths,
        ),
        quiet=True,
    )
    data = [restored.tree / one.path for one in repeater.provenance.data if one.declared]
    repeated, _ = record_command(store, what, name=f"repeat of {record.id}", data=data, cache=cache)
    return repeated
