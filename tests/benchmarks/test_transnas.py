"""TransNAS-Bench-101 from files in the layout that its API reads; no official file is at hand."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.family import open_table, table_space, write_table
from assay.benchmarks.importers.transnas import MACRO, MICRO, TransNASBench101
from assay.benchmarks.importers.transnas_cards import EXTRAS, FILE, TASKS
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Fidelity
from assay.foundation.errors import AssayError, CorruptError, UnavailableError
from assay.foundation.seeding import Stream
from assay.tasks.vault import open_vault

# README.md, "metrics_dict", and lib/models/task_models of yawen-d/TransNASBench at 6d4231b.
NAMES = {
    "class_scene": ("top1", "top5", "loss"),
    "class_object": ("top1", "top5", "loss"),
    "jigsaw": ("top1", "top5", "loss"),
    "room_layout": ("loss", "neg_loss"),
    "segmentsemantic": ("loss", "acc", "mIoU"),
    "normal": ("l1_loss", "ssim"),
    "autoencoder": ("l1_loss", "ssim"),
}
PARTS = {"micro": MICRO, "macro": MACRO}


def saved(value: Any) -> bytes:
    """Return what torch.save writes for plain data: a zip file with a pickle of protocol 2."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def layout(archs: dict[str, list[str]], prefix: str = "valid_") -> dict[str, Any]:
    """Return a table in the layout of the official file, with numbers that are all different."""
    number = iter(range(10**9))
    data: dict[str, Any] = {
        part: {
            text: {
                task: {
                    "total_epochs": TASKS[task].epochs,
                    "model_info": {note.column: 0.5 + next(number) for note in EXTRAS},
                    "metrics": {
                        **{
                            f"{split}{name}": [next(number) / 7 for _ in range(TASKS[task].epochs)]
                            for split in ("train_", prefix, "test_")
                            for name in names
                        },
                        "time_elapsed": [60.5 * (k + 1) for k in range(TASKS[task].epochs)],
                    },
                }
                for task, names in NAMES.items()
            }
            for text in texts
        }
        for part, texts in archs.items()
    }
    return {"metrics_dict": {}, "info_names": [], "task_list": list(NAMES), "data": data}


def some(count: int = 5) -> dict[str, list[str]]:
    """Return a few architectures of each space."""
    found = {}
    for part, read in PARTS.items():
        space = table_space(read.space("jigsaw"))
        rng = Stream(5, part)
        found[part] = sorted({space.format(space.sample(rng)) for _ in range(count)})
    return found


def imported(
    table: Any, folder: Path, read: TransNASBench101, task: str
) -> tuple[TableBenchmark, Path, tuple[str, ...]]:
    """Write a file, import one task of it, and return the benchmark, its vault and what was dropped."""
    (folder / FILE).write_bytes(table if isinstance(table, bytes) else saved(table))
    made = write_table(read, task, folder, folder)
    file, meta = open_table(Path(made.path))
    space = table_space(meta.card.space, file)
    assert made.vault is not None
    bench = TableBenchmark(meta.benchmark, meta.card, space, file, meta.signals)
    return bench, Path(made.vault), made.dropped


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("part", PARTS)
def test_every_number_is_at_its_architecture_and_epoch(part: str, task: str, tmp_path: Path) -> None:
    """Each validation metric at each epoch, the time, the network's numbers and the test metric come back."""
    table = layout(some())
    bench, vault, _ = imported(table, tmp_path, PARTS[part], task)
    space: Any = bench.space
    epochs = TASKS[task].epochs
    opened = open_vault(
        vault,
        benchmark=bench.name,
        card_digest=bench.card_digest,
        index=lambda text: space.index(space.parse(text)),
    )
    for text, entry in table["data"][part].items():
        published, row = entry[task]["metrics"], space.index(space.parse(text))
        for metric in TASKS[task].metrics:
            curve = published[f"valid_{metric.published}"]
            for epoch in range(1, epochs):
                fidelity = Fidelity(schedule=f"{epochs}-epochs", epoch=epoch)
                assert bench.column(metric.signal, None, fidelity)[row] == curve[epoch - 1]
            assert bench.column(metric.signal)[row] == curve[-1]
        assert bench.costs[row] == 60.5 * epochs
        assert bench.costs_at(bench.card.fidelities[1])[row] == 60.5
        assert opened.answer([text]) == (published[f"test_{TASKS[task].metrics[0].published}"][-1],)
        for note in EXTRAS:
            assert bench.extra_column(note.column)[row] == entry[task]["model_info"][note.column]
    present = ~np.isnan(bench.column("validation"))
    assert present.sum() == len(table["data"][part])


