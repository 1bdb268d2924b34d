"""What a person should look at before believing a comparison of a table."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from assay.analysis.reading.columns import Layout
from assay.analysis.reading.frame import Frame
from assay.analysis.reading.runs import Run
from assay.analysis.reading.trackers import split_name
from assay.foundation.text import shortened


def cautions(frame: Frame, layout: Layout, runs: list[Run]) -> list[str]:
    """Return what looks like a slip: two scales, names that differ in case, seeds or tasks in names."""
    methods = sorted({run.method for run in runs})
    found = [
        f"caution: {' and '.join(shortened(name, 30) for name in same[:4])} differ only in case and count as "
        f"{len(same)} {what}"
        for what, names in (("methods", methods), ("tasks", sorted({run.task for run in runs})))
        for same in _same_but_case(names)
    ]
    return found + _scales(runs) + _named_runs(layout, methods, len(runs)) + _two_parts(frame, methods)


def _same_but_case(names: list[str]) -> list[list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[name.casefold()].append(name)
    return [same for same in groups.values() if len(same) > 1]


def _scales(runs: list[Run]) -> list[str]:
    """Say where scores between 0 and 1 stand beside scores about a hundred times as large."""
    cells: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if run.score is not None:
            cells[run.task][run.method].append(abs(run.score))
    odd: list[tuple[str, str, str]] = []
    for task, methods in sorted(cells.items()):
        middles = sorted((median(scores), method) for method, scores in methods.items())
        (low, small), (high, large) = middles[0], middles[-1]
        if 0 < low <= 1 < high and 30 <= high / low <= 300:
            odd.append((task, small, large))
    if not odd:
        return []
    task, small, large = (shortened(one, 40) for one in odd[0])
    more = f", and likewise on {len(odd) - 1} more tasks" if len(odd) > 1 else ""
    return [
        (
            f"caution: percent beside fractions? On {task} the scores of {large} are about 100 times those "
            f"of {small}{more}"
        )
    ]


def _named_runs(layout: Layout, methods: list[str], runs: int) -> list[str]:
    split = [split_name(name) for name in methods]
    if layout.labels or len(methods) != runs or len(methods) < 3 or any(one is None for one in split):
        return []
    return [
        (
            f"caution: the names of methods seem to end in a seed ({shortened(methods[0], 40)}), and each "
            "has one run: give the seed a column of its own"
        )
    ]


def _two_parts(frame: Frame, methods: list[str]) -> list[str]:
    """Say where names taken from runs are a full grid of two parts, of which one may be the task."""
    parts = [tuple(name.rsplit("_", 1)) for name in methods]
    if frame.tracker is None or any(len(one) != 2 for one in parts):
        return []
    heads, tails = sorted({one[0] for one in parts}), sorted({one[-1] for one in parts})
    if len(heads) < 2 or len(tails) < 2 or len(heads) * len(tails) != len(methods):
        return []
    first, second = ", ".join(heads[:4]), ", ".join(tails[:4])
    return [
        (
            f"caution: the names of methods have two parts ({first}; {second}): if one is the task, give "
            "it a column of its own"
        )
    ]
