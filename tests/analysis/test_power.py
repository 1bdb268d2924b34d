"""The effect that a study could have seen: from n and spread alone, never from what it saw."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.analysis.power import (
    ClaimedPair,
    claimed_pairs,
    detectable_rows,
    has_mean,
    mean_spread,
    spread,
)
from assay.contracts.problem import Budget
from assay.foundation.errors import UnknownNameError
from assay.foundation.seeding import Stream
from assay.statistics.power import t_power
from assay.statistics.scores import Row, Scores, make_scores
from assay.studies.study import BestOfSetClaim, Claim, Method, RankingClaim, ReachesClaim, Study

PAIR = ClaimedPair(claim="claim-1", a="a", b="b")


def _scores(n: int = 12, *, shift: float = 0.0, unit: str = "%", fail: int = 0) -> Scores:
    """Return two methods on two tasks, b shifted, with the first runs of a on task x failed."""
    rng = Stream(3, ("test",))
    rows = [
        Row(
            method=method,
            task=task,
            replicate=str(r),
            score=rng.normal() + (shift if method == "b" else 0.0),
            failed=method == "a" and task == "x" and r < fail,
        )
        for method in "ab"
        for task in "xy"
        for r in range(n)
    ]
    return make_scores(rows, units={"x": unit, "y": unit})


def test_a_detectable_effect_has_the_wanted_power() -> None:
    """On each task, t_power of the effect in units of the pooled spread is the power that was asked for."""
    rows = detectable_rows(_scores(), [PAIR], power=0.9)
    assert [row.benchmark for row in rows] == ["x", "y", ""]
    for row in rows:
        assert row.effect is not None and row.sd_a is not None and row.sd_b is not None
        pooled = math.hypot(row.sd_a, row.sd_b) / math.sqrt(2)
        assert t_power(row.effect / pooled, row.n, alpha=row.level) == pytest.approx(0.9, abs=1e-6)
    assert rows[2].effect is not None and rows[2].effect < min(r.effect for r in rows[:2] if r.effect)


def test_the_difference_that_was_seen_changes_nothing() -> None:
    """A large difference and none have one detectable effect."""
    one, other = (detectable_rows(_scores(shift=s), [PAIR]) for s in (0.0, 50.0))
    assert [row.effect for row in one] == pytest.approx([row.effect for row in other])


def test_more_claims_make_the_level_stricter_and_the_effect_larger() -> None:
    """Each claim is held to the strictest step of Holm's correction."""
    two = [PAIR, ClaimedPair(claim="claim-2", a="b", b="a", on=("y",))]
    single, corrected = detectable_rows(_scores(), [PAIR]), detectable_rows(_scores(), two)
    assert corrected[0].level == 0.025
    assert all(c.effect > s.effect for c, s in zip(corrected, single, strict=False) if c.effect and s.effect)
    assert [row.benchmark for row in corrected if row.claim == "claim-2"] == ["y"]


def test_there_is_no_mean_over_units_that_differ_or_are_not_declared() -> None:
    """Percent and nothing have no mean, and neither have two scores of unknown unit."""
    assert [row.benchmark for row in detectable_rows(_scores(unit=""), [PAIR])] == ["x", "y"]
    assert has_mean(["%", "%"])
    assert not has_mean(["%", "s"]) and not has_mean(["", ""]) and not has_mean(["%"])


def test_lost_runs_make_the_effect_larger_and_one_run_shows_nothing() -> None:
    """A failed run is no replicate; with fewer than two results there is a reason and no number."""
    whole, broken, three = (detectable_rows(_scores(fail=k), [PAIR])[0] for k in (0, 7, 9))
    assert (broken.n, three.n) == (5, 3)
    assert three.effect is None and "3 runs of each show no difference at 5 %" in three.sentence()
    assert whole.effect is not None and broken.effect is not None and broken.effect > whole.effect
    rows = detectable_rows(_scores(fail=11), [PAIR])
    assert rows[0].effect is None and "two results" in rows[0].why
    assert rows[2].effect is None and rows[2].why
    assert "two results" in rows[0].sentence() and "power of 80 %" in rows[1].sentence()


def test_pairs_come_from_the_claims() -> None:
    """A ranking compares neighbours, a best-of-set each rival; a claim about one method has no pair."""
    study = Study(
        name="s",
        methods={name: Method(strategy="random-search") for name in "abc"},
        budget=Budget(evaluations=1),
        benchmarks=("nas-bench-graph/cora",),
        claims=(
            Claim(better="a", than="b", on=("t",)),
            RankingClaim(order=("a", "b", "c")),
            BestOfSetClaim(method="c", among=("a", "b")),
            ReachesClaim(method="a", target=1.0),
        ),
    )
    pairs = claimed_pairs(study)
    assert [(one.claim, one.a, one.b) for one in pairs] == [
        ("claim-1", "a", "b"),
        ("claim-2", "a", "b"),
        ("claim-2", "b", "c"),
        ("claim-3", "c", "a"),
        ("claim-3", "c", "b"),
    ]
    assert pairs[0].on == ("t",)


def test_an_unknown_method_is_named() -> None:
    """With the nearest known name."""
    with pytest.raises(UnknownNameError, match="unknown method 'z'"):
        detectable_rows(_scores(), [ClaimedPair(claim="c", a="a", b="z")])


def test_spreads_are_those_of_numpy_and_of_a_mean() -> None:
    """The standard deviation with n - 1; the mean of two independent values of spread 3 and 4 has 2.5."""
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    assert spread(values) == pytest.approx(np.std(values, ddof=1))
    assert spread(values[::-1]) == spread(values)
    assert spread(values[:1]) is None
    assert mean_spread([3.0, 4.0]) == 2.5
    assert mean_spread([3.0, None]) is None
