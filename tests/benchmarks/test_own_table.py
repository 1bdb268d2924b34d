"""Users' own tables: what is imported is what the file holds, and it works as any benchmark does."""

from __future__ import annotations

import gzip
import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from own_files import CELLS, COST, HEAD, LISTED, SIGNAL, TEST, cells_of, write_card, write_csv

from assay.benchmarks.catalogue import (
    benchmark_names,
    card_of,
    expand,
    family_facts,
    imported,
    open_benchmark,
    vault_file,
)
from assay.benchmarks.family import open_table
from assay.benchmarks.importers.own_table import import_own
from assay.contracts.evaluation import Fidelity, Level
from assay.contracts.problem import Budget, Problem
from assay.foundation.errors import AssayError, UnavailableError
from assay.foundation.seeding import Stream
from assay.records.record import Trajectory
from assay.records.store import Store
from assay.strategies.catalogue import STRATEGIES
from assay.studies.drive import drive
from assay.studies.load import check_study
from assay.studies.meter import Meter
from assay.studies.run import run_study
from assay.studies.study import Method, Protocol, Study

ORIGINAL, OWN = "nas-bench-201/cifar10", "mine/cifar10"


@pytest.fixture(scope="module")
def published_cells(cache: Path) -> dict[str, list[Any]]:
    """Return a real table as columns of a user's file."""
    return cells_of(open_benchmark(ORIGINAL, cache))


def _import(folder: Path, rows: list[tuple[Any, ...]], *parts: str, head: tuple[str, ...]) -> Any:
    write_csv(folder / "results.csv", head, rows)
    (written,) = import_own(write_card(folder, *parts), folder / "cache")
    return open_benchmark(OWN, folder / "cache"), written


@pytest.mark.parametrize("kind", ["csv", "tsv", "csv.gz", "parquet", "arrow", "stream"])
def test_a_real_table_comes_back_bit_for_bit(
    kind: str, cache: Path, published_cells: dict[str, list[Any]], tmp_path: Path
) -> None:
    """From every format, in another order of rows: equal signals, costs and extras at every architecture."""
    path = _written(tmp_path, kind, published_cells)
    text = (HEAD + CELLS + COST).replace("results.csv", path.name)
    card = tmp_path / "card.toml"
    card.write_text(text)
    (written,) = import_own(card, tmp_path / "cache")
    assert written.architectures == 15_625
    assert written.dropped == (
        "7,456 of 46,875 numbers of 'validation' are absent: they are missing, and not filled in",
    )
    own, original = open_benchmark(OWN, tmp_path / "cache"), open_benchmark(ORIGINAL, cache)
    assert own.space is original.space
    for policy in ("mean-of-available", "require", "seed=777", "seed=999"):
        one, two = own.column("validation", policy), original.column("validation", policy)
        np.testing.assert_array_equal(
            one.view(np.uint64)[~np.isnan(one)], two.view(np.uint64)[~np.isnan(two)]
        )
        np.testing.assert_array_equal(np.isnan(one), np.isnan(two))
    np.testing.assert_array_equal(own.costs, original.costs)
    np.testing.assert_array_equal(own.extra_column("latency"), original.extra_column("latency"))


def _written(folder: Path, kind: str, columns: dict[str, list[Any]]) -> Path:
    path = folder / f"results.{kind}"
    table = pa.table(columns)
    if kind == "parquet":
        pa.parquet.write_table(table, path)
    elif kind == "arrow":
        pa.feather.write_feather(table.cast(table.schema), path, compression="zstd")
    elif kind == "stream":
        with pa.ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table)
    else:
        rows = zip(*columns.values(), strict=True)
        write_csv(path, list(columns), rows, "\t" if kind == "tsv" else ",")
        if kind == "csv.gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
    return path


@pytest.mark.parametrize("strategy", ["random-search", "regularized-evolution", "local-search"])
def test_searches_on_an_own_table_go_as_on_the_original(
    strategy: str, cache: Path, published_cells: dict[str, list[Any]], tmp_path: Path
) -> None:
    """The same stream gives the same trajectory: architectures, values, costs and times, bit for bit."""
    write_csv(tmp_path / "results.csv", list(published_cells), zip(*published_cells.values(), strict=True))
    import_own(write_card(tmp_path, CELLS, COST), tmp_path / "cache")
    one = _trajectory(ORIGINAL, cache, strategy)
    two = _trajectory(OWN, tmp_path / "cache", strategy)
    assert one == two
    assert len(one.code) > 100


