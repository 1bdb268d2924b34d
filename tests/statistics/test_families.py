"""Families of tasks are averaged before anything counts them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.statistics.families import (
    FAMILIES_NEEDED,
    family_means,
    family_ranks,
    independent,
    named,
    never_run,
    too_few,
)
from assay.statistics.scores import Row, make_scores
from assay.statistics.signed_rank import signed_rank_test

CIFAR = {"cifar10": "cifar", "cifar100": "cifar"}
FAMILIES = {**CIFAR, "cora": "citations"}


def scores_of(table, tasks, **options):
    """Return the scores of a table (tasks, methods) with one run each; None is a failed run."""
    rows = [
        Row(method=f"m{m}", task=task, replicate="0", score=score, failed=score is None)
        for task, line in zip(tasks, table, strict=True)
        for m, score in enumerate(line)
    ]
    return make_scores(rows, **options)


def test_tasks_of_a_family_are_averaged():
    """A family has the mean of its tasks, and differences of methods are averaged within it."""
    scores = scores_of(
        [[0.9, 0.8], [0.5, 0.8], [0.3, 0.1]], ["cifar10", "cifar100", "cora"], families=FAMILIES
    )
    names, values = family_means(scores)
    assert names == ("cifar", "citations")
    assert independent(scores) == 2
    assert values == pytest.approx(np.array([[0.7, 0.8], [0.3, 0.1]]))
    assert values[0, 0] - values[0, 1] == pytest.approx(((0.9 - 0.8) + (0.5 - 0.8)) / 2)


def test_ranks_of_a_family_are_averaged():
    """The rank within a family is the average over its tasks, whatever their units."""
    scores = scores_of(
        [[0.9, 0.8], [0.5, 0.8], [30.0, 10.0]],
        ["cifar10", "cifar100", "cora"],
        families=dict.fromkeys(FAMILIES, "all"),
        units={"cora": "%"},
    )
    names, ranks = family_ranks(scores)
    assert names == ("all",)
    assert ranks == pytest.approx(np.array([[4 / 3, 5 / 3]]))


def test_a_failure_on_one_task_leaves_a_family_without_a_mean():
    """A mean over the tasks that did not fail would favour the method, so there is none."""
    scores = scores_of([[0.9, 0.8], [None, 0.1]], ["cifar10", "cifar100"], families=CIFAR)
    assert np.isnan(family_means(scores)[1][0, 0])
    assert family_ranks(scores)[1].tolist() == [[1.5, 1.5]]


@given(st.lists(st.sampled_from([None, 0.0, 0.5, 1.0]), min_size=6, max_size=6), st.integers(0, 2))
def test_a_failure_never_improves_the_rank_of_a_family(cells, task):
    """Whatever else failed, a method that fails has no better rank in its family."""
    tasks = ["cifar10", "cifar100", "cora"]
    table = [[cells[2 * t], cells[2 * t + 1]] for t in range(3)]
    before = family_ranks(scores_of(table, tasks, families=FAMILIES))[1]
    table[task][0] = None
    after = family_ranks(scores_of(table, tasks, families=FAMILIES))[1]
    assert (after[:, 0] >= before[:, 0]).all()


@given(st.permutations(range(5)))
def test_the_order_of_tasks_changes_no_number(order):
    """Permuting the tasks of a family leaves its mean as it is, to the last bit."""
    table = [[0.1, 0.7], [0.2, 0.3], [0.3, 1e-9], [0.7, 0.11], [1e8, 3.0]]
    tasks = [f"t{i}" for i in range(5)]
    families = dict.fromkeys(tasks, "all")
    straight = family_means(scores_of(table, tasks, families=families))[1]
    moved = scores_of([table[i] for i in order], [tasks[i] for i in order], families=families)
    assert (family_means(moved)[1] == straight).all()


def test_where_smaller_is_better_the_mean_is_turned():
    """Means of a family are turned so that larger is better."""
    scores = scores_of([[2.0, 4.0]], ["cora"], minimize=["cora"])
    assert family_means(scores)[1].tolist() == [[-2.0, -4.0]]


def test_scores_in_different_units_have_no_mean():
    """Averaging seconds with accuracies is refused, and ranks are the way out."""
    scores = scores_of(
        [[0.9, 0.8], [3.0, 2.0]], ["cifar10", "cifar100"], families=CIFAR, units={"cifar10": "s"}
    )
    with pytest.raises(UsageError, match="no mean"):
        family_means(scores)
    assert family_ranks(scores)[1].tolist() == [[1.0, 2.0]]


def test_six_families_are_the_least_that_a_signed_rank_test_can_tell_apart():
    """Five tasks that all agree give p = 0.0625, six give 0.03125: so six are needed."""
    for tasks in (FAMILIES_NEEDED - 1, FAMILIES_NEEDED):
        ones = np.arange(1.0, tasks + 1)
        enough = signed_rank_test(ones, np.zeros(tasks)).p < 0.05
        assert enough == (not too_few(tasks))
    assert "With 1 independent family" in too_few(1)


@pytest.mark.parametrize(
    ("values", "methods"),
    [
        (np.ones(3), None),
        (np.ones((3, 1)), None),
        (np.ones((0, 2)), None),
        (np.array([[1.0, np.inf]]), None),
        (np.ones((3, 2)), ["a"]),
        (np.ones((3, 2)), ["a", "a"]),
    ],
)
def test_a_table_that_is_none_is_refused(values, methods):
    """A wrong shape, infinite scores and names that do not fit are the caller's errors."""
    with pytest.raises(UsageError):
        named(values, methods, "a test")


def test_methods_without_names_are_numbered():
    """A table without names calls its methods by their column."""
    assert named(np.ones((1, 2)), None, "a test")[1] == ("method 1", "method 2")


def test_ranks_of_a_method_that_was_never_run_are_refused():
    """A cell without any run has no rank, and the refusal names it; a declared plan makes it lost."""
    scores = scores_of([[0.9, 0.8], [0.5, 0.8]], ["cifar10", "cora"])
    scores.status[1, 0] = 0
    assert never_run(scores).tolist() == [[False, False], [True, False]]
    with pytest.raises(UsageError, match="every method on every task") as raised:
        family_ranks(scores)
    assert "m0 on cora" in str(raised.value.why)
    planned = msgspec.structs.replace(scores, planned=1)
    assert not never_run(planned).any()
    assert family_ranks(planned)[1].tolist() == [[1.0, 2.0], [2.0, 1.0]]
