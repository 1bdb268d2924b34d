"""Replication of published numbers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.replication import (
    Confusion,
    NumberReplication,
    Published,
    confusion,
    equivalence_margin,
    replicate_number,
    replicate_table,
)

NAN = math.nan
SEEDS = ("search seeds",)
PLACE = "p. 9, table 5"
SAMPLE = st.lists(st.floats(80, 100), min_size=2, max_size=8)


def normals(name: str | int, n: int) -> np.ndarray:
    rng = Stream(0, ("replication", name))
    return np.array([rng.normal() for _ in range(n)])


def spread(mean: float, sd: float, n: int) -> list[float]:
    """Return n values of exactly this mean and standard deviation."""
    draws = normals("spread", n)
    return list(mean + sd * (draws - draws.mean()) / draws.std(ddof=1))


def row(name: str = "REA", mean: float = 93.9, **more: Any) -> Published:
    return Published(**{"name": name, "mean": mean, "n": 500, "sd": 0.3, "place": PLACE} | more)


def judge(
    ours: Any, published: Published | None = None, margin: float = 0.1, **more: Any
) -> NumberReplication:
    return replicate_number(ours, published or row(), margin=margin, varied=SEEDS, **more)


def test_the_interval_is_welchs_of_both_samples() -> None:
    """Means, deviations and numbers of runs of both sides make scipy's interval and p-values."""
    ours = spread(93.8, 0.5, 20)
    found = judge(ours, row(n=10))
    test = stats.ttest_ind_from_stats(93.8, 0.5, 20, 93.9, 0.3, 10, equal_var=False)
    assert found.method == "Welch"
    assert found.difference == pytest.approx(-0.1)
    zero = judge(ours, row(n=10), margin=1e-12)
    assert zero.p_differs == pytest.approx(test.pvalue, rel=1e-6)
    a, b = 0.5**2 / 20, 0.3**2 / 10
    df = (a + b) ** 2 / (a**2 / 19 + b**2 / 9)
    half = stats.t.ppf(0.975, df) * math.sqrt(a + b)
    assert (found.low, found.high) == pytest.approx((-0.1 - half, -0.1 + half))
    tost = [stats.t.sf((0.1 + sign * found.difference) / math.sqrt(a + b), df) for sign in (1, -1)]
    assert found.p_equivalent == pytest.approx(max(tost))


def test_the_verdicts() -> None:
    """Within the margin is replicated, outside it differs, and across it is undecided."""
    assert judge(spread(93.91, 0.3, 500)).verdict == "replicated"
    assert judge(spread(93.0, 0.3, 500)).verdict == "differs"
    assert judge(spread(93.0, 2.0, 5)).verdict == "undecided"
    # A difference that is significant, and still within the margin, is a replication.
    close = judge(spread(93.95, 0.3, 2000))
    assert close.low is not None
    assert close.low > 0
    assert close.verdict == "replicated"
    # One that is significant, and may be within it, is undecided.
    assert judge(spread(93.78, 0.3, 100)).verdict == "undecided"


def test_a_number_without_a_place_is_unverified() -> None:
    """All numbers are given and the decision with them, and the verdict is that nobody can check it."""
    found = judge(spread(93.91, 0.3, 500), row(place=" "))
    assert (found.verdict, found.decision) == ("unverified", "replicated")
    assert "no stated place" in str(found)


def test_what_the_paper_does_not_say_is_said() -> None:
    """Without sd ours is taken, without n the fewest, and each assumption is printed."""
    ours = spread(93.9, 0.5, 10)
    no_sd = judge(ours, row(sd=None, n=5))
    assert no_sd.method == "equal sd"
    half = stats.t.ppf(0.975, 9) * 0.5 * math.sqrt(1 / 10 + 1 / 5)
    assert no_sd.high == pytest.approx(no_sd.difference + half)
    assert "taken as ours" in str(no_sd)
    no_n = judge(ours, row(n=None))
    two = judge(ours, row(n=2))
    assert (no_n.low, no_n.high, no_n.method) == (two.low, two.high, "Welch")
    assert "taken as 2" in str(no_n)
    single = judge([93.9], row(n=9))
    half = stats.t.ppf(0.975, 8) * 0.3 * math.sqrt(1 + 1 / 9)
    assert single.high == pytest.approx(single.difference + half)
    assert (single.method, single.sd) == ("equal sd", None)


