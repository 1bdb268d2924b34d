"""Wilcoxon's signed-rank test and the sign test."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.signed_rank import Zero, critical_wins, sign_test, signed_rank_test

ZEROS: tuple[Zero, ...] = ("split", "wilcox", "pratt")
SCIPY: dict[str, Literal["wilcox", "pratt", "zsplit"]] = {
    "split": "zsplit",
    "wilcox": "wilcox",
    "pratt": "pratt",
}
TIED = st.lists(st.integers(-6, 6).map(lambda k: k / 10), min_size=1, max_size=9)


def normal(name: str | int, *shape: int) -> np.ndarray:
    words = Stream(0, ("signed-rank", name)).indices(1 << 32, shape)
    return ndtri((words + 0.5) / 2**32)


def test_the_case_of_demsar(case: Callable[[str], dict[str, Any]]) -> None:
    """Sums of ranks, z and the p of each zero rule are those of Demšar 2006, table 2, and of scipy."""
    reference = case("demsar06-wilcoxon")
    a, b = reference["inputs"]["a"], reference["inputs"]["b"]
    wanted = reference["expected"]
    # Demšar's R+ belongs to the second classifier, which here is the first argument.
    found = signed_rank_test(b, a, zero="split", exact="table")
    assert (found.r_plus, found.r_minus, found.n, found.zeros) == (wanted["R_plus"], wanted["R_minus"], 14, 2)
    assert found.p == pytest.approx(wanted["scipy_zsplit_exact_p"], abs=1e-6)
    for zero in ("wilcox", "pratt"):
        listed = signed_rank_test(b, a, zero=zero, exact="table").p
        assert listed == pytest.approx(wanted[f"scipy_{zero}_exact_p"], abs=1e-6)
    assert signed_rank_test(b, a, exact=False).p == pytest.approx(wanted["scipy_zsplit_approx_p"], abs=1e-6)
    plain = signed_rank_test(a, b, exact=False, tie_corrected=False)
    assert plain.z == pytest.approx(wanted["z_no_tie_correction"], abs=1e-6)
    assert plain.p == pytest.approx(wanted["p_no_tie_correction"], abs=1e-6)
    assert (signed_rank_test(a, b).p <= 0.05) is wanted["reject_05"]


def test_float_noise_breaks_no_ties() -> None:
    """Differences are rounded before ranking, so that 0.3 - 0.2 ties with 0.2 - 0.1 at every scale."""
    a, b = np.array([0.3, 0.1, 0.7, 0.9]), np.array([0.2, 0.2, 0.4, 0.4])
    assert abs(a - b)[0] != abs(a - b)[1]
    found = signed_rank_test(a, b)
    assert (found.r_plus, found.r_minus) == (8.5, 1.5)
    for scale in (1e-280, 1000.0, 1e290):
        assert signed_rank_test(scale * a, scale * b).r_minus == 1.5
    assert signed_rank_test(a, b, digits=0).zeros == 4


@given(TIED, st.sampled_from(ZEROS))
def test_p_is_exact_given_the_ranks(d: list[float], zero: Zero) -> None:
    """The default p is the share of all signs whose sum of ranks is as extreme, ties and zeros included."""
    found = signed_rank_test(d, np.zeros(len(d)), zero=zero)
    kept = np.array([x for x in d if x or zero != "wilcox"])
    ranks = stats.rankdata(np.abs(kept))[kept != 0] if len(kept) else np.array([])
    seen = abs((ranks * np.sign(kept[kept != 0])).sum()) if len(ranks) else 0.0
    sums = [abs((ranks * np.array(signs)).sum()) for signs in itertools.product((-1, 1), repeat=len(ranks))]
    assert found.p == pytest.approx(np.mean(np.array(sums) >= seen - 1e-9))
    assert found.distribution == "conditional"


@pytest.mark.parametrize("n", [4, 15, 40])
def test_without_ties_p_is_scipys(n: int) -> None:
    """Without ties and zeros the exact p and the normal approximation are scipy.stats.wilcoxon's."""
    a, b = normal(f"a{n}", n) + 0.3, normal(f"b{n}", n)
    exact, approximate = (stats.wilcoxon(a, b, method=method) for method in ("exact", "asymptotic"))
    for zero in ZEROS:
        assert signed_rank_test(a, b, zero=zero).p == pytest.approx(exact.pvalue)
        assert signed_rank_test(a, b, zero=zero, exact="table").p == pytest.approx(exact.pvalue)
        assert signed_rank_test(a, b, zero=zero, exact=False).p == pytest.approx(approximate.pvalue)


