"""Numbers and sentences as people read them."""

from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.text import one_line, shortened, visible
from assay.publishing.words import (
    brief,
    counted,
    decimals_of,
    headline,
    listed,
    mean_of,
    plain,
    range_of,
    seconds,
    sentence,
    with_interval,
)
from assay.statistics.interval import Interval


def interval(mean, low, high, n=10):
    return Interval(
        mean=mean, low=low, high=high, sd=1.0, n=n, confidence=0.95, method="t", varied=("search seeds",)
    )


@given(st.text())
def test_visible_text_holds_no_control_character(text):
    """Nothing that is shown would be obeyed by a terminal or a browser, but line ends and tabs."""
    shown = visible(text)
    found = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
    assert found <= {"\n", "\t", "\u200c", "\u200d", "\u00ad"}
    assert "\n" not in one_line(text)


def test_control_characters_are_written_out():
    """An escape and an override of direction are shown by their numbers; accents and scripts stay."""
    assert visible("\x1b[31mred\u202e é 漢") == "\\x1b[31mred\\u202e é 漢"


@given(st.text(), st.integers(2, 30))
def test_shortened_text_is_short(text, length):
    """A shortened text is one line of at most the length that was asked for."""
    assert len(shortened(text, length)) <= length


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.123456, "0.1235"),
        (1234567.8, "1,234,568"),
        (-2.5, "-2.5"),
        (1e-7, "1.000e-07"),
        (150.0, "150"),
    ],
)
def test_plain_numbers(value, text):
    """Numbers have four significant digits and no more zeros than they need."""
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00224, "0.00224"), (36_000, "36,000"), (206_931, "207k"), (146_962_800, "147M"), (2.5e9, "2.5G")],
)
def test_brief_numbers(value, text):
    """A number at the end of a bar is short whatever its size."""
    assert brief(value) == text


@pytest.mark.parametrize(
    ("given_interval", "mean", "bounds"),
    [
        (interval(94.37123, 94.31, 94.43), "94.371", "[94.310, 94.430]"),
        (interval(0.5, 0.1, 0.9), "0.50", "[0.10, 0.90]"),
        (interval(12345.6, 10000.0, 14000.0), "12,346", "[10,000, 14,000]"),
        (interval(0.87, 0.87, 0.87), "0.8700", "[0.8700, 0.8700]"),
        (interval(0.87, None, None, n=1), "0.8700", "no interval"),
        (interval(0.0, None, None, n=1), "0.000", "no interval"),
    ],
)
def test_a_mean_is_rounded_by_its_uncertainty(given_interval, mean, bounds):
    """The half-width of the interval gets two significant digits, and the mean as many decimals."""
    assert mean_of(given_interval) == mean
    assert range_of(given_interval) == bounds
    assert with_interval(given_interval).endswith(f"n = {given_interval.n}")


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e6))
def test_rounding_never_hides_an_interval(mean, half):
    """The bounds of an interval that is wide enough to be shown differ when they are written."""
    made = interval(mean, mean - half, mean + half)
    assert 0 <= decimals_of(made) <= 8
    if half > 1e-7 * max(1.0, abs(mean)):
        low, high = range_of(made).strip("[]").split(", ", 1) if abs(mean) < 999 - half else ("a", "b")
        assert low != high


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.031, "0.031 s"), (119.0, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (1e6, "11.6 days")],
)
def test_durations_have_the_unit_that_fits(value, text):
    """A duration is told in the largest unit of which it has two."""
    assert seconds(value) == text


def test_small_words():
    """Lists, counts and sentences follow English."""
    assert listed([]) == ""
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert counted(1, "run") == "1 run"
    assert counted(2, "family", "families") == "2 families"
    assert sentence("it holds") == "It holds."
    assert sentence("Does it?") == "Does it?"


def test_the_headline_tells_the_result(sample):
    """The first sentence names the best method, its rank and the claims, or that there is nothing yet."""
    assert headline(sample.typical()) == (
        "Regularized evolution has the best average rank, 1.26 of 4, over 12 tasks of 7 families "
        "(test on 9, validation on 3); of 2 claims, 1 supported and 1 undecided "
        "on these tasks, with 20 replicates."
    )
    assert headline(sample.empty()) == "No run has completed, so there is nothing to report yet."
    assert headline(sample.alone()) == "Random search was run on 2 benchmarks, alone."


def test_claims_of_one_verdict_are_told_together(sample):
    """Two claims with the same verdict are both so."""
    document = sample.typical()
    claims = tuple(msgspec.structs.replace(c, verdict="undecided") for c in document.analysis.claims)
    analysis = msgspec.structs.replace(document.analysis, claims=claims)
    told = headline(msgspec.structs.replace(document, analysis=analysis))
    assert told.endswith("; both claims are undecided on these tasks, with 20 replicates.")


def test_methods_that_share_the_best_rank_are_all_named(sample):
    """A tie at the top is told as one."""
    document = sample.typical()
    ranks = document.analysis.ranks
    rows = tuple(msgspec.structs.replace(row, overall=2.5) for row in ranks.rows)
    ranks = msgspec.structs.replace(ranks, rows=rows)
    analysis = msgspec.structs.replace(document.analysis, ranks=ranks, claims=())
    assert headline(msgspec.structs.replace(document, analysis=analysis)).startswith(
        "Random search, Regularized evolution, Local search and TPE (Optuna) share the best average rank"
    )
