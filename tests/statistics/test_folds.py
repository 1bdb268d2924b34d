"""Two methods on the folds of a cross-validation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import baycomp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.folds import correlated_t, nadeau_bengio


def normal(name: str | int, *shape: int) -> np.ndarray:
    words = Stream(0, ("folds", name)).indices(1 << 32, shape)
    return ndtri((words + 0.5) / 2**32)


def test_mean_variance_and_freedom_are_baycomps(case: Callable[[str], dict[str, Any]]) -> None:
    """The corrected variance of both cases of baycomp's own suite comes out."""
    reference = case("baycomp-unit")  # janezd/baycomp, tests/test_single.py
    for given_, wanted in (
        (reference["inputs"], reference["expected"]),
        (reference["expected"]["case2"], reference["expected"]["case2"]),
    ):
        # baycomp looks at y - x.
        found = nadeau_bengio(np.array(given_["y"]) - np.array(given_["x"]), runs=given_["runs"])
        assert (found.mean, found.df) == (wanted["mean"], wanted["df"])
        assert found.variance == pytest.approx(wanted["var"], abs=1e-6)


@pytest.mark.parametrize("name", ["anneal", "audiology"])
def test_the_published_posteriors(name: str, case: Callable[[str], dict[str, Any]]) -> None:
    """The probabilities of Benavoli et al. 2017 for naive Bayes and AODE come out."""
    reference = case("benavoli17-correlated-t")
    x, y = (np.array(reference["inputs"][f"{name}_{method}"]) for method in ("aode", "nbc"))
    settings = {"rope": reference["inputs"]["rope"], "runs": reference["inputs"]["runs"]}
    found = correlated_t(x - y, **settings)
    # The case lists P(AODE better), P(rope), P(NBC better); here AODE is A, which is better on the right.
    assert (found.right, found.rope, found.left) == pytest.approx(reference["expected"][name], abs=1e-6)


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=20).filter(lambda d: np.std(d) > 1e-6), st.floats(0, 0.5)
)
def test_posteriors_agree_with_baycomp(d: list[float], rope: float) -> None:
    """left, rope and right are those of baycomp.two_on_single for y - x."""
    # baycomp with rope 0 gives two probabilities.
    reference = baycomp.two_on_single(np.zeros(len(d)), np.array(d), rope=rope)
    found = correlated_t(d, rope=rope)
    listed = (found.left, found.rope, found.right) if rope > 0 else (found.left, found.right)
    assert listed == pytest.approx(reference, abs=1e-9)


def test_the_test_is_a_t_test_with_a_larger_variance() -> None:
    """Without correlation p and interval are Student's; with it they are those of the corrected error."""
    d = normal("t", 10) + 0.5
    near = nadeau_bengio(d, correlation=1e-12, confidence=0.9)
    reference = stats.ttest_1samp(d, 0)
    assert near.p == pytest.approx(reference.pvalue)
    assert (near.low, near.high) == pytest.approx(reference.confidence_interval(0.9))
    found = nadeau_bengio(d)
    # Nadeau and Bengio 2003: 1/J + n2/n1, which for ten folds is 1/10 + 1/9.
    assert found.variance == pytest.approx(d.var(ddof=1) * (1 / 10 + 1 / 9))
    assert found.correlation == pytest.approx(0.1)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(d.mean()) / math.sqrt(found.variance), 9))


def test_results_mirror_and_scale() -> None:
    """The other sign mirrors a result, a scale of data and rope leaves it, and order plays no part."""
    d = normal("mirror", 10) + 0.3
    forth, back = nadeau_bengio(d), nadeau_bengio(-d)
    assert (back.mean, back.low, back.high, back.p) == (-forth.mean, -forth.high, -forth.low, forth.p)
    assert nadeau_bengio(d[::-1]) == forth
    assert nadeau_bengio(4 * d).p == pytest.approx(forth.p)
    post, mirrored = correlated_t(d, rope=0.1), correlated_t(-d, rope=0.1)
    assert (mirrored.left, mirrored.right) == pytest.approx((post.right, post.left))
    scaled = correlated_t(4 * d, rope=0.4)
    assert (scaled.left, scaled.rope, scaled.right) == pytest.approx((post.left, post.rope, post.right))
    assert post.left + post.rope + post.right == pytest.approx(1.0)


def test_folds_that_do_not_vary() -> None:
    """Differences that are all equal have no error: no p, no interval and no posterior."""
    for value in (0.0, 0.5):
        found = nadeau_bengio([value] * 5)
        assert (found.mean, found.p, found.low, found.high) == (value, None, None, None)
        assert "do not vary" in found.basis.cautions[0]
        assert "nothing to test" in found.sentence()
        with pytest.raises(UsageError, match="have no posterior"):
            correlated_t([value] * 5, rope=0.1)


def test_folds_of_few_examples_are_rarely_rejected() -> None:
    """Two folds of ten examples often differ by the same step: that is no significance."""
    drawn = Stream(0, ("folds", "lattice")).indices(4, (2000, 2))
    p = [nadeau_bengio(row).p for row in np.array([-0.1, 0.0, 0.0, 0.1])[drawn]]
    assert np.mean([one is not None and one <= 0.05 for one in p]) <= 0.05


def test_correlated_null_data_are_rarely_rejected() -> None:
    """On folds that correlate by 1/k the test rejects in 5 % of 4,000 studies, and a plain t in far more."""
    for k in (5, 10):
        d = math.sqrt(1 / k) * normal(f"shared {k}", 4000, 1) + math.sqrt(1 - 1 / k) * normal(
            f"own {k}", 4000, k
        )
        wrong = np.mean([nadeau_bengio(row).p <= 0.05 for row in d])
        assert 0.03 < wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)
        assert (stats.ttest_1samp(d, 0, axis=1).pvalue <= 0.05).mean() > 0.1


def test_what_makes_no_sense_is_refused() -> None:
    """Folds that runs do not divide, single folds, negative ropes and failed folds are usage errors."""
    with pytest.raises(UsageError, match="3 differences are not 2 runs"):
        nadeau_bengio([1.0, 2.0, 3.0], runs=2)
    with pytest.raises(UsageError, match="2 differences are not 2 runs"):
        nadeau_bengio([1.0, 2.0], runs=2)
    with pytest.raises(UsageError, match="at least two differences"):
        nadeau_bengio([1.0])
    with pytest.raises(UsageError, match="is not negative"):
        correlated_t([1.0, 2.0], rope=-0.1)
    with pytest.raises(UsageError, match="fold differences are not finite"):
        nadeau_bengio([1.0, math.nan])
    with pytest.raises(UsageError, match="correlation"):
        nadeau_bengio([1.0, 2.0], correlation=1.0)


def test_results_print_and_tabulate() -> None:
    """Results print what they assume of the folds, their source and numbers, and have one row."""
    d = normal("print", 10)
    test, post = nadeau_bengio(d, names=("new", "old")), correlated_t(d, rope=0.1, names=("new", "old"))
    assert test.sentence().startswith("new minus old over 10 folds")
    assert "correlate by 0.1, the share tested on" in str(test)
    assert "Nadeau and Bengio 2003" in str(test)
    assert "Benavoli et al. 2017" in str(post)
    assert "P(within 0.1)" in post.sentence()
    assert len(test.table().rows[0]) == len(test.table().columns)
    assert len(post.table().rows[0]) == len(post.table().columns)