def _trajectory(name: str, cache: Path, strategy: str) -> Trajectory:
    table = open_benchmark(name, cache)
    meter = Meter(
        table.space,
        table.evaluator("validation"),
        Budget(table_seconds=300_000.0),
        level=Level("validation", table.default_fidelity),
        crossing="counted",
        seconds=True,
    )
    problem = Problem(
        space=table.space,
        fidelities=table.card.fidelities,
        signals=table.card.signals,
        objectives=("validation",),
        budget=meter.view,
    )
    create = STRATEGIES.find(strategy).load()
    drive(create(problem, Stream(3, ("strategy",))), meter, workers=4)
    return meter.trajectory()


def test_a_study_runs_on_an_own_table(tmp_path: Path) -> None:
    """Listed rows with a test column: searched, assessed from the vault, and named in listings."""
    rows = [(f"net-{i}", 50 + i / 10, 49 + i / 7, 60 + i) for i in range(200)]
    _, written = _import(tmp_path, rows, LISTED, SIGNAL, TEST, COST, head=("arch", "acc", "test", "time"))
    cache = tmp_path / "cache"
    assert written.vault is not None
    assert OWN in benchmark_names(cache)
    assert expand(["mine/*"], cache) == [OWN]
    assert [one.benchmark for one in imported(cache)] == [OWN]
    assert family_facts("mine", cache).licence == "CC0"
    assert "test" not in open_table(Path(written.path))[0].arrays
    study = Study(
        name="own",
        replicates=3,
        benchmarks=(OWN,),
        budget=Budget(table_seconds=2_000.0),
        protocol=Protocol(assessment="required"),
        methods={"random": Method(strategy="random-search")},
    )
    loaded, store = check_study(study, tmp_path), Store(tmp_path / "store")
    assert not run_study(loaded, store, cache, workers=1).failed
    assert len(store.runs()) == 3


def test_rows_of_seeds_and_epochs_are_taken_apart(tmp_path: Path) -> None:
    """In long form the last epoch is the default, costs add up, and what no row has is missing."""
    rows = [
        (arch, seed, epoch, 10 * epoch + seed + (arch == "b"), 2.0 if arch == "a" else 3.0)
        for arch in ("a", "b")
        for seed in (1, 2)
        for epoch in (1, 2, 3)
        if (arch, seed, epoch) != ("b", 2, 3)
    ]
    fidelity = '[fidelity]\nschedule = "curve"\nepoch_column = "epoch"\nprefix = true\n'
    seeds = '\n[seeds]\ncolumn = "seed"\nnote = "two trainings"\n'
    listed = LISTED.partition("[fidelity]")[0]
    cost = COST + "per_epoch = true\n"
    own, written = _import(
        tmp_path, rows, listed, fidelity, seeds, SIGNAL, cost, head=("arch", "seed", "epoch", "acc", "time")
    )
    assert [one.text() for one in own.card.fidelities] == ["curve@3", "curve@1", "curve@2"]
    assert own.card.seeds.seeds == (1, 2)
    assert own.column("validation").tolist() == [31.5, 32.0]
    assert np.isnan(own.column("validation", "seed=2")[1])
    assert own.column("validation", fidelity=Fidelity("curve", 1)).tolist() == [11.5, 12.5]
    assert own.costs.tolist() == [6.0, 9.0]
    assert own.costs_at(Fidelity("curve", 3), Fidelity("curve", 1)).tolist() == [4.0, 6.0]
    assert written.dropped == (
        "1 of 12 numbers of 'validation' are absent: they are missing, and not filled in",
    )


def test_what_a_space_has_and_the_file_lacks_is_missing(tmp_path: Path) -> None:
    """Half of a space: the rest fails as missing, and is charged what the card says."""
    space = open_space()
    rows = [(space.format(space.at(i)), 50.0 + i, 10.0) for i in range(0, 15_625, 2)]
    cells = CELLS.partition("[seeds]")[0]
    own, written = _import(
        tmp_path, rows, cells, SIGNAL, COST, "absent = 0.0\n", head=("arch", "acc", "time")
    )
    assert written.dropped == ("7,812 of the 15,625 architectures of the space have no row",)
    assert np.isnan(own.column("validation")[1])
    assert own.costs[:3].tolist() == [10.0, 0.0, 10.0]
    assert "0 where the table has none" in (own.card.cost.rule if own.card.cost else "")


