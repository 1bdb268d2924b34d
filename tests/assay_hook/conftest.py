"""Starts real programs with the hook in them, under several Pythons, and reads what it wrote."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "src" / "assay_hook" / "site"
OTHER_PYTHONS = ("3.8", "3.13")


def find_python(version: str) -> str | None:
    """Return another interpreter of this version, from the path or from pyenv."""
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


@dataclasses.dataclass
class Seen:
    """A program that ended, and the rows of its processes, the first first."""

    status: int
    stdout: str
    stderr: str
    live: Path
    processes: list[list[dict[str, Any]]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [row for rows in self.processes for row in rows if row["k"] == kind]

    def opened(self) -> dict[str, str]:
        """Return the name of each file that was opened, with its mode."""
        return {Path(path).name: mode for row in self.of("opened") for path, mode in row["files"]}

    def settings(self) -> dict[str, Any]:
        return {row["path"]: (row["value"], row["named"]) for row in self.of("setting")}

    def missed(self) -> str:
        return "\n".join(row["text"] for row in self.of("missed"))


def read_file(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file up to the first line that does not check."""
    rows = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        if line[:8] != b"%08x" % zlib.crc32(line[9:]):
            break
        rows.append(json.loads(line[9:]))
    return rows


class Hook:
    """Runs programs in a folder of their own."""

    def __init__(self, folder: Path, python: str):
        self.folder = folder / "work"
        self.live = folder / "live"
        self.python = python
        self.folder.mkdir()
        (self.live / "rows").mkdir(parents=True)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {"ASSAY_HOOK", "PYTHONPATH"}}
        paths = os.pathsep.join([str(SITE), *filter(None, [variables.pop("PYTHONPATH", "")])])
        return {**kept, "ASSAY_HOOK": str(self.live), "PYTHONPATH": paths, **variables}

    def run(
        self,
        *command: str,
        recorded: bool = True,
        stdin: str | None = None,
        variables: dict[str, str] | None = None,
        **hook: Any,
    ) -> Seen:
        """Run the interpreter with these arguments; unrecorded, for comparison, where that is asked for."""
        if not (self.live / "hook.json").exists():
            (self.live / "hook.json").write_text(json.dumps({"format": 1, **hook}))
        environment = self.environment(**(variables or {}))
        if not recorded:
            rest = environment["PYTHONPATH"].partition(os.pathsep)[2]
            environment = {name: value for name, value in environment.items() if name != "ASSAY_HOOK"}
            environment["PYTHONPATH"] = rest
        done = subprocess.run(
            [self.python, *command],
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Seen(done.returncode, done.stdout, done.stderr, self.live, self.read())

    def read(self) -> list[list[dict[str, Any]]]:
        """Return the rows of each process, in the order in which they started."""
        files = (self.live / "rows").glob("*.rows")
        return [read_file(path) for path in sorted(files, key=lambda path: int(path.stem.partition("-")[2]))]

    def program(self, text: str, *arguments: str, **options: Any) -> Seen:
        """Run a program that is given as text."""
        self.write("train.py", text)
        return self.run("train.py", *arguments, **options)


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    """Return a runner of programs under this interpreter."""
    return Hook(tmp_path, sys.executable)


@pytest.fixture(params=["this", *OTHER_PYTHONS])
def any_hook(request: pytest.FixtureRequest, tmp_path: Path) -> Hook:
    """Return a runner under this interpreter, the oldest and the newest that are supported."""
    if request.param == "this":
        return Hook(tmp_path, sys.executable)
    python = find_python(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} here")
    return Hook(tmp_path, python)


@pytest.fixture
def python_of() -> Callable[[str], str]:
    """Return a function that finds the interpreter of a version, or skips the test."""

    def find(version: str) -> str:
        python = find_python(version)
        if python is None:
            pytest.skip(f"there is no Python {version} here")
        return python

    return find
