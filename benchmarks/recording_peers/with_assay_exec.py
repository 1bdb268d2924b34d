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
    """Seal what dead recorders left, and count the values in all records."""
    from assay.capture.recording.record import recover
    from assay.records.commands import command_records
    from assay.records.store import Store
    from assay.records.trace import load_logged

    store = Store(folder / "store", create=False)
    recover(store, folder / "cache")
    return sum(len(load_logged(store, record)) for record in command_records(store))
