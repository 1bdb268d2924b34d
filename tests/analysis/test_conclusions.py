"""Subsets of families: exact counts against a naive enumeration, and the fewest that make a difference."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.analysis.conclusions import (
    FAMILIES_WON,
    MEAN_DIFFERENCE,
    leave_one_family_out,
    position_in_subsets,
    rivals_in_subsets,
    subset_masks,
)
from assay.statistics.families import family_ranks
from assay.statistics.scores import FAILED, Row, Scores, make_scores
from assay.statistics.stability import positions

Tables = Callable[..., Scores]


def _exact(values: list[list[int]], families: list[str], unit: str = "%") -> Scores:
    """Return one run of each method on each task."""
    tasks = [f"t{t}" for t in range(len(values))]
    rows = [
        Row(method=chr(97 + m), task=task, replicate="0", score=float(v))
        for task, row in zip(tasks, values, strict=True)
        for m, v in enumerate(row)
    ]
    return make_scores(
        rows, families=dict(zip(tasks, families, strict=True)), units=dict.fromkeys(tasks, unit)
    )


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=2, max_size=6), st.data())
def test_counts_are_those_of_a_naive_enumeration(values: list[list[int]], data: st.DataObject) -> None:
    """Position and sign in every subset of families, computed one subset at a time."""
    families = data.draw(st.lists(st.sampled_from("xyz"), min_size=len(values), max_size=len(values)))
    scores = _exact(values, families)
    names = sorted(set(families))
    full, found = position_in_subsets(scores, 0)
    rivals = rivals_in_subsets(scores, 0)
    places, signs = [], {rival.rival: [] for rival in rivals}
    for size in range(1, len(names)):
        for kept in itertools.combinations(names, size):
            part = scores.only(tasks=[t for t, f in zip(scores.tasks, families, strict=True) if f in kept])
            ranks = family_ranks(part)[1].mean(axis=0)
            places.append(float(positions(ranks[None])[0, 0]))
            for rival in rivals:
                m = scores.methods.index(rival.rival)
                own = [
                    np.mean([r[0] - r[m] for r, f in zip(values, families, strict=True) if f == family])
                    for family in kept
                ]
                signs[rival.rival].append(float(np.sign(np.round(np.mean(own), 9))))
    assert found.subsets == len(places)
    assert found.same == sum(place == full for place in places)
    assert found.best == min([*places, full]) and found.worst == max([*places, full])
    assert bool(found.fewest) == (found.same < found.subsets)
    for rival in rivals:
        assert rival.measure == MEAN_DIFFERENCE
        assert rival.same == sum(sign == np.sign(rival.value) for sign in signs[rival.rival])


def test_the_family_that_carries_a_conclusion_is_named() -> None:
    """One method leads by one large difference; without its family the sign turns round."""
    scores = _exact([[9, 0], [0, 1], [0, 1]], ["x", "y", "z"])
    (rival,) = rivals_in_subsets(scores, 0)
    assert (rival.value, rival.fewest) == (pytest.approx(7 / 3), ("x",))
    left = leave_one_family_out(scores, 0, [rival])
    assert {one.family: one.changed for one in left} == {"x": ("b",), "y": (), "z": ()}


@pytest.mark.parametrize("units", [("", "", ""), ("%", "%", "s")])
def test_units_that_differ_are_never_averaged(units: tuple[str, ...]) -> None:
    """Without one declared unit the measure is the families won, of which a large difference is one."""
    scores = msgspec.structs.replace(_exact([[9, 0], [0, 1], [0, 1]], ["x", "y", "z"]), units=units)
    (rival,) = rivals_in_subsets(scores, 0)
    assert (rival.measure, rival.unit, rival.value) == (FAMILIES_WON, "", pytest.approx(-1 / 3))


def test_a_lost_run_never_helps(tables: Tables) -> None:
    """A failure turns the comparison to families won, loses its family, and moves the position down only."""
    scores = tables([[5.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    before = position_in_subsets(scores, 0)[0]
    scores.status[1, 0, 0], scores.values[1, 0, 0] = FAILED, np.nan
    (rival,) = rivals_in_subsets(scores, 0)
    assert (rival.measure, rival.value) == (FAMILIES_WON, pytest.approx(-1 / 3))
    assert position_in_subsets(scores, 0)[0] > before


def test_more_than_fifteen_families_are_looked_at_in_part() -> None:
    """The smallest and the largest subsets, and it is said that these are not all."""
    masks, exact = subset_masks(16)
    assert not exact and len(masks) == 2 * (16 + 16 * 15 // 2)
    assert subset_masks(15)[0].shape == (2**15 - 2, 15)
    assert subset_masks(1)[0].shape == (0, 1)
