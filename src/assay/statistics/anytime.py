"""The regret of a search over its whole budget: areas under right-continuous step functions.

The incumbent of a run changes when an evaluation ends, and holds until a better one ends. It is never
interpolated: between two evaluations nothing better was known than the first gave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.bca import RESAMPLES
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_interval
from assay.statistics.rounding import interval_text
from assay.statistics.table import Table

Runs = Sequence[Sequence[float] | np.ndarray]


class AnytimeRegret(Result, frozen=True, kw_only=True):
    """The mean normalised regret of each run between two budgets, the budget on a logarithmic axis.

    `areas` is one number a run: 0 is the optimum from the start, 1 the reference all along.
    `interval` is their mean; `start` and `end` are in `unit`.
    """

    areas: tuple[float, ...]
    interval: Interval
    start: float
    end: float
    unit: str
    best: float
    reference: float
    maximize: bool

    def sentence(self) -> str:
        """Return the mean area and between which budgets it was taken."""
        return (
            f"Between {self.start:g} and {self.end:g} {self.unit} the mean normalised regret is "
            f"{interval_text(self.interval)} over {len(self.areas)} runs."
        )

    def table(self) -> Table:
        """Return one row for each run."""
        return Table(("run", "area under regret"), list(enumerate(self.areas)))


def incumbents(x: Runs, y: Runs, *, maximize: bool = True) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the steps of each run: when its incumbent improves, and to what.

    `x` is when each evaluation of a run ends, not decreasing, and `y` its value, NaN where it failed.
    Both returned arrays increase from step to step, `y` strictly, turned so that larger is better; they
    are empty for a run without a value. Raises `UsageError` for runs that do not fit together.
    """
    if not len(x) or len(x) != len(y):
        raise UsageError(f"budgets of {len(x)} runs and values of {len(y)} do not make runs")
    pairs = zip(x, y, strict=True)
    return [_steps(np.asarray(a, np.float64), np.asarray(b, np.float64), maximize) for a, b in pairs]


def _steps(x: np.ndarray, y: np.ndarray, maximize: bool) -> tuple[np.ndarray, np.ndarray]:
    if x.ndim != 1 or x.shape != y.shape:
        raise UsageError(f"a run has {x.size} budgets and {y.size} values")
    if not np.isfinite(x).all() or (x <= 0).any() or (np.diff(x) < 0).any():
        raise UsageError(
            "the budgets of a run must be positive, finite and in order",
            why="they say when each evaluation ended, counted from the start of the run",
        )
    if np.isinf(y).any():
        raise UsageError("a value is infinite", hint="give NaN for an evaluation that failed")
    sofar = np.fmax.accumulate(y if maximize else -y) if len(y) else y
    before = np.concatenate([[-np.inf], np.where(np.isnan(sofar), -np.inf, sofar)[:-1]])
    better = sofar > before[: len(sofar)]
    # Of evaluations that end at one moment the last step holds: it is the best of them.
    last = np.append(x[better][1:] > x[better][:-1], True)[: int(better.sum())]
    return x[better][last], sofar[better][last]


def step_area(x: np.ndarray, y: np.ndarray, *, start: float, end: float, before: float) -> float:
    """Return the mean over log budget of a right-continuous step function between `start` and `end`.

    It is y[i] from x[i] on and `before` ahead of x[0]; x increases.
    """
    edges = np.clip(np.concatenate([[start], x, [end]]), start, end)
    levels = np.concatenate([[before], y])
    widths = np.log(edges[1:] / edges[:-1])
    inside = widths > 0
    return math.fsum((levels[inside] * widths[inside]).tolist()) / math.log(end / start)


def anytime_area(
    x: Runs,
    y: Runs,
    *,
    start: float,
    end: float,
    best: float,
    reference: float,
    rng: Stream,
    varied: tuple[str, ...],
    maximize: bool = True,
    nothing: float | None = None,
    unit: str = "evaluations",
    confidence: float = 0.95,
) -> AnytimeRegret:
    """Return the area under the normalised regret of each run over log budget, and their mean.

    `x` and `y` hold one list a run: when each evaluation ends, and its value (NaN: failed). The regret
    of an incumbent f is (best - f) / (best - reference), that of the incumbent at `end` for a run that
    ends earlier. `nothing` is the regret of a run that has no value yet, or never has; without it such
    a run is refused, for there is no number that is not a choice.
    Source: the area under the curve of Hansen et al., "Anytime Performance Assessment in Blackbox
    Optimization Benchmarking", IEEE TEVC 2022, with regret on a linear axis.
    Raises `UsageError` for ends that are not 0 < start < end, and where best equals reference.
    """
    if not (0.0 < start < end < math.inf):
        raise UsageError(f"an area needs 0 < start < end, got {start:g} and {end:g}")
    scale = best - reference
    if not math.isfinite(scale) or not scale or (scale > 0) != maximize:
        raise UsageError(
            f"regret from best {best:g} to reference {reference:g} has no scale",
            why="best must be finite, and better than the reference",
        )
    sign = 1.0 if maximize else -1.0
    runs = incumbents(x, y, maximize=maximize)
    _refuse_nothing(runs, start, nothing)
    empty = 0.0 if nothing is None else nothing
    areas = tuple(
        step_area(when, (best - sign * value) / scale, start=start, end=end, before=empty)
        for when, value in runs
    )
    interval = mean_interval(areas, rng=rng, varied=varied, confidence=confidence)
    short = sum(not len(budgets) or budgets[-1] < end for budgets in x)
    return AnytimeRegret(
        basis=Basis(
            procedure="area under normalised regret of right-continuous incumbents over log budget",
            source="Hansen et al., IEEE TEVC 2022",
            n={"runs": len(areas)},
            varied=varied,
            assumptions=(f"best {best:g}, reference {reference:g}", "runs are independent"),
            seed=seed_text(rng, RESAMPLES) if interval.method == "BCa" else "",
            cautions=_cautions(runs, start, end, nothing, short),
        ),
        areas=areas,
        interval=interval,
        start=start,
        end=end,
        unit=unit,
        best=best,
        reference=reference,
        maximize=maximize,
    )


def _refuse_nothing(
    runs: Sequence[tuple[np.ndarray, np.ndarray]], start: float, nothing: float | None
) -> None:
    late = [i for i, (when, _) in enumerate(runs) if not len(when) or when[0] > start]
    if late and nothing is None:
        first = [float(when[0]) for when, _ in runs if len(when)]
        whole = len(first) == len(runs)
        raise UsageError(
            f"{len(late)} of {len(runs)} runs have no value at the start, {start:g}",
            where=f"run {late[0]}",
            hint=(f"begin at {max(first):g}, or give " if whole else "give ")
            + "nothing=, the regret of having no value, such as 1.0 for that of the reference",
        )
    if nothing is not None and not math.isfinite(nothing):
        raise UsageError(f"the regret of having nothing is finite, got {nothing}")


def _cautions(
    runs: Sequence[tuple[np.ndarray, np.ndarray]], start: float, end: float, nothing: float | None, short: int
) -> tuple[str, ...]:
    late = sum(not len(when) or when[0] > start for when, _ in runs)
    found = [f"{late} runs have no value at the start: their regret counts as {nothing:g}"] if late else []
    if short:
        found.append(f"{short} runs end before {end:g}: they keep their incumbent")
    return tuple(found)
