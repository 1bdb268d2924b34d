"""All pairs of methods on each task: order, correction, lost runs, and the rate of false alarms."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from assay.analysis.comparison import compare
from assay.analysis.pairs import task_pairs
from assay.foundation.seeding import Stream
from assay.statistics.multiplicity import holm
from assay.statistics.scores import FAILED, Scores

Tables = Callable[..., Scores]
RNG = Stream(0, ("pairs",))


def test_every_pair_of_a_task_is_corrected_for_all_of_them(tables: Tables) -> None:
    """The adjusted p are Holm's of the raw ones of the task, and the standing follows them."""
    found = task_pairs(tables([[0.0, 1.0, 5.0], [0.0, 0.0, 0.0]]), rng=RNG)
    assert [(pair.a, pair.b) for pair in found[:3]] == [("a", "b"), ("a", "c"), ("b", "c")]
    for task in (found[:3], found[3:]):
        raw = [pair.difference.p for pair in task if pair.difference is not None]
        assert [pair.adjusted for pair in task] == pytest.approx(holm(raw).tolist())
    assert [pair.standing for pair in found[1:3]] == ["worse", "worse"]
    assert found[1].seen_from("c") == ("a", "better", -found[1].difference.mean)


def test_the_order_of_methods_tasks_and_replicates_changes_nothing(tables: Tables) -> None:
    """The same pairs come out of a shuffled table, up to the order of the tasks."""
    scores = tables([[0.0, 1.0, 5.0], [1.0, 0.0, 0.0]])
    shuffled = scores.only(methods=["c", "a", "b"], tasks=["task-1", "task-0"])
    order = [3, 1, 0, 2, 7, 5, 6, 4]
    shuffled = msgspec.structs.replace(
        shuffled, values=shuffled.values[:, :, order], status=shuffled.status[:, :, order]
    )
    one, other = ({(p.task, p.a, p.b): p for p in task_pairs(s, rng=RNG)} for s in (scores, shuffled))
    assert one == other


def test_a_lost_run_loses_and_wins_nobody_anything(tables: Tables) -> None:
    """What lost a run is worse than what lost none, which is not better for it, and all pairs count."""
    scores = tables([[9.0, 0.0, 0.0, 0.0]])
    scores.status[0, [0, 1], 0] = FAILED
    scores.values[0, [0, 1], 0] = np.nan
    found = {frozenset((p.a, p.b)): p for p in task_pairs(scores, rng=RNG)}
    lost = found[frozenset("ac")]
    assert lost.seen_from("a")[1] == "worse"
    assert lost.seen_from("c")[1] == "not tested"
    assert found[frozenset("ab")].standing == "not tested"
    assert {p.pairs for p in found.values()} == {6}


def test_three_pairs_of_runs_decide_nothing(tables: Tables) -> None:
    """Sign flips of three pairs give p = 0.25 at the least, however large the difference."""
    scores = tables([[0.0, 100.0]], runs=3, paired_by="data split")
    assert [pair.standing for pair in task_pairs(scores, rng=RNG)] == ["cannot be decided"]


def test_eight_equal_methods_give_a_false_alarm_on_few_tasks(tables: Tables) -> None:
    """The family-wise error over 28 pairs of 5 runs is at most 5 %, within three standard errors."""
    found = task_pairs(tables([[0.0] * 8] * 200, runs=5), rng=RNG)
    alarms = {pair.task for pair in found if pair.standing in ("better", "worse")}
    assert len(alarms) / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_a_pair_has_one_p_wherever_it_stands(tables: Tables) -> None:
    """The comparison and any stream of the same root give each pair the same p, drawn ones included."""
    scores = tables([[0.0, 0.5, 1.0]] * 2, runs=20, paired_by="data split")
    here = {(p.task, frozenset((p.a, p.b))): p.adjusted for p in task_pairs(scores, rng=Stream(0, ("x",)))}
    for task in compare(scores).tasks:
        for one in task.against:
            assert here[task.task, frozenset((task.best or "", one.method))] == one.adjusted
