"""Incumbents, regret, and curves over evaluations and seconds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.analysis.cells import make_cells
from assay.analysis.model import BenchmarkFacts, Curve, RunData
from assay.analysis.trajectories import (
    EVALUATIONS,
    POINTS,
    TABLE_SECONDS,
    curve,
    curves,
    incumbent,
    make_grid,
)
from assay.statistics.quantiles import t_quantile

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]
NAN = math.nan


def drawn(runs: list[RunData], facts: BenchmarkFacts, axis: str) -> Curve:
    found = curve(runs, facts, axis)
    assert found is not None
    return found


def by_hand(run: RunData, facts: BenchmarkFacts, x: float, axis: str) -> float | None:
    """Return the regret of one run at x, one evaluation after another."""
    best = None
    for i, value in enumerate(run.values.tolist()):
        ended = i + 1 if axis == EVALUATIONS else run.times[i]
        if ended <= x and not math.isnan(value):
            better = max if facts.maximize else min
            best = value if best is None else better(best, value)
    return None if best is None else (facts.best - best) / (facts.best - facts.reference)


def test_the_incumbent_is_the_best_so_far() -> None:
    """It never becomes worse, in either direction, and a missing value neither sets nor ends it."""
    values = np.array([NAN, 3.0, NAN, 2.0, 5.0, 4.0])
    assert incumbent(values, maximize=True).tolist()[1:] == [3.0, 3.0, 3.0, 5.0, 5.0]
    assert incumbent(values, maximize=False).tolist()[1:] == [3.0, 3.0, 2.0, 2.0, 2.0]
    assert math.isnan(incumbent(values, maximize=True)[0])


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("axis", [EVALUATIONS, TABLE_SECONDS])
def test_a_curve_is_exact_at_its_points(run: Runs, facts: Facts, axis: str, maximize: bool) -> None:
    """At each point the mean and the band are those of the runs' step functions, evaluated by hand."""
    scale = facts("f-1", maximize=maximize, best=100.0 if maximize else 0.0)
    runs = [
        run([60.0, NAN, 70.0, 65.0, 90.0], replicate=0, times=np.array([3.0, 5.0, 5.0, 11.0, 12.5])),
        run([NAN, 55.0, 80.0], replicate=1, times=np.array([4.0, 6.0, 30.0])),
        run([50.0, 52.0, NAN, NAN], replicate=2, times=np.array([1.0, 2.0, 3.0, 4.0])),
    ]
    found = drawn(runs, scale, axis)
    assert found.x[0] == (2.0 if axis == EVALUATIONS else 6.0)
    assert found.x[-1] == (5.0 if axis == EVALUATIONS else 30.0)
    assert found.runs == 3
    for x, mean, low, high in zip(found.x, found.mean, found.low, found.high, strict=True):
        regrets = [by_hand(one, scale, x, axis) for one in runs]
        assert mean == pytest.approx(np.mean(regrets))
        half = t_quantile(2, 0.95) * np.std(regrets, ddof=1) / math.sqrt(3)
        assert (low, high) == pytest.approx((mean - half, mean + half))


def test_the_ends_of_the_scale(run: Runs, facts: Facts) -> None:
    """The best architecture has regret 0, the median one 1, and a worse one more."""
    found = drawn([run([25.0, 50.0, 75.0, 100.0])], facts("f-1"), EVALUATIONS)
    assert found.mean == [1.5, 1.0, 0.5, 0.0]


def test_a_step_is_never_interpolated(run: Runs, facts: Facts) -> None:
    """Until the moment at which a better evaluation ends the old incumbent stands, from it on the new."""
    one = run([50.0, 100.0], times=np.array([10.0, 1000.0]))
    grid = np.array([10.0, 500.0, np.nextafter(1000.0, 0.0), 1000.0])
    found = curve([one], facts("f-1"), TABLE_SECONDS, grid)
    assert found is not None
    assert found.x == grid.tolist()
    assert found.mean == [1.0, 1.0, 1.0, 0.0]


def test_simultaneous_evaluations_count_together(run: Runs, facts: Facts) -> None:
    """Of evaluations that end at one moment the best is the incumbent from that moment on."""
    one = run([50.0, 75.0, 60.0], times=np.array([10.0, 10.0, 10.0]))
    assert drawn([one], facts("f-1"), TABLE_SECONDS).mean == [0.5]


def test_a_curve_begins_where_every_run_has_an_incumbent(run: Runs, facts: Facts) -> None:
    """Before the first value of the slowest run the mean is undefined, and is not drawn."""
    runs = [run([60.0] * 8, replicate=0), run([NAN] * 6 + [70.0, 80.0], replicate=1)]
    assert drawn(runs, facts("f-1"), EVALUATIONS).x == [7.0, 8.0]
    assert drawn(runs, facts("f-1"), TABLE_SECONDS).x[0] == 70.0


