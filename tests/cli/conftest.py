"""Fixtures for tests of the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bench import STUDY, Bench


@pytest.fixture
def bench(tmp_path: Path, cache: Path) -> Bench:
    """Return a bench with the small study in `study.toml`."""
    made = Bench(tmp_path, cache)
    made.write("study.toml", STUDY)
    return made


@pytest.fixture
def make_bench(tmp_path: Path, cache: Path) -> Callable[[str], Bench]:
    """Return a maker of several benches that share nothing but the cache."""

    def make(name: str, files: Sequence[tuple[str, str]] = ()) -> Bench:
        folder = tmp_path / name
        folder.mkdir()
        made = Bench(folder, cache)
        for file, text in files:
            made.write(file, text)
        return made

    return make


@pytest.fixture
def assay(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Assay in a folder with a store and a cache of its own."""
    variables = {**os.environ, "ASSAY_STORE": str(tmp_path / "store"), "ASSAY_CACHE": str(tmp_path / "cache")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from assay.cli.main import main; main()", *arguments],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
