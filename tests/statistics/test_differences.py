"""Differences of two methods on one task."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr, ndtri

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics import bca
from assay.statistics.bca import expanded_z
from assay.statistics.differences import (
    Difference,
    paired_difference,
    paired_differences,
    unpaired_difference,
    unpaired_differences,
    welch,
)

SEEDS = ("search seeds",)
SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=25)
MIRRORED = {
    "better": "worse",
    "worse": "better",
    "not distinguished": "not distinguished",
    "cannot be decided": "cannot be decided",
}


def stream(name: str | int = "test") -> Stream:
    return Stream(0, ("differences", name))


def normal(name: str | int, *shape: int) -> np.ndarray:
    return ndtri((stream(name).indices(1 << 32, shape) + 0.5) / 2**32)


def paired(a: object, b: object, name: str = "test", confidence: float = 0.95) -> Difference:
    return paired_difference(
        np.asarray(a),
        np.asarray(b),
        source="data split",
        rng=stream(name),
        varied=SEEDS,
        confidence=confidence,
    )


def unpaired(a: object, b: object, name: str = "test", confidence: float = 0.95) -> Difference:
    return unpaired_difference(
        np.asarray(a), np.asarray(b), rng=stream(name), varied=SEEDS, confidence=confidence
    )


def ends(found: Difference) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def assert_mirrored(forth: Difference, back: Difference) -> None:
    assert (back.mean, back.p, back.sd, back.least_p) == (-forth.mean, forth.p, forth.sd, forth.least_p)
    assert back.verdict == MIRRORED[forth.verdict]
    if forth.low is not None and forth.high is not None:
        assert (back.low, back.high) == (-forth.high, -forth.low)


@pytest.mark.parametrize(("n", "method"), [(1, "none"), (2, "t"), (9, "t"), (10, "BCa"), (50, "BCa")])
def test_the_interval_follows_the_number_of_pairs(n: int, method: str) -> None:
    """One pair has no interval, up to nine have Student's t, and ten and more BCa."""
    d = np.exp(normal("method", n))
    found = paired(d, np.zeros(n))
    assert (found.method, found.n_a, found.n_b, found.paired_by) == (method, n, n, "data split")
    assert found.mean == pytest.approx(d.mean())
    if method == "t":
        assert ends(found) == pytest.approx(stats.t.interval(0.95, n - 1, loc=d.mean(), scale=stats.sem(d)))
    if n > 1:
        assert found.sd == pytest.approx(d.std(ddof=1))


@pytest.mark.parametrize("n", [10, 25, 100])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_bca_agrees_with_scipy_within_monte_carlo_error(n: int, confidence: float) -> None:
    """At the level of the expanded quantile the ends are those of scipy.stats.bootstrap(method='BCa')."""
    d = np.exp(normal(f"scipy {n}", n))
    found = np.array(ends(paired(d, np.zeros(n), confidence=confidence)))
    level = 1 - 2 * stats.norm.sf(expanded_z(n, confidence))
    listed = np.array(
        [
            stats.bootstrap(
                (d,), np.mean, confidence_level=level, n_resamples=10_000, method="BCa", rng=seed
            ).confidence_interval
            for seed in range(8)
        ]
    )
    # The spread of scipy's own ends over its seeds is the Monte Carlo error of one of them.
    error = listed.std(axis=0, ddof=1) * math.sqrt(1 + 1 / len(listed))
    assert np.all(np.abs(found - listed.mean(axis=0)) < 5 * error)
    # The agreement means something: a percentile interval of skewed data lies elsewhere.
    if n == 25 and confidence == 0.99:
        resampled = d[stream("percentile").indices(n, (10_000, n))].mean(axis=1)
        percentile = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
        assert np.any(np.abs(percentile - listed.mean(axis=0)) > 5 * error)