def test_a_number_without_n_decides_nothing() -> None:
    """How far the printed number itself may be off is not known: an interval is shown, and no verdict."""
    for sd, method in ((None, "one-sample t"), (0.0001, "Welch")):
        for mean in (93.9, 90.0):
            found = judge(spread(mean, 0.3, 500), row(n=None, sd=sd))
            assert (found.method, found.verdict) == (method, "undecided")
            assert "number of runs is not stated: nothing is decided" in str(found)
    reference = stats.ttest_1samp(spread(93.9, 0.3, 500), 93.9).confidence_interval(0.95)
    bare = row(n=None, sd=None)
    near = judge(spread(93.9, 0.3, 500), bare)
    assert near.high == pytest.approx(reference.high - 93.9)
    assert "left out of the interval" in str(near)
    nothing = judge([93.9], bare)
    assert (nothing.method, nothing.low, nothing.p_equivalent) == ("none", None, None)
    assert nothing.verdict == "undecided"
    assert "there is no interval" in str(nothing)


def test_a_single_published_run_is_rarely_replicated_by_chance() -> None:
    """With the true difference at the margin, a published n of 1 gives at most 5 % false replications."""
    said = []
    for i in range(1_000):
        draws = normals(f"single {i}", 51)
        said.append(judge(draws[:50] + 1.0, row(mean=draws[50], n=1, sd=None), margin=1.0).verdict)
    assert said.count("replicated") / 1_000 <= 0.071


def test_a_printed_standard_error_is_not_read_as_a_deviation() -> None:
    """0.02 that is a standard error of 500 runs makes the interval that the deviation 0.45 makes."""
    ours = spread(93.9, 0.3, 50)
    sd = 0.02 * math.sqrt(500)
    assert judge(ours, row(sd=0.02, spread="se")).high == pytest.approx(judge(ours, row(sd=sd)).high)
    assert judge(ours, row(sd=0.02, spread="se")).table().rows[0][8] == pytest.approx(sd)


def test_lost_runs_decide_nothing() -> None:
    """A run without a value leaves the verdict open, whatever the others say."""
    for mean in (93.9, 80.0):
        found = judge([*spread(mean, 0.3, 500), NAN])
        assert (found.lost, found.n, found.verdict) == (1, 500, "undecided")
        assert "1 of our runs are lost" in str(found)


def test_numbers_without_any_spread() -> None:
    """Where no run varies on either side there is no error to test by, and no verdict."""
    for ours in ([1.05, 1.05], [2.0, 2.0]):
        found = judge(ours, row(mean=1.0, sd=0.0, n=3))
        assert (found.method, found.low, found.verdict) == ("none", None, "undecided")
        assert "no run varies" in str(found)
    assert judge([1.05, 1.05], row(mean=1.0, sd=None, n=3)).verdict == "undecided"


@given(SAMPLE, st.floats(80, 100), st.floats(0.01, 5), st.integers(2, 50), st.floats(0.01, 5))
@settings(max_examples=80)
def test_shifts_scales_and_order_play_no_part(
    ours: list[float], mean: float, sd: float, n: int, margin: float
) -> None:
    """The unit of the score, its zero, its direction and the order of runs leave every p as it is."""
    published = row(mean=mean, sd=sd, n=n)
    found = judge(ours, published, margin)
    assert judge(ours[::-1], published, margin) == found
    moved = judge([-3 * v + 7 for v in ours], row(mean=-3 * mean + 7, sd=3 * sd, n=n), 3 * margin)
    assert moved.p_equivalent == pytest.approx(found.p_equivalent, abs=1e-7)
    assert moved.p_differs == pytest.approx(found.p_differs, abs=1e-7)
    assert moved.verdict == found.verdict


