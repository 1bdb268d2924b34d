"""How many replicates an effect needs, from the spread of a pilot."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from assay.analysis.power import ClaimedPair
from assay.analysis.replicates import (
    MOST_COMPARISONS,
    SIMULATED,
    Pilot,
    pairs_of,
    plan,
    random_searches,
    recorded_pilots,
    simulated_pilot,
)
from assay.benchmarks.catalogue import open_benchmark
from assay.contracts.problem import Budget
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.power import t_power_n
from assay.statistics.scores import Row, make_scores

PAIR = ClaimedPair(claim="claim-1", a="a", b="b")


def _pilot(task: str = "t", *, n: int = 20, shift: float = 0.0, unit: str = "%", sd: float = 1.0) -> Pilot:
    """Return a pilot whose samples have exactly this standard deviation."""
    base = np.arange(n, dtype=np.float64)
    values = (base - base.mean()) / base.std(ddof=1) * sd
    return Pilot(
        claim="claim-1",
        task=task,
        a="a",
        b="b",
        unit=unit,
        values_a=values,
        values_b=values + shift,
        source="records",
    )


def _plan(*pilots: Pilot, effect: float = 0.5, tests: int = 1, **more: object):
    return plan(pilots, effect=effect, families={}, tests=tests, **more)  # type: ignore[arg-type]


def test_half_a_standard_deviation_needs_64_replicates() -> None:
    """63.8 a method at power .8 and two-sided .05 (Cohen 1988, table 2.4.1, gives 64)."""
    found = _plan(_pilot())
    assert found.recommended == found.rows[0].alone == 64
    assert _plan(_pilot(), effect=1.0).recommended == 17


def test_the_difference_of_the_pilot_changes_no_number() -> None:
    """Only its spread is used, and the result says so."""
    one, other = _plan(_pilot()), _plan(_pilot(shift=3.0))
    assert one.rows == other.rows
    assert any("only the spread" in caution for caution in one.basis.cautions)


def test_more_comparisons_need_more_replicates() -> None:
    """The strictest step of Holm's correction: alpha over their number."""
    found = _plan(_pilot(), tests=10)
    assert found.level == 0.005
    assert found.rows[0].alone == 64
    assert found.rows[0].corrected == math.ceil(t_power_n(0.5, power=0.8, alpha=0.005))
    assert found.rows[0].cautious is not None and found.rows[0].cautious > found.rows[0].corrected


def test_the_mean_over_tasks_needs_fewer_and_exists_in_one_unit_only() -> None:
    """Of four equal tasks it has half the spread, so that a quarter of the replicates suffice."""
    tasks = [_pilot(f"t{i}") for i in range(4)]
    found = _plan(*tasks)
    (over,) = [row for row in found.rows if not row.task]
    assert over.sd_a == pytest.approx(0.5)
    assert over.alone == math.ceil(t_power_n(1.0))
    assert found.recommended == 64
    for units in (("%", "s"), ("", "")):
        mixed = _plan(*(_pilot(f"t{i}", unit=unit) for i, unit in enumerate(units)))
        assert all(row.task for row in mixed.rows)
        assert any("no one declared unit" in caution for caution in mixed.basis.cautions)


def test_what_the_planned_number_shows_and_what_it_never_can() -> None:
    """Three of each have 2 / 20 = 0.1 as the least permutation p; ten reach 5 % after five corrections."""
    three, ten = (_plan(_pilot(), tests=5, planned=n).rows[0] for n in (3, 10))
    assert three.least_p == pytest.approx(0.1)
    assert three.least_adjusted == pytest.approx(0.5)
    assert three.never and not ten.never
    assert three.detectable is None and ten.detectable is not None
    shown = _plan(_pilot(), effect=ten.detectable, tests=5).rows[0]
    assert shown.corrected == 10


def test_too_few_families_are_said_and_noether_is_whatever_the_unit() -> None:
    """Below six independent families no number of replicates decides a claim about tasks."""
    six = [_pilot(f"t{i}") for i in range(6)]
    assert _plan(*six).decides_tasks
    joined = plan(six, effect=1.0, families={"t0": "f", "t1": "f"}, tests=1)
    assert joined.families == 5 and not joined.decides_tasks
    # Noether 1987 as in Bouthillier et al. 2021: 29 at gamma .75 and alpha = beta = .05.
    assert _plan(_pilot(), power=0.95).noether == 29


