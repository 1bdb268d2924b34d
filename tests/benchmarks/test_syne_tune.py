"""Folders of Syne Tune's black boxes: what its own writer wrote comes back, number for number."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.importers.own_table import import_own
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Budget
from assay.foundation.errors import AssayError
from assay.records.store import Store
from assay.studies.load import check_study
from assay.studies.run import run_study
from assay.studies.study import Method, Protocol, Study

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("cifar10", "cifar100", "imagenet16-120")
OBJECTIVES = ["val_accuracy", "test_accuracy", "test_cross_entropy", "n_params", "time"]
# As `serialize` of syne-tune 0.16 writes {"units": choice([16, 32]), "rate": finrange(0.0, 0.2, 3)}.
SPACE = {
    "units": {
        "domain_cls": "Categorical",
        "domain_kwargs": {"categories": [16, 32]},
        "sampler_cls": "Uniform",
        "sampler_kwargs": {},
    },
    "rate": {
        "domain_cls": "FiniteRange",
        "domain_kwargs": {"lower": 0.0, "upper": 0.2, "size": 3, "log_scale": False, "cast_int": False},
    },
}


def write_blackbox(folder: Path, **changes: Any) -> Path:
    """Write a small folder in the official form: two tasks, six configurations, two seeds, three epochs."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"units": [16, 16, 16, 32, 32, 32], "rate": [0.0, 0.1, 0.2, 0.0, 0.1, 0.2]}
    values = np.arange(2 * 6 * 2 * 3 * 5, dtype=np.float32).reshape(2, 6, 2, 3, 5) / 8
    values[..., 4] = np.array([10, 20, 30]) + np.arange(6)[:, None, None]
    values[..., 3] = np.arange(6)[:, None, None]
    metadata = {
        "objectives_names": OBJECTIVES,
        "task_names": ["Fashion-MNIST", "jungle chess"],
        "metric_elapsed_time": "time",
        "metric_default": "val_accuracy",
        "time_attr": "epoch",
    }
    parts = {"settings": settings, "values": values, "metadata": metadata, "space": SPACE} | changes
    pa.parquet.write_table(
        pa.table(parts["settings"]), folder / "hyperparameters.parquet", compression="gzip"
    )
    np.save(folder / "objectives_evaluations.npy", parts["values"])
    np.save(folder / "fidelities_values.npy", parts.get("fidelities", np.arange(1, 4)))
    (folder / "metadata.json").write_text(json.dumps(parts["metadata"]))
    (folder / "configspace.json").write_text(json.dumps(parts["space"]))
    return folder


def test_objectives_become_signals_a_vault_a_cost_and_extras(tmp_path: Path) -> None:
    """Each number is where the folder has it; test metrics are in no open column."""
    written = import_own(write_blackbox(tmp_path / "box"), tmp_path / "cache", "box")
    assert [one.benchmark for one in written] == ["box/Fashion-MNIST", "box/jungle-chess"]
    assert all(one.vault for one in written)
    assert written[0].columns == ("n_params", "time", "val_accuracy")
    assert written[0].dropped == ("the test metric 'test_cross_entropy' is left out: a vault holds one",)
    second = open_benchmark("box/jungle-chess", tmp_path / "cache")
    card = second.card
    assert [one.text() for one in card.fidelities] == ["epoch@3", "epoch@1", "epoch@2"]
    assert (card.signals[0].maximize, card.prefix, card.seeds.seeds) == (True, True, (0, 1))
    values = np.load(tmp_path / "box/objectives_evaluations.npy")
    place = second.space.index(second.space.parse("units=32,rate=0.1"))
    for epoch in (1, 2, 3):
        for seed in (0, 1):
            column = second.column("val_accuracy", f"seed={seed}", Fidelity("epoch", epoch))
            assert column[place] == values[1, 4, seed, epoch - 1, 0]
    assert second.costs[place] == 34.0
    assert second.costs_at(Fidelity("epoch", 3), Fidelity("epoch", 1))[place] == 20.0
    assert second.extra_column("n_params")[place] == 4.0


def test_a_study_runs_on_a_folder(tmp_path: Path) -> None:
    """Searches are assessed from the vault, which holds the mean over seeds at the last epoch."""
    import_own(write_blackbox(tmp_path / "box"), tmp_path / "cache", "box")
    study = Study(
        name="box",
        replicates=2,
        benchmarks=("box/Fashion-MNIST",),
        budget=Budget(table_seconds=100.0),
        protocol=Protocol(assessment="required", signal="val_accuracy"),
        methods={"random": Method(strategy="random-search")},
    )
    loaded, store = check_study(study, tmp_path), Store(tmp_path / "store")
    assert not run_study(loaded, store, tmp_path / "cache", workers=1).failed
    assert len(store.runs()) == 2