def test_the_bootstrap_is_expanded_for_small_samples() -> None:
    """The quantile exceeds the normal one by the t ratio and sqrt(n / (n - 1)), and tends to it."""
    assert expanded_z(10, 0.95) == pytest.approx(2.262157 * math.sqrt(10 / 9))
    assert expanded_z(10**8, 0.95) == pytest.approx(1.959964, abs=1e-6)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many resamples are held at a time has no influence on the interval."""
    d = normal("chunks", 33)
    whole = paired(d, np.zeros(33))
    monkeypatch.setattr(bca, "_CELLS", 1000)
    assert paired(d, np.zeros(33)) == whole


@given(SAMPLES, st.integers(0, 30))
def test_exchanging_the_methods_mirrors_a_paired_result(a: list[float], turn: int) -> None:
    """Swapping a and b mirrors mean, interval and verdict exactly, and leaves p; order plays no part."""
    b = [math.sin(k + 1) for k in range(len(a))]
    forth = paired(a, b)
    assert_mirrored(forth, paired(b, a))
    assert paired(np.roll(a, turn), np.roll(b, turn)) == forth


@given(SAMPLES, SAMPLES, st.integers(0, 30))
def test_exchanging_the_methods_mirrors_an_unpaired_result(a: list[float], b: list[float], turn: int) -> None:
    """Swapping a and b mirrors mean, interval and verdict exactly, and leaves both p."""
    forth, back = unpaired(a, b), unpaired(b, a)
    assert_mirrored(forth, back)
    assert forth.permutation_p == back.permutation_p
    assert unpaired(np.roll(a, turn), b) == forth


@pytest.mark.parametrize("n", [5, 12, 30])
def test_results_move_with_their_data(n: int) -> None:
    """A common shift changes nothing, and a scale scales mean and interval and leaves p and verdict."""
    a, b = normal("moved", n) + 1, normal("still", n)
    for compare in (paired, unpaired):
        before, shifted, scaled = compare(a, b), compare(a + 5, b + 5), compare(3 * a, 3 * b)
        assert ends(shifted) == pytest.approx(ends(before), abs=1e-9)
        assert ends(scaled) == pytest.approx([3 * end for end in ends(before)], rel=1e-9)
        assert before.p == pytest.approx(shifted.p) == pytest.approx(scaled.p)
        assert before.verdict == shifted.verdict == scaled.verdict


@pytest.mark.parametrize("n", [3, 12, 50])
def test_a_duplicate_is_not_distinguished(n: int) -> None:
    """A method against itself has p = 1, a difference of zero, and no verdict for either."""
    a = normal("duplicate", n)
    for compare in (paired, unpaired):
        found = compare(a, a)
        assert (found.p, found.mean) == (1.0, 0.0)
        assert found.verdict in {"not distinguished", "cannot be decided"}
    assert paired(a, a).verdict == ("cannot be decided" if n == 3 else "not distinguished")
    assert (paired(a, a).low, paired(a, a).method) == (None, "none")


def test_three_pairs_decide_nothing() -> None:
    """Three pairs, however far apart, cannot be significant by sign-flip, and the sentence says so."""
    found = paired([10.0, 11.0, 12.0], [0.0, 0.1, 0.3])
    assert (found.verdict, found.p, found.least_p) == ("cannot be decided", 0.25, 0.25)
    assert "cannot be decided with 3 pairs, of which a sign-flip test gives p = 0.25" in found.sentence()
    assert any("interval excludes zero and the test does not" in text for text in found.basis.cautions)


@pytest.mark.parametrize(("n", "verdict"), [(5, "cannot be decided"), (6, "better")])
def test_six_pairs_are_the_first_that_can_decide(n: int, verdict: str) -> None:
    """Five pairs of one sign give 0.0625 and no verdict; six give 0.031 and one."""
    assert paired(np.arange(n) + 10.0, np.zeros(n)).verdict == verdict
    assert paired(np.zeros(n), np.arange(n) + 10.0).verdict == MIRRORED[verdict]


def test_a_lower_confidence_needs_fewer_pairs() -> None:
    """At a confidence of 0.9375 five pairs decide: the test's level is one minus the interval's."""
    assert paired(np.arange(5) + 10.0, np.zeros(5), confidence=0.9375).verdict == "better"


def test_the_larger_of_two_p_decides_independent_samples() -> None:
    """Interval and Welch's p are scipy's, and what decides is the larger of it and the permutation p."""
    a, b = 3 * normal("wide", 7) + 2, normal("narrow", 19)
    found = unpaired(a, b, confidence=0.9)
    reference = stats.ttest_ind(a, b, equal_var=False)
    assert ends(found) == pytest.approx(reference.confidence_interval(0.9))
    assert found.welch_p == pytest.approx(reference.pvalue)
    assert found.permutation_p is not None
    assert found.permutation_p != found.welch_p
    assert found.p == max(found.welch_p or 0.0, found.permutation_p)
    assert (found.method, found.p_method, found.n_a, found.n_b, found.paired_by) == (
        "Welch",
        "Welch and permutation",
        7,
        19,
        None,
    )
    test = welch(a, b)
    assert test is not None
    assert test.freedom == pytest.approx(reference.df)


def test_three_independent_values_decide_nothing() -> None:
    """Three against three, however far apart, have no permutation p below 0.1, and the sentence says so."""
    found = unpaired([10.0, 10.1, 10.2], [0.0, 0.1, 0.2])
    assert (found.verdict, found.least_p, found.p) == ("cannot be decided", 0.1, 0.1)
    assert found.welch_p is not None
    assert found.welch_p < 1e-6
    assert "of which a permutation test gives p = 0.1 at the least" in found.sentence()
    assert unpaired([10.0, 10.1, 10.2, 10.3], [0.0, 0.1, 0.2, 0.3]).verdict == "better"


@pytest.mark.parametrize(("n", "verdict"), [(3, "cannot be decided"), (10, "better")])
def test_constant_samples_are_left_to_permutation(n: int, verdict: str) -> None:
    """Where neither sample varies there is no interval and no Welch's test: exchanging labels decides."""
    found = unpaired([0.75] * n, [0.5] * n)
    assert (found.low, found.high, found.welch_p, found.method) == (None, None, None, "none")
    assert (found.mean, found.p_method, found.verdict) == (0.25, "permutation", verdict)
    assert found.p == found.permutation_p
    assert any("no value varies" in text for text in found.basis.cautions)
    assert unpaired([0.5] * n, [0.5] * n).p == 1.0


