"""What the tests of publishing share: generated documents, and one built report of each."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from assay.publishing.report import ReportPaths, build

NAMES = ("typical", "hostile", "alone", "empty")


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """Return the module that generates documents."""
    spec = importlib.util.spec_from_file_location("publishing_sample", Path(__file__).with_name("sample.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reports(sample: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReportPaths]:
    """Return the report of each generated document, built once; read-only by agreement."""
    folder = tmp_path_factory.mktemp("reports")
    return {name: build(getattr(sample, name)(), folder / name) for name in NAMES}


@pytest.fixture(params=NAMES)
def report(request: pytest.FixtureRequest, reports: dict[str, ReportPaths]) -> ReportPaths:
    """Return each built report in turn."""
    return reports[request.param]
