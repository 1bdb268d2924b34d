"""Replicates for an effect, and effects for a number of replicates."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from statsmodels.stats.power import TTestIndPower, TTestPower

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.differences import paired_differences, unpaired_differences
from assay.statistics.permutation import least_exchange_p, least_flip_p
from assay.statistics.power import (
    ReplicatePlan,
    detectable_effect,
    noether_n,
    plan_replicates,
    t_power,
    t_power_n,
)


def normal(name: str | int, *shape: int) -> np.ndarray:
    words = Stream(0, ("power", name)).indices(1 << 32, shape)
    return ndtri((words + 0.5) / 2**32)


def plan(a: object, b: object, **settings: Any) -> ReplicatePlan:
    return plan_replicates(np.asarray(a), np.asarray(b), varied=("search seeds",), **settings)


def test_noether_numbers_are_those_of_bouthillier(case: Callable[[str], dict[str, Any]]) -> None:
    """N for each gamma is the reference value, among them 29 at 0.75 (Bouthillier et al. 2021)."""
    reference = case("noether-n")
    inputs = reference["inputs"]
    found = [noether_n(gamma, inputs["alpha"], inputs["beta"]) for gamma in inputs["gamma"]]
    assert found == reference["expected"]["N"]


def test_classic_sample_sizes(case: Callable[[str], dict[str, Any]]) -> None:
    """The sizes that books round to 64, 17 and 34 come out unrounded."""
    reference = case("power-t")
    settings, wanted = reference["inputs"], reference["expected"]
    for effect, paired, name in (
        (0.5, False, "two_sample_d0_5"),
        (1.0, False, "two_sample_d1"),
        (0.5, True, "paired_d0_5"),
    ):
        found = t_power_n(effect, power=settings["power"], alpha=settings["alpha"], paired=paired)
        assert found == pytest.approx(wanted[name], abs=reference["tolerance"]["all"])


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("n", [2, 3, 10, 64, 500])
def test_power_is_that_of_statsmodels(n: int, alpha: float) -> None:
    """The power of independent and of paired tests agrees with statsmodels for small and large effects."""
    for effect in (0.0, 0.05, 0.3, 0.8, 1.5, -0.8):
        for paired, peer in ((False, TTestIndPower()), (True, TTestPower())):
            reference = peer.power(abs(effect), n, alpha)
            found = t_power(effect, n, alpha=alpha, paired=paired)
            # statsmodels has no number for some powers that are nearly one.
            assert found > 0.9999 if math.isnan(reference) else found == pytest.approx(reference, abs=1e-6)


def test_power_is_what_a_simulation_finds() -> None:
    """Of 3,000 studies with a true effect of 0.8 and 20 runs each, as many are significant as power says."""
    a, b = normal("sim a", 3000, 20) + 0.8, normal("sim b", 3000, 20)
    t = (a.mean(axis=1) - b.mean(axis=1)) / np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 20)
    truth = t_power(0.8, 20)
    assert (np.abs(t) > 2.0244).mean() == pytest.approx(truth, abs=4 * math.sqrt(truth * (1 - truth) / 3000))


@given(st.floats(0.02, 50), st.floats(0.1, 0.99), st.booleans())
def test_the_size_found_has_the_power_wanted(effect: float, power: float, paired: bool) -> None:
    """N is the least with the wanted power, and it never grows with the effect."""
    n = t_power_n(effect, power=power, paired=paired)
    assert t_power(effect, n, paired=paired) >= power - 1e-9
    assert n == 2.0 or t_power(effect, 0.99 * n, paired=paired) < power
    assert t_power_n(2 * effect, power=power, paired=paired) <= n * (1 + 1e-9)


@pytest.mark.parametrize("effect", [50.0, 1e3, 1e9])
def test_enormous_effects_have_a_power(effect: float) -> None:
    """Where the noncentral t has no number left the power is one."""
    for n in (5, 100, 10**6):
        assert t_power(effect, n) == t_power(effect, n, paired=True) == pytest.approx(1.0)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.integers(17, 200))
def test_detectable_effects_have_the_power_wanted(sd_a: float, sd_b: float, n: int) -> None:
    """The effect found has the power wanted, whichever method varies more, and scales with the scores."""
    effect = detectable_effect(sd_a, sd_b, n)
    assert t_power(effect / math.sqrt((sd_a**2 + sd_b**2) / 2), n) == pytest.approx(0.8, abs=1e-6)
    assert detectable_effect(sd_b, sd_a, n) == effect
    assert detectable_effect(8 * sd_a, 8 * sd_b, n) == pytest.approx(8 * effect)
    assert t_power(detectable_effect(sd_a, None, n) / sd_a, n, paired=True) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_replicates_detect_nothing(n: int) -> None:
    """With so few runs of each no effect is large enough; over tasks permutations add up."""
    assert detectable_effect(1.0, 1.0, n) == detectable_effect(1.0, None, n) == math.inf
    assert math.isfinite(detectable_effect(1.0, 1.0, n, tasks=3)) == (n > 1)


@pytest.mark.parametrize(("n", "paired"), [(6, True), (7, True), (10, True), (4, False), (6, False)])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 3])
def test_small_plans_have_the_power_of_the_test_that_decides(n: int, paired: bool, alpha: float) -> None:
    """Of 2,000 studies with the detectable effect the deciding test shows 80 %, where it can at all.

    A t-test promises 80 % at 1.5 standard deviations with six pairs, of which sign flips show 65 %.
    """
    effect = detectable_effect(1.0, None if paired else 1.0, n, alpha=alpha)
    least = least_flip_p(n) if paired else least_exchange_p(n, n)
    assert math.isinf(effect) == (least > alpha)
    if math.isinf(effect):
        return
    a, b = normal(f"decide a {n}", 2000, n) + effect, normal(f"decide b {n}", 2000, n)
    settings = {"rng": Stream(0, ("power", "decide")), "varied": ("seeds",), "confidence": 1 - alpha}
    if paired:
        pairs = [(row, np.zeros(n)) for row in a]
        found = paired_differences(pairs, source="data split", **settings)
    else:
        found = unpaired_differences(list(zip(a, b, strict=True)), **settings)
    # Three standard errors of both simulations: 1,000 studies behind the effect, and 2,000 here.
    error = 3 * math.sqrt(0.8 * 0.2 * (1 / 1000 + 1 / 2000))
    assert np.mean([one.verdict == "better" for one in found]) == pytest.approx(0.8, abs=error)


def test_a_strict_level_asks_for_what_can_reach_it() -> None:
    """At 0.05 / 780, as of 40 methods, the pairs that are recommended can be significant and mostly are."""
    level = 0.05 / 780
    a, b = normal("strict", 200), np.zeros(200)
    found = plan(a, b, effect=1.2 * float(a.std(ddof=1)), source="data split", alpha=level)
    n = found.recommended
    assert least_flip_p(n, level) <= level
    d = normal("strict studies", 200, n) + 1.2
    made = paired_differences(
        [(row, np.zeros(n)) for row in d],
        source="data split",
        rng=Stream(0, ("power", "strict")),
        varied=("seeds",),
        confidence=1 - level,
    )
    assert np.mean([one.verdict == "better" for one in made]) > 0.65


def test_a_plan_reaches_its_power() -> None:
    """The recommended number is the first whose power suffices, and stands among the rows with its power."""
    a, b = normal("pilot a", 12) * 2, normal("pilot b", 12) * 2
    found = plan(a, b, effect=1.5)
    rows = {row.n: row for row in found.rows}
    assert rows[found.recommended].power >= 0.8
    assert plan(a, b, effect=1.5, power=rows[found.recommended].power + 0.01).recommended > found.recommended
    assert found.sd == pytest.approx(math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    assert found.cautious > found.recommended
    assert [row.n for row in found.rows] == sorted(rows)
    widths = [row.half_width for row in found.rows]
    assert widths == sorted(widths, reverse=True)
    assert plan(b, a, effect=1.5) == found
    assert plan(8 * a, 8 * b, effect=12.0).recommended == found.recommended


def test_pairs_need_fewer() -> None:
    """Where a shared split causes most of the variation, pairing asks for fewer replicates."""
    split = 5 * normal("split", 20)
    a, b = split + normal("within a", 20), split + normal("within b", 20)
    paired, free = plan(a, b, effect=1.0, source="data split"), plan(a, b, effect=1.0)
    assert paired.recommended < free.recommended
    assert paired.sd == pytest.approx((a - b).std(ddof=1))
    assert "pairs by data split" in paired.sentence()


def test_a_huge_effect_still_needs_what_a_permutation_test_needs() -> None:
    """However large the effect, six pairs or four of each are needed for a permutation p of 0.05."""
    a, b = normal("huge a", 5), normal("huge b", 5)
    assert plan(a, b, effect=1e3, source="data split").recommended == 6
    assert plan(a, b, effect=1e3).recommended == 4
    assert [row.least_p for row in plan(a, b, effect=1e3, source="split").rows if row.n in {3, 5}] == [
        0.25,
        0.0625,
    ]


def test_what_makes_no_sense_is_refused() -> None:
    """Effects of zero, pilots that do not vary or are too short, and impossible levels are usage errors."""
    with pytest.raises(UsageError, match="gamma lies between"):
        noether_n(0.5)
    with pytest.raises(UsageError, match="beta lies between"):
        noether_n(0.75, 0.05, 0.5)
    with pytest.raises(UsageError, match="no number of replicates"):
        t_power_n(0.0)
    with pytest.raises(UsageError, match="no number of replicates"):
        t_power_n(1e-9)
    with pytest.raises(UsageError, match="more than one value"):
        t_power(1.0, 1)
    with pytest.raises(UsageError, match="an effect is finite"):
        t_power(math.nan, 5)
    with pytest.raises(UsageError, match="standard deviation"):
        detectable_effect(-1.0, 1.0, 5)
    with pytest.raises(UsageError, match="wanted effect is above zero"):
        plan([1.0, 2.0], [1.0, 2.0], effect=0.0)
    with pytest.raises(UsageError, match="does not vary"):
        plan([1.0, 1.0], [2.0, 2.0], effect=1.0)
    with pytest.raises(UsageError, match="at least two runs"):
        plan([1.0], [2.0, 3.0], effect=1.0)


def test_results_print_and_tabulate() -> None:
    """A plan prints effect, power, alpha and how far the pilot can be trusted, and one row for each n."""
    found = plan(normal("print a", 6), normal("print b", 6), effect=1.0)
    for part in ("difference of 1 with power 0.8 at alpha 0.05", "80 % bound", "Browne 1995", "search seeds"):
        assert part in str(found)
    assert found.table().columns == ("n", "power", "half width", "least p")
    assert len(found.table().rows) == len(found.rows)
