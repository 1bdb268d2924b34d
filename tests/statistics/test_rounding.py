"""Numbers rounded by their uncertainty."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.statistics.interval import Interval
from assay.statistics.rounding import interval_text, rounded


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.81234, 0.0032, "0.8123 ± 0.0032"),
        (94.37, 0.123, "94.37 ± 0.12"),
        (94.37, 12.3, "94 ± 12"),
        (0.8, 0.00996, "0.800 ± 0.010"),
        (0.8, 0.0996, "0.80 ± 0.10"),
        (5.0, 99.6, "0 ± 100"),
        (1234567.0, 54321.0, "1235000 ± 54000"),
        (-0.0001, 0.01, "0.000 ± 0.010"),
        (0.0, 0.25, "0.00 ± 0.25"),
        (12345678.0, 54321.0, "(1.2346 ± 0.0054)e+07"),
        (1.2345e-7, 3.2e-10, "(1.2345 ± 0.0032)e-07"),
        (0.0, 1e-9, "(0.0 ± 1.0)e-09"),
        (1e308, 1e307, "(1.00 ± 0.10)e+308"),
        (0.5, 1e-300, "0.5 ± 1.0e-300"),
        (0.81234, None, "0.8123"),
        (0.81234, math.nan, "0.8123"),
        (0.81234, math.inf, "0.8123"),
        (0.81234, 0.0, "0.81234 ± 0"),
        (0.0, 0.0, "0 ± 0"),
        (math.nan, 0.1, "nan"),
    ],
)
def test_a_value_has_the_digits_that_its_uncertainty_leaves(
    value: float, half: float | None, text: str
) -> None:
    """The half width has two significant digits, and the value ends at the same place."""
    assert rounded(value, half) == text


def test_digits_can_be_asked_for() -> None:
    """With one digit the half width has one."""
    assert rounded(0.81234, 0.0032, digits=1) == "0.812 ± 0.003"


@given(st.floats(-1e200, 1e200), st.floats(1e-200, 1e200))
def test_what_is_printed_is_near_what_was_meant(value: float, half: float) -> None:
    """Read back, the value is off by at most a twentieth of the half width, and that by as much."""
    text = rounded(value, half)
    found = re.fullmatch(r"\(?(\S+) ± ([^)]+?)\)?(?:\)e([+-]\d+))?", text)
    assert found is not None
    scale = Decimal(10) ** int(found[3] or 0)
    shown, uncertainty = Decimal(found[1]) * scale, Decimal(found[2]) * scale
    slack = Decimal(half) * Decimal("0.0501") + abs(Decimal(value)) * Decimal("1e-14")
    assert abs(shown - Decimal(value)) <= slack
    assert abs(uncertainty - Decimal(half)) <= Decimal(half) * Decimal("0.0501")
    assert len(text) < 50


def test_an_interval_is_written_by_its_half_width() -> None:
    """A mean is rounded by half the width of its interval; a single run has no uncertainty."""
    made = Interval(
        mean=0.81234, low=0.80914, high=0.81554, sd=0.01, n=20, confidence=0.95, method="t", varied=()
    )
    assert interval_text(made) == "0.8123 ± 0.0032"
    alone = Interval(
        mean=0.81234, low=None, high=None, sd=None, n=1, confidence=0.95, method="none", varied=()
    )
    assert interval_text(alone) == "0.8123"
