"""Curves with bands in panels: steps or lines, linear or logarithmic, one look for each method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    PAGE,
    SIZE,
    Canvas,
    Naming,
    fitted,
    wrapped,
)
from assay.publishing.plots.scales import Scale, linear, logarithmic, share_axis, spread, wants_log

_LEFT, _RIGHT, _FOOT, _TALL = 40.0, 9.0, 25.0, 104.0
MANY = 8  # from more methods on, a legend wants the width of the page
Numbers = Sequence[float | None]


class Series(NamedTuple):
    """One curve: `faint` are single runs behind it, `until` how far its last value still holds."""

    name: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    faint: Sequence[tuple[Numbers, Numbers]] = ()
    until: float | None = None


class Panel(NamedTuple):
    """Axes with curves. `step`: a value holds until the next; `log_*`: None lets the numbers decide."""

    x: str
    y: str
    series: Sequence[Series]
    title: str = ""
    step: bool = True
    log_x: bool | None = None
    log_y: bool | None = False
    share: bool = False
    markers: bool = False
    also: Callable[[Axes, Scale, Scale], None] | None = None
    y_with: Sequence[float] = ()


def draw_panels(
    panels: Sequence[Panel],
    naming: Naming,
    notes: Sequence[str] = (),
    beside: Mapping[str, str] | None = None,
    legend: bool = True,
) -> Canvas:
    """Draw panels row by row, with one legend for all: one to a column, two or three to a page."""
    across = len(panels) if len(panels) < 4 else (2 if len(panels) == 4 else 3)
    top = 14.0 if any(panel.title for panel in panels) else 6.0
    names = naming.sorted(series.name for panel in panels for series in panel.series) if legend else []
    width = COLUMN if len(panels) == 1 and len(names) <= MANY else PAGE
    wide = width / across
    lines = [line for note in notes for line in wrapped(note, width - 2 * PAD)]
    below = LINE * len(lines) + (PAD if lines else 0.0)
    tall = _TALL + top + _FOOT
    rows = math.ceil(len(panels) / across)
    canvas = Canvas(width, below + rows * tall, naming, names, beside)
    for i, panel in enumerate(panels):
        row, column = divmod(i, across)
        left, bottom = column * wide + _LEFT, below + (rows - 1 - row) * tall + _FOOT
        _panel(canvas, panel, (left, bottom, wide - _LEFT - _RIGHT, _TALL), naming)
        title = fitted(panel.title, wide - 2 * PAD)
        canvas.text(column * wide + PAD, bottom + _TALL + 5.0, title, fontweight="bold")
    canvas.notes(lines, below - PAD / 2)
    return canvas


def _panel(canvas: Canvas, panel: Panel, place: tuple[float, float, float, float], naming: Naming) -> None:
    left, bottom, wide, tall = place
    axes = canvas.axes(*place)
    x_scale, y_scale = _scales(axes, panel, wide, tall)
    for series in panel.series:
        _faint(axes, series, panel, x_scale, y_scale, naming)
    for series in panel.series:
        _curve(axes, series, panel, x_scale, y_scale, naming)
    if panel.also is not None:
        panel.also(axes, x_scale, y_scale)
    axes.grid(True, axis="y")
    label = fitted(x_scale.label(panel.x), wide + _LEFT)
    canvas.text(left + wide / 2, bottom - 20.5, label, ha="center")
    label = fitted(y_scale.label(panel.y), tall + 14.0)
    x = left - _LEFT + 8.5
    canvas.text(x, bottom + tall / 2, label, rotation=90, ha="center", va="center", size=SIZE)


def _scales(axes: Axes, panel: Panel, wide: float, tall: float) -> tuple[Scale, Scale]:
    x = [value for series in panel.series for value in (*series.x, series.until)]
    y = [v for s in panel.series for v in (*s.y, *s.low, *s.high)] + list(panel.y_with)
    y += [v for s in panel.series for _, run in s.faint for v in run]
    if wants_log(x) if panel.log_x is None else panel.log_x:
        x_scale = logarithmic(axes, "x", x, wide)
    else:
        x_scale = linear(axes, "x", *spread(x, share=0.02), wide)
    if panel.share:
        return x_scale, share_axis(axes, "y", tall)
    if wants_log(y) if panel.log_y is None else panel.log_y:
        return x_scale, logarithmic(axes, "y", y, tall)
    return x_scale, linear(axes, "y", *spread(y), tall)


def _curve(axes: Axes, series: Series, panel: Panel, x_scale: Scale, y_scale: Scale, naming: Naming) -> None:
    style = naming.look(series.name)
    x, y, low, high = _corners(series)
    x, y = x_scale.place(x), y_scale.place(y)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return
    step = {"drawstyle": "steps-post"} if panel.step else {}
    if len(low):
        kind = "post" if panel.step else None
        low, high = y_scale.place(low), y_scale.place(high)
        axes.fill_between(x, low, high, step=kind, color=style.colour, alpha=0.15, linewidth=0)  # type: ignore[arg-type]  # None is no step
    axes.plot(x, y, color=style.colour, linestyle=style.line, **step)  # type: ignore[arg-type]  # drawstyle by name
    ends = np.flatnonzero(known) if panel.markers else np.flatnonzero(known)[-1:]
    axes.plot(
        x[ends],
        y[ends],
        marker=style.marker,
        color=style.colour,
        markersize=4.0,
        linestyle="none",
        clip_on=False,
        zorder=4,
    )


def _faint(axes: Axes, series: Series, panel: Panel, x_scale: Scale, y_scale: Scale, naming: Naming) -> None:
    step = {"drawstyle": "steps-post"} if panel.step else {}
    for x, y in series.faint:
        axes.plot(
            x_scale.place(x),
            y_scale.place(y),
            color=naming.look(series.name).colour,
            linewidth=0.4,
            alpha=0.4,
            **step,  # type: ignore[arg-type]  # drawstyle by name
        )


def _corners(series: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return only the points at which something changes, and the last; nothing is lost by it."""
    columns = [_array(column) for column in (series.x, series.y, series.low, series.high)]
    x, *values = columns
    if not len(x):
        return columns[0], columns[1], columns[2], columns[3]
    held = [column for column in values if len(column)]
    kept = np.ones(len(x), dtype=bool)
    if len(x) > 2:
        same = [np.isclose(c[1:], c[:-1], rtol=0, atol=0, equal_nan=True) for c in held]
        inner = np.logical_and.reduce(same)
        # A point is needless where neither it nor its successor changes anything.
        kept[1:-1] = ~(inner[:-1] & inner[1:])
    found = [column[kept] if len(column) else column for column in columns]
    if series.until is not None and series.until > found[0][-1]:
        found = [
            np.append(column, series.until if i == 0 else column[-1]) if len(column) else column
            for i, column in enumerate(found)
        ]
    return found[0], found[1], found[2], found[3]


def _array(values: Numbers) -> np.ndarray:
    return np.array([math.nan if value is None else float(value) for value in values], dtype=float)
