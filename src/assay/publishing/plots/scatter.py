"""Points of pairs: proxy against truth, and what a winner showed against what it shows again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from assay.foundation.errors import UsageError
from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    Canvas,
    Naming,
    Sketch,
    fitted,
    number,
    table,
    wrapped,
)
from assay.publishing.plots.registry import draw
from assay.publishing.plots.scales import linear, spread
from assay.publishing.style import MUTED, look
from assay.publishing.words import counted, listed
from assay.statistics.selection import FreshSeedGap

_MOST = 1500
_TALL, _LEFT = 150.0, 42.0


class ProxyScatter(msgspec.Struct, frozen=True, kw_only=True):
    """A cheap signal against the score it stands for; larger is better on both, one value an architecture.

    `tau` is Kendall's; `top_k` are pairs of k and the regret of taking the best true score among the k
    that the proxy likes best.
    """

    proxy: tuple[float, ...]
    true: tuple[float, ...]
    tau: float
    top_k: tuple[tuple[int, float], ...] = ()
    proxy_name: str = "proxy"
    true_name: str = "true score"


class _Cloud(NamedTuple):
    """Points and what stands at their axes; `same` draws the line of equal values."""

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, str]
    notes: Sequence[str]
    same: bool = False


def _cloud(cloud: _Cloud) -> Canvas:
    lines = [line for note in cloud.notes for line in wrapped(note, COLUMN - 2 * PAD)]
    foot = LINE * len(lines) + PAD + 27.0
    canvas = Canvas(COLUMN, foot + _TALL + 6.0)
    wide = COLUMN - _LEFT - 10.0
    axes = canvas.axes(_LEFT, foot, wide, _TALL)
    both = [*cloud.x.tolist(), *cloud.y.tolist()]
    x_scale = linear(axes, "x", *spread(both if cloud.same else cloud.x.tolist()), wide)
    y_scale = linear(axes, "y", *spread(both if cloud.same else cloud.y.tolist()), _TALL)
    if cloud.same:
        ends = [min(x_scale.low, y_scale.low), max(x_scale.high, y_scale.high)]
        axes.plot(ends, ends, color=MUTED, linewidth=0.7, linestyle=(0, (3, 2)))
    size = 3.6 if len(cloud.x) < 100 else 2.0
    axes.plot(
        cloud.x,
        cloud.y,
        marker="o",
        markersize=size,
        markeredgewidth=0,
        alpha=0.5 if len(cloud.x) > 30 else 0.85,
        linestyle="none",
        color=look(0).colour,
    )
    axes.grid(True)
    canvas.text(_LEFT + wide / 2, foot - 20.5, fitted(x_scale.label(cloud.names[0]), wide), ha="center")
    label = fitted(y_scale.label(cloud.names[1]), _TALL)
    canvas.text(8.5, foot + _TALL / 2, label, rotation=90, ha="center", va="center")
    canvas.notes(lines, foot - 27.0)
    return canvas


@draw.register
def _(result: ProxyScatter, _naming: Naming) -> tuple[Sketch, ...]:
    if len(result.proxy) != len(result.true):
        raise UsageError("a proxy and its truth need one value each an architecture")
    pairs = list(zip(result.proxy, result.true, strict=True))
    usable = [i for i, (a, b) in enumerate(pairs) if math.isfinite(a) and math.isfinite(b)]
    step = max(1, math.ceil(len(usable) / _MOST))
    # Every so-many-th point in the order of the true score, and all of the ten best: the top is what matters.
    order = sorted(usable, key=lambda i: (-pairs[i][1], -pairs[i][0], i))
    drawn = sorted({*order[:10], *order[::step]})
    lost = len(pairs) - len(usable)
    top = [f"{k}: {number(regret)}" for k, regret in result.top_k]
    notes = [
        f"Kendall's τ = {number(result.tau)}"
        + (f"; regret of the best of the top k: {', '.join(top)}" if top else "")
        + "."
    ]
    notes += [f"{len(drawn):,} of {len(usable):,} points are drawn."] if step > 1 else []
    notes += [f"{counted(lost, 'architecture')} without a number."] if lost else []
    points = np.array([pairs[i] for i in drawn], dtype=float).reshape(-1, 2)
    rows = (
        [(i, a, b, i in set(drawn)) for i, (a, b) in enumerate(pairs)]
        if len(pairs) < 5
        else _rows(pairs, drawn)
    )
    return (
        _cloud(_Cloud(points[:, 0], points[:, 1], (result.proxy_name, result.true_name), notes)).finish(
            id="proxy",
            title="A proxy against the truth",
            explanation=f"{result.proxy_name} against {result.true_name} of "
            f"{counted(len(usable), 'architecture')}: "
            f"Kendall's τ is {number(result.tau)}.",
            alt=f"Scatter of {counted(len(usable), 'architecture')}: Kendall's τ {number(result.tau)}"
            f"{'; top-k regret ' + listed(top) if top else ''}.",
            data=table(("architecture", "proxy", "true", "drawn"), rows),
        ),
    )


def _rows(pairs: Sequence[tuple[float, float]], drawn: Sequence[int]) -> list[tuple[int, float, float, bool]]:
    shown = set(drawn)
    return [(i, a, b, i in shown) for i, (a, b) in enumerate(pairs)]


@draw.register
def _(result: FreshSeedGap, _naming: Naming) -> tuple[Sketch, ...]:
    gap = result.gap
    ends = "" if gap.low is None or gap.high is None else f" [{number(gap.low)}, {number(gap.high)}]"
    notes = [
        (
            f"Mean overstatement {number(gap.mean)}{ends}; "
            f"{counted(result.candidates, 'candidate')} a search, "
            f"{counted(len(result.selected), 'search', 'searches')}."
        )
    ]
    notes += [f"{counted(result.lost, 'search', 'searches')} lost."] if result.lost else []
    x, y = np.array(result.selected, dtype=float), np.array(result.fresh, dtype=float)
    cloud = _Cloud(x, y, ("value by which it was chosen", "value under a fresh seed"), notes, same=True)
    side = "right of" if result.maximize else "left of"
    return (
        _cloud(cloud).finish(
            id="fresh-seed",
            title="Winners under a fresh seed",
            explanation="Each winner's value under a fresh seed against the value by which it was "
            "chosen: points "
            f"{side} the line were overstated.",
            alt=f"Scatter of {counted(len(x), 'winner')}: mean overstatement {number(gap.mean)}{ends}.",
            data=table(
                ("search", "selected", "fresh"),
                [(i, a, b) for i, (a, b) in enumerate(zip(x, y, strict=True))],
            ),
            anchor="selection",
        ),
    )
