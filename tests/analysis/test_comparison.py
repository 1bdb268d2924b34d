"""Methods compared within and across tasks: what holds, what cannot, and what failures do."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.analysis.comparison import Comparison, TaskComparison, compare
from assay.analysis.pairs import task_pairs
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.multiplicity import holm
from assay.statistics.scores import Row, Scores, make_scores


def draw(
    effects: dict[str, float],
    tasks: int = 1,
    n: int = 10,
    spread: float = 1.0,
    root: int = 0,
    **options: object,
) -> Scores:
    """Return normal scores: method's effect plus noise, each cell from a stream of its own."""
    rows = []
    for t, method in itertools.product(range(tasks), effects):
        rng = Stream(root, ("test", t, method))
        rows += [
            Row(method=method, task=f"t{t}", replicate=str(r), score=effects[method] + spread * rng.normal())
            for r in range(n)
        ]
    return make_scores(rows, **options)  # type: ignore[arg-type]


def task(found: Comparison, place: int = 0) -> TaskComparison:
    return found.tasks[place]


def standings(found: Comparison, place: int = 0) -> dict[str, str]:
    return {cell.method: cell.standing for cell in task(found, place).cells}


def with_cells(scores: Scores, cells: dict[tuple[int, int, int], int]) -> Scores:
    """Return the same scores with these runs (task, method, replicate) in another status."""
    values, status = scores.values.copy(), scores.status.copy()
    for place, code in cells.items():
        status[place], values[place] = code, np.nan
    return msgspec.structs.replace(scores, values=values, status=status)


def test_a_large_difference_holds_and_none_does_not() -> None:
    """Three standard errors and more are told apart; two methods of one distribution are not."""
    found = compare(draw({"a": 0.0, "b": 0.0, "c": -5.0}))
    assert task(found).best in ("a", "b")
    assert sorted(standings(found).values()) == ["best", "not distinguished", "worse"]
    assert standings(found)["c"] == "worse"
    assert not task(found).stands
    assert compare(draw({"a": 0.0, "b": -5.0})).tasks[0].stands


def test_adjusted_p_are_holms_over_all_pairs_of_the_task() -> None:
    """The best of four methods is in three of six pairs, and has the p that `task_pairs` gives these."""
    scores = draw({"a": 0.9, "b": 0.5, "c": 0.2, "d": 0.0})
    against = task(compare(scores)).against
    pairs = task_pairs(scores, rng=Stream(0, ("any",)))
    raw = [pair.difference.p for pair in pairs if pair.difference is not None]
    held = {frozenset((pair.a, pair.b)): p for pair, p in zip(pairs, holm(raw).tolist(), strict=True)}
    best = task(compare(scores)).best
    assert [one.pairs for one in against] == [6, 6, 6]
    assert [one.adjusted for one in against] == [held[frozenset((best, one.method))] for one in against]


def test_the_order_of_methods_tasks_and_replicates_changes_nothing() -> None:
    """Every number belongs to its names, not to their places."""
    scores = draw({"a": 0.3, "b": 0.1, "c": 0.0}, tasks=7)
    turned = scores.only(methods=("c", "a", "b"), tasks=tuple(reversed(scores.tasks)))
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    turned = msgspec.structs.replace(
        turned, values=turned.values[:, :, order], status=turned.status[:, :, order]
    )
    first, second = compare(scores), compare(turned)
    assert sorted(map(str, first.table().rows)) == sorted(map(str, second.table().rows))


def test_equal_scores_and_seeds_give_equal_tables() -> None:
    """Two calls agree to the byte, and the seed moves only what is drawn."""
    scores = draw({"a": 0.3, "b": 0.0}, tasks=2, n=12)
    assert compare(scores).table() == compare(scores).table()
    moved = compare(scores, seed=1).table()
    assert [row[6] for row in moved.rows] == [row[6] for row in compare(scores).table().rows]
    assert moved != compare(scores).table()


def test_turning_the_scores_turns_the_direction() -> None:
    """Losses compared with smaller as better give the verdicts of their negatives."""
    scores = draw({"a": 0.8, "b": 0.0})
    losses = msgspec.structs.replace(scores, values=-scores.values, maximize=np.array([False]))
    first, second = compare(scores), compare(losses)
    assert standings(first) == standings(second)
    assert task(first).against[0].difference.mean == pytest.approx(task(second).against[0].difference.mean)
    assert task(second).against[0].difference.mean > 0


