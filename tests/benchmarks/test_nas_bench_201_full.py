"""NAS-Bench-201 with 12 epochs and test: the joined table, the small files, and what is refused."""

from __future__ import annotations

import bz2
import csv
import gzip
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from assay.benchmarks.family import ImportedTable, TableContent, open_table, table_space, write_table
from assay.benchmarks.importers import nats_landscape
from assay.benchmarks.importers.nas_bench_201_full import FAMILY
from assay.benchmarks.importers.nats_landscape import JOINED, LANDSCAPE, MINI, ZEN
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Fidelity
from assay.foundation.errors import CorruptError, UnavailableError

sys.path.insert(0, str(Path(__file__).parent))

from small_files import SPACE, TASKS, naslib_zip, unpin, write_small_files

EARLY = Fidelity(schedule="12-epochs")


@pytest.fixture(scope="session")
def joined(shared: Path) -> Path:
    """Return the folder that holds the joined table."""
    folder = shared / "data/nasbench201"
    if not (folder / JOINED).is_file():
        pytest.skip(f"../shared/data/nasbench201/{JOINED} is absent: it holds the published numbers")
    return folder


@pytest.fixture(scope="session")
def rows(joined: Path) -> list[dict[str, str]]:
    """Return the rows of the joined table, in the official order."""
    with gzip.open(joined / JOINED, "rt", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def tables(joined: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ImportedTable]:
    """Return every task's table, imported from the joined file."""
    cache = tmp_path_factory.mktemp("full")
    return {task: write_table(FAMILY, task, cache, joined) for task in TASKS}


def bench(table: ImportedTable) -> TableBenchmark:
    file, meta = open_table(Path(table.path))
    return TableBenchmark(table.benchmark, meta.card, table_space(meta.card.space, file), file, meta.signals)


def official(rows: list[dict[str, str]], index: int) -> int:
    """Return Assay's index of an architecture of the official one."""
    return SPACE.index(SPACE.parse(rows[index]["arch"]))


@pytest.mark.parametrize(
    ("task", "best", "index"),
    # HPOBench 47bf141, hpobench/benchmarks/nas/nasbench_201.py, lines 112, 117 and 122 (average, x-valid).
    [
        ("cifar10", 91.60666665039064, 6111),
        ("cifar100", 73.4933333577474, 9930),
        ("imagenet16-120", 46.73333327229818, 10676),
    ],
)
def test_the_optimum_is_the_published_one(
    tables: dict[str, ImportedTable], rows: list[dict[str, str]], task: str, best: float, index: int
) -> None:
    """The best validation accuracy and its architecture are those of HPOBench's table of incumbents."""
    table = bench(tables[task])
    assert table.best("validation") == pytest.approx(best, abs=1e-6)
    assert int(np.argmax(table.column("validation"))) == official(rows, index)


def test_the_joined_table_has_the_official_index(rows: list[dict[str, str]], shared: Path) -> None:
    """Row i is architecture i of the official list, which numbers like #6111 refer to."""
    path = shared / "data/nats-bench-sample/NATS-tss-v1_0-3ffb9-simple/meta.pickle.pbz2"
    names = pickle.loads(bz2.decompress(path.read_bytes()))["meta_archs"]
    assert [row["arch"] for row in rows] == names


@pytest.mark.parametrize(
    ("task", "pearson", "spearman", "kendall", "days"),
    # Recomputed from the same numbers by other code; AutoDL-Projects#96 quarrels over the first two.
    [
        ("cifar10", 0.912, 0.823, 0.649, 331),
        ("cifar100", 0.871, 0.823, 0.644, 661),
        ("imagenet16-120", 0.904, 0.825, 0.652, 2_006),
    ],
)
def test_twelve_epochs_correlate_with_two_hundred_as_published(
    tables: dict[str, ImportedTable], task: str, pearson: float, spearman: float, kendall: float, days: int
) -> None:
    """Correlations of the two schedules and the cost of the space are the known ones."""
    table = bench(tables[task])
    late, early = table.column("validation"), table.column("validation", fidelity=EARLY)
    assert pearsonr(early, late).statistic == pytest.approx(pearson, abs=5e-4)
    assert spearmanr(early, late).statistic == pytest.approx(spearman, abs=5e-4)
    assert kendalltau(early, late).statistic == pytest.approx(kendall, abs=5e-4)
    assert table.costs.sum() / 86_400 == pytest.approx(days, abs=0.5)
    assert table.costs_at(EARLY) == pytest.approx(table.costs * 12 / 200)
    with pytest.raises(UnavailableError, match="trained apart"):
        table.costs_at(table.card.fidelities[0], EARLY)


@pytest.mark.parametrize(
    ("task", "validation", "test"),
    # Of an older release, Dong and Yang 2020 have 90.83 / 93.97, 70.42 / 70.86 and 44.53 / 43.63.
    [("cifar10", 90.86, 93.91), ("cifar100", 70.50, 70.89), ("imagenet16-120", 44.10, 44.23)],
)
def test_the_resnet_cell_and_the_darts_rows(
    joined: Path, rows: list[dict[str, str]], task: str, validation: float, test: float
) -> None:
    """The ResNet cell (#11472) has its numbers; all-skip (#1835) has the published test of DARTS."""
    content = FAMILY.read(task, joined)
    assert content.test is not None
    cell, skip = official(rows, 11472), official(rows, 1835)
    assert np.nanmean(content.columns["val_acc"][1][cell, 0]) == pytest.approx(validation, abs=5e-3)
    assert content.test[cell] == pytest.approx(test, abs=5e-3)
    # 54.30, 15.61 and 16.32: the rows of DARTS in Dong and Yang 2020, table 5.
    darts = {"cifar10": 54.30, "cifar100": 15.61, "imagenet16-120": 16.32}[task]
    assert content.test[skip] == pytest.approx(darts, abs=5e-3)
    best = {"cifar10": (94.373, 6111), "cifar100": (73.513, 9930), "imagenet16-120": (47.311, 857)}[task]
    assert content.test.max() == pytest.approx(best[0], abs=5e-4)
    assert content.test[official(rows, best[1])] == content.test.max()


@pytest.mark.parametrize("task", TASKS)
def test_three_architectures_equal_the_official_files(
    tables: dict[str, ImportedTable], joined: Path, shared: Path, task: str
) -> None:
    """Seeds, both schedules, test, seconds and parameters of three architectures are the official ones."""
    table, content = bench(tables[task]), FAMILY.read(task, joined)
    assert content.test is not None
    key = {"cifar10": "cifar10-valid", "imagenet16-120": "ImageNet16-120"}.get(task, task)
    for number in (0, 11, 284):
        states = official_state(shared, number)
        index = SPACE.index(SPACE.parse(states["200"]["arch_str"]))
        results = states["200"]["all_results"]
        for seed in (777, 888, 999):
            accuracy = results[key, seed]["eval_acc1es"]["x-valid@199"]
            assert table.column("validation", f"seed={seed}")[index] == pytest.approx(accuracy, abs=1e-6)
        early = states["12"]["all_results"]
        seeds = (777, 111) if task == "cifar10" else (111,)
        mean = np.mean([early[key, seed]["eval_acc1es"]["x-valid@11"] for seed in seeds])
        assert table.column("validation", fidelity=EARLY)[index] == pytest.approx(mean, abs=1e-6)
        tested, split = ("cifar10", "ori-test") if task == "cifar10" else (key, "x-test")
        test = np.mean([results[tested, seed]["eval_acc1es"][f"{split}@199"] for seed in (777, 888, 999)])
        assert content.test[index] == pytest.approx(test, abs=1e-6)
        assert table.costs[index] == pytest.approx(sum(results[key, 777]["train_times"].values()), abs=2e-4)
        assert table.extra_column("parameters")[index] == pytest.approx(results[key, 888]["params"])


def official_state(shared: Path, number: int) -> dict[str, Any]:
    """Return an official file as the standard unpickler reads it."""
    path = shared / f"data/nats-bench-sample/NATS-tss-v1_0-3ffb9-simple/{number:06d}.pickle.pbz2"
    state: dict[str, Any] = pickle.loads(bz2.decompress(path.read_bytes()))
    return state


@pytest.mark.parametrize("task", TASKS)
def test_no_test_number_is_in_the_open_table(
    tables: dict[str, ImportedTable], joined: Path, task: str
) -> None:
    """No four test accuracies in a row that all differ are among the bytes of the open file."""
    test = FAMILY.read(task, joined).test
    assert test is not None
    data = Path(tables[task].path).read_bytes()
    assert tables[task].vault is not None
    # Networks that learn nothing share the accuracy of chance with validation: those rows say nothing.
    starts = [i for i in range(0, len(test) - 4, 97) if len(set(test[i : i + 4])) == 4]
    assert len(starts) > 100
    for kind in ("<f8", "<f4"):
        packed = test.astype(kind)
        assert not any(packed[i : i + 4].tobytes() in data for i in starts)
    assert test.tobytes() in Path(tables[task].vault).read_bytes()


@pytest.fixture(scope="session")
def contents(joined: Path) -> dict[str, TableContent]:
    """Return every task's columns, from the joined table."""
    return {task: FAMILY.read(task, joined) for task in TASKS}


@pytest.fixture(scope="session")
def small(contents: dict[str, TableContent], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same numbers in the small files' official forms, in another order."""
    test = {task: content.test for task, content in contents.items() if content.test is not None}
    early = {task: content.columns["val_acc"][1][:, 1, 3] for task, content in contents.items()}
    return write_small_files(tmp_path_factory.mktemp("small"), test=test, early=early, naslib=test)


@pytest.mark.parametrize("task", TASKS)
def test_the_small_files_join_to_the_same_table(
    contents: dict[str, TableContent], small: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """The small files, whose rows are in another order, give the columns of the joined table."""
    unpin(monkeypatch)
    folder, wanted = small, contents[task]
    found = FAMILY.read(task, folder)
    assert found.test is not None
    assert found.test == pytest.approx(wanted.test)
    for name, (axes, values) in wanted.columns.items():
        assert found.columns[name][0] == axes
        # The joined table is rounded to six decimals; seconds are 200 times those of an epoch.
        assert found.columns[name][1] == pytest.approx(values, abs=1.1e-4, nan_ok=True)
    accuracies = wanted.columns["val_acc"][1]
    assert found.columns["val_acc"][1] == pytest.approx(accuracies, abs=1e-6, nan_ok=True)
    assert set(found.sources) == {LANDSCAPE, MINI, *(n for n in found.sources if n.endswith(".pkl"))}
    assert any("7,456 architectures" in text for text in found.dropped)
    values = nats_landscape.read_naslib(task, folder)[1]
    assert values == pytest.approx(wanted.test)


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    """A digest other than the published one is refused by name; an absent file says how to get it."""
    with pytest.raises(UnavailableError, match=re.escape(LANDSCAPE)) as error:
        FAMILY.read("cifar10", tmp_path)
    assert "v-tao/nats-bench-landscape at b307ae5" in str(error.value)
    (tmp_path / LANDSCAPE).write_bytes(b"something else")
    with pytest.raises(CorruptError, match="is not the file that nas-bench-201-full publishes"):
        FAMILY.read("cifar10", tmp_path)


CELLS = {
    "foreign": ("arch", "|conv_9x9~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
    "text": ("c10_val12", "high"),
    "range": ("c10_test200_mean", "101.0"),
    "hole": ("c10_val200_s777", ""),
    "infinite": ("c10_epoch_seconds", "inf"),
    "field": ("c10_val12", "1" * 200_000),
}


def hostile(rows: list[dict[str, str]], change: str) -> bytes:
    """Return a joined table with one thing wrong."""
    rows = [dict(row) for row in rows]
    if change in CELLS:
        column, text = CELLS[change]
        rows[5][column] = text
    elif change == "twice":
        rows[5] = rows[4]
    elif change == "missing":
        rows = rows[:-1]
    elif change == "column":
        rows = [{name: text for name, text in row.items() if name != "c10_latency_s"} for row in rows]
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    data = gzip.compress("\n".join(lines).encode(), mtime=0)
    return {"truncated": data[: len(data) // 2], "no gzip": b"index,arch\n"}.get(change, data)


@pytest.mark.parametrize("change", [*CELLS, "twice", "missing", "column", "truncated", "no gzip"])
def test_a_damaged_joined_table_is_refused(rows: list[dict[str, str]], tmp_path: Path, change: str) -> None:
    """Whatever is wrong with a table that others pass on is one clear error, and no table is written."""
    (tmp_path / JOINED).write_bytes(hostile(rows, change))
    with pytest.raises(CorruptError, match=r"joined table|the file"):
        write_table(FAMILY, "cifar10", tmp_path / "cache", tmp_path)
    assert not list((tmp_path / "cache").rglob("*.table"))


def test_an_absurdly_long_joined_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to more than the limit is refused before it fills the memory."""
    monkeypatch.setattr(nats_landscape, "LIMIT", 1_000)
    (tmp_path / JOINED).write_bytes(gzip.compress(b"0" * 100_000))
    with pytest.raises(CorruptError, match="too large"):
        FAMILY.read("cifar10", tmp_path)


@pytest.mark.parametrize("cut", [0, 100, 20_000])
def test_a_damaged_archive_of_naslib_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """A truncated archive, and one with other architectures than NASLib's, are clear errors."""
    unpin(monkeypatch)
    data = naslib_zip(dict.fromkeys(TASKS, np.full(SPACE.size, 50.0)))
    (tmp_path / ZEN).write_bytes(data[:cut])
    with pytest.raises(CorruptError, match="damaged"):
        nats_landscape.read_naslib("cifar10", tmp_path)


def test_a_frame_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle without the six accuracies is refused, and one that would call something runs nothing."""
    unpin(monkeypatch)
    (tmp_path / MINI).write_bytes(b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    with pytest.raises(CorruptError, match="six accuracies"):
        nats_landscape.read_early("cifar10", tmp_path)
    (tmp_path / MINI).write_bytes(b"\x80\x05\xff")
    with pytest.raises(CorruptError, match="damaged"):
        nats_landscape.read_early("cifar10", tmp_path)
