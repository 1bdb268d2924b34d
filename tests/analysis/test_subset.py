"""Cheaper benchmarks: what is chosen, and that its error is measured on what did not choose."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from assay.analysis.subset import cheaper
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.scores import FAILED, Scores

Tables = Callable[..., Scores]
RNG = Stream(0, ("cheaper",))


def test_a_ranking_that_every_task_shows_needs_one_task_and_few_replicates(tables: Tables) -> None:
    """With gaps of ten standard deviations one task and one replicate keep all pairs without error."""
    found = cheaper(tables([[0.0, 10.0, 20.0]] * 4), rng=RNG, splits=5)
    assert (len(found.tasks), found.replicates, found.error) == (1, 1, 0.0)
    assert found.unresolved == 0 and len(found.resolved) == 3
    assert found.share == pytest.approx(1 / 4 / 8)
    assert "1 of 4 tasks and 1 of 8 replicates" in found.sentence()


def test_tasks_that_disagree_must_both_be_asked(tables: Tables) -> None:
    """Two tasks rank c, a, b and three a, b, c; over all it is a, c, b, which only one of each kind shows."""
    found = cheaper(tables([[10.0, 0.0, 20.0]] * 2 + [[10.0, 0.0, -20.0]] * 3), rng=RNG, splits=5)
    pairs = {(pair.better, pair.worse) for pair in found.resolved}
    assert pairs == {("a", "c"), ("c", "b"), ("a", "b")}
    assert found.subsets[0].error == pytest.approx(1 / 3)
    first, second = found.tasks
    assert first in {"task-0", "task-1"} and second in {"task-2", "task-3", "task-4"}


def test_equal_methods_leave_nothing_to_keep(tables: Tables) -> None:
    """No pair is resolved under the null, and nothing is recommended."""
    found = cheaper(tables([[0.0] * 3] * 4), rng=RNG, splits=3)
    assert not found.resolved and found.tasks == () and found.replicates is None
    assert "no ranking to keep" in found.sentence()


def test_the_error_is_not_that_of_the_half_that_chose(tables: Tables) -> None:
    """A task of pure noise may be chosen by luck; measured on the other half its error is far from 0."""
    noisy = tables([[0.0, 0.9]] * 10, runs=10)
    found = cheaper(noisy, rng=RNG, splits=20)
    assert [(pair.better, pair.worse) for pair in found.resolved] == [("b", "a")]
    one = found.subsets[0]
    assert one.error > 0.0 and one.worst == 1.0
    assert found.subsets[-1].error <= one.error


def test_more_than_fifteen_tasks_are_chosen_greedily(tables: Tables) -> None:
    """One task is added after the other, so that each subset holds the one before it."""
    found = cheaper(tables([[0.0, 2.0, 4.0]] * 16, runs=4), rng=RNG, splits=2)
    assert not found.exhaustive and len(found.subsets) == 15
    for smaller, larger in zip(found.subsets, found.subsets[1:], strict=False):
        assert set(smaller.tasks) < set(larger.tasks)


def test_the_order_of_methods_tasks_and_replicates_changes_nothing(tables: Tables) -> None:
    """A shuffled table gives the same result."""
    scores = tables([[0.0, 1.0, 3.0], [0.0, 2.0, 2.5], [1.0, 0.0, 2.0]])
    shuffled = scores.only(methods=["c", "a", "b"], tasks=["task-1", "task-2", "task-0"])
    order = [3, 1, 0, 2, 7, 5, 6, 4]
    shuffled = msgspec.structs.replace(
        shuffled,
        replicates=tuple(scores.replicates[r] for r in order),
        values=shuffled.values[:, :, order],
        status=shuffled.status[:, :, order],
    )
    one, other = (cheaper(s, rng=Stream(0, ("cheaper",)), splits=3) for s in (scores, shuffled))
    assert one == other


def test_a_method_that_lost_runs_ranks_last_in_every_subset(tables: Tables) -> None:
    """The better method fails once on each task: it is the worse of the resolved pair."""
    scores = tables([[0.0, 10.0]] * 3)
    scores.status[:, 1, 0], scores.values[:, 1, 0] = FAILED, np.nan
    found = cheaper(scores, rng=RNG, splits=3)
    assert [(pair.better, pair.worse) for pair in found.resolved] == [("a", "b")]
    assert any("rank last" in text for text in found.basis.cautions)


def test_too_little_to_split_is_refused(tables: Tables) -> None:
    """Four runs a cell, two tasks and two methods are the least."""
    for scores in (tables([[0.0, 1.0]] * 2, runs=3), tables([[0.0, 1.0]]), tables([[0.0]] * 2)):
        with pytest.raises(UsageError):
            cheaper(scores, rng=RNG)
    with pytest.raises(UsageError, match="tolerated"):
        cheaper(tables([[0.0, 1.0]] * 2), rng=RNG, tolerance=1.5)
