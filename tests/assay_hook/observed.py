"""Runs a small program with or without the hook; returns what it printed and the rows; loaded by path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import assay_hook

SITE = Path(assay_hook.__file__).parent / "site"


def run(
    folder: Path,
    program: str,
    *arguments: str,
    hook: bool = True,
    python: str = sys.executable,
    variables: dict[str, str] | None = None,
    **settings: Any,
) -> tuple[str, list[dict[str, Any]]]:
    """Return the output of a program and all rows of all its processes, in the order of the processes."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "program.py"
    script.write_text(textwrap.dedent(program))
    live = folder / "live"
    (live / "rows").mkdir(parents=True, exist_ok=True)
    (live / "hook.json").write_text(json.dumps({"format": 1, "level": "steps", **settings}))
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    environment |= variables or {}
    if hook:
        environment |= {"ASSAY_HOOK": str(live), "PYTHONPATH": str(SITE)}
    ended = subprocess.run(
        [python, str(script), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    rows = []
    for number, file in enumerate(
        sorted((live / "rows").iterdir(), key=lambda path: path.name.split("-")[1])
    ):
        rows += [{"process": number, **json.loads(line[9:])} for line in file.read_text().splitlines()]
    return ended.stdout, rows


def of(rows: list[dict[str, Any]], key: str, /, **fields: Any) -> list[dict[str, Any]]:
    """Return the rows of one kind whose fields have these values."""
    return [row for row in rows if row["k"] == key and all(row.get(name) == fields[name] for name in fields)]


def line(row: dict[str, Any]) -> int:
    """Return the number of the line that a row names, 0 where it names none."""
    return int(row["where"].rpartition(":")[2] or 0)
