"""All pairs of methods over tasks by signed ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.foundation.errors import UsageError
from assay.statistics.multiplicity import bonferroni, holm
from assay.statistics.pairwise import pairwise_sign_test, pairwise_signed_rank
from assay.statistics.scores import Row, make_scores
from assay.statistics.signed_rank import sign_test, signed_rank_test

TABLES = arrays(
    np.float64,
    st.tuples(st.integers(6, 9), st.integers(2, 5)),
    elements=st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]),
)
GAPPED = arrays(
    np.float64,
    st.tuples(st.integers(6, 8), st.integers(2, 4)),
    elements=st.sampled_from([0.0, 0.1, 0.5, 1.0, math.nan]),
)
PLAIN = np.sin(np.arange(60.0).reshape(12, 5) ** 2) + np.arange(5) * 0.3


def test_every_pair_has_the_p_of_its_own_test(case):
    """The raw p of two of Demšar's methods is that of the signed-rank test of these two."""
    inputs = case("demsar06-friedman")["inputs"]
    scores, names = np.array(inputs["scores"]), inputs["names"]
    found = pairwise_signed_rank(scores, names)
    for i in range(4):
        for j in range(4):
            alone = 1.0 if i == j else signed_rank_test(scores[:, i], scores[:, j]).p
            assert found.p[i, j] == alone
    # Demšar 2006, table 2: C4.5 against C4.5+m: 10 losses, 2 wins, 2 ties.
    assert (found.wins[0, 1], found.ties[0, 1], found.losses[0, 1]) == (2, 2, 10)
    assert found.methods[0] == "C4.5"


def test_wilcoxon_with_holm_is_that_of_scikit_posthocs():
    """Without ties the adjusted p-values of all pairs agree with scikit-posthocs."""
    from scikit_posthocs import posthoc_wilcoxon

    theirs = posthoc_wilcoxon([*PLAIN.T], zero_method="zsplit", p_adjust="holm").to_numpy()
    assert pairwise_signed_rank(PLAIN).adjusted == pytest.approx(theirs, rel=1e-9)


@given(TABLES, st.integers(1, 3))
def test_irrelevant_methods_leave_a_pair_as_it_is(table, more):
    """Raw p, wins and differences of a pair see no other method; Holm's p can only grow."""
    wide = np.column_stack([table, *(np.full(len(table), 0.2 * i) for i in range(more))])
    before, after = pairwise_signed_rank(table), pairwise_signed_rank(wide)
    k = table.shape[1]
    for name in ("p", "wins", "ties", "losses", "mean_difference"):
        assert (getattr(after, name)[:k, :k] == getattr(before, name)).all()
    assert (after.adjusted[:k, :k] >= before.adjusted).all()
    assert any("number of pairs" in caution for caution in after.basis.cautions)


def test_the_pool_that_turns_nemenyi_leaves_signed_ranks_alone(case):
    """Where Nemenyi's p swings with the pool, the signed-rank p of the pair stays."""
    tasks = case("nemenyi-pool-dependence")["inputs"]["N"]
    a = np.where(np.arange(tasks) < 14, 3.0, 1.0)
    pools = [base + 0.1 * np.arange(5) for base in (2.0, 10.0)]
    tables = [np.column_stack([a, 4.0 - a, np.tile(pool, (tasks, 1))]) for pool in pools]
    first, second = (pairwise_signed_rank(table) for table in tables)
    assert first.p[0, 1] == second.p[0, 1]


@given(TABLES, st.randoms(use_true_random=False))
def test_order_changes_no_number(table, rng):
    """Permuting tasks or methods permutes the results and changes no bit of them."""
    rows, columns = list(range(len(table))), list(range(table.shape[1]))
    rng.shuffle(rows)
    rng.shuffle(columns)
    names = [f"m{i}" for i in range(table.shape[1])]
    before = pairwise_signed_rank(table, names)
    after = pairwise_signed_rank(table[np.ix_(rows, columns)], [names[i] for i in columns])
    for name in ("p", "adjusted", "wins", "ties", "losses", "mean_difference"):
        assert (getattr(after, name) == getattr(before, name)[np.ix_(columns, columns)]).all()
    assert after.cliques == before.cliques


@given(TABLES)
def test_a_copy_of_a_method_has_p_one(table):
    """A method that is entered twice ties with itself on every task."""
    found = pairwise_signed_rank(np.column_stack([table, table[:, 0]]))
    assert found.p[0, -1] == found.adjusted[0, -1] == 1.0
    assert found.ties[0, -1] == len(table)
    assert found.mean_difference[0, -1] == 0.0


