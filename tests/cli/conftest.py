"""Fixtures for tests of the command line."""

from __future__ import annotations

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
