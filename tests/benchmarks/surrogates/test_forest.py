"""Forests as plain arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.surrogates.forest import Forest, Tree, from_arrays, grow, to_arrays
from assay.foundation.errors import CorruptError

FEATURES = 3


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Return a random tree: leaves of a growing tree are split one after the other."""
    feature, threshold, left, right = [0], [0.0], [-1], [-1]
    for _ in range(draw(st.integers(0, 6))):
        leaf = draw(st.sampled_from([i for i, child in enumerate(left) if child < 0]))
        left[leaf], right[leaf] = len(left), len(left) + 1
        feature[leaf] = draw(st.integers(0, FEATURES - 1))
        threshold[leaf] = draw(st.floats(-2, 2))
        feature += [0, 0]
        threshold += [0.0, 0.0]
        left += [-1, -1]
        right += [-1, -1]
    values = [draw(st.floats(-5, 5)) for _ in left]
    return Tree(*map(np.array, (feature, threshold, left, right, values)))


def _walk(tree: Tree, row: np.ndarray) -> float:
    node = 0
    while tree.left[node] >= 0:
        side = tree.left if row[tree.feature[node]] <= tree.threshold[node] else tree.right
        node = side[node]
    return float(tree.value[node])


ROWS = st.lists(st.lists(st.floats(-3, 3), min_size=FEATURES, max_size=FEATURES), min_size=1, max_size=5)


@given(st.lists(trees(), min_size=1, max_size=4), ROWS, st.floats(-1, 1))
def test_a_prediction_is_the_sum_of_the_leaves_that_a_row_falls_into(
    grown: list[Tree], rows: list[list[float]], base: float
) -> None:
    """The arrays walk each tree as one does by hand, and add from the first tree to the last."""
    found = grow(grown, base, FEATURES).predict(np.array(rows))
    for row, value in zip(rows, found, strict=True):
        expected = base
        for tree in grown:
            expected += _walk(tree, np.array(row))
        assert value == expected


@given(st.lists(trees(), min_size=1, max_size=3), ROWS)
def test_a_row_has_the_same_bits_alone_and_among_others(grown: list[Tree], rows: list[list[float]]) -> None:
    """Batches, their order and their size change no bit."""
    forest, table = grow(grown, 0.1, FEATURES), np.array(rows)
    together = forest.predict(table)
    assert [float(forest.predict(row[None, :])[0]) for row in table] == together.tolist()
    assert forest.predict(table[::-1]).tolist() == together[::-1].tolist()


@given(st.lists(st.lists(trees(), min_size=1, max_size=3), min_size=1, max_size=3))
def test_members_come_back_from_their_arrays(ensemble: list[list[Tree]]) -> None:
    """An ensemble is stored as one array of each kind, and taken apart again."""
    members = [grow(grown, float(i), FEATURES) for i, grown in enumerate(ensemble)]
    stored = {name: values for name, (_, values) in to_arrays(members, "value").items()}
    for before, after in zip(members, from_arrays(stored, "value"), strict=True):
        assert isinstance(after, Forest)
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("left", "right", "feature", "message"),
    [
        ([1, -1, -1], [1, -1, -1], [0, 0, 0], "no tree"),
        ([0, -1, -1], [2, -1, -1], [0, 0, 0], "no tree"),
        ([1, -1, -1], [7, -1, -1], [0, 0, 0], "no tree"),
        ([1, -1, -1], [2, -1, -1], [3, 0, 0], "a feature that is not there"),
    ],
    ids=["twice", "cycle", "outside", "feature"],
)
def test_what_is_no_tree_is_refused(
    left: list[int], right: list[int], feature: list[int], message: str
) -> None:
    """A node that is reached twice, a cycle, a child that is not there: none is walked into."""
    tree = Tree(*map(np.array, (feature, [0.5, 0.0, 0.0], left, right, [0.0, 1.0, 2.0])))
    with pytest.raises(CorruptError, match=message):
        grow([tree], 0.0, FEATURES)


def test_a_number_that_is_not_finite_is_refused() -> None:
    """A leaf of infinity would be a prediction."""
    leaf = Tree(*map(np.array, ([0], [0.0], [-1], [-1], [np.inf])))
    with pytest.raises(CorruptError, match="not finite"):
        grow([leaf], 0.0, FEATURES)
