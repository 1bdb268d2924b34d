"""Friedman's test and its followers by average rank."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.friedman import (
    bonferroni_dunn_test,
    cliques_within,
    critical_difference,
    friedman_test,
    iman_davenport,
    nemenyi_quantile,
    nemenyi_test,
)
from assay.statistics.ranks import average_ranks
from assay.statistics.signed_rank import sign_test

# Few distinct values make ties.
TABLES = arrays(
    np.float64,
    st.tuples(st.integers(6, 9), st.integers(3, 5)),
    elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
GAPPED = arrays(
    np.float64,
    st.tuples(st.integers(6, 8), st.integers(2, 4)),
    elements=st.sampled_from([0.0, 0.5, 1.0, math.nan]),
)


def near(found, one, name):
    """Tell whether a number is the expected one of a case, within the tolerance of the case."""
    tolerance = one["tolerance"].get(name, one["tolerance"].get("all"))
    return found == pytest.approx(one["expected"][name], abs=tolerance)


def test_the_friedman_test_of_demsar(case):
    """Ranks, chi2 and F of Demšar, JMLR 2006, p. 12 f., come out as printed."""
    one = case("demsar06-friedman")
    found = friedman_test(np.array(one["inputs"]["scores"]), methods=one["inputs"]["names"])
    assert near(list(found.average_ranks), one, "avg_ranks")
    assert near(found.chi2, one, "chi2_F")
    assert near(found.f, one, "F_F")
    assert list(found.df) == one["expected"]["df"]
    # The printed critical value of F(3, 39) at .05 is 2.85, and F is above it.
    assert found.p_f < 0.05


def test_the_table_as_printed_gives_another_statistic(case):
    """The three printed decimals tie what the paper ranks apart."""
    one = case("demsar06-friedman-printed")
    found = friedman_test(np.array(one["inputs"]["scores"]))
    assert near(list(found.average_ranks), one, "avg_ranks")
    assert near(found.chi2, one, "chi2_F")
    assert near(found.f, one, "F_F")


def test_both_statistics_of_a_table_with_ties(case):
    """With the correction for ties the statistic is scipy's, without it Demšar's."""
    one = case("friedman-tie-trap")
    scores = np.array(one["inputs"]["scores"])
    corrected, plain = friedman_test(scores, tie_corrected=True), friedman_test(scores)
    assert corrected.chi2 == pytest.approx(one["expected"]["scipy_tie_corrected_chi2"], abs=1e-6)
    assert corrected.p_chi2 == pytest.approx(one["expected"]["scipy_p"], abs=1e-6)
    assert plain.chi2 == pytest.approx(one["expected"]["uncorrected_chi2"], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "turned", "expected"),
    [
        ("catalysts", False, "catalysts_chi2"),
        ("catalysts", True, "catalysts_T_chi2"),
        ("trees_transposed", False, "trees_chi2"),
    ],
)
def test_the_small_tables_of_critdd(case, name, turned, expected):
    """The statistics of critdd's own tests, whose tables are too small for a p-value."""
    one = case("critdd-friedman-small")
    table = np.array(one["inputs"][name], dtype=float)
    found = friedman_test(table.T if turned else table)
    assert near(found.chi2, {**one, "tolerance": {expected: 1e-7}}, expected)
    assert found.p_chi2 is None


def test_iman_and_davenport_of_garcia_and_herrera():
    """Their 30 data sets and 5 classifiers: F 14.309 with (4, 116) degrees, p 1.593e-9."""
    # García and Herrera, JMLR 9 (2008), section 2: chi2 39.647.
    f, p = iman_davenport(39.647, 30, 5)
    assert f == pytest.approx(14.309, abs=5e-4)
    assert p == pytest.approx(1.593e-9, rel=1e-3)
    # The same paper's critical difference of Nemenyi's test, with infinite degrees of freedom.
    assert critical_difference(5, 30) == pytest.approx(1.1136, abs=5e-5)


def test_the_quantiles_of_nemenyi(case):
    """Table 5(a) of Demšar 2006, of which some third decimals are cut off."""
    one = case("demsar06-q-nemenyi")
    for k, q05, q10 in zip(one["inputs"]["k"], one["expected"]["q05"], one["expected"]["q10"], strict=True):
        assert nemenyi_quantile(k) == pytest.approx(q05, abs=1e-3)
        assert nemenyi_quantile(k, 0.10) == pytest.approx(q10, abs=1e-3)


