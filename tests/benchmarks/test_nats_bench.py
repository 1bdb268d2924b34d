"""NATS-Bench and NAS-Bench-201 v1.1 from their official files."""

from __future__ import annotations

import bz2
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.family import open_table, table_space, write_table
from assay.benchmarks.importers import nats_bench
from assay.benchmarks.importers.nats_bench import (
    NATS_SSS_FAMILY,
    NATS_TSS_FAMILY,
    NB201_PTH_FAMILY,
    NatsFamily,
)
from assay.benchmarks.importers.nats_states import TRAININGS
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Fidelity, Status
from assay.foundation.errors import CorruptError, UnavailableError
from assay.tasks.vault import open_vault

sys.path.insert(0, str(Path(__file__).parent))

from nats_files import CELLS, state, topology, whole, write_folder

ROOT = Path(__file__).resolve().parents[2]
SIMPLE = "NATS-tss-v1_0-3ffb9-simple"
SINGLE = "NATS-tss-v1_0-3ffb9.pickle.pbz2"
PTH = "NAS-Bench-201-v1_1-096897.pth"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    for family in (NATS_TSS_FAMILY, NATS_SSS_FAMILY, NB201_PTH_FAMILY):
        family._kept.clear()


@pytest.fixture(scope="module")
def sample(shared: Path) -> Path:
    """Return the folder with the official files of three architectures of each space."""
    return shared / "data/nats-bench-sample"


def bring(family: NatsFamily, task: str, place: Path, cache: Path) -> TableBenchmark:
    write_table(family, task, cache, place)
    file, meta = open_table(cache / f"tables/{family.name}/{task}.table")
    return TableBenchmark(
        f"{family.name}/{task}", meta.card, table_space(meta.card.space), file, meta.signals
    )


def in_vault(family: NatsFamily, task: str, arch: str, cache: Path) -> float:
    """Return what the vault holds of an architecture."""
    card, space = family.card(task), table_space(family.space(task))
    vault = open_vault(
        cache / f"tables/{family.name}/{task}.vault",
        benchmark=card.benchmark,
        card_digest=card.meaning(),
        index=lambda text: space.index(space.parse(text)),
    )
    return vault.answer([arch])[0]


