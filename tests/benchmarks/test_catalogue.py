"""The benchmarks by name, and importing when they are opened."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.benchmarks.assessing import vaults
from assay.benchmarks.catalogue import (
    benchmark_names,
    card_of,
    expand,
    family_facts,
    imported,
    open_benchmark,
    vault_file,
)
from assay.benchmarks.importers import nas_bench_201
from assay.benchmarks.importers.accepted import NAS_BENCH_GRAPH
from assay.contracts.seal import Assessment, Seal, Unavailable
from assay.foundation.errors import AssayError, CorruptError, UnknownNameError
from assay.tasks.gate import assess
from assay.tasks.ledger import Ledger
from assay.tasks.suites import SUITES


def test_names_need_no_table() -> None:
    """Names and cards are listed without reading a table, NumPy arrays of it or a package."""
    code = (
        "from assay.benchmarks.catalogue import benchmark_names, card_of, expand\n"
        "print('nas-bench-graph/cora' in benchmark_names(), card_of('nas-bench-graph/cora').task.name)\n"
        "print(len(expand(['cells-v1'])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "cora", "3"]


def test_patterns_stand_for_benchmarks() -> None:
    """Names, families and suites expand, each benchmark once, in the order of asking."""
    assert expand(["nas-bench-graph/cora"]) == ["nas-bench-graph/cora"]
    assert expand(["nas-bench-201/*"]) == [
        "nas-bench-201/cifar10",
        "nas-bench-201/cifar100",
        "nas-bench-201/imagenet16-120",
    ]
    assert len(expand(["graphs-v1"])) == 9
    families = {name.partition("/")[0] for name in benchmark_names()}
    assert sorted(expand([f"{family}/*" for family in families])) == sorted(benchmark_names())
    assert len(benchmark_names()) == len(set(benchmark_names()))
    assert expand(["nas-bench-201/cifar100", "cells-v1"])[0] == "nas-bench-201/cifar100"
    assert len(expand(["nas-bench-201/cifar100", "cells-v1"])) == 3


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("nas-bench-graph/cara", "nas-bench-graph/cora"),
        ("nas-bench-21/*", "nas-bench-201/*"),
        ("graphs-v2", "graphs-v1"),
    ],
)
def test_unknown_patterns_suggest_the_nearest(pattern: str, near: str) -> None:
    """A misspelt benchmark, family or suite gets the nearest as a hint."""
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'".replace("*", r"\*")):
        expand([pattern])
    with pytest.raises(UnknownNameError):
        open_benchmark(pattern)


def test_facts_of_a_family() -> None:
    """A family names its benchmarks, package, licence and citation."""
    facts = family_facts("nas-bench-graph")
    assert len(facts.benchmarks) == 9
    assert (facts.source, facts.is_package, facts.here) == ("nas-bench-graph 1.4.0", True, True)
    assert facts.licence == "Apache-2.0"
    assert "qin2022nas" in facts.citation


def test_opening_imports_what_is_absent(tmp_path: Path) -> None:
    """The first opening writes that table alone; the second writes nothing."""
    open_benchmark("nas-bench-graph/proteins", tmp_path)
    files = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "tables/nas-bench-graph").iterdir()}
    assert sorted(files) == [".lock", "proteins.table", "proteins.vault"]
    open_benchmark("nas-bench-graph/proteins", tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "tables/nas-bench-graph").iterdir()} == files
    assert [table.benchmark for table in imported(tmp_path)] == ["nas-bench-graph/proteins"]


def test_a_table_without_its_vault_is_imported_again(tmp_path: Path) -> None:
    """A vault that is gone is written again with its table."""
    vault = vault_file("nas-bench-graph/proteins", tmp_path)
    vault.unlink()
    assert vault_file("nas-bench-graph/proteins", tmp_path).exists()


def test_a_table_of_another_card_is_imported_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the card has changed since the import, the table is written again under the present card."""
    family = nas_bench_201.FAMILY
    old = msgspec.structs.replace(family.card("cifar10"), version=0)
    with monkeypatch.context() as patch:
        patch.setattr(type(family), "card", lambda *_: old)
        assert open_benchmark("nas-bench-201/cifar10", tmp_path).card.version == 0
    bench = open_benchmark("nas-bench-201/cifar10", tmp_path)
    assert bench.card == card_of("nas-bench-201/cifar10")
    assert bench.table_digest == open_benchmark("nas-bench-201/cifar10", cache).table_digest


