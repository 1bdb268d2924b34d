"""What all tests share: fixtures for data, and the conditions under which tests run."""

from __future__ import annotations

import os

# Before anything numerical is imported, and for the processes that tests start: one thread each.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("assay", derandomize=True, deadline=None)
settings.load_profile("assay")

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = ("nas-bench-graph", "nas-bench-201")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent: this test reads reference data that the repository does not hold")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder into which both families of tables were imported, once for all tests.

    Read-only by agreement: a test that damages a table copies it first.
    """
    from assay.benchmarks.catalogue import import_family

    folder = tmp_path_factory.mktemp("cache")
    for family in FAMILIES:
        import_family(family, folder)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a folder of its own for the records of one test."""
    return tmp_path / "store"


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep a test that forgets to name a store or a cache out of the user's folders."""
    os.environ["ASSAY_STORE"] = str(tmp_path_factory.mktemp("forgotten") / "store")
    os.environ["ASSAY_CACHE"] = str(tmp_path_factory.mktemp("forgotten") / "cache")
    os.environ.pop("NO_COLOR", None)


@pytest.fixture(autouse=True)
def _process_wide_generators_stay_untouched() -> Iterator[None]:
    """Fail a test in which anything drew from the generators of `random` or `numpy.random`."""
    before = _process_wide_state()
    yield
    assert _process_wide_state() == before, "something drew from a process-wide generator"


def _process_wide_state() -> tuple[object, bytes, int]:
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002  the very generator that is guarded
    return random.getstate(), keys.tobytes(), position
