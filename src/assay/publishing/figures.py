"""All figures of a report, each with its explanation, its data and a description in words."""

from __future__ import annotations

from typing import Any

from matplotlib.patches import Circle, Polygon, Rectangle

from assay.analysis.model import CostRow, ResultRow
from assay.foundation.text import one_line, shortened
from assay.publishing.curves import regret_over_evaluations, regret_over_seconds
from assay.publishing.document import ANCHORS, STATES, ReportDocument
from assay.publishing.sheet import Drawn, Margin, Sheet, linear_ticks
from assay.publishing.style import INK, MUTED, RULE, drawing, look
from assay.publishing.words import (
    brief,
    counted,
    labels,
    listed,
    mean_of,
    measure,
    plain,
    range_of,
    with_interval,
)
from assay.statistics.table import Cell, Table

# Colour, and a sign that stays readable in black and white.
_STATES = {
    "met": ("#0B7A5B", "✓"),
    "not met": ("#B8450B", "✗"),
    "not recorded": ("#66707A", "?"),
    "not applicable": ("#9AA3AB", "–"),
}


def draw_all(document: ReportDocument) -> tuple[Drawn, ...]:
    """Draw every figure that the document has data for, in the order of the report."""
    makers = (lifecycle, results, regret_over_evaluations, regret_over_seconds, ranks, cost)
    with drawing():
        drawn = [make(document) for make in makers]
    return tuple(figure for figure in drawn if figure is not None)


def lifecycle(document: ReportDocument) -> Drawn | None:
    """Draw the steps of the study as a chain: shape, word and colour tell the state of each."""
    steps = document.lifecycle
    if not steps:
        return None
    wide = 516.0 / len(steps)
    sheet = Sheet(1, 1, (516.0, 74.0), Margin(0, 0, 0, 0))
    axes = sheet.axes(0, "")
    axes.set_xlim(0, 516)
    axes.set_ylim(0, 74)
    axes.set_axis_off()
    y = 56.0
    axes.plot([wide / 2, 516 - wide / 2], [y, y], color=RULE, linewidth=2.0, zorder=1)
    for i, step in enumerate(steps):
        x = (i + 0.5) * wide
        colour, sign = _STATES.get(step.state, _STATES["not recorded"])
        shape = _state_shape(step.state, x, y, colour)
        axes.add_patch(shape)
        hollow = step.state in STATES[2:]
        ink = colour if hollow else "white"
        text = axes.text(x, y - 0.5, sign, color=ink, ha="center", va="center", fontweight="bold", zorder=3)
        if step.evidence in ANCHORS:
            text.set_url(f"../index.html{step.evidence}")
            shape.set_url(f"../index.html{step.evidence}")
        title = "\n".join(_two_lines(step.title, 12))
        axes.text(x, y - 16, title, ha="center", va="top", fontsize=7.0, fontweight="bold", linespacing=1.15)
        axes.text(x, 7, step.state, ha="center", va="center", fontsize=6.5, color=colour)
    found = {state: [one_line(s.title) for s in steps if s.state == state] for state in STATES}
    alt = "; ".join(f"{state}: {listed(titles)}" for state, titles in found.items() if titles)
    rows: list[tuple[Cell, ...]] = [(s.id, s.title, s.state, s.summary, s.evidence) for s in steps]
    table = Table(("step", "title", "state", "summary", "evidence"), rows)
    return sheet.finish(
        id="lifecycle",
        title="Lifecycle of the study",
        explanation="What a reader needs to repeat the study, and whether this report holds it.",
        alt=f"Lifecycle in {counted(len(steps), 'step')}. {alt[:1].upper()}{alt[1:]}.",
        data=table,
        short=table,
    )


def results(document: ReportDocument) -> Drawn | None:
    """Draw the mean of each method with its interval, one panel and one scale for each benchmark."""
    rows = [row for row in document.analysis.results if row.interval is not None]
    if not rows:
        return None
    names = labels(document)
    order = [method.name for method in document.methods]
    shown = [facts.name for facts in document.benchmarks if any(row.benchmark == facts.name for row in rows)]
    sheet = Sheet(len(shown), 2, (240.0, 54.0 + 12.5 * len(order)), Margin(98, 10, 20, 32))
    for i, benchmark in enumerate(shown):
        _result_panel(sheet, i, [row for row in rows if row.benchmark == benchmark], document)
    cells: list[tuple[Cell, ...]] = [_result_cells(row) for row in rows]
    short: list[tuple[Cell, ...]] = [
        (row.benchmark, names[row.method], measure(row, document), with_interval(row.interval))
        for row in rows
        if row.interval is not None
    ]
    return sheet.finish(
        id="results",
        title="Results with their intervals",
        explanation="The mean of each method's runs on each benchmark with its interval; "
        "a filled marker leads or cannot be told from the leader, a hollow one can.",
        alt=_results_alt(rows, shown, names),
        data=Table(
            ("benchmark", "method", "reported", "metric", "unit", "mean", "low", "high", "sd", "n",
             "confidence", "interval", "varied", "leads", "with leader"),
            cells,
        ),
        short=Table(("benchmark", "method", "metric", "mean and interval"), short),
    )  # fmt: skip


