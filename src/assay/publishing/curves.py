"""Regret figures: how far from the best each method still is, as its budget is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from assay.analysis.model import Curve
from assay.foundation.text import shortened
from assay.publishing.document import ReportDocument
from assay.publishing.sheet import Drawn, Margin, Sheet, linear_ticks, log_ticks
from assay.publishing.style import look
from assay.publishing.words import counted, labels, listed, plain
from assay.statistics.table import Cell, Table

EVALUATIONS = "evaluations"
_COLUMNS = ("benchmark", "method", "x", "mean", "low", "high", "runs", "band")
_LOG_FROM = 10.0  # the ratio of largest to smallest regret from which a logarithmic axis is the clearer one


def regret_over_evaluations(document: ReportDocument) -> Drawn | None:
    """Draw the mean normalised regret over evaluations, one panel for each benchmark."""
    curves = [curve for curve in document.analysis.curves if curve.axis == EVALUATIONS and curve.x]
    return _regret(document, curves, "regret-evaluations", "Regret over evaluations", "evaluations", False)


def regret_over_seconds(document: ReportDocument) -> Drawn | None:
    """Draw the mean normalised regret over table seconds, for the benchmarks that have a cost."""
    curves = [curve for curve in document.analysis.curves if curve.axis != EVALUATIONS and curve.x]
    return _regret(document, curves, "regret-seconds", "Regret over table seconds", "table seconds", True)


def _regret(
    document: ReportDocument, curves: list[Curve], name: str, title: str, axis: str, log_x: bool
) -> Drawn | None:
    if not curves:
        return None
    order = [method.name for method in document.methods]
    benchmarks = [facts.name for facts in document.benchmarks]
    shown = [b for b in benchmarks if any(curve.benchmark == b for curve in curves)]
    curves = sorted(curves, key=lambda curve: (benchmarks.index(curve.benchmark), order.index(curve.method)))
    log_y, floor = _scale(curves)
    names = labels(document)
    sheet = Sheet(len(shown), 3, (172.0, 138.0), Margin(37, 7, 19, 27), [names[m] for m in order])
    for i, benchmark in enumerate(shown):
        own = [curve for curve in curves if curve.benchmark == benchmark]
        axes = sheet.axes(i, benchmark)
        _panel(axes, own, order, log_x, floor if log_y else None)
        axes.set_xlabel(axis, labelpad=1.5)
        axes.set_ylabel("regret", labelpad=2.0)
    return sheet.finish(
        id=name,
        title=title,
        explanation=_explanation(curves, axis, log_y),
        alt=_alt(curves, names, title),
        data=_data(curves),
        short=_short(curves, names, axis),
    )


def _scale(curves: Sequence[Curve]) -> tuple[bool, float]:
    """Say whether regret wants a logarithmic axis, and what stands for zero on it."""
    positive = [value for curve in curves for value in curve.mean if value > 0]
    if not positive or max(positive) / min(positive) < _LOG_FROM:
        return False, 0.0
    return True, 10.0 ** math.floor(math.log10(min(positive)))


def _panel(axes: Axes, curves: list[Curve], order: list[str], log_x: bool, floor: float | None) -> None:
    end = max(curve.x[-1] for curve in curves)
    start = min(curve.x[0] for curve in curves)
    if log_x:
        start = min((x for curve in curves for x in curve.x if x > 0), default=1.0)
    bottom, top = math.inf, 0.0
    for curve in curves:
        style = look(order.index(curve.method))
        x, mean, low, high = (np.array(column) for column in _corners(curve, start, end))
        if floor is not None:
            mean, low, high = (np.maximum(column, floor) for column in (mean, low, high))
        axes.fill_between(x, low, high, step="post", color=style.colour, alpha=0.14, linewidth=0)
        axes.plot(x, mean, drawstyle="steps-post", color=style.colour, linestyle=style.line)
        axes.plot(x[-1:], mean[-1:], marker=style.marker, color=style.colour, markersize=4.2, clip_on=False)
        bottom, top = min(bottom, float(mean.min()), float(low[-1])), max(top, float(high.max()))
    if floor is None:
        bottom, top = min(0.0, bottom), top or 1.0
        linear_ticks(axes, "y", bottom, top)
        axes.set_ylim(bottom, top * 1.03)
    else:
        # Early bands of a few runs would fill the decades above; the means decide what is shown.
        top = min(top, 1.6 * max(max(curve.mean) for curve in curves))
        log_ticks(axes, "y", bottom * 0.8, max(top, bottom * 2))
        axes.set_ylim(bottom * 0.8, max(top, bottom * 2))
    if log_x:
        log_ticks(axes, "x", start, end, 3)
    else:
        linear_ticks(axes, "x", start - 1 if start == 1 else start, end)
    axes.set_xlim(start if log_x else min(start, end - 1e-9), end if end > start else start + 1)
    axes.grid(True, axis="y")


def _corners(curve: Curve, start: float, end: float) -> tuple[list[float], ...]:
    """Return only the points at which something changes, and the last moment; nothing is lost."""
    columns: tuple[list[float], ...] = ([], [], [], [])
    previous: tuple[float, float, float] | None = None
    for x, *now in zip(curve.x, curve.mean, curve.low, curve.high, strict=True):
        here = (now[0], now[1], now[2])
        if here != previous:
            _append(columns, max(x, start), here)
            previous = here
    if previous is not None:
        _append(columns, end, previous)
    return columns


def _append(columns: tuple[list[float], ...], x: float, values: tuple[float, float, float]) -> None:
    for column, value in zip(columns, (x, *values), strict=True):
        column.append(value)


def _explanation(curves: Sequence[Curve], axis: str, log_y: bool) -> str:
    runs = sorted({curve.runs for curve in curves})
    of = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    bands = listed(sorted({curve.band for curve in curves}))
    zero = "; zero is drawn at the foot of the logarithmic axis" if log_y and _reaches_zero(curves) else ""
    return (
        f"Mean normalised regret of the signal that the methods see, after so many {axis} (0 is the best "
        "architecture in the space, 1 the median one; lower is better), over "
        f"{of} {'run' if runs == [1] else 'runs'} a method, with {bands}{zero}."
    )


def _reaches_zero(curves: Sequence[Curve]) -> bool:
    return any(value <= 0 for curve in curves for value in curve.mean)


def _alt(curves: Sequence[Curve], names: dict[str, str], title: str) -> str:
    """Tell in words what the panels show: the method that ends lowest in each."""
    wins: dict[str, int] = {}
    benchmarks = sorted({curve.benchmark for curve in curves})
    for benchmark in benchmarks:
        ends = {curve.method: curve.mean[-1] for curve in curves if curve.benchmark == benchmark}
        for method, end in ends.items():
            wins[method] = wins.get(method, 0) + (end == min(ends.values()))
    order = sorted(wins, key=lambda method: -wins[method])
    told = listed([f"{names[method]} on {wins[method]}" for method in order])
    where = counted(len(benchmarks), "benchmark")
    return f"{title} on {where}. Lowest final regret (ties count for each): {told}."


def _data(curves: Sequence[Curve]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (c.benchmark, c.method, x, mean, low, high, c.runs, c.band)
        for c in curves
        for x, mean, low, high in zip(c.x, c.mean, c.low, c.high, strict=True)
    ]
    return Table(_COLUMNS, rows)


def _short(curves: Sequence[Curve], names: dict[str, str], axis: str) -> Table:
    """Return regret at a quarter, at half and at the end of the budget."""
    rows: list[tuple[Cell, ...]] = []
    for curve in curves:
        end = max(other.x[-1] for other in curves if other.benchmark == curve.benchmark)
        cells = [_at(curve, part * end) for part in (0.25, 0.5, 1.0)]
        rows.append((curve.benchmark, shortened(names[curve.method], 40), *cells, str(curve.runs)))
    return Table(("benchmark", "method", f"¼ of the {axis}", "half", "at the end", "runs"), rows)


def _at(curve: Curve, x: float) -> str:
    i = int(np.searchsorted(curve.x, x, side="right")) - 1
    if i < 0:
        return "–"
    return f"{plain(curve.mean[i], 3)} [{plain(curve.low[i], 3)}, {plain(curve.high[i], 3)}]"
