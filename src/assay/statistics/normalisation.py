"""One scale for the scores of all tasks, by a rule that is printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.statistics.scores import Scores


class Bounds(NamedTuple):
    """The score of each task that becomes 0, the one that becomes 1, and the rule that chose them."""

    ends: Mapping[str, tuple[float, float]]
    rule: str


def stated_bounds(ends: Mapping[str, tuple[float, float]], rule: str = "stated bounds") -> Bounds:
    """Return bounds that were known before: (score that becomes 0, score that becomes 1) of each task."""
    return Bounds(dict(ends), f"0 and 1 at {rule}")


def observed_bounds(scores: Scores, reference: str) -> Bounds:
    """Return bounds from the table itself: 0 at the mean of a reference method, 1 at the best run of any.

    The scale then depends on which methods are in the table, and its rule says so. Raises
    `UnknownNameError` for a method that is not there, and `UsageError` where the reference lost runs.
    """
    if reference not in scores.methods:
        raise UnknownNameError("method", reference, scores.methods)
    means = scores.means()[:, scores.methods.index(reference)]
    ends = {}
    for t, task in enumerate(scores.tasks):
        if np.isnan(means[t]):
            raise UsageError(f"the reference '{reference}' lost runs", where=f"task {task}")
        best = np.nanmax(scores.sign(t) * scores.values[t])
        ends[task] = (scores.sign(t) * float(means[t]), scores.sign(t) * float(best))
    return Bounds(
        ends, f"0 at the mean of {reference}, 1 at the best run of any method, so of this table only"
    )


def normalise(scores: Scores, bounds: Bounds) -> Scores:
    """Return scores as shares of the way from one bound of their task to the other.

    A score is (score - zero) / (one - zero), so that larger is better on every task; the rule becomes
    the unit, which results print. Scores outside the bounds stay outside [0, 1]. Raises `UsageError`
    for a task without bounds, and for bounds that are equal, not finite, or point the wrong way.
    """
    zeros, spans = [], []
    for t, task in enumerate(scores.tasks):
        if task not in bounds.ends:
            raise UsageError(
                "a task has no bounds", where=f"task {task}", hint="state the bounds of every task"
            )
        zero, one = bounds.ends[task]
        if not (np.isfinite([zero, one]).all() and scores.sign(t) * (one - zero) > 0.0):
            raise UsageError(
                f"{zero:g} and {one:g} are no bounds of a scale",
                where=f"task {task}",
                why="the second must be finite and better than the first",
            )
        zeros.append(zero)
        spans.append(one - zero)
    values = (scores.values - np.array(zeros)[:, None, None]) / np.array(spans)[:, None, None]
    return msgspec.structs.replace(
        scores,
        values=values,
        units=(bounds.rule,) * len(scores.tasks),
        maximize=np.ones(len(scores.tasks), dtype=bool),
    )