def test_a_pilot_that_never_varies_plans_nothing() -> None:
    """There is no number, and no error: the other tasks are planned."""
    found = _plan(_pilot(sd=0.0), _pilot("u"))
    assert found.rows[0].alone is found.rows[0].corrected is found.rows[0].cautious is None
    assert found.recommended == 64
    flat = _plan(_pilot(sd=0.0))
    assert flat.recommended is None and "do not vary" in flat.sentence()


@pytest.mark.parametrize(
    "wrong",
    [{"effect": 0.0}, {"effect": math.nan}, {"effect": -1.0}, {"power": 0.5}, {"power": 1.0}, {"alpha": 0.5}],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    """An effect is positive, a power above one half, a level below it."""
    with pytest.raises(UsageError):
        _plan(_pilot(), **wrong)  # type: ignore[arg-type]


def test_without_a_pair_or_a_result_there_is_nothing_to_plan() -> None:
    """Each is said in words."""
    with pytest.raises(UsageError, match="nothing to plan"):
        _plan()
    with pytest.raises(UsageError, match="no spread"):
        _plan(_pilot(n=2), _single())
    with pytest.raises(UnknownNameError, match="did you mean"):
        pairs_of(("alpha", "beta"), ("alpha", "betta"))
    with pytest.raises(UsageError, match="two methods"):
        pairs_of(("a", "b"), ("a", "a"))
    assert [(one.a, one.b) for one in pairs_of(("a", "b", "c"), None)] == [("a", "b"), ("a", "c"), ("b", "c")]


def _single() -> Pilot:
    """Return a pilot with one run of a method."""
    import msgspec

    return msgspec.structs.replace(_pilot("u"), values_a=np.array([1.0]))


def test_recorded_pilots_leave_out_what_failed() -> None:
    """A lost run has no value, and is not a value of zero."""
    rows = [
        Row(method=m, task="t", replicate=str(r), score=float(r), failed=m == "a" and r == 0)
        for m in "ab"
        for r in range(4)
    ]
    (pilot,) = recorded_pilots(make_scores(rows), [PAIR])
    assert pilot.values_a.tolist() == [1.0, 2.0, 3.0]
    assert recorded_pilots(make_scores(rows), [ClaimedPair(claim="c", a="a", b="b", on=("u",))]) == []


def test_simulated_searches_are_those_of_the_budget(cache: Path) -> None:
    """More evaluations find better values and vary less; the same seed gives the same; no test is opened."""
    cora = open_benchmark("nas-bench-graph/cora", cache)
    short, long = (
        random_searches(cora, "validation", None, Budget(evaluations=n), Stream(0, ("t",)), 200)
        for n in (5, 200)
    )
    assert len(short) == len(long) == 200
    assert long.mean() > short.mean() and long.std() < short.std()
    one, two = (simulated_pilot(PAIR, cora, "validation", None, Budget(evaluations=20), 4) for _ in range(2))
    assert one.values_a.tobytes() == two.values_a.tobytes()
    assert len(one.values_a) == len(one.values_b) == SIMULATED


def test_a_budget_in_seconds_counts_the_evaluation_that_crosses_it(cache: Path) -> None:
    """A second buys one evaluation; the mean cost of a hundred buys about a hundred."""
    cifar = open_benchmark("nas-bench-201/cifar10", cache)
    single = random_searches(cifar, "validation", None, Budget(table_seconds=1.0), Stream(0, ("s",)), 300)
    one = random_searches(cifar, "validation", None, Budget(evaluations=1), Stream(1, ("s",)), 300)
    assert abs(single.mean() - one.mean()) < 4 * one.std() / math.sqrt(150)
    costs = cifar.lookup(np.arange(cifar.space.size), "validation").costs.mean()
    many = random_searches(
        cifar, "validation", None, Budget(table_seconds=100 * costs), Stream(0, ("s",)), 100
    )
    hundred = random_searches(cifar, "validation", None, Budget(evaluations=100), Stream(1, ("s",)), 100)
    assert abs(many.mean() - hundred.mean()) < 4 * hundred.std() / math.sqrt(50)


def test_more_comparisons_than_can_be_planned_are_refused() -> None:
    """A table of very many pairs says how to choose some, and does not simulate for minutes."""
    with pytest.raises(UsageError, match="too many to plan at once") as raised:
        plan([_pilot()] * (MOST_COMPARISONS + 1), effect=1.0, families={}, tests=1)
    assert "--pair" in (raised.value.hint or "")
