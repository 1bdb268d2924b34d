"""The verdicts of the design's table, from repeats made up for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.verification.commands.verdict import (
    ENOUGH,
    WORDS,
    Margin,
    OneRepeat,
    check_word,
    judge,
    rate_interval,
)


def repeat(outcome: str, **metrics: float) -> OneRepeat:
    return OneRepeat(
        same=outcome == "record", outcome=outcome, detail="step 3: weights differ", metrics=metrics
    )


def test_identical_repeats_carry_their_bound() -> None:
    """Three identical repeats leave room for a rate of up to 1 - 0.05^(1/3), which the verdict says."""
    found = judge([repeat("record")] * 3, recorded={})
    assert found.text() == "identical 3/3"
    assert found.high == pytest.approx(1 - 0.05 ** (1 / 3))
    assert "63.2 %" in found.sentence


def test_repeats_that_differ_among_themselves_are_unstable() -> None:
    """One deviating repeat of three is instability with a rate and an interval, not a divergence."""
    found = judge([repeat("record"), repeat("record"), repeat("x")], recorded={})
    assert found.word == "unstable"
    assert found.rate == pytest.approx(1 / 3)
    # Clopper and Pearson: 1 of 3 at 95 %.
    assert (found.low, found.high) == (pytest.approx(0.008404, abs=1e-5), pytest.approx(0.905701, abs=1e-5))


def test_a_difference_is_not_a_divergence_before_chance_is_bounded() -> None:
    """28 repeats that agree with each other and not with the record are undecided, 29 diverge."""
    assert ENOUGH == 29
    assert judge([repeat("x")] * 28, recorded={}).word == "undecided"
    found = judge([repeat("x")] * 29, recorded={})
    assert found.word == "diverged"
    assert found.high is not None and found.high < 0.10


def test_a_located_cause_decides_at_once() -> None:
    """With the cause known, three repeats are enough to say that a run diverged."""
    found = judge([repeat("x")] * 3, recorded={}, located="OMP_NUM_THREADS: 1 -> 2")
    assert found.word == "diverged"
    assert "OMP_NUM_THREADS" in found.sentence


def test_what_cannot_be_repeated_is_incomparable() -> None:
    """Missing data give no verdict on the numbers, and are named."""
    found = judge([], recorded={}, obstacles=["missing: data/train.csv"])
    assert (found.word, found.text()) == ("incomparable", "incomparable")
    assert "data/train.csv" in found.sentence


def test_equivalence_needs_a_margin_and_closeness() -> None:
    """Repeats within the margin are equivalent; with a smaller margin they are not."""
    repeats = [repeat("x", accuracy=0.901), repeat("y", accuracy=0.899), repeat("z", accuracy=0.900)]
    recorded = {"accuracy": 0.9}
    near = judge(repeats, recorded=recorded, margin=Margin(metric="accuracy", width=0.01))
    assert near.word == "equivalent"
    assert judge(repeats, recorded=recorded, margin=Margin(metric="accuracy", width=0.001)).word == "unstable"
    with pytest.raises(UsageError, match="no metric 'loss'"):
        judge(repeats, recorded=recorded, margin=Margin(metric="loss", width=1.0))


def test_consistency_needs_five_repeats_and_says_that_it_is_no_equality() -> None:
    """A record inside the prediction interval of five varying repeats is consistent, one outside is not."""
    repeats = [repeat(str(i), accuracy=0.9 + 0.001 * i) for i in range(5)]
    found = judge(repeats, recorded={"accuracy": 0.903})
    assert found.word == "consistent"
    assert "no evidence of equality" in found.sentence
    assert judge(repeats, recorded={"accuracy": 0.95}).word == "unstable"
    assert judge(repeats[:4], recorded={"accuracy": 0.902}).word == "unstable"


@given(st.integers(1, 60), st.data())
def test_the_interval_of_a_rate_holds_the_rate(total: int, data: st.DataObject) -> None:
    """The exact interval contains the observed share, and its ends lie within 0 and 1."""
    count = data.draw(st.integers(0, total))
    low, high = rate_interval(count, total)
    assert 0 <= low <= count / total <= high <= 1


def test_words_are_ranked_as_the_table_says() -> None:
    """A verdict reaches its own word and every weaker one; an unknown word is refused by name."""
    found = judge([repeat("record")], recorded={})
    assert all(found.reaches(word) for word in WORDS)
    weak = judge([repeat("x")], recorded={})
    assert not weak.reaches("unstable") and weak.reaches("undecided")
    with pytest.raises(UsageError, match="no verdict is called 'same'"):
        check_word("same")