def two_modes(name: str | int, *shape: int) -> np.ndarray:
    """Return values near 0 and near 1, as of runs that collapse or do not."""
    return (normal(f"{name} mode", *shape) > 0.0) + 0.001 * normal(f"{name} noise", *shape)


@pytest.mark.parametrize(("n", "few"), [(2, 0.0), (3, 0.0), (5, 0.05), (7, 0.05)])
def test_runs_of_two_modes_are_rarely_told_apart(n: int, few: float) -> None:
    """Of equal methods whose runs collapse half of the time few are told apart, which Welch's test does."""
    a, b = two_modes("a", 1000, n), two_modes("b", 1000, n)
    found = unpaired_differences(list(zip(a, b, strict=True)), rng=stream(), varied=SEEDS)
    assert np.mean([one.verdict in {"better", "worse"} for one in found]) <= few
    # The data are hard: Welch's test alone errs in an eighth of the studies at n = 2.
    if n == 2:
        assert np.mean([one.welch_p is not None and one.welch_p <= 0.05 for one in found]) > 0.1


@pytest.mark.parametrize(("n_a", "n_b", "shape"), [(2, 20, "normal"), (3, 50, "exponential")])
def test_unequal_numbers_are_rarely_told_apart(n_a: int, n_b: int, shape: str) -> None:
    """Few runs against many of one distribution are told apart in 5 % of studies at most."""
    a, b = normal("few", 1000, n_a), normal("many", 1000, n_b)
    if shape == "exponential":
        a, b = -np.log(ndtr(a)), -np.log(ndtr(b))
    found = unpaired_differences(list(zip(a, b, strict=True)), rng=stream(), varied=SEEDS)
    bound = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert np.mean([one.verdict in {"better", "worse"} for one in found]) <= bound
    assert np.mean([one.welch_p is not None and one.welch_p <= 0.05 for one in found]) > bound


def test_more_pairs_never_make_a_verdict_impossible() -> None:
    """Held against a strict level drawn p-values are fine enough: 17 far pairs decide as 16 do.

    Of 40 methods there are 780 pairs: with 10,000 draws their least p of 1 / 10,001, times 780, is 0.078.
    """
    level = 0.05 / 780
    for n in (16, 17, 60):
        a = normal("far", n) + 10.0
        for compare in (paired_differences, unpaired_differences):
            more = {"source": "data split"} if compare is paired_differences else {}
            (found,) = compare([(a, np.zeros(n))], rng=stream(), varied=SEEDS, level=level, **more)
            assert found.p is not None
            assert found.p * 780 < 0.05, (n, compare)
            assert found.least_p <= level


def test_one_replicate_decides_nothing() -> None:
    """One value has no interval and no verdict, paired or not."""
    for found in (paired([1.0], [0.0]), unpaired([1.0], [0.0, 0.5])):
        assert (found.low, found.high, found.sd, found.p, found.method) == (None, None, None, None, "none")
        assert found.verdict == "cannot be decided"


