"""Which steps are recorded, with a clock that the tests turn."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_hook import cadence
from assay_hook.cadence import DENSE, Cadence


def recorded_steps(made: Cadence, steps: int, cost: float, length: float) -> list[int]:
    """Return the steps that are recorded when each takes `length`, and `cost` more where it is recorded."""
    now, found = 0.0, []
    for step in range(steps):
        now += length
        if step == made.next:
            now += cost
            found.append(step)
            made.recorded(step, cost, now)
    return found


def test_the_first_steps_are_dense() -> None:
    """Steps 0 to 15 are recorded however much they cost."""
    assert recorded_steps(Cadence(0.03), DENSE, cost=10.0, length=1.0) == list(range(DENSE))


def test_without_a_budget_every_step_is_recorded() -> None:
    """A budget of None means each step, and no limit of rows."""
    assert recorded_steps(Cadence(None), 300, cost=10.0, length=1.0) == list(range(300))


def test_cheap_steps_are_all_recorded() -> None:
    """While the share stays below the budget the stride stays one."""
    assert recorded_steps(Cadence(0.03), 300, cost=0.01, length=1.0) == list(range(300))


@pytest.mark.parametrize("cost", [0.05, 0.2, 1.0, 7.0])
def test_the_share_comes_within_the_budget(cost: float) -> None:
    """In the long run recording takes no more than the budget, and no less than a twelfth of it."""
    steps = 20_000
    found = recorded_steps(Cadence(0.03), steps, cost, length=1.0)
    late = [step for step in found if step >= steps // 2]
    share = len(late) * cost / (steps / 2 + len(late) * cost)
    assert 0.03 / 12 <= share <= 0.031


def test_strides_are_powers_of_two() -> None:
    """After the dense start a recorded step is a multiple of the stride, so that two runs share steps."""
    a = set(recorded_steps(Cadence(0.03), 4000, cost=0.2, length=1.0))
    b = set(recorded_steps(Cadence(0.03), 4000, cost=0.4, length=1.0))
    sparser = {step for step in b if step >= 2000}
    assert sparser <= {step for step in a if step >= 2000}


def test_the_stride_halves_when_steps_become_long() -> None:
    """A phase of longer steps is recorded more densely again."""
    made = Cadence(0.03)
    recorded_steps(made, 1000, cost=0.5, length=1.0)
    before, now, step = made.stride, 10_000.0, made.next
    for _ in range(50):
        step = made.recorded(step, 0.5, now)
        now += 1000.0 * made.stride
    assert made.stride == 1 < before


def test_windows_and_every_add_steps() -> None:
    """Steps that were asked for are recorded whatever the budget says."""
    made = Cadence(0.03, every=250, windows=[(401, 403), (700, 700)])
    found = recorded_steps(made, 1001, cost=1000.0, length=1.0)
    assert {250, 401, 402, 403, 500, 700, 750, 1000} <= set(found)
    assert len(found) < 40


def test_many_rows_thin_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a number of rows the stride doubles, and again after as many more."""
    monkeypatch.setattr(cadence, "ROWS", 100)
    made = Cadence(0.5)
    made._room = 100
    found = recorded_steps(made, 1000, cost=0.001, length=1.0)
    gaps = [after - before for before, after in itertools.pairwise(found)]
    assert gaps[50] == 1 and gaps[150] == 2 and gaps[-1] == 8


@given(st.lists(st.floats(0.0, 2.0), min_size=40, max_size=120), st.sampled_from([0.0, 0.01, 0.03, 0.5]))
def test_the_next_step_lies_ahead(costs: list[float], budget: float) -> None:
    """Whatever steps cost, the next one to record is a later one, a multiple of a power of two."""
    made, step, now = Cadence(budget), 0, 0.0
    for cost in costs:
        now += 1.0 + cost
        after = made.recorded(step, cost, now)
        assert after > step
        assert after < DENSE or after % made.stride == 0
        step = after
