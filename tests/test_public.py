"""The public names: one sorted list, and every name on it is there."""

from __future__ import annotations

import subprocess
import sys

import assay


def test_the_list_of_public_names_is_sorted_and_whole() -> None:
    """`__all__` is sorted, and every name loads from the home that the package states."""
    assert assay.__all__ == sorted(
        assay.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    assert set(assay._HOME_OF) == set(assay.__all__)
    for name in assay.__all__:
        assert getattr(assay, name) is not None


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import assay` brings neither NumPy nor anything that it would load."""
    heavy = ("numpy", "scipy", "matplotlib", "optuna", "rich", "msgspec")
    code = f"import sys, assay; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module."""
    assert not hasattr(assay, "serach")


def test_the_statistics_are_whole_and_cost_nothing_to_name() -> None:
    """Every public name of `assay.statistics` loads, no module hides a function, and naming is free."""
    from assay import statistics

    order = sorted(statistics.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert statistics.__all__ == order
    assert set(statistics._HOME_OF) == set(statistics.__all__)
    assert not set(statistics._HOMES) & set(statistics.__all__)
    for name in statistics.__all__:
        assert name.isupper() or getattr(statistics, name).__module__.startswith("assay.statistics.")
    code = "import sys, assay.statistics; print('numpy' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