def test_many_differences_are_what_each_is_alone() -> None:
    """A batch of mixed sizes gives what each pair gives alone, in the order given."""
    pairs = [(normal(f"a{n}", n), normal(f"b{n}", n) + 0.2) for n in (4, 30, 12, 30, 1)]
    together = paired_differences(pairs, source="data split", rng=stream(), varied=SEEDS)
    assert together == [paired(a, b) for a, b in pairs]
    mixed = [(a, b[: len(b) // 2 + 1]) for a, b in pairs] + [(pairs[1][1], pairs[0][0])]
    assert unpaired_differences(mixed, rng=stream(), varied=SEEDS) == [unpaired(a, b) for a, b in mixed]
    assert paired_differences([], source="data split", rng=stream(), varied=SEEDS) == []


def test_equal_streams_give_equal_bytes() -> None:
    """The same stream gives the same result whatever was drawn before, and another another interval."""
    a, b = normal("seed a", 20), normal("seed b", 20)
    used = stream()
    used.bits()
    assert paired(a, b) == paired_difference(a, b, source="data split", rng=used, varied=SEEDS)
    assert ends(paired(a, b)) != ends(paired(a, b, "another"))


@given(st.lists(st.floats(-1e299, 1e299), min_size=2, max_size=14), st.floats(-1e299, 1e299))
def test_every_finite_sample_has_a_finite_interval(a: list[float], other: float) -> None:
    """Ends are finite, in order and around the mean, however large, small or alike the values are."""
    for found in (paired(a, [other] * len(a)), unpaired(a, [other, -other])):
        if found.method == "none":
            assert found.sd == 0.0
            continue
        low, high = ends(found)
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert low <= high
        assert found.p is not None
        assert 0.0 <= found.p <= 1.0


def test_welch_rarely_rejects_null_data() -> None:
    """Welch's test rejects in at most 5 % of 2,000 null studies with unequal spread and size."""
    bound = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    for sizes in ((5, 12), (20, 20)):
        a, b = normal(f"null a{sizes}", 2000, sizes[0]) * 4, normal(f"null b{sizes}", 2000, sizes[1])
        found = unpaired_differences(list(zip(a, b, strict=True)), rng=stream(), varied=SEEDS)
        assert np.mean([one.welch_p is not None and one.welch_p <= 0.05 for one in found]) <= bound
    # The test can fail: with the smaller sample the wider, Student's pooled t rejects too often.
    a, b = normal("pooled a", 2000, 5) * 4, normal("pooled b", 2000, 12)
    assert (stats.ttest_ind(a, b, axis=1).pvalue <= 0.05).mean() > bound


@pytest.mark.parametrize("n", [3, 6, 15, 30])
def test_paired_verdicts_are_rarely_wrong(n: int) -> None:
    """A paired verdict falls in at most 5 % of 2,000 null studies with heavy tails."""
    a, b = normal(f"verdict a{n}", 2000, n) ** 3, normal(f"verdict b{n}", 2000, n) ** 3
    found = paired_differences(list(zip(a, b, strict=True)), source="data split", rng=stream(), varied=SEEDS)
    wrong = np.mean([one.verdict in {"better", "worse"} for one in found])
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert (wrong > 0) == (n > 5)


def test_what_makes_no_sense_is_refused() -> None:
    """Failed runs, halves of pairs, pairs without a source, and a confidence of 95 are usage errors."""
    with pytest.raises(UsageError, match="1 of 2 values of the second sample are not finite"):
        paired([1.0, 2.0], [1.0, math.nan])
    with pytest.raises(UsageError, match="2 and 1 values do not make pairs"):
        paired([1.0, 2.0], [1.0])
    with pytest.raises(UsageError, match="declared common source"):
        paired_difference([1.0], [1.0], source="", rng=stream(), varied=SEEDS)
    with pytest.raises(UsageError, match="confidence lies between 0 and 1, got 95"):
        unpaired([1.0], [1.0], confidence=95.0)
    with pytest.raises(UsageError, match="first sample needs at least one value"):
        unpaired([], [1.0])


def test_results_print_and_tabulate() -> None:
    """A result prints verdict, interval, source, what varied, seed and measured coverage, and has one row."""
    found = paired_difference(
        np.arange(8) + 1.0,
        np.zeros(8),
        source="data split",
        rng=stream(),
        varied=SEEDS,
        names=("new", "old\x1b"),
    )
    text = str(found)
    assert found.sentence().startswith(
        "new is better than old\\x1b with 8 pairs: mean difference 4.5, 95 % t"
    )
    for part in ("pairs share data split", "search seeds", "Fisher 1935", "kept: a difference of zero"):
        assert part in text
    assert "measured coverage of the 95 % interval at n = 7" in text
    assert "stream differences/test, 10,000 resamples" in str(paired(np.arange(12), np.zeros(12)))
    table = found.table()
    assert dict(zip(table.columns, table.rows[0], strict=True))["verdict"] == "better"
    assert "independent within and between" in str(unpaired([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]))
