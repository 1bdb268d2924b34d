"""What the tests of plots share: results to draw, and the boxes of the texts of a figure."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

HERE = Path(__file__).parent
Box = tuple[float, float, float, float]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"plots_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load() -> ModuleType:
    """Return the samples with the cases, also in a process without pytest."""
    samples, cases = _module(HERE / "samples.py"), _module(HERE / "cases.py")
    samples.typical = lambda: cases.typical(samples)
    samples.nasty = lambda: cases.nasty(samples)
    return samples


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """Return the module that makes results to draw; `typical` and `nasty` are the cases by name."""
    return load()


@pytest.fixture(scope="session")
def texts() -> Callable[[str], Iterator[tuple[str, Box]]]:
    """Return the function that finds the texts of an SVG with their boxes."""
    found: Callable[[str], Iterator[tuple[str, Box]]] = _module(HERE.parent / "test_figures.py")._texts
    return found


@pytest.fixture(scope="session")
def overlaps() -> Callable[[list[tuple[str, Box]]], list[tuple[str, str]]]:
    """Return the function that finds the pairs of texts of which one lies upon the other."""

    def found(boxes: list[tuple[str, Box]]) -> list[tuple[str, str]]:
        left, top, right, bottom = np.array([box for _, box in boxes]).T + np.zeros((4, 1))
        wide = np.minimum.outer(right, right) - np.maximum.outer(left, left)
        tall = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
        pairs = np.argwhere(np.triu((wide > 0.5) & (tall > 0.5), 1))
        return [(boxes[i][0], boxes[j][0]) for i, j in pairs]

    return found