@pytest.mark.parametrize("k", [2, 3, 10, 40])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-4])
def test_the_studentised_range_is_that_of_scipy(k, alpha):
    """The quantile agrees with scipy's studentised range of infinite degrees of freedom."""
    theirs = float(stats.studentized_range.ppf(1 - alpha, k, math.inf)) / math.sqrt(2.0)
    assert nemenyi_quantile(k, alpha) == pytest.approx(theirs, rel=1e-6)


def test_the_critical_difference_and_cliques_of_demsar(case):
    """The critical differences, the significant pairs and the bars of figure 1(a) of Demšar 2006."""
    one = case("demsar06-cd")
    inputs = case("demsar06-friedman")["inputs"]
    scores, names = np.array(inputs["scores"]), inputs["names"]
    at_05, at_10 = (nemenyi_test(scores, methods=names, alpha=alpha) for alpha in (0.05, 0.10))
    assert near(at_05.cd, one, "cd05")
    assert at_05.cd == pytest.approx(one["expected"]["exact05"], abs=1e-6)
    assert at_10.cd == pytest.approx(one["expected"]["exact10"], abs=1e-6)
    pairs = [[a, b] for i, a in enumerate(names) for j, b in enumerate(names) if i < j]
    p = {(a, b): at_10.p[names.index(a), names.index(b)] for a, b in pairs}
    assert [pair for pair in pairs if p[tuple(pair)] < 0.05] == one["expected"]["significant05"]
    assert [pair for pair in pairs if p[tuple(pair)] < 0.10] == one["expected"]["significant10"]
    assert [list(clique) for clique in at_10.cliques] == one["expected"]["cliques10"]
    assert at_05.cliques == (tuple(sorted(names, key=dict(zip(names, at_05.ranks, strict=True)).get)),)


def test_the_cliques_of_the_cd_diagram_example():
    """The average ranks of cd-diagram's example, 30 data sets, give its two bars."""
    # hfawaz/cd-diagram, README: ranks 4.2, 3.767, 1.533, 3.5 and 2.0.
    bars = cliques_within(list("12345"), [4.2, 3.767, 1.533, 3.5, 2.0], critical_difference(5, 30))
    assert {frozenset(bar) for bar in bars} == {frozenset("124"), frozenset("35")}


def test_the_bonferroni_dunn_test_of_demsar(case):
    """z, p and the critical difference against C4.5 of Demšar 2006, p. 13 f."""
    one, inputs = case("demsar06-bonferroni-dunn"), case("demsar06-friedman")["inputs"]
    found = bonferroni_dunn_test(np.array(inputs["scores"]), "C4.5", methods=inputs["names"])
    for i, name in enumerate(found.compared):
        assert found.z[i] == pytest.approx(one["expected"]["z"][name], abs=one["tolerance"]["z"])
        assert found.p[i] == pytest.approx(one["expected"]["p"][name], abs=one["tolerance"]["p"])
        assert found.adjusted[i] == min(1.0, 3 * found.p[i])
    assert found.cd == pytest.approx(one["expected"]["cd05_exact"], abs=1e-6)
    assert near(found.cd, one, "cd05_printed")
    by_column = bonferroni_dunn_test(np.array(inputs["scores"]), 0, methods=inputs["names"], alpha=0.1)
    assert by_column.cd == pytest.approx(one["expected"]["cd10"], abs=1e-6)
    assert "C4.5+m+cf" in found.sentence()


def test_nemenyi_depends_on_the_pool(case):
    """The p-value of one pair swings from 0.008 to 0.997 with the methods around it, and says so."""
    one = case("nemenyi-pool-dependence")
    a = np.where(np.arange(20) < 14, 3.0, 1.0)
    pools = {"between": 2 + 0.1 * np.arange(5), "outside": 10 + 0.1 * np.arange(5)}
    for name, pool in pools.items():
        table = np.column_stack([a, 4.0 - a, np.tile(pool, (20, 1))])
        found = nemenyi_test(table)
        assert found.p[0, 1] == pytest.approx(one["expected"][f"p_AB_{name}"], abs=1e-6)
        assert any("pool" in caution for caution in found.basis.cautions)


@given(TABLES)
def test_the_corrected_statistic_is_that_of_scipy(table):
    """Whatever ties, the corrected statistic and its p are scipy's, which has none where all tie."""
    found = friedman_test(table, tie_corrected=True)
    if (table == table[:, :1]).all():
        assert (found.chi2, found.p_chi2, found.p_f) == (0.0, 1.0, 1.0)
        return
    theirs = stats.friedmanchisquare(*table.T)
    assert found.chi2 == pytest.approx(float(theirs.statistic), rel=1e-9, abs=1e-9)
    assert found.p_chi2 == pytest.approx(float(theirs.pvalue), rel=1e-9)


