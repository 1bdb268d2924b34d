"""Families of tabular benchmarks: one importer each, one table for each task, one layout on disk.

In the cache:

    <cache>/tables/<family>/<task>.table   open columns; the protocol card in the metadata
    <cache>/tables/<family>/<task>.vault   test columns, where there are any (see `tasks.vault`)

The vault of a task is written before its table, so that no table is ever there without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from assay.benchmarks.importers.accepted import AcceptedPackage, installed
from assay.contracts.card import ProtocolCard
from assay.contracts.space import Enumerable
from assay.foundation.dense import DenseFile, open_dense, write_dense
from assay.foundation.errors import CapabilityError, CorruptError
from assay.spaces.catalogue import get_space
from assay.tasks.vault import write_vault

TABLE_KIND = "assay-table"


class TableContent(msgspec.Struct, frozen=True, kw_only=True):
    """What an importer reads: open arrays by name with their axes, and the test column if any.

    The first axis is always the architecture, in the order of the search space's index.
    """

    columns: Mapping[str, tuple[tuple[str, ...], np.ndarray]]
    test: np.ndarray | None


class Family(Protocol):
    """A published collection of tables over one kind of search space.

    `revision` rises when the same source gives other numbers; it is part of the identity of a run.
    `signals` maps the name of each signal to the column that holds it. `card` needs no table and
    `read` needs the package; `read` raises what `read_accepted` raises, and `CorruptError` for
    numbers that are not as the card says.
    """

    name: str
    revision: int
    title: str
    package: AcceptedPackage
    tasks: tuple[str, ...]
    signals: dict[str, str]

    def space(self, task: str) -> str:
        """Return the name of the search space of a task."""
        ...

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        ...

    def read(self, task: str) -> TableContent:
        """Read the published table of a task."""
        ...


class FamilyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A family for people: its benchmarks, and the package that brings them."""

    name: str
    title: str
    benchmarks: tuple[str, ...]
    distribution: str
    version: str
    installed: bool
    homepage: str
    licence: str
    citation: str


class TableMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a table file."""

    benchmark: str
    card: ProtocolCard
    signals: dict[str, str]


class ImportedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table in the cache: how many architectures, which columns, and the digests that name it."""

    benchmark: str
    path: str
    vault: str | None
    architectures: int
    columns: tuple[str, ...]
    card_digest: str
    table_digest: str
    source: str


def table_space(name: str) -> Enumerable[Any]:
    """Return a search space that a table can be over; `CapabilityError` for one without an index."""
    space = get_space(name)
    if not isinstance(space, Enumerable):
        raise CapabilityError(f"the search space '{name}' has no index", why="a table needs one")
    return space


def table_path(cache: Path, family: str, task: str) -> Path:
    """Return where the table of a task lies in the cache."""
    return cache / "tables" / family / f"{task}.table"


def vault_path(cache: Path, family: str, task: str) -> Path:
    """Return where the vault of a task lies in the cache."""
    return cache / "tables" / family / f"{task}.vault"


def write_table(family: Family, task: str, cache: Path) -> ImportedTable:
    """Read the published table of a task and write it, and its vault, into the cache."""
    content = family.read(task)
    card = family.card(task)
    name = f"{family.name}/{task}"
    if (content.test is None) != (card.test is None):
        raise CorruptError(f"the source of {name} and its card disagree on whether there is a test metric")
    if content.test is not None and card.test is not None:
        vault = vault_path(cache, family.name, task)
        write_vault(vault, benchmark=name, card_digest=card.meaning(), note=card.test, column=content.test)
    meta: dict[str, Any] = msgspec.to_builtins(TableMeta(benchmark=name, card=card, signals=family.signals))
    path = table_path(cache, family.name, task)
    write_dense(path, TABLE_KIND, meta, content.columns)
    return describe(*open_table(path))


def open_table(path: Path) -> tuple[DenseFile, TableMeta]:
    """Open and verify a table file, and decode its metadata."""
    file = open_dense(path, TABLE_KIND)
    try:
        return file, msgspec.convert(file.meta, TableMeta)
    except msgspec.ValidationError as error:
        raise CorruptError("the metadata of the table is damaged", where=str(path), why=str(error)) from None


def describe(file: DenseFile, meta: TableMeta) -> ImportedTable:
    """Return an open table for a listing."""
    vault = file.path.with_suffix(".vault")
    return ImportedTable(
        benchmark=meta.benchmark,
        path=str(file.path),
        vault=str(vault) if meta.card.test is not None and vault.exists() else None,
        architectures=len(next(iter(file.arrays.values()))),
        columns=tuple(file.arrays),
        card_digest=meta.card.meaning(),
        table_digest=file.arrays_digest,
        source=meta.card.source,
    )


def facts(family: Family) -> FamilyFacts:
    """Return a family for a listing; opens no table."""
    package = family.package
    return FamilyFacts(
        name=family.name,
        title=family.title,
        benchmarks=tuple(f"{family.name}/{task}" for task in family.tasks),
        distribution=package.distribution,
        version=package.version,
        installed=installed(package),
        homepage=package.homepage,
        licence=package.licence,
        citation=package.citation,
    )