def test_rows_of_other_tasks_are_left_out(tmp_path: Path) -> None:
    """`where` chooses the rows of one task; the others are counted."""
    rows = [(f"a{i}", data, i + (data == "x")) for i in range(5) for data in ("x", "y")]
    where = '[where]\ndata = "y"\n'
    own, written = _import(tmp_path, rows, LISTED, where, SIGNAL, head=("arch", "data", "acc"))
    assert own.column("validation").tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert written.dropped == ("5 rows are left out: not with data = y",)


def test_the_vault_holds_the_mean_over_seeds(tmp_path: Path) -> None:
    """Test numbers of several seeds become one; the vault alone has it."""
    seeds = '[seeds]\nvalues = [1, 2]\nnote = "two"\n'
    signal = SIGNAL.replace('column = "acc"', 'columns = ["v1", "v2"]')
    test = TEST.replace('column = "test"', 'columns = ["t1", "t2"]')
    rows = [("a", 1, 2, 5, 6), ("b", 3, 4, 7, None)]
    _import(tmp_path, rows, LISTED, seeds, signal, test, head=("arch", "v1", "v2", "t1", "t2"))
    from assay.tasks.vault import open_vault

    card = card_of(OWN, tmp_path / "cache")
    path = vault_file(OWN, tmp_path / "cache")
    vault = open_vault(path, benchmark=OWN, card_digest=card.meaning(), index=["a", "b"].index)
    assert vault.answer(["a", "b"]) == (5.5, 7.0)


def test_a_table_with_a_test_metric_alone_compares_no_methods(tmp_path: Path) -> None:
    """`selection_on_test` lets it be imported, and keeps it out of studies."""
    rows = [(f"a{i}", float(i)) for i in range(5)]
    signal = SIGNAL.replace('"validation"', '"10,000 test images"')
    why = 'selection_on_test = "no other number was measured"\n'
    own, _ = _import(tmp_path, rows, why, LISTED, signal, head=("arch", "acc"))
    assert own.card.selection_on_test == "no other number was measured"
    study = Study(
        name="own",
        replicates=2,
        benchmarks=(OWN,),
        budget=Budget(evaluations=3),
        protocol=Protocol(assessment="none"),
        methods={"random": Method(strategy="random-search")},
    )
    with pytest.raises(UnavailableError, match="cannot compare methods"):
        run_study(check_study(study, tmp_path), Store(tmp_path / "store"), tmp_path / "cache", workers=1)


def test_importing_again_replaces_the_table(tmp_path: Path) -> None:
    """A second card of the same family and task is what counts; a damaged import leaves the first."""
    rows = [("a", 1.0), ("b", 2.0)]
    _import(tmp_path, rows, LISTED, SIGNAL, head=("arch", "acc"))
    own, _ = _import(tmp_path, [("a", 3.0), ("c", 4.0)], LISTED, SIGNAL, head=("arch", "acc"))
    assert own.column("validation").tolist() == [3.0, 4.0]
    with pytest.raises(AssayError, match="no number"):
        _import(tmp_path, [("a", "x")], LISTED, SIGNAL, head=("arch", "acc"))
    assert open_benchmark(OWN, tmp_path / "cache").column("validation").tolist() == [3.0, 4.0]


@settings(max_examples=40)
@given(
    numbers=st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20).filter(
        lambda found: not all(map(math.isnan, found))
    )
)
@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_every_number_comes_back_with_its_bits(kind: str, numbers: list[float]) -> None:
    """Shortest digits, subnormal and huge numbers, negative zero and what is absent survive every format."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        columns = {
            "arch": [f"a{i}" for i in range(len(numbers))],
            "acc": [None if math.isnan(number) else number for number in numbers],
        }
        path = _written(folder, kind, columns)
        card = folder / "card.toml"
        card.write_text((HEAD + LISTED + SIGNAL).replace("results.csv", path.name))
        import_own(card, folder / "cache")
        held = open_table(folder / "cache/tables/mine/cifar10.table")[0].arrays["validation"]
        given_, there = np.array(numbers), ~np.isnan(numbers)
        assert np.array_equal(np.isnan(held), ~there)
        assert held[there].tobytes() == given_[there].tobytes()


def open_space() -> Any:
    """Return the space of NAS-Bench-201."""
    from assay.spaces.catalogue import get_space

    return get_space("nas-bench-201")
