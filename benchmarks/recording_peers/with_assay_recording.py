"""Assay inside the program: `with assay.recording(...) as run`, and `run.log`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from with_assay_exec import read

__all__ = ["read", "run"]


def run(folder: Path, body: Any) -> None:
    """Log from a block that the program itself records."""
    import assay

    with assay.recording(store=folder / "store") as recording:

        def log(step: int, value: float) -> None:
            recording.log(step, loss=value)

        body(log)