@pytest.mark.parametrize("code", [2, 3], ids=["failed", "without a number"])
def test_a_method_that_lost_a_run_is_never_best_and_stands_worse(code: int) -> None:
    """Ahead by ten standard deviations, one lost run takes the place of the best away, without a test."""
    found = compare(with_cells(draw({"a": 10.0, "b": 0.0, "c": -1.0}), {(0, 0, 3): code}))
    assert task(found).best == "b"
    assert standings(found)["a"] == "worse"
    assert [one.method for one in task(found).against] == ["c"]
    assert task(found).against[0].pairs == 3
    assert (found.failed, found.unscored) == ((1, 0) if code == 2 else (0, 1))
    assert task(found).cells[0].n == 9
    assert not found.unequal


@settings(max_examples=25)
@given(st.integers(0, 2), st.integers(0, 6), st.integers(0, 5), st.integers(1, 3))
def test_failing_never_improves_a_method(method: int, place: int, replicate: int, code: int) -> None:
    """Whatever run is lost, the method is best on no more tasks and its average rank is no better."""
    scores = draw({"a": 0.3, "b": 0.2, "c": 0.0}, tasks=7, n=6)
    lost = with_cells(scores, {(place, method, r): code for r in ((replicate,) if code != 1 else ())})
    name = scores.methods[method]
    before, after = compare(scores), compare(lost)
    assert sum(t.best == name for t in after.tasks) <= sum(t.best == name for t in before.tasks)
    assert after.pairwise is not None
    assert before.pairwise is not None
    assert after.pairwise.average_ranks[method] >= before.pairwise.average_ranks[method] - 1e-12


def test_runs_that_the_table_does_not_have_are_counted_apart() -> None:
    """Fewer replicates of one method are no failure; they are said to be unequal."""
    found = compare(with_cells(draw({"a": 10.0, "b": 0.0}), {(0, 0, r): 0 for r in range(4, 10)}))
    assert task(found).best == "a"
    assert (found.least, found.most, found.unequal) == (4, 10, True)
    assert found.failed == found.unscored == 0


def test_a_method_without_any_run_on_a_task_is_not_tested_there() -> None:
    """Its cell is empty, and the task is compared without it."""
    found = compare(with_cells(draw({"a": 0.0, "b": 0.0}), {(0, 0, r): 0 for r in range(10)}))
    assert found.absent == 1
    assert task(found).best == "b"
    assert task(found).against == ()
    assert task(found).cells[0].interval is None


def test_nothing_is_compared_where_every_method_lost_runs() -> None:
    """A task without a whole method has no best."""
    found = compare(with_cells(draw({"a": 0.0, "b": 0.0}), {(0, 0, 1): 2, (0, 1, 2): 3}))
    assert task(found).best is None
    assert set(standings(found).values()) == {"not tested"}


def test_three_pairs_can_never_be_decided() -> None:
    """Flipping the signs of three pairs gives p = .25 at the least, whatever their difference."""
    scores = draw({"a": 100.0, "b": 0.0}, n=3, paired_by="data split")
    found = compare(scores)
    assert standings(found)["b"] == "cannot be decided"
    assert task(found).against[0].difference.least_p == 0.25


def test_pairs_are_those_that_both_have() -> None:
    """A replicate that one method lacks is left out of the pairs of that difference."""
    scores = with_cells(draw({"a": 0.0, "b": 1.0}, paired_by="data split"), {(0, 0, 3): 0})
    assert task(compare(scores)).against[0].difference.n_a == 9


def test_one_run_gives_no_test() -> None:
    """With a single run of each there is a best mean and no decision."""
    found = compare(draw({"a": 5.0, "b": 0.0}, n=1))
    assert standings(found) == {"a": "best", "b": "cannot be decided"}
    assert task(found).against[0].adjusted is None


@pytest.mark.parametrize("families", [1, 5, 6, 7])
def test_nothing_is_decided_across_fewer_than_six_families(families: int) -> None:
    """Seven tasks of five families are five: no test across tasks is made."""
    names = {f"t{i}": f"f{min(i, families - 1)}" for i in range(7)}
    found = compare(draw({"a": 5.0, "b": 0.0}, tasks=7, families=names))
    assert found.families == families
    decided = families >= 6
    assert (found.pairwise is not None) == decided
    assert (found.friedman is not None) == decided
    assert (found.rank_intervals is not None) == decided