def test_losses_are_minimised() -> None:
    """A loss is better when lower, also where it is the main metric; the others when higher."""
    for task in TASKS:
        card = MICRO.card(task)
        for signal in card.signals:
            low = "loss" in signal.description
            assert signal.maximize != low
        assert card.test is not None
        assert card.test.maximize == card.signals[0].maximize
    assert not MICRO.card("room_layout").signals[0].maximize


def test_the_cards_say_the_schedules() -> None:
    """The epochs are those of the training configurations; later epochs continue earlier ones."""
    # configs/train_from_scratch/*/config.py of yawen-d/TransNASBench at fcd4e9c, `num_epochs`.
    epochs = {"class_scene": 25, "class_object": 25, "room_layout": 25, "jigsaw": 10}
    for task in TASKS:
        card = MACRO.card(task)
        wanted = epochs.get(task, 30)
        assert len(card.fidelities) == wanted
        assert card.fidelities[0] == Fidelity(schedule=f"{wanted}-epochs")
        assert card.prefix
        assert card.task.lineage[0] == "Taskonomy"
        assert any("unverified" in note.summary for note in card.errata)
        assert len(MICRO.card(task).errata) == (4 if task == "jigsaw" else 3)
    assert len({read.card(task).meaning() for read in (MICRO, MACRO) for task in TASKS}) == 14


def test_what_torch_writes_is_read(tmp_path: Path) -> None:
    """Both containers of torch.save give the same table, with NumPy numbers and tensors beside."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    archs = some()
    columns = []
    for modern in (True, False):
        table = layout(archs)
        entry = table["data"]["micro"][archs["micro"][0]]["jigsaw"]
        entry["metrics"]["valid_top1"] = [np.float32(value) for value in entry["metrics"]["valid_top1"]]
        entry["metrics"]["valid_loss"] = np.array(entry["metrics"]["valid_loss"])
        table["weights"] = torch.zeros(3)
        buffer = io.BytesIO()
        torch.save(table, buffer, _use_new_zipfile_serialization=modern)
        bench, _, _ = imported(buffer.getvalue(), tmp_path, MICRO, "jigsaw")
        columns.append([bench.column(name) for name in ("validation", "validation_loss")])
    for one, other in zip(*columns, strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    assert (~np.isnan(columns[0][0])).sum() == len(archs["micro"])


def test_the_training_code_s_names_and_times_are_read(tmp_path: Path) -> None:
    """Metrics called 'val_', times as 'hh:mm:ss', and texts in place of counts give the same table."""
    archs = some()
    plain, _, _ = imported(layout(archs), tmp_path, MACRO, "normal")
    table = layout(archs, prefix="val_")
    for entry in table["data"]["macro"].values():
        entry["normal"]["metrics"]["time_elapsed"] = [f"{k // 60:02}:{k % 60:02}:30" for k in range(30)]
        entry["normal"]["model_info"]["model_params"] = ""
    other, _, dropped = imported(table, tmp_path, MACRO, "normal")
    assert np.array_equal(plain.column("validation"), other.column("validation"), equal_nan=True)
    row = int(np.flatnonzero(~np.isnan(other.costs))[0])
    assert other.costs[row] == 29 * 60 + 30
    assert np.isnan(other.extra_column("model_params")).all()
    assert not any("summed" in text for text in dropped)


def test_seconds_of_single_epochs_are_summed(tmp_path: Path) -> None:
    """Times that fall from one epoch to the next are no times since the start, and this is said."""
    table = layout(some())
    for entry in table["data"]["micro"].values():
        entry["jigsaw"]["metrics"]["time_elapsed"] = [5.0, 4.0, *[1.0] * 8]
    bench, _, dropped = imported(table, tmp_path, MICRO, "jigsaw")
    assert np.nanmax(bench.costs) == 17.0
    assert any("summed" in text for text in dropped)


def test_what_the_file_lacks_is_missing(tmp_path: Path) -> None:
    """Architectures and tasks that are not there, and trainings cut short, are missing and counted."""
    table = layout(some())
    texts = list(table["data"]["micro"])
    del table["data"]["micro"][texts[0]]["jigsaw"]
    short = table["data"]["micro"][texts[1]]["jigsaw"]["metrics"]
    for name in short:
        short[name] = short[name][:4]
    bench, vault, dropped = imported(table, tmp_path, MICRO, "jigsaw")
    space: Any = bench.space
    present = ~np.isnan(bench.column("validation"))
    assert present.sum() == len(texts) - 2
    fourth = bench.column("validation", None, Fidelity(schedule="10-epochs", epoch=4))
    assert fourth[space.index(space.parse(texts[1]))] == short["valid_top1"][3]
    assert f"{4_096 - len(texts) + 1:,} of 4,096 architectures are not in the file" in dropped
    assert any(text.startswith("1 trainings end before 10 epochs") for text in dropped)
    opened = open_vault(
        vault,
        benchmark=bench.name,
        card_digest=bench.card_digest,
        index=lambda text: space.index(space.parse(text)),
    )
    assert np.isnan(opened.answer([texts[1]])[0])


Change = Callable[[dict[str, Any]], Any]


def metrics_of(table: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of one training of jigsaw."""
    found: dict[str, Any] = next(iter(table["data"]["micro"].values()))["jigsaw"]["metrics"]
    return found


