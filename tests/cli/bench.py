"""Runs the real command in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from assay.records.store import Run, Store

ASSAY = Path(sys.executable).parent / "assay"

STUDY = """\
name = "small"
replicates = 3
benchmarks = ["nas-bench-graph/cora", "nas-bench-graph/proteins"]

[budget]
evaluations = 30

[methods.random]
strategy = "random-search"

[methods.evolution]
strategy = "regularized-evolution"
hyperparameters = { population = 5, tournament = 2 }

[[claims]]
better = "evolution"
than = "random"
"""


class Answer(msgspec.Struct):
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


class Bench:
    """A folder with a store of its own, in which commands run."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "ASSAY_STORE": str(folder / "store"),
            "ASSAY_CACHE": str(cache),
            "NO_COLOR": "1",
        }

    def write(self, name: str, text: str) -> Path:
        """Write a file beside the study."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(self, *command: str, check: int | None = 0) -> Answer:
        """Run `assay`; no answer is ever a traceback."""
        done = subprocess.run(
            [str(ASSAY), *command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in answer.err, answer.err
        if check is not None:
            assert answer.status == check, f"{command}: {answer}"
        return answer

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start `assay` in a process group of its own."""
        return subprocess.Popen(
            [str(ASSAY), *command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def store(self) -> Store:
        """The store as it stands."""
        return Store(self.folder / "store", create=False)

    def runs(self) -> dict[str, Run]:
        """Every run of the store."""
        return self.store.runs()

    def digests(self) -> dict[str, str]:
        """The result digest of every completed run."""
        return {run: merged.record.result_digest for run, merged in self.runs().items() if merged.completed}
