"""Adjusted p-values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from assay.foundation.errors import UsageError
from assay.statistics.multiplicity import bonferroni, holm

FAMILY = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20)


@given(FAMILY)
def test_adjusted_values_are_those_of_statsmodels(p: list[float]) -> None:
    """Holm and Bonferroni agree with multipletests, and keep the order."""
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)
    assert bonferroni(p) == pytest.approx(multipletests(p, method="bonferroni")[1], abs=1e-15)


@given(FAMILY)
def test_holm_lies_between_the_raw_and_bonferroni(p: list[float]) -> None:
    """Holm never falls below the raw value, nor rises above Bonferroni's."""
    assert np.all(np.array(p) <= holm(p))
    assert np.all(holm(p) <= bonferroni(p) + 1e-15)


@given(FAMILY, st.randoms(use_true_random=False))
def test_the_order_of_the_family_plays_no_part(p: list[float], chance: object) -> None:
    """Permuting the family permutes the adjusted values."""
    order = np.array(sorted(range(len(p)), key=lambda i: (i * 7919) % len(p)))
    assert list(holm(np.array(p)[order])) == list(holm(p)[order])


def test_holm_by_hand() -> None:
    """Of 0.01, 0.04 and 0.03 the first is tripled, and the others share twice the second smallest."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_an_empty_family_stays_empty() -> None:
    """No tests need no correction."""
    assert len(holm([])) == len(bonferroni([])) == 0


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    """NaN and numbers outside [0, 1] are usage errors, and so is a table."""
    with pytest.raises(UsageError, match="1 of 2 numbers are not p-values"):
        holm([0.5, bad])
    with pytest.raises(UsageError, match="list of p-values"):
        bonferroni(np.zeros((2, 2)))


def test_words_are_refused() -> None:
    """What is no number is a usage error."""
    with pytest.raises(UsageError, match="which are numbers"):
        holm(["a"])  # type: ignore[list-item]
