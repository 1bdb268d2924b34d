"""A table as read from a file, whatever its format: columns, rows, and where each row stood."""

from __future__ import annotations

from typing import NamedTuple

from assay.foundation.errors import UsageError
from assay.foundation.text import shortened

Cell = str | int | float | bool | None

MOST_BYTES = 64 << 20
MOST_ROWS = 1_000_000
MOST_CELLS = 20_000_000


class Frame(NamedTuple):
    """Columns and rows that fit them; `lines` are the places of the rows in the file, counted from 1.

    `place` is what such a place is called: 'line' or 'row'. `measures` are the columns that may hold
    scores, None if any may. `tracker` names the experiment tracker whose export this is, and `run_name`
    and `run_id` its columns of these, where it has them. `foreign` are the columns that no cell can hold,
    with their types; their cells are empty. `commas` says that a comma separates nothing in the file.
    `parts` are the columns that were joined to one, `filtered` those by which rows were chosen.
    """

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    lines: list[int]
    place: str = "line"
    notes: tuple[str, ...] = ()
    measures: frozenset[str] | None = None
    tracker: str | None = None
    run_name: str | None = None
    run_id: str | None = None
    foreign: tuple[tuple[str, str], ...] = ()
    commas: bool = False
    parts: frozenset[str] = frozenset()
    filtered: frozenset[str] = frozenset()

    def where(self, row: int, column: int | None = None) -> str:
        """Return a place for people: 'results.csv:12, column score'."""
        line = self.lines[row]
        place = f"{self.name}:{line}" if self.place == "line" else f"{self.name}, {self.place} {line}"
        return place if column is None else f"{place}, column {shortened(self.columns[column], 60)}"

    def column(self, index: int) -> list[Cell]:
        """Return the cells of a column."""
        return [row[index] for row in self.rows]


def refuse_size(name: str, what: str, found: int, most: int) -> None:
    """Raise `UsageError` where a file holds more than fits."""
    if found > most:
        raise UsageError(
            f"the table has too many {what}",
            where=name,
            why=f"{found:,} {what}; at most {most:,} are read",
            hint="compare final scores, one row a run, not whole training curves",
        )


def label(cell: Cell) -> str:
    """Return a cell as the name of a method, task or replicate; whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()
