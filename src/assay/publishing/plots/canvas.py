"""A blank sheet measured in points, on which the texts and axes of a figure are placed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.text import Text

from assay.foundation.text import one_line
from assay.publishing.sheet import Drawn, Margin, Sheet, width_of
from assay.publishing.style import INK, MUTED, Look, look
from assay.publishing.words import plain
from assay.statistics.table import Cell, Table

COLUMN = 240.0  # one column of a two-column paper, in points
PAGE = 516.0  # both columns and the gap between them
SIZE = 7.0
SMALL = 6.5
LINE = 8.6  # from one line of small text to the next
PAD = 4.0
DEFINITIONS = "docs/figures.md"
_SIGNS = re.compile("(: | − | > )")  # between the names in a label of a pair
NEUTRAL = Look(INK, "solid", "o", "", "")


class Naming:
    """Which look and which label each method has: one hue per method, whatever the figure shows.

    `methods` is the order of the study; names that only a result knows follow it, in sorted order.
    `others` are the looks of curves that are no methods.
    """

    def __init__(
        self,
        methods: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        others: Mapping[str, Look] | None = None,
    ) -> None:
        self._order = {name: i for i, name in enumerate(dict.fromkeys(methods))}
        self._labels = dict(labels or {})
        self._others = dict(others or {})

    def knowing(self, names: Iterable[str]) -> Naming:
        """Return the same naming with places for these names too."""
        new = sorted(set(names) - set(self._order))
        return Naming([*self._order, *new], self._labels, self._others)

    def neutral(self, name: str) -> Naming:
        """Return the same naming, in which this name is no method and has no hue."""
        others = {**self._others, name: NEUTRAL} if name not in self._order else self._others
        return Naming(list(self._order), self._labels, others)

    def place(self, name: str) -> int:
        """Return the place of a method, which decides its look."""
        return self._order[name]

    def sorted(self, names: Iterable[str]) -> list[str]:
        """Return these names, each once, in the order of the study."""
        return sorted(set(names), key=self.place)

    def look(self, name: str) -> Look:
        """Return the look of a method."""
        return self._others.get(name) or look(self._order[name])

    def label(self, name: str) -> str:
        """Return what a method is called, on one line."""
        return one_line(self._labels.get(name, name)) or "(no name)"


class Canvas:
    """A figure of one piece; places are points from the lower left corner, above the legend.

    `legend` are the methods that it names, `beside` what stands in brackets after a name.
    """

    def __init__(
        self,
        width: float,
        height: float,
        naming: Naming | None = None,
        legend: Sequence[str] = (),
        beside: Mapping[str, str] | None = None,
    ) -> None:
        self.width, self.height = width, height
        looks = [naming.look(name) for name in legend] if naming else []
        names = (
            [_entry(naming.label(name), (beside or {}).get(name, "")) for name in legend] if naming else []
        )
        self.sheet = Sheet(1, 1, (width, height), Margin(0, 0, 0, 0), names, looks)
        self.base = self.sheet.axes(0, "")
        self.base.set_xlim(0, width)
        self.base.set_ylim(0, height)
        self.base.set_axis_off()

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Return axes whose frame lies there."""
        place = (left, bottom, max(width, 1.0), max(height, 1.0))
        axes: Axes = self.base.inset_axes(place, transform=self.base.transData)
        axes.patch.set_visible(False)
        return axes

    def text(
        self, x: float, y: float, text: str, *, size: float = SIZE, colour: str = INK, **how: Any
    ) -> Text:
        """Write one line; `how` are the settings of matplotlib's text."""
        return self.base.text(x, y, text, fontsize=size, color=colour, **how)

    def line(self, x: Sequence[float], y: Sequence[float], **how: Any) -> None:
        """Draw a line through these points."""
        self.base.plot(x, y, **how)

    def notes(self, lines: Sequence[str], top: float, left: float = PAD) -> None:
        """Write lines of small text downwards from `top`; see `wrapped`."""
        for i, line in enumerate(lines):
            self.text(left, top - i * LINE, line, size=SMALL, colour=MUTED, va="top")

    def finish(
        self,
        *,
        id: str,
        title: str,
        explanation: str,
        alt: str,
        data: Table,
        short: Table | None = None,
        anchor: str = "",
    ) -> Sketch:
        """Return the figure, ready to be rendered; `short` defaults to the data with rounded numbers."""
        return Sketch(
            self.sheet,
            {
                "id": id,
                "title": one_line(title),
                "explanation": one_line(explanation),
                "alt": alt,
                "data": data,
                "short": rounded(data) if short is None else short,
                "definition": f"{DEFINITIONS}#{anchor or id}",
            },
        )


