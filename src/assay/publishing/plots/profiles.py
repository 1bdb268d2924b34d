"""Performance profiles: the share of runs above each threshold."""

from __future__ import annotations

from assay.publishing.plots.bands import Panel, Series, draw_panels
from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.registry import draw
from assay.publishing.words import listed
from assay.statistics.profiles import PerformanceProfile


@draw.register
def _(result: PerformanceProfile, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    taus = [float(tau) for tau in result.taus]
    series, rows = [], []
    for name in naming.sorted(result.methods):
        i = result.methods.index(name)
        shares, lows, highs = (a[i].tolist() for a in (result.shares, result.lows, result.highs))
        series.append(Series(name, taus, shares, lows, highs))
        rows += [
            (name, tau, *values, result.lost[i])
            for tau, *values in zip(taus, shares, lows, highs, strict=True)
        ]
    lost = {name: n for name, n in zip(result.methods, result.lost, strict=True) if n}
    notes = [f"{result.confidence * 100:g} % pointwise bands over {result.over}."]
    notes += (
        [f"Lost runs lie above no threshold: {listed([f'{naming.label(k)} {n}' for k, n in lost.items()])}."]
        if lost
        else []
    )
    middle = len(taus) // 2
    told = [f"{naming.label(s.name)} {number(s.y[middle])}" for s in series if s.y]
    return (
        draw_panels(
            [Panel("threshold τ", "share of runs above τ", series, log_x=False, share=True)], naming, notes
        ).finish(
            id="performance-profile",
            title="Performance profile",
            explanation="The share of runs whose normalised score lies above each threshold, tasks "
            "counting alike, with "
            f"{result.confidence * 100:g} % pointwise bands over {result.over}.",
            alt=f"Share of runs above {number(taus[middle])}: {listed(told)}." if taus else "No threshold.",
            data=table(("method", "threshold", "share", "low", "high", "lost runs"), rows),
        ),
    )
