"""Grids of tiles: matrices of pairs, ranks of methods on tasks, tables of verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.patches import Rectangle

from assay.publishing.plots.canvas import (
    COLUMN,
    LINE,
    PAD,
    PAGE,
    SIZE,
    SMALL,
    Canvas,
    fitted,
    widest,
    wrapped,
)
from assay.publishing.sheet import width_of
from assay.publishing.style import INK, MUTED, Look

_TINY = 5.4  # the smallest text in a tile; below it a tile is bare
_HEAD = 76.0
_BLUE, _ORANGE, _WHITE, NOTHING = (0x00, 0x5A, 0x96), (0xC4, 0x55, 0x00), (255, 255, 255), "#ECEEF0"


class Tile(NamedTuple):
    """One cell of a grid: its colour and its lines of text; `marked` has a frame, `strong` bold text."""

    fill: str
    lines: tuple[str, ...] = ()
    marked: bool = False
    strong: bool = False


class Head(NamedTuple):
    """The name of a row or column, with the look of its method if it is one."""

    name: str
    look: Look | None = None


class Grid(NamedTuple):
    """Rows of tiles under their heads, and what stands around them."""

    rows: Sequence[Head]
    columns: Sequence[Head]
    tiles: Sequence[Sequence[Tile]]
    notes: Sequence[str] = ()
    corner: str = ""
    key: Sequence[tuple[str, str]] = ()
    lines: int = 1
    text: float = 30.0


def sequential(share: float) -> str:
    """Return a colour between white and blue for a share of 0 to 1."""
    return _between(_WHITE, _BLUE, share * 0.86)


def diverging(share: float) -> str:
    """Return a colour for -1 (orange), 0 (white) to 1 (blue)."""
    return _between(_WHITE, _BLUE if share >= 0 else _ORANGE, abs(share) * 0.8)


def _between(low: Sequence[int], high: Sequence[int], share: float) -> str:
    part = min(1.0, max(0.0, share))
    return "#" + "".join(f"{round(a + (b - a) * part):02X}" for a, b in zip(low, high, strict=True))


def ink_on(fill: str) -> str:
    """Return the colour of text that is read best on this one."""
    red, green, blue = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
    light = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    return INK if light > 0.32 else "#FFFFFF"


def draw_grid(grid: Grid) -> Canvas:
    """Draw a grid as narrow as its texts allow; tiles without room for theirs stay bare."""
    left = min(widest([head.name for head in grid.rows] + [grid.corner], SIZE), 120.0)
    left += 12.0 if any(head.look for head in grid.rows) else 4.0
    room = (PAGE - left - 2 * PAD) / max(len(grid.columns), 1)
    wide = min(room, max(grid.text, (COLUMN - left - 2 * PAD) / max(len(grid.columns), 1)), 64.0)
    width = max(COLUMN, left + 2 * PAD + wide * len(grid.columns))
    # Where rows are the same methods, a name that is cut is still known by its marker.
    upright = (wide < 44.0 or grid.rows is not grid.columns) and any(
        width_of(head.name, SIZE) > wide - 3.0 for head in grid.columns
    )
    head = min(widest([head.name for head in grid.columns], SIZE), _HEAD) + 4.0 if upright else LINE + 3.0
    head += 9.0 if any(column.look for column in grid.columns) else 0.0
    tall = max(11.5, 4.5 + 7.6 * grid.lines) if wide >= grid.text * 0.55 else 11.5
    notes = [line for note in grid.notes for line in wrapped(note, width - 2 * PAD)]
    foot = LINE * len(notes) + PAD + (14.0 if grid.key else 2.0)
    height = foot + tall * len(grid.rows) + head + 2.0
    canvas = Canvas(width, height)
    top = foot + tall * len(grid.rows)
    for i, row in enumerate(grid.tiles):
        y = top - (i + 1) * tall
        _row_head(canvas, grid.rows[i], left, y + tall / 2)
        for j, tile in enumerate(row):
            _tile(canvas, tile, (PAD + left + j * wide, y, wide, tall))
    for j, column in enumerate(grid.columns):
        _column_head(canvas, column, PAD + left + (j + 0.5) * wide, top + 3.0, 0.0 if upright else wide)
    canvas.text(PAD, top + 3.0, fitted(grid.corner, left - 2.0), size=SMALL, colour=MUTED)
    _key(canvas, grid.key, foot - 10.0)
    canvas.notes(notes, LINE * len(notes) + PAD / 2)
    return canvas


def _row_head(canvas: Canvas, head: Head, left: float, y: float) -> None:
    if head.look is not None:
        x = PAD + left - 6.0
        canvas.line([x], [y], color=head.look.colour, marker=head.look.marker, markersize=4.2)
    room = left - (12.0 if head.look else 4.0)
    canvas.text(PAD + room, y, fitted(head.name, room), ha="right", va="center_baseline")


def _column_head(canvas: Canvas, head: Head, x: float, y: float, wide: float) -> None:
    """Write the name of a column, upright where there is no width for it."""
    if head.look is not None:
        canvas.line([x], [y + 2.5], color=head.look.colour, marker=head.look.marker, markersize=4.2)
        y += 9.0
    if wide:
        canvas.text(x, y, fitted(head.name, wide - 3.0), ha="center")
    else:
        canvas.text(x, y, fitted(head.name, _HEAD), rotation=90, ha="center", va="bottom")


def _tile(canvas: Canvas, tile: Tile, place: tuple[float, float, float, float]) -> None:
    x, y, wide, tall = place
    edge = {"edgecolor": INK, "linewidth": 1.0} if tile.marked else {"edgecolor": "white", "linewidth": 0.6}
    inset = 0.9 if tile.marked else 0.0
    canvas.base.add_patch(
        Rectangle(
            (x + inset, y + inset),
            wide - 2 * inset,
            tall - 2 * inset,
            facecolor=tile.fill,
            zorder=2 if tile.marked else 1,
            **edge,  # type: ignore[arg-type]  # colours and widths by name
        )
    )
    size = _size(tile, wide, tall)
    for i, line in enumerate(tile.lines if size else ()):
        middle = y + tall / 2 + (size + 1.1) * ((len(tile.lines) - 1) / 2 - i)
        canvas.text(
            x + wide / 2,
            middle,
            line,
            size=size,
            colour=ink_on(tile.fill),
            ha="center",
            va="center_baseline",
            fontweight="bold" if tile.strong else "normal",
            zorder=3,
        )


def _size(tile: Tile, wide: float, tall: float) -> float:
    """Return the size at which the texts of a tile fit into it; 0 where none does."""
    for size in (SMALL, 6.0, _TINY):
        longest = max((width_of(line, size, tile.strong) for line in tile.lines), default=0.0)
        if longest <= wide - 2.0 and (size + 1.1) * len(tile.lines) <= tall:
            return size
    return 0.0


def _key(canvas: Canvas, key: Sequence[tuple[str, str]], y: float) -> None:
    x = PAD
    for fill, name in key:
        patch = Rectangle((x, y), 8.0, 6.5, facecolor=fill, edgecolor=MUTED, linewidth=0.4)
        canvas.base.add_patch(patch)
        canvas.text(x + 11.0, y + 3.2, name, size=SMALL, colour=MUTED, va="center_baseline")
        x += 11.0 + width_of(name, SMALL) + 9.0
