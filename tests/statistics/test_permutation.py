"""Permutation tests of pairs and of independent samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics import permutation
from assay.statistics.permutation import (
    PermutationTest,
    exchange_p,
    flip_p,
    least_exchange_p,
    least_flip_p,
    p_text,
    permute_means,
    sd_of,
    sign_flip,
    stratified_exchange_p,
)

SEEDS = ("search seeds",)
VALUES = st.lists(st.integers(-20, 20).map(lambda k: k / 10), min_size=2, max_size=10)


def stream(name: str | int = "test") -> Stream:
    return Stream(0, ("permutation", name))


def normal(name: str | int, *shape: int) -> np.ndarray:
    return ndtri((stream(name).indices(1 << 32, shape) + 0.5) / 2**32)


def flipped(d: object, name: str = "test") -> PermutationTest:
    return sign_flip(np.asarray(d), rng=stream(name), source="data split", varied=SEEDS)


def exchanged(a: object, b: object, name: str = "test") -> PermutationTest:
    return permute_means(np.asarray(a), np.asarray(b), rng=stream(name), varied=SEEDS)


@given(VALUES)
def test_few_pairs_have_the_exact_p_of_scipy(d: list[float]) -> None:
    """All signs are enumerated, ties and zeros included, as scipy.stats.permutation_test does."""
    found = flipped(d)
    reference = stats.permutation_test(
        (np.array(d),),
        lambda x, axis: np.round(np.abs(x.mean(axis=axis)), 9),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert found.exact
    assert found.permutations == 2 ** len(d)
    assert found.p == pytest.approx(reference.pvalue, abs=1e-12)
    assert found.statistic == pytest.approx(np.mean(d))


@given(VALUES.map(lambda v: v[:6]), VALUES.map(lambda v: v[:5]))
def test_small_samples_have_the_exact_p_of_scipy(a: list[float], b: list[float]) -> None:
    """All exchanges of labels are enumerated, for samples of equal and of different sizes."""
    found = exchanged(a, b)
    reference = stats.permutation_test(
        (np.array(a), np.array(b)),
        lambda x, y, axis: np.round(np.abs(x.mean(axis=axis) - y.mean(axis=axis)), 9),
        permutation_type="independent",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert found.exact
    assert found.permutations == math.comb(len(a) + len(b), len(a))
    assert found.p == pytest.approx(reference.pvalue, abs=1e-12)


def test_drawn_permutations_agree_with_enumerated_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Monte Carlo p-values lie within four of their standard errors of the exact ones."""
    d, a, b = normal("d", 14) + 0.4, normal("a", 8) + 0.7, normal("b", 8)
    exact = flipped(d).p, exchanged(a, b).p
    monkeypatch.setattr(permutation, "ENUMERATED", 1)
    drawn = flipped(d), exchanged(a, b)
    for truth, found in zip(exact, drawn, strict=True):
        assert not found.exact
        assert 0.01 < truth < 0.5
        assert abs(found.p - truth) < 4 * math.sqrt(truth * (1 - truth) / found.permutations)


