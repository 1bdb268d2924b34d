"""Where the cost went: searching, training, tuning, final training, and runs that failed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from matplotlib.patches import Rectangle

from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    SIZE,
    SMALL,
    Canvas,
    Naming,
    Sketch,
    finite,
    fitted,
    table,
    widest,
)
from assay.publishing.plots.registry import draw
from assay.publishing.sheet import width_of
from assay.publishing.style import INK, MUTED
from assay.publishing.words import brief, counted, listed

PARTS = ("search", "train", "tune", "final", "failed")
# Greys, for hues belong to methods; what failed is hollow.
_FILLS = {"search": "#2B3138", "train": "#69737D", "tune": "#A2ABB3", "final": "#D5DADF", "failed": "#FFFFFF"}
_ROW = 14.0


class CostStack(msgspec.Struct, frozen=True, kw_only=True):
    """What each method spent on each part, in one unit; None: not recorded, which is not zero."""

    methods: tuple[str, ...]
    parts: dict[str, tuple[float | None, ...]]
    unit: str


@draw.register
def _(result: CostStack, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    order = sorted(range(len(result.methods)), key=lambda i: naming.place(result.methods[i]))
    parts = [part for part in result.parts if any(v is not None for v in result.parts[part])]
    totals = [math.fsum(finite(result.parts[part][i] for part in parts)) for i in range(len(result.methods))]
    most = max(totals, default=0.0) or 1.0
    names = [naming.label(result.methods[i]) for i in order]
    left = min(widest(names, SIZE), 84.0) + 10.0
    right = widest([brief(total) for total in totals], SMALL) + 3.0
    room = COLUMN - left - right - 3 * PAD
    key = _key_rows(parts)
    open_ = any(value is None for part in parts for value in result.parts[part])
    foot = LINE * (len(key) + open_) + 10.0
    canvas = Canvas(COLUMN, foot + _ROW * len(order) + 15.0)
    top = foot + _ROW * len(order)
    for row, i in enumerate(order):
        y = top - (row + 1) * _ROW
        style = naming.look(result.methods[i])
        canvas.line(
            [PAD + left - 4.0], [y + _ROW / 2], marker=style.marker, color=style.colour, markersize=4.2
        )
        canvas.text(
            PAD + left - 10.0, y + _ROW / 2, fitted(names[row], left - 10.0), ha="right", va="center_baseline"
        )
        x = left + 2 * PAD
        for part in parts:
            wide = room * (result.parts[part][i] or 0.0) / most
            edge = INK if part == "failed" else "white"
            fill = _FILLS.get(part, MUTED)
            if wide > 0:
                patch = Rectangle((x, y + 2), wide, _ROW - 4, facecolor=fill, edgecolor=edge, linewidth=0.5)
                canvas.base.add_patch(patch)
            x += wide
        canvas.text(x + 3.0, y + _ROW / 2, brief(totals[i]), size=SMALL, va="center_baseline")
    canvas.text(PAD, top + 5.0, fitted(result.unit, COLUMN - 2 * PAD), size=SMALL, colour=MUTED)
    _key(canvas, key, foot - 10.0)
    if open_:
        canvas.text(PAD, 5.0, "What was not recorded is missing in a bar.", size=SMALL, colour=MUTED)
    rows = [(result.methods[i], *(result.parts[part][i] for part in parts), totals[i]) for i in order]
    told = [f"{names[row]} {brief(totals[i])}" for row, i in enumerate(order)]
    return (
        canvas.finish(
            id="cost-stack",
            title="Where the cost went",
            explanation=f"What each method spent in {result.unit or 'all'}: {listed(parts)}.",
            alt=f"Cost of {counted(len(order), 'method')} in {result.unit}: {listed(told)}.",
            data=table(("method", *parts, "total"), rows),
        ),
    )


def _key_rows(parts: Sequence[str]) -> list[list[str]]:
    """Return the parts in the lines of a key."""
    rows: list[list[str]] = [[]]
    x = 0.0
    for part in parts:
        wide = 19.0 + width_of(part, SMALL)
        if x + wide > COLUMN - 2 * PAD:
            rows.append([])
            x = 0.0
        rows[-1].append(part)
        x += wide
    return rows


def _key(canvas: Canvas, rows: Sequence[Sequence[str]], y: float) -> None:
    for i, row in enumerate(rows):
        x = PAD
        for part in row:
            fill = _FILLS.get(part, MUTED)
            patch = Rectangle((x, y - i * LINE), 7.0, 6.0, facecolor=fill, edgecolor=INK, linewidth=0.4)
            canvas.base.add_patch(patch)
            canvas.text(x + 9.5, y - i * LINE + 3.0, part, size=SMALL, colour=MUTED, va="center_baseline")
            x += 19.0 + width_of(part, SMALL)