def test_nemenyi_is_that_of_scikit_posthocs():
    """The p-values of all pairs agree with scikit-posthocs."""
    from scikit_posthocs import posthoc_nemenyi_friedman

    table = np.sin(np.arange(60.0).reshape(12, 5) ** 2)
    theirs = posthoc_nemenyi_friedman(table).to_numpy()
    assert nemenyi_test(table).p == pytest.approx(theirs, abs=1e-6)


@given(TABLES, st.randoms(use_true_random=False))
def test_order_and_scale_change_no_number(table, rng):
    """Permuting tasks or methods, or a monotone rescale of each task, changes no bit of any number."""
    rows, columns = list(range(len(table))), list(range(table.shape[1]))
    rng.shuffle(rows)
    rng.shuffle(columns)
    scale = np.arange(1, len(table) + 1)[:, None]
    moved = np.exp(table * 0.5)[np.ix_(rows, columns)] * scale - 3.0
    before, after = friedman_test(table), friedman_test(moved)
    assert (after.chi2, after.p_f, after.f) == (before.chi2, before.p_f, before.f)
    assert after.average_ranks == tuple(before.average_ranks[i] for i in columns)
    assert (nemenyi_test(moved).p == nemenyi_test(table).p[np.ix_(columns, columns)]).all()


@given(GAPPED, st.data())
def test_a_failure_never_improves_an_average_rank(table, data):
    """Whatever else has failed, a method that fails has no better average rank, and p still exists."""
    method = data.draw(st.integers(0, table.shape[1] - 1))
    fails = data.draw(arrays(np.bool_, len(table)))
    after = table.copy()
    after[fails, method] = math.nan
    assert friedman_test(after).average_ranks[method] >= friedman_test(table).average_ranks[method]
    assert 0.0 <= friedman_test(after).p_f <= 1.0
    assert (nemenyi_test(after).p <= 1.0).all()


def test_failed_runs_are_counted_in_the_cautions():
    """A result with failures says how many, and how they were ranked."""
    table = np.arange(18.0).reshape(6, 3)
    table[2, 1] = math.nan
    assert any("1 results failed" in caution for caution in friedman_test(table).basis.cautions)


def test_a_copy_of_a_method_is_not_told_apart():
    """A method that is entered twice has p = 1 against itself."""
    table = np.sin(np.arange(24.0).reshape(8, 3) ** 2)
    twice = np.column_stack([table, table[:, 0]])
    assert nemenyi_test(twice).p[0, 3] == 1.0


def test_where_all_tasks_agree_p_is_that_of_the_permutations():
    """F is infinite, and p the chance of one order in all tasks but the first."""
    found = friedman_test(np.tile([3.0, 2.0, 1.0], (6, 1)))
    assert math.isinf(found.f)
    # Conover 1999: (1/k!)^(N - 1).
    assert found.p_f == pytest.approx(math.factorial(3) ** -5.0)


def test_below_six_tasks_no_p_is_printed():
    """With five tasks every p is None, and the sentence says why."""
    table = np.tile([3.0, 2.0, 1.0], (5, 1))
    omnibus, pairs, control = friedman_test(table), nemenyi_test(table), bonferroni_dunn_test(table, 0)
    assert not (omnibus.decided or pairs.decided or control.decided)
    assert (omnibus.p_chi2, omnibus.p_f, pairs.p, pairs.cd, pairs.cliques) == (None, None, None, None, ())
    assert (control.p, control.adjusted, control.cd) == (None, None, None)
    for result in (omnibus, pairs, control):
        assert "5 independent families" in result.sentence()
        assert "p = " not in str(result)
        assert all(row[-1] is None for row in result.table().rows)


def test_results_become_tables():
    """Each result has a row for each method or pair, with its numbers in full."""
    table = np.sin(np.arange(24.0).reshape(8, 3) ** 2)
    assert [row[0] for row in friedman_test(table).table().rows] == ["method 1", "method 2", "method 3"]
    assert len(nemenyi_test(table).table().rows) == 3
    assert [row[:2] for row in bonferroni_dunn_test(table, 1).table().rows] == [
        ("method 1", "method 2"),
        ("method 3", "method 2"),
    ]
    assert "8 tasks" in friedman_test(table).sentence()
    assert "of 3 pairs" in nemenyi_test(table).sentence()


