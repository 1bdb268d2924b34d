"""Intervals for the average rank of each method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.rank_intervals import mean_rank_intervals, resampled_ranks
from assay.statistics.scores import Row, make_scores

OVER = ("tasks", "families", "runs")
EACH = pytest.mark.parametrize("over", OVER)
TABLE = np.random.default_rng(0).normal(size=(8, 3, 4)) + np.array([0.0, 0.5, 1.0])[:, None]


def scores_of(values, *, tasks=None, methods=None, **options):
    """Return the scores of an array (tasks, methods, runs), in which NaN is a failed run."""
    tasks = tasks or [f"t{i}" for i in range(len(values))]
    methods = methods or [f"m{i}" for i in range(values.shape[1])]
    rows = [
        Row(
            method=m,
            task=t,
            replicate=f"r{k}",
            score=None if np.isnan(values[i, j, k]) else float(values[i, j, k]),
            failed=bool(np.isnan(values[i, j, k])),
        )
        for i, t in enumerate(tasks)
        for j, m in enumerate(methods)
        for k in range(values.shape[2])
    ]
    return make_scores(rows, **options)


def intervals(scores, over, resamples=500, **options):
    return mean_rank_intervals(scores, over=over, rng=Stream(0, ("ranks",)), resamples=resamples, **options)


@EACH
def test_an_interval_holds_its_estimate(over):
    """Every mean rank lies in its interval, and all of them between 1 and the number of methods."""
    found = intervals(scores_of(TABLE), over)
    for low, mean, high in zip(found.low, found.mean_rank, found.high, strict=True):
        assert 1.0 <= low <= mean <= high <= 3.0
    assert found.resampled == over
    assert found.decided


def test_the_interval_over_tasks_is_the_bootstrap_of_mean_ranks():
    """With many resamples the ends are near those of the normal approximation."""
    values = np.random.default_rng(1).normal(size=(40, 2, 1))
    found = intervals(scores_of(values), "tasks", resamples=4000)
    wins = (values[:, 0, 0] > values[:, 1, 0]).mean()
    half = 1.96 * np.sqrt(wins * (1 - wins) / 40)
    assert found.mean_rank[0] == pytest.approx(2 - wins)
    assert found.low[0] == pytest.approx(2 - wins - half, abs=0.03)
    assert found.high[0] == pytest.approx(2 - wins + half, abs=0.03)


def test_methods_that_always_rank_alike_have_no_width():
    """Where every task and run agrees, the interval is the rank itself."""
    values = np.arange(3.0)[None, :, None] + np.random.default_rng(0).uniform(0, 0.1, (6, 3, 4))
    for over in OVER:
        found = intervals(scores_of(values), over)
        assert found.low == found.mean_rank == found.high == (3.0, 2.0, 1.0)


def test_tasks_of_a_family_are_averaged_and_drawn_together():
    """Seven copies of one task weigh as one, and their family is drawn as a whole."""
    values = np.concatenate([TABLE, np.repeat(TABLE[:1], 6, axis=0)])
    tasks = [f"t{i}" for i in range(14)]
    families = dict.fromkeys(["t0", *tasks[8:]], "copies")
    copied, plain = scores_of(values, families=families), scores_of(TABLE)
    by_family, by_task = intervals(copied, "families"), intervals(copied, "tasks")
    assert by_family.mean_rank == pytest.approx(intervals(plain, "families").mean_rank)
    assert by_task.mean_rank != by_family.mean_rank
    assert any("as if independent" in caution for caution in by_task.basis.cautions)
    assert by_family.basis.n["families"] == 8


@EACH
def test_order_changes_no_bit(over):
    """Permuting tasks, methods or replicates permutes the intervals and changes none."""
    tasks, methods = [f"t{i}" for i in range(8)], ["a", "b", "c"]
    rows, columns = [3, 1, 0, 2, 7, 5, 6, 4], [2, 0, 1]
    before = intervals(scores_of(TABLE, tasks=tasks, methods=methods), over)
    moved = scores_of(
        TABLE[np.ix_(rows, columns, [2, 0, 3, 1])],
        tasks=[tasks[i] for i in rows],
        methods=[methods[i] for i in columns],
    )
    after = intervals(moved, over)
    for name in ("mean_rank", "low", "high"):
        assert getattr(after, name) == tuple(getattr(before, name)[i] for i in columns)


@EACH
def test_a_monotone_rescale_changes_no_interval_over_tasks(over):
    """Another unit for each task leaves every rank as it is."""
    scale = 2.0 ** np.arange(8)[:, None, None]
    before, after = intervals(scores_of(TABLE), over), intervals(scores_of(TABLE * scale + 8.0), over)
    assert after.mean_rank == before.mean_rank
    assert after.low == pytest.approx(before.low, abs=1e-12)


@given(st.integers(0, 2), st.sets(st.integers(0, 7), min_size=1), st.sampled_from(OVER))
@settings(max_examples=25)
def test_a_failure_improves_neither_end(method, fails, over):
    """A method that fails on some tasks has no end of its interval nearer to the first rank."""
    worse = TABLE.copy()
    worse[sorted(fails), method, 0] = np.nan
    before, after = (intervals(scores_of(values), over, 200) for values in (TABLE, worse))
    for name in ("low", "mean_rank", "high"):
        assert getattr(after, name)[method] >= getattr(before, name)[method]
    assert any(f"{len(fails)} cells" in caution for caution in after.basis.cautions)


def test_where_smaller_is_better_ranks_turn():
    """On tasks to be minimised the smallest mean has rank 1."""
    tasks = [f"t{i}" for i in range(8)]
    found = intervals(scores_of(-TABLE, minimize=tasks), "runs")
    assert found.mean_rank == intervals(scores_of(TABLE), "runs").mean_rank
    assert found.low == intervals(scores_of(TABLE), "runs").low


def test_paired_runs_are_drawn_together():
    """A noise that all methods share does not move their ranks when runs are paired."""
    shared = 10 * np.random.default_rng(3).normal(size=(6, 1, 5))
    values = shared + np.arange(3.0)[None, :, None]
    apart, paired = scores_of(values), scores_of(values, paired_by="data split")
    assert intervals(paired, "runs").low == (3.0, 2.0, 1.0)
    assert intervals(apart, "runs").low[0] < 2.5
    assert "paired by data split" in str(intervals(paired, "runs"))


def test_another_method_does_not_change_what_is_drawn():
    """A method that is always last leaves the intervals of the others as they are."""
    wide = np.concatenate([TABLE, np.full((8, 1, 4), -99.0)], axis=1)
    for over in OVER:
        before, after = intervals(scores_of(TABLE), over), intervals(scores_of(wide), over)
        assert after.low[:3] == before.low
        assert after.high[:3] == before.high


def test_below_six_families_only_runs_have_an_interval():
    """With five families there is none over tasks or families, and the sentence says why."""
    few = scores_of(TABLE[:5])
    for over in ("tasks", "families"):
        found = intervals(few, over)
        assert (found.low, found.high, found.decided) == (None, None, False)
        assert "5 independent families" in found.sentence()
        assert found.table().rows[0][2:4] == (None, None)
    assert intervals(few, "runs").decided


def test_single_runs_have_no_interval_over_runs():
    """Where nothing was repeated, runs cannot be drawn anew."""
    found = intervals(scores_of(TABLE[:, :, :1]), "runs")
    assert (found.low, found.decided) == (None, False)
    assert "No run was repeated" in found.sentence()


@EACH
def test_equal_streams_give_equal_intervals(over):
    """The same stream gives the same interval, a wider confidence a wider one."""
    first, second = (intervals(scores_of(TABLE), over) for _ in range(2))
    assert first == second
    wide = intervals(scores_of(TABLE), over, confidence=0.999)
    assert all(a <= b for a, b in zip(wide.low, first.low, strict=True))
    assert "95 % interval" in first.sentence()
    assert first.table().columns[-1] == "resampled"


@pytest.mark.parametrize("options", [{"over": "seeds"}, {"over": "runs", "confidence": 95}])
def test_what_cannot_be_drawn_is_refused(options):
    """An unknown unit and a confidence in percent are the caller's errors."""
    with pytest.raises(UsageError):
        intervals(scores_of(TABLE), **options)


