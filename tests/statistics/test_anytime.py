"""Areas under regret."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.anytime import AnytimeRegret, anytime_area, incumbents, step_area

NAN = math.nan
ENDS: dict[str, Any] = {"start": 1.0, "end": 100.0, "best": 1.0, "reference": 0.0}


def area(x: object, y: object, **more: Any) -> AnytimeRegret:
    rng = Stream(0, ("anytime",))
    return anytime_area(x, y, rng=rng, varied=("search seeds",), **(ENDS | more))  # type: ignore[arg-type]


@st.composite
def runs(draw: Any) -> tuple[list[float], list[float]]:
    steps = draw(st.lists(st.integers(1, 30), min_size=1, max_size=12))
    x = [1.0, *(1.0 + s for s in itertools.accumulate(steps))]
    y = draw(st.lists(st.floats(-1, 1) | st.just(NAN), min_size=len(x) - 1, max_size=len(x) - 1))
    return x, [draw(st.floats(-1, 1)), *y]


def test_the_area_of_one_step() -> None:
    """Regret 1 until 10 and 0.5 from there makes 0.75 between 1 and 100: each decade counts alike."""
    found = area([[1, 10]], [[0.0, 0.5]])
    assert found.areas == pytest.approx([0.75])
    # Linear interpolation of the incumbent would have given less.
    assert found.areas[0] > np.trapezoid([1.0, 0.5, 0.5], np.log([1, 10, 100])) / math.log(100)


def test_the_step_is_right_continuous() -> None:
    """What is found at the very start counts from there on, and at the very end not at all."""
    assert area([[1]], [[0.5]]).areas == pytest.approx([0.5])
    assert area([[1, 100]], [[0.5, 1.0]]).areas == pytest.approx([0.5])
    assert area([[0.5, 1, 200]], [[0.1, 0.5, 1.0]]).areas == pytest.approx([0.5])


def test_of_simultaneous_evaluations_the_best_counts() -> None:
    """Two evaluations that end at one moment make one step."""
    ((when, value),) = incumbents([[1, 2, 2, 3]], [[0.0, 0.5, 0.7, 0.7]])
    assert (when.tolist(), value.tolist()) == ([1.0, 2.0], [0.0, 0.7])


@given(runs())
@settings(max_examples=60)
def test_it_agrees_with_a_fine_grid(run: tuple[list[float], list[float]]) -> None:
    """The exact area is the mean of the step function over a fine logarithmic grid."""
    x, y = np.array(run[0]), np.array(run[1])
    grid = np.exp((np.arange(20_000) + 0.5) / 20_000 * math.log(100))
    sofar = np.fmax.accumulate(y)[np.searchsorted(x, grid, side="right") - 1]
    assert area([x], [y]).areas[0] == pytest.approx(np.mean(1 - sofar), abs=2e-3)


@given(runs(), st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=60)
def test_the_scale_of_the_score_plays_no_part(
    run: tuple[list[float], list[float]], scale: float, shift: float
) -> None:
    """Scaling score, best and reference together, or turning them all, changes nothing."""
    x, y = run
    found = area([x], [y]).areas
    moved = [scale * v + shift for v in y]
    again = area([x], [moved], best=scale + shift, reference=shift).areas
    turned = area([x], [[-v for v in y]], best=-1.0, reference=0.0, maximize=False).areas
    assert again == pytest.approx(found, abs=1e-9)
    assert turned == pytest.approx(found, abs=1e-12)


@given(runs(), st.floats(0.1, 10))
@settings(max_examples=60)
def test_the_unit_of_the_budget_plays_no_part(run: tuple[list[float], list[float]], unit: float) -> None:
    """Budgets in minutes give the area of budgets in seconds."""
    x, y = run
    scaled = area([[v * unit for v in x]], [y], start=unit, end=100 * unit)
    assert scaled.areas == pytest.approx(area([x], [y]).areas, abs=1e-9)


@given(runs(), st.data())
@settings(max_examples=60)
def test_a_failed_evaluation_never_improves_an_area(run: tuple[list[float], list[float]], data: Any) -> None:
    """Taking a value away leaves the area as it is or makes it larger."""
    x, y = run
    place = data.draw(st.integers(1, len(y) - 1)) if len(y) > 1 else 0
    lost = [NAN if i == place and place else v for i, v in enumerate(y)]
    assert area([x], [lost]).areas[0] >= area([x], [y]).areas[0] - 1e-12


def test_areas_between_neighbouring_ends_add_up() -> None:
    """The area over two decades is the mean of those over each."""
    when, level = np.array([1.0, 3.0, 20.0]), np.array([1.0, 0.4, 0.1])
    parts = [step_area(when, level, start=a, end=b, before=9.0) for a, b in ((1, 10), (10, 100), (1, 100))]
    assert parts[2] == pytest.approx((parts[0] + parts[1]) / 2)


def test_a_run_without_a_value_needs_a_number_for_it() -> None:
    """A late or failed run is refused, with the budget to begin at, until nothing has a regret."""
    with pytest.raises(UsageError, match=r"1 of 2 runs have no value at the start, 1") as late:
        area([[1], [4]], [[0.5], [0.5]])
    assert late.value.hint is not None
    assert late.value.hint.startswith("begin at 4, or give nothing=")
    with pytest.raises(UsageError, match="no value at the start"):
        area([[1], [1]], [[0.5], [NAN]])
    found = area([[1], [10], [1]], [[0.5], [0.5], [NAN]], nothing=1.0)
    assert found.areas == pytest.approx([0.5, 0.75, 1.0])
    assert "2 runs have no value at the start: their regret counts as 1" in str(found)


def test_the_mean_has_an_interval_over_runs() -> None:
    """Three runs give a t interval, and a single one none; the order of runs plays no part in it."""
    found = area([[1]] * 3, [[0.2], [0.4], [0.9]])
    assert found.interval.mean == pytest.approx(0.5)
    assert found.interval.method == "t"
    assert area([[1]] * 3, [[0.9], [0.4], [0.2]]).interval == found.interval
    assert area([[1]], [[0.2]]).interval.method == "none"
    assert "3 runs end before 100" in str(found)
    assert len(found.table().rows) == 3


@pytest.mark.parametrize(
    ("x", "y", "more"),
    [
        ([[1]], [[0.5]], {"start": 0.0}),
        ([[1]], [[0.5]], {"end": 1.0}),
        ([[1]], [[0.5]], {"reference": 1.0}),
        ([[1]], [[0.5]], {"reference": 2.0}),
        ([[1]], [[0.5]], {"best": NAN}),
        ([[1]], [[0.5]], {"nothing": math.inf}),
        ([[2, 1]], [[0.5, 0.6]], {}),
        ([[1, NAN]], [[0.5, 0.6]], {}),
        ([[1, 2]], [[0.5]], {}),
        ([[1]], [[math.inf]], {}),
        ([[1], [1]], [[0.5]], {}),
        ([], [], {}),
    ],
)
def test_what_makes_no_area_is_refused(x: object, y: object, more: dict[str, float]) -> None:
    """Ends, scales and runs that do not make an area are the caller's mistakes."""
    with pytest.raises(UsageError):
        area(x, y, **more)