def ranks(document: ReportDocument) -> Drawn | None:
    """Draw the average rank of each method, for each family of tasks and over the families."""
    table = document.analysis.ranks
    if table is None or len(table.rows) < 2:
        return None
    names = labels(document)
    order = [method.name for method in document.methods]
    rows = sorted(table.rows, key=lambda row: order.index(row.method))
    lines = [*sorted(table.families), "over the families"]
    dodge = 3.4
    tall = dodge * len(rows) + 7.0
    legend = [names[method] for method in order]
    sheet = Sheet(1, 1, (310.0, 38.0 + tall * len(lines)), Margin(96, 10, 6, 28), legend)
    axes = sheet.axes(0, "")
    for i, family in enumerate(lines):
        base = (len(lines) - 1 - i) * tall
        overall = i == len(lines) - 1
        for row in rows:
            index = order.index(row.method)
            style, value = look(index), row.overall if overall else row.by_family.get(family)
            if value is None:
                continue
            y = base + tall / 2 + dodge * ((len(rows) - 1) / 2 - index)
            axes.plot([1, value], [y, y], color=style.colour, linewidth=0.9, alpha=0.45)
            size = 5.2 if overall else 4.2
            axes.plot([value], [y], marker=style.marker, color=style.colour, markersize=size)
        if i:
            axes.axhline(base + tall, color=INK if overall else RULE, linewidth=0.8 if overall else 0.5)
    middles = [(len(lines) - 0.5 - i) * tall for i in range(len(lines))]
    axes.set_yticks(middles, labels=[shortened(line, 21) for line in lines])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(0, tall * len(lines))
    axes.set_xlim(0.85, len(rows) + 0.15)
    linear_ticks(axes, "x", 1, len(rows), 5)
    axes.set_xlabel("average rank (1 is best)", labelpad=1.5)
    cells: list[tuple[Cell, ...]] = [
        (row.method, family, value) for row in rows for family, value in sorted(row.by_family.items())
    ]
    cells += [(row.method, "over the families", row.overall) for row in rows]
    best = sorted(rows, key=lambda row: row.overall)
    told = listed([f"{names[row.method]} {row.overall:.2f}" for row in best])
    return sheet.finish(
        id="ranks",
        title="Average ranks by family",
        explanation=f"Average ranks: 1 is best, every family counts alike. {one_line(table.note)}".strip(),
        alt=f"Average ranks over {counted(table.tasks, 'task')}, best first: {told}.",
        data=Table(("method", "family", "average rank"), cells),
        short=Table(
            ("family", *(names[row.method] for row in rows)),
            [
                *((family, *(_rank(row.by_family.get(family)) for row in rows)) for family in lines[:-1]),
                ("over the families", *(f"{row.overall:.2f}" for row in rows)),
            ],
        ),
    )


