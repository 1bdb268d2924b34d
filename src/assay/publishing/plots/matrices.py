"""Matrices of methods against methods and of tasks against methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from assay.publishing.plots.canvas import Naming, Sketch, finite, number, table
from assay.publishing.plots.critical_difference import Ranked, diagram
from assay.publishing.plots.heat import NOTHING, Grid, Head, Tile, diverging, draw_grid, sequential
from assay.publishing.plots.registry import counts, draw, stands_on
from assay.publishing.words import counted, listed, plain
from assay.statistics.improvement import ImprovementMatrix
from assay.statistics.pairwise import PairwiseTests
from assay.statistics.ranks import average_ranks
from assay.statistics.scores import Scores


class RankGrid(msgspec.Struct, frozen=True, kw_only=True):
    """The rank of each method on each task: `ranks` (tasks, methods), 1 the best; NaN: no result."""

    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    ranks: np.ndarray
    note: str = ""


def rank_grid(scores: Scores) -> RankGrid:
    """Return the ranks of the means of these scores on each task; what failed ranks last."""
    return RankGrid(tasks=scores.tasks, methods=scores.methods, ranks=average_ranks(scores.means()))


@draw.register
def _(result: PairwiseTests, naming: Naming) -> tuple[Sketch, ...]:
    ranked = Ranked(
        result.methods, result.average_ranks, result.cliques, result.basis, result.alpha, result.decided
    )
    correction = f" with {result.correction.capitalize()}" if result.correction != "none" else ""
    kind = "sign test" if result.test == "sign" else "Wilcoxon's signed-rank test"
    test = f"{kind}{correction}"
    return (diagram(ranked, naming, "critical-difference", test), _comparisons(result, naming))


def _comparisons(result: PairwiseTests, naming: Naming) -> Sketch:
    """Draw the multi-comparison matrix of Ismail-Fawaz et al. (2023), best average rank first."""
    naming = naming.knowing(result.methods)
    names = result.methods
    order = sorted(range(len(names)), key=lambda i: (result.average_ranks[i], naming.place(names[i])))
    widest = max(finite(np.abs(result.mean_difference).ravel().tolist()), default=0.0)
    tiles = [[_pair(result, i, j, widest) for j in order] for i in order]
    heads = [Head(naming.label(names[i]), naming.look(names[i])) for i in order]
    key = [(diverging(1.0), "row better"), (diverging(0.0), "no difference"), (diverging(-1.0), "row worse")]
    grid = Grid(
        heads,
        heads,
        tiles,
        [f"Row minus column; {listed(_held(result))}; a frame: distinguished at α = {result.alpha:g}."]
        if result.decided
        else [f"Row minus column; {listed(_held(result))}."],
        key=key,
        lines=2 if result.test == "sign" else 3,
        text=44.0,
    )
    columns = ("row", "column", "mean difference", "wins", "ties", "losses", "p", "adjusted p")
    rows = [
        (names[i], names[j], result.mean_difference[i, j], *_counts(result, i, j), *_both_p(result, i, j))
        for i in order
        for j in order
        if i != j
    ]
    apart = sum(_distinguished(result, i, j) for i in order for j in order if i < j)
    pairs = len(names) * (len(names) - 1) // 2
    test = "; ".join(stands_on(result.basis)[:1])
    signs = result.test == "sign"
    what = "Wins/ties/losses" if signs else "Mean difference (row minus column), wins/ties/losses"
    return draw_grid(grid).finish(
        id="comparison-matrix",
        title="Every pair of methods",
        explanation=f"{what} over tasks and p of every pair: {test}.",
        alt=f"Matrix of {counted(len(names), 'method')}: {apart} of {counted(pairs, 'pair')} distinguished; "
        f"best average rank: {naming.label(names[order[0]])}.",
        data=table(columns, rows),
        anchor="comparison-matrix",
    )


def _held(result: PairwiseTests) -> list[str]:
    correction = result.correction.capitalize() if result.correction != "none" else "uncorrected"
    tail = [f"p, {correction}"] if result.decided else []
    # Scores of unlike units have no mean difference.
    means = [] if result.test == "sign" else ["mean difference"]
    return [*means, "wins / ties / losses", *tail]


def _counts(result: PairwiseTests, i: int, j: int) -> tuple[int, int, int]:
    return int(result.wins[i, j]), int(result.ties[i, j]), int(result.losses[i, j])


def _both_p(result: PairwiseTests, i: int, j: int) -> tuple[Any, Any]:
    if result.p is None or result.adjusted is None:
        return None, None
    return result.p[i, j], result.adjusted[i, j]


def _distinguished(result: PairwiseTests, i: int, j: int) -> bool:
    return result.adjusted is not None and bool(result.adjusted[i, j] < result.alpha)


def _pair(result: PairwiseTests, i: int, j: int, widest: float) -> Tile:
    if i == j:
        return Tile(NOTHING, ())
    difference = float(result.mean_difference[i, j])
    wins, ties, losses = _counts(result, i, j)
    signs = result.test == "sign"
    lines = [*([] if signs else [number(difference)]), f"{wins} / {ties} / {losses}"]
    if result.adjusted is not None:
        lines.append(p_text(float(result.adjusted[i, j])))
    apart = _distinguished(result, i, j)
    share = 0.0 if math.isnan(difference) or not widest else difference / widest
    if signs:
        share = (wins - losses) / max(wins + ties + losses, 1)
    return Tile(diverging(share), tuple(lines), apart, apart)


def p_text(p: float | None) -> str:
    """Return a p-value as figures print it."""
    if p is None or math.isnan(p):
        return "no p"
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


@draw.register
def _(result: ImprovementMatrix, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    names = result.methods
    order = sorted(range(len(names)), key=lambda i: naming.place(names[i]))
    heads = [Head(naming.label(names[i]), naming.look(names[i])) for i in order]
    tiles = [[_improvement(result, i, j) for j in order] for i in order]
    level = f"{result.confidence * 100:g} %"
    note = f"P(row > column) over {result.over}; a frame: the {level} interval excludes .5."
    grid = Grid(heads, heads, tiles, [note, f"{counts(result.basis)}."], lines=2, text=44.0)
    rows = [
        (names[i], names[j], result.probability[i, j], result.low[i, j], result.high[i, j])
        for i in order
        for j in order
        if i != j
    ]
    best = max(order, key=lambda i: (_mean_win(result, i), -i))
    return (
        draw_grid(grid).finish(
            id="probability-of-improvement",
            title="Probability of improvement",
            explanation="The probability that a run of the row beats a run of the column on a task, ties "
            "counted "
            f"half, with its interval over {result.over}.",
            alt=f"Matrix of {counted(len(names), 'method')}; most probable to win: "
            f"{naming.label(names[best])}.",
            data=table(("row", "column", "probability", "low", "high"), rows),
        ),
    )


def _mean_win(result: ImprovementMatrix, i: int) -> float:
    return math.fsum(sorted(finite(result.probability[i].tolist())))


def _improvement(result: ImprovementMatrix, i: int, j: int) -> Tile:
    if i == j:
        return Tile(NOTHING, ())
    p, low, high = (float(a[i, j]) for a in (result.probability, result.low, result.high))
    if math.isnan(p):
        return Tile(NOTHING, ("–",))
    known = not (math.isnan(low) or math.isnan(high))
    lines = (_share(p), f"[{_share(low)}, {_share(high)}]") if known else (_share(p),)
    apart = known and (low > 0.5 or high < 0.5)
    return Tile(diverging(2 * p - 1), lines, apart, apart)


def _share(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if value < 1 else "1"


@draw.register
def _(result: RankGrid, naming: Naming) -> tuple[Sketch, ...]:
    naming = naming.knowing(result.methods)
    order = sorted(range(len(result.methods)), key=lambda i: naming.place(result.methods[i]))
    most = max(len(order), 2)
    heads = [Head(naming.label(result.methods[i]), naming.look(result.methods[i])) for i in order]
    tiles = [[_rank(float(row[i]), most) for i in order] for row in np.asarray(result.ranks, dtype=float)]
    grid = Grid([Head(task) for task in result.tasks], heads, tiles, _said(result.note), text=19.0)
    means = [np.sort(result.ranks[:, i]).mean() for i in order]
    told = listed([f"{heads[k].name} {means[k]:.2f}" for k in range(len(order)) if not math.isnan(means[k])])
    rows = [
        (task, result.methods[i], result.ranks[t, i]) for t, task in enumerate(result.tasks) for i in order
    ]
    return (
        draw_grid(grid).finish(
            id="rank-heat-map",
            title="Ranks of the methods on each task",
            explanation="The rank of each method on each task: 1 and dark is the best, ties share a mean "
            "rank.",
            alt=f"Ranks on {counted(len(result.tasks), 'task')}; average: {told or 'none'}.",
            data=table(("task", "method", "rank"), rows),
        ),
    )


@draw.register
def _(result: Scores, naming: Naming) -> tuple[Sketch, ...]:
    return draw(rank_grid(result), naming)


def _rank(rank: float, most: int) -> Tile:
    if math.isnan(rank):
        return Tile(NOTHING, ("–",))
    return Tile(sequential((most - rank) / (most - 1)), (plain(rank, 3),), strong=rank == 1)


def _said(note: str) -> Sequence[str]:
    return [note] if note else []
