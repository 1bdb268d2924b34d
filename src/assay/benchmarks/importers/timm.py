"""Published accuracies of timm's models on ImageNet and on five sets that test its claims.

Source: huggingface/pytorch-image-models at 4e5207c, `results/results-*.csv`, one row for each released
checkpoint at one resolution: `model`, `img_size`, `top1`, `top5` (%, three decimals), `param_count`
(millions). These are published claims, one run each: no study re-runs them.

"Model selection during training utilizes this validation set, so it is not a true test set"
(results/README.md): the accuracy on ImageNet's validation images is the signal of every task here, and on
the task that has nothing else it is selection on test. ImageNet-A and -R cover 200 classes; their files
named 'clean' hold the validation accuracy on the same classes, the signal 'clean'.

Sizes of the sets: ImageNet 50,000, V2 10,000, A 7,500, R 30,000 (README). ReaL: 46,837 of 50,000 images
have a label, counted in timm/data/_info/imagenet_real_labels.json. Sketch: 50,889; the README says 50,000,
but 1,486 of the 1,556 published accuracies are whole numbers of images of 50,889, more than of any
other number within 300, as 1,492 are of 46,837 for ReaL.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from scipy.special import betaincinv

from assay.benchmarks.family import LISTED, Family, Rows, TableContent
from assay.benchmarks.sources import OfficialFile, OfficialFiles, find_official
from assay.contracts.card import ErrataNote, ExtraNote, ProtocolCard, SeedNote, TaskCard, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import CorruptError, UnknownNameError
from assay.foundation.text import shortened

_COMMIT = "4e5207c7bb6592474ca56e28b2cf85be8f1a550f"
_README = "results/README.md of huggingface/pytorch-image-models at 4e5207c"
_BASE = "results-imagenet.csv"


class _Set(NamedTuple):
    """A set of images: its file, the one of the same classes on validation images, and its size."""

    file: str
    clean: str | None
    size: int
    title: str
    classes: int
    lineage: tuple[str, ...]


SETS: dict[str, _Set] = {
    "imagenet": _Set(_BASE, None, 50_000, "ImageNet validation images", 1_000, ("ImageNet",)),
    "imagenet-real": _Set(
        "results-imagenet-real.csv", None, 46_837, "ImageNet with reassessed labels", 1_000, ("ImageNet",)
    ),
    "imagenetv2": _Set(
        "results-imagenetv2-matched-frequency.csv",
        None,
        10_000,
        "ImageNetV2 matched frequency",
        1_000,
        ("ImageNetV2",),
    ),
    "imagenet-a": _Set(
        "results-imagenet-a.csv",
        "results-imagenet-a-clean.csv",
        7_500,
        "ImageNet-A: natural images chosen because a ResNet-50 fails on them",
        200,
        ("ImageNet-A",),
    ),
    "imagenet-r": _Set(
        "results-imagenet-r.csv",
        "results-imagenet-r-clean.csv",
        30_000,
        "ImageNet-R: renditions",
        200,
        ("ImageNet-R",),
    ),
    "imagenet-sketch": _Set(
        "results-sketch.csv", None, 50_889, "ImageNet-Sketch: drawings", 1_000, ("ImageNet-Sketch",)
    ),
}
"""The tasks, by the sets of images that they test on."""

_DIGESTS = {
    "results-imagenet.csv": ("30972bf7c7ab451bbd4480ec6116b13d0a84441c57bbc946896fd312264acfcd", 123_104),
    "results-imagenet-real.csv": (
        "e94696aed665475e4d0235195733775c5e1b3f36d6f5f7de99f4386e7ed11630",
        150_724,
    ),
    "results-imagenetv2-matched-frequency.csv": (
        "1d066d8897c40224b14f3cf1d02029c49ebdc56b761ba9a3841bd3bdd3bd0a8e",
        152_771,
    ),
    "results-imagenet-a.csv": ("89471dcea0cd98b56211e2b808cb6bbf7b3c8bb4fe691ba58fec1f198e3fcf91", 155_354),
    "results-imagenet-a-clean.csv": (
        "9146fe8f640dffec93fc7b0052aff2bc38f9de6627cab06117bdf9f43496c162",
        121_595,
    ),
    "results-imagenet-r.csv": ("2dcc1f3dea098ffc1080ad04309b11477646f6f25837b041ce6075610f863209", 156_142),
    "results-imagenet-r-clean.csv": (
        "ce531f6b5d2471f98a1029dae76f683b9ccf69d1d5b54ee09d78c4d530e2bb9c",
        121_582,
    ),
    "results-sketch.csv": ("f3176de38d4a26aa808b3d0cc1fee4261268d70b2be7c9d43e65cb03b3864f46", 156_199),
}
SOURCE = OfficialFiles(
    name="timm-results",
    version=_COMMIT[:7],
    homepage="https://github.com/huggingface/pytorch-image-models",
    licence="Apache-2.0",
    citation="""@misc{rw2019timm,
  author = {Ross Wightman},
  title  = {PyTorch Image Models},
  year   = {2019},
  doi    = {10.5281/zenodo.4414861}
}
""",
    obtain="download results/results-*.csv of https://github.com/huggingface/pytorch-image-models",
    files=tuple(
        OfficialFile(
            name=name,
            sha256=digest,
            url=f"https://raw.githubusercontent.com/huggingface/pytorch-image-models/{_COMMIT}/results/{name}",
            bytes=size,
        )
        for name, (digest, size) in _DIGESTS.items()
    ),
)

_SELECTED = (
    "accuracy on ImageNet's validation images is reported as test accuracy, and models were selected by it"
)
_EXTRAS = (
    ExtraNote(column="param_count", title="parameters", unit="million", origin="counted"),
    ExtraNote(column="img_size", title="side of the input image", unit="pixels", origin="counted"),
)
_ERRATA = (
    ErrataNote(
        summary="models were selected on the validation images while they were trained and chosen",
        source=_README,
    ),
    ErrataNote(
        summary="checkpoints differ in training data, and many saw more than ImageNet; whether any saw "
        "images of these sets is not stated",
        source="the tags of the model names, such as in22k, laion2b and webli",
    ),
)


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """A published accuracy (%) on `images`, and its exact binomial interval (Clopper and Pearson 1934).

    What varies in the interval is the draw of the images. Models are tested on the same images, so that
    intervals that overlap do not mean that two models do not differ.
    """

    model: str
    value: float
    low: float
    high: float
    images: int


class TimmImageNet:
    """Six sets of images over the checkpoints that timm has results of."""

    name = "timm-imagenet"
    revision = 1
    title = "timm: published accuracies of released checkpoints on ImageNet, ReaL, V2, A, R and Sketch"
    tasks = tuple(SETS)

    def __init__(self, source: OfficialFiles = SOURCE) -> None:
        self.source = source
        self.readings: dict[str, Family] = {}
        self.signals = {"validation": "validation", "clean": "clean"}

    def space(self, task: str) -> str:  # noqa: ARG002  every task is a list of checkpoints
        """Return the name of the search space: the rows."""
        return LISTED

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        described = SETS[task]
        is_base = described.file == _BASE
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=LISTED,
            task=_task(task, described),
            signals=_signals(described),
            fidelities=(Fidelity(schedule="as released"),),
            seeds=SeedNote(
                seeds=(),
                aggregated=True,
                policies=("as-published",),
                note="one checkpoint each; how much another training would differ is not published",
            ),
            test=None if is_base else _test(described),
            no_test_because="the validation images are all that it has" if is_base else None,
            cost=None,
            extras=tuple(note.column for note in _EXTRAS),
            extra_notes=_EXTRAS,
            selection_on_test=_SELECTED if is_base else None,
            source=f"{self.source.name} {self.source.version}",
            digest_of_source={file.name: file.sha256 for file in self.source.files if file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=_ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:
        """Return the checkpoints of ImageNet's file with their accuracy on the set of a task."""
        described = SETS[task]
        base, digests = self._read(_BASE, place)
        names = tuple(base)
        columns = {
            "validation": np.array([row.top1 for row in base.values()]),
            "param_count": np.array([row.parameters for row in base.values()]),
            "img_size": np.array([row.side for row in base.values()]),
        }
        test, dropped = None, ["top5, crop_pct and interpolation are not in the table"]
        for file in (described.clean, described.file):
            if file is None or file == _BASE:
                continue
            rows, found = self._read(file, place)
            digests |= found
            values = np.array([rows[name].top1 if name in rows else np.nan for name in names])
            dropped += _unmatched(file, names, rows)
            if file == described.file:
                test = values
            else:
                columns["clean"] = values
        return TableContent(
            columns={name: (("architecture",), values) for name, values in columns.items()},
            test=test,
            rows=Rows(keys=names, texts=names),
            sources=digests,
            dropped=tuple(dropped),
        )

    def accuracies(self, task: str, place: Path, confidence: float = 0.95) -> list[Accuracy]:
        """Return the published accuracy of every checkpoint on the set of a task, with its interval.

        These are published claims: they are read from the official files, and no vault is opened.
        """
        if task not in SETS:
            raise UnknownNameError("set of images", task, SETS)
        rows, _ = self._read(SETS[task].file, place)
        images = SETS[task].size
        values = np.array([row.top1 for row in rows.values()])
        low, high = binomial_interval(values / 100, images, confidence)
        return [
            Accuracy(model=name, value=row.top1, low=100 * float(a), high=100 * float(b), images=images)
            for (name, row), a, b in zip(rows.items(), low, high, strict=True)
        ]

    def _read(self, name: str, place: Path) -> tuple[dict[str, _Row], dict[str, str]]:
        found = find_official(self.source, name, place)
        return _rows(found.path), {name: found.sha256 or ""}


