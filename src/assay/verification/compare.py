"""Compares a record with its repeat: whole trajectories, and where they first part."""

from __future__ import annotations

from assay.contracts.evaluation import Status
from assay.records.record import Record, Trajectory


def first_difference(record: Record, repeat: Record) -> str | None:
    """Say where a repeat first differs from the record; None when the results are identical."""
    if record.result.digest() == repeat.result.digest():
        return None
    before, after = record.result, repeat.result
    if before.status != after.status:
        error = repeat.circumstances.error
        detail = f" ({error.kind}: {error.message})" if error else ""
        return f"the record is {before.status}, the repeat {after.status}{detail}"
    place = _first_evaluation(before.trajectory, after.trajectory)
    if place is not None:
        return place
    if before.recommendation != after.recommendation:
        return f"recommendation: {_list(before.recommendation)} -> {_list(after.recommendation)}"
    return "the streams of random draws were used differently"


def _first_evaluation(before: Trajectory, after: Trajectory) -> str | None:
    old, new = before.strings(), after.strings()
    for i, (first, second) in enumerate(zip(old, new, strict=False)):
        if first != second:
            return f"evaluation {i + 1}: architecture {first} -> {second}"
        levels = [_level(trajectory, i) for trajectory in (before, after)]
        if levels[0] != levels[1]:
            return f"evaluation {i + 1} ({first}): {levels[0]} -> {levels[1]}"
        for name in ("status", "value", "cost", "time", "asked"):
            a, b = before.column(name)[i], after.column(name)[i]
            if a.tobytes() != b.tobytes():
                if name == "status":
                    return f"evaluation {i + 1}: {Status(int(a)).name} -> {Status(int(b)).name}"
                return f"evaluation {i + 1} ({first}): {name} {float(a)!r} -> {float(b)!r}"
    if len(old) != len(new):
        return f"the record has {len(old)} evaluations, the repeat {len(new)}"
    return None


def _level(trajectory: Trajectory, place: int) -> str:
    """Return at which level an evaluation was made."""
    if not trajectory.level:
        return "the study's own level"
    return trajectory.levels[int(trajectory.column("level")[place])]


def _list(archs: tuple[str, ...]) -> str:
    return ", ".join(archs) or "none"
