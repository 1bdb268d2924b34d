"""Ranks of methods on tasks."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from assay.foundation.errors import UsageError
from assay.statistics.ranks import average_ranks, levelled

# Few distinct values make ties; NaN is a failure.
TABLES = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 6)),
    elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, math.nan]),
)


def test_ties_share_the_average_of_their_ranks() -> None:
    """The best has rank 1, and equal methods share what they would have had together."""
    assert average_ranks(np.array([[0.9, 0.7, 0.9, 0.1]])).tolist() == [[1.5, 3.0, 1.5, 4.0]]


def test_the_ranks_of_demsar(shared: Path) -> None:
    """The average ranks of a published comparison come out as printed."""
    text = (shared / "reference" / "statistics_cases.json").read_text()
    cases = {case["id"]: case for case in json.loads(text)["cases"]}
    scores = np.array(cases["demsar06-friedman"]["inputs"]["scores"])
    # Demšar, JMLR 7 (2006), table 6: 3.143, 2.000, 2.893, 1.964.
    assert average_ranks(scores).mean(axis=0).round(3).tolist() == [3.143, 2.0, 2.893, 1.964]


def test_the_direction_is_that_of_the_task() -> None:
    """Where smaller is better the smallest has rank 1."""
    table = np.array([[1.0, 2.0], [1.0, 2.0]])
    assert average_ranks(table, np.array([True, False])).tolist() == [[2.0, 1.0], [1.0, 2.0]]


@given(TABLES)
def test_what_is_missing_ranks_last_in_either_direction(table: np.ndarray) -> None:
    """A failed method has the last rank, whichever direction is better and whoever else fails."""
    for maximize in (None, np.zeros(len(table), dtype=bool)):
        found = average_ranks(table, maximize)
        assert (found[np.isnan(table)] == table.shape[1]).all()
        assert (found >= 1).all()
        assert (found <= table.shape[1]).all()


@given(TABLES, st.data())
def test_a_failure_never_improves_a_rank(table: np.ndarray, data: st.DataObject) -> None:
    """Whatever set of methods fails, the rank of none of them becomes better."""
    fails = data.draw(arrays(np.bool_, table.shape))
    after = average_ranks(np.where(fails, np.nan, table))
    assert (after[fails] >= average_ranks(table)[fails]).all()


@given(TABLES)
def test_without_failures_the_ranks_are_those_of_scipy(table: np.ndarray) -> None:
    """Finite scores have scipy's average ranks, which sum to k (k + 1) / 2."""
    finite = np.nan_to_num(table, nan=0.5)
    found = average_ranks(finite)
    assert (found == stats.rankdata(-finite, axis=1)).all()
    assert (found.sum(axis=1) == table.shape[1] * (table.shape[1] + 1) / 2).all()


@given(TABLES, st.randoms(use_true_random=False))
def test_order_plays_no_part(table: np.ndarray, rng: object) -> None:
    """Permuting methods or tasks permutes the ranks and changes none."""
    rows, columns = list(range(table.shape[0])), list(range(table.shape[1]))
    rng.shuffle(rows)
    rng.shuffle(columns)
    moved = table[np.ix_(rows, columns)]
    assert (average_ranks(moved) == average_ranks(table)[np.ix_(rows, columns)]).all()


@given(TABLES)
def test_a_monotone_rescale_of_a_task_changes_no_rank(table: np.ndarray) -> None:
    """Ranks see only the order: another unit or a logarithm for each task leaves them alone."""
    scales = np.arange(1, len(table) + 1)[:, None]
    assert (average_ranks(np.log1p(table) * scales - 7) == average_ranks(table)).all()


@given(TABLES)
def test_a_copy_of_a_method_ties_with_it(table: np.ndarray) -> None:
    """A method that is entered twice has the same rank twice."""
    found = average_ranks(np.concatenate([table, table[:, :1]], axis=1))
    assert (found[:, 0] == found[:, -1]).all()


def test_ranks_need_a_table() -> None:
    """One task must be a table with one row."""
    with pytest.raises(UsageError, match=r"shape \(tasks, methods\)"):
        average_ranks(np.array([1.0, 2.0]))


def test_what_rounding_leaves_is_no_difference() -> None:
    """Values that differ in the last digits tie, whatever else is in the row; others do not."""
    row = np.array([[0.1 + 0.2, 0.3, 0.3 + 1e-9, 1e13, math.nan, -math.inf]])
    assert average_ranks(row).tolist() == [[3.5, 3.5, 2.0, 1.0, 6.0, 5.0]]
    level = levelled(row)
    assert level[0, 0] == level[0, 1]
    assert level[0, 2:4].tolist() == row[0, 2:4].tolist()
    assert np.isnan(level[0, 4])
    assert level[0, 5] == -math.inf


@given(TABLES)
def test_levels_keep_what_differs(table: np.ndarray) -> None:
    """A table of plain numbers is its own level."""
    assert np.array_equal(levelled(table), table, equal_nan=True)
