"""Intervals of methods side by side: aggregates, average ranks, areas under regret, gains over random."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.forest import Form, Guide, Line, forest, interval_text
from assay.publishing.plots.registry import Together, draw, draw_together, stands_on
from assay.publishing.words import counted, listed, sentence
from assay.statistics.aggregates import AggregateIntervals
from assay.statistics.anytime import AnytimeRegret
from assay.statistics.improvement_over_random import RelativeImprovement
from assay.statistics.rank_intervals import RankIntervals
from assay.statistics.stability import RankStability

_METRICS = {"iqm": "interquartile mean", "optimality gap": "optimality gap (less is better)"}


@draw.register
def _(result: AggregateIntervals, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    order = sorted(range(len(result.methods)), key=lambda i: naming.place(result.methods[i]))
    lines = []
    for i in order:
        name = result.methods[i]
        value, low, high = result.estimates[i], result.lows[i], result.highs[i]
        lost = f", {result.lost[i]} lost" if result.lost[i] else ""
        note = interval_text(value, low, high) + lost
        missing = "too many runs lost" if result.lost[i] else "no number"
        lines.append(Line(naming.label(name), value, low, high, note, naming.look(name), missing=missing))
    metric = _METRICS.get(result.metric, result.metric)
    over = f"{result.confidence * 100:g} % intervals over {result.over}"
    notes = [f"{over}, {result.resamples:,} resamples; {_only(result.over)}.", *_under(result.basis.cautions)]
    canvas = forest(lines, Form(metric, notes=notes, heads=("", "estimate [interval]")))
    rows = [
        (
            result.methods[i],
            result.metric,
            result.estimates[i],
            result.lows[i],
            result.highs[i],
            result.over,
            result.confidence,
            result.resamples,
            result.lost[i],
        )
        for i in order
    ]
    columns = ("method", "metric", "estimate", "low", "high", "over", "confidence", "resamples", "lost runs")
    return (
        canvas.finish(
            id=f"aggregate-{result.metric.replace(' ', '-')}",
            title=f"{metric[:1].upper()}{metric[1:]} over all tasks",
            explanation=f"The {metric} of each method's scores over all tasks with {over}: "
            f"{_only(result.over)}.",
            alt=f"{sentence(metric)} {_told(lines)}",
            data=table(columns, rows),
            anchor="aggregates",
        ),
    )


def _only(over: str) -> str:
    """Return what an interval speaks of, by what was resampled."""
    return {
        "runs": "what other runs on these tasks would give; nothing is said of other tasks",
        "tasks": "what other tasks like these would give",
        "families": "what other families of tasks would give",
    }.get(over, f"resampled were {over}")


def _under(cautions: Sequence[str]) -> list[str]:
    return [f"Caution: {caution}." for caution in cautions]


def _told(lines: Sequence[Line]) -> str:
    return (
        listed([f"{line.label} {line.note if line.value is not None else line.missing}" for line in lines])
        + "."
    )


@draw.register
def _(result: RankIntervals, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    none: tuple[None, ...] = (None,) * len(result.methods)
    ends = zip(result.methods, result.mean_rank, result.low or none, result.high or none, strict=True)
    rows = sorted(ends, key=lambda row: (row[1], naming.place(row[0])))
    lines = [
        Line(naming.label(name), rank, low, high, interval_text(rank, low, high), naming.look(name))
        for name, rank, low, high in rows
    ]
    over = f"{result.confidence * 100:g} % intervals over {result.resampled}"
    said = f"with {over}" if result.decided else "without intervals, since too few families were resampled"
    form = Form("average rank (1 is best)", notes=_rank_notes(result, over), bounds=(0.9, len(lines) + 0.1))
    return (
        forest(lines, form).finish(
            id="rank-intervals",
            title="Average ranks with their intervals",
            explanation=f"The average rank of each method {said}; 1 is best.",
            alt=f"Average ranks, best first: {_told(lines)}",
            data=table(
                ("method", "average rank", "low", "high", "resampled", "confidence"),
                [(*row, result.resampled, result.confidence) for row in rows],
            ),
        ),
    )


def _rank_notes(result: RankIntervals, over: str) -> list[str]:
    return [
        f"{over}; {stands_on(result.basis)[0]}." if result.decided else "No interval.",
        *_under(result.basis.cautions),
    ]


def leave_one_out(result: RankStability, naming: Naming) -> Sketch:
    """Draw the range of positions that each method takes when one task or family is left out."""
    naming = naming.knowing(result.methods)
    order = sorted(
        range(len(result.methods)), key=lambda i: (result.ranking[i], naming.place(result.methods[i]))
    )
    lines = []
    for i in order:
        name = result.methods[i]
        seen = [left.ranking[i] for left in result.leave_one_out] or [result.ranking[i]]
        low, high = min(seen), max(seen)
        note = number(low) if low == high else f"{number(low)} to {number(high)}"
        lines.append(Line(naming.label(name), result.ranking[i], low, high, note, naming.look(name)))
    taus = [left.tau for left in result.leave_one_out if not math.isnan(left.tau)]
    least = (
        f"the least Kendall's τ with the full ranking is {number(min(taus))}"
        if taus
        else "nothing was left out"
    )
    what = " or ".join(sorted({left.what for left in result.leave_one_out}, reverse=True)) or "task"
    rows = [
        ("none", "", name, position, 1.0, 0.0)
        for name, position in zip(result.methods, result.ranking, strict=True)
    ]
    rows += [
        (left.what, left.name, name, position, left.tau, left.max_rank_change)
        for left in result.leave_one_out
        for name, position in zip(result.methods, left.ranking, strict=True)
    ]
    form = Form(
        f"position when one {what} is left out (1 is best)",
        notes=[f"{sentence(least)}"],
        heads=("", "positions"),
        bounds=(0.8, len(lines) + 0.2),
    )
    return forest(lines, form).finish(
        id="leave-one-out",
        title="Positions when one task or family is left out",
        explanation=f"Each method's position among all (marker) and its range when one {what} is left "
        f"out; {least}.",
        alt=f"Positions, best first: {_told(lines)}",
        data=table(("left out", "name", "method", "position", "tau", "max rank change"), rows),
    )


@draw_together.register
def _(first: AnytimeRegret, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(items.items)
    results: dict[str, AnytimeRegret] = items.items
    lines = []
    for name in naming.sorted(results):
        held = results[name].interval
        note = interval_text(held.mean, held.low, held.high)
        lines.append(Line(naming.label(name), held.mean, held.low, held.high, note, naming.look(name)))
    span = f"{number(first.start)} to {number(first.end)} {first.unit}".strip()
    form = Form(
        "mean normalised regret, log budget",
        notes=[f"Budgets from {span}; 0: the optimum from the start, 1: the reference all along."],
        heads=("", "mean [interval]"),
    )
    rows = [
        (
            name,
            i,
            area,
            results[name].interval.mean,
            results[name].interval.low,
            results[name].interval.high,
            first.start,
            first.end,
            first.unit,
        )
        for name in naming.sorted(results)
        for i, area in enumerate(results[name].areas)
    ]
    columns = ("method", "run", "area", "mean", "low", "high", "start", "end", "unit")
    return (
        forest(lines, form).finish(
            id="anytime-area",
            title="Area under the regret curve",
            explanation=f"The mean normalised regret between budgets of {span} on a logarithmic axis; "
            "less is better.",
            alt=f"Area under regret of {counted(len(lines), 'method')}: {_told(lines)}",
            data=table(columns, rows),
        ),
    )


@draw.register
def _(result: AnytimeRegret, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"runs": result}), naming.neutral("runs"))


@draw_together.register
def _(first: RelativeImprovement, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(items.items)
    results: dict[str, RelativeImprovement] = items.items
    lines = [
        Line(
            naming.label(name),
            results[name].percent,
            results[name].low,
            results[name].high,
            interval_text(results[name].percent, results[name].low, results[name].high, sign=True),
            naming.look(name),
        )
        for name in naming.sorted(results)
    ]
    form = Form(
        "improvement over random search, %", guides=[Guide(0.0, strong=True)], heads=("", "% [interval]")
    )
    columns = (
        "method",
        "percent",
        "low",
        "high",
        "method mean",
        "random mean",
        "n",
        "n random",
        "confidence",
    )
    rows = [
        (name, r.percent, r.low, r.high, r.method_mean, r.random_mean, r.n_method, r.n_random, r.confidence)
        for name, r in ((name, results[name]) for name in naming.sorted(results))
    ]
    return (
        forest(lines, form).finish(
            id="relative-improvement",
            title="Relative improvement over random search",
            explanation="The improvement of each method's mean over that of random search, in percent of "
            "the latter, "
            f"with Fieller's {first.confidence * 100:g} % interval.",
            alt=f"Relative improvement over random: {_told(lines)}",
            data=table(columns, rows),
        ),
    )


@draw.register
def _(result: RelativeImprovement, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"method": result}), naming.neutral("method"))