@given(SAMPLE, st.floats(80, 100), st.floats(0.01, 5), st.integers(2, 50), st.floats(0.01, 5))
@settings(max_examples=80)
def test_a_wider_margin_only_helps_equivalence(
    ours: list[float], mean: float, sd: float, n: int, margin: float
) -> None:
    """A larger margin makes equivalence easier and a difference harder to show, never both at once."""
    published = row(mean=mean, sd=sd, n=n)
    narrow, wide = judge(ours, published, margin), judge(ours, published, 2 * margin)
    assert (wide.p_equivalent or 0.0) <= (narrow.p_equivalent or 0.0)
    assert (wide.p_differs or 0.0) >= (narrow.p_differs or 0.0)
    assert max(narrow.p_equivalent or 0.0, narrow.p_differs or 0.0) > 0.05


def test_wrong_verdicts_are_as_rare_as_alpha() -> None:
    """At the very margin, 'replicated' is said in at most 5 % of 1,000 studies, and so is 'differs'."""
    said: dict[str, int] = {"replicated": 0, "differs": 0, "undecided": 0}
    for i in range(1_000):
        draws = normals(i, 40)
        theirs = draws[20:]
        published = row(mean=theirs.mean(), sd=theirs.std(ddof=1), n=20)
        said[judge(draws[:20] + 1.0, published, margin=1.0).verdict] += 1
    # Three Monte Carlo errors above 0.05: 0.071.
    assert said["replicated"] / 1_000 <= 0.071
    assert said["differs"] / 1_000 <= 0.071
    assert said["replicated"] > 20


def test_the_margin_is_half_the_smallest_gap() -> None:
    """Neighbouring rows decide it, equal rows and the order of rows do not."""
    assert equivalence_margin([93.0, 94.0, 93.4, 93.4]) == pytest.approx(0.2)
    assert equivalence_margin([94.0, 93.4, 93.0]) == equivalence_margin([93.0, 93.4, 94.0])
    for bad in ([93.0], [93.0, 93.0]):
        with pytest.raises(UsageError, match="two different means"):
            equivalence_margin(bad)


TABLE = [row("REA", 93.9), row("RS", 93.6), row("BOHB", 92.0)]


def test_a_table_is_corrected_by_holm() -> None:
    """The p-values are Holm's over the numbers of the table, and rows without runs are named."""
    ours = {"REA": spread(93.92, 0.3, 400), "RS": spread(92.0, 0.3, 10)}
    found = replicate_table(ours, TABLE, varied=SEEDS)
    assert found.margin == pytest.approx(0.15)
    assert found.missing == ("BOHB",)
    assert [number.verdict for number in found.numbers] == ["replicated", "differs"]
    first, second = found.numbers
    alone = judge(ours["REA"], TABLE[0], found.margin)
    assert first.p_equivalent == alone.p_equivalent
    assert first.adjusted_equivalent == pytest.approx(2 * (alone.p_equivalent or 0.0))
    assert second.adjusted_differs == pytest.approx(2 * (second.p_differs or 0.0))
    assert found.sentence() == "Of 3 published numbers: 1 replicated, 1 differs; 1 without runs of ours."
    assert [line[-1] for line in found.table().rows] == ["replicated", "differs"]


def test_more_numbers_make_each_verdict_harder() -> None:
    """What is replicated alone may be undecided in a table of many, and never the other way round."""
    table = [row(f"m{i}", 90.0 + i) for i in range(10)]
    ours = {one.name: spread(one.mean, 3.0, 400) for one in table}
    alone = [replicate_table({n: ours[n]}, table, varied=SEEDS).numbers[0] for n in ours]
    together = replicate_table(ours, table, varied=SEEDS).numbers
    for single, one in zip(alone, together, strict=True):
        assert (one.adjusted_equivalent or 0.0) >= (single.adjusted_equivalent or 0.0)
    shuffled = replicate_table(dict(reversed(ours.items())), table[::-1], varied=SEEDS)
    assert {n.name: n for n in shuffled.numbers} == {n.name: n for n in together}


