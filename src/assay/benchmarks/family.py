"""Families of tabular benchmarks: one importer each, one table for each task, one layout on disk.

In the cache:

    <cache>/tables/<family>/<task>.table   open columns; the protocol card in the metadata
    <cache>/tables/<family>/<task>.vault   test columns, where there are any (see `tasks.vault`)

A *reading* of a family is the same source under another system's rule, a family of its own: its
benchmarks are called `<family>/<task>@<reading>`, and their files `<task>@<reading>`.

The vault of a task is written before its table, so that no table is ever there without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from assay.benchmarks.importers.accepted import AcceptedPackage, installed
from assay.benchmarks.sources import OfficialFiles, source_folder
from assay.contracts.card import ProtocolCard
from assay.contracts.space import Enumerable
from assay.foundation.dense import DenseFile, open_dense, write_dense
from assay.foundation.errors import CapabilityError, CorruptError, UsageError
from assay.spaces.catalogue import get_space
from assay.spaces.listed import ListedSpace, indexed
from assay.spaces.parametric_table import parametric_space
from assay.tasks.vault import write_vault

TABLE_KIND = "assay-table"
KEYS, TEXTS = "row-keys", "row-texts"
_AXES = (
    ("architecture",),
    ("architecture", "fidelity"),
    ("architecture", "seed"),
    ("architecture", "fidelity", "seed"),
)


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """The architectures of a table whose space has no index: a key and a published form for each row.

    They are those of `spaces.listed.indexed`; of a space that is nothing but the list, both are equal.
    """

    keys: tuple[str, ...]
    texts: tuple[str, ...]


class TableContent(msgspec.Struct, frozen=True, kw_only=True):
    """What an importer reads: open arrays by name with their axes, and the test column if any.

    Axes are 'architecture', then 'fidelity' where the card has several, then 'seed' where the seeds are
    not aggregated, in the orders of the space's index (or of `rows`) and of the card. What the source
    lacks is NaN. `sources` maps each file that was read to its SHA-256 as found; `dropped` says, in a
    sentence each, what of the source is not in the table. `parameters` describes the space of a table that
    brings its own, as JSON text (see `spaces.parametric_table`).
    """

    columns: Mapping[str, tuple[tuple[str, ...], np.ndarray]]
    test: np.ndarray | None
    rows: Rows | None = None
    sources: Mapping[str, str] = {}
    dropped: tuple[str, ...] = ()
    parameters: str = ""


class Family(Protocol):
    """A published collection of tables over one kind of search space.

    `revision` rises when the same source gives other numbers; it is part of the identity of a run.
    `signals` maps the name of each signal to the column that holds it. `card` needs no table and
    `read` needs the source. `place` is where the user has the official files, or the folder that they
    are downloaded to; a package is found by itself. `read` raises what `read_accepted` and
    `find_official` raise, and `CorruptError` for numbers that are not as the card says. A source may be
    incomplete: what it lacks is missing in the table. `readings` are by name.
    """

    name: str
    revision: int
    title: str
    tasks: tuple[str, ...]
    signals: dict[str, str]
    readings: Mapping[str, Family]

    @property
    def source(self) -> AcceptedPackage | OfficialFiles:
        """The package or the official files that bring the tables."""
        ...

    def space(self, task: str) -> str:
        """Return the name of the search space of a task."""
        ...

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        ...

    def read(self, task: str, place: Path) -> TableContent:
        """Read the published table of a task."""
        ...


class FamilyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A family for people: its benchmarks, and the package or the official files that bring them.

    `here` says whether the package is installed, or every file that is not optional was downloaded.
    """

    name: str
    title: str
    benchmarks: tuple[str, ...]
    readings: tuple[str, ...]
    source: str
    is_package: bool
    here: bool
    homepage: str
    licence: str
    citation: str


class TableMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a table file."""

    benchmark: str
    card: ProtocolCard
    signals: dict[str, str]
    sources: dict[str, str] = {}
    dropped: tuple[str, ...] = ()
    parameters: str = ""


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
    sources: dict[str, str]
    dropped: tuple[str, ...]


LISTED = "listed"
"""The space of a table that is nothing but the list of its rows."""


def table_space(name: str, table: DenseFile | None = None) -> Enumerable[Any]:
    """Return the search space of a table; `CapabilityError` for one without an index or listed rows."""
    described = "" if table is None else table.meta.get("parameters", "")
    if described:
        try:
            own = parametric_space(json.loads(described))
        except (UsageError, ValueError) as error:
            raise CorruptError(
                "the parameters of the table are damaged", where=str(table and table.path), why=str(error)
            ) from None
        if isinstance(own, Enumerable):
            return own
    rows = None if table is None else _rows_of(table)
    if name == LISTED and rows is not None:
        return ListedSpace(LISTED, rows.texts)
    space = get_space(name)
    if rows is not None:
        if rows.keys != rows.texts and not hasattr(space, "unique_string"):
            why = f"rows have keys, and {name} has no canonical form"
            raise CorruptError("the rows of the table are damaged", where=str(table and table.path), why=why)
        return indexed(space, rows.keys, rows.texts)
    if not isinstance(space, Enumerable):
        raise CapabilityError(f"the search space '{name}' has no index", why="a table needs one")
    return space


def table_path(cache: Path, family: str, task: str) -> Path:
    """Return where the table of a task lies in the cache."""
    return cache / "tables" / family / f"{task}.table"


def vault_path(cache: Path, family: str, task: str) -> Path:
    """Return where the vault of a task lies in the cache."""
    return cache / "tables" / family / f"{task}.vault"


def write_table(family: Family, task: str, cache: Path, place: Path, reading: str = "") -> ImportedTable:
    """Read the published table of a task and write it, and its vault, into the cache."""
    read = family.readings[reading] if reading else family
    content, card = read.read(task, place), read.card(task)
    file = f"{task}@{reading}" if reading else task
    name = f"{family.name}/{file}"
    if (content.test is None) != (card.test is None):
        raise CorruptError(f"the source of {name} and its card disagree on whether there is a test metric")
    if content.test is not None and card.test is not None:
        vault = vault_path(cache, family.name, file)
        write_vault(vault, benchmark=name, card_digest=card.meaning(), note=card.test, column=content.test)
    meta = TableMeta(
        benchmark=name,
        card=card,
        signals=read.signals,
        sources=dict(content.sources),
        dropped=content.dropped,
        parameters=content.parameters,
    )
    path = table_path(cache, family.name, file)
    columns = dict(content.columns) | _row_columns(content.rows)
    write_dense(path, TABLE_KIND, msgspec.to_builtins(meta), columns)
    return describe(*open_table(path))


def _row_columns(rows: Rows | None) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return listed rows as arrays of bytes: a dense file holds numbers alone."""
    if rows is None:
        return {}
    if any("\n" in text for text in (*rows.keys, *rows.texts)):
        raise CorruptError("the published form of an architecture has a line break")
    named = {KEYS: rows.keys} if rows.keys == rows.texts else {KEYS: rows.keys, TEXTS: rows.texts}
    return {
        name: (("byte",), np.frombuffer("\n".join(texts).encode(), dtype=np.uint8))
        for name, texts in named.items()
    }


def _rows_of(table: DenseFile) -> Rows | None:
    if KEYS not in table.arrays:
        return None
    try:
        keys, texts = (
            tuple(table.arrays[name].tobytes().decode().split("\n")) if name in table.arrays else ()
            for name in (KEYS, TEXTS)
        )
    except UnicodeDecodeError as error:
        raise CorruptError(
            "the rows of the table are no text", where=str(table.path), why=str(error)
        ) from None
    if texts and len(texts) != len(keys):
        why = f"{len(keys):,} keys, {len(texts):,} published forms"
        raise CorruptError("the rows of the table are damaged", where=str(table.path), why=why)
    return Rows(keys=keys, texts=texts or keys)


