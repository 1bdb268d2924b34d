"""timm's result files: checkpoints joined over sets of images, with the intervals of their accuracies."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.stats import binomtest

from assay.benchmarks.family import open_table, table_path, table_space, write_table
from assay.benchmarks.importers.timm import FAMILY, SETS, SOURCE, TimmImageNet, binomial_interval
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.card import ORIGINS
from assay.foundation.errors import AssayError, CorruptError, UnavailableError, UnknownNameError
from assay.tasks.vault import open_vault

HEAD = "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation"
# Rows in the form of results-imagenet.csv at 4e5207c: a thousands separator in quotes, three decimals.
ROWS = (
    'big.tag,448,90.056,9.944,99.054,0.946,"1,013.01",1.000,bicubic',
    "small.tag,224,80.000,20.000,95.000,5.000,5.00,0.875,bicubic",
    "small.tag,288,81.000,19.000,95.500,4.500,5.00,0.950,bicubic",
)


def _files(folder: Path, **changes: tuple[str, ...]) -> TimmImageNet:
    """Write all result files, and return the family that reads them whatever their digest."""
    for file in SOURCE.files:
        rows = changes.get(file.name.removesuffix(".csv").removeprefix("results-").replace("-", "_"), ROWS)
        (folder / file.name).write_text("\n".join((HEAD, *rows)) + "\n")
    plain = tuple(msgspec.structs.replace(file, sha256=None) for file in SOURCE.files)
    return TimmImageNet(msgspec.structs.replace(SOURCE, files=plain))


def test_each_set_is_a_task_with_its_numbers_in_the_vault(tmp_path: Path) -> None:
    """The signal is the validation accuracy, and the accuracy on the set is held back."""
    other = tuple(row.replace("90.056", "70.5") for row in ROWS)
    family = _files(tmp_path, imagenetv2_matched_frequency=other)
    written = write_table(family, "imagenetv2", tmp_path, tmp_path)
    assert written.columns == ("img_size", "param_count", "validation")
    file, meta = open_table(table_path(tmp_path, "timm-imagenet", "imagenetv2"))
    table = TableBenchmark(
        written.benchmark, meta.card, table_space(meta.card.space, file), file, meta.signals
    )
    assert table.space.at(0) == "big.tag-448"
    assert table.column("validation").tolist() == [90.056, 80.0, 81.0]
    assert table.extra_column("param_count").tolist() == [1013.01, 5.0, 5.0]
    vault = open_vault(
        Path(written.vault or ""),
        benchmark="timm-imagenet/imagenetv2",
        card_digest=meta.card.meaning(),
        index=["big.tag-448"].index,
    )
    assert vault.answer(["big.tag-448"]) == (70.5,)


def test_checkpoints_are_joined_by_name_and_resolution(tmp_path: Path) -> None:
    """What one file alone has is left out or missing, and the import says which."""
    family = _files(tmp_path, imagenet_a=(ROWS[0], ROWS[2], ROWS[1].replace("small", "other")))
    written = write_table(family, "imagenet-a", tmp_path, tmp_path)
    assert written.columns == ("clean", "img_size", "param_count", "validation")
    assert written.dropped[1:] == (
        "1 rows of results-imagenet-a.csv are left out: results-imagenet.csv has no other.tag-224",
        "1 checkpoints are missing: results-imagenet-a.csv has no small.tag-224",
    )


def test_the_validation_set_alone_is_selection_on_test(tmp_path: Path) -> None:
    """ImageNet itself compares no methods; the other sets have a test metric."""
    family = _files(tmp_path)
    assert write_table(family, "imagenet", tmp_path, tmp_path).vault is None
    for task in FAMILY.tasks:
        card = family.card(task)
        assert (card.selection_on_test is None) == (task != "imagenet")
        assert (card.test is None) == (task == "imagenet")
        assert all(note.origin in ORIGINS for note in card.extra_notes)


def test_published_accuracies_have_the_exact_interval_of_their_images(tmp_path: Path) -> None:
    """The interval is that of Clopper and Pearson, as scipy's binomtest has it, at the size of the set."""
    family = _files(tmp_path)
    for task, described in SETS.items():
        for found in family.accuracies(task, tmp_path, confidence=0.9):
            right = round(found.value / 100 * described.size)
            interval = binomtest(right, described.size).proportion_ci(0.9, method="exact")
            assert found.low == pytest.approx(100 * interval.low, abs=1e-9)
            assert found.high == pytest.approx(100 * interval.high, abs=1e-9)
            assert found.images == described.size
    with pytest.raises(UnknownNameError, match="did you mean"):
        family.accuracies("imagenet-b", tmp_path)


def test_an_accuracy_of_nothing_or_all_has_one_end(tmp_path: Path) -> None:
    """None right, and all right, are intervals that begin at 0 and end at 1."""
    low, high = binomial_interval(np.array([0.0, 1.0]), 10, 0.95)
    # 1 - 0.025 ** (1 / 10), from the closed form of the bound.
    assert low.tolist() == pytest.approx([0.0, 0.025**0.1])
    assert high.tolist() == pytest.approx([1 - 0.025**0.1, 1.0])


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (ROWS[0], ROWS[0]),
        ("big.tag,448",),
        (ROWS[0].replace("90.056", "190.056"),),
        (ROWS[0].replace("90.056", "nan"),),
        (ROWS[0].replace("big", "b\x1big"),),
        (ROWS[0].replace('"1,013.01"', '"1,013.01'),),
    ],
)
def test_a_damaged_file_is_refused(rows: tuple[str, ...], tmp_path: Path) -> None:
    """Empty, repeated, short, impossible and unprintable rows are one message, and no table."""
    family = _files(tmp_path, imagenet=rows)
    with pytest.raises(CorruptError):
        write_table(family, "imagenet", tmp_path, tmp_path)
    assert not (tmp_path / "tables").exists()


def test_other_bytes_than_the_published_ones_are_refused(tmp_path: Path) -> None:
    """The real family takes the files of the pinned commit alone, and says where they are."""
    _files(tmp_path)
    with pytest.raises(CorruptError, match="not the file that timm-results publishes"):
        FAMILY.read("imagenet", tmp_path)
    with pytest.raises(UnavailableError, match="assay table fetch") as caught:
        FAMILY.read("imagenet", tmp_path / "none")
    assert isinstance(caught.value, AssayError)
    assert all(file.url and file.url.endswith(file.name) for file in SOURCE.files)
