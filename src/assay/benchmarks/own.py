"""Users' own tables: imported from a file with a card, and known by the cache alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assay.benchmarks.family import Family, TableContent, TableMeta, open_table, table_path
from assay.benchmarks.sources import OfficialFiles
from assay.contracts.card import ProtocolCard
from assay.foundation.errors import UnavailableError, UnknownNameError
from assay.foundation.files import write_atomic

MARK = "own"
"""The name of the file that tells a user's own family from one whose plug-in is gone."""


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
        raise UnavailableError(
            f"{self.name}/{task} is a table of your own",
            hint="import it again with the file of its card: assay table import CARD.toml",
        )

    def _meta(self, task: str) -> TableMeta:
        return open_table(table_path(self._cache, self.name, task))[1]


def own_families(cache: Path) -> list[str]:
    """Return the names of the families that are users' own, sorted."""
    return sorted(path.parent.name for path in (cache / "tables").glob(f"*/{MARK}"))


def own_family(name: str, cache: Path) -> OwnFamily:
    """Return a family of a user's own tables; raises `UnknownNameError` where there is none."""
    if name not in own_families(cache):
        raise UnknownNameError("benchmark family", name, own_families(cache))
    return OwnFamily(name, cache)


def mark_own(name: str, cache: Path) -> None:
    """Note that a family is a user's own."""
    write_atomic(cache / "tables" / name / MARK, b"")
