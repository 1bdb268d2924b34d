"""Assay around the program: `assay exec -- python program.py`, and `assay.log` inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def run(_folder: Path, body: Any) -> None:
    """Log from a program that is recorded from outside."""
    import assay

    def log(step: int, value: float) -> None:
        assay.log(step, loss=value)

    body(log)


def read(folder: Path) -> int:
    """Seal what dead recorders left, and count the values in the traces of all records."""
    from assay.capture.recording.record import recover
    from assay.records.commands import command_records
    from assay.records.store import Store
    from assay.records.trace import load_trace

    store = Store(folder / "store", create=False)
    recover(store, folder / "cache")
    traces = [load_trace(store, record) for record in command_records(store)]
    rows = [row for trace in traces if trace is not None for row in trace.steps]
    return sum(row["kind"] == "log" and row["value"] is not None for row in rows)
