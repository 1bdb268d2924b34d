"""How far a ranking of methods stands."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import Row, make_scores
from assay.statistics.stability import kendall_tau, positions, rank_stability

FEW = 200
SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
TABLES = arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(2, 5)), elements=SCORES)
GAPPED = arrays(
    np.float64,
    st.tuples(st.integers(2, 6), st.integers(2, 5)),
    elements=st.sampled_from([0.0, 0.5, 1.0, np.nan]),
)
PLAIN = np.sin(np.arange(40.0).reshape(8, 5) ** 2) + np.arange(5) * 0.2


def scores_of(table, *, tasks=None, methods=None, **options):
    """Return the scores of a table (tasks, methods) with one run each; NaN is a failed run."""
    tasks = tasks or [f"t{i}" for i in range(len(table))]
    methods = methods or [f"m{i}" for i in range(table.shape[1])]
    rows = [
        Row(
            method=m, task=t, replicate="0", score=None if np.isnan(s) else float(s), failed=bool(np.isnan(s))
        )
        for t, line in zip(tasks, table, strict=True)
        for m, s in zip(methods, line, strict=True)
    ]
    return make_scores(rows, **options)


def stability(table, resamples=FEW, **options):
    return rank_stability(scores_of(table, **options), rng=Stream(0, ("stability",)), resamples=resamples)


RANKINGS = st.integers(2, 8).flatmap(
    lambda n: st.tuples(*(arrays(np.float64, n, elements=st.integers(0, 4).map(float)) for _ in range(2)))
)


@given(RANKINGS)
def test_kendalls_tau_is_that_of_scipy(pair):
    """tau-b agrees with scipy where scipy has one, and tells complete agreement in ties as 1."""
    a, b = pair
    theirs = stats.kendalltau(a, b).statistic
    if not np.isnan(theirs):
        assert kendall_tau(a, b) == pytest.approx(theirs)
    else:
        both = len(set(a)) == len(set(b)) == 1
        assert kendall_tau(a, b) == (1.0 if both else 0.0)


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0]), ([1.0, 2.0], [1.0, 2.0, 3.0]), ([[1.0, 2.0]] * 2,) * 2])
def test_tau_of_what_is_no_pair_of_rankings_is_refused(a, b):
    """Rankings have one value for each of the same two or more things."""
    with pytest.raises(UsageError):
        kendall_tau(np.array(a), np.array(b))


def test_positions_share_ties_that_rounding_hides():
    """Sums of thirds that differ in the last bit are the same position."""
    assert positions(np.array([[0.1 + 0.2, 0.3, 0.2]])).tolist() == [[2.5, 2.5, 1.0]]


@given(TABLES)
@settings(max_examples=40)
def test_leaving_out_a_task_gives_the_ranking_of_the_others(table):
    """Each row is the ranking of the remaining tasks, with its tau and largest change."""
    found = stability(table, 5)
    assert [row.name for row in found.leave_one_out] == [f"t{i}" for i in range(len(table))]
    full = positions(average_ranks(table).mean(axis=0)[None])[0]
    assert found.ranking == tuple(full)
    for t, row in enumerate(found.leave_one_out):
        without = positions(average_ranks(np.delete(table, t, axis=0)).mean(axis=0)[None])[0]
        assert row.what == "task"
        assert row.ranking == tuple(without)
        assert row.tau == pytest.approx(kendall_tau(without, full))
        assert row.max_rank_change == np.abs(without - full).max()


def test_families_are_left_out_whole():
    """Where families hold several tasks each is also left out as a whole, and counts once."""
    families = {f"t{i}": "first" if i < 3 else f"f{i}" for i in range(8)}
    found = stability(PLAIN, families=families)
    rows = {row.name: row for row in found.leave_one_out if row.what == "family"}
    ranks = average_ranks(PLAIN)
    assert set(rows) == set(families.values())
    assert rows["first"].ranking == tuple(positions(ranks[3:].mean(axis=0)[None])[0])
    weighted = np.concatenate([ranks[:3].mean(axis=0)[None], ranks[3:]]).mean(axis=0)
    assert found.mean_rank == pytest.approx(weighted)
    assert "position without family first" in found.table().columns


@given(TABLES)
@settings(max_examples=25)
def test_all_subsets_of_few_tasks_are_ranked(table):
    """The means, the least tau and the largest change are those of every non-empty proper subset."""
    found = stability(table, 5).subsets
    ranks = average_ranks(table)
    full = positions(ranks.mean(axis=0)[None])[0]
    chosen = [
        list(rows) for n in range(1, len(table)) for rows in itertools.combinations(range(len(table)), n)
    ]
    rankings = [positions(ranks[rows].mean(axis=0)[None])[0] for rows in chosen]
    taus = [kendall_tau(one, full) for one in rankings]
    changes = [np.abs(one - full).max() / (table.shape[1] - 1) for one in rankings]
    best = [((one == one.min()) == (full == full.min())).all() for one in rankings]
    assert (found.count, found.exact) == (2 ** len(table) - 2, True)
    assert found.tau_mean == pytest.approx(np.mean(taus))
    assert found.tau_least == pytest.approx(min(taus))
    assert found.mrc_mean == pytest.approx(np.mean(changes))
    assert found.mrc_most == pytest.approx(max(changes))
    assert found.same_best == pytest.approx(np.mean(best))


def test_subsets_of_many_tasks_are_drawn():
    """Beyond fifteen tasks subsets are drawn, and the result says that they are not all."""
    table = np.tile(PLAIN, (2, 1))
    found = stability(table).subsets
    assert not found.exact
    assert found.count <= FEW


@given(TABLES | GAPPED)
@settings(max_examples=40)
def test_irrelevant_methods_are_found_by_trying_every_pool(table):
    """The pairs that turn round, and how few methods must go for it, are those of a full search."""
    found = {(flip.better, flip.worse): flip.dropped for flip in stability(table, 5).irrelevant}
    k = table.shape[1]
    full = average_ranks(table).mean(axis=0).round(9)
    expected = {}
    for a, b in itertools.permutations(range(k), 2):
        if full[a] >= full[b]:
            continue
        others = [m for m in range(k) if m not in (a, b)]
        for gone in itertools.chain.from_iterable(
            itertools.combinations(others, n) for n in range(1, len(others) + 1)
        ):
            pool = [m for m in range(k) if m not in gone]
            ranks = average_ranks(table[:, pool]).mean(axis=0).round(9)
            if ranks[pool.index(a)] > ranks[pool.index(b)]:
                expected[f"m{a}", f"m{b}"] = len(gone)
                break
    assert {pair: len(gone) for pair, gone in found.items()} == expected


def test_a_dropped_method_turns_a_pair_round():
    """The pair, its order in the full pool, and the method whose leaving turns it are named."""
    # a beats b on three tasks of five, but c and d stand between them on the two that b wins.
    table = np.array([[2.0, 1, 0], [2, 1, 0], [2, 1, 0], [0, 2, 1], [0, 2, 1]])
    doubled = np.column_stack([table, table[:, 2] + 0.1 * (table[:, 0] == 0)])
    found = stability(doubled, methods=["a", "b", "c", "d"]).irrelevant
    assert [(flip.better, flip.worse) for flip in found] == [("b", "a")]
    assert set(found[0].dropped) <= {"c", "d"}


def test_the_bootstrap_gives_the_share_of_each_position():
    """Rows and columns of the shares sum to 1, and a method that always wins is always first."""
    table = PLAIN.copy()
    table[:, 4] = 9.0
    shares = stability(table).bootstrap
    assert shares.sum(axis=0) == pytest.approx(np.ones(5))
    assert shares.sum(axis=1) == pytest.approx(np.ones(5))
    assert shares[4, 0] == 1.0


def test_equal_methods_share_their_positions():
    """Two copies of one method have the same shares of the positions that they hold together."""
    shares = stability(np.column_stack([PLAIN, PLAIN[:, 0]])).bootstrap
    assert shares[0] == pytest.approx(shares[5])


def test_a_unanimous_ranking_cannot_be_moved():
    """Where all tasks agree no weights, subset or pool changes anything."""
    found = stability(np.tile(np.arange(4.0), (7, 1)))
    assert found.ranking == (4.0, 3.0, 2.0, 1.0)
    for one in (found.reweighting, found.subsets):
        assert (one.tau_least, one.mrc_most, one.same_best) == (1.0, 0.0, 1.0)
    assert found.irrelevant == ()
    assert all(row.max_rank_change == 0.0 for row in found.leave_one_out)


def test_below_six_families_no_bootstrap_is_given():
    """With five tasks the ranking is described, but no share of resamples given; the sentence says why."""
    found = stability(PLAIN[:5])
    assert found.bootstrap is None
    assert "5 independent families" in found.sentence()
    assert stability(PLAIN).bootstrap is not None


@given(TABLES, st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_order_changes_no_number(table, rng):
    """Permuting tasks or methods permutes the rankings and changes no number."""
    rows, columns = list(range(len(table))), list(range(table.shape[1]))
    rng.shuffle(rows)
    rng.shuffle(columns)
    moved = stability(
        table[np.ix_(rows, columns)],
        20,
        tasks=[f"t{i}" for i in rows],
        methods=[f"m{i}" for i in columns],
    )
    before = stability(table, 20)
    assert moved.ranking == tuple(before.ranking[i] for i in columns)
    assert [row.tau for row in moved.leave_one_out] == [row.tau for row in before.leave_one_out]
    assert (moved.reweighting, moved.subsets) == (before.reweighting, before.subsets)
    assert moved.irrelevant == before.irrelevant


@given(GAPPED, st.data())
@settings(max_examples=40)
def test_a_failure_never_improves_a_mean_rank(table, data):
    """A method that fails on some tasks has no better mean rank, in the full table or without a task."""
    method = data.draw(st.integers(0, table.shape[1] - 1))
    worse = table.copy()
    worse[data.draw(arrays(np.bool_, len(table))), method] = np.nan
    before, after = stability(table, 5), stability(worse, 5)
    assert after.mean_rank[method] >= before.mean_rank[method] - 1e-12
    places = [one.ranking[method] for one in (before, after)]
    assert places[1] >= places[0]


def test_a_rescale_of_each_task_changes_nothing():
    """Ranks see only the order, so another unit for each task gives the same result."""
    scale = 2.0 ** np.arange(8)[:, None]
    before, after = stability(PLAIN), stability(PLAIN * scale - 16.0)
    assert after.leave_one_out == before.leave_one_out
    assert after.irrelevant == before.irrelevant
    assert (after.bootstrap == before.bootstrap).all()


def test_the_result_says_how_far_the_ranking_moves():
    """The sentence gives the largest move, the share of reweightings and the pairs that turn round."""
    found = stability(PLAIN)
    text = str(found)
    for part in ("Without any one task", "% of reweightings", "of 10 pairs", "8 families", "200 resamples"):
        assert part in text
    rows = found.table().rows
    assert [row[0] for row in rows] == list(found.methods)
    assert len(rows[0]) == 3 + 8


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_a_ranking_needs_two_methods_and_two_tasks(shape):
    """With one task or one method there is nothing to leave out."""
    with pytest.raises(UsageError):
        stability(np.ones(shape))


def test_below_six_families_no_share_of_reweightings_is_told():
    """Five families give a ranking and what leaves it, and no share of weightings that reads as a chance."""
    found = rank_stability(scores_of(PLAIN[:5]), rng=Stream(0, ("few",)), resamples=200)
    assert (found.reweighting, found.bootstrap) == (None, None)
    assert "reweightings" not in found.sentence()
    assert "%" not in found.sentence()


def test_a_ranking_needs_a_stream_and_every_method_on_every_task():
    """None in place of a stream, and a cell without runs, are the caller's errors."""
    with pytest.raises(UsageError, match="given a Stream"):
        rank_stability(scores_of(PLAIN), rng=None)
    scores = scores_of(PLAIN)
    scores.status[1, 0] = 0
    with pytest.raises(UsageError, match="every method on every task"):
        rank_stability(scores, rng=Stream(0, ("few",)))
