"""The benchmarks by name: `family/task`. Listing and cards need no table; opening imports one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache as memoize
from pathlib import Path

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
        "nas-bench-201": "assay.benchmarks.importers.nas_bench_201:FAMILY",
        "fcnet": "assay.benchmarks.importers.grids:FCNET_FAMILY",
        "hpobench-mlp": "assay.benchmarks.importers.grids:MLP_FAMILY",
    },
)


def benchmark_names() -> list[str]:
    """Return the name of every benchmark, family by family; opens no table."""
    return [f"{name}/{task}" for name in FAMILIES.names() for task in _family(name).tasks]


def expand(patterns: Sequence[str]) -> list[str]:
    """Return the benchmarks that names, 'family/*' and suites stand for, each once, in order.

    Raises `UnknownNameError`, with the nearest, for a pattern that stands for nothing.
    """
    names = benchmark_names()
    groups = {f"{family}/*": [n for n in names if n.startswith(f"{family}/")] for family in FAMILIES.names()}
    groups |= {suite.name: list(suite.members) for suite in SUITES.values()}
    groups |= {name: [name] for name in names}
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern not in groups:
            raise UnknownNameError("benchmark", pattern, groups)
        found.update(dict.fromkeys(groups[pattern]))
    return list(found)


def family_facts(family: str) -> FamilyFacts:
    """Return what is known of a family: its benchmarks, its package, licence and citation."""
    return facts(_family(family))


def card_of(name: str) -> ProtocolCard:
    """Return the protocol card of a benchmark; opens no table and needs no package."""
    family, task = _split(name)
    return family.card(task)


def open_benchmark(name: str, cache: Path | None = None) -> TableBenchmark:
    """Open a benchmark, importing its table into the cache first where that is due.

    A table is imported when it is absent, or was imported under another card. Several processes
    may open the same benchmark at once. Raises `AssayError`, with the command that helps, when the
    package is not there, and `IntegrityError` when the table in the cache is damaged.
    """
    family, task = _split(name)
    file, meta = _current(family, task, cache or cache_folder())
    return TableBenchmark(name, family.card(task), table_space(meta.card.space), file, meta.signals)


def import_family(name: str, cache: Path | None = None) -> list[ImportedTable]:
    """Import every table of a family anew from its package, and return what was written."""
    family = _family(name)
    folder = cache or cache_folder()
    with exclusive(_lock(folder, family)):
        return [write_table(family, task, folder) for task in family.tasks]


def imported(cache: Path | None = None) -> list[ImportedTable]:
    """Return the tables in the cache, in the order of `benchmark_names`, each verified."""
    folder = cache or cache_folder()
    paths = [table_path(folder, family.name, task) for family, task in map(_split, benchmark_names())]
    return [describe(*open_table(path)) for path in paths if path.exists()]


def vault_file(name: str, cache: Path | None = None) -> Path:
    """Return where the vault of a benchmark lies, importing the table first where that is due."""
    family, task = _split(name)
    folder = cache or cache_folder()
    _current(family, task, folder)
    return vault_path(folder, family.name, task)


def _current(family: Family, task: str, cache: Path) -> tuple[DenseFile, TableMeta]:
    """Open the table of a task under the present card, importing it when it is not there."""
    try:
        opened = _standing(family, task, cache)
        if opened is None:
            with exclusive(_lock(cache, family)):
                # Another process may have imported it while this one waited.
                opened = _standing(family, task, cache)
                if opened is None:
                    write_table(family, task, cache)
                    opened = open_table(table_path(cache, family.name, task))
    except AssayError as error:
        raise _with_command(error, family) from None
    return opened


def _standing(family: Family, task: str, cache: Path) -> tuple[DenseFile, TableMeta] | None:
    """Open the table if it is there; damage raises, for it is never papered over by a new import."""
    path = table_path(cache, family.name, task)
    card = family.card(task)
    if not path.exists() or (card.test is not None and not vault_path(cache, family.name, task).exists()):
        return None
    file, meta = open_table(path)
    return (file, meta) if meta.card.meaning() == card.meaning() else None


def _with_command(error: AssayError, family: Family) -> AssayError:
    command = f"assay table import {family.name}"
    hint = f"{error.hint}, then {command}" if error.hint else command
    return error.hinting(hint)


def _lock(cache: Path, family: Family) -> Path:
    return cache / "tables" / family.name / ".lock"


def _split(name: str) -> tuple[Family, str]:
    family, _, task = name.partition("/")
    if name not in benchmark_names():
        raise UnknownNameError("benchmark", name, benchmark_names())
    return _family(family), task


@memoize
def _family(name: str) -> Family:
    family: Family = FAMILIES.find(name).load()
    return family
