"""Rows of estimates with their intervals on one scale: the form of most figures of comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    NEUTRAL,
    PAD,
    PAGE,
    SIZE,
    SMALL,
    Canvas,
    Naming,
    finite,
    fitted,
    fitted_label,
    number,
    widest,
    wrapped,
)
from assay.publishing.plots.scales import Scale, linear, logarithmic, spread
from assay.publishing.style import INK, MUTED, RULE, Look

ROW = 12.5
_LEAST_PLOT = 190.0  # points that labels leave to the plot and its margins, on two columns
_LONGEST = 108.0  # points for a label in one column; more in two


class Line(NamedTuple):
    """One row: an estimate with its interval, drawn in a method's look; `note` stands at its right end."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    look: Look = NEUTRAL
    hollow: bool = False
    missing: str = "no number"


class Guide(NamedTuple):
    """A vertical line at a value that a reader compares with, or a band from `value` to `until`."""

    value: float
    name: str = ""
    until: float | None = None
    strong: bool = False


class Form(NamedTuple):
    """What a forest looks like, beside its rows."""

    axis: str
    guides: Sequence[Guide] = ()
    notes: Sequence[str] = ()
    heads: tuple[str, str] = ("", "")
    log: bool = False
    limits: tuple[float, float] | None = None
    bounds: tuple[float, float] | None = None
    wide: bool = False
    parted: Sequence[int] = ()


