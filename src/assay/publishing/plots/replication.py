"""Published numbers against ours: the caterpillar of differences, and which method fits which row."""

from __future__ import annotations

import msgspec

from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.forest import Form, Guide, Line, forest, interval_text
from assay.publishing.plots.heat import NOTHING, Grid, Head, Tile, diverging, draw_grid
from assay.publishing.plots.registry import draw, stands_on
from assay.publishing.words import counted, listed
from assay.statistics.replication import Confusion, NumberReplication, TableReplication

_FITS, _DIFFERS = diverging(0.45), diverging(-0.45)


class ReproducedNumber(msgspec.Struct, frozen=True, kw_only=True):
    """One number as reported and as reproduced, with the interval of (reproduced - reported)."""

    name: str
    reported: float
    reproduced: float | None
    low: float | None = None
    high: float | None = None


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """Reported numbers beside reproduced ones, and the tolerance that was fixed before."""

    rows: tuple[ReproducedNumber, ...]
    tolerance: float
    unit: str = ""


@draw.register
def _(result: Reproduction, _naming: Naming) -> tuple[Sketch, ...]:
    ordered = sorted(
        result.rows, key=lambda r: (r.reproduced is None, (r.reproduced or 0.0) - r.reported, r.name)
    )
    lines, rows = [], []
    for r in ordered:
        gap = None if r.reproduced is None else r.reproduced - r.reported
        outside = gap is not None and abs(gap) > result.tolerance
        lines.append(
            Line(
                r.name,
                gap,
                r.low,
                r.high,
                _arrow(r),
                hollow=outside,
                missing="not reproduced",
            )
        )
        rows.append((r.name, r.reported, r.reproduced, gap, r.low, r.high, result.tolerance))
    within = sum(line.value is not None and not line.hollow for line in lines)
    unit = f", {result.unit}" if result.unit else ""
    return (
        forest(
            lines, _form(f"reproduced − reported{unit}", result.tolerance, [], "reported → reproduced")
        ).finish(
            id="reproduction",
            title="Reported against reproduced",
            explanation="Reproduced minus reported numbers, sorted; the band is the tolerance of "
            f"±{number(result.tolerance)}, "
            "a hollow marker lies outside it.",
            alt=f"{within} of {counted(len(lines), 'number')} within ±{number(result.tolerance)}.",
            data=table(("name", "reported", "reproduced", "difference", "low", "high", "tolerance"), rows),
        ),
    )


def _arrow(row: ReproducedNumber) -> str:
    tail = "" if row.reproduced is None else f" → {number(row.reproduced, 4)}"
    return f"{number(row.reported, 4)}{tail}"


def _form(axis: str, margin: float, notes: list[str], head: str) -> Form:
    guides = [Guide(-margin, "", margin), Guide(0.0, strong=True)]
    guides += [Guide(-margin, f"−{number(margin)}"), Guide(margin, f"+{number(margin)}")] if margin else []
    return Form(axis, guides, notes, ("", head))


@draw.register
def _(result: NumberReplication, _naming: Naming) -> tuple[Sketch, ...]:
    return (_caterpillar([result], result.margin, stands_on(result.basis)[:1]),)


@draw.register
def _(result: TableReplication, _naming: Naming) -> tuple[Sketch, ...]:
    if not result.numbers:
        return ()
    notes = stands_on(result.basis)[:1]
    notes += [f"Published, but without runs of ours: {listed(result.missing)}."] if result.missing else []
    return (_caterpillar(list(result.numbers), result.margin, notes),)


def _caterpillar(numbers: list[NumberReplication], margin: float, notes: list[str]) -> Sketch:
    ordered = sorted(numbers, key=lambda r: (r.difference, r.published.name, r.name))
    lines = [
        Line(
            r.name or r.published.name,
            r.difference,
            r.low,
            r.high,
            f"{interval_text(r.difference, r.low, r.high, sign=True)}  {r.verdict}",
            hollow=r.verdict != "replicated",
        )
        for r in ordered
    ]
    columns = (
        "name",
        "published",
        "n published",
        "sd published",
        "place",
        "ours",
        "n",
        "sd",
        "lost",
        "difference",
        "low",
        "high",
        "confidence",
        "interval",
        "margin",
        "p equivalent",
        "p differs",
        "verdict",
    )
    rows = [
        (
            r.name,
            r.published.mean,
            r.published.n,
            r.published.sd,
            r.published.place,
            r.mean,
            r.n,
            r.sd,
            r.lost,
            r.difference,
            r.low,
            r.high,
            r.confidence,
            r.method,
            r.margin,
            r.adjusted_equivalent,
            r.adjusted_differs,
            r.verdict,
        )
        for r in ordered
    ]
    verdicts = [r.verdict for r in ordered]
    told = listed([f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts)])
    return forest(lines, _form("ours − published", margin, notes, "[interval]  verdict")).finish(
        id="replication",
        title="Published numbers beside ours",
        explanation="Our means minus the published ones with their intervals; the band is the margin of "
        f"±{number(margin)}, "
        "a filled marker is replicated within it.",
        alt=f"Replication of {counted(len(lines), 'number')}: {told}.",
        data=table(columns, rows),
        anchor="reproduction",
    )


@draw.register
def _(result: Confusion, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    order = sorted(range(len(result.methods)), key=lambda i: naming.place(result.methods[i]))
    tiles = [[_fit(result, i, j) for i in order] for j in range(len(result.rows))]
    heads = [Head(naming.label(result.methods[i]), naming.look(result.methods[i])) for i in order]
    status = {
        word: [row for row, held in zip(result.rows, result.statuses, strict=True) if held == word]
        for word in dict.fromkeys(result.statuses)
    }
    notes = [f"{word[:1].upper()}{word[1:]}: {listed(rows)}." for word, rows in status.items()]
    key = [(_FITS, "compatible"), (_DIFFERS, "differs")]
    grid = Grid([Head(row) for row in result.rows], heads, tiles, notes, "published", key, 2, 44.0)
    columns = (
        "published row",
        "method",
        "difference",
        "low",
        "high",
        "decision",
        "compatible",
        "status of the row",
    )
    rows = [
        (
            row,
            result.methods[i],
            c.difference,
            c.low,
            c.high,
            c.decision,
            result.compatible[i][j],
            result.statuses[j],
        )
        for j, row in enumerate(result.rows)
        for i in order
        for c in [result.cells[i][j]]
    ]
    told = [f"{word}: {len(rows)}" for word, rows in status.items()]
    return (
        draw_grid(grid).finish(
            id="confusion",
            title="Which method fits which published row",
            explanation="Ours minus published for every pair, within a margin of "
            f"±{number(result.margin)}: blue is compatible, "
            "orange differs, a frame marks what replicates.",
            alt=f"{counted(len(result.rows), 'published row')} against {counted(len(order), 'method')}: "
            f"{listed(told)}.",
            data=table(columns, rows),
        ),
    )


def _fit(result: Confusion, i: int, j: int) -> Tile:
    held = result.cells[i][j]
    if held.difference != held.difference:
        return Tile(NOTHING, ("–",))
    gap = ("+" if held.difference > 0 else "") + number(held.difference)
    fill = _FITS if result.compatible[i][j] else _DIFFERS
    same = held.decision == "replicated"
    return Tile(fill, (gap, held.decision), same, same)