def test_irrelevant_methods_change_no_raw_p() -> None:
    """A third method leaves the difference of two others as it was."""
    scores = draw({"a": 1.0, "b": 0.0, "c": -3.0})
    alone = task(compare(scores.only(methods=("a", "b")))).against[0].difference
    among = next(one for one in task(compare(scores)).against if one.method == "b").difference
    assert alone.p == among.p
    assert (alone.mean, alone.low, alone.high) == (among.mean, among.low, among.high)


def test_a_method_against_its_copy_is_a_draw() -> None:
    """Equal scores: a difference of zero, p of one and even chances."""
    rows = [Row(method=m, task="t", replicate=str(r), score=float(r % 7)) for m in "ab" for r in range(20)]
    one = task(compare(make_scores(rows))).against[0]
    assert one.difference.mean == 0.0
    assert one.adjusted == pytest.approx(1.0)
    assert one.superiority.probability == 0.5
    assert one.standing == "not distinguished"


def test_folds_are_warned_of() -> None:
    """Runs that are folds share data, which no test here mends."""
    scores = draw({"a": 1.0, "b": 0.0}, varied=("fold",))
    assert any("folds share training data" in caution for caution in compare(scores).basis.cautions)
    assert any("selection" in caution for caution in compare(scores).basis.cautions)


@pytest.mark.parametrize(
    ("methods", "tables"), [(3, 200), pytest.param(8, 2000, marks=pytest.mark.slow)], ids=["3", "8"]
)
def test_false_alarms_are_as_rare_as_promised(methods: int, tables: int) -> None:
    """Of tables of equal methods, the best is told from any other in no more than 5 %, and chance error."""
    effects = dict.fromkeys("abcdefgh"[:methods], 0.0)
    alarms = sum(
        any(one.standing == "worse" for one in task(compare(draw(effects, root=root))).against)
        for root in range(tables)
    )
    assert alarms / tables <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / tables)


@pytest.mark.parametrize("n", [5, 6, 8])
def test_how_many_pairs_could_decide_depends_on_the_correction(n: int) -> None:
    """Six pairs of two methods give p = .031; three methods need 2^(1 - n) below .05 / 3."""
    two = compare(draw({"a": 9.0, "b": 0.0}, n=n, paired_by="data split"))
    assert standings(two)["b"] == ("worse" if n >= 6 else "cannot be decided")
    three = compare(draw({"a": 9.0, "b": 0.0, "c": -9.0}, n=n, paired_by="data split"))
    assert standings(three)["b"] == ("worse" if n == 8 else "cannot be decided")


def test_the_best_of_pairs_is_the_best_of_what_they_share() -> None:
    """Runs that only one method has make it neither the best nor better than what beats it on all pairs."""
    rows = [Row(method="a", task="t", replicate=str(r), score=0.5 + r / 1000) for r in range(10)]
    rows += [Row(method="b", task="t", replicate=str(r), score=0.6 - r / 1000) for r in range(10)]
    rows += [Row(method="a", task="t", replicate=str(r), score=0.9) for r in range(10, 20)]
    found = compare(make_scores(rows, paired_by="seed"))
    assert standings(found) == {"a": "worse", "b": "best"}
    assert task(found).against[0].difference.mean > 0.0
    assert any("replicates that all its methods share" in caution for caution in found.basis.cautions)


def test_a_best_that_is_behind_on_its_pairs_is_not_called_better() -> None:
    """Where a third method leaves few replicates to all, another may lead on the pairs that it has."""
    scores = {"a": [0.9] * 2 + [0.1] * 18, "b": [0.8] * 2 + [0.7] * 18, "c": [0.0] * 2}
    rows = [
        Row(method=m, task="t", replicate=str(r), score=s + r / 1000 * (m == "b"))
        for m, values in scores.items()
        for r, s in enumerate(values)
    ]
    found = compare(make_scores(rows, paired_by="seed"))
    assert task(found).best == "a"
    assert standings(found)["b"] == "better"
    assert not task(found).stands


@settings(max_examples=25)
@given(st.integers(0, 50), st.integers(0, 2))
def test_a_failure_of_a_third_method_helps_nobody(root: int, replicate: int) -> None:
    """Losing a run of one method makes no other two easier to tell apart."""
    scores = draw({"a": 1.2, "b": 0.0, "c": 0.6}, root=root)
    lost = with_cells(scores, {(0, 2, replicate): 2})
    p = [
        {frozenset((pair.a, pair.b)): pair.adjusted for pair in task_pairs(one, rng=Stream(0, ("any",)))}
        for one in (scores, lost)
    ]
    assert p[1][frozenset("ab")] >= p[0][frozenset("ab")]


