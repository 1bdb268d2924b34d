"""Aim, local: https://aimstack.readthedocs.io/en/latest/using/manage_runs.html."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def run(folder: Path, body: Any) -> None:
    """Track values of one run; without the thread that watches the machine, as the others are."""
    from aim import Run

    tracked = Run(repo=str(folder), system_tracking_interval=None, capture_terminal_logs=False)

    def log(step: int, value: float) -> None:
        tracked.track(value, name="loss", step=step)

    body(log)
    tracked.close()


def read(folder: Path) -> int:
    """Count the values of all metrics, after `aim storage reindex`: without it a killed run is not seen."""
    from aim import Repo

    aim = str(Path(sys.executable).parent / "aim")
    subprocess.run([aim, "storage", "--repo", str(folder), "reindex", "-y"], check=True, capture_output=True)
    found = Repo.from_path(str(folder)).query_metrics("metric.name == 'loss'", report_mode=0).iter_runs()
    return sum(len(metric.values.sparse_numpy()[1]) for run in found for metric in run)