def test_resampled_ranks_average_the_ranks_of_drawn_units():
    """The mean over resamples is that of the units, and single units give themselves."""
    units = np.array([[1.0, 2.0], [2.0, 1.0], [1.5, 1.5]])
    drawn = resampled_ranks(("b", "a", "c"), units, Stream(0, ("x",)), 4000)
    assert drawn.mean(axis=0) == pytest.approx([1.5, 1.5], abs=0.02)
    assert drawn.sum(axis=1) == pytest.approx(np.full(4000, 3.0))
    assert (resampled_ranks(("a",), units[:1], Stream(0, ("x",)), 5) == units[0]).all()


def coverage(trials, over, tasks, runs):
    """Return the share of true mean ranks that lie in their interval."""
    rng, held = np.random.default_rng(11), []
    for _ in range(trials):
        truth = 0.7 * rng.normal(size=(tasks, 4))
        values = truth[:, :, None] + rng.normal(size=(tasks, 4, runs)) * 0.5
        better = (truth[:, :, None] < truth[:, None, :]).sum(axis=2).mean(axis=0)
        # Over tasks the truth is that of all tasks: the mean rank of methods that are alike.
        true = 1 + better if over == "runs" else np.full(4, 2.5)
        found = intervals(scores_of(values), over, 300)
        held += [
            low - 1e-9 <= r <= high + 1e-9 for low, r, high in zip(found.low, true, found.high, strict=True)
        ]
    return np.mean(held)


@pytest.mark.slow
@pytest.mark.parametrize(("over", "tasks", "runs"), [("tasks", 30, 1), ("families", 30, 1), ("runs", 10, 20)])
def test_intervals_hold_the_true_mean_rank(over, tasks, runs):
    """About 95 % of the intervals hold the true mean rank, with 30 tasks or 20 runs."""
    assert coverage(150, over, tasks, runs) > 0.92


@EACH
def test_a_method_that_was_never_run_on_a_task_is_refused(over):
    """Without a run there is no rank, which is no last rank either; and draws need a stream."""
    scores = scores_of(TABLE)
    scores.status[2, 1] = 0
    with pytest.raises(UsageError, match="every method on every task"):
        intervals(scores, over)
    with pytest.raises(UsageError, match="given a Stream"):
        mean_rank_intervals(scores_of(TABLE), over=over, rng=None)
