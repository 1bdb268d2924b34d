"""A sheet of equal panels, placed to the point, so that a page can show each panel by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from assay.foundation.text import one_line, shortened
from assay.publishing import svg
from assay.publishing.style import Look, look, to_pdf, to_svg
from assay.statistics.table import Table

_POINTS = 72.0
_LEGEND_SIZE = 7.5
_LEGEND_GAP = 38.0  # the line of an entry, and the room after its name
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Drawn(NamedTuple):
    """A finished figure. `short` is the table that stands in the page, `panels` its pieces there.

    `definition` is where the documentation says how to read such a figure.
    """

    id: str
    title: str
    explanation: str
    alt: str
    svg: str
    pdf: bytes
    data: Table
    short: Table
    panels: tuple[str, ...]
    columns: int
    methods: tuple[str, ...]
    definition: str = ""


class Margin(NamedTuple):
    """What a panel leaves free around its axes, in points."""

    left: float
    right: float
    top: float
    bottom: float


class Sheet:
    """A figure of `count` panels of `cell` points, filled row by row, with room for a legend below.

    `looks` are those of the names in the legend; without them they are those of the first methods.
    """

    def __init__(
        self,
        count: int,
        columns: int,
        cell: tuple[float, float],
        margin: Margin,
        legend: Sequence[str] = (),
        looks: Sequence[Look] = (),
    ) -> None:
        self.count = count
        self.columns = min(columns, count)
        self.cell = cell
        self.margin = margin
        self.width = self.columns * cell[0]
        self._legend_columns, legend_rows = _legend_shape(legend, self.width)
        below = legend_rows * 12.0 + 6.0 if legend_rows else 0.0
        self.height = math.ceil(count / self.columns) * cell[1] + below
        self.figure = Figure(figsize=(self.width / _POINTS, self.height / _POINTS), dpi=_POINTS)
        self._legend = tuple(legend)
        self._looks = tuple(looks) or tuple(look(i) for i in range(len(self._legend)))
        self.figure.patch.set_alpha(0.0)

    def box(self, index: int) -> svg.Box:
        """Return where a panel lies, from the upper left corner."""
        row, column = divmod(index, self.columns)
        return svg.Box(column * self.cell[0], row * self.cell[1], *self.cell)

    def axes(self, index: int, title: str) -> Axes:
        """Return the axes of a panel."""
        box, margin = self.box(index), self.margin
        place = (
            (box.x + margin.left) / self.width,
            1 - (box.y + box.height - margin.bottom) / self.height,
            (box.width - margin.left - margin.right) / self.width,
            (box.height - margin.top - margin.bottom) / self.height,
        )
        axes = self.figure.add_axes(place)
        axes.set_gid(_name(index))
        axes.patch.set_visible(False)
        # A title begins where the panel does, not where its axes do.
        axes.text(
            -(margin.left - 4.0) / (box.width - margin.left - margin.right),
            1.0 + 6.0 / (box.height - margin.top - margin.bottom),
            shortened(title, int(box.width / 4.9)),
            transform=axes.transAxes,
            fontweight="bold",
            va="bottom",
        )
        return axes

    def finish(self, **described: Any) -> Drawn:
        """Render once to SVG and once to PDF; `described` are the other fields of `Drawn`."""
        if self._legend:
            handles = [handle(style) for style in self._looks]
            names = [shortened(name, 30) for name in self._legend]
            self.figure.legend(handles, names, loc="lower center", ncols=self._legend_columns, borderpad=0.2)
        body = svg.tidy(to_svg(self.figure))
        described["alt"] = one_line(described["alt"])
        alt, title = described["alt"], described["title"]
        whole = svg.standalone(body, svg.Box(0, 0, self.width, self.height), escape(title), escape(alt))
        boxes = {_name(i): self.box(i) for i in range(self.count)}
        return Drawn(
            svg=whole,
            pdf=to_pdf(self.figure, title),
            panels=tuple(svg.cropped(body, boxes, described["id"])),
            columns=self.columns,
            methods=self._legend,
            **described,
        )


def handle(style: Look) -> Line2D:
    """Return the line and marker of a method, for a legend."""
    return Line2D([], [], color=style.colour, linestyle=style.line, marker=style.marker, markersize=4.5)


@lru_cache(maxsize=4096)
def width_of(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line of text in points, in the font of the drawing, which is a wide one."""
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    wide, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(wide)


def linear_ticks(axes: Axes, which: str, low: float, high: float, count: int = 4) -> None:
    """Set round ticks on a linear axis."""
    first = last = 0
    step = 1.0
    for parts in range(count, count + 4):
        span = (high - low) / parts or 1.0
        power = 10.0 ** math.floor(math.log10(span))
        step = next(k * power for k in (1.0, 2.0, 5.0, 10.0) if k * power >= span * 0.999)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last > first:
            break
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    places = [round(i * step, decimals + 2) for i in range(first, last + 1)]
    _set_ticks(axes, which, places, [_brief(place, decimals) for place in places])


def log_ticks(axes: Axes, which: str, low: float, high: float, count: int = 4) -> None:
    """Make an axis logarithmic, with ticks at decades, or at 1, 2 and 5 of each where there are few."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = [p for p in powers if low * 0.999 <= 10.0**p <= high * 1.001]
    if len(inside) >= 3:
        step = math.ceil(len(inside) / (count + 1))
        kept = inside[::step]
        _set_ticks(axes, which, [10.0**p for p in kept], [_decade(p) for p in kept])
    else:
        digits = (1, 2, 5) if high / low > 4 else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
        places = [k * 10.0**p for p in powers for k in digits if low * 0.999 <= k * 10.0**p <= high * 1.001]
        places = places[:: math.ceil(len(places) / (count + 2)) or 1]
        _set_ticks(axes, which, places, [_compact(place) for place in places])


def _set_ticks(axes: Axes, which: str, places: list[float], names: list[str]) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks([], minor=True)
    axis.set_ticks(places, labels=names)


def _brief(value: float, decimals: int) -> str:
    return _compact(value) if abs(value) >= 10_000 else f"{value:,.{decimals}f}".replace("-", "−")


def _compact(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}".replace("-", "−")


def _decade(power: int) -> str:
    short = {-2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100"}
    return short.get(power, "10" + str(power).translate(_SUPERSCRIPTS))


def _legend_shape(names: Sequence[str], width: float) -> tuple[int, int]:
    """Return the columns and rows of a legend: as many columns as its names have room for."""
    if not names:
        return 1, 0
    wide = [width_of(shortened(name, 30), _LEGEND_SIZE) + _LEGEND_GAP for name in names]
    for columns in range(len(names), 1, -1):
        # matplotlib fills column by column, the first ones with one entry more.
        rows, longer = divmod(len(names), columns)
        starts = [i * rows + min(i, longer) for i in range(columns + 1)]
        if sum(max(wide[a:b]) for a, b in pairwise(starts)) <= width:
            return columns, math.ceil(len(names) / columns)
    return 1, len(names)


def _name(index: int) -> str:
    return f"panel-{index}"
