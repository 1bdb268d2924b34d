"""Runs a program with and without the hook and reads what it wrote; loaded by path, needs no recorder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import xxhash

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "src" / "assay_hook" / "site"
PROGRAMS = Path(__file__).parent / "programs"
DEFAULTS = {
    "format": 1,
    "level": "steps",
    "budget": None,
    "xxhash": xxhash._xxhash.__file__,
    "abi": sys.implementation.cache_tag,
}


def run(program: str | Path, *arguments: object, live: Path | None = None, **hook: Any) -> str:
    """Run a program, recorded under `live` where that is given, and return what it printed."""
    path = PROGRAMS / program
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0"}
    environment.pop("ASSAY_HOOK", None)
    if live is not None:
        (live / "rows").mkdir(parents=True)
        (live / "hook.json").write_text(json.dumps(DEFAULTS | hook))
        environment |= {"ASSAY_HOOK": str(live), "PYTHONPATH": str(SITE)}
    command = [sys.executable, str(path), *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, cwd=path.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "assay" not in done.stderr, done.stderr
    return done.stdout


def rows_of(live: Path) -> list[list[dict[str, Any]]]:
    """Return the rows of each process that made steps, and then of the others."""
    found = []
    for file in sorted((live / "rows").iterdir(), key=lambda path: path.name.partition("-")[2]):
        rows = []
        for line in file.read_bytes().splitlines():
            assert int(line[:8], 16) == zlib.crc32(line[9:])
            rows.append(json.loads(line[9:]))
        found.append(rows)
    return sorted(found, key=lambda rows: not trace_of(rows))


def trace_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the trace of one process."""
    return [row for row in rows if row["k"] == "row"]


def missed(rows: list[dict[str, Any]]) -> list[str]:
    """Return what could not be observed."""
    return [row["text"] for row in rows if row["k"] == "missed"]
