"""What chance alone would show: luck against random search, the best of k, results that are too good."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from assay.publishing.plots.bands import Panel, Series, draw_panels
from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.forest import Form, Guide, Line, forest, interval_text
from assay.publishing.plots.registry import Together, draw, draw_together
from assay.publishing.plots.scales import Scale
from assay.publishing.style import INK, MUTED, Look, look
from assay.publishing.words import counted, listed
from assay.statistics.luck import Luck
from assay.statistics.selection import BbcCv, BestOfK, TableGap
from assay.statistics.too_good import TooGood

_CHOSEN, _FRESH = "by the seed that chose it", "by the other seeds"


@draw.register
def _(result: Luck, naming: Naming) -> tuple[Sketch, ...]:
    return draw_together(result, Together(items={"runs": result}), naming.neutral("runs"))


@draw_together.register
def _(first: Luck, items: Together, naming: Naming) -> tuple[Sketch, ...]:
    """Draw for each method the shares of runs below each probability; random search lies on the diagonal."""
    results: dict[str, Luck] = items.items
    naming = naming.knowing(results)
    order = naming.sorted(results)
    series, rows, lost = [], [], 0
    for name in order:
        r = results[name]
        # A failed run is as good as any random search beats it: it never makes a method look better.
        known = sorted(1.0 if math.isnan(p) else p for p in r.at_least)
        lost += sum(map(math.isnan, r.at_least))
        shares = [(i + 1) / len(known) for i in range(len(known))]
        series.append(Series(name, [0.0, *known, 1.0], [0.0, *shares, 1.0]))
        rows += [
            (
                name,
                i,
                r.values[i],
                r.budgets[i],
                r.at_least[i],
                r.better[i],
                r.standard_error[i] if r.standard_error else 0.0,
            )
            for i in range(len(r.values))
        ]
    kind = "with" if first.replacement else "without"
    how = "exact" if first.exact else "Monte Carlo"
    notes = [f"Random search {kind} replacement of equal budget; {how}. Dashed: random search itself."]
    notes += [f"{counted(lost, 'run')} failed, and count as 1."] if lost else []
    told = [f"{naming.label(s.name)} {number(_median(results[s.name]))}" for s in series]
    columns = (
        "method",
        "run",
        "value",
        "budget",
        "P(random at least as good)",
        "P(random better)",
        "standard error",
    )
    panel = Panel(
        "P(random search at least as good)", "share of runs", series, share=True, log_x=False, also=_diagonal
    )
    return (
        draw_panels([panel], naming, notes, legend=len(order) > 1).finish(
            id="luck",
            title="Luck beside random search",
            explanation="For each run the probability that random search of equal budget reports at "
            "least as good a value; "
            "above the diagonal: better than random search.",
            alt=f"Median probability that random search does as well: {listed(told)}.",
            data=table(columns, rows),
        ),
    )


def _median(result: Luck) -> float:
    known = sorted(1.0 if math.isnan(p) else p for p in result.at_least)
    return (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if known else math.nan


def _diagonal(axes: Axes, _x: Scale, _y: Scale) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)


@draw.register
def _(result: TableGap, _naming: Naming) -> tuple[Sketch, ...]:
    solid, dashed = look(0), look(1)
    others = {_CHOSEN: Look(INK, *solid[1:]), _FRESH: Look(MUTED, *dashed[1:])}
    own = Naming([_CHOSEN, _FRESH], others=others)
    series = [Series(_CHOSEN, result.n, result.selected), Series(_FRESH, result.n, result.fresh)]
    gap = max(result.gap, default=math.nan)
    notes = [
        (
            f"{result.architectures:,} architectures, {counted(result.seeds, 'seed')}; exact; largest gap "
            f"{number(gap)}."
        )
    ]
    panel = Panel("best of n", "expected value of the winner", series, step=False, log_x=None)
    return (
        draw_panels([panel], own, notes).finish(
            id="winners-curse",
            title="How much the best of n overstates",
            explanation="The expected value of the winner of n random architectures, by the seed that "
            "chose it and by the others.",
            alt=f"Overstatement over n: the largest is {number(gap)}.",
            data=table(
                ("n", "selected", "fresh", "gap"),
                zip(result.n, result.selected, result.fresh, result.gap, strict=True),
            ),
            anchor="selection",
        ),
    )


@draw.register
def _(result: BestOfK, _naming: Naming) -> tuple[Sketch, ...]:
    lines = [
        Line("mean of all", result.mean, note=number(result.mean, 4), hollow=True),
        Line("best expected by noise", result.expected, note=number(result.expected, 4), hollow=True),
        Line("best observed", result.best, note=number(result.best, 4)),
    ]
    notes = [
        (
            f"k = {result.k}, sd {number(result.sd)} ({result.sd_source}); better than noise by "
            f"{number(result.excess)}."
        )
    ]
    notes += [f"{counted(result.failed, 'candidate')} failed."] if result.failed else []
    return (
        forest(lines, Form("value", notes=notes)).finish(
            id="best-of-k",
            title="The best of k beside noise",
            explanation=f"The best of {result.k} candidates beside what the best of as many equal ones "
            "would show by noise alone.",
            alt=f"Best {number(result.best, 4)}, expected by noise {number(result.expected, 4)}, mean "
            f"{number(result.mean, 4)}.",
            data=table(
                ("k", "best", "mean", "sd", "optimism", "expected", "excess"),
                [
                    (
                        result.k,
                        result.best,
                        result.mean,
                        result.sd,
                        result.optimism,
                        result.expected,
                        result.excess,
                    )
                ],
            ),
            anchor="selection",
        ),
    )


@draw.register
def _(result: BbcCv, _naming: Naming) -> tuple[Sketch, ...]:
    lines = [
        Line("best, as found", result.naive, note=number(result.naive, 4), hollow=True),
        Line(
            "corrected for the choice",
            result.corrected,
            result.low,
            result.high,
            interval_text(result.corrected, result.low, result.high),
        ),
    ]
    notes = [
        (
            f"{result.rows:,} rows, {counted(result.configurations, 'configuration')}, {result.resamples:,} "
            "resamples; "
            f"overstated by {number(result.optimism)}."
        )
    ]
    columns = (
        "naive",
        "corrected",
        "low",
        "high",
        "optimism",
        "rows",
        "configurations",
        "resamples",
        "confidence",
    )
    row = (
        result.naive,
        result.corrected,
        result.low,
        result.high,
        result.optimism,
        result.rows,
        result.configurations,
        result.resamples,
        result.confidence,
    )
    return (
        forest(lines, Form("performance", notes=notes)).finish(
            id="bbc-cv",
            title="Performance corrected for the choice",
            explanation="The best of several configurations as found, and out of bag, corrected for "
            "having been chosen "
            f"(BBC-CV, {result.confidence * 100:g} % percentiles).",
            alt=f"Found {number(result.naive, 4)}, corrected {lines[1].note}.",
            data=table(columns, [row]),
            anchor="selection",
        ),
    )


@draw.register
def _(result: TooGood, _naming: Naming) -> tuple[Sketch, ...]:
    lines = [
        Line("reference", result.reference_mean, note=number(result.reference_mean, 4), hollow=True),
        Line("ours", result.ours_mean, note=number(result.ours_mean, 4)),
    ]
    notes = [
        (
            f"{result.verdict[:1].upper()}{result.verdict[1:]}; olympic means of {result.n_reference} and "
            f"{result.n_ours} results."
        )
    ]
    guides = [Guide(result.limit, "limit")] if math.isfinite(result.limit) else []
    columns = (
        "ours",
        "reference",
        "ratio",
        "limit",
        "p",
        "p of MLPerf",
        "n ours",
        "n reference",
        "alpha",
        "verdict",
    )
    row = (
        result.ours_mean,
        result.reference_mean,
        result.ratio,
        result.limit,
        result.p,
        result.p_mlperf,
        result.n_ours,
        result.n_reference,
        result.alpha,
        result.verdict,
    )
    return (
        forest(lines, Form("olympic mean", guides, notes)).finish(
            id="too-good",
            title="Results beside a reference",
            explanation="Our olympic mean beside the reference's, and the best that MLPerf's rule does "
            "not reject.",
            alt=f"Ours {number(result.ours_mean, 4)}, reference {number(result.reference_mean, 4)}: "
            f"{result.verdict}.",
            data=table(columns, [row]),
        ),
    )
