"""Several objectives: hypervolume and attainment of sets of points, with a printed reference point."""

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
from assay.statistics.rounding import interval_text, rounded
from assay.statistics.table import Table

Points = Sequence[Sequence[float]] | np.ndarray


class Hypervolume(Result, frozen=True, kw_only=True):
    """The volume that each run's points dominate, up to a reference point.

    `volumes` is one number a run; `fronts` how many points of each run are not dominated; `beyond`
    how many do not dominate the reference point and so add nothing. `interval` is None without `rng`.
    """

    volumes: tuple[float, ...]
    fronts: tuple[int, ...]
    beyond: tuple[int, ...]
    reference: tuple[float, ...]
    maximize: tuple[bool, ...]
    interval: Interval | None

    def sentence(self) -> str:
        """Return the hypervolume, and the point up to which it is measured."""
        mean = math.fsum(self.volumes) / len(self.volumes)
        found = rounded(mean, None) if self.interval is None else interval_text(self.interval)
        return (
            f"The hypervolume up to the reference point ({_coordinates(self.reference)}) is {found} "
            f"over {_runs(len(self.volumes))}."
        )

    def table(self) -> Table:
        """Return one row for each run."""
        rows = zip(self.volumes, self.fronts, self.beyond, strict=True)
        return Table(
            ("run", "hypervolume", "front", "beyond reference"), [(i, *row) for i, row in enumerate(rows)]
        )


class Attainment(Result, frozen=True, kw_only=True):
    """The points that a share of the runs attains: one surface for each level.

    `levels` are shares of runs; `surfaces` the points of each, in increasing order of the first
    objective, and none where too few runs have any point. `runs` counts those without points too, and
    `empty` counts only those.
    """

    levels: tuple[float, ...]
    surfaces: tuple[tuple[tuple[float, ...], ...], ...]
    runs: int
    empty: int
    maximize: tuple[bool, ...]

    def sentence(self) -> str:
        """Return how many runs and levels there are, and which levels nothing attains."""
        levels = ", ".join(f"{level:g}" for level in self.levels)
        unattained = [
            f"{level:g}" for level, points in zip(self.levels, self.surfaces, strict=True) if not points
        ]
        tail = f"; no point is attained at {', '.join(unattained)}" if unattained else ""
        return f"Attainment surfaces of {_runs(self.runs)} at levels {levels}{tail}."

    def table(self) -> Table:
        """Return one row for each point of each surface."""
        names = (f"objective {i + 1}" for i in range(len(self.maximize)))
        rows = zip(self.levels, self.surfaces, strict=True)
        return Table(("level", *names), [(level, *point) for level, points in rows for point in points])


def hypervolume(
    points: Points | Sequence[Points],
    reference: Sequence[float],
    *,
    maximize: bool | Sequence[bool] = False,
    rng: Stream | None = None,
    varied: tuple[str, ...] = ("not declared",),
    confidence: float = 0.95,
) -> Hypervolume:
    """Return the hypervolume of a set of points, or of the set of each run with their mean.

    `points` is (points, objectives), or a list of such arrays, one a run; a run that found nothing is
    an empty list and has volume 0. `maximize` is one switch for all objectives or one each. The
    reference point must be the same wherever volumes are compared. Uses `moocore.hypervolume` (exact;
    Zitzler and Thiele, IEEE TEVC 1999). Raises `UsageError` for points that are not finite.
    """
    import moocore

    corner = np.asarray(reference, dtype=np.float64)
    if corner.ndim != 1 or not len(corner) or not np.isfinite(corner).all():
        raise UsageError("a reference point has one finite coordinate for each objective")
    larger = _switches(maximize, len(corner))
    runs = [_points(run, len(corner)) for run in _as_runs(points)]
    inside = [_within(run, corner, larger) for run in runs]
    volumes = tuple(
        float(moocore.hypervolume(run, ref=corner, maximise=list(larger))) if len(run) else 0.0
        for run in inside
    )
    interval = None
    if rng is not None:
        interval = mean_interval(volumes, rng=rng, varied=varied, confidence=confidence)
    resampled = interval is not None and interval.method == "BCa"
    return Hypervolume(
        basis=Basis(
            procedure=f"hypervolume up to the reference point ({_coordinates(corner.tolist())})",
            source="Zitzler and Thiele, IEEE TEVC 1999; computed by moocore",
            n={"runs": len(runs), "objectives": len(corner)},
            varied=varied,
            assumptions=(_directions(larger),),
            seed=seed_text(rng, RESAMPLES) if rng is not None and resampled else "",
            cautions=("volumes compare only under one reference point and one scale of the objectives",),
        ),
        volumes=volumes,
        fronts=tuple(len(_front(run, larger)) for run in runs),
        beyond=tuple(len(run) - len(kept) for run, kept in zip(runs, inside, strict=True)),
        reference=tuple(corner.tolist()),
        maximize=larger,
        interval=interval,
    )


