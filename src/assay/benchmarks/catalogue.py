"""The benchmarks by name: `family/task`, or `family/task@reading`.

Listing and cards need no table; opening imports one. Besides the families that are registered there are
those of users' own tables, which the cache alone knows (`benchmarks.own`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache as memoize
from pathlib import Path
from typing import NamedTuple

from assay.benchmarks.family import (
    Family,
    FamilyFacts,
    ImportedTable,
    TableMeta,
    describe,
    facts,
    open_table,
    table_path,
    table_space,
    vault_path,
    write_table,
)
from assay.benchmarks.importers.accepted import AcceptedPackage
from assay.benchmarks.own import own_families, own_family
from assay.benchmarks.sources import OfficialFiles, source_folder
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.card import ProtocolCard
from assay.foundation.dense import DenseFile
from assay.foundation.errors import AssayError, UnknownNameError
from assay.foundation.files import exclusive
from assay.foundation.places import cache_folder
from assay.foundation.registry import Registry
from assay.tasks.suites import SUITES

FAMILIES = Registry(
    "benchmark",
    "assay.benchmarks",
    {
        "nas-bench-graph": "assay.benchmarks.importers.nas_bench_graph:FAMILY",
        "help-latency": "assay.benchmarks.importers.help_latency:FAMILY",
        "hw-nas-bench-201": "assay.benchmarks.importers.hw_nas_bench:FAMILY",
        "nas-bench-101": "assay.benchmarks.importers.nas_bench_101:FULL",
        "nas-bench-101-108": "assay.benchmarks.importers.nas_bench_101:ONLY_108",
        "nas-bench-201-full": "assay.benchmarks.importers.nas_bench_201_full:FAMILY",
        "nas-bench-201": "assay.benchmarks.importers.nas_bench_201:FAMILY",
        "fcnet": "assay.benchmarks.importers.grids:FCNET_FAMILY",
        "hpobench-mlp": "assay.benchmarks.importers.grids:MLP_FAMILY",
        "nas-bench-201-v1.1": "assay.benchmarks.importers.nats_bench:NB201_PTH_FAMILY",
        "nas-bench-macro": "assay.benchmarks.importers.nas_bench_macro:FAMILY",
        "nats-bench-sss": "assay.benchmarks.importers.nats_bench:NATS_SSS_FAMILY",
        "nats-bench-tss": "assay.benchmarks.importers.nats_bench:NATS_TSS_FAMILY",
        "timm-imagenet": "assay.benchmarks.importers.timm:FAMILY",
        "transnas-macro": "assay.benchmarks.importers.transnas:MACRO",
        "transnas-micro": "assay.benchmarks.importers.transnas:MICRO",
    },
)


def benchmark_names(cache: Path | None = None) -> list[str]:
    """Return the name of every benchmark, family by family, without readings; opens no table."""
    return [
        f"{name}/{task}"
        for name in (*FAMILIES.names(), *own_families(cache or cache_folder()))
        for task in _family(name, cache).tasks
    ]


def reading_names(cache: Path | None = None) -> list[str]:
    """Return every reading of every benchmark under another system's rule."""
    names = [(name, _family(name.partition("/")[0], cache)) for name in benchmark_names(cache)]
    return [f"{name}@{reading}" for name, family in names for reading in family.readings]


def expand(patterns: Sequence[str], cache: Path | None = None) -> list[str]:
    """Return the benchmarks that names, 'family/*' and suites stand for, each once, in order.

    Raises `UnknownNameError`, with the nearest, for a pattern that stands for nothing.
    """
    names = benchmark_names(cache)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(f"{name.partition('/')[0]}/*", []).append(name)
    groups |= {suite.name: list(suite.members) for suite in SUITES.values()}
    groups |= {name: [name] for name in (*names, *reading_names(cache))}
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern not in groups:
            raise UnknownNameError("benchmark", pattern, groups)
        found.update(dict.fromkeys(groups[pattern]))
    return list(found)


def family_names(cache: Path | None = None) -> list[str]:
    """Return every family: those that are registered, then users' own tables."""
    return [*FAMILIES.names(), *own_families(cache or cache_folder())]


def family_facts(family: str, cache: Path | None = None) -> FamilyFacts:
    """Return what is known of a family: its benchmarks, its source, licence and citation."""
    return facts(_family(family, cache), cache or cache_folder())


def family_source(family: str) -> AcceptedPackage | OfficialFiles:
    """Return the package or the official files of a family."""
    return _family(family).source


def card_of(name: str, cache: Path | None = None) -> ProtocolCard:
    """Return the protocol card of a benchmark; opens no table but a user's own, and needs no source."""
    return _split(name, cache).card


