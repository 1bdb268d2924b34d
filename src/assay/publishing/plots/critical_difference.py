"""Critical-difference diagrams: methods on a line of average ranks, bars over those not told apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from assay.foundation.text import one_line
from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    PAGE,
    SIZE,
    SMALL,
    Canvas,
    Naming,
    Sketch,
    fitted,
    table,
    wrapped,
)
from assay.publishing.plots.registry import draw
from assay.publishing.sheet import width_of
from assay.publishing.style import INK, MUTED, RULE
from assay.publishing.words import counted, listed
from assay.statistics.basis import Basis
from assay.statistics.friedman import BonferroniDunn, Friedman, Nemenyi
from assay.statistics.table import Table

_PITCH = 11.5
_LEVEL = 5.0
_RANK = 28.0  # room for an average rank, such as 12.75
_STUB = 10.0
_LEAST_AXIS = 84.0
_AVERAGE = "Average ranks over tasks (1 is best)"


class Ranked(NamedTuple):
    """What a diagram shows: average ranks, groups that are not told apart, and what it stands on."""

    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    cliques: tuple[tuple[str, ...], ...]
    basis: Basis
    alpha: float
    decided: bool
    cd: float | None = None
    control: str | None = None


class _Side(NamedTuple):
    """The labels of one side of the diagram, from the top."""

    names: list[str]
    room: float


class _Frame(NamedTuple):
    """Where things are, in points."""

    left: float
    right: float
    axis: float
    rows: float
    k: int

    def x(self, rank: float) -> float:
        """Return the place of a rank."""
        if self.k == 1:
            return (self.left + self.right) / 2
        return self.left + (rank - 1) / (self.k - 1) * (self.right - self.left)


def diagram(ranked: Ranked, naming: Naming, id: str, test: str) -> Sketch:
    """Draw average ranks with brackets, bars over the groups, and what the test is."""
    naming = naming.knowing(ranked.methods)
    ranks = dict(zip(ranked.methods, ranked.ranks, strict=True))
    order = sorted(ranks, key=lambda name: (ranks[name], naming.place(name)))
    half = math.ceil(len(order) / 2)
    sides = [_side(order[:half], naming), _side(order[half:][::-1], naming)]
    width = COLUMN if COLUMN - sum(side.room for side in sides) - 2 * PAD >= _LEAST_AXIS else PAGE
    sides = [side._replace(room=min(side.room, 140.0)) for side in sides]
    levels = _levels(ranked.cliques, ranks, 6.0 * (len(order) - 1) / (width - sides[0].room - sides[1].room))
    notes = [line for note in _notes(ranked) for line in wrapped(note, width - 2 * PAD)]
    foot = LINE * len(notes) + PAD
    bars = _LEVEL * (max(levels.values(), default=-1) + 1) + (8.0 if levels else 4.0)
    rows = foot + 4.0 + _PITCH * half
    has_bar = ranked.cd is not None and ranked.control is None
    canvas = Canvas(width, rows + bars + 20.0 + (12.0 if has_bar else 0.0), naming)
    frame = _Frame(PAD + sides[0].room, width - PAD - sides[1].room, rows + bars, rows, len(order))
    _axis(canvas, frame)
    for sign, side in zip((-1, 1), sides, strict=True):
        _labels(canvas, frame, side, ranks, naming, sign)
    _bars(canvas, frame, levels, ranks)
    _difference(canvas, frame, ranked, ranks)
    canvas.notes(notes, foot - PAD / 2)
    return canvas.finish(
        id=id,
        title="Average ranks and the methods that are not told apart",
        explanation=_explanation(ranked, test),
        alt=_alt(ranked, order, ranks, naming),
        data=_data(ranked, order, ranks),
        anchor="critical-difference",
    )


def _side(names: list[str], naming: Naming) -> _Side:
    wide = max((width_of(naming.label(name), SIZE) for name in names), default=0.0)
    return _Side(names, min(wide, 140.0) + _RANK + _STUB if names else PAD)


def _axis(canvas: Canvas, frame: _Frame) -> None:
    y = frame.axis
    canvas.line([frame.x(1), frame.x(frame.k)], [y, y], color=INK, linewidth=0.8)
    room = (frame.right - frame.left) / max(frame.k - 1, 1)
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100) if step * room >= 14.0)
    for rank in range(1, frame.k + 1):
        named = rank == 1 or (rank % every == 0 and (rank - 1) * room >= 14.0)
        canvas.line([frame.x(rank)] * 2, [y, y + (3.5 if named else 2.0)], color=INK, linewidth=0.6)
        if named:
            canvas.text(frame.x(rank), y + 5.0, str(rank), size=SMALL, colour=MUTED, ha="center")
    canvas.text(frame.left, y + 13.0, "average rank, 1 is best", size=SMALL, colour=MUTED)


def _labels(
    canvas: Canvas, frame: _Frame, side: _Side, ranks: dict[str, float], naming: Naming, sign: int
) -> None:
    """Write the names of one side, with their ranks, and draw the lines that lead to the axis."""
    edge = frame.left if sign < 0 else frame.right
    for i, name in enumerate(side.names):
        y = frame.rows - (i + 0.5) * _PITCH
        style, x = naming.look(name), frame.x(ranks[name])
        end = edge + sign * _STUB
        canvas.line([x, x, end], [frame.axis, y, y], color=style.colour, linewidth=0.9, zorder=2)
        canvas.line([end], [y], color=style.colour, marker=style.marker, markersize=4.2, zorder=3)
        outer = end + sign * 4.0
        align = "right" if sign < 0 else "left"
        how = {"ha": align, "va": "center_baseline"}
        canvas.text(outer, y, f"{ranks[name]:.2f}", size=SMALL, colour=MUTED, **how)
        room = side.room - _RANK - _STUB
        canvas.text(outer + sign * (_RANK - 4.5), y, fitted(naming.label(name), room), size=SIZE, **how)


def _levels(
    cliques: Sequence[Sequence[str]], ranks: dict[str, float], gap: float
) -> dict[tuple[str, ...], int]:
    """Return on which level each bar lies, so that no two on one level touch."""
    levels: dict[tuple[str, ...], int] = {}
    ends: list[float] = []
    for clique in sorted(map(tuple, cliques), key=lambda group: (min(ranks[n] for n in group), group)):
        low, high = min(ranks[name] for name in clique), max(ranks[name] for name in clique)
        level = next((i for i, end in enumerate(ends) if end + gap < low), len(ends))
        ends[level : level + 1] = [high]
        levels[clique] = level
    return levels


def _bars(canvas: Canvas, frame: _Frame, levels: dict[tuple[str, ...], int], ranks: dict[str, float]) -> None:
    """Draw a bar over each group, with a dot at each member: others that it passes are not in it."""
    for clique, level in levels.items():
        y = frame.axis - 6.0 - _LEVEL * level
        places = [frame.x(ranks[name]) for name in clique]
        ends = [min(places) - 1.5, max(places) + 1.5]
        canvas.line(ends, [y, y], color=INK, linewidth=1.6, solid_capstyle="round", zorder=4)
        canvas.line(
            places, [y] * len(places), color=INK, marker="o", markersize=3.0, linestyle="none", zorder=5
        )


def _difference(canvas: Canvas, frame: _Frame, ranked: Ranked, ranks: dict[str, float]) -> None:
    """Draw the critical difference: a bar above the axis, or a band around the control."""
    if ranked.cd is None:
        return
    if ranked.control is not None:
        middle = ranks[ranked.control]
        low, high = max(1.0, middle - ranked.cd), min(float(frame.k), middle + ranked.cd)
        ends = [frame.x(low), frame.x(high)]
        canvas.line(ends, [frame.axis] * 2, color=RULE, linewidth=6.0, solid_capstyle="butt", zorder=0)
        return
    y = frame.axis + 25.0
    end = min(1 + ranked.cd, float(frame.k))
    left, right = frame.x(1), frame.x(end)
    canvas.line([left, right], [y, y], color=INK, linewidth=1.2)
    for x in (left, right) if end == 1 + ranked.cd else (left,):
        canvas.line([x, x], [y - 2.0, y + 2.0], color=INK, linewidth=1.0)
    canvas.text(right + 4.0, y, f"CD = {ranked.cd:.2f}", size=SMALL, va="center_baseline")


def _notes(ranked: Ranked) -> list[str]:
    """Return what is printed under the diagram: N, k, level, test, correction, and cautions."""
    basis = ranked.basis
    kind = "tasks" if "tasks" in basis.n else next(iter(basis.n), "tasks")
    facts = [f"N = {basis.n.get(kind, 0):,} {kind}", f"k = {len(ranked.methods)}", f"α = {ranked.alpha:g}"]
    facts = [", ".join(facts), basis.procedure, *([basis.correction] if basis.correction else [])]
    facts += [f"zeros: {basis.zeros}"] if basis.zeros else []
    return [f"{'; '.join(facts)}.", *(f"Caution: {caution}." for caution in basis.cautions)]


def _explanation(ranked: Ranked, test: str) -> str:
    if not ranked.decided:
        return f"{_AVERAGE}; too few independent tasks for a test between methods."
    if ranked.control is not None:
        return f"{_AVERAGE}; the band holds what {test} does not tell from the control."
    if not ranked.cliques:
        return f"{_AVERAGE}; {test}."
    return f"{_AVERAGE}; a bar joins methods, its dots, that {test} does not tell apart."


def _alt(ranked: Ranked, order: list[str], ranks: dict[str, float], naming: Naming) -> str:
    told = listed([f"{naming.label(name)} {ranks[name]:.2f}" for name in order])
    groups = "; ".join(listed([naming.label(name) for name in clique]) for clique in ranked.cliques)
    apart = f" Not told apart: {groups}." if groups else ""
    return f"Average ranks of {counted(len(order), 'method')}, best first: {told}.{apart}"


def _data(ranked: Ranked, order: list[str], ranks: dict[str, float]) -> Table:
    """Return the rank of each method, and by their numbers the groups that it belongs to."""
    rows = []
    for name in order:
        groups = [str(i) for i, clique in enumerate(ranked.cliques, 1) if name in clique]
        rows.append((name, ranks[name], " ".join(groups), ranked.alpha, ranked.cd))
    return table(("method", "average rank", "groups", "alpha", "critical difference"), rows)


@draw.register
def _(result: Friedman, naming: Naming) -> tuple[Sketch, ...]:
    ranked = Ranked(result.methods, result.average_ranks, (), result.basis, result.alpha, result.decided)
    p = "" if result.p_f is None else f", p = {result.p_f:.2g}"
    f = "infinite" if math.isinf(result.f) else f"{result.f:.2f}"
    test = f"χ² = {result.chi2:.2f}, F({result.df[0]}, {result.df[1]}) = {f}{p}"
    return (diagram(ranked, naming, "average-ranks", test),)


@draw.register
def _(result: Nemenyi, naming: Naming) -> tuple[Sketch, ...]:
    ranked = Ranked(
        result.methods, result.ranks, result.cliques, result.basis, result.alpha, result.decided, result.cd
    )
    return (diagram(ranked, naming, "critical-difference-nemenyi", "Nemenyi's test"),)


@draw.register
def _(result: BonferroniDunn, naming: Naming) -> tuple[Sketch, ...]:
    ranked = Ranked(
        result.methods,
        result.ranks,
        (),
        result.basis,
        result.alpha,
        result.decided,
        result.cd,
        result.control,
    )
    test = f"the test of Bonferroni and Dunn against {one_line(naming.label(result.control))}"
    return (diagram(ranked, naming, "critical-difference-control", test),)
