"""Small programs that are recorded for real, without torch, so that each run takes a tenth of a second."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from assay.capture.recording.launch import HookSettings, Launch
from assay.capture.recording.record import record_command
from assay.records.commands import CommandRecord
from assay.records.store import Store


class Lab:
    """A folder with one program, its store and its cache."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        self.store = Store(folder / "store")
        self.cache = folder / "cache"

    def record(
        self,
        program: str,
        *arguments: str,
        outputs: Sequence[str] = (),
        level: str = "steps",
        variables: dict[str, str] | None = None,
    ) -> CommandRecord:
        """Write the program as train.py, and record a run of it."""
        (self.project / "train.py").write_text(program)
        return self.command(
            [sys.executable, "train.py", *arguments], outputs=outputs, level=level, variables=variables
        )

    def command(
        self,
        argv: Sequence[str],
        *,
        outputs: Sequence[str] = (),
        level: str = "steps",
        variables: dict[str, str] | None = None,
    ) -> CommandRecord:
        """Record any command in the project."""
        what = Launch(
            argv=tuple(argv),
            folder=self.project,
            variables={**os.environ, **(variables or {})},
            hook=HookSettings(level=level),
            quiet=True,
        )
        named = [self.project / one for one in outputs]
        return record_command(self.store, what, outputs=named, cache=self.cache)[0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a new store."""
    return Store(tmp_path / "store")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Return a folder in which programs are recorded."""
    return Lab(tmp_path)


@pytest.fixture
def by_turns(tmp_path: Path) -> str:
    """Return code that sets `value` to the next of the letters in `SCRIPT`, run after run.

    It counts its runs by folders, which no record sees: what a race or a clock decides looks like this.
    """
    turns = tmp_path / "turns"
    turns.mkdir()
    return (
        "import os, sys\n"
        f"count = len(os.listdir({str(turns)!r}))\n"
        f"os.mkdir({str(turns)!r} + f'/{{count}}')\n"
        "value = ord(SCRIPT[min(count, len(SCRIPT) - 1)])\n"
    )