def test_what_is_absent_stays_absent(tmp_path: Path) -> None:
    """A number that is NaN is missing, and a time that is makes the folder one without cost."""
    box = write_blackbox(tmp_path / "box")
    values = np.load(box / "objectives_evaluations.npy")
    values[0, 2, 1, :, 0] = np.nan
    values[1, 3, :, 0, 4] = np.nan
    np.save(box / "objectives_evaluations.npy", values)
    first, second = import_own(box, tmp_path / "cache", "box")
    assert "3 numbers of 'val_accuracy' are absent: they are missing, and not filled in" in first.dropped
    assert "no cost: no objective is a time that every configuration has" in second.dropped
    table = open_benchmark("box/Fashion-MNIST", tmp_path / "cache")
    assert np.isnan(table.column("val_accuracy", "seed=1")).sum() == 1
    assert open_benchmark("box/jungle-chess", tmp_path / "cache").card.cost is None


def test_times_of_single_epochs_are_added_up(tmp_path: Path) -> None:
    """Where the metadata name a time of one epoch, an evaluation is charged all epochs up to its own."""
    metadata = {"objectives_names": ["loss", "time"], "task_names": ["a"], "time_this_resource_attr": "time"}
    values = np.ones((1, 6, 2, 3, 2))
    values[..., 1] = [1.0, 2.0, 4.0]
    import_own(write_blackbox(tmp_path / "box", metadata=metadata, values=values), tmp_path / "cache", "box")
    table = open_benchmark("box/a", tmp_path / "cache")
    by_epoch = {one.epoch: table.costs_at(one)[0] for one in table.card.fidelities}
    assert by_epoch == {1: 1.0, 2: 3.0, 3: 7.0}
    assert not table.card.signals[0].maximize


def test_the_published_cells_are_said_to_be_test_metrics(tmp_path: Path) -> None:
    """Syne Tune's own NAS-Bench-201 folder selects on test images; its card says so."""
    cells = {f"hp_x{i}": ["none", "skip_connect", "nor_conv_1x1"] for i in range(6)}
    metadata = {"objectives_names": ["metric_valid_error"], "task_names": ["cifar10"]}
    box = write_blackbox(
        tmp_path / "box", settings=cells, metadata=metadata, values=np.ones((1, 3, 3, 3, 1)), space={"a": 1}
    )
    import_own(box, tmp_path / "cache", "box")
    card = open_benchmark("box/cifar10", tmp_path / "cache").card
    assert card.selection_on_test is not None
    assert "ori-test" in card.errata[0].summary


# A .npy file of objects, which numpy would unpickle if it were allowed to.
OBJECTS = (
    b"\x93NUMPY\x01\x00\x76\x00"
    + b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }".ljust(117)
    + b"\n"
)


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch exploded",)


@pytest.mark.parametrize(
    ("file", "data", "what"),
    [
        ("metadata.json", None, "no folder of Syne Tune"),
        ("metadata.json", b"{", "no JSON"),
        ("metadata.json", b"[" * 100_000, "no JSON"),
        ("metadata.json", b'{"task_names": ["a", "a"]}', "must list different names"),
        (
            "metadata.json",
            b'{"task_names": ["a\\u001b"], "objectives_names": ["b"]}',
            "lists what is no name",
        ),
        ("objectives_evaluations.npy", b"\x93NUMPY\x01\x00", "no array of numbers"),
        ("objectives_evaluations.npy", pickle.dumps(_Bomb()), "no array of numbers"),
        ("fidelities_values.npy", OBJECTS, "no array of numbers"),
        ("hyperparameters.parquet", b"PAR1 PAR1", "cannot be read"),
    ],
)
def test_a_hostile_folder_is_one_message(file: str, data: bytes | None, what: str, tmp_path: Path) -> None:
    """Missing, truncated, pickled and deep files give an error of Assay, no table, and run nothing."""
    box = write_blackbox(tmp_path / "box")
    (box / file).unlink()
    if data is not None:
        (box / file).write_bytes(data)
    with pytest.raises(AssayError) as caught:
        import_own(box, tmp_path / "cache", "box")
    assert what in caught.value.what
    assert not list((tmp_path / "cache").glob("tables/*/*.table"))
    assert not Path("exploded").exists()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"values": np.zeros((2, 5, 2, 3, 5))}, "do not fit the other files"),
        ({"values": np.zeros((2, 6, 3, 5))}, "no array of numbers with 5 axes"),
        ({"fidelities": np.array([1.0, 1.0, 2.0])}, "must be different"),
        ({"settings": {"units": [16] * 6, "rate": [0.0, 0.1, 0.2, 0.0, 0.1, 0.3]}}, "are the same"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    changes: dict[str, Any], what: str, tmp_path: Path
) -> None:
    """Other shapes, fidelities given twice and configurations given twice are no table."""
    with pytest.raises(AssayError, match=what):
        import_own(write_blackbox(tmp_path / "box", **changes), tmp_path / "cache", "box")