def binomial_interval(shares: np.ndarray, images: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the exact interval of each share of `images` (Clopper and Pearson 1934).

    A share that was rounded in print is taken as the nearest whole number of images.
    """
    tail = (1 - confidence) / 2
    right = np.clip(np.round(shares * images), 0, images)
    low = np.where(right > 0, betaincinv(np.maximum(right, 1), images - right + 1, tail), 0.0)
    high = np.where(right < images, betaincinv(right + 1, np.maximum(images - right, 1), 1 - tail), 1.0)
    return low, high


class _Row(NamedTuple):
    """A row of a file: accuracy (%), parameters (millions), side of the image (pixels)."""

    top1: float
    parameters: float
    side: float


def _rows(path: Path) -> dict[str, _Row]:
    """Return the rows of a file by 'model-img_size', as timm itself joins its files."""
    found: dict[str, _Row] = {}
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        listed = [
            (
                f"{row['model']}-{row['img_size']}",
                _Row(float(row["top1"]), float(row["param_count"].replace(",", "")), float(row["img_size"])),
            )
            for row in reader
        ]
    except (KeyError, TypeError, AttributeError, ValueError, csv.Error) as error:
        why = f"{type(error).__name__}: {error}"
        raise CorruptError("the file is not one of timm's results", where=str(path), why=why) from None
    for name, row in listed:
        if name in found or not name.isprintable() or not 0 <= row.top1 <= 100:
            why = f"{shortened(name, 60)} is there twice, or has no accuracy"
            raise CorruptError("the file is not one of timm's results", where=str(path), why=why)
        found[name] = row
    if not found:
        raise CorruptError("the file has no rows", where=str(path))
    return found


def _unmatched(file: str, names: tuple[str, ...], rows: Mapping[str, _Row]) -> list[str]:
    """Return what joining by name leaves out, in a sentence each."""
    known = set(names)
    more, fewer = [name for name in rows if name not in known], [name for name in names if name not in rows]
    said = []
    if more:
        said.append(f"{len(more):,} rows of {file} are left out: {_BASE} has no {', '.join(more[:3])}")
    if fewer:
        said.append(f"{len(fewer):,} checkpoints are missing: {file} has no {', '.join(fewer[:3])}")
    return said


def _task(task: str, described: _Set) -> TaskCard:
    return TaskCard(
        name=task,
        version="timm-results",
        title=described.title,
        family="imagenet",
        lineage=described.lineage,
        metric="accuracy",
        classes=described.classes,
        examples=described.size,
        split="test images alone; what a checkpoint was trained on, its name says",
        source=_README,
    )


def _signals(described: _Set) -> tuple[Signal, ...]:
    signal = Signal(name="validation", metric="accuracy", split="ImageNet validation images", unit="%")
    if described.clean is None:
        return (signal,)
    clean = Signal(
        name="clean",
        metric="accuracy",
        split="ImageNet validation images of the 200 classes",
        unit="%",
        description="of the classes that the test images have",
    )
    return (signal, clean)


def _test(described: _Set) -> TestNote:
    same = "; the images are those of the validation signal" if described.lineage == ("ImageNet",) else ""
    return TestNote(
        metric="accuracy",
        split=f"{described.size:,} images of {described.title.partition(':')[0]}",
        unit="%",
        maximize=True,
        evidence=f"{_README} calls it a test set{same}",
    )


FAMILY = TimmImageNet()
