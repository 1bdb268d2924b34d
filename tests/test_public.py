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
