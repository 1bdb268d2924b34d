"""Users' own tables: imported from a file with a card, and known by the cache alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from assay.benchmarks.family import (
    Family,
    ImportedTable,
    TableContent,
    TableMeta,
    open_table,
    table_path,
    write_table,
)
from assay.benchmarks.sources import OfficialFiles
from assay.contracts.card import ProtocolCard
from assay.foundation.errors import UnavailableError, UnknownNameError
from assay.foundation.files import exclusive, write_atomic

MARK = "own"
"""The name of the file that tells a user's own family from one whose plug-in is gone."""

_HINT = (
    "import it again by the file of its card: assay table import CARD.toml; a folder of Syne Tune's: "
    "assay table import FOLDER --as NAME"
)


class OwnFamily:
    """The tables that a user imported under one name; cards are those in the tables."""

    revision = 1

    def __init__(self, name: str, cache: Path) -> None:
        self.name = name
        self.title = "tables of your own"
        self.tasks = tuple(sorted(path.stem for path in (cache / "tables" / name).glob("*.table")))
        self.readings: Mapping[str, Family] = {}
        self.signals: dict[str, str] = {}
        self._cache = cache

    @property
    def source(self) -> OfficialFiles:
        """What the first card says about where the numbers come from."""
        card = self.card(self.tasks[0])
        return OfficialFiles(
            name=card.source,
            version="",
            homepage="",
            licence=card.licence,
            citation=card.citation,
            obtain="it is a table of your own",
            files=(),
        )

    def space(self, task: str) -> str:
        """Return the name of the search space of a task."""
        return self.card(task).space

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task, as it was imported."""
        return self._meta(task).card

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002  there is no source to read again
        """Raise `UnavailableError`: the card file, which names the data, is the user's."""
        raise no_source(f"{self.name}/{task}")

    def _meta(self, task: str) -> TableMeta:
        return open_table(table_path(self._cache, self.name, task))[1]


class OwnTable(NamedTuple):
    """One table of a user's own as it was read, ready to be written; `signals` are by their columns."""

    family: str
    protocol: ProtocolCard
    content: TableContent
    signals: dict[str, str]


def own_families(cache: Path) -> list[str]:
    """Return the names of the families that are users' own, sorted."""
    marked = sorted(path.parent for path in (cache / "tables").glob(f"*/{MARK}"))
    return [folder.name for folder in marked if any(folder.glob("*.table"))]


def no_source(name: str) -> UnavailableError:
    """Return the error for whoever wants to fetch or import tables of a user's own by their name."""
    return UnavailableError(
        f"'{name}' is a table of your own",
        why="it was imported from a file or folder of yours, and its name leads to no source",
        hint=_HINT,
    )


def own_family(name: str, cache: Path) -> OwnFamily:
    """Return a family of a user's own tables; raises `UnknownNameError` where there is none."""
    if name not in own_families(cache):
        raise UnknownNameError("benchmark family", name, own_families(cache))
    return OwnFamily(name, cache)


def write_own(table: OwnTable, cache: Path) -> ImportedTable:
    """Write a table of a user's own, and its vault, into the cache, in place of one of the same name."""
    folder = cache / "tables" / table.family
    with exclusive(folder / ".lock"):
        written = write_table(_Read(table), table.protocol.task.name, cache, Path())
        mark_own(table.family, cache)
    return written


def mark_own(name: str, cache: Path) -> None:
    """Note that a family is a user's own."""
    write_atomic(cache / "tables" / name / MARK, b"")


class _Read(OwnFamily):
    """A table that was read already, as a family of one task."""

    def __init__(self, table: OwnTable) -> None:
        self.name = table.family
        self.title = ""
        self.tasks = (table.protocol.task.name,)
        self.readings = {}
        self.signals = table.signals
        self._table = table

    def card(self, task: str) -> ProtocolCard:  # noqa: ARG002  there is one task
        return self._table.protocol

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002  it was read
        return self._table.content