def forest(lines: Sequence[Line], form: Form, naming: Naming | None = None) -> Canvas:
    """Draw rows from top to bottom: label, estimate with interval, note."""
    right = widest([line.note for line in lines] + [form.heads[1]], SMALL)
    left = widest([line.label for line in lines] + [form.heads[0]], SIZE)
    wide = form.wide or left + right > COLUMN - 3 * PAD - 10.0 - 64.0
    width = PAGE if wide else COLUMN
    left = min(left, max(200.0, PAGE - right - _LEAST_PLOT) if wide else _LONGEST)
    notes = [line for note in form.notes for line in wrapped(note, width - 2 * PAD)]
    guides = [guide.name for guide in form.guides if guide.name]
    head = 13.0 if guides or any(form.heads) else 5.0
    tall = ROW * len(lines)
    foot = 27.0 + LINE * len(notes) + (2.0 if notes else 0.0)
    canvas = Canvas(width, head + tall + foot, naming)
    span = width - left - right - 3 * PAD - 6.0 - (PAD if right else 2.0)
    axes = canvas.axes(left + PAD + 6.0, foot, span, tall)
    scale = _scale(axes, lines, form, span)
    _guides(axes, form, scale, span)
    for i, line in enumerate(lines):
        y = len(lines) - 1 - i
        at = foot + (y + 0.5) * ROW
        canvas.text(PAD + left, at, fitted_label(line.label, left), ha="right", va="center_baseline")
        canvas.text(width - PAD, at, line.note, size=SMALL, colour=MUTED, ha="right", va="center_baseline")
        _row(axes, y, line, scale)
        if i in form.parted:
            axes.axhline(y + 0.5, color=RULE, linewidth=0.6)
    axes.set_ylim(-0.5, len(lines) - 0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_axisbelow(True)
    if not guides:
        canvas.text(PAD + left, foot + tall + 3.0, form.heads[0], size=SMALL, colour=MUTED, ha="right")
    canvas.text(width - PAD, foot + tall + 3.0, form.heads[1], size=SMALL, colour=MUTED, ha="right")
    middle = min(left + PAD + 6.0 + span / 2, width - PAD - widest([scale.label(form.axis)], SIZE) / 2)
    label = fitted(scale.label(form.axis), width - 2 * PAD)
    canvas.text(max(middle, PAD + widest([label], SIZE) / 2), foot - 20.5, label, ha="center")
    canvas.notes(notes, foot - 27.0)
    return canvas


def _scale(axes: Axes, lines: Sequence[Line], form: Form, points: float) -> Scale:
    values = [value for line in lines for value in (line.value, line.low, line.high)]
    if form.log:
        return logarithmic(axes, "x", [*values, *(guide.value for guide in form.guides)], points)
    if form.limits is not None:
        return linear(axes, "x", *form.limits, points)
    held = [end for guide in form.guides for end in (guide.value, guide.until) if end is not None]
    low, high = spread([*values, *held])
    if form.bounds is not None:
        low, high = max(low, form.bounds[0]), min(high, form.bounds[1])
    return linear(axes, "x", low, high if high > low else low + 1.0, points)


def _guides(axes: Axes, form: Form, scale: Scale, points: float) -> None:
    """Draw the lines to compare with; a name that would touch the one before it is left to the caption."""
    axes.grid(True, axis="x")
    taken = -math.inf
    for guide in sorted(form.guides, key=lambda guide: guide.value):
        if guide.until is not None:
            axes.axvspan(guide.value, guide.until, color=MUTED, alpha=0.13, linewidth=0)
            middle = (guide.value + guide.until) / 2
        else:
            dash = "solid" if guide.strong else (0, (3, 2))
            axes.axvline(guide.value, color=INK if guide.strong else MUTED, linewidth=0.8, linestyle=dash)
            middle = guide.value
        place = (middle - scale.low) / (scale.high - scale.low) * points
        half = widest([guide.name], SMALL) / 2
        if guide.name and place - half > taken and not scale.log:
            axes.text(
                middle,
                1.0,
                guide.name,
                transform=axes.get_xaxis_transform(),
                fontsize=SMALL,
                color=MUTED,
                ha="center",
                va="bottom",
            )
            taken = place + half + 4.0


def _row(axes: Axes, y: float, line: Line, scale: Scale) -> None:
    if line.value is None or math.isnan(line.value):
        middle = math.sqrt(scale.low * scale.high) if scale.log else (scale.low + scale.high) / 2
        axes.text(
            middle,
            y,
            line.missing,
            fontsize=SMALL,
            color=MUTED,
            ha="center",
            va="center_baseline",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
        return
    low, value, high = scale.place([line.low, line.value, line.high])
    colour = line.look.colour
    if not (math.isnan(low) or math.isnan(high)):
        axes.plot([low, high], [y, y], color=colour, linewidth=1.3, solid_capstyle="butt", zorder=2)
        for end, given, sign in ((low, line.low, -1), (high, line.high, 1)):
            _end(axes, end, y, colour, scale, sign, given)
    face = "white" if line.hollow else colour
    axes.plot(
        [value],
        [y],
        marker=line.look.marker,
        color=colour,
        markerfacecolor=face,
        markersize=4.6,
        markeredgewidth=1.0,
        zorder=3,
        clip_on=False,
    )


def _end(axes: Axes, x: float, y: float, colour: str, scale: Scale, sign: int, given: float | None) -> None:
    """Draw the end of an interval: a small bar, or an arrowhead at the edge where it goes on."""
    beyond = x > scale.high if sign > 0 else x < scale.low
    if beyond or (given is not None and math.isinf(given)):
        edge = scale.high if sign > 0 else scale.low
        marker = ">" if sign > 0 else "<"
        axes.plot([edge], [y], marker=marker, color=colour, markersize=3.6, zorder=3, clip_on=False)
    else:
        axes.plot([x, x], [y - 0.18, y + 0.18], color=colour, linewidth=1.0, zorder=2)


def interval_text(value: float | None, low: float | None, high: float | None, sign: bool = False) -> str:
    """Return 'estimate [low, high]' with as many digits as the interval deserves."""
    if value is None or math.isnan(value):
        return "–"
    digits = _decimals(value, low, high)
    if digits is None or low is None or high is None or math.isnan(low) or math.isnan(high):
        lone = number(value)
        return f"+{lone}" if sign and value > 0 else lone
    form = f"{'+' if sign else ''},.{digits}f"
    ends = [number(end) if math.isinf(end) else f"{end:{form}}".replace("-", "−") for end in (low, high)]
    return f"{value:{form}}".replace("-", "−") + f" [{ends[0]}, {ends[1]}]"


def _decimals(value: float, low: float | None, high: float | None) -> int | None:
    """Return the decimals that an interval deserves; None where full numbers would be unreadable."""
    known = finite([low, high, value])
    size = max(abs(v) for v in known)
    span = max(known) - min(known)
    if size < 1e-4 or (size >= 1e6 and span >= size * 1e-3) or (size >= 1e6 and span == 0):
        return 2 if size == 0 else None
    if span == 0:
        most = min(6, max(0, 2 - math.floor(math.log10(size)))) if size else 2
        return len(f"{value:.{most}f}".rstrip("0").partition(".")[2])
    return min(6, max(0, 1 - math.floor(math.log10(span / 2) + 1e-6)))
