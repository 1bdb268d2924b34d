"""What is stated of a published number, and the error that follows from it."""

from __future__ import annotations

import math

import pytest

from assay.foundation.errors import UsageError
from assay.statistics.published import Published, check_published, difference_error, upper_tail


def test_the_error_follows_from_what_is_stated() -> None:
    """Each pattern of stated n and sd has its own method and degrees of freedom."""
    known = {
        (10, 0.3): ("Welch", math.sqrt(0.5**2 / 8 + 0.3**2 / 10)),
        (None, 0.3): ("Welch", math.sqrt(0.5**2 / 8 + 0.3**2 / 2)),
        (10, None): ("equal sd", 0.5 * math.sqrt(1 / 8 + 1 / 10)),
        (None, None): ("one-sample t", 0.5 / math.sqrt(8)),
    }
    for (n, sd), expected in known.items():
        found = difference_error(0.5, 8, Published(name="a", mean=1.0, n=n, sd=sd))
        assert (found.method, found.size) == (expected[0], pytest.approx(expected[1]))
    sizes = [difference_error(0.5, 8, Published(name="a", mean=1.0, n=n, sd=0.3)).size for n in (2, 3, 9)]
    assert sizes == sorted(sizes, reverse=True)


def test_less_that_is_stated_is_never_a_smaller_error() -> None:
    """Not to state n gives the widest interval that a stated one could have given."""
    hidden = difference_error(0.5, 8, Published(name="a", mean=1.0, sd=0.3))
    for n in range(2, 50):
        stated = difference_error(0.5, 8, Published(name="a", mean=1.0, n=n, sd=0.3))
        assert stated.size <= hidden.size
        assert "" == stated.caution != hidden.caution


def test_the_tail_is_one_half_at_no_distance() -> None:
    """At the centre of a t distribution half lies above."""
    welch = difference_error(0.5, 8, Published(name="a", mean=1.0, n=5, sd=0.3))
    assert upper_tail(0.0, welch) == 0.5


@pytest.mark.parametrize(("ours", "theirs"), [(0.0, 0.0), (0.0, None), (None, 0.0), (None, None)])
def test_without_any_spread_there_is_no_error(ours: float | None, theirs: float | None) -> None:
    """Where no run varies, or no spread is known, there is nothing to test by."""
    found = difference_error(ours, 8, Published(name="a", mean=1.0, n=5, sd=theirs))
    assert (found.method, math.isnan(found.size)) == ("none", True)
    assert "there is no interval" in found.caution


def test_what_is_printed_after_a_mean_is_what_its_spread_says() -> None:
    """A standard error and half an interval of ten runs are turned into the deviation of one."""
    for spread, printed in (
        ("sd", 0.3),
        ("se", 0.3 / math.sqrt(10)),
        ("ci95", 2.262157 * 0.3 / math.sqrt(10)),
    ):
        row = Published(name="a", mean=1.0, n=10, sd=printed, spread=spread)
        check_published(row)
        assert row.deviation == pytest.approx(0.3, rel=1e-6)
        assert difference_error(0.5, 8, row).size == pytest.approx(math.sqrt(0.5**2 / 8 + 0.3**2 / 10))
    for bad in (
        Published(name="a", mean=1.0, sd=0.1, spread="se"),
        Published(name="a", mean=1.0, n=9, sd=0.1, spread="iqr"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError, match="spread"):
            check_published(bad)


def test_a_number_that_cannot_be_names_its_row() -> None:
    """The error says which row, and what of it is wrong."""
    with pytest.raises(UsageError, match="an sd of one run") as refused:
        check_published(Published(name="REA", mean=1.0, n=1, sd=0.1))
    assert refused.value.where == "REA"
