"""The unit of the scores of a table: declared, or known where one metric is a bounded share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.analysis.reading.words import is_share
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.text import one_line, shortened
from assay.statistics.scores import OK, Scores


def unit_of(scores: Scores, metric: str, unit: str | None) -> tuple[str, str]:
    """Return the one unit of all scores and a note on it, both empty where it is not known.

    A declared unit stands as it is. Else the metric is the unit where its name is that of a bounded
    share and all scores lie within 0 and 1, or all within 0 and 100 with one above 1 on every task: a
    task in fractions beside one in percent has another unit.
    """
    if unit is not None:
        name = one_line(unit)
        if not name:
            raise UsageError("a unit needs a name", hint="leave it out where scores have none in common")
        return name, _note(scores, name, "as told")
    held = scores.values[scores.status == OK]
    if not len(scores.tasks) > 1 or not is_share(metric) or not len(held) or held.min() < 0.0:
        return "", ""
    if held.max() <= 1.0:
        bound = "1"
    elif held.max() <= 100.0 and all(_above_one(scores, t) for t in range(len(scores.tasks))):
        bound = "100"
    else:
        return "", ""
    why = f"since all are {shortened(metric, 40)} between 0 and {bound}"
    return metric, _note(scores, metric, why)


def in_order(scores: Scores, order: Sequence[str]) -> Scores:
    """Return the scores with these methods first, the others behind them as they were.

    Raises `UnknownNameError` for a name that no method has.
    """
    first = list(dict.fromkeys(one_line(name) for name in order))
    for name in first:
        if name not in scores.methods:
            raise UnknownNameError("method", name, scores.methods, where="the order of methods")
    return scores.only(methods=[*first, *(name for name in scores.methods if name not in first)])


def _note(scores: Scores, unit: str, why: str) -> str:
    if len(scores.tasks) < 2:
        return ""
    told = f"all scores are taken to be in one unit, {shortened(unit, 40)}, {why}"
    return f"{told}: across tasks their differences count"


def _above_one(scores: Scores, task: int) -> bool:
    held = scores.values[task][scores.status[task] == OK]
    return not len(held) or bool(np.max(held) > 1.0)