def cost(document: ReportDocument) -> Drawn | None:
    """Draw what each method spent: charged evaluations and table seconds, measured wall-clock."""
    rows = [row for row in document.analysis.costs if row.runs]
    if not rows:
        return None
    names = labels(document)
    order = [method.name for method in document.methods]
    rows = sorted(rows, key=lambda row: order.index(row.method))
    kinds = _cost_kinds(rows)
    sheet = Sheet(len(kinds), 2, (240.0, 36.0 + 13.0 * len(rows)), Margin(98, 36, 20, 12))
    for i, (title, values) in enumerate(kinds):
        axes = sheet.axes(i, title)
        top = max((value for value in values if value is not None), default=0.0) or 1.0
        for j, (row, value) in enumerate(zip(rows, values, strict=True)):
            style = look(order.index(row.method))
            if value is None:
                axes.text(0, j, "  has no cost", va="center", fontsize=6.5, color=MUTED)
                continue
            axes.barh(j, value, height=0.55, color=style.colour)
            axes.text(value + top * 0.02, j, brief(value), va="center", fontsize=6.5, clip_on=False)
        axes.set_yticks(range(len(rows)), labels=[shortened(names[row.method], 23) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, top * 1.02)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    cells: list[tuple[Cell, ...]] = [
        (r.method, r.runs, r.evaluations, r.table_seconds, r.thinking_seconds, r.wall_seconds) for r in rows
    ]
    told = listed([f"{names[r.method]} {plain(r.wall_seconds, 3)} s" for r in rows])
    return sheet.finish(
        id="cost",
        title="Cost of all runs",
        explanation="What all runs of a method cost together: charged cost is a function of what was run, "
        "measured cost of this machine and this day.",
        alt=f"Cost of all runs. Measured wall-clock: {told}.",
        data=Table(
            ("method", "runs", "evaluations", "table seconds", "thinking seconds", "wall seconds"), cells
        ),
        short=Table(
            ("method", *(title for title, _ in kinds)),
            [
                (names[row.method], *("–" if v[j] is None else plain(v[j] or 0.0, 3) for _, v in kinds))
                for j, row in enumerate(rows)
            ],
        ),
    )


def _cost_kinds(rows: list[CostRow]) -> list[tuple[str, list[float | None]]]:
    """Return what all runs spent together, one list for each kind of cost that any method has.

    A sum and not a mean, for only some benchmarks have table seconds.
    """
    kinds: list[tuple[str, list[float | None]]] = [
        ("evaluations, charged", [float(row.evaluations) for row in rows]),
        ("table seconds, charged", [row.table_seconds for row in rows]),
        ("seconds of thinking, measured", [row.thinking_seconds for row in rows]),
        ("seconds in all, measured", [row.wall_seconds for row in rows]),
    ]
    return [(title, values) for title, values in kinds if any(value is not None for value in values)]


def _result_panel(sheet: Sheet, index: int, rows: list[ResultRow], document: ReportDocument) -> None:
    names = labels(document)
    order = [method.name for method in document.methods]
    axes = sheet.axes(index, rows[0].benchmark)
    ends: list[float] = []
    for row in rows:
        interval = row.interval
        if interval is None:
            continue
        place = order.index(row.method)
        style = look(place)
        low = interval.mean if interval.low is None else interval.low
        high = interval.mean if interval.high is None else interval.high
        ends += [low, high]
        axes.plot([low, high], [place, place], color=style.colour, linewidth=1.6, solid_capstyle="butt")
        face = style.colour if row.leads or row.with_leader else "white"
        mark: dict[str, Any] = {"marker": style.marker, "markerfacecolor": face, "markersize": 5.0}
        axes.plot([interval.mean], [place], color=style.colour, **mark)
    low, high = min(ends), max(ends)
    pad = (high - low) * 0.08 or abs(high) * 0.01 or 0.5
    axes.set_xlim(low - pad, high + pad)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_yticks(range(len(order)), labels=[shortened(names[method], 23) for method in order])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    linear_ticks(axes, "x", low - pad, high + pad, 3)
    axes.set_xlabel(
        shortened(measure(rows[0], document), 44), fontsize=6.5, color=MUTED, loc="right", labelpad=1.5
    )


def _result_cells(row: ResultRow) -> tuple[Cell, ...]:
    i = row.interval
    if i is None:
        raise ValueError("only rows with an interval are drawn")
    numbers = (i.mean, i.low, i.high, i.sd, i.n, i.confidence, i.method, ", ".join(i.varied))
    leads = (str(row.leads).lower(), str(row.with_leader).lower())
    return (row.benchmark, row.method, row.reported, row.metric, row.unit, *numbers, *leads)


def _results_alt(rows: list[ResultRow], shown: list[str], names: dict[str, str]) -> str:
    told = [
        f"{row.benchmark}, {names[row.method]} {mean_of(row.interval)} {range_of(row.interval)}"
        for row in sorted(rows, key=lambda row: shown.index(row.benchmark))
        if row.leads and row.interval is not None
    ]
    return f"Results on {counted(len(shown), 'benchmark')}. Leaders: {'; '.join(told) or 'none'}."


def _rank(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _state_shape(state: str, x: float, y: float, colour: str) -> Circle | Polygon | Rectangle:
    """Return a full circle for met, a diamond for not met, hollow shapes for the unknown and the idle."""
    if state == "met":
        return Circle((x, y), 9.0, facecolor=colour, edgecolor=colour, zorder=2)
    if state == "not met":
        corners = [(x, y + 11.5), (x + 11.5, y), (x, y - 11.5), (x - 11.5, y)]
        return Polygon(corners, facecolor=colour, edgecolor=colour, zorder=2)
    if state == "not applicable":
        return Rectangle((x - 8, y - 8), 16, 16, facecolor="white", edgecolor=colour, zorder=2)
    dashes = (0, (3, 1.6))
    return Circle((x, y), 9.0, facecolor="white", edgecolor=colour, linewidth=1.3, linestyle=dashes, zorder=2)


def _two_lines(text: str, width: int) -> list[str]:
    """Break a title into at most two lines."""
    words = one_line(text).split(" ")
    first = words.pop(0)
    while words and len(first) + 1 + len(words[0]) <= width:
        first += " " + words.pop(0)
    lines = [first, " ".join(words)] if words else [first]
    return [shortened(line, width) for line in lines]
