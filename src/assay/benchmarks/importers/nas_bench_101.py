"""NAS-Bench-101 (Ying et al., ICML 2019): 423,624 modules on CIFAR-10, each trained three times.

Source: `nasbench_full.tfrecord` with schedules of 4, 12, 36 and 108 epochs, and `nasbench_only108.tfrecord`
with the last alone; their records are read in `nas_bench_101_files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from msgspec import structs

from assay.benchmarks.family import Family, Rows, TableContent
from assay.benchmarks.importers.nas_bench_101_files import Training, from_pickle, from_tfrecord
from assay.benchmarks.sources import OfficialFile, OfficialFiles, absent, find_official
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, ProtocolCard, SeedNote, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import AssayError, CorruptError
from assay.spaces.nas_bench_101 import Module, NasBench101Space
from assay.tasks.cards import task_card

MODULES = 423_624
REPEATS = (0, 1, 2)
EPOCHS = (108, 36, 12, 4)

_LONGEST = 14_400  # seconds; `train_seconds` of nasbench/lib/config.py

_REPOSITORY = "google-research/nasbench at b942470"
_LICENCE = "Apache-2.0 (the repository; of the files: not stated)"
_CITATION = """@inproceedings{ying2019nas,
  title     = {{NAS-Bench-101}: Towards Reproducible Neural Architecture Search},
  author    = {Ying, Chris and Klein, Aaron and Christiansen, Eric and Real, Esteban and Murphy, Kevin
               and Hutter, Frank},
  booktitle = {Proceedings of the 36th International Conference on Machine Learning},
  pages     = {7105--7114},
  year      = {2019}
}
"""
SAMPLE = OfficialFile(
    name="nb101_dummy.pkl",
    sha256="da5c65e005b96780f657e0eef79559ae44cef91ff99916433c9880bf76fa0947",
    url="https://raw.githubusercontent.com/automl/NASLib/0b51bc184622/tests/assets/nb101_dummy.pkl",
    bytes=23_451,
)


def _official(name: str, sha256: str, *more: OfficialFile) -> OfficialFiles:
    file = f"nasbench_{name}.tfrecord"
    url = f"https://storage.googleapis.com/nasbench/{file}"
    return OfficialFiles(
        name=f"nasbench-{name}",
        version="2019",
        homepage="https://github.com/google-research/nasbench",
        licence=_LICENCE,
        citation=_CITATION,
        obtain=f"download {url}",
        files=(OfficialFile(name=file, sha256=sha256, url=url), *more),
        optional=frozenset(one.name for one in more),
    )


_SEEDS = SeedNote(
    seeds=REPEATS,
    aggregated=False,
    policies=("mean-of-available", "require", *(f"seed={seed}" for seed in REPEATS)),
    note="three trainings of every module at every number of epochs, numbered in the order of the file; the "
    "seeds that they were trained with are not published. The official `query` draws one of them at random",
)
_COST = CostNote(
    column="training_time",
    unit="seconds",
    rule="seconds of training until this evaluation, without evaluating, as published: mean over the repeats "
    "that are there; the same under every seed policy. The official `query` charges those of the repeat that "
    "it drew",
)
_TEST = TestNote(
    metric="accuracy",
    split="the 10,000 test images",
    unit="fraction",
    maximize=True,
    evidence=f"`test_accuracy` in nasbench/lib/model_metrics.proto of {_REPOSITORY}: 'Accuracy on the test "
    "set of 10,000 images'; here the mean over the repeats at the end of 108 epochs",
)
_TASK = structs.replace(
    task_card("cifar10"),
    version="nas-bench-101",
    split="40,000 of the training images for training and 10,000 for validation; 10,000 test images",
    source=f"nasbench/lib/cifar.py and model_metrics.proto of {_REPOSITORY}",
)
_PARAMETERS = ExtraNote(
    column="trainable_parameters", title="trainable parameters", unit="parameters", origin="counted"
)
_ERRATA = (
    ErrataNote(
        summary="asked twice, the official `query` may answer with another repeat; a search that asked it "
        "saw one training, not the mean",
        source="https://github.com/google-research/nasbench/issues/23",
    ),
    ErrataNote(
        summary="the schedules of 4, 12, 36 and 108 epochs are trained apart, each with its own cosine "
        "decay; none continues another, and of each only the half is seen on the way",
        source=f"nasbench/lib/config.py and evaluate.py of {_REPOSITORY}",
    ),
    ErrataNote(
        summary="a training stops after four hours, whatever its epochs, and one that fails is tried up to "
        "five times; the file says neither, and its epochs are those that were planned",
        source=f"train_seconds and max_attempts in nasbench/lib/config.py and evaluate.py of {_REPOSITORY}",
    ),
    ErrataNote(
        summary="the README says 'up to 9 vertices and 7 edges'; it is up to 7 vertices and 9 edges",
        source=f"README.md and nasbench/lib/config.py of {_REPOSITORY}",
    ),
)


class NASBench101:
    """One image task over all modules, at the schedules that one of the files has."""

    revision = 1
    tasks = ("cifar10",)

    def __init__(self, name: str, title: str, source: OfficialFiles, epochs: tuple[int, ...]) -> None:
        self.name = name
        self.title = title
        self.source = source
        self.readings: dict[str, Family] = {}
        self.signals = {"validation": "validation_accuracy"}
        self._epochs = epochs
        self._fidelities = tuple(
            Fidelity(schedule=f"{number}-epochs", epoch=epoch)
            for number in epochs
            for epoch in (None, number // 2)
        )

    def space(self, task: str) -> str:  # noqa: ARG002  there is one task
        """Return the name of the search space."""
        return NasBench101Space.name

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of the task."""
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=_TASK,
            signals=(
                Signal(
                    name="validation",
                    metric="accuracy",
                    split="10,000 of the training images",
                    unit="fraction",
                ),
            ),
            fidelities=self._fidelities,
            seeds=_SEEDS,
            test=_TEST,
            cost=_COST,
            extras=(_PARAMETERS.column,),
            extra_notes=(_PARAMETERS,),
            prefix=True,
            source=f"{self.source.name} {self.source.version}",
            digest_of_source={file.name: file.sha256 for file in self.source.files if file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=_ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002  there is one task
        """Return the columns over modules in the order of their hashes.

        Raises `CorruptError` for a module whose hash is not that of its graph, for more repeats than
        the card has, and for a number of epochs that it does not have.
        """
        name = next((file.name for file in self.source.files if _is_here(place, file.name)), None)
        if name is None:
            raise absent(self.source, self.source.files[0].name, place)
        found = find_official(self.source, name, place)
        read = from_pickle if name.endswith(".pkl") else from_tfrecord
        gathered = _Gathered(self._epochs)
        for number, training in enumerate(read(found.path)):
            gathered.add(training, f"{found.path}, record {number:,}")
        return gathered.content({name: found.sha256 or ""})


def _is_here(place: Path, name: str) -> bool:
    return place.name == name or (place / name).is_file()


class _Gathered:
    """Trainings by module, number of epochs and repeat."""

    def __init__(self, epochs: tuple[int, ...]) -> None:
        self._epochs = {number: k for k, number in enumerate(epochs)}
        self._space = NasBench101Space()
        self._rows: dict[str, int] = {}
        self._given: list[str] = []  # fields as in the file
        self._texts: list[str] = []  # the published form of the space
        self._parameters: list[int] = []
        self._others = 0  # records with another number of parameters than the first of their module
        self._counts = np.zeros((1024, len(epochs)), dtype=np.uint8)
        # Seconds and validation accuracy, at the end and halfway of each schedule.
        self._open = np.full((1024, 2 * len(epochs), len(REPEATS), 2), np.nan)
        self._test = np.full((1024, len(REPEATS)), np.nan)

    def add(self, training: Training, where: str) -> None:
        """Take in one training; raises `CorruptError` for one that cannot be in the table."""
        schedule = self._epochs.get(training.epochs)
        if schedule is None:
            known = ", ".join(map(str, self._epochs))
            why = f"{training.epochs} epochs; known are {known}"
            raise CorruptError("a training has an unknown number of epochs", where=where, why=why)
        row = self._row(training, where)
        repeat = int(self._counts[row, schedule])
        if repeat == len(REPEATS):
            why = f"{training.module_hash} has more than {len(REPEATS)} trainings of {training.epochs} epochs"
            raise CorruptError("a module has too many repeats", where=where, why=why)
        self._counts[row, schedule] += 1
        self._others += training.parameters != self._parameters[row]
        for k, evaluation in enumerate((training.final, training.halfway)):
            self._open[row, 2 * schedule + k, repeat] = evaluation.seconds, evaluation.validation
        if training.epochs == EPOCHS[0]:
            self._test[row, repeat] = training.final.test

    def content(self, sources: Mapping[str, str]) -> TableContent:
        """Return the table, by module hash."""
        if not self._rows:
            raise CorruptError("the file has no training", where=", ".join(sources))
        keys = sorted(self._rows)
        order = [self._rows[key] for key in keys]
        seconds, validation = self._open[order, :, :, 0], self._open[order, :, :, 1]
        # Published are numbers of single precision; a file that has others keeps them.
        single = validation.astype(np.float32)
        exact = np.array_equal(single, validation, equal_nan=True)
        counted = np.array(self._parameters, dtype=np.float64)[order]
        by_fidelity = ("architecture", "fidelity")
        return TableContent(
            columns={
                "validation_accuracy": ((*by_fidelity, "seed"), single if exact else validation),
                _COST.column: (by_fidelity, _mean(seconds)),
                _PARAMETERS.column: (("architecture",), counted),
            },
            test=_mean(self._test[order]),
            rows=Rows(keys=tuple(keys), texts=tuple(self._texts[row] for row in order)),
            sources=sources,
            dropped=tuple(self._dropped(seconds)),
        )

    def _dropped(self, seconds: np.ndarray) -> Iterator[str]:
        yield "training accuracies, and the evaluations before the first step, are not in the table"
        size = len(self._rows)
        if size < MODULES:
            yield f"{MODULES - size:,} of {MODULES:,} modules are not in the file"
        wanted, found = size * len(self._epochs) * len(REPEATS), int(self._counts.sum())
        if found < wanted:
            yield f"{wanted - found:,} of {wanted:,} trainings of these modules are not in the file"
        stopped = int((seconds >= _LONGEST).any(axis=1).sum())
        if stopped:
            yield f"{stopped:,} trainings took {_LONGEST:,} seconds or more, after which the authors stop one"
        if self._others:
            yield f"{self._others:,} records have another number of parameters than the first of their module"

    def _row(self, training: Training, where: str) -> int:
        """Return the row of a training's module, a new one for a new module."""
        row = self._rows.get(training.module_hash)
        if row is not None and self._given[row] == training.text:
            return row
        module = self._module(training, where)
        if row is not None:
            return row
        row = self._rows[training.module_hash] = len(self._texts)
        text = self._space.format(module)
        self._given.append(training.text)
        self._texts.append(training.text if text == training.text else text)  # one string, not two alike
        self._parameters.append(training.parameters)
        if row == len(self._test):
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
            self._open = np.concatenate([self._open, np.full_like(self._open, np.nan)])
            self._test = np.concatenate([self._test, np.full_like(self._test, np.nan)])
        return row

    def _module(self, training: Training, where: str) -> Module:
        try:
            module = self._space.parse(training.text)
        except AssayError as error:
            why = error.one_line()
            raise CorruptError("a record holds no module of the search space", where=where, why=why) from None
        found = self._space.graph_hash(module)
        if found != training.module_hash:
            why = f"{training.module_hash} published, {found} computed of {training.text}"
            raise CorruptError("the hash of a record is not that of its module", where=where, why=why)
        return module


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is there, NaN where nothing is."""
    there = ~np.isnan(values)
    count = there.sum(axis=-1)
    total = np.where(there, values, 0.0).sum(axis=-1)
    mean: np.ndarray = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


FULL = NASBench101(
    "nas-bench-101",
    "NAS-Bench-101: 423,624 modules on CIFAR-10, at 4 to 108 epochs",
    _official("full", "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c"),
    EPOCHS,
)
ONLY_108 = NASBench101(
    "nas-bench-101-108",
    "NAS-Bench-101: 423,624 modules on CIFAR-10, at 108 epochs alone",
    _official("only108", "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1", SAMPLE),
    EPOCHS[:1],
)
