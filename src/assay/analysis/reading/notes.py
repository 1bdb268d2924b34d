"""What was taken for what in a table, in sentences for a person."""

from __future__ import annotations

from collections import Counter

from assay.analysis.reading.columns import Layout
from assay.analysis.reading.frame import Frame
from assay.analysis.reading.words import direction
from assay.foundation.text import one_line, shortened


def layout_notes(frame: Frame, layout: Layout) -> list[str]:
    """Return which columns have which role, which are set aside, and which are not used."""
    named = [one_line(frame.columns[i]) or "(no name)" for i in layout.scores]
    roles = [
        ("method", layout.method),
        ("task", layout.task),
        ("family", layout.family),
        ("state", layout.state),
    ]
    parts = [f"{role}: {one_line(frame.columns[i]) or '(no name)'}" for role, i in roles if i is not None]
    if layout.labels:
        parts.append(f"replicate: {' and '.join(one_line(frame.columns[i]) for i in layout.labels)}")
    if layout.shape == "long":
        parts.append(f"score: {named[0]}")
    else:
        parts.append(f"{layout.shape.split(' ', 1)[0]}, one a column: {_listed(named)}")
    source = f"an export of {frame.tracker}" if frame.tracker else "a table"
    shape = "long" if layout.shape == "long" else "wide"
    notes = [f"read {frame.name} as {source}, {shape}; {'; '.join(parts)}"]
    if layout.aside:
        notes.append(f"set aside, as no scores by their names: {_listed(layout.aside)}; --score takes one")
    if layout.unused:
        notes.append(f"not used: {_listed(layout.unused)}")
    same = sum(count - 1 for count in Counter(frame.rows).values()) if not layout.labels else 0
    if same:
        notes.append(f"{same} rows equal another in every cell and count as runs: no column tells runs apart")
    return notes


def direction_note(names: list[str], metric: str, minimize: bool | None) -> str:
    """Return which scores are better and how that is known; `names` are those that could tell it."""
    if minimize is not None:
        return f"{'smaller' if minimize else 'larger'} {metric or 'score'} is better, as told"
    smaller = sum(direction(name) is True for name in names)
    other = "--maximize" if smaller and smaller == len(names) else "--minimize"
    unknown = sum(direction(name) is None for name in names)
    if 0 < smaller < len(names):
        assumed = f"; no word is known in {unknown} of them, where larger is assumed" if unknown else ""
        return f"smaller is better on {smaller} of {len(names)} tasks, guessed from their names{assumed}"
    if unknown == len(names):
        of = f"'{shortened(metric, 40)}'" if metric else "the names"
        return f"no word of {of} says which score is better: larger is assumed; else add {other}"
    what = f"{'smaller' if smaller else 'larger'} {metric or 'score'} is better"
    return f"{what}, guessed from its name; else add {other}"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(shortened(name, 30) for name in names[:8]) + (
        f" and {len(names) - 8} more" if len(names) > 8 else ""
    )
