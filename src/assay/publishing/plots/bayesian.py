"""Probabilities below, within and above a region of practical equivalence: bars, and the simplex."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.patches import Polygon, Rectangle

from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    SIZE,
    SMALL,
    Canvas,
    Naming,
    Sketch,
    fitted,
    number,
    table,
    widest,
    wrapped,
)
from assay.publishing.plots.heat import ink_on
from assay.publishing.plots.registry import Together, draw, draw_together, stands_on
from assay.publishing.sheet import width_of
from assay.publishing.style import INK, MUTED, RULE
from assay.publishing.words import counted, listed
from assay.statistics.bayesian import RopeProbabilities
from assay.statistics.folds import CorrelatedT

# Not the hues of methods: what is told apart is the side, and each part has its number.
_PARTS = (("#C8752E", "below: B better"), ("#E3E6E9", "within: no matter"), ("#2F7DB0", "above: A better"))
_MOST = 600  # samples in a simplex: more would be ink without information
_SIDE = 176.0


class _Bar(NamedTuple):
    """One comparison: its name, and the three probabilities; None where nothing is decided."""

    name: str
    shares: tuple[float | None, float | None, float | None]


@draw.register
def _(result: RopeProbabilities, naming: Naming) -> tuple[Sketch, ...]:
    bars = draw_together(result, Together(items={"A − B": result}), naming)
    if result.samples is None or not len(result.samples):
        return bars
    return (_simplex(result), *bars)


@draw_together.register
def _(first: RopeProbabilities, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    bars = [_Bar(name, (r.left, r.rope, r.right)) for name, r in items.items.items()]
    widths = [r.rope_width for r in items.items.values()]
    return (_bars(bars, widths, stands_on(first.basis)),)


@draw.register
def _(result: CorrelatedT, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={" − ".join(result.names): result}), naming)


@draw_together.register
def _(first: CorrelatedT, items: Together, _naming: Naming) -> tuple[Sketch, ...]:
    bars = [_Bar(name, (r.left, r.rope, r.right)) for name, r in items.items.items()]
    widths = [r.width for r in items.items.values()]
    return (_bars(bars, widths, stands_on(first.basis)),)


def _bars(bars: Sequence[_Bar], widths: Sequence[float], notes: Sequence[str]) -> Sketch:
    """Draw one bar of three parts for each comparison."""
    left = min(widest((bar.name for bar in bars), SIZE), 100.0)
    lines = [line for note in notes for line in wrapped(note, COLUMN - 2 * PAD)]
    pitch, foot = 13.5, 16.0 + LINE * len(lines) + PAD
    canvas = Canvas(COLUMN, foot + pitch * len(bars) + 4.0)
    room = COLUMN - left - 3 * PAD - 2.0
    for i, bar in enumerate(bars):
        y = foot + pitch * (len(bars) - 1 - i)
        canvas.text(PAD + left, y + pitch / 2, fitted(bar.name, left), ha="right", va="center_baseline")
        _bar(canvas, bar, (left + 2 * PAD + 2.0, y + 1.5, room, pitch - 3.0))
    x = PAD
    for fill, name in _PARTS:
        canvas.base.add_patch(
            Rectangle((x, foot - 12.0), 7.0, 6.0, facecolor=fill, edgecolor=MUTED, linewidth=0.3)
        )
        canvas.text(x + 9.5, foot - 9.0, name, size=SMALL, colour=MUTED, va="center_baseline")
        x += 9.5 + width_of(name, SMALL) + 5.0
    canvas.notes(lines, LINE * len(lines) + PAD / 2)
    rope = f"±{number(max(widths, default=0.0))}"
    told = [f"{bar.name}: {' / '.join(number(share, 2) for share in bar.shares)}" for bar in bars]
    return canvas.finish(
        id="rope",
        title="Probabilities of a difference that matters",
        explanation=f"The probability that A − B lies below, within or above {rope}, the region in which a "
        "difference does not matter.",
        alt=f"Probabilities below, within and above {rope}: {listed(told)}.",
        data=table(
            ("comparison", "below", "within", "above", "rope"),
            [(bar.name, *bar.shares, rope) for bar, rope in zip(bars, widths, strict=True)],
        ),
    )


def _bar(canvas: Canvas, bar: _Bar, place: tuple[float, float, float, float]) -> None:
    x, y, room, tall = place
    if any(share is None or math.isnan(share) for share in bar.shares):
        outline = Rectangle((x, y), room, tall, facecolor="none", edgecolor=RULE, linewidth=0.6)
        canvas.base.add_patch(outline)
        canvas.text(
            x + room / 2,
            y + tall / 2,
            "not decided",
            size=SMALL,
            colour=MUTED,
            ha="center",
            va="center_baseline",
        )
        return
    for share, (fill, _) in zip(bar.shares, _PARTS, strict=True):
        wide = room * float(share or 0.0)
        canvas.base.add_patch(Rectangle((x, y), wide, tall, facecolor=fill, edgecolor="white", linewidth=0.5))
        text = "< .001" if share and share < 0.001 else f"{share:.3f}".removeprefix("0")
        if width_of(text, SMALL) + 3.0 <= wide:
            canvas.text(
                x + wide / 2,
                y + tall / 2,
                text,
                size=SMALL,
                colour=ink_on(fill),
                ha="center",
                va="center_baseline",
            )
        x += wide


def _simplex(result: RopeProbabilities) -> Sketch:
    """Draw the posterior samples in the triangle whose corners are certainty of each of three answers."""
    samples = np.asarray(result.samples, dtype=float)
    step = math.ceil(len(samples) / _MOST)
    shown = samples[::step]
    notes = [
        *stands_on(result.basis),
        f"{len(shown):,} of {len(samples):,} samples are drawn, every {step}th.",
    ]
    lines = [line for note in notes for line in wrapped(note, COLUMN - 2 * PAD)]
    foot = LINE * len(lines) + PAD
    tall = _SIDE * math.sqrt(3) / 2
    x0, y0 = (COLUMN - _SIDE) / 2, foot + 24.0
    canvas = Canvas(COLUMN, y0 + tall + 24.0)
    corners = np.array([[x0, y0], [x0 + _SIDE / 2, y0 + tall], [x0 + _SIDE, y0]])
    centre = corners.mean(axis=0)
    canvas.base.add_patch(Polygon(corners, closed=True, facecolor="none", edgecolor=INK, linewidth=0.8))
    for a, b in ((0, 1), (1, 2), (0, 2)):
        middle = (corners[a] + corners[b]) / 2
        canvas.line(
            [centre[0], middle[0]], [centre[1], middle[1]], color=MUTED, linewidth=0.6, linestyle=(0, (3, 2))
        )
    points = shown @ corners
    canvas.line(
        points[:, 0].tolist(),
        points[:, 1].tolist(),
        marker="o",
        markersize=1.5,
        markeredgewidth=0,
        color=_PARTS[2][0],
        alpha=0.45,
        linestyle="none",
    )
    texts = [
        f"{name} {number(p, 3)}"
        for name, p in (("B better", result.left), ("no matter", result.rope), ("A better", result.right))
    ]
    canvas.text(PAD, y0 - 11.0, texts[0])
    canvas.text(COLUMN / 2, y0 + tall + 6.0, texts[1], ha="center")
    canvas.text(COLUMN - PAD, y0 - 11.0, texts[2], ha="right")
    canvas.notes(lines, foot - PAD / 2)
    rows = [(i * step, *row) for i, row in enumerate(shown.tolist())]
    return canvas.finish(
        id="rope-simplex",
        title="Posterior of a difference that matters",
        explanation="Posterior samples of the shares of tasks on which B is better, neither is, and A is "
        "better; the "
        f"region in which a difference does not matter is ±{number(result.rope_width)}.",
        alt=f"Triangle of {counted(len(shown), 'sample')}: {listed(texts)}.",
        data=table(("sample", "below", "within", "above"), rows),
        anchor="rope",
    )
