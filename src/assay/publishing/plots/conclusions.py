"""Whether a conclusion holds elsewhere: on held-out tasks, on fewer tasks, against every rival."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from assay.analysis.generalisation import Generalisation, TaskStanding
from assay.analysis.subset import Cheaper
from assay.analysis.transfer import Transfer
from assay.publishing.plots.bands import Panel, Series, draw_panels
from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.heat import NOTHING, Grid, Head, Tile, diverging, draw_grid
from assay.publishing.plots.registry import draw
from assay.publishing.plots.scales import Scale
from assay.publishing.style import INK, MUTED, Look, look
from assay.publishing.words import counted

_MEAN, _WORST = "mean of the splits", "worst split"
_ALL, _SUBSET = "on all tasks", "on the subset"


@draw.register
def _(result: Transfer, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(row.method for row in result.rows)
    rows = sorted(result.rows, key=lambda row: naming.place(row.method))
    series = [Series(row.method, [row.development_rank], [row.held_out_rank]) for row in rows]
    most = float(len(rows))

    def same(axes: Axes, _x: Scale, _y: Scale) -> None:
        axes.plot([1.0, most], [1.0, most], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)

    known = result.low is not None and result.high is not None
    ends = f" [{number(result.low)}, {number(result.high)}]" if known else ""
    panel = Panel(
        "average rank in development",
        "average rank held out",
        series,
        step=False,
        log_x=False,
        also=same,
        y_with=(1.0, most),
    )
    columns = ("method", "development rank", "held-out rank", "rank gap", "gap", "tau", "low", "high")
    data = [
        (
            r.method,
            r.development_rank,
            r.held_out_rank,
            r.rank_gap,
            r.gap,
            result.tau,
            result.low,
            result.high,
        )
        for r in rows
    ]
    told = f"Kendall's τ = {number(result.tau)}{ends}"
    return (
        draw_panels([panel], naming, [f"{told}. Above the line: worse where it was not tuned."]).finish(
            id="transfer",
            title="From development to held-out tasks",
            explanation="Average ranks of the methods on development and on held-out tasks (1 is best): "
            f"{told}.",
            alt=f"Ranks of {counted(len(rows), 'method')} on both sides: {told}.",
            data=table(columns, data),
        ),
    )


@draw.register
def _(result: Cheaper, _naming: Naming) -> tuple[Sketch, ...]:
    if not result.subsets and not result.fewer:
        return ()
    full, thin = Look(INK, *look(0)[1:]), Look(MUTED, *look(1)[1:])
    own = Naming(
        [_MEAN, _WORST, _ALL, _SUBSET], others={_MEAN: full, _WORST: thin, _ALL: full, _SUBSET: thin}
    )

    def tolerance(axes: Axes, _x: Scale, _y: Scale) -> None:
        axes.axhline(result.tolerance, color=MUTED, linewidth=0.7, linestyle=(0, (3, 2)))

    sizes, counts = [one.size for one in result.subsets], [one.replicates for one in result.fewer]
    tasks = [
        Series(_MEAN, sizes, [one.error for one in result.subsets]),
        Series(_WORST, sizes, [one.worst for one in result.subsets]),
    ]
    fewer = [
        Series(_ALL, counts, [one.on_all for one in result.fewer]),
        Series(_SUBSET, counts, [one.on_subset for one in result.fewer]),
    ]
    shown = [
        ("tasks in the subset", "Fewer tasks", tasks, sizes),
        ("replicates", "Fewer replicates", fewer, counts),
    ]
    panels = [
        Panel(
            x,
            "pairs misplaced",
            series,
            title,
            False,
            None,
            markers=True,
            also=tolerance,
            y_with=(0.0, result.tolerance),
        )
        for x, title, series, points in shown
        if points
    ]
    rows: list[tuple[str, int, str, float, float | None]] = [
        ("tasks", one.size, ", ".join(one.tasks), one.error, one.worst) for one in result.subsets
    ]
    rows += [("replicates", one.replicates, "", one.on_all, one.on_subset) for one in result.fewer]
    notes = [
        f"Of {counted(len(result.resolved), 'pair')} that the full set tells apart; dashed: the tolerance."
    ]
    least = f"{len(result.tasks)} tasks suffice" if result.tasks else "no subset suffices"
    return (
        draw_panels(panels, own, notes).finish(
            id="cheaper",
            title="The ranking from fewer tasks and replicates",
            explanation="The share of the pairs that the full set tells apart which a smaller set "
            "misplaces, measured on "
            "replicates that did not choose it.",
            alt=f"Error by size of the set; {least} with an error of at most {number(result.tolerance)}.",
            data=table(("fewer", "number", "tasks", "error", "worst or on the subset"), rows),
        ),
    )


@draw.register
def _(result: Generalisation, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing([*result.methods, *(one.rival for one in result.standings)])
    rivals = naming.sorted(one.rival for one in result.standings)
    tasks = list(dict.fromkeys(one.task for one in result.standings))
    found = {(one.task, one.rival): one for one in result.standings}
    tiles = [[_standing(found.get((task, rival))) for rival in rivals] for task in tasks]
    heads = [Head(naming.label(rival), naming.look(rival)) for rival in rivals]
    key = [(diverging(0.55), "wins"), (diverging(-0.55), "loses"), (NOTHING, "not told apart")]
    name = naming.label(result.method)
    notes = [
        (
            f"{name} minus its rival, in the unit of the task; position {number(result.position)} of "
            f"{len(result.methods)}."
        )
    ]
    rows = [
        (one.task, one.family, one.rival, one.standing, one.difference, one.adjusted)
        for one in result.standings
    ]
    return (
        draw_grid(
            Grid([Head(task) for task in tasks], heads, tiles, notes, "against", key, text=34.0)
        ).finish(
            id="generalisation",
            title=f"Where {name} wins and loses",
            explanation=f"{name} against each rival on each task: blue where it wins, orange where it "
            "loses, by Holm's "
            "correction over all pairs of the task.",
            alt=f"{name} wins {result.wins}, loses {result.losses} of "
            f"{counted(len(result.standings), 'comparison')}.",
            data=table(("task", "family", "rival", "standing", "difference", "holm"), rows),
        ),
    )


def _standing(one: TaskStanding | None) -> Tile:
    if one is None:
        return Tile(NOTHING)
    missing = one.difference is None or math.isnan(one.difference)
    text = "–" if missing else ("+" if (one.difference or 0.0) > 0 else "") + number(one.difference, 2)
    fill = {"better": diverging(0.55), "worse": diverging(-0.55)}.get(one.standing, NOTHING)
    return Tile(fill, (text,), strong=fill != NOTHING)
