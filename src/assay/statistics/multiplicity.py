"""Adjusted p-values for a family of tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.foundation.errors import UsageError


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Holm's step-down procedure, in the order given.

    Holm, Scandinavian Journal of Statistics 1979: the i-th smallest of m is multiplied by m - i + 1,
    and no adjusted value is below that of a smaller p. An empty family gives an empty array. Raises
    `UsageError` for what is not a p-value, NaN included: a test that was not made is not in the family.
    """
    family = _checked(p)
    order = np.argsort(family, kind="stable")
    factors = np.arange(len(family), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(family[order] * factors), 1.0)
    found = np.empty_like(family)
    found[order] = adjusted
    return found


def bonferroni(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p-values multiplied by their number, 1 at the most (Dunn, JASA 1961); errors as in `holm`."""
    family = _checked(p)
    return np.asarray(np.minimum(family * len(family), 1.0))


def _checked(p: Sequence[float] | np.ndarray) -> np.ndarray:
    try:
        family = np.asarray(p, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("a family of tests is a list of p-values, which are numbers") from None
    if family.ndim != 1:
        raise UsageError("a family of tests is a list of p-values", why=f"its shape is {family.shape}")
    bad = family.size - int(((family >= 0.0) & (family <= 1.0)).sum())
    if bad:
        raise UsageError(
            f"{bad} of {family.size} numbers are not p-values",
            why="a p-value lies between 0 and 1",
            hint="leave out the tests that were not made, and say that they were not",
        )
    return family