@pytest.mark.parametrize("zero", ZEROS)
def test_the_normal_approximation_is_scipys(zero: Zero) -> None:
    """With ties and zeros the approximation agrees with scipy.stats.wilcoxon under each zero rule."""
    d = np.round(normal(f"ties {zero}", 60) + 0.2, 1)
    assert (d == 0).any()
    reference = stats.wilcoxon(d, zero_method=SCIPY[zero], method="asymptotic")
    assert signed_rank_test(d, np.zeros(60), zero=zero, exact=False).p == pytest.approx(reference.pvalue)


@given(TIED, st.sampled_from(ZEROS), st.sampled_from([None, True, False, "table"]))
def test_exchanging_the_methods_exchanges_the_sums(d: list[float], zero: Zero, exact: Any) -> None:
    """Swapping a and b swaps the sums of ranks and the sign of z, and leaves p; order plays no part."""
    b = np.linspace(0, 1, len(d)).round(1)
    a = b + d
    forth, back = (signed_rank_test(*pair, zero=zero, exact=exact) for pair in ((a, b), (b, a)))
    assert (back.r_plus, back.r_minus, back.p) == (forth.r_minus, forth.r_plus, forth.p)
    assert back.z == pytest.approx(-forth.z)
    assert signed_rank_test(a[::-1], b[::-1], zero=zero, exact=exact) == forth
    assert 0.0 <= forth.p <= 1.0