def incomplete(**options: object) -> Scores:
    """Return scores of which b beats a on six tasks, and a alone was run on twelve more."""
    rows = [
        Row(method=m, task=f"t{t:02d}", replicate=str(r), score=(m == "b") + r / 100 + t / 1000)
        for t in range(18)
        for m in ("ab" if t < 6 else "a")
        for r in range(5)
    ]
    return make_scores(rows, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["", "%"])
def test_what_was_never_run_is_no_defeat(unit: str) -> None:
    """A pair is compared on the tasks that both have, and ranks that need all tasks are not made."""
    tasks = [f"t{t:02d}" for t in range(18)]
    found = compare(incomplete(units=dict.fromkeys(tasks, unit)))
    assert (found.friedman, found.rank_intervals, found.failed) == (None, None, 0)
    assert found.pairwise is not None
    assert found.pairwise.test == ("signed-rank" if unit else "sign")
    assert found.pairwise.adjusted is not None
    # Six tasks that all agree: 2^(1 - 6).
    assert found.pairwise.adjusted[0, 1] == 0.03125
    a, b = (found.methods.index(name) for name in "ab")
    assert (found.pairwise.wins[b, a], found.pairwise.losses[b, a]) == (6, 0)
    assert not any("failed" in caution for caution in found.pairwise.basis.cautions)


def test_what_was_planned_and_never_run_is_a_defeat() -> None:
    """A declared plan makes the twelve empty cells lost, and b ranks last there."""
    found = compare(incomplete(planned=5))
    assert found.friedman is not None
    a, b = (found.methods.index(name) for name in "ab")
    assert found.pairwise is not None
    assert (found.pairwise.wins[b, a], found.pairwise.losses[b, a]) == (6, 12)


def test_equal_scores_do_not_differ_in_rank() -> None:
    """Three and five runs of one score have one mean: what rounding leaves of their sum is no difference."""
    rows = [
        Row(method=m, task=f"t{t}", replicate=str(r), score=0.1)
        for t in range(7)
        for m, n in (("a", 3), ("b", 5))
        for r in range(n)
    ]
    found = compare(make_scores(rows))
    assert found.friedman is not None
    assert (found.friedman.average_ranks, found.friedman.p) == ((1.5, 1.5), 1.0)
    assert found.pairwise is not None
    assert found.pairwise.ties[0, 1] == 7


def test_scores_without_a_declared_unit_are_compared_by_signs() -> None:
    """A task in other numbers moves no verdict across tasks, and no mean difference of all is shown."""
    scores = draw({"a": 1.0, "b": 0.0}, tasks=8)
    large = msgspec.structs.replace(
        scores, values=scores.values * np.array([1000.0, *[1.0] * 7])[:, None, None]
    )
    first, second = compare(scores).pairwise, compare(large).pairwise
    assert first is not None
    assert second is not None
    assert first.test == "sign"
    assert np.isnan(first.mean_difference[0, 1])
    assert (first.adjusted == second.adjusted).all()
    declared = compare(msgspec.structs.replace(scores, units=("%",) * 8)).pairwise
    assert declared is not None
    assert declared.test == "signed-rank"


def test_a_comparison_has_one_average_rank() -> None:
    """Friedman's test, the pairs and the intervals show the ranks within families, averaged over them."""
    units = {f"t{i}": "%" if i % 2 else "ms" for i in range(14)}
    families = {f"t{i}": f"f{i // 2}" for i in range(14)}
    found = compare(draw({"a": 0.4, "b": 0.2, "c": 0.0}, tasks=14, families=families, units=units))
    assert found.friedman is not None
    assert found.pairwise is not None
    assert found.rank_intervals is not None
    ranks = found.rank_intervals.mean_rank
    assert found.friedman.average_ranks == pytest.approx(ranks)
    assert found.pairwise.average_ranks == pytest.approx(ranks)


def test_nothing_to_compare_is_said() -> None:
    """A table without a run is the caller's error; one method on six tasks has nothing beside it."""
    scores = draw({"a": 0.0, "b": 0.0}, tasks=6)
    nothing = msgspec.structs.replace(
        scores, values=np.full_like(scores.values, np.nan), status=np.zeros_like(scores.status)
    )
    with pytest.raises(UsageError, match="nothing to compare"):
        compare(nothing)
    alone = compare(scores.only(methods=["a"]))
    assert (alone.friedman, alone.pairwise, alone.rank_intervals) == (None, None, None)
    assert "one method" in alone.sentence()
