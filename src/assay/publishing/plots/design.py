"""Before and while data come in: power against replicates, and bounds that hold at every look."""

from __future__ import annotations

from matplotlib.axes import Axes

from assay.publishing.plots.bands import Panel, Series, draw_panels
from assay.publishing.plots.canvas import SMALL, Naming, Sketch, finite, number, table
from assay.publishing.plots.registry import Together, draw, draw_together, stands_on
from assay.publishing.plots.scales import Scale
from assay.publishing.style import INK, MUTED, Look, look
from assay.publishing.words import counted, listed
from assay.statistics.power import ReplicatePlan
from assay.statistics.sequential import ConfidenceSequence

_PLAN = "plan"


@draw.register
def _(result: ReplicatePlan, _naming: Naming) -> tuple[Sketch, ...]:
    own = Naming([_PLAN], others={_PLAN: Look(INK, *look(0)[1:])})
    n = [float(row.n) for row in result.rows]

    def wanted(axes: Axes, x: Scale, _y: Scale) -> None:
        axes.axhline(result.power, color=MUTED, linewidth=0.7, linestyle=(0, (3, 2)))
        _at(axes, result.recommended, x)

    def recommended(axes: Axes, x: Scale, _y: Scale) -> None:
        _at(axes, result.recommended, x)
        axes.axhline(result.effect, color=MUTED, linewidth=0.7, linestyle=(0, (3, 2)))

    power = Series(_PLAN, n, [row.power for row in result.rows])
    half = Series(_PLAN, n, [row.half_width for row in result.rows])
    panels = [
        Panel(
            "replicates of each method",
            "power",
            [power],
            "Power",
            False,
            None,
            share=True,
            markers=True,
            also=wanted,
        ),
        Panel(
            "replicates of each method",
            "half-width",
            [half],
            "Half the width of the interval",
            False,
            None,
            markers=True,
            also=recommended,
            y_with=(0.0, result.effect),
        ),
    ]
    paired = f"paired by {result.paired_by}" if result.paired_by else "not paired"
    notes = [
        (
            f"Effect {number(result.effect)}, sd {number(result.sd)}, α = {result.alpha:g}, {paired}; "
            "dashed: the wanted power "
            f"{number(result.power)} and the effect. Recommended: n = {result.recommended}."
        )
    ]
    rows = [(*row, row.n == result.recommended) for row in result.rows]
    return (
        draw_panels(panels, own, notes, legend=False).finish(
            id="power",
            title="Power against replicates",
            explanation=f"The probability of finding an effect of {number(result.effect)}, and half the "
            "width of its interval, "
            "by the number of replicates.",
            alt=f"Power by replicates; recommended: {counted(result.recommended, 'replicate')} for power "
            f"{number(result.power)}.",
            data=table(("n", "power", "half-width", "least p", "recommended"), rows),
        ),
    )


def _at(axes: Axes, n: int, x: Scale) -> None:
    if x.low <= n <= x.high:
        axes.axvline(n, color=INK, linewidth=0.7)
        right = (x.high - n) > (n - x.low) if not x.log else x.high / n > n / x.low
        axes.annotate(
            f"n = {n}",
            (n, 0.04),
            (3.0 if right else -3.0, 0.0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            fontsize=SMALL,
            color=INK,
            ha="left" if right else "right",
        )


@draw.register
def _(result: ConfidenceSequence, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"mean": result}), naming.neutral("mean"))


@draw_together.register
def _(first: ConfidenceSequence, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    results: dict[str, ConfidenceSequence] = items.items
    naming = naming.knowing(results)
    order = naming.sorted(results)
    series = [Series(n, r.times, r.mean, *_within(r)) for n, r in ((name, results[name]) for name in order)]
    panel = Panel("values seen", "running mean", series, step=False, log_x=None, also=_zero, y_with=(0.0,))
    told = []
    for name in order:
        r = results[name]
        if r.times:
            told.append(
                f"{naming.label(name)} {number(r.mean[-1])} [{number(r.low[-1])}, {number(r.high[-1])}]"
            )
    rows = [
        (name, *row, r.alpha, r.kind)
        for name, r in ((name, results[name]) for name in order)
        for row in zip(r.times, r.mean, r.low, r.high, strict=True)
    ]
    level = f"{(1 - first.alpha) * 100:g} %"
    return (
        draw_panels(
            [panel], naming, [f"{level}, {first.kind}; {stands_on(first.basis)[0]}."], legend=len(order) > 1
        ).finish(
            id="confidence-sequence",
            title="Bounds that hold at every look",
            explanation=f"The running mean with a {level} confidence sequence: it holds at all looks at "
            "once, however often "
            "one looks.",
            alt=f"Running mean; at the end: {listed(told)}.",
            data=table(("name", "values", "mean", "low", "high", "alpha", "kind"), rows),
        ),
    )


def _within(result: ConfidenceSequence) -> tuple[list[float | None], list[float | None]]:
    """Return the band as it is drawn: ends that are still infinite leave the panel, and decide no scale."""
    known = finite([*result.low, *result.high])
    low = min(known, default=0.0)
    high = max(known, default=0.0)
    span = (high - low) or 1.0
    return (
        [max(value, low - span) if value > -1e308 else None for value in result.low],
        [min(value, high + span) if value < 1e308 else None for value in result.high],
    )


def _zero(axes: Axes, _x: Scale, _y: Scale) -> None:
    axes.axhline(0.0, color=INK, linewidth=0.6)