@pytest.mark.parametrize(("n", "least"), [(3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_five_tasks_can_never_be_significant(n: int, least: float) -> None:
    """All of five tasks won gives 0.0625 and the sentence says that less is never possible; six suffice."""
    for test in (signed_rank_test, sign_test):
        found = test(np.arange(n) + 1.0, np.zeros(n))  # type: ignore[operator]
        assert found.p == found.least_p == least
        assert ("never below 0.05" in found.sentence()) is (n < 6)


@pytest.mark.parametrize("n", [1, 14])
def test_a_duplicate_has_p_one(n: int) -> None:
    """A method against itself has even sums and p = 1 under every rule and distribution."""
    a = normal("duplicate", n)
    for zero, exact in itertools.product(ZEROS, (None, False, "table")):
        found = signed_rank_test(a, a, zero=zero, exact=exact)
        assert (found.p, found.z) == (1.0, 0.0)
        assert found.r_plus == found.r_minus
    assert "even" in signed_rank_test(a, a).sentence()
    assert sign_test(a, a).p == 1.0


def test_many_pairs_use_the_normal_approximation() -> None:
    """Beyond a hundred ranked pairs p is the normal approximation, and near the exact one."""
    a, b = normal("many a", 150) + 0.2, normal("many b", 150)
    found = signed_rank_test(a, b)
    assert (found.exact, found.distribution) == (False, "normal")
    assert found.p == pytest.approx(signed_rank_test(a, b, exact=True).p, rel=0.05)


@pytest.mark.parametrize("n", [5, 8, 14, 30])
def test_null_data_are_rarely_rejected(n: int) -> None:
    """On null data with ties both tests reject in at most 5 % of 2,000 studies."""
    bound = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    d = np.round(normal(f"null {n}", 2000, n), 1)
    zeros = np.zeros(n)
    assert np.mean([signed_rank_test(row, zeros).p <= 0.05 for row in d]) <= bound
    assert np.mean([sign_test(row, zeros).p <= 0.05 for row in d]) <= bound


def test_the_sign_test_of_demsar(case: Callable[[str], dict[str, Any]]) -> None:
    """Ten wins, two ties and two losses are eleven wins of fourteen, which is the critical number."""
    reference = case("demsar06-sign")  # Demšar 2006, table 3
    counts = reference["inputs"]
    d = np.repeat([1.0, 0.0, -1.0], [counts["wins"], counts["ties"], counts["losses"]])
    found = sign_test(d, np.zeros(len(d)))
    assert (found.wins, found.ties, found.losses) == (counts["wins"], counts["ties"], counts["losses"])
    assert found.split_wins == reference["expected"]["wins_after_tie_split"]
    assert critical_wins(found.n) == reference["expected"]["critical_wins_05_N14"]


@given(TIED)
def test_the_sign_test_is_the_binomial_one(d: list[float]) -> None:
    """With ties split, p is that of scipy.stats.binomtest, and an odd tie is left out."""
    found = sign_test(d, np.zeros(len(d)))
    assert found.n == len(d) - found.ties % 2
    if found.n:
        assert found.p == pytest.approx(stats.binomtest(found.split_wins, found.n).pvalue)
    assert sign_test(np.zeros(len(d)), d).p == found.p


def test_critical_wins_are_the_first_that_are_significant() -> None:
    """One win less has a one-sided p above alpha; four of four are not enough, and five of five are."""
    assert (critical_wins(4), critical_wins(5)) == (None, 5)
    for n in range(5, 40):
        wins = critical_wins(n)
        assert wins is not None
        assert stats.binom.sf(wins - 1, n, 0.5) <= 0.05 < stats.binom.sf(wins - 2, n, 0.5)


@given(st.lists(st.floats(-1e299, 1e299), min_size=1, max_size=12))
def test_every_finite_sample_has_a_p(a: list[float]) -> None:
    """The p lies between its least value and 1, however large, small or alike the values are."""
    found = signed_rank_test(a, np.ones(len(a)))
    assert found.least_p - 1e-15 <= found.p <= 1.0


def test_what_makes_no_sense_is_refused() -> None:
    """Samples of different sizes, failed runs and unknown rules are usage errors."""
    with pytest.raises(UsageError, match="do not make pairs"):
        signed_rank_test([1.0], [1.0, 2.0])
    with pytest.raises(UsageError, match="not finite"):
        sign_test([1.0], [math.nan])
    with pytest.raises(UsageError, match="unknown zero rule 'zsplit'"):
        signed_rank_test([1.0], [2.0], zero="zsplit")  # type: ignore[arg-type]


def test_results_print_and_tabulate() -> None:
    """Results print zero rule, tie rule, distribution and counts, and have one row."""
    a, b = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0, 2.0, 1.0, 1.0, 0.0, 0.0]
    found, signs = signed_rank_test(a, b, names=("new", "old")), sign_test(a, b, names=("new", "old"))
    for part in (
        "new over old by 20.5 to 0.5",
        "6 pairs, 1 zeros",
        "Demšar 2006",
        "shared out evenly",
        "exact",
    ):
        assert part in str(found)
    assert "5 wins, 1 ties, 0 losses" in signs.sentence()
    for result in (found, signs):
        assert len(result.table().rows[0]) == len(result.table().columns)


@pytest.mark.parametrize("test", [signed_rank_test, sign_test])
def test_few_tasks_are_said_to_decide_nothing(test):
    """Three tasks carry the caution of too few families; three pairs of runs of one task do not."""
    few = test([1.0, 2.0, 3.0], [0.0] * 3)
    assert any("3 independent families" in caution for caution in few.basis.cautions)
    assert not test([1.0, 2.0, 3.0], [0.0] * 3, varied=("search seeds",)).basis.cautions
    assert not test(list(range(1, 7)), [0.0] * 6).basis.cautions