def test_a_damaged_table_is_refused_with_the_command(cache: Path, tmp_path: Path) -> None:
    """Damage is never papered over; the message has the command that writes the table anew."""
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tables/nas-bench-201/cifar10.table"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptError, match="array 'val_acc' is damaged") as error:
        open_benchmark("nas-bench-201/cifar10", tmp_path)
    assert "assay table import nas-bench-201" in str(error.value)


def test_an_absent_package_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the message says what to install and which command brings the table."""
    absent = msgspec.structs.replace(
        NAS_BENCH_GRAPH, distribution="nas-bench-absent", module="nas_bench_absent"
    )
    monkeypatch.setattr("assay.benchmarks.importers.nas_bench_graph.NAS_BENCH_GRAPH", absent)
    with pytest.raises(AssayError, match="is not installed") as error:
        open_benchmark("nas-bench-graph/cora", tmp_path)
    assert "pip install 'assay[tables]'" in str(error.value)
    assert "assay table import nas-bench-graph" in str(error.value)


def test_an_imported_table_needs_no_package(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table in the cache opens without the package that it came from."""
    absent = msgspec.structs.replace(NAS_BENCH_GRAPH, module="nas_bench_absent")
    monkeypatch.setattr("assay.benchmarks.importers.nas_bench_graph.NAS_BENCH_GRAPH", absent)
    assert open_benchmark("nas-bench-graph/cora", cache).name == "nas-bench-graph/cora"
    with pytest.raises(AssayError, match="is not installed"):
        open_benchmark("nas-bench-graph/cora", tmp_path)


def test_processes_may_open_at_once(tmp_path: Path, cache: Path) -> None:
    """Three processes that open an absent table at the same time all get it."""
    code = (
        "from pathlib import Path; from assay.benchmarks.catalogue import open_benchmark; "
        f"print(open_benchmark('nas-bench-graph/proteins', Path({str(tmp_path)!r})).table_digest)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    digests = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert digests == {open_benchmark("nas-bench-graph/proteins", cache).table_digest}


def test_the_gate_answers_from_the_real_vault(
    cache: Path, tmp_path: Path, published: Callable[[str], dict[Any, Any]]
) -> None:
    """A sealed search of a graph task gets the published `perf`; a cell task says why there is none."""
    space = open_benchmark("nas-bench-graph/cora", cache).space
    archs = [space.at(5), space.at(20_000)]
    seals = [
        Seal(
            run="a" * 64,
            benchmark="nas-bench-graph/cora",
            recommendation=tuple(space.format(arch) for arch in archs),
            trajectory="t" * 64,
        ),
        Seal(run="b" * 64, benchmark="nas-bench-201/cifar10", recommendation=("x",), trajectory="t" * 64),
    ]
    ledger = Ledger(tmp_path)
    found, none = assess(seals, vaults(cache), ledger)
    source = published("nas-bench-graph/cora")
    assert isinstance(found, Assessment)
    assert found.metric == "accuracy (test)"
    assert found.values == tuple(float(source[space.table_key(arch)]["perf"]) for arch in archs)  # type: ignore[attr-defined]
    assert isinstance(none, Unavailable)
    assert none.reason == card_of("nas-bench-201/cifar10").no_test_because
    assert ledger.mileage("nas-bench-graph/cora") == len(archs)


def test_suites_are_of_existing_benchmarks() -> None:
    """Every member of every suite is a benchmark, with a task card of its own name."""
    for name in SUITES:
        for member in expand([name]):
            assert card_of(member).task.name == member.partition("/")[2]