@pytest.mark.parametrize("name", ["", "nas-bench-201", "../box"])
def test_a_folder_needs_a_name_of_its_own(name: str, tmp_path: Path) -> None:
    """Without a name, or with one that is taken or leads elsewhere, nothing is imported."""
    with pytest.raises(AssayError, match="name"):
        import_own(write_blackbox(tmp_path / "box"), tmp_path / "cache", name)


_WRITER = """
import sys
from pathlib import Path
import numpy as np, pandas as pd
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular, deserialize, serialize
from syne_tune.config_space import choice, randint

given, out, back = sys.argv[1:]
data = np.load(given)
names = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
settings = pd.DataFrame({f"edge{k}": [names[i] for i in data["ops"][:, k]] for k in range(6)})
objectives = ["error", "latency", "elapsed"]
boxes = {
    task: BlackboxTabular(
        settings,
        {name: choice(names) for name in settings},
        {"epoch": randint(1, 200)},
        data[task][:, :, None, :],
        np.array([200]),
        objectives,
    )
    for task in data.files
    if task != "ops"
}
serialize(boxes, Path(out), {"metric_elapsed_time": "elapsed", "metric_default": "error"})
read = deserialize(out)
np.savez(back, **{task: box.objectives_evaluations for task, box in read.items()})
"""


def test_what_syne_tune_writes_and_reads_is_what_is_imported(cache: Path, tmp_path: Path) -> None:
    """Its own `serialize` of the real cells, read by its own `deserialize` and by ours: equal numbers."""
    peers = ROOT / ".venv-peers/bin/python"
    if not peers.exists():
        pytest.skip(".venv-peers is absent: syne_tune is not installed beside")
    tables = {task: open_benchmark(f"nas-bench-201/{task}", cache) for task in TASKS}
    space = tables["cifar10"].space
    given = {"ops": np.array([space.at(i) for i in range(space.size)])}
    for task, table in tables.items():
        held = table._table.arrays
        error = 1 - held["val_acc"] / 100
        single = [np.broadcast_to(held[name][:, None], error.shape) for name in ("latency", "train_time")]
        given[task] = np.stack([error, *single], axis=-1)
    np.savez(tmp_path / "given.npz", **given)
    paths = [str(tmp_path / name) for name in ("given.npz", "box", "back.npz")]
    ran = subprocess.run([str(peers), "-c", _WRITER, *paths], capture_output=True, text=True, check=False)
    if "No module named 'syne_tune'" in ran.stderr or "fastparquet" in ran.stderr:
        pytest.skip(".venv-peers lacks syne_tune, or fastparquet, with which it writes")
    assert ran.returncode == 0, ran.stderr
    import_own(tmp_path / "box", tmp_path / "cache", "box")
    back = np.load(tmp_path / "back.npz")
    names = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    for task in TASKS:
        own = open_benchmark(f"box/{task}", tmp_path / "cache")
        texts = [",".join(f"edge{k}={names[i]}" for k, i in enumerate(row)) for row in given["ops"]]
        rows = [own.space.index(own.space.parse(text)) for text in texts]
        for seed in range(3):
            read = back[task][:, seed, 0, 0].astype(np.float64)
            np.testing.assert_array_equal(own.column("error", f"seed={seed}")[rows], read)
        np.testing.assert_array_equal(own.costs[rows], back[task][:, 0, 0, 2].astype(np.float64))
        np.testing.assert_array_equal(
            own.extra_column("latency")[rows], back[task][:, 0, 0, 1].astype(np.float64)
        )
