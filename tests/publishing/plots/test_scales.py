"""Axes for any numbers: ticks are where they say, fit, and zero has a place on a logarithmic axis."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from assay.publishing.plots.scales import linear, logarithmic, spread, wants_log
from assay.publishing.sheet import width_of

NUMBERS = st.floats(-1e15, 1e15) | st.floats(-1.0, 1.0) | st.floats(-1e-12, 1e-12)


def ticks(axes, which="x"):
    axis = axes.xaxis if which == "x" else axes.yaxis
    return list(zip(axis.get_majorticklocs(), [t.get_text() for t in axis.get_ticklabels()], strict=True))


@given(st.lists(NUMBERS, max_size=6), st.floats(30, 400))
def test_any_numbers_have_limits_and_ticks_that_fit(values, points):
    """The limits hold all numbers, and no two labels of an axis touch."""
    low, high = spread(values)
    axes = Figure().add_subplot()
    scale = linear(axes, "x", low, high, points)
    assert scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in values)
    found = ticks(axes)
    for (a, first), (b, second) in pairwise(found):
        apart = (b - a) / (scale.high - scale.low) * points
        assert (width_of(first, 7.0) + width_of(second, 7.0)) / 2 <= apart


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_labels_say_where_ticks_are(low, span):
    """A label, times the common factor and plus the offset of the axis, is the place of its tick."""
    axes = Figure().add_subplot()
    scale = linear(axes, "x", low, low + span, 200.0)
    if "×" in scale.note or "+" in scale.note or "−" in scale.note:
        return
    for place, text in ticks(axes):
        if text:
            assert float(text.replace(",", "").replace("−", "-")) == pytest.approx(place, abs=span * 1e-3)


def test_huge_numbers_share_a_factor():
    """Labels of huge numbers are short, and the axis says by what they are multiplied."""
    axes = Figure().add_subplot()
    scale = linear(axes, "x", 1e15, 3e15, 100.0)
    assert scale.label("cost") == "cost (×10¹⁵)"
    assert [text for _, text in ticks(axes)] == ["1.0", "1.5", "2.0", "2.5", "3.0"]


def test_numbers_that_differ_in_their_last_digits_share_an_offset():
    """Values near a million that differ by thousandths have labels that differ."""
    axes = Figure().add_subplot()
    scale = linear(axes, "x", 1e6, 1e6 + 0.004, 150.0)
    texts = [text for _, text in ticks(axes)]
    assert len(set(texts)) == len(texts) >= 2
    assert scale.note == "+ 1,000,000"


def test_zero_has_a_place_on_a_logarithmic_axis():
    """Zeros are drawn at the foot, below every positive number, and labelled as zero."""
    axes = Figure().add_subplot()
    scale = logarithmic(axes, "y", [0.0, 1e-6, 1.0], 100.0)
    assert scale.place([0.0])[0] < 1e-6
    assert ticks(axes, "y")[0] == (pytest.approx(scale.zero), "0")


def test_a_logarithmic_axis_of_anything_has_ticks():
    """One value, equal values, only zeros, and extremes all have an axis with ticks."""
    for values in ([3.0], [2.0, 2.0], [0.0], [], [1e-300, 1e300], [5e-324], [1e13, 1e17]):
        axes = Figure().add_subplot()
        scale = logarithmic(axes, "x", values, 120.0)
        assert scale.low < scale.high
        assert ticks(axes)


def test_numbers_choose_their_axis():
    """Only numbers of many sizes, none negative, want a logarithmic axis."""
    assert wants_log([0.0, 1.0, 1000.0])
    assert not wants_log([1.0, 2.0])
    assert not wants_log([-1.0, 1.0, 1000.0])
    assert not wants_log([0.0, math.nan, math.inf])