def open_benchmark(name: str, cache: Path | None = None) -> TableBenchmark:
    """Open a benchmark, importing its table into the cache first where that is due.

    A table is imported when it is absent, or was imported under another card. Several processes
    may open the same benchmark at once. Raises `AssayError`, with the command that helps, when the
    source is not there, and `IntegrityError` when the table in the cache is damaged.
    """
    folder = cache or cache_folder()
    place = _split(name, folder)
    file, meta = _current(place, folder)
    return TableBenchmark(name, place.card, table_space(meta.card.space, file), file, meta.signals)


def import_family(
    name: str, cache: Path | None = None, *, place: Path | None = None, reading: str = ""
) -> list[ImportedTable]:
    """Import every table of a family anew from its source, and return what was written.

    `place` is where its official files are, None for where they are downloaded to. With `reading`, the
    source is read under another system's rule.
    """
    family = _family(name, cache)
    folder = cache or cache_folder()
    if reading and reading not in family.readings:
        raise UnknownNameError(f"reading of {name}", reading, family.readings)
    with exclusive(_lock(folder, family)):
        where = _place(family, folder) if place is None else place
        return [write_table(family, task, folder, where, reading) for task in family.tasks]


def imported(cache: Path | None = None) -> list[ImportedTable]:
    """Return the tables in the cache, in the order of `benchmark_names`, each verified."""
    folder = cache or cache_folder()
    names = [*benchmark_names(folder), *reading_names(folder)]
    paths = [table_path(folder, *name.split("/", 1)) for name in names]
    return [describe(*open_table(path)) for path in paths if path.exists()]


def vault_file(name: str, cache: Path | None = None) -> Path:
    """Return where the vault of a benchmark lies, importing the table first where that is due."""
    folder = cache or cache_folder()
    place = _split(name, folder)
    _current(place, folder)
    return vault_path(folder, place.family.name, place.file)


class _Place(NamedTuple):
    """A benchmark by its parts; `file` is what its files are called, `card` that of its reading."""

    family: Family
    task: str
    reading: str
    card: ProtocolCard

    @property
    def file(self) -> str:
        return f"{self.task}@{self.reading}" if self.reading else self.task


def _current(place: _Place, cache: Path) -> tuple[DenseFile, TableMeta]:
    """Open the table of a task under the present card, importing it when it is not there."""
    family = place.family
    try:
        opened = _standing(place, cache)
        if opened is None:
            with exclusive(_lock(cache, family)):
                # Another process may have imported it while this one waited.
                opened = _standing(place, cache)
                if opened is None:
                    write_table(family, place.task, cache, _place(family, cache), place.reading)
                    opened = open_table(table_path(cache, family.name, place.file))
    except AssayError as error:
        raise _with_command(error, family) from None
    return opened


def _standing(place: _Place, cache: Path) -> tuple[DenseFile, TableMeta] | None:
    """Open the table if it is there; damage raises, for it is never papered over by a new import."""
    family, card = place.family.name, place.card
    path = table_path(cache, family, place.file)
    if not path.exists() or (card.test is not None and not vault_path(cache, family, place.file).exists()):
        return None
    file, meta = open_table(path)
    return (file, meta) if meta.card.meaning() == card.meaning() else None


def _with_command(error: AssayError, family: Family) -> AssayError:
    command = f"assay table import {family.name}"
    hint = f"{error.hint}, then {command}" if error.hint else command
    return error.hinting(hint)


def _place(family: Family, cache: Path) -> Path:
    """Return where the official files of a family are looked for."""
    source = family.source
    return source_folder(cache, source) if isinstance(source, OfficialFiles) else cache


def _lock(cache: Path, family: Family) -> Path:
    return cache / "tables" / family.name / ".lock"


def _split(name: str, cache: Path | None = None) -> _Place:
    plain, _, reading = name.partition("@")
    names = benchmark_names(cache)
    if plain not in names:
        raise UnknownNameError("benchmark", name, names)
    family = _family(plain.partition("/")[0], cache)
    if reading and reading not in family.readings:
        raise UnknownNameError("benchmark", name, reading_names(cache))
    task = plain.partition("/")[2]
    return _Place(family, task, reading, (family.readings[reading] if reading else family).card(task))


def _family(name: str, cache: Path | None = None) -> Family:
    if name in FAMILIES.names():
        return _registered(name)
    if name not in own_families(cache or cache_folder()):
        raise UnknownNameError("benchmark family", name, family_names(cache))
    return own_family(name, cache or cache_folder())


@memoize
def _registered(name: str) -> Family:
    family: Family = FAMILIES.find(name).load()
    return family