def test_chunks_of_draws_change_no_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many signs are held at a time has no influence on p."""
    d = normal("chunks", 40)
    whole = flipped(d)
    monkeypatch.setattr(permutation, "_CELLS", 4096)
    assert flipped(d) == whole


@pytest.mark.parametrize(("n", "least"), [(1, 1.0), (2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_few_pairs_can_never_be_significant(n: int, least: float) -> None:
    """Pairs of one sign reach the least p, 0.25 for three and 0.0625 for five, and the sentence says it."""
    found = flipped(np.arange(1, n + 1))
    assert found.p == found.least_p == least_flip_p(n) == least
    assert f"p = {least:.2g} at the least" in found.sentence()


@pytest.mark.parametrize(
    ("sizes", "least"), [((3, 3), 0.1), ((4, 4), 2 / 70), ((2, 5), 1 / 21), ((1, 1), 1.0)]
)
def test_small_samples_have_a_least_p(sizes: tuple[int, int], least: float) -> None:
    """Samples that are apart reach the least p of their sizes."""
    a, b = np.arange(sizes[0]) ** 2 + 100.0, np.arange(sizes[1]) ** 2 * 1.0
    assert exchanged(a, b).p == pytest.approx(least)
    assert least_exchange_p(*sizes) == pytest.approx(least)


@pytest.mark.parametrize("n", [7, 40])
def test_order_and_side_change_nothing(n: int) -> None:
    """The order of values, the order of samples and the sign of all differences leave p as it is."""
    a, b = normal("left", n) + 0.5, normal("right", n + 3)
    assert exchanged(a, b).p == exchanged(a[::-1], np.roll(b, 2)).p == exchanged(b, a).p
    assert flipped(a).p == flipped(a[::-1]).p == flipped(-a).p


@pytest.mark.parametrize("n", [7, 40])
def test_shift_and_scale_change_nothing(n: int) -> None:
    """A common shift of two samples and a common scale leave p as it is."""
    a, b = normal("one", n), normal("two", n)
    assert exchanged(a, b).p == exchanged(8 * a + 3, 8 * b + 3).p
    assert flipped(a).p == flipped(0.1 * a).p


def test_a_row_has_the_p_that_it_has_alone() -> None:
    """What is tested beside a row, and in which order, does not change its p."""
    rows = normal("rows", 5, 30)
    together, exact, _ = flip_p(rows, stream())
    assert not exact
    assert list(together) == [flipped(row).p for row in rows]
    pairs = [(rows[i, :12], rows[j, :10] + 0.5) for i in range(3) for j in range(3)]
    beside, _, _ = exchange_p(pairs, stream())
    assert list(beside) == [exchanged(a, b).p for a, b in pairs]


def test_equal_streams_give_equal_results() -> None:
    """The same stream gives the same bytes, another one another p, and earlier draws play no part."""
    d = normal("seeded", 25) + 0.3
    used = stream()
    used.random()
    assert flipped(d) == flipped(d) == sign_flip(d, rng=used, source="data split", varied=SEEDS)
    assert flipped(d).p != flipped(d, "another").p
    assert "stream permutation/test, 10,000 resamples" in str(flipped(d))
    assert flipped(d[:5]).basis.seed == exchanged(d[:3], d[3:6]).basis.seed == ""


@pytest.mark.parametrize("n", [3, 8, 12, 25])
def test_null_data_are_rarely_rejected(n: int) -> None:
    """On null data both tests reject in at most 5 % of 2,000 studies, as far as so many can tell."""
    bound = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    # Symmetric, heavy in the tails, and rounded so that there are ties.
    d = np.round(normal(f"null {n}", 2000, n) ** 3, 1)
    p, _, _ = flip_p(d, stream())
    assert (p <= 0.05).mean() <= bound
    skewed = np.round(np.exp(normal(f"labels {n}", 2000, n + 4)), 1)
    p, _, _ = exchange_p([(row[:n], row[n:]) for row in skewed], stream())
    assert (p <= 0.05).mean() <= bound
    # The test can fail: a t-test of these clearly skewed differences rejects too often.
    if n == 8:
        wrong = stats.ttest_1samp(np.exp(normal("skew", 2000, n)) - math.exp(0.5), 0, axis=1).pvalue
        assert (wrong <= 0.05).mean() > bound


@given(st.lists(st.floats(-1e299, 1e299), min_size=1, max_size=20), st.floats(-1e299, 1e299))
def test_every_finite_sample_has_a_p(values: list[float], other: float) -> None:
    """The p lies between its least value and 1, however large, small or alike the values are."""
    for found in (flipped(values), exchanged(values, [other])):
        assert found.least_p - 1e-15 <= found.p <= 1.0


def test_what_makes_no_sense_is_refused() -> None:
    """No values, tables, failed runs and pairs without a source are usage errors."""
    with pytest.raises(UsageError, match="at least one value"):
        flipped([])
    with pytest.raises(UsageError, match="at least one value"):
        exchanged([[1.0]], [1.0])
    with pytest.raises(UsageError, match="1 of 2 values of a sample are not finite"):
        flipped([math.nan, 1.0])
    for source in ("", " "):
        with pytest.raises(UsageError, match="declared common source"):
            sign_flip([1.0], rng=stream(), source=source, varied=SEEDS)


def test_results_print_and_tabulate() -> None:
    """A result says its procedure, source of pairs, zeros and what varied, and has one row of numbers."""
    found = flipped([0.0, 1.0, 2.0])
    for text in (
        "sign-flip",
        "pairs share data split",
        "kept: a difference of zero",
        "search seeds",
        "Fisher",
    ):
        assert text in str(found)
    assert found.table().rows == [(1.0, 0.5, True, 8, 0.25)]


def test_small_p_values_are_not_printed_as_zero() -> None:
    """A p below 0.0001 is printed as such."""
    assert (p_text(3e-9), p_text(0.03125), p_text(1.0)) == ("p < 0.0001", "p = 0.031", "p = 1")


def test_a_deviation_neither_overflows_nor_vanishes() -> None:
    """The standard deviation of very large and very small values is theirs; one value has none."""
    for scale in (1e-200, 1.0, 1e200):
        assert sd_of(scale * np.array([1.0, 2.0, 4.0])) / scale == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert math.isnan(sd_of(np.array([1.0])))


def test_words_and_numbers_too_large_are_refused_as_what_they_are() -> None:
    """A text is no number, and 1e300 is finite but too large for a difference."""
    with pytest.raises(UsageError, match="a sample needs numbers"):
        flipped(["a"])
    with pytest.raises(UsageError, match="1 of 2 values of a sample are too large"):
        flipped([1.0, 1e300])


def test_strata_of_one_are_the_test_of_two_means() -> None:
    """One stratum gives the p of `permute_means`, exactly where all are listed; order plays no part."""
    a, b = normal("strata a", 6) + 1, normal("strata b", 7)
    alone = stratified_exchange_p({"t": (a, b)}, Stream(0, ("strata",)))
    assert alone == pytest.approx(exchanged(a, b).p)
    assert stratified_exchange_p({"t": (a[::-1], b)}, Stream(0, ("strata",))) == alone


def test_strata_are_exchanged_within_each() -> None:
    """Two strata of two against two have 36 assignments, of which two give the largest difference."""
    near, far = (
        (np.array([1.0, 2.0]), np.array([-1.0, -2.0])),
        (np.array([101.0, 102.0]), np.array([90.0, 91.0])),
    )
    assert stratified_exchange_p({"near": near, "far": far}, Stream(0, ("strata",))) == 2 / 36
    many = {f"t{i}": near for i in range(12)}
    assert stratified_exchange_p(many, Stream(0, ("strata",))) == 1 / 10_001
    assert stratified_exchange_p({"t": (near[0], near[0])}, Stream(0, ("strata",))) == 1.0


def test_drawn_strata_are_rarely_wrong() -> None:
    """On null data with drawn assignments p is at most 0.05 in 5 % of 400 studies."""
    data = normal("strata null", 400, 3, 20)
    found = [
        stratified_exchange_p({str(t): (row[t, :10], row[t, 10:]) for t in range(3)}, Stream(0, ("strata",)))
        for row in data
    ]
    assert 0.01 < np.mean([p <= 0.05 for p in found]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_a_stricter_level_only_refines_small_p() -> None:
    """What 10,000 draws settle stays as it is, and what they do not is drawn further."""
    near, far = normal("settled", 20), normal("settled", 20) + 5.0
    rng = Stream(0, ("level",))
    coarse, _, few = flip_p(np.stack([near, far]), rng)
    fine, _, many = flip_p(np.stack([near, far]), rng, 0.05 / 780)
    assert (few, many) == (10_000, 312_000)
    assert coarse[0] == fine[0]
    assert fine[1] < coarse[1] == 1 / 10_001
