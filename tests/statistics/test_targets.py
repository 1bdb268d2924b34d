"""Times to targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.targets import TargetTimes, target_times

NAN, INF = math.nan, math.inf
X = [[1, 2, 3, 4], [1, 2, 3], [1, 2]]
Y = [[0.1, 0.5, 0.4, 0.9], [0.3, NAN, 0.5], [0.2, 0.3]]
RUN = st.lists(st.floats(0, 1) | st.just(NAN), min_size=1, max_size=8)


def reach(x: object, y: object, targets: list[float], **more: Any) -> TargetTimes:
    return target_times(x, y, targets, varied=("search seeds",), **more)  # type: ignore[arg-type]


def counted(y: list[list[float]]) -> list[list[int]]:
    return [list(range(1, len(run) + 1)) for run in y]


def test_times_are_of_the_first_value_that_is_good_enough() -> None:
    """A target is reached at equality, later drops change nothing, and never is infinity."""
    found = reach(X, Y, [0.2, 0.5, 0.9, 1.0])
    assert found.times == ((2, 1, 1), (2, 3, INF), (4, INF, INF), (INF, INF, INF))
    assert found.spent == (4, 3, 2)


def test_the_expected_running_time_charges_what_failed() -> None:
    """All that was spent, over the number of successes, as COCO defines it."""
    found = reach(X, Y, [0.2, 0.5, 0.9, 1.0])
    # Sums by hand: (2+1+1)/3, (2+3+2)/2, (4+3+2)/1, none.
    assert found.ert() == pytest.approx((4 / 3, 7 / 2, 9.0, INF))
    # A mean over the successes alone would be 2.5 for the second.
    assert found.ert()[1] > 2.5
    assert reach(X, Y, [0.5], spent=[4, 3, 100]).ert() == pytest.approx((105 / 2,))


def test_the_ecdf_ends_at_what_was_reached() -> None:
    """The share of pairs rises in steps at the times, and never counts a pair that is not reached."""
    found = reach(X, Y, [0.2, 0.5, 0.9, 1.0]).ecdf()
    assert found.x == (1, 2, 3, 4)
    assert found.share == pytest.approx((2 / 12, 4 / 12, 5 / 12, 6 / 12))
    assert reach(X, Y, [2.0]).ecdf() == ((), ())


def test_the_unreached_have_an_exact_interval() -> None:
    """The share of runs that never reach has the interval of Clopper and Pearson, as in scipy."""
    found = reach(X, Y, [0.2, 0.5, 1.0], confidence=0.9).unreached()
    for row, missed in zip(found, (0, 1, 3), strict=True):
        reference = stats.binomtest(missed, 3).proportion_ci(0.9, method="exact")
        assert (row.missed, row.share) == (missed, missed / 3)
        assert (row.low, row.high) == pytest.approx((reference.low, reference.high))


def test_restarts_have_the_expected_running_time() -> None:
    """The mean over many simulated restarts is the expected running time; no success, no end."""
    found = reach(X, Y, [0.5, 1.0])
    times = np.array(found.restarted(0, rng=Stream(0, ("restart",)), draws=20_000))
    assert abs(times.mean() - 7 / 2) < 4 * times.std() / math.sqrt(len(times))
    assert found.restarted(0, rng=Stream(0, ("restart",)), draws=20_000) == tuple(times)
    assert found.restarted(1, rng=Stream(0, ("restart",)), draws=3) == (INF, INF, INF)
    back = reach(X[::-1], Y[::-1], [0.5])
    assert back.restarted(0, rng=Stream(0, ("restart",)), draws=20_000) == tuple(times)


@given(st.lists(RUN, min_size=1, max_size=5), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60)
def test_a_harder_target_is_never_reached_sooner(y: list[list[float]], a: float, b: float) -> None:
    """Times and expected running times grow with the target."""
    easy, hard = reach(counted(y), y, sorted((a, b))).times
    assert all(early <= late for early, late in zip(easy, hard, strict=True))
    erts = reach(counted(y), y, sorted((a, b))).ert()
    assert erts[0] <= erts[1] + 1e-9


@given(st.lists(RUN, min_size=1, max_size=5), st.floats(0, 1))
@settings(max_examples=60)
def test_minimising_is_the_mirror(y: list[list[float]], target: float) -> None:
    """Turning values, targets and direction changes no time."""
    up = reach(counted(y), y, [target])
    down = reach(counted(y), [[-v for v in run] for run in y], [-target], maximize=False)
    assert down.times == up.times


@given(st.lists(RUN, min_size=1, max_size=5), st.floats(0, 1), st.data())
@settings(max_examples=60)
def test_a_failure_never_makes_a_run_faster(y: list[list[float]], target: float, data: Any) -> None:
    """Taking a value away makes no time, and no expected running time, smaller."""
    run = data.draw(st.integers(0, len(y) - 1))
    place = data.draw(st.integers(0, len(y[run]) - 1))
    lost = [[NAN if (i, j) == (run, place) else v for j, v in enumerate(one)] for i, one in enumerate(y)]
    before, after = (reach(counted(y), runs, [target]) for runs in (y, lost))
    assert all(a <= b for a, b in zip(before.times[0], after.times[0], strict=True))
    assert before.ert()[0] <= after.ert()[0] + 1e-9


def test_a_run_without_evaluations_counts() -> None:
    """A run that failed before its first evaluation reaches nothing, and what it spent is charged."""
    with pytest.raises(UsageError, match="cannot have spent 0"):
        reach([[1], []], [[0.5], []], [0.5])
    found = reach([[1], []], [[0.5], []], [0.5], spent=[1, 9])
    assert found.times == ((1, INF),)
    assert found.ert() == (10.0,)


def test_it_prints_and_tabulates() -> None:
    """The sentence counts pairs and targets, and the table has one row for each target."""
    found = reach(X, Y, [0.2, 0.5, 0.9, 1.0])
    assert found.sentence() == "6 of 12 pairs of target and run are reached; 1 of 4 targets by no run."
    rows = found.table().rows
    assert rows[1][:5] == (0.5, 3, 3.5, 1, 3)
    assert rows[3][1:3] == (INF, INF)


@pytest.mark.parametrize(
    ("targets", "more"),
    [([], {}), ([NAN], {}), ([INF], {}), ([0.5], {"spent": [4, 3]}), ([0.5], {"spent": [4, 3, 1]})],
)
def test_what_makes_no_sense_is_refused(targets: list[float], more: dict[str, Any]) -> None:
    """Targets without a number and budgets that do not fit are the caller's mistakes."""
    with pytest.raises(UsageError):
        reach(X, Y, targets, **more)