def open_table(path: Path) -> tuple[DenseFile, TableMeta]:
    """Open and verify a table file, and decode its metadata.

    Raises what `open_dense` raises, and `CorruptError` for a table that is not as its card says or that
    lies under the name of another benchmark.
    """
    file = open_dense(path, TABLE_KIND)
    try:
        meta = msgspec.convert(file.meta, TableMeta)
    except msgspec.ValidationError as error:
        raise CorruptError("the metadata of the table is damaged", where=str(path), why=str(error)) from None
    for why in _contradictions(file, meta):
        raise CorruptError("the table is not what its name and its card say", where=str(path), why=why)
    return file, meta


def _contradictions(file: DenseFile, meta: TableMeta) -> Iterator[str]:
    """Say, in a few words each, what of a table is not as its name and its card say."""
    card = meta.card
    if meta.benchmark != f"{file.path.parent.name}/{file.path.stem}":
        yield f"it is the table of '{meta.benchmark}'"
    if not (card.fidelities and card.signals and card.seeds.policies):
        yield "its card has no fidelity, no signal or no seed policy"
    for policy in card.seeds.policies:
        kind, _, seed = policy.partition("=")
        if kind in ("seed", "filled-from") and seed not in map(str, card.seeds.seeds):
            yield f"its card has no seed for the policy '{policy}'"
    columns = {name: array for name, array in file.arrays.items() if name not in (KEYS, TEXTS)}
    cost = () if card.cost is None else (card.cost.column,)
    for name in (*(meta.signals.get(one.name, one.name) for one in card.signals), *card.extras, *cost):
        if name not in columns:
            yield f"it has no column '{name}'"
    yield from _misshapen(file, card, columns)
    for name in cost:
        if "seed" in file.axes[name]:
            yield f"the cost '{name}' has an axis of seeds"
        if (columns[name] < 0).any():
            yield f"the cost '{name}' is below zero"


def _misshapen(file: DenseFile, card: ProtocolCard, columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Name the columns whose axes are not the architectures, fidelities and seeds of the card."""
    first = next(iter(columns.values())).shape
    sizes = {"fidelity": len(card.fidelities), "seed": len(card.seeds.seeds)}
    for name, column in columns.items():
        axes = file.axes[name]
        if axes not in _AXES:
            yield f"column '{name}' has the axes ({', '.join(axes)})"
        elif column.shape != (expected := first[:1] + tuple(sizes[axis] for axis in axes[1:])):
            yield f"column '{name}' has the shape {column.shape}, not {expected}"


def describe(file: DenseFile, meta: TableMeta) -> ImportedTable:
    """Return an open table for a listing."""
    vault = file.path.with_suffix(".vault")
    columns = tuple(name for name in file.arrays if name not in (KEYS, TEXTS))
    return ImportedTable(
        benchmark=meta.benchmark,
        path=str(file.path),
        vault=str(vault) if meta.card.test is not None and vault.exists() else None,
        architectures=next(len(file.arrays[name]) for name in columns),
        columns=columns,
        card_digest=meta.card.meaning(),
        table_digest=file.arrays_digest,
        source=meta.card.source,
        sources=meta.sources,
        dropped=meta.dropped,
    )


def facts(family: Family, cache: Path) -> FamilyFacts:
    """Return a family for a listing; opens no table."""
    source = family.source
    if isinstance(source, AcceptedPackage):
        name, here = f"{source.distribution} {source.version}", installed(source)
    else:
        name = f"{source.name} {source.version}".strip()
        here = source.is_here(source_folder(cache, source))
    return FamilyFacts(
        name=family.name,
        title=family.title,
        benchmarks=tuple(f"{family.name}/{task}" for task in family.tasks),
        readings=tuple(family.readings),
        source=name,
        is_package=isinstance(source, AcceptedPackage),
        here=here,
        homepage=source.homepage,
        licence=source.licence,
        citation=source.citation,
    )
