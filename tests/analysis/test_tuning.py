"""What a report says of tuning: what each hyperparameter alone makes of the scores."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.analysis.tuning import sensitivity
from assay.studies.choosing import TunedConfiguration, TunedMethod


def _tuned(scores: dict[tuple[int, str], float | None]) -> TunedMethod:
    """Return a method whose configurations are an integer `a` and a text `b`."""
    tried = tuple(
        TunedConfiguration(values={"a": a, "b": b}, digest=f"{a}{b}", score=score, runs=())
        for (a, b), score in scores.items()
    )
    return TunedMethod(method="m", plan="", benchmarks=(), configurations=tried, chosen=0)


GRID = {(1, "x"): 0.0, (1, "y"): 1.0, (2, "x"): 4.0, (2, "y"): 5.0, (3, "x"): 8.0, (3, "y"): 9.0}


def test_main_effects_of_a_whole_grid_share_the_variance() -> None:
    """By hand: the sum of squares is 65.5; a has 64 of it (levels .5, 4.5, 8.5), b has 1.5 (4 and 5)."""
    a, b = sensitivity(_tuned(GRID))
    assert [level.mean for level in a.levels] == [0.5, 4.5, 8.5]
    assert [level.value for level in b.levels] == ['"x"', '"y"']
    assert (a.range, b.range) == (8.0, 1.0)
    assert a.fraction == pytest.approx(64 / 65.5)
    assert b.fraction == pytest.approx(1.5 / 65.5)
    assert (a.by_chance, b.by_chance) == (2 / 5, 1 / 5)


def test_numbers_are_sorted_as_numbers_and_a_score_that_is_lost_is_left_out() -> None:
    """Level 10 comes after level 9; a configuration without a score has no part in a mean."""
    (a, _) = sensitivity(_tuned({(10, "x"): 1.0, (9, "x"): 2.0, (9, "y"): None}))
    assert [(level.value, level.mean, level.configurations) for level in a.levels] == [
        ("9", 2.0, 1),
        ("10", 1.0, 1),
    ]


def test_scores_that_are_all_equal_have_no_variance_to_share() -> None:
    """There is a range of zero, and no fraction is invented."""
    found = sensitivity(_tuned(dict.fromkeys(GRID, 0.3)))
    assert [(one.range, one.fraction) for one in found] == [(0.0, None), (0.0, None)]
    assert sensitivity(_tuned({(1, "x"): 0.5}))[0].by_chance is None


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6), st.randoms(use_true_random=False))
def test_fractions_lie_in_the_unit_interval_whatever_the_order(
    scores: list[float], mixer: random.Random
) -> None:
    """The order in which configurations were run changes no number."""
    made = list(zip(GRID, scores, strict=True))
    found = sensitivity(_tuned(dict(made)))
    assert all(one.fraction is None or 0.0 <= one.fraction <= 1.0 for one in found)
    mixer.shuffle(made)
    again = sensitivity(_tuned(dict(made)))
    for one, other in zip(found, again, strict=True):
        assert one.range == pytest.approx(other.range, abs=1e-12)
        assert [level.value for level in one.levels] == [level.value for level in other.levels]
