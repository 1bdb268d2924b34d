"""Two objectives: fronts with the volume that they dominate, and what shares of the runs attain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from matplotlib.axes import Axes

from assay.foundation.errors import UsageError
from assay.publishing.plots.bands import MANY
from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    PAGE,
    Canvas,
    Naming,
    Sketch,
    fitted,
    number,
    table,
    wrapped,
)
from assay.publishing.plots.forest import Form, Line, forest, interval_text
from assay.publishing.plots.registry import Together, draw, draw_together, stands_on
from assay.publishing.plots.scales import Scale, linear, logarithmic, spread, wants_log
from assay.publishing.style import INK
from assay.publishing.words import counted, listed
from assay.statistics.pareto import Attainment, Hypervolume

_TALL, _LEFT = 140.0, 42.0
Point = tuple[float, ...]


class ParetoFronts(msgspec.Struct, frozen=True, kw_only=True):
    """The points of each method in two objectives, the reference point, and the volumes up to it."""

    points: dict[str, tuple[tuple[float, float], ...]]
    reference: tuple[float, float]
    maximize: tuple[bool, bool]
    objectives: tuple[str, str]
    hypervolume: dict[str, float]


class _Plane(NamedTuple):
    """Axes of two objectives with their scales, and the worst corner that is seen."""

    canvas: Canvas
    axes: Axes
    x: Scale
    y: Scale
    worst: Point


def not_dominated(points: Sequence[Point], maximize: Sequence[bool]) -> list[Point]:
    """Return the points that no other dominates, each once, in increasing order of the first objective."""
    signs = [-1.0 if up else 1.0 for up in maximize]
    turned = sorted(
        {tuple(s * v for s, v in zip(signs, p, strict=True)) for p in points if all(map(math.isfinite, p))}
    )
    kept: list[Point] = []
    best = math.inf
    for point in turned:
        if point[1] < best:
            kept.append(tuple(s * v for s, v in zip(signs, point, strict=True)))
            best = point[1]
    return sorted(kept)


def stairs(front: Sequence[Point], maximize: Sequence[bool], worst: Point) -> tuple[list[float], list[float]]:
    """Return the corners of the edge of what a front dominates, from one end of the plane to the other."""
    ordered = sorted(front, key=lambda point: -point[0] if maximize[0] else point[0])
    if not ordered:
        return [], []
    x, y = [ordered[0][0]], [worst[1]]
    for i, point in enumerate(ordered):
        x += [point[0], ordered[i + 1][0] if i + 1 < len(ordered) else worst[0]]
        y += [point[1], point[1]]
    return x, y


def _plane(
    points: Sequence[Point],
    form: tuple[tuple[str, str], Sequence[bool], Point | None],
    naming: Naming,
    legend: Sequence[str],
    notes: Sequence[str],
    beside: Mapping[str, str] | None = None,
) -> _Plane:
    names, maximize, reference = form
    width = COLUMN if len(legend) <= MANY else PAGE
    lines = [line for note in notes for line in wrapped(note, width - 2 * PAD)]
    foot = LINE * len(lines) + PAD + 27.0
    canvas = Canvas(width, foot + _TALL + 6.0, naming, legend, beside)
    wide = width - _LEFT - 10.0
    axes = canvas.axes(_LEFT, foot, wide, _TALL)
    shown = [*points, *([reference] if reference else [])]
    scales = [
        _scale(axes, which, [p[i] for p in shown], room)
        for i, (which, room) in enumerate((("x", wide), ("y", _TALL)))
    ]
    for i, which in enumerate("xy"):
        arrow = "more is better" if maximize[i] else "less is better"
        text = scales[i].label(f"{names[i]}, {arrow}")
        if which == "x":
            canvas.text(_LEFT + wide / 2, foot - 20.5, fitted(text, wide), ha="center")
        else:
            canvas.text(8.5, foot + _TALL / 2, fitted(text, _TALL + 8), rotation=90, ha="center", va="center")
    axes.grid(True)
    canvas.notes(lines, foot - 27.0)
    corner = tuple(s.low if up else s.high for s, up in zip(scales, maximize, strict=True))
    return _Plane(canvas, axes, scales[0], scales[1], reference or corner)


def _scale(axes: Axes, which: str, values: Sequence[float], room: float) -> Scale:
    if wants_log(values):
        return logarithmic(axes, which, values, room)
    return linear(axes, which, *spread(values), room)


def _two(maximize: Sequence[bool]) -> None:
    if len(maximize) != 2:
        raise UsageError(
            "a front is drawn for two objectives",
            why=f"there are {len(maximize)}",
            hint="draw the hypervolumes",
        )


@draw.register
def _(result: ParetoFronts, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.points)
    order = naming.sorted(result.points)
    every = [point for points in result.points.values() for point in points]
    spot = f"({', '.join(number(value, 4) for value in result.reference)})"
    notes = [f"Reference point {spot}, marked +; HV: the volume dominated up to it. Line: not dominated."]
    beside = {name: f"HV {number(result.hypervolume.get(name))}" for name in order}
    plane = _plane(
        every, (result.objectives, result.maximize, result.reference), naming, order, notes, beside
    )
    rows = []
    for name in order:
        style = naming.look(name)
        front = not_dominated(result.points[name], result.maximize)
        inside = [p for p in front if _dominates(p, result.reference, result.maximize)]
        x, y = stairs(inside, result.maximize, plane.worst)
        plane.axes.plot(
            plane.x.place(x), plane.y.place(y), color=style.colour, linestyle=style.line, linewidth=1.1
        )
        cloud = np.array(result.points[name], dtype=float).reshape(-1, 2)
        plane.axes.plot(
            plane.x.place(cloud[:, 0]),
            plane.y.place(cloud[:, 1]),
            marker=style.marker,
            color=style.colour,
            markersize=3.2,
            alpha=0.75,
            linestyle="none",
        )
        rows += [
            (name, *p, p in front, result.hypervolume.get(name), *result.reference)
            for p in result.points[name]
        ]
    spot_x, spot_y = plane.x.place([result.reference[0]]), plane.y.place([result.reference[1]])
    plane.axes.plot(spot_x, spot_y, marker="+", markersize=7.0, color=INK, clip_on=False)
    told = [f"{naming.label(name)} {number(result.hypervolume.get(name), 4)}" for name in order]
    columns = ["method", *result.objectives, "not dominated", "hypervolume"]
    columns += [f"reference {name}" for name in result.objectives]
    return (
        plane.canvas.finish(
            id="pareto-front",
            title="Fronts of two objectives",
            explanation="All points of each method, the edge of what they dominate, and its volume up "
            f"to the reference {spot}.",
            alt=f"Fronts of {counted(len(order), 'method')}; hypervolume: {listed(told)}.",
            data=table(columns, rows),
        ),
    )


def _dominates(point: Point, reference: Point, maximize: Sequence[bool]) -> bool:
    return all(p > r if up else p < r for p, r, up in zip(point, reference, maximize, strict=True))


@draw.register
def _(result: Attainment, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"runs": result}), naming.neutral("runs"))


@draw_together.register
def _(first: Attainment, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, Attainment] = items.items
    _two(first.maximize)
    naming = naming.knowing(results)
    order = naming.sorted(results)
    every = [point for r in results.values() for surface in r.surfaces for point in surface]
    levels = listed([f"{level * 100:g} %" for level in first.levels])
    notes = [
        (
            f"Attained by {levels} of "
            f"{' to '.join(str(n) for n in _span([r.runs for r in results.values()]))} runs."
        )
    ]
    names = ("first objective", "second objective")
    plane = _plane(every, (names, first.maximize, None), naming, order if len(order) > 1 else [], notes)
    for name in order:
        _surfaces(plane, results[name], naming, name)
    rows = [
        (name, level, *point)
        for name in order
        for level, surface in zip(results[name].levels, results[name].surfaces, strict=True)
        for point in surface
    ]
    return (
        plane.canvas.finish(
            id="attainment",
            title="What shares of the runs attain",
            explanation=f"The points that {levels} of the runs attain or better; a band lies between the "
            "first and the last.",
            alt=f"Attainment surfaces of {counted(len(order), 'method')} at {levels} of the runs.",
            data=table(("method", "level", *names), rows),
        ),
    )


def _span(numbers: Sequence[int]) -> list[int]:
    return sorted({min(numbers), max(numbers)})


def _surfaces(plane: _Plane, result: Attainment, naming: Naming, name: str) -> None:
    """Draw the middle level as a line, and a band between the outermost ones."""
    style = naming.look(name)
    drawn = [stairs(surface, result.maximize, plane.worst) for surface in result.surfaces]
    full = [i for i, (x, _) in enumerate(drawn) if x]
    if len(full) > 1:
        (ax, ay), (bx, by) = drawn[full[0]], drawn[full[-1]]
        plane.axes.fill(
            plane.x.place([*ax, *bx[::-1]]),
            plane.y.place([*ay, *by[::-1]]),
            color=style.colour,
            alpha=0.15,
            linewidth=0,
        )
    if full:
        middle = min(full, key=lambda i: (abs(result.levels[i] - 0.5), i))
        x, y = drawn[middle]
        plane.axes.plot(plane.x.place(x), plane.y.place(y), color=style.colour, linestyle=style.line)


@draw.register
def _(result: Hypervolume, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"runs": result}), naming.neutral("runs"))


@draw_together.register
def _(first: Hypervolume, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, Hypervolume] = items.items
    naming = naming.knowing(results)
    lines, rows = [], []
    for name in naming.sorted(results):
        r = results[name]
        held = r.interval
        lone = r.volumes[0] if len(r.volumes) == 1 else None
        value, low, high = (lone, None, None) if held is None else (held.mean, held.low, held.high)
        lines.append(
            Line(naming.label(name), value, low, high, interval_text(value, low, high), naming.look(name))
        )
        rows += [
            (name, i, volume, size, beyond, value, low, high)
            for i, (volume, size, beyond) in enumerate(zip(r.volumes, r.fronts, r.beyond, strict=True))
        ]
    spot = f"({', '.join(number(value, 4) for value in first.reference)})"
    form = Form(
        "hypervolume",
        notes=[f"Reference point {spot}; {stands_on(first.basis)[0]}."],
        heads=("", "mean [interval]"),
    )
    return (
        forest(lines, form).finish(
            id="hypervolume",
            title="Dominated hypervolume",
            explanation=f"The mean volume that a run's points dominate up to the reference point {spot}, "
            "with its interval.",
            alt=f"Hypervolume: {listed([f'{line.label} {line.note}' for line in lines])}.",
            data=table(("method", "run", "volume", "front", "beyond", "mean", "low", "high"), rows),
            anchor="pareto-front",
        ),
    )