def attainment(
    runs: Sequence[Points],
    levels: Sequence[float] = (0.25, 0.5, 0.75),
    *,
    maximize: bool | Sequence[bool] = False,
    varied: tuple[str, ...] = ("not declared",),
) -> Attainment:
    """Return the points that at least a share of the runs attains, for each level.

    A run attains a point if one of its own is at least as good in every objective. Each run is (points,
    objectives); one that found nothing is an empty list, attains nothing, and counts. Uses
    `moocore.eaf` (two or three objectives; Grunert da Fonseca, Fonseca and Hall, EMO 2001). Raises
    `UsageError` for levels outside (0, 1], and where no run has a point.
    """
    if not levels or not all(0.0 < level <= 1.0 for level in levels):
        raise UsageError("levels are shares of runs, in (0, 1]", hint="(0.25, 0.5, 0.75)")
    sizes = {np.asarray(run).shape[1] for run in runs if len(run) and np.asarray(run).ndim == 2}
    if len(sizes) != 1 or not sizes <= {2, 3}:
        raise UsageError("attainment needs runs with points of two objectives, or three")
    objectives = sizes.pop()
    larger = _switches(maximize, objectives)
    sets = [_points(run, objectives) for run in runs]
    return Attainment(
        basis=Basis(
            procedure="empirical attainment function",
            source="Grunert da Fonseca, Fonseca and Hall, EMO 2001; computed by moocore",
            n={"runs": len(sets), "objectives": objectives},
            varied=varied,
            assumptions=(_directions(larger),),
            ties="a point as good in every objective is attained",
        ),
        levels=tuple(float(level) for level in levels),
        surfaces=_surfaces(sets, levels, larger),
        runs=len(sets),
        empty=sum(not len(run) for run in sets),
        maximize=larger,
    )


def _surfaces(
    sets: Sequence[np.ndarray], levels: Sequence[float], larger: tuple[bool, ...]
) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Return the surface of each level; runs without points are unknown to moocore, and counted here."""
    import moocore

    signs = np.where(larger, -1.0, 1.0)
    filled = [run * signs for run in sets if len(run)]
    numbers = np.concatenate([np.full(len(run), i) for i, run in enumerate(filled)])
    # The least number of runs that makes a share; rounding errors of 0.1 * 30 aside.
    counts = [math.ceil(level * len(sets) - 1e-9) for level in levels]
    surfaces: list[tuple[tuple[float, ...], ...]] = []
    for count in counts:
        if count > len(filled):
            surfaces.append(())
            continue
        # Half a run below the count: whichever way the percentage is rounded, it means this count.
        percentile = 100.0 * (count - 0.5) / len(filled)
        found = moocore.eaf(np.concatenate(filled), numbers, percentiles=[percentile])[:, :-1] * signs + 0.0
        surfaces.append(tuple(sorted(map(tuple, found.tolist()))))
    return tuple(surfaces)


def _as_runs(points: Points | Sequence[Points]) -> list[Points]:
    """Return the runs in `points`, which is the points of one run or a list of runs."""
    if isinstance(points, np.ndarray) and points.ndim == 2:
        return [points]
    first = next((row for row in points if len(row)), None)
    single = first is not None and np.ndim(first[0]) == 0
    if single or not len(points):
        return [points]  # type: ignore[list-item]  # the shape says that it is one set of points
    return list(points)


def _points(run: Points, objectives: int) -> np.ndarray:
    if not len(run):
        return np.empty((0, objectives))
    found = np.asarray(run, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != objectives or not np.isfinite(found).all():
        raise UsageError(
            f"points must be finite, of {objectives} objectives",
            why=f"an array of shape {found.shape} with {int((~np.isfinite(found)).sum())} numbers not finite",
            hint="leave out an evaluation that failed: it has no point",
        )
    return found


def _switches(maximize: bool | Sequence[bool], objectives: int) -> tuple[bool, ...]:
    larger = (maximize,) * objectives if isinstance(maximize, bool) else tuple(map(bool, maximize))
    if len(larger) != objectives:
        raise UsageError(f"{len(larger)} directions are given for {objectives} objectives")
    return larger


def _within(run: np.ndarray, corner: np.ndarray, larger: tuple[bool, ...]) -> np.ndarray:
    """Return the points that are strictly better than the reference point in every objective."""
    signs = np.where(larger, -1.0, 1.0)
    return np.asarray(run[(run * signs < corner * signs).all(axis=1)])


def _front(run: np.ndarray, larger: tuple[bool, ...]) -> np.ndarray:
    import moocore

    if not len(run):
        return run
    return np.asarray(moocore.filter_dominated(run, maximise=list(larger)))


def _directions(larger: tuple[bool, ...]) -> str:
    return "objectives: " + ", ".join("maximised" if one else "minimised" for one in larger)


def _coordinates(point: Sequence[float]) -> str:
    return ", ".join(f"{value:.12g}" for value in point)


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"
