"""Specification curves: the same estimate under every defensible choice of protocol."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.analysis.specification import SpecificationCurve, Specified
from assay.publishing.plots.canvas import (
    LINE,
    PAD,
    PAGE,
    SIZE,
    SMALL,
    Canvas,
    Naming,
    Sketch,
    fitted,
    number,
    table,
    widest,
)
from assay.publishing.plots.registry import draw
from assay.publishing.plots.scales import linear, spread
from assay.publishing.style import INK, MUTED, RULE, look
from assay.publishing.words import counted

_TALL, _ROW = 92.0, 8.8


@draw.register
def _(result: SpecificationCurve, _naming: Naming) -> tuple[Sketch, ...]:
    shown = [s for s in result.specifications if s.estimate is not None and math.isfinite(s.estimate)]
    if not shown:
        return ()
    shown.sort(key=lambda s: (s.estimate, sorted(s.choices.items())))
    factors = _factors(result.specifications)
    left = min(widest([f"{value}" for values in factors.values() for value in values], SIZE), 110.0)
    left = max(left + 2 * PAD + 4.0, 46.0)
    heads = sum(1 for _ in factors)
    below = _ROW * (sum(map(len, factors.values())) + heads) + PAD
    lost = len(result.specifications) - len(shown)
    foot = LINE + PAD
    canvas = Canvas(PAGE, foot + below + _TALL + 12.0)
    room = PAGE - left - 2 * PAD
    _estimates(canvas, result, shown, (left, foot + below, room, _TALL))
    _choices(canvas, shown, factors, (left, foot + below, room))
    signs = sum(1 for s in shown if (s.estimate or 0.0) > result.null)
    note = f"{counted(len(shown), 'specification')}; {signs} above {number(result.null)}"
    note += f"; {lost} without an estimate" if lost else ""
    note += ". Diamond: the study as it was run. Estimates only: the specifications share their runs."
    canvas.notes([note], foot - PAD / 2)
    columns = ("place", *factors, "estimate", "chosen")
    rows = [
        (i, *(s.choices.get(f, "") for f in factors), s.estimate, s.choices == result.chosen)
        for i, s in enumerate(shown, 1)
    ]
    middle = shown[len(shown) // 2].estimate
    return (
        canvas.finish(
            id="specification-curve",
            title="The estimate under every choice",
            explanation=f"{result.what} under each combination of choices of protocol, sorted; below, "
            "the choices made.",
            alt=f"{counted(len(shown), 'specification')}: {result.what} from {number(shown[0].estimate)} to "
            f"{number(shown[-1].estimate)}, median {number(middle)}; {signs} above {number(result.null)}.",
            data=table(columns, rows),
        ),
    )


def _factors(specifications: Sequence[Specified]) -> dict[str, list[str]]:
    """Return the options of each factor, in the order in which they first appear."""
    found: dict[str, list[str]] = {}
    for specification in specifications:
        for factor, value in specification.choices.items():
            if value not in found.setdefault(factor, []):
                found[factor].append(value)
    return found


def _estimates(
    canvas: Canvas,
    result: SpecificationCurve,
    shown: Sequence[Specified],
    place: tuple[float, float, float, float],
) -> None:
    axes = canvas.axes(*place)
    scale = linear(axes, "y", *spread([*(s.estimate for s in shown), result.null]), place[3])
    axes.axhline(result.null, color=INK, linewidth=0.7)
    size = 3.4 if len(shown) <= 120 else 1.8
    for chosen in (False, True):
        own = [i for i, s in enumerate(shown) if (s.choices == result.chosen) == chosen]
        axes.plot(
            own,
            scale.place([shown[i].estimate for i in own]),
            marker="D" if chosen else "o",
            markersize=size + 1.2 * chosen,
            color=look(1 if chosen else 0).colour,
            markeredgewidth=0.0,
            linestyle="none",
            zorder=3 + chosen,
        )
    axes.set_xlim(-0.8, len(shown) - 0.2)
    axes.set_xticks([])
    axes.grid(True, axis="y")
    axes.spines["bottom"].set_visible(False)
    text = fitted(scale.label(result.what), _TALL + 10.0)
    canvas.text(8.5, place[1] + _TALL / 2, text, rotation=90, ha="center", va="center")


def _choices(
    canvas: Canvas,
    shown: Sequence[Specified],
    factors: dict[str, list[str]],
    place: tuple[float, float, float],
) -> None:
    """Draw a tick under each estimate in the row of each choice that it makes."""
    left, top, room = place
    step = room / len(shown)
    thick = min(max(step * 0.6, 0.5), 3.0)
    y = top - PAD
    for factor, values in factors.items():
        y -= _ROW
        canvas.text(
            PAD, y + _ROW / 2, fitted(factor, left - PAD), size=SMALL, fontweight="bold", va="center_baseline"
        )
        canvas.line([left, left + room], [y + _ROW / 2] * 2, color=RULE, linewidth=0.5)
        for value in values:
            y -= _ROW
            canvas.text(
                left - PAD,
                y + _ROW / 2,
                fitted(value, left - 3 * PAD, SMALL),
                size=SMALL,
                colour=MUTED,
                ha="right",
                va="center_baseline",
            )
            x, ends = [], []
            for i, s in enumerate(shown):
                if s.choices.get(factor) == value:
                    place_of = left + (i + 0.8) / (len(shown) + 0.6) * room
                    x += [place_of, place_of, math.nan]
                    ends += [y + 1.6, y + _ROW - 1.6, math.nan]
            canvas.line(x, ends, color=INK, linewidth=thick, solid_capstyle="butt")
