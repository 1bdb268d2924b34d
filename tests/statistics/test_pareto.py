"""Hypervolume and attainment."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.pareto import attainment, hypervolume

POINT = st.tuples(st.integers(0, 6), st.integers(0, 6))
SET = st.lists(POINT, max_size=5)


def test_the_reference_case(case: Callable[[str], dict[str, Any]]) -> None:
    """Hypervolumes in two and three objectives are those that moocore, pymoo and a hand sum give."""
    inputs, expected = case("hypervolume")["inputs"], case("hypervolume")["expected"]
    assert hypervolume(inputs["points"], inputs["ref"]).volumes == pytest.approx([expected["hv"]], abs=1e-9)
    assert hypervolume(inputs["points3"], inputs["ref3"]).volumes == pytest.approx(
        [expected["hv3"]], abs=1e-9
    )


def covered(points: list[tuple[int, int]], corner: int = 5) -> int:
    """Return the hypervolume of integer points as the number of unit squares they dominate."""
    return sum(any(x <= i and y <= j for x, y in points) for i in range(corner) for j in range(corner))


@given(SET)
@settings(max_examples=60)
def test_it_counts_what_is_dominated(points: list[tuple[int, int]]) -> None:
    """The hypervolume of integer points is the number of unit squares that they dominate."""
    assert hypervolume(points, (5, 5)).volumes == (covered(points),)


@given(SET, POINT)
@settings(max_examples=60)
def test_another_point_never_makes_it_smaller(points: list[tuple[int, int]], more: tuple[int, int]) -> None:
    """A point that is added adds, or is dominated and changes nothing."""
    before, after = hypervolume(points, (5, 5)), hypervolume([*points, more], (5, 5))
    assert after.volumes[0] >= before.volumes[0]


@given(SET)
@settings(max_examples=60)
def test_maximising_is_the_mirror(points: list[tuple[int, int]]) -> None:
    """Turning an objective with its direction changes no volume."""
    turned = [(-x, y) for x, y in points]
    whole = [(-x, -y) for x, y in points]
    volumes = hypervolume(points, (5, 5)).volumes
    assert hypervolume(turned, (-5, 5), maximize=[True, False]).volumes == volumes
    assert hypervolume(whole, (-5, -5), maximize=True).volumes == volumes


def test_runs_have_a_mean_with_an_interval() -> None:
    """A list of sets gives one volume a run; a run that found nothing has none, and counts."""
    rng = Stream(0, ("pareto",))
    found = hypervolume([[(1, 1)], [(3, 3), (2, 2), (9, 0)], []], (5, 5), rng=rng)
    assert found.volumes == (16.0, 9.0, 0.0)
    assert found.fronts == (1, 2, 0)
    assert found.beyond == (0, 1, 0)
    assert found.interval is not None
    assert (found.interval.n, found.interval.mean) == (3, pytest.approx(25 / 3))
    assert hypervolume([(1, 1)], (5, 5)).interval is None


def test_the_reference_point_is_printed() -> None:
    """The sentence and the basis name the point up to which volumes are measured, and the directions."""
    text = str(hypervolume([(0.91, 2.5)], (0.5, 11), maximize=[True, False]))
    assert "up to the reference point (0.5, 11)" in text.splitlines()[0]
    assert "objectives: maximised, minimised" in text


def attained(runs: list[list[tuple[int, int]]], point: tuple[int, int]) -> int:
    return sum(any(x <= point[0] and y <= point[1] for x, y in run) for run in runs)


@given(st.lists(SET, min_size=1, max_size=5).filter(any), st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.75, 1.0]))
@settings(max_examples=80)
def test_a_surface_bounds_what_enough_runs_attain(runs: list[list[tuple[int, int]]], level: float) -> None:
    """A grid point is dominated by the surface exactly where at least that share of all runs attains it."""
    (surface,) = attainment(runs, [level]).surfaces
    needed = math.ceil(level * len(runs) - 1e-9)
    for point in ((i, j) for i in range(7) for j in range(7)):
        inside = any(x <= point[0] and y <= point[1] for x, y in surface)
        assert inside == (attained(runs, point) >= needed)


def test_a_run_without_points_is_counted() -> None:
    """With one of two runs empty, half of them attain what the other found, and all attain nothing."""
    found = attainment([[(1, 2)], []], [0.5, 1.0])
    assert found.surfaces == (((1.0, 2.0),), ())
    assert (found.runs, found.empty) == (2, 1)
    assert "no point is attained at 1" in found.sentence()
    assert found.table().rows == [(0.5, 1.0, 2.0)]


def test_attainment_turns_with_its_objectives() -> None:
    """Maximised objectives give the mirrored surface, and the order of runs plays no part."""
    runs = [[(1, 5), (3, 2)], [(2, 4)], [(4, 1)]]
    (down,) = attainment(runs, [0.6]).surfaces
    mirrored = [[(-x, -y) for x, y in run] for run in runs]
    (up,) = attainment(mirrored, [0.6], maximize=True).surfaces
    assert sorted((-x, -y) for x, y in up) == list(down)
    assert attainment(runs[::-1], [0.6]).surfaces == (down,)


def test_three_objectives_have_surfaces_too() -> None:
    """A single run's surface is its own front, in three objectives as well."""
    found = attainment([[(1, 2, 3), (3, 2, 1), (3, 3, 3)]], [1.0])
    assert found.surfaces == (((1.0, 2.0, 3.0), (3.0, 2.0, 1.0)),)


REFUSED: dict[str, Callable[[], object]] = {
    "no number": lambda: hypervolume([(1, math.nan)], (5, 5)),
    "three objectives": lambda: hypervolume([(1, 2, 3)], (5, 5)),
    "no end": lambda: hypervolume([(1, 2)], (5, math.inf)),
    "one direction": lambda: hypervolume([(1, 2)], (5, 5), maximize=[True]),
    "no points": lambda: attainment([[], []]),
    "level 0": lambda: attainment([[(1, 2)]], [0.0]),
    "no level": lambda: attainment([[(1, 2)]], []),
    "one objective": lambda: attainment([[(1,)]]),
    "mixed": lambda: attainment([[(1, 2)], [(1, 2, 3)]]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_sense_is_refused(what: str) -> None:
    """Points, levels and directions that do not fit are the caller's mistakes."""
    with pytest.raises(UsageError):
        REFUSED[what]()


def test_an_array_of_runs_is_a_list_of_runs() -> None:
    """A three-dimensional array is one set for each run."""
    points = np.array([[[1, 1], [2, 0]], [[3, 3], [4, 4]]], dtype=float)
    assert (
        hypervolume(points, (5, 5)).volumes == hypervolume([run.tolist() for run in points], (5, 5)).volumes
    )
    assert hypervolume(points[0], (5, 5)).volumes == (hypervolume(points, (5, 5)).volumes[0],)
