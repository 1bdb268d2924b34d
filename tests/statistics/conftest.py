"""Reference cases of the statistics of comparing methods."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def case(shared: Path) -> Callable[[str], dict[str, Any]]:
    """Return a reader of reference cases by their id: inputs, expected, tolerance, source."""
    listed = json.loads((shared / "reference" / "statistics_cases.json").read_text())["cases"]
    by_id = {one["id"]: one for one in listed}
    return by_id.__getitem__
