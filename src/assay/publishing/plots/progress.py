"""Curves over a budget: anytime regret, the expected best of n trials, times to targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from assay.analysis.model import Curve
from assay.publishing.curves import EVALUATIONS
from assay.publishing.plots.bands import Panel, Series, draw_panels
from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.registry import Together, draw, draw_together
from assay.publishing.words import counted, listed
from assay.statistics.search_effort import ExpectedBest
from assay.statistics.targets import TargetTimes


class RunCurve(msgspec.Struct, frozen=True, kw_only=True):
    """The regret of one run as a right-continuous step function, for the lines behind a band."""

    method: str
    benchmark: str
    axis: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class AnytimeCurves(msgspec.Struct, frozen=True, kw_only=True):
    """Mean normalised regret with bands, over evaluations and over cost; `runs` are shown behind them."""

    curves: tuple[Curve, ...]
    runs: tuple[RunCurve, ...] = ()


@draw.register
def _(result: AnytimeCurves, naming: Naming) -> tuple[Sketch, ...]:
    curves = [curve for curve in result.curves if curve.x]
    if not curves:
        return ()
    naming = naming.knowing(curve.method for curve in curves)
    curves.sort(key=lambda curve: naming.place(curve.method))
    benchmarks = list(dict.fromkeys(curve.benchmark for curve in result.curves))
    axes = sorted({curve.axis for curve in curves}, key=lambda axis: (axis != EVALUATIONS, axis))
    panels = [
        _regret([c for c in curves if (c.benchmark, c.axis) == (benchmark, axis)], result.runs)
        for benchmark in benchmarks
        for axis in axes
        if any((c.benchmark, c.axis) == (benchmark, axis) for c in curves)
    ]
    bands = listed(sorted({curve.band for curve in curves}))
    behind = " Thin lines: single runs." if result.runs else ""
    columns = ("benchmark", "axis", "method", "x", "mean", "low", "high", "runs", "band")
    rows: list[Sequence[Any]] = [
        (c.benchmark, c.axis, c.method, x, mean, low, high, c.runs, c.band)
        for c in curves
        for x, mean, low, high in zip(c.x, c.mean, c.low, c.high, strict=True)
    ]
    rows += [
        (r.benchmark, r.axis, r.method, x, y, None, None, 1, "single run")
        for r in result.runs
        for x, y in zip(r.x, r.y, strict=True)
    ]
    return (
        draw_panels(panels, naming, [f"{bands[:1].upper()}{bands[1:]}.{behind}"] if bands else []).finish(
            id="anytime-regret",
            title="Regret as the budget is spent",
            explanation=f"Mean normalised regret over {listed(axes)} (0 is the best of the space, 1 the "
            "reference; "
            f"lower is better), with {bands or 'no band'}.",
            alt=_lowest(curves, naming, benchmarks),
            data=table(columns, rows),
        ),
    )


def _regret(curves: list[Curve], runs: Sequence[RunCurve]) -> Panel:
    first = curves[0]
    end = max(curve.x[-1] for curve in curves)
    series = []
    for c in curves:
        own = [r for r in runs if (r.method, r.benchmark, r.axis) == (c.method, c.benchmark, c.axis)]
        banded = (c.low, c.high) if c.runs > 1 else ((), ())
        series.append(Series(c.method, c.x, c.mean, banded[0], banded[1], [(r.x, r.y) for r in own], end))
    return Panel(first.axis, "regret", series, first.benchmark, log_y=None)


def _lowest(curves: Sequence[Curve], naming: Naming, benchmarks: Sequence[str]) -> str:
    told = []
    for benchmark in benchmarks:
        own = [curve for curve in curves if curve.benchmark == benchmark]
        if own:
            best = min(own, key=lambda curve: curve.mean[-1])
            told.append(f"{naming.label(best.method)} on {benchmark} ({number(best.mean[-1])})")
    return f"Regret over the budget; lowest at the end: {listed(told)}."


@draw.register
def _(result: ExpectedBest, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"trials": result}), naming.neutral("trials"))


@draw_together.register
def _(first: ExpectedBest, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, ExpectedBest] = items.items
    naming = naming.knowing(results)
    order = naming.sorted(results)
    series = [Series(n, r.n, r.expected, r.low, r.high) for n, r in ((name, results[name]) for name in order)]
    best = "best" if first.maximize else "best (smallest)"
    one = len(order) == 1
    panel = Panel("trials n", f"expected {best} value", series, step=False, log_x=None)
    failed = sum(results[name].failed for name in order)
    trials = sorted({results[name].trials for name in order})
    notes = [
        f"Of {' to '.join(f'{n:,}' for n in trials[:1] + trials[1:][-1:])} trials; Tang's unbiased estimate."
    ]
    notes += [f"{counted(failed, 'trial')} failed and counted as worse than all others."] if failed else []
    columns = ("method", "n", "expected", "low", "high", "trials", "failed", "confidence")
    rows = [
        (name, n, expected, low, high, r.trials, r.failed, r.confidence)
        for name, r in ((name, results[name]) for name in order)
        for n, expected, low, high in zip(r.n, r.expected, r.low, r.high, strict=True)
    ]
    told = [
        f"{naming.label(name)} {number(results[name].expected[-1])}"
        for name in order
        if results[name].expected
    ]
    return (
        draw_panels([panel], naming, notes, legend=not one).finish(
            id="expected-best",
            title="Expected best of n trials",
            explanation="The expected best value of n random trials (unbiased, without replacement), with "
            f"{first.confidence * 100:g} % intervals.",
            alt=f"Expected best value at the largest n: {listed(told)}.",
            data=table(columns, rows),
        ),
    )


@draw.register
def _(result: TargetTimes, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"runs": result}), naming.neutral("runs"))


@draw_together.register
def _(first: TargetTimes, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, TargetTimes] = items.items
    naming = naming.knowing(results)
    order = naming.sorted(results)
    end = max((spent for r in results.values() for spent in r.spent), default=1.0)
    series, rows, open_share = [], [], {}
    for name in order:
        steps, pairs = results[name].ecdf(), sum(len(times) for times in results[name].times)
        missed = sum(time == float("inf") for times in results[name].times for time in times)
        open_share[name] = missed / pairs if pairs else 1.0
        x, share = list(steps.x), list(steps.share)
        series.append(Series(name, x or [end], share or [0.0], until=end))
        rows += [(name, a, b, open_share[name]) for a, b in zip(x, share, strict=True)]
        rows.append((name, end, share[-1] if share else 0.0, open_share[name]))
    panel = Panel(first.unit or "budget", "share of (run, target) reached", series, share=True)
    goals = counted(len(first.targets), "target")
    beside = {name: f"{open_share[name] * 100:.0f} % open" for name in order}
    notes = [
        (
            f"{goals}, {number(first.targets[0])} to {number(first.targets[-1])}; open: never reached within "
            "the budget."
        )
    ]
    told = [f"{naming.label(name)} leaves {open_share[name] * 100:.0f} % open" for name in order]
    return (
        draw_panels([panel], naming, notes if first.targets else [], beside).finish(
            id="time-to-target",
            title="Time to target",
            explanation=f"The share of pairs of a run and one of {goals} that is reached by a budget; "
            "pairs that are "
            "never reached stay open.",
            alt=f"Share of targets reached over {first.unit or 'the budget'}: {listed(told)}.",
            data=table(("method", first.unit or "budget", "share reached", "share open"), rows),
        ),
    )
