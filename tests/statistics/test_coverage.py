"""How often intervals hold the truth, for normal, skewed, bounded and clustered values."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest

from assay.statistics.coverage import MEASURED_COVERAGE, SHAPES, SIZES, coverage_text, measured_coverage

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"
INDEPENDENT = ("normal", "skewed", "bounded")
DESIGNS = ("paired", "unpaired")


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """Return the script that makes the table."""
    spec = importlib.util.spec_from_file_location("coverage_simulation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def error(samples: int) -> float:
    """Return three Monte Carlo standard errors of a coverage of 0.95."""
    return 3 * math.sqrt(0.95 * 0.05 / samples)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("shape", INDEPENDENT)
def test_coverage_is_nominal_from_fifty(design: str, shape: str, simulation: ModuleType) -> None:
    """With 50 independent values of any shape 95 % of the intervals hold the truth, as far as 1,000 tell."""
    assert simulation.coverage(design, shape, 50, samples=1000) == pytest.approx(0.95, abs=error(1000))


@pytest.mark.parametrize("design", DESIGNS)
def test_clustered_runs_are_not_independent(design: str, simulation: ModuleType) -> None:
    """Runs that share half their variance by fives, taken for independent, are covered far too rarely.

    No number of runs mends it: what varies is the number of clusters. So replicates that share a split
    or a table's seed are averaged within it, or paired by it, before any interval is made.
    """
    assert simulation.coverage(design, "clustered", 50, samples=500) < 0.85
    assert measured_coverage(100, "clustered", paired=design == "paired") < 0.8


@pytest.mark.parametrize(("design", "shape", "n"), [("paired", "skewed", 3), ("unpaired", "bounded", 5)])
def test_the_shipped_table_is_what_the_script_measures(
    design: str, shape: str, n: int, simulation: ModuleType
) -> None:
    """Two cells that are measured anew from the shipped seed are those of the table."""
    found = simulation.coverage(design, shape, n)
    # One sample of 4,000 may fall otherwise where a logarithm differs in its last bit.
    assert found == pytest.approx(measured_coverage(n, shape, paired=design == "paired"), abs=1.1 / 4000)


def test_the_shipped_table_says_what_is_known_of_small_samples() -> None:
    """It has every cell; t intervals of normal values are exact at any n, and of skewed ones too narrow."""
    assert set(MEASURED_COVERAGE) == {(design, shape) for design in DESIGNS for shape in SHAPES}
    assert {len(shares) for shares in MEASURED_COVERAGE.values()} == {len(SIZES)}
    assert {3, 5, 10, 20, 50, 100} <= set(SIZES)
    for n in SIZES:
        assert measured_coverage(n, "normal", paired=True) == pytest.approx(0.95, abs=error(4000))
        # Welch's degrees of freedom err on the safe side for two or three values.
        assert measured_coverage(n, "normal", paired=False) >= 0.95 - error(4000)
    assert measured_coverage(5, "skewed", paired=True) < 0.95 - error(4000)


def test_reports_print_the_nearest_size_below() -> None:
    """Nine replicates print what was measured for seven, and one prints what two have."""
    assert coverage_text(9, paired=True).startswith(
        "measured coverage of the 95 % interval at n = 7, the size below 9 that was measured: 95.2 % normal"
    )
    assert "n = 2:" in coverage_text(1, paired=False)
    assert measured_coverage(99, "skewed", paired=True) == measured_coverage(50, "skewed", paired=True)
    assert all(shape in coverage_text(3, paired=False) for shape in SHAPES)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_whole_table_is_what_the_script_measures(design: str, shape: str, simulation: ModuleType) -> None:
    """Every cell measured anew is that of the table, and nominal from n = 50 unless runs are clustered."""
    for n in SIZES:
        found = simulation.coverage(design, shape, n)
        assert found == pytest.approx(measured_coverage(n, shape, paired=design == "paired"), abs=1.1 / 4000)
        if n >= 50 and shape != "clustered":
            assert found == pytest.approx(0.95, abs=error(4000))
