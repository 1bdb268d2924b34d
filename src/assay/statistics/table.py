"""Numbers in columns: what every result and every figure can be turned into."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

from assay.foundation.text import visible

Cell = str | int | float | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Table(NamedTuple):
    """Columns, and rows that fit them."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def csv(self) -> bytes:
        """Return the table as CSV (RFC 4180 but for line ends), numbers in full."""
        sink = io.StringIO()
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([[_guarded(cell) for cell in row] for row in self.rows])
        return sink.getvalue().encode()


def _guarded(cell: Cell) -> Cell:
    """Keep a name from being a formula in a spreadsheet, or an order to a terminal."""
    if not isinstance(cell, str):
        return cell
    return f"'{visible(cell)}" if cell.startswith(_FORMULA) else visible(cell)
