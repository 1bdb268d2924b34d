"""How far a ranking stands: without one task or family, and over resampled families."""

from __future__ import annotations

import numpy as np

from assay.publishing.plots.canvas import Naming, Sketch, number, table
from assay.publishing.plots.estimates import leave_one_out
from assay.publishing.plots.heat import Grid, Head, Tile, draw_grid, sequential
from assay.publishing.plots.registry import draw
from assay.publishing.words import listed
from assay.statistics.stability import RankStability


@draw.register
def _(result: RankStability, naming: Naming) -> tuple[Sketch, ...]:
    first = leave_one_out(result, naming)
    return (first,) if result.bootstrap is None else (first, _shares(result, naming))


def _shares(result: RankStability, naming: Naming) -> Sketch:
    """Draw how often each method takes each position when families are resampled."""
    naming = naming.knowing(result.methods)
    shares = np.asarray(result.bootstrap, dtype=float)
    order = sorted(
        range(len(result.methods)), key=lambda i: (result.ranking[i], naming.place(result.methods[i]))
    )
    heads = [Head(naming.label(result.methods[i]), naming.look(result.methods[i])) for i in order]
    positions = [str(p + 1) for p in range(shares.shape[1])]
    tiles = [[_share(float(shares[i, p])) for p in range(shares.shape[1])] for i in order]
    rows = [
        (result.methods[i], int(position), shares[i, p])
        for i in order
        for p, position in enumerate(positions)
    ]
    told = [f"{heads[k].name} {number(float(shares[i, 0]), 2)}" for k, i in enumerate(order)]
    grid = Grid(
        heads,
        [Head(position) for position in positions],
        tiles,
        ["Share of resampled families, in %."],
        "position",
        text=22.0,
    )
    return draw_grid(grid).finish(
        id="rank-shares",
        title="Positions over resampled families",
        explanation="How often each method takes each position (1 is best) when families of tasks are "
        "resampled.",
        alt=f"Share of first positions: {listed(told)}.",
        data=table(("method", "position", "share"), rows),
        anchor="leave-one-out",
    )


def _share(share: float) -> Tile:
    text = "" if share == 0 else "<1" if share < 0.005 else f"{share * 100:.0f}"
    return Tile(sequential(share), (text,) if text else ())
