"""Scores: what every comparison starts from."""

from __future__ import annotations

import numpy as np
import pytest

from assay.foundation.errors import UnknownNameError, UsageError
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import RACED, Row, make_scores


def rows(cells):
    return [
        Row(method=m, task=t, replicate=str(r), score=s, failed=s is None)
        for (m, t), scores in cells.items()
        for r, s in enumerate(scores)
    ]


def test_a_failed_run_leaves_no_mean():
    """A cell with a failed run has no mean, so that what failed cannot have improved it."""
    scores = make_scores(rows({("a", "t"): [1.0, 2.0], ("b", "t"): [1.0, None]}))
    assert scores.lost(0, 1) == 1
    assert scores.means()[0, 0] == 1.5
    assert np.isnan(scores.means()[0, 1])


def test_more_runs_of_one_method_never_lower_the_rank_of_another():
    """Where no number of replicates was declared, a shorter cell is not an incomplete one."""
    scores = make_scores(rows({("ours", "t"): [0.5] * 6, ("base", "t"): [0.9] * 5}))
    assert average_ranks(scores.means()).tolist() == [[2.0, 1.0]]


def test_what_was_planned_and_never_run_is_lost():
    """A declared number of replicates makes a run that was never made one that is lost."""
    scores = make_scores(rows({("ours", "t"): [0.5] * 6, ("base", "t"): [0.9] * 5}), planned=6)
    assert scores.lost(0, 1) == 1
    assert average_ranks(scores.means()).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_score_that_is_not_finite_is_no_number(value):
    """NaN, infinity and nothing are runs without a number; they are counted and in no sample."""
    one = Row(method="a", task="t", replicate="0", score=value)
    scores = make_scores([one, Row(method="a", task="t", replicate="1", score=3.0)])
    assert scores.sample(0, 0).tolist() == [3.0]
    assert scores.lost(0, 0) == 1


def test_a_run_given_twice_is_refused():
    """Two scores of one method, task and replicate are an error that names the three."""
    one = Row(method="a", task="t", replicate="0", score=1.0)
    with pytest.raises(UsageError, match="given twice") as raised:
        make_scores([one, one])
    assert raised.value.where == "method a, task t, replicate 0"


def test_smaller_is_better_where_it_is_said():
    """Means are turned so that larger is better on every task."""
    scores = make_scores(rows({("a", "loss"): [1.0], ("b", "loss"): [2.0]}), minimize=["loss"])
    assert average_ranks(scores.means()).tolist() == [[1.0, 2.0]]


def test_a_part_keeps_its_order():
    """A selection of methods and tasks comes in the order in which it was asked for."""
    scores = make_scores(rows({("a", "t"): [1.0], ("b", "t"): [2.0], ("a", "u"): [3.0], ("b", "u"): [4.0]}))
    part = scores.only(methods=["b", "a"], tasks=["u"])
    assert part.means().tolist() == [[4.0, 3.0]]
    assert part.families == ("u",)


def test_what_a_race_left_out_is_neither_made_nor_lost():
    """A planned run that a race was not to make is not missing, and its cell keeps its mean."""
    scores = make_scores(rows({("a", "t"): [1.0, 2.0], ("b", "t"): [3.0]}), planned=2)
    assert scores.lost(0, 1) == 1
    scores.status[0, 1, 1] = RACED
    assert scores.lost(0, 1) == 0
    assert scores.made().tolist() == [[[True, True], [True, False]]]
    assert scores.means().tolist() == [[1.5, 3.0]]


@pytest.mark.parametrize("value", [0.1, 0.7, 1e-3, 93.4])
def test_equal_scores_have_their_value_as_mean(value):
    """However many equal runs a cell holds, its mean is their value to the last bit."""
    cells = {(f"m{n}", "t"): [value] * n for n in range(1, 12)}
    assert set(make_scores(rows(cells)).means()[0].tolist()) == {value}


@pytest.mark.parametrize("what", ["families", "units", "minimize"])
def test_a_task_without_rows_is_refused(what):
    """A name that no row has is a mistake, and the nearest one is suggested."""
    given = ["task1"] if what == "minimize" else {"task1": "x"}
    with pytest.raises(UnknownNameError, match="did you mean 'task-1'") as refused:
        make_scores(rows({("a", "task-1"): [1.0]}), **{what: given})
    assert refused.value.where == what


def test_a_name_by_itself_is_one_task():
    """minimize='loss' is the task 'loss', and not its letters."""
    scores = make_scores(rows({("a", "loss"): [1.0], ("a", "accuracy"): [1.0]}), minimize="loss")
    assert scores.maximize.tolist() == [False, True]


@pytest.mark.parametrize("score", ["x", "0.5", True, [1.0]])
def test_a_score_that_is_no_number_is_refused(score):
    """A text is not taken for a number, and the error names the run."""
    with pytest.raises(UsageError, match="a score is a number") as refused:
        make_scores([Row(method="a", task="t", replicate="0", score=score)])
    assert refused.value.where == "method a, task t, replicate 0"