@given(TABLES)
def test_a_monotone_rescale_of_each_task_changes_no_count(table):
    """Wins, ties, losses and ranks see only the order within a task."""
    scale = 10.0 ** np.arange(len(table))[:, None]
    before, after = pairwise_signed_rank(table), pairwise_signed_rank(np.expm1(table) * scale)
    assert (after.wins == before.wins).all()
    assert (after.ties == before.ties).all()
    assert after.average_ranks == before.average_ranks


@given(GAPPED, st.data())
def test_a_failure_never_helps(table, data):
    """A method that fails has no more wins, no better rank, no mean difference, and no new victory."""
    method = data.draw(st.integers(0, table.shape[1] - 1))
    fails = data.draw(arrays(np.bool_, len(table)))
    assume(fails.any())
    worse = table.copy()
    worse[fails, method] = math.nan
    before, after = pairwise_signed_rank(table), pairwise_signed_rank(worse)
    assert (after.wins[method] <= before.wins[method]).all()
    assert (after.losses[:, method] <= before.losses[:, method]).all()
    assert after.average_ranks[method] >= before.average_ranks[method]
    others = np.arange(table.shape[1]) != method
    assert np.isnan(after.mean_difference[method][others]).all()
    ahead = after.wins[method] > after.losses[method]
    assert (after.p[method][ahead] >= before.p[method][ahead] - 1e-12).all()


def test_a_failure_loses_by_more_than_any_other_difference():
    """One failure outweighs the largest win, and two failures on a task tie."""
    wins = np.column_stack([np.arange(1.0, 8.0), np.zeros(7)])
    wins[0, 0] = math.nan
    alone = pairwise_signed_rank(wins)
    lost = np.column_stack([[-100.0, *range(2, 8)], np.zeros(7)])
    assert alone.p[0, 1] == pairwise_signed_rank(lost).p[0, 1]
    wins[0, 1] = math.nan
    assert pairwise_signed_rank(wins).ties[0, 1] == 1
    assert any("2 results failed" in caution for caution in pairwise_signed_rank(wins).basis.cautions)


@given(TABLES)
def test_cliques_hold_the_pairs_that_are_not_distinguished(table):
    """Two methods share a clique exactly if they are not distinguished, and no clique holds another."""
    found = pairwise_signed_rank(table, alpha=0.2, correction="none")
    for i, a in enumerate(found.methods):
        for j, b in enumerate(found.methods):
            together = any(a in clique and b in clique for clique in found.cliques)
            assert i == j or together == (found.adjusted[i, j] >= 0.2)
    sets = [set(clique) for clique in found.cliques]
    assert not any(one < other for one in sets for other in sets)


def test_corrections_are_over_all_pairs():
    """Holm, Bonferroni and none adjust the p-values of the pairs above the diagonal."""
    upper = np.triu_indices(5, 1)
    raw = pairwise_signed_rank(PLAIN).p[upper]
    for name, adjust in (("holm", holm), ("bonferroni", bonferroni), ("none", np.asarray)):
        found = pairwise_signed_rank(PLAIN, correction=name)
        assert (found.adjusted[upper] == adjust(raw)).all()
        assert (found.adjusted == found.adjusted.T).all()


def test_below_six_tasks_no_p_is_printed():
    """With five tasks counts and differences stand, p is None, and the sentence says why."""
    found = pairwise_signed_rank(PLAIN[:5])
    assert not found.decided
    assert (found.p, found.adjusted, found.least_p, found.cliques) == (None, None, None, ())
    assert (found.wins + found.ties + found.losses == 5).all()
    assert "5 independent families" in found.sentence()
    assert "p = " not in str(found)
    assert all(row[-2:] == (None, None) for row in found.table().rows)


def test_too_few_tasks_for_so_many_pairs_are_told():
    """With six tasks and ten pairs nothing can be significant after Holm, and the basis says so."""
    found = pairwise_signed_rank(np.tile(np.arange(5.0), (6, 1)) * np.arange(1, 7)[:, None])
    assert found.least_p == 2.0**-5
    assert found.p[0, 4] == found.least_p
    assert found.adjusted.min() > 0.05
    assert any("no pair can be distinguished" in caution for caution in found.basis.cautions)


def test_the_sentence_names_what_the_best_is_not_told_apart_from():
    """The sentence counts the pairs, and names the best ranked and its rivals."""
    table = np.arange(20.0)[:, None] * 0.01 + np.array([3.0, 3.0, 1.0])
    table[::2, 0] += 0.5
    table[1::2, 1] += 0.6
    text = pairwise_signed_rank(table, ["a", "b", "c"]).sentence()
    assert "2 of 3 pairs" in text
    assert text.endswith("not distinguished from b")
    clear = pairwise_signed_rank(table[:, 1:], ["b", "c"]).sentence()
    assert clear.endswith("distinguished from all others")


