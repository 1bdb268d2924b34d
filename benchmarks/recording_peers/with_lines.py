"""The floor: one `os.write` of a line of JSON for each value, and nothing else."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


def run(folder: Path, body: Any) -> None:
    """Open a file of this process's own and write lines to it."""
    path = folder / f"{os.getpid()}.jsonl"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def log(step: int, value: float) -> None:
        os.write(file, (json.dumps({"t": time.time(), "n": step, "loss": value}) + "\n").encode())

    body(log)
    os.close(file)


def read(folder: Path) -> int:
    """Count the whole lines."""
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    return sum("loss" in json.loads(line) for line in lines)
