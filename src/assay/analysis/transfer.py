"""Whether what is found on development tasks carries over to held-out ones."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.families import family_means, family_ranks, independent, too_few
from assay.statistics.rank_intervals import ranks_over_runs, repeated
from assay.statistics.scores import Scores
from assay.statistics.stability import kendall_tau, positions
from assay.statistics.table import Table

RESAMPLES = 2_000


class MethodTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """A method on both sides: positions and average ranks, 1 the best, and what it loses held out.

    `rank_gap` is the held-out average rank minus that in development: positive where the method does
    worse, beside these methods, where it was not tuned. `gap` is the mean in development minus that held
    out, positive where it does worse, in the one declared unit of all tasks; None without such a unit or
    where runs were lost. The tasks differ too, so that one gap says little, and gaps of methods beside
    each other more.
    """

    method: str
    development: float
    held_out: float
    development_rank: float
    held_out_rank: float
    rank_gap: float
    gap: float | None


class Transfer(Result, frozen=True, kw_only=True):
    """Kendall's tau-b of two rankings of the methods, with a bootstrap interval over runs.

    `low` and `high` are None where no cell holds two runs. `same_best` says that the same methods, one or
    tied, are best on both sides.
    """

    tau: float
    low: float | None
    high: float | None
    confidence: float
    same_best: bool
    rows: tuple[MethodTransfer, ...]
    unit: str

    def sentence(self) -> str:
        """Return tau with its interval, and whether the best stays the best."""
        interval = (
            "without an interval, for no run was repeated"
            if self.low is None or self.high is None
            else f"{100 * self.confidence:g} % interval over runs {self.low:.2f} to {self.high:.2f}"
        )
        best = "the best method is the same" if self.same_best else "the best method is another"
        return (
            f"Kendall's tau of {len(self.rows)} methods between development and held-out tasks is "
            f"{self.tau:.2f}, {interval}; {best}"
        )

    def table(self) -> Table:
        """Return one row for each method."""
        names = tuple(field.name for field in msgspec.structs.fields(MethodTransfer))
        return Table(
            tuple(name.replace("_", " ") for name in names),
            [msgspec.structs.astuple(row) for row in self.rows],
        )


def transfer(
    development: Scores,
    held_out: Scores,
    *,
    rng: Stream,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Transfer:
    """Return how far the ranking of methods on development tasks is that on held-out tasks.

    Methods that both have are ranked by average rank, families averaged first. The interval is of
    percentiles of the bootstrap over the runs within cells of both sides, for other runs on these tasks;
    of resamples at equal average rank positions are shared. Raises `UsageError` for a task that stands on
    both sides and for fewer than two common methods.
    """
    shared = sorted(set(development.tasks) & set(held_out.tasks))
    if shared:
        raise UsageError(
            "a task cannot be developed on and held out",
            why=f"both sides have {', '.join(shared)}",
            hint="leave it out of one of them",
        )
    methods = sorted(set(development.methods) & set(held_out.methods))
    if len(methods) < 2:
        raise UsageError("a ranking needs two methods that both sides have", why=f"they share {len(methods)}")
    sides = [scores.only(methods=methods) for scores in (development, held_out)]
    ranks = [family_ranks(side)[1].mean(axis=0) for side in sides]
    places = [positions(rank[None])[0] for rank in ranks]
    low, high = _interval(sides, rng, resamples, confidence)
    unit, gaps = _gaps(sides)
    tau = kendall_tau(*places)
    return Transfer(
        basis=_basis(development, held_out, methods, "" if low is None else seed_text(rng, resamples)),
        tau=tau,
        low=None if low is None else min(low, tau),
        high=None if high is None else max(high, tau),
        confidence=confidence,
        same_best=bool((_best(places[0]) == _best(places[1])).all()),
        rows=tuple(
            MethodTransfer(
                method=method,
                development=float(places[0][m]),
                held_out=float(places[1][m]),
                development_rank=float(ranks[0][m]),
                held_out_rank=float(ranks[1][m]),
                rank_gap=float(ranks[1][m] - ranks[0][m]),
                gap=gaps[m],
            )
            for m, method in enumerate(methods)
        ),
        unit=unit,
    )


def _best(places: np.ndarray) -> np.ndarray:
    return np.asarray(places == places.min())


def _interval(
    sides: list[Scores], rng: Stream, resamples: int, confidence: float
) -> tuple[float | None, float | None]:
    if not any(repeated(side) for side in sides):
        return None, None
    names = ("development", "held out")
    drawn = [
        positions(ranks_over_runs(side, rng.child(name), resamples))
        for name, side in zip(names, sides, strict=True)
    ]
    taus = np.array([kendall_tau(a, b) for a, b in zip(*drawn, strict=True)])
    low, high = np.quantile(taus, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def _gaps(sides: list[Scores]) -> tuple[str, list[float | None]]:
    """Return the common unit, and the mean in development minus that held out of each method."""
    units = {unit for side in sides for unit in side.units}
    directions = {bool(larger) for side in sides for larger in side.maximize}
    count = len(sides[0].methods)
    if len(units) > 1 or len(directions) > 1 or not next(iter(units)):
        return "", [None] * count
    means = [family_means(side)[1] for side in sides]
    developed, held = (
        [math.fsum(column) / len(column) for column in np.sort(side, axis=0).T] for side in means
    )
    gaps = [a - b for a, b in zip(developed, held, strict=True)]
    return units.pop(), [None if math.isnan(gap) else gap for gap in gaps]


def _basis(development: Scores, held_out: Scores, methods: list[str], seed: str) -> Basis:
    families = independent(development), independent(held_out)
    shared = sorted(set(development.families) & set(held_out.families))
    dropped = sorted((set(development.methods) | set(held_out.methods)) - set(methods))
    cautions = (
        too_few(min(families)),
        "the tasks are fixed: nothing is said of other tasks",
        "noise of few runs pulls tau to zero in resamples",
        f"families on both sides, so not independent: {', '.join(shared)}" if shared else "",
        f"left out, for one side lacks them: {', '.join(dropped)}" if dropped else "",
    )
    return Basis(
        procedure="Kendall's tau-b of average ranks, percentile bootstrap over runs",
        source="Kendall, Biometrika 1945; Efron and Tibshirani 1993, section 13.3",
        n={
            "methods": len(methods),
            "development families": families[0],
            "held-out families": families[1],
        },
        varied=development.varied if development.varied == held_out.varied else ("runs",),
        assumptions=("ranks of a family are averaged first, and families count alike",),
        ties="tau-b; shared positions",
        seed=seed,
        cautions=tuple(text for text in cautions if text),
    )