class Sketch(NamedTuple):
    """A figure that is drawn but not rendered yet, and what is said of it."""

    sheet: Sheet
    described: dict[str, Any]

    def finish(self, title: str = "") -> Drawn:
        """Return the rendered figure, under another title if one is given."""
        return self.sheet.finish(**{**self.described, **({"title": one_line(title)} if title else {})})


def _entry(label: str, beside: str) -> str:
    """Return an entry of a legend, of at most thirty characters."""
    tail = f" ({beside})" if beside else ""
    return _cut(label, 29 - len(tail)) + tail if len(label) + len(tail) > 30 else label + tail


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """Return one line that is no wider than this: cut in its middle, so that beginnings and ends differ."""
    line = one_line(text)
    if width_of(line, size) <= width + 0.1:
        return line
    low, high = 1, len(line) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width_of(_cut(line, middle), size) <= width else (low, middle - 1)
    return _cut(line, low)


def fitted_label(text: str, width: float, size: float = SIZE) -> str:
    """Return a label of one or two methods, no wider than this: each name is cut by itself.

    'task: a − b' keeps its signs and something of all its names, whatever their lengths.
    """
    line = one_line(text)
    parts = _SIGNS.split(line)
    if len(parts) == 1 or width_of(line, size) <= width + 0.1:
        return fitted(line, width, size)
    longest = max(len(part) for part in parts)
    for kept in range(longest - 1, 3, -1):
        short = "".join(_cut(part, kept - 1) if len(part) > kept else part for part in parts)
        if width_of(short, size) <= width + 0.1:
            return short
    return fitted(line, width, size)


def _cut(line: str, kept: int) -> str:
    tail = kept * 2 // 5
    return line[: kept - tail].rstrip() + "…" + line[len(line) - tail :].lstrip()


def widest(texts: Iterable[str], size: float = SIZE) -> float:
    """Return the width of the widest of these texts; 0 without any."""
    return max((width_of(text, size) for text in texts), default=0.0)


def wrapped(text: str, width: float, size: float = SMALL) -> list[str]:
    """Return a text in lines that are no wider than this."""
    lines: list[str] = []
    for word in one_line(text).split(" "):
        if lines and width_of(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(fitted(word, width, size))
    return [line for line in lines if line]


def number(value: float | None, significant: int = 3) -> str:
    """Return a number as it stands in a figure: a dash for none, a true minus sign."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return plain(value, significant).replace("-", "−")


def cell(value: Any) -> Cell:
    """Return a value as a table holds it: plain Python numbers in full, nothing for NaN."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return str(bool(value)).lower()
    if isinstance(value, int):
        return value
    plain_number = value.item() if hasattr(value, "item") else value
    if isinstance(plain_number, float) and math.isnan(plain_number):
        return None
    return plain_number  # type: ignore[no-any-return]  # an int or a float, as NumPy's item() gives


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Return a table of these rows, its numbers in full."""
    return Table(tuple(columns), [tuple(cell(value) for value in row) for row in rows])


def rounded(data: Table, rows: int = 60) -> Table:
    """Return a table for reading: four digits, and no more than so many rows."""
    kept: list[tuple[Cell, ...]] = [
        tuple(number(c, 4) if isinstance(c, float) else "–" if c is None else c for c in row)
        for row in data.rows[:rows]
    ]
    return Table(data.columns, kept)


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the finite ones of these numbers."""
    return [float(value) for value in values if value is not None and math.isfinite(value)]