@pytest.mark.parametrize("control", ["method 9", 3, -1])
def test_a_control_that_is_no_method_is_refused(control):
    """A control must be one of the methods, by name or column."""
    with pytest.raises(UsageError):
        bonferroni_dunn_test(np.ones((6, 3)), control)


def rejections(tables):
    """Return the share of null tables that the F test and any pair of Nemenyi's reject at 0.05."""
    omnibus = [friedman_test(table).p_f < 0.05 for table in tables]
    pairs = [(nemenyi_test(table).p < 0.05).any() for table in tables]
    return np.mean(omnibus), np.mean(pairs)


def test_on_null_data_five_percent_are_rejected_at_most():
    """The omnibus and the family of all pairs keep their level on data without any difference."""
    rng = np.random.default_rng(1)
    error = 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert max(rejections(rng.normal(size=(1000, 15, 4)))) < 0.05 + error


@pytest.mark.slow
@pytest.mark.parametrize(("tasks", "methods"), [(6, 3), (12, 5), (30, 10)])
def test_on_much_null_data_five_percent_are_rejected_at_most(tasks, methods):
    """The level holds within a percentage point for few and many tasks and methods."""
    tables = np.random.default_rng(2).standard_t(2, size=(8000, tasks, methods))
    assert max(rejections(tables)) < 0.06


def enumerated(table):
    """Return p of Friedman's statistic by listing every arrangement of the ranks within tasks."""
    ranks = average_ranks(table)
    middle = len(table) * (table.shape[1] + 1) / 2
    seen = ((ranks.sum(axis=0) - middle) ** 2).sum()
    orders = [list(itertools.permutations(row)) for row in ranks]
    sums = [np.sum(rows, axis=0) - middle for rows in itertools.product(*orders)]
    return np.mean([(one**2).sum() >= seen - 1e-9 for one in sums])


@pytest.mark.parametrize("seed", range(8))
def test_the_deciding_p_is_that_of_all_arrangements(seed):
    """Of six tasks and three methods with ties, the exact p is that of listing all arrangements."""
    table = np.random.default_rng(seed).integers(0, 3, size=(6, 3)).astype(float)
    found = friedman_test(table)
    assert found.p_method == "exact"
    assert found.p == pytest.approx(enumerated(table), rel=1e-9)


def test_two_methods_are_decided_by_the_sign_test():
    """Six wins of seven have p = .125 by the sign test, where Iman and Davenport's F has .047."""
    found = friedman_test(np.array([[1.0, 0.0]] * 6 + [[0.0, 1.0]]))
    assert found.p == pytest.approx(0.125)
    assert found.p_f == pytest.approx(0.0465, abs=1e-4)
    assert "are not distinguished by rank" in found.sentence()
    assert sign_test([1.0] * 6 + [0.0], [0.0] * 6 + [1.0]).p == found.p


def test_where_all_tasks_agree_ties_have_fewer_orders():
    """Two methods that always tie leave three orders of a task, so that p is (1/3)^5 of six tasks."""
    found = friedman_test(np.array([[2.0, 1.0, 1.0]] * 6), tie_corrected=True)
    assert math.isinf(found.f)
    assert found.p == pytest.approx(3.0**-5)
    assert found.p_f == found.p


def test_drawn_tables_are_near_the_exact_ones_and_the_same_each_time():
    """Where there are too many arrangements p is drawn: near F of many tasks, equal for equal streams."""
    table = np.random.default_rng(3).normal(size=(30, 7)) + np.arange(7) * 0.05
    found = friedman_test(table)
    assert found.p_method == "Monte Carlo"
    assert found.p == pytest.approx(found.p_f, abs=0.01)
    assert found.p == friedman_test(table[::-1, ::-1]).p
    assert found.p != friedman_test(table, rng=Stream(1, ("other",))).p
    assert friedman_test(np.tile(table, (10, 1))).p_method == "F"


@pytest.mark.parametrize(("tasks", "methods"), [(7, 2), (8, 2), (6, 4)])
def test_few_tasks_keep_the_level(tasks, methods):
    """Of null tables 5 % are rejected at most, where F of two methods on seven tasks rejects 12.5 %."""
    tables = np.random.default_rng(5).normal(size=(2000, tasks, methods))
    error = 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert np.mean([friedman_test(table).p < 0.05 for table in tables]) < 0.05 + error


def test_five_families_have_no_test_in_the_table():
    """Below six families neither p nor the statistics stand in the table of the result."""
    found = friedman_test(np.arange(15.0).reshape(5, 3))
    assert found.p is None
    assert all(cell is None for row in found.table().rows for cell in row[2:])
