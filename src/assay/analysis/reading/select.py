"""What the caller chooses before a table is understood: rows by a value, several columns as one name."""

from __future__ import annotations

import msgspec

from assay.analysis.reading.columns import Columns
from assay.analysis.reading.frame import Cell, Frame, label
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.text import one_line, shortened

_JOINED = " / "


def chosen_rows(frame: Frame, where: tuple[tuple[str, str], ...]) -> Frame:
    """Return the rows that have one of the values asked for in each column asked for, and say how many.

    Several values of a column are alternatives. Raises `UsageError` for a column or value that is not there.
    """
    wanted: dict[str, set[str]] = {}
    for column, value in where:
        wanted.setdefault(column, set()).add(value.strip())
    kept = list(range(len(frame.rows)))
    for column, values in wanted.items():
        place = _place(frame, column, "a choice of rows")
        held = [label(cell) for cell in frame.column(place)]
        missing = sorted(values - set(held))
        if missing:
            known = ", ".join(shortened(one, 30) for one in sorted(set(held))[:12])
            raise UsageError(
                f"no row has {shortened(column, 40)}={shortened(missing[0], 40)}",
                where=frame.name,
                hint=f"the column has {known}",
            )
        kept = [i for i in kept if held[i] in values]
    if not wanted:
        return frame
    if not kept:
        raise UsageError("no row is left of those asked for", where=frame.name, hint="ask for fewer at once")
    asked = " and ".join(
        f"{one_line(column)}={' or '.join(one_line(value) for value in sorted(values))}"
        for column, values in wanted.items()
    )
    note = f"{len(kept)} of {len(frame.rows)} rows are read, those with {asked}, as told"
    return frame._replace(
        rows=[frame.rows[i] for i in kept],
        lines=[frame.lines[i] for i in kept],
        notes=(*frame.notes, note),
        filtered=frozenset(wanted),
    )


def joined_columns(frame: Frame, given: Columns) -> tuple[Frame, Columns]:
    """Return the table with one column for each role of which several columns are named."""
    for role in ("method", "task", "replicate", "family"):
        asked = getattr(given, role)
        if asked is None or isinstance(asked, str):
            continue
        names = tuple(dict.fromkeys(asked))
        if len(names) > 1:
            frame = _joined(frame, names, role)
        one = " and ".join(names) if names else None
        given = msgspec.structs.replace(given, **{role: one})
    return frame, given


def _joined(frame: Frame, names: tuple[str, ...], role: str) -> Frame:
    places = [_place(frame, name, f"the column of the {role}") for name in names]
    rows: list[tuple[Cell, ...]] = []
    for row in frame.rows:
        labels = [label(row[i]) for i in places]
        # A name of which a part is missing is missing, and is told as such.
        rows.append((*row, _JOINED.join(labels) if all(labels) else ""))
    return frame._replace(
        columns=(*frame.columns, " and ".join(names)), rows=rows, parts=frame.parts | frozenset(names)
    )


def _place(frame: Frame, name: str, what: str) -> int:
    if name not in frame.columns:
        raise UnknownNameError("column", name, frame.columns, where=f"{frame.name}, {what}")
    return frame.columns.index(name)