def test_the_table_has_one_row_for_each_pair():
    """The table gives counts, difference and both p-values of each pair."""
    found = pairwise_signed_rank(PLAIN, list("abcde"))
    rows = found.table().rows
    assert [row[:2] for row in rows[:2]] == [("a", "b"), ("a", "c")]
    assert rows[0][2:] == (
        found.mean_difference[0, 1],
        *(counts[0, 1] for counts in (found.wins, found.ties, found.losses, found.p, found.adjusted)),
    )
    broken = PLAIN.copy()
    broken[0, 0] = math.nan
    assert pairwise_signed_rank(broken).table().rows[0][2] is None


@pytest.mark.parametrize("options", [{"correction": "hochberg"}, {"zero": "drop"}])
def test_unknown_words_are_refused(options):
    """A correction or zero rule that does not exist is the caller's error."""
    with pytest.raises(UsageError):
        pairwise_signed_rank(PLAIN, **options)


def false_claims(tables):
    """Return the share of null tables in which some pair is distinguished at 0.05."""
    return np.mean([(pairwise_signed_rank(table).adjusted < 0.05).any() for table in tables])


def test_on_null_data_some_pair_is_distinguished_in_five_percent_at_most():
    """Holm keeps the chance of any false claim below the level."""
    tables = np.random.default_rng(4).normal(size=(400, 12, 4))
    assert false_claims(tables) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.slow
@pytest.mark.parametrize(("tasks", "methods"), [(6, 2), (10, 3), (20, 6)])
def test_on_much_null_data_some_pair_is_distinguished_in_five_percent_at_most(tasks, methods):
    """The level holds for few and many tasks, with heavy tails and ties."""
    tables = np.round(np.random.default_rng(5).standard_t(3, size=(4000, tasks, methods)), 1)
    assert false_claims(tables) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_cells_that_were_never_run_are_left_out_of_their_pairs():
    """A pair is tested on the tasks that both have, as if the others did not exist; too few have p = 1."""
    absent = np.zeros(PLAIN.shape, dtype=bool)
    absent[:4, 0] = absent[5:, 1] = True
    values = np.where(absent, math.nan, PLAIN)
    found = pairwise_signed_rank(values, absent=absent)
    alone = signed_rank_test(PLAIN[4:, 0], PLAIN[4:, 2])
    assert found.p[0, 2] == alone.p
    assert found.wins[0, 2] + found.ties[0, 2] + found.losses[0, 2] == found.shared[0, 2] == 8
    assert found.mean_difference[0, 2] == pytest.approx((PLAIN[4:, 0] - PLAIN[4:, 2]).mean())
    assert found.shared[0, 1] == 1
    assert found.p[0, 1] == 1.0
    assert np.isnan(found.average_ranks).all()
    assert found.p[2, 3] == pairwise_signed_rank(PLAIN).p[2, 3]
    assert any("4 of 10 pairs share fewer than 6" in caution for caution in found.basis.cautions)
    with pytest.raises(UsageError, match="shape"):
        pairwise_signed_rank(values, absent=absent[:3])


def scored(table, **options):
    """Return scores with one run a cell, NaN a failed one."""
    rows = [
        Row(method=f"m{m}", task=f"t{t}", replicate="0", score=None if np.isnan(x) else x, failed=np.isnan(x))
        for t, line in enumerate(table)
        for m, x in enumerate(line)
    ]
    return make_scores(rows, **options)


def test_signs_of_families_are_those_of_most_tasks():
    """A family counts once, for the method that wins more of its tasks, whatever the size of the wins."""
    table = np.tile([1.0, 0.0], (10, 1))
    table[0] = [0.0, 1000.0]
    families = {f"t{t}": "first" for t in range(3)}
    found = pairwise_sign_test(scored(table, families=families))
    assert (found.wins[0, 1], found.ties[0, 1], found.losses[0, 1]) == (8, 0, 0)
    assert found.p[0, 1] == sign_test([1.0] * 8, [0.0] * 8).p
    assert found.test == "sign"
    # Ranks of the first family: 2, 1, 1 of the method that wins two of its three tasks.
    assert found.average_ranks[0] == pytest.approx((4 / 3 + 7) / 8)


def test_a_lost_run_loses_its_task_by_sign():
    """What failed alone loses, and two that failed tie."""
    table = np.tile([1.0, 0.0], (8, 1))
    table[0] = [math.nan, 0.0]
    table[1] = math.nan
    found = pairwise_sign_test(scored(table))
    assert (found.wins[0, 1], found.ties[0, 1], found.losses[0, 1]) == (6, 1, 1)
    assert any("3 results failed" in caution for caution in found.basis.cautions)
