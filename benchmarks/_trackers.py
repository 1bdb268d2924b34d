"""The tools that benchmarks/recording.py compares, and how their programs are run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from _measure import ONE_THREAD, ROOT

OWN = Path(sys.executable)
TRACKERS = ROOT / ".venv-peers-trackers" / "bin" / "python"
PROGRAMS = ROOT / "benchmarks" / "recording_peers"
LONGEST = 300.0  # seconds after which a program is given up
EXEC, BLOCK, FLOOR = "assay_exec", "assay_recording", "lines"
OURS = (EXEC, BLOCK)


class Tool(NamedTuple):
    """A tool: its name for people, what is imported, and how many calls are timed in a round."""

    shown: str
    package: str
    calls: int


TOOLS = {
    EXEC: Tool("assay.log inside `assay exec`", "assay", 20_000),
    BLOCK: Tool("run.log inside assay.recording", "assay", 20_000),
    FLOOR: Tool("floor: os.write of a JSON line", "", 20_000),
    "mlflow_sqlite": Tool("MLflow, SQLite (its default)", "mlflow", 300),
    "mlflow_file": Tool("MLflow, files", "mlflow", 2000),
    "wandb": Tool("W&B, offline", "wandb", 5000),
    "aim": Tool("Aim", "aim", 5000),
    "trackio": Tool("trackio", "trackio", 20_000),
    "sacred": Tool("Sacred, FileStorageObserver", "sacred", 20_000),
}
# Each tool's own switches for staying on this machine, and a proxy where nothing listens for all others.
OFFLINE = {
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


class TaskError(RuntimeError):
    """A tool did not do its task."""


def reason(errors: str) -> str:
    """Return the line of a program's errors that names what went wrong."""
    lines = errors.strip().splitlines() or ["it said nothing"]
    return next((line for line in reversed(lines) if "Error" in line), lines[-1])[:120]


class Place:
    """A scratch folder with the programs: outside of this repository, whose state Assay would record."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._made = 0
        shutil.copytree(PROGRAMS, top / "programs")

    def fresh(self) -> Path:
        """Return a new empty folder."""
        self._made += 1
        folder = self._top / f"{self._made:04d}"
        folder.mkdir()
        return folder

    def command(self, tool: str, task: str, folder: Path, count: int, result: Path) -> list[str]:
        """Return the command that does a task with a tool."""
        is_ours = tool in (*OURS, FLOOR) or task == "start-torch"
        program = [str(OWN if is_ours else TRACKERS), str(self._top / "programs" / "drive.py")]
        program += [tool, task, str(folder), str(count), str(result)]
        if tool != EXEC or task == "read":
            return program
        return [
            str(OWN.parent / "assay"),
            "exec",
            "--quiet",
            "--store",
            str(folder / "store"),
            "--",
            *program,
        ]

    def run(self, tool: str, task: str, folder: Path, count: int = 0) -> Any:
        """Do a task and return its result."""
        result = folder / "result.json"
        done = subprocess.run(
            self.command(tool, task, folder, count, result),
            cwd=folder,
            env=variables(folder),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
        if (done.returncode and task != "kill") or not result.exists():
            raise TaskError(f"{TOOLS[tool].shown}, {task}: {reason(done.stderr)}")
        found = json.loads(result.read_text())
        result.unlink()
        return found

    def found(self, tool: str, folder: Path) -> int:
        """Return how many values a reader finds: none in a store that the tool itself cannot open."""
        try:
            return int(self.run(tool, "read", folder))
        except TaskError as error:
            if tool in OURS:
                raise
            print(f"  nothing can be read: {error}")
            return 0


def variables(folder: Path) -> dict[str, str]:
    """Return the environment of a run: everything that a tool writes goes under its folder."""
    own = {"HOME": str(folder), "TRACKIO_DIR": str(folder / "trackio"), "ASSAY_CACHE": str(folder / "cache")}
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ASSAY_STORE")}
    return kept | ONE_THREAD | OFFLINE | own


def installed(place: Place) -> list[str]:
    """Return the tools that can be measured, and print why another one is not."""
    found = []
    for name, tool in TOOLS.items():
        if name in (*OURS, FLOOR):
            found.append(name)
        elif not TRACKERS.exists():
            print(f"  {tool.shown}: not measured, {TRACKERS.parents[1].name} is not there (`make bench`)")
        else:
            folder = place.fresh()
            tried = subprocess.run(
                [str(TRACKERS), "-c", f"import {tool.package}"],
                env=variables(folder),
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if tried.returncode:
                print(f"  {tool.shown}: not measured, {reason(tried.stderr)}")
            else:
                found.append(name)
    return found