def test_a_name_that_the_table_lacks_is_refused() -> None:
    """A method of ours is matched by name, and a near miss is suggested."""
    with pytest.raises(UnknownNameError, match="did you mean 'BOHB'"):
        replicate_table({"BOBH": [1.0, 2.0]}, TABLE, varied=SEEDS)
    with pytest.raises(UsageError, match="a name of its own"):
        replicate_table({"REA": [1.0, 2.0]}, [row(), row()], varied=SEEDS)


def crossed(ours: dict[str, list[float]], table: list[Published], **more: Any) -> Confusion:
    return confusion(ours, table, varied=SEEDS, **more)


def test_confusion_identifies_what_alone_fits() -> None:
    """A row that one variant replicates and all others miss is identified, and one without a fit named."""
    ours = {"REA": spread(93.9, 0.2, 500), "RS": spread(93.6, 0.2, 500)}
    found = crossed(ours, TABLE)
    assert found.statuses == ("identified", "identified", "no fit")
    assert found.fits == (("REA",), ("RS",), ())
    assert found.compatible == ((True, False, False), (False, True, False))
    assert found.table().rows[0] == ("REA", "identified", "replicated", "differs")
    assert "2 of 3 published rows are identified" in found.sentence()


def test_confusion_says_what_is_not_identifiable() -> None:
    """Two variants that both fit a row leave open which of them made it."""
    ours = {"age": spread(93.9, 0.3, 500), "oldest": spread(93.92, 0.3, 500), "RS": spread(92.0, 0.3, 500)}
    found = crossed(ours, TABLE)
    assert found.statuses == ("not identifiable", "no fit", "identified")
    assert found.fits[0] == ("age", "oldest")
    assert "not identifiable: REA" in found.sentence()
    # Too few runs exclude nothing: everything fits, and nothing is identified.
    vague = {name: values[:2] for name, values in ours.items()}
    assert set(crossed(vague, TABLE, margin=5.0).statuses) == {"not identifiable"}


def test_confusion_with_one_fit_that_is_not_shown() -> None:
    """One variant that is neither excluded nor shown equivalent is undecided, and no place is unverified."""
    ours = {"REA": spread(93.9, 2.0, 6), "RS": spread(90.0, 0.1, 500)}
    assert crossed(ours, TABLE[:2]).statuses[0] == "undecided"
    assert crossed(ours, [row(place=""), TABLE[1]]).statuses[0] == "unverified"


def test_the_order_of_methods_and_rows_plays_no_part() -> None:
    """Every pair has the same numbers and verdicts in every order."""
    ours = {"a": spread(93.9, 0.3, 50), "b": spread(93.6, 0.4, 40), "c": spread(92.1, 0.4, 30)}
    whole = {(c.name, c.published.name): c for line in crossed(ours, TABLE).cells for c in line}
    for names, rows in zip(itertools.permutations(ours), itertools.permutations(TABLE), strict=True):
        again = crossed({name: ours[name] for name in names}, list(rows))
        assert {(c.name, c.published.name): c for line in again.cells for c in line} == whole


@pytest.mark.parametrize(
    ("published", "margin"),
    [
        (row(n=0), 0.1),
        (row(sd=-1.0), 0.1),
        (row(n=1), 0.1),
        (row(mean=NAN), 0.1),
        (row(), 0.0),
        (row(), NAN),
    ],
    ids=["n", "sd", "sd of one", "mean", "margin 0", "margin nan"],
)
def test_what_cannot_be_is_refused(published: Published, margin: float) -> None:
    """Numbers that no paper can have, and margins that are none, are the caller's mistakes."""
    with pytest.raises(UsageError):
        judge([1.0, 2.0], published, margin)


def test_a_sample_without_values_is_refused() -> None:
    """Runs that are all lost replicate nothing, and say so as an error."""
    with pytest.raises(UsageError, match="at least one value"):
        judge([NAN, NAN])


def test_it_prints() -> None:
    """The sentence names both sides, the place, the interval, the margin and the verdict."""
    text = judge(spread(93.91, 0.3, 500), name="ours").sentence()
    assert text.startswith("ours - REA (p. 9, table 5): +0.01 (")
    assert text.endswith("margin 0.1): replicated.")