def official(sample: Path, peers: Path) -> dict[str, Any]:
    """Return what nats_bench 1.8 says of the sample, from a process of its own."""
    code = """
import json, sys
from nats_bench import create
out = {}
for space, folder, hps in (("tss", "NATS-tss-v1_0-3ffb9-simple", ("200", "12")),
                           ("sss", "NATS-sss-v1_0-50262-simple", ("90", "12", "01"))):
    api = create(f"{sys.argv[1]}/{folder}", space, fast_mode=True, verbose=False)
    for index in (0, 11, 284):
        for task in ("cifar10", "cifar100", "ImageNet16-120"):
            trained = "cifar10-valid" if task == "cifar10" else task
            facts = {"arch": api.arch(index), "test": {}, "valid": {}, "cost": {}}
            facts["costs"] = api.get_cost_info(index, trained, hp=hps[0])
            facts["test"] = api.get_more_info(index, task, hp=hps[0], is_random=False)["test-accuracy"]
            facts["train"] = api.get_more_info(index, trained, hp=hps[0], is_random=False)["train-accuracy"]
            for hp in hps:
                for epoch in range(int(hp)):
                    for seed in (111, 777, 888, 999, False):
                        try:
                            info = api.get_more_info(index, trained, iepoch=epoch, hp=hp, is_random=seed)
                        except ValueError:
                            continue
                        if "valid-accuracy" in info:
                            facts["valid"][f"{hp} {epoch + 1} {seed}"] = info["valid-accuracy"]
                    try:
                        facts["cost"][f"{hp} {epoch + 1}"] = api.simulate_train_eval(
                            index, task, iepoch=epoch, hp=hp)[2]
                    except KeyError:
                        pass
            out[f"{space} {index} {task.lower()}"] = facts
print(json.dumps(out))
"""
    done = subprocess.run(
        [str(peers), "-c", code, str(sample)], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("family", [NATS_TSS_FAMILY, NATS_SSS_FAMILY], ids=lambda family: family.name)
def test_every_number_is_that_of_the_official_interface(
    family: NatsFamily, sample: Path, tmp_path: Path
) -> None:
    """All validation accuracies, costs and facts of three architectures equal those of nats_bench 1.8."""
    peers = ROOT / ".venv-peers/bin/python"
    if not peers.exists():
        pytest.skip(".venv-peers is absent: nats_bench is not installed beside")
    answers = official(sample, peers)
    names = {schedule.key: schedule.name for schedule in family.layout.schedules}
    last = {schedule.key: schedule.epochs for schedule in family.layout.schedules}
    compared = 0
    for task in TRAININGS:
        bench = bring(family, task, sample, tmp_path)
        for index in (0, 11, 284):
            facts = answers[f"{family.name[-3:]} {index} {task}"]
            row = bench.space.index(bench.space.parse(facts["arch"]))
            assert in_vault(family, task, facts["arch"], tmp_path) == facts["test"]
            for name in ("params", "flops", "latency"):
                assert bench.extra_column(name)[row] == facts["costs"][name]
            assert np.nanmean(bench.extra_column("train_acc")[row]) == pytest.approx(
                facts["train"], rel=1e-15
            )
            for key, value in facts["valid"].items():
                hp, epoch, seed = key.split()
                fidelity = Fidelity(schedule=names[hp], epoch=None if int(epoch) == last[hp] else int(epoch))
                policy = "mean-of-available" if seed == "False" else f"seed={seed}"
                found = bench.lookup(np.array([row]), "validation", policy, fidelity)
                assert found.values[0] == value, (key, task)
                assert found.costs[0] == facts["cost"][f"{hp} {epoch}"]
                compared += 1
    # Topology: CIFAR-10 at 200 + 12 epochs, the others at 1 + 12, each seed and the mean; size: all at 103.
    assert (
        compared
        == {
            "nats-bench-tss": 3 * (200 * 4 + 12 * 3 + 2 * (4 + 12 * 2)),
            "nats-bench-sss": 3 * 3 * (91 * 2 + 12 * 4),
        }[family.name]
    )


def test_what_is_absent_is_missing(sample: Path, tmp_path: Path) -> None:
    """Three architectures of 15,625 are a table; all else is missing, and the import says how much."""
    bench = bring(NATS_TSS_FAMILY, "cifar10", sample, tmp_path)
    statuses = bench.lookup(np.arange(15_625), "validation").statuses
    assert (statuses == Status.OK.value).sum() == 3
    assert set(statuses) == {Status.OK.value, Status.MISSING.value}
    twelve = Fidelity(schedule="12-epochs")
    rows = np.flatnonzero(statuses == Status.OK.value)
    assert np.isfinite(bench.lookup(rows, "validation", "seed=111", twelve).values).all()
    assert np.isnan(bench.lookup(rows, "validation", "seed=111").values).all()
    assert np.isnan(bench.lookup(rows, "validation", "seed=999", twelve).values).all()
    written = write_table(NATS_TSS_FAMILY, "cifar100", tmp_path, sample)
    assert written.dropped[0] == "15,622 of 15,625 architectures are not in the source: they are missing"
    assert any("validation and test data together" in text for text in written.dropped)


def test_an_epoch_continues_its_own_schedule_alone(sample: Path, tmp_path: Path) -> None:
    """200 epochs continue 100 of the same schedule, for the difference; they do not continue 12 epochs."""
    bench = bring(NATS_TSS_FAMILY, "cifar10", sample, tmp_path)
    half, short = bench.fidelity("200-epochs@100"), bench.fidelity("12-epochs")
    rows = np.isfinite(bench.column("validation"))
    assert rows.sum() == 3
    rest = bench.costs_at(None, half)[rows]
    assert rest == pytest.approx(bench.costs[rows] - bench.costs_at(half)[rows])
    assert (rest > 0).all()
    with pytest.raises(UnavailableError):
        bench.costs_at(None, short)


def test_no_test_number_is_open(sample: Path, tmp_path: Path) -> None:
    """The vault alone holds test accuracies, and it holds those of the longest schedule."""
    bring(NATS_TSS_FAMILY, "cifar10", sample, tmp_path)
    with bz2.open(sample / SIMPLE / "000011.pickle.pbz2") as file:
        states = pickle.load(file)
    results = states["200"]["all_results"]
    expected = sum(results["cifar10", seed]["eval_acc1es"]["ori-test@199"] for seed in (777, 888, 999)) / 3
    found = in_vault(NATS_TSS_FAMILY, "cifar10", states["200"]["arch_str"], tmp_path)
    assert found == pytest.approx(expected, rel=1e-15)
    data = (tmp_path / "tables/nats-bench-tss/cifar10.table").read_bytes()
    assert np.float64(results["cifar10", 777]["eval_acc1es"]["ori-test@199"]).tobytes() not in data
    assert np.float64(results["cifar10-valid", 777]["eval_acc1es"]["x-valid@199"]).tobytes() in data


@pytest.fixture
def texts() -> list[str]:
    """Return the list of architectures of the small sources."""
    return list(CELLS)


@pytest.fixture
def archs(texts: list[str]) -> dict[int, Any]:
    """Return two architectures in the official form."""
    return {index: topology(index, text) for index, text in enumerate(texts)}


def test_a_folder_a_stream_and_a_torch_file_give_the_same_numbers(
    archs: dict[int, Any], texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same states read from the folder, the single file and both torch containers are one table."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(nats_bench, "_check_name", lambda _: None)
    write_folder(tmp_path / "folder" / SIMPLE, archs, texts)
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / SINGLE).write_bytes(bz2.compress(pickle.dumps(whole(archs, texts), 4)))
    renamed = {i: topology(i, text, ("less", "full")) for i, text in enumerate(texts)}
    for states in renamed.values():
        weights = torch.nn.Linear(2, 3).state_dict()
        states["full"]["all_results"]["cifar10", 777]["net_state_dict"] = weights
    for name, zipped in (("zip", True), ("legacy", False)):
        (tmp_path / name).mkdir()
        torch.save(whole(renamed, texts), tmp_path / name / PTH, _use_new_zipfile_serialization=zipped)
    archive = tmp_path / "archive" / "NAS-Bench-201-v1_1-archive"
    archive.mkdir(parents=True)
    for index, states in renamed.items():
        torch.save(dict(states), archive / f"{index:06d}-FULL.pth")
    tables = [
        family.read("cifar100", tmp_path / name)
        for family, name in (
            (NATS_TSS_FAMILY, "folder"),
            (NATS_TSS_FAMILY, "single"),
            (NB201_PTH_FAMILY, "zip"),
            (NB201_PTH_FAMILY, "legacy"),
            (NB201_PTH_FAMILY, "archive"),
        )
    ]
    for table in tables[1:]:
        assert np.array_equal(table.test, tables[0].test, equal_nan=True)
        for name, (axes, values) in tables[0].columns.items():
            assert table.columns[name][0] == axes
            assert np.array_equal(table.columns[name][1], values, equal_nan=True)
    space = table_space("nas-bench-201")
    row = space.index(space.parse(texts[1]))
    valid = tables[0].columns["valid_acc"][1][row]
    # As `nats_files.result` makes them: 11 for the second, 1/4 for the second seed, 1/16 an epoch.
    assert valid[0].tolist()[1:3] == [11 + 199 / 16, 11.25 + 199 / 16]
    assert tables[0].columns["cost"][1][row][0] == 200 * 2.5 + 0.5
    assert tables[0].test is not None
    assert tables[0].test[row] == 11.125 + 199 / 16 + 1


def test_three_tasks_are_one_pass(
    archs: dict[int, Any], texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source is read once for its three tasks, and again when it has changed or was asked before."""
    folder = write_folder(tmp_path / SIMPLE, archs, texts)
    passes = []
    read = nats_bench._read_folder
    monkeypatch.setattr(nats_bench, "_read_folder", lambda *given: (passes.append(1), read(*given))[1])
    for task in TRAININGS:
        NATS_TSS_FAMILY.read(task, tmp_path)
    assert len(passes) == 1
    NATS_TSS_FAMILY.read("cifar10", tmp_path)
    assert len(passes) == 2
    (folder / "000001.pickle.pbz2").unlink()
    assert "15,624" in NATS_TSS_FAMILY.read("cifar100", tmp_path).dropped[0]
    assert len(passes) == 3


def test_the_seed_of_the_parameters_is_that_of_the_official_interface(
    archs: dict[int, Any], texts: list[str], tmp_path: Path
) -> None:
    """Where seeds disagree on the parameters, seed 888 is taken and the disagreement is counted."""
    results = archs[0]["200"]["all_results"]
    results["cifar100", 777]["params"] = 1.5
    results["cifar100", 888]["latency"] = None
    write_folder(tmp_path / SIMPLE, archs, texts)
    content = NATS_TSS_FAMILY.read("cifar100", tmp_path)
    space = table_space("nas-bench-201")
    assert content.columns["params"][1][space.index(space.parse(texts[0]))] == 1.25
    assert (
        "architectures whose parameters differ between seeds (that of seed 888 is taken): 1"
        in content.dropped
    )
    assert not any("latency" in text for text in content.dropped)


def _change(archs: dict[int, Any], key: str, trained: tuple[str, int], **changes: Any) -> None:
    archs[1][key]["all_results"][trained].update(changes)


SPOILT: dict[str, tuple[Callable[[dict[int, Any], list[str]], object], str]] = {
    "two architectures in one": (
        lambda archs, texts: archs[1].update({"200": state(1, texts[0], 200, (777,))}),
        "states are of 2 architectures",
    ),
    "twice": (lambda archs, texts: archs.update({1: topology(1, texts[0])}), "twice"),
    "misplaced": (lambda archs, texts: archs.update({1: topology(0, texts[1])}), "in the place of 1"),
    "no index": (
        lambda archs, _: [states.update(arch_index="1") for states in archs[1].values()],
        "is no number",
    ),
    "no list": (lambda _, texts: texts.clear(), "lists under their indices"),
    "foreign": (lambda archs, _: archs.update({1: topology(1, "|none~0|")}), "not an architecture"),
    "another list": (lambda _, texts: texts.reverse(), "lists under their indices"),
    "no results": (lambda archs, _: archs[1]["200"].pop("all_results"), "published form"),
    "no such seed": (
        lambda archs, _: archs[1]["200"]["dataset_seed"].update({"cifar10-valid": [999]}),
        "published form",
    ),
    "impossible accuracy": (
        lambda archs, _: _change(archs, "200", ("cifar10", 777), eval_acc1es={"ori-test@199": 101.0}),
        "101 % is impossible",
    ),
    "text for a number": (
        lambda archs, _: _change(archs, "200", ("cifar10", 777), eval_acc1es={"ori-test@199": "high"}),
        "published form",
    ),
    "another length": (
        lambda archs, _: _change(archs, "12", ("cifar100", 111), epochs=90),
        "a training of 12-epochs has 90 epochs",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_wrong_content_is_refused(case: str, archs: dict[int, Any], texts: list[str], tmp_path: Path) -> None:
    """Results that are not as published give a message that names the place, and no table."""
    spoil, message = SPOILT[case]
    spoil(archs, texts)
    write_folder(tmp_path / SIMPLE, archs, texts)
    with pytest.raises(CorruptError, match=message) as error:
        write_table(NATS_TSS_FAMILY, "cifar10", tmp_path / "cache", tmp_path)
    assert SIMPLE in str(error.value)
    assert not list((tmp_path / "cache").rglob("*.table"))


def test_damaged_files_are_refused(archs: dict[int, Any], texts: list[str], tmp_path: Path) -> None:
    """A file that was cut, changed or is no bz2 file is refused by its name."""
    folder = write_folder(tmp_path / SIMPLE, archs, texts)
    file = folder / "000001.pickle.pbz2"
    good = file.read_bytes()
    for data in (good[:-40], good[:200] + bytes([good[200] ^ 64]) + good[201:], b"no bz2 file", b""):
        file.write_bytes(data)
        with pytest.raises(CorruptError, match="000001"):
            NATS_TSS_FAMILY.read("cifar10", tmp_path)


def test_a_single_file_is_held_to_its_name(archs: dict[int, Any], texts: list[str], tmp_path: Path) -> None:
    """The name of the single file ends in the digits of its MD5: another file is refused."""
    (tmp_path / SINGLE).write_bytes(bz2.compress(pickle.dumps(whole(archs, texts), 4)))
    with pytest.raises(CorruptError, match="its name in 3ffb9"):
        NATS_TSS_FAMILY.read("cifar10", tmp_path)


def test_an_absent_source_says_how_to_get_it(tmp_path: Path) -> None:
    """Without a file the message says what to download, and that --from names its folder."""
    for family in (NATS_TSS_FAMILY, NATS_SSS_FAMILY, NB201_PTH_FAMILY):
        with pytest.raises(UnavailableError, match="--from the folder") as error:
            family.read("cifar10", tmp_path)
        assert family.source.files[0].name in str(error.value)