def test_failed_runs_are_not_in_a_curve(run: Runs, facts: Facts) -> None:
    """A failed run and one without any value add nothing to the mean and are not counted."""
    runs = [
        run([75.0, 75.0], replicate=0),
        run([100.0, 100.0], replicate=1, completed=False),
        run([NAN, NAN], replicate=2),
    ]
    found = drawn(runs, facts("f-1"), EVALUATIONS)
    assert (found.runs, found.mean) == (1, [0.5, 0.5])


def test_one_run_has_no_band(run: Runs, facts: Facts) -> None:
    """The curve of a single run says that it has no band; that of several says what its band is."""
    one = drawn([run([75.0, 80.0])], facts("f-1"), EVALUATIONS)
    assert (one.low, one.high) == (one.mean, one.mean)
    assert "single run" in one.band
    two = drawn([run([75.0, 80.0]), run([70.0, 90.0], replicate=1)], facts("f-1"), EVALUATIONS)
    assert two.band == "a 95 % t band for the mean over search seeds, at each point by itself"


def test_no_scale_no_curve(run: Runs, facts: Facts) -> None:
    """Where the best is the reference or unknown there is no regret; without costs none over seconds."""
    runs = [run([75.0, 80.0])]
    assert curve(runs, facts("f-1", reference=100.0), EVALUATIONS) is None
    assert curve(runs, facts("f-1", best=NAN), EVALUATIONS) is None
    assert curve(runs, facts("f-1", seconds=False), TABLE_SECONDS) is None
    assert curve([], facts("f-1"), EVALUATIONS) is None
    assert curve([run([NAN])], facts("f-1"), EVALUATIONS) is None
    assert curve([run([])], facts("f-1"), EVALUATIONS) is None


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_a_grid_of_evaluations_holds_integers(start: int, length: int) -> None:
    """It keeps both ends and increases; up to 200 evaluations all are in it, and never more than 200."""
    grid = make_grid(float(start), float(start + length), EVALUATIONS)
    assert (grid[0], grid[-1]) == (start, start + length)
    assert (grid == np.round(grid)).all()
    assert (np.diff(grid) > 0).all()
    assert len(grid) <= POINTS
    if length < POINTS:
        assert len(grid) == length + 1


@given(st.floats(1e-3, 1e9), st.floats(0.0, 1e9))
def test_a_grid_of_seconds_is_even_in_the_logarithm(start: float, length: float) -> None:
    """It keeps both ends exactly, and the ratio of neighbours is the same throughout."""
    grid = make_grid(start, start + length, TABLE_SECONDS)
    assert (grid[0], grid[-1]) == (start, start + length)
    if len(grid) > 2:
        ratios = grid[1:] / grid[:-1]
        assert ratios == pytest.approx(np.full(len(ratios), (grid[-1] / grid[0]) ** (1 / (len(grid) - 1))))


def test_methods_share_a_grid(run: Runs, facts: Facts) -> None:
    """The curves of a benchmark are read off at common points, each from its own start to its own end."""
    rng = np.linspace(50.0, 90.0, 40)
    runs = [
        run(rng, method="a"),
        run(rng, method="b", times=np.linspace(7.0, 900.0, 40)),
    ]
    scale = {"f-1": facts("f-1")}
    found = [c for c in curves(make_cells(runs, scale, "ab"), scale, "ab") if c.axis == TABLE_SECONDS]
    a, b = (set(c.x) for c in found)
    assert (min(a), max(a)) == (10.0, 400.0)
    assert (min(b), max(b)) == (7.0, 900.0)
    assert {x for x in b if 10.0 < x < 400.0} == a - {10.0, 400.0}
    assert len(a & b) > 100


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from([NAN, 10.0, 55.0, 80.0, 99.0]), st.floats(0.0, 50.0)), max_size=12
        ),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_every_curve_agrees_with_the_runs_read_one_by_one(
    run: Runs, facts: Facts, parts: list[list[tuple[float, float]]], maximize: bool
) -> None:
    """Whatever is missing, simultaneous or short, each point is the mean of what the runs have there."""
    scale = facts("f-1", maximize=maximize, best=100.0 if maximize else 0.0)
    runs = [
        run([v for v, _ in part], replicate=i, times=np.cumsum([t for _, t in part]))
        for i, part in enumerate(parts)
    ]
    kept = [one for one in runs if np.isfinite(one.values).any()]
    for axis in (EVALUATIONS, TABLE_SECONDS):
        found = curve(runs, scale, axis)
        assert (found is None) == (not kept)
        if found is not None:
            for x, mean in zip(found.x, found.mean, strict=True):
                regrets = [by_hand(one, scale, x, axis) for one in kept]
                assert None not in regrets
                assert mean == pytest.approx(np.mean(regrets))
            assert found.mean == sorted(found.mean, reverse=True) or np.all(np.diff(found.mean) <= 1e-12)