BROKEN: dict[str, tuple[Change, str]] = {
    "no data": (lambda table: table.pop("data"), "no 'data' of 'micro'"),
    "no part": (lambda table: table["data"].pop("micro"), "no 'data' of 'micro'"),
    "a list": (lambda table: table["data"].update(micro=[]), "no 'data' of 'micro'"),
    "nothing": (lambda table: table["data"].update(micro={}), "no training of the task"),
    "a stray string": (
        lambda table: table["data"]["micro"].update(
            {"64-41414-9_02_333": table["data"]["micro"].popitem()[1]}
        ),
        "no architecture of the search space",
    ),
    "a number": (
        lambda table: table["data"]["micro"].update({3: table["data"]["micro"].popitem()[1]}),
        "no architecture of the search space",
    ),
    "no curve": (lambda table: metrics_of(table).pop("valid_top1"), "no list of 'valid_top1'"),
    "no test": (lambda table: metrics_of(table).pop("test_top1"), "no list of 'test_top1'"),
    "no time": (lambda table: metrics_of(table).pop("time_elapsed"), "no list of 'time_elapsed'"),
    "a word": (lambda table: metrics_of(table).update(valid_top1=["good"] * 10), "no number"),
    "nested": (lambda table: metrics_of(table).update(valid_top1=[[1.0]] * 3 + [[]]), "no number"),
    "columns": (lambda table: metrics_of(table).update(valid_top1=[[1.0]] * 10), "no number"),
    "one number": (lambda table: metrics_of(table).update(time_elapsed=np.array(1.0)), "no list of 'time"),
    "a date": (lambda table: metrics_of(table).update(time_elapsed=["1:2"] * 10), "'time_elapsed' of a"),
    "too long": (
        lambda table: [metrics_of(table).update({name: [1.0] * 11}) for name in list(metrics_of(table))],
        "too many epochs",
    ),
    "uneven": (lambda table: metrics_of(table).update(valid_top1=[1.0]), "metrics of different ones"),
    "no dictionary": (
        lambda table: next(iter(table["data"]["micro"].values()))["jigsaw"].update(metrics=[1.0]),
        "'metrics' of a training is no dictionary",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_other_layouts_are_refused(broken: str, tmp_path: Path) -> None:
    """What is not as the official reader expects it gives a clear error and no table."""
    change, message = BROKEN[broken]
    table = layout(some())
    change(table)
    with pytest.raises(CorruptError, match=message) as error:
        imported(table, tmp_path, MICRO, "jigsaw")
    assert FILE in str(error.value)
    assert not list(tmp_path.glob("tables/**/*.table"))


def test_damaged_and_hostile_files_are_refused(tmp_path: Path) -> None:
    """A cut container, one without a pickle, and a pickle that calls something are clear errors."""
    whole = saved(layout(some()))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\nsystem\n(X\x05\x00\x00\x00touchtR.")
    for data in (whole[: len(whole) // 2], b"", b"PK\x03\x04", bomb.getvalue(), saved([1, 2])):
        (tmp_path / FILE).write_bytes(data)
        with pytest.raises(AssayError) as error:
            MICRO.read("jigsaw", tmp_path)
        assert FILE in str(error.value)


def test_an_absent_file_says_how_to_get_it(tmp_path: Path) -> None:
    """It has no plain download: the message names the file and the page that says where it is."""
    with pytest.raises(UnavailableError, match=r"transnas-bench_v10141024\.pth") as error:
        MICRO.read("jigsaw", tmp_path)
    assert "github.com/yawen-d/TransNASBench" in str(error.value)
    assert "assay table fetch" not in str(error.value)
