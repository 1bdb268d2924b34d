"""TransNAS-Bench-101 (Duan et al., CVPR 2021): seven tasks on indoor images, over cells and over stacks.

Source: `transnas-bench_v10141024.pth`, written by `torch.save`: ['data'][space][architecture][task] holds
'total_epochs', 'model_info' and 'metrics', a list over epochs for each name, as `api/api.py` of
yawen-d/TransNASBench at 6d4231b reads them. Schedules and metrics are those of the same repository's
configs/train_from_scratch at fcd4e9c and of its lib/models.

No official file was at hand: that file names and nesting are as described is *unverified*. So are the
prefix of validation metrics ('valid_' in the API's example, 'val_' in the training code of two tasks: both
are read), the form of 'time_elapsed' (seconds, or 'hh:mm:ss' as the training code has it: both are read),
and whether it counts from the start of training, as the training code does, or of each epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.importers.streamed import load_torch
from assay.benchmarks.importers.transnas_cards import (
    CODE,
    COST,
    ERRATA,
    EXTRAS,
    FILE,
    JIGSAW,
    SEEDS,
    SOURCE,
    TASKS,
    Metric,
    fidelities,
)
from assay.benchmarks.sources import OfficialFiles, find_official
from assay.contracts.card import ProtocolCard, TestNote
from assay.contracts.problem import Signal
from assay.foundation.errors import AssayError, CorruptError
from assay.spaces.transnas import TransNasMacroSpace, TransNasMicroSpace

_CLOCK = re.compile(r"(\d{2,5}):(\d\d):(\d\d)")
_KEPT = ""  # the only key of an entry once its numbers were taken out
_PREFIXES = {"valid": ("valid_", "val_"), "test": ("test_",)}


class Training(NamedTuple):
    """What is kept of one training: numbers over epochs by column, and of the network."""

    curves: dict[str, np.ndarray]
    network: list[float]


class TransNASBench101:
    """Seven tasks over one of the two search spaces."""

    revision = 1
    tasks = tuple(TASKS)

    def __init__(self, part: str, space: str, source: OfficialFiles = SOURCE) -> None:
        self.name = f"transnas-{part}"
        self.title = f"TransNAS-Bench-101: seven tasks on indoor images, {part} search space"
        self.source = source
        self.readings: dict[str, Family] = {}
        self.signals = {metric.signal: metric.signal for task in TASKS.values() for metric in task.metrics}
        self._part = part
        self._space = space

    def space(self, task: str) -> str:  # noqa: ARG002  all tasks of this family have one space
        """Return the name of the search space."""
        return self._space

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        about = TASKS[task]
        first = about.metrics[0]
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self._space,
            task=about.card,
            signals=tuple(
                Signal(
                    name=metric.signal,
                    metric=metric.title,
                    split="validation",
                    unit=metric.unit,
                    maximize=metric.maximize,
                    description=f"`valid_{metric.published}` as published",
                )
                for metric in about.metrics
            ),
            fidelities=fidelities(about.epochs),
            seeds=SEEDS,
            test=TestNote(
                metric=first.title,
                split="test",
                unit=first.unit,
                maximize=first.maximize,
                evidence=f"`test_{first.published}` after the last epoch (README.md, 'recorded the following "
                f"metrics', and lib/models/task_models of {CODE})",
            ),
            cost=COST,
            extras=tuple(note.column for note in EXTRAS),
            extra_notes=EXTRAS,
            prefix=True,
            source=f"{self.source.name} {self.source.version}",
            digest_of_source={file.name: file.sha256 for file in self.source.files if file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=(*ERRATA, JIGSAW) if task == "jigsaw" else ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:
        """Return the validation metrics and the time by architecture and epoch, and the test metric."""
        found = find_official(self.source, FILE, place)
        where = f"{found.path}, {self._part}, {task}"
        trainings = _trainings(load_torch(found.path, _Keep(task)), self._part, where)
        space = table_space(self._space)
        table = _Table(TASKS[task].metrics, TASKS[task].epochs, space.size)
        for text, training in trainings.items():
            try:
                row = space.index(space.parse(text))
            except (AssayError, TypeError) as error:
                why = error.one_line() if isinstance(error, AssayError) else str(error)
                raise CorruptError(
                    "an entry is no architecture of the search space", where=where, why=why
                ) from None
            table.add(row, training, f"{where}, {text}")
        return table.content(where, {FILE: found.sha256 or ""})


def _trainings(source: Any, part: str, where: str) -> dict[Any, Training]:
    """Return what was taken out of the entry of each architecture that has the task."""
    data = source.get("data") if isinstance(source, dict) else None
    entries = data.get(part) if isinstance(data, dict) else None
    if not isinstance(entries, dict):
        raise CorruptError(f"the file has no 'data' of '{part}'", where=where)
    kept = {text: entry.get(_KEPT) for text, entry in entries.items() if isinstance(entry, dict)}
    return {text: training for text, training in kept.items() if isinstance(training, Training)}


class _Table:
    """The columns of a task, filled architecture by architecture."""

    def __init__(self, metrics: Sequence[Metric], epochs: int, size: int) -> None:
        self._metrics = metrics
        self._epochs = epochs
        self._curves = {
            name: np.full((size, epochs), np.nan) for name in (*[one.signal for one in metrics], COST.column)
        }
        self._test = np.full(size, np.nan)
        self._network = np.full((size, len(EXTRAS)), np.nan)
        self._lengths = np.zeros(size, dtype=np.intp)
        self._summed = 0

    def add(self, row: int, training: Training, where: str) -> None:
        """Take in one training; raises `CorruptError` for one that cannot be."""
        if self._lengths[row]:
            raise CorruptError("an architecture is there twice", where=where)
        lengths = {len(curve) for curve in training.curves.values()}
        if len(lengths) != 1 or not 1 <= max(lengths) <= self._epochs:
            why = f"{sorted(lengths)} epochs; a training has {self._epochs}"
            raise CorruptError(
                "a training has too many epochs, or metrics of different ones", where=where, why=why
            )
        length = self._lengths[row] = max(lengths)
        for name, column in self._curves.items():
            column[row, :length] = training.curves[name]
        if length == self._epochs:
            self._test[row] = training.curves["test"][-1]
        self._network[row] = training.network

    def content(self, where: str, sources: dict[str, str]) -> TableContent:
        """Return the table; the last epoch comes first, as on the card."""
        if not (self._lengths == self._epochs).any():
            longest = int(self._lengths.max(initial=0))
            why = f"the longest has {longest} epochs, the card says {self._epochs}"
            raise CorruptError("no training of the task has all its epochs", where=where, why=why)
        seconds = self._seconds()
        columns = {**self._curves, COST.column: seconds}
        last_first = [self._epochs - 1, *range(self._epochs - 1)]
        return TableContent(
            columns={
                **{
                    name: (("architecture", "fidelity"), np.ascontiguousarray(column[:, last_first]))
                    for name, column in columns.items()
                },
                **{
                    note.column: (("architecture",), np.ascontiguousarray(self._network[:, k]))
                    for k, note in enumerate(EXTRAS)
                },
            },
            test=self._test,
            sources=sources,
            dropped=tuple(self._dropped()),
        )

    def _seconds(self) -> np.ndarray:
        """Return the seconds since the start of each training; those of single epochs are summed up."""
        published = self._curves[COST.column]
        steps = np.diff(published, axis=1)
        if not (steps < 0).any():
            return published
        self._summed = int((steps < 0).any(axis=1).sum())
        summed: np.ndarray = np.cumsum(published, axis=1)
        return summed

    def _dropped(self) -> Iterator[str]:
        yield (
            "training metrics, losses with their sign turned, and test metrics before the last epoch are not "
            "in the table"
        )
        size, absent = len(self._lengths), int((self._lengths == 0).sum())
        if absent:
            yield f"{absent:,} of {size:,} architectures are not in the file"
        short = int(((self._lengths > 0) & (self._lengths < self._epochs)).sum())
        if short:
            yield f"{short:,} trainings end before {self._epochs} epochs; what they lack is missing"
        if self._summed:
            yield (
                f"the seconds of {self._summed:,} trainings fall from one epoch to the next, so that all are "
                "read as those of single epochs, and summed"
            )


class _Keep:
    """Takes one task's numbers out of each architecture's entry while the file is read, and empties it."""

    def __init__(self, task: str) -> None:
        self._task = task

    def __call__(self, entry: dict[Any, Any]) -> bool:
        """Say whether a dictionary was an architecture's entry, which is emptied then."""
        if not entry or not all(
            name in TASKS and isinstance(part, dict) and "metrics" in part for name, part in entry.items()
        ):
            return False
        kept = _taken(entry[self._task], TASKS[self._task].metrics) if self._task in entry else None
        entry.clear()
        entry[_KEPT] = kept
        return True


def _taken(part: dict[Any, Any], metrics: Sequence[Metric]) -> Training:
    """Return the numbers of one training. Raises `CorruptError` where one is absent or no number."""
    published = part["metrics"]
    if not isinstance(published, dict):
        raise CorruptError("'metrics' of a training is no dictionary")
    curves = {metric.signal: _curve(published, "valid", metric.published) for metric in metrics}
    curves["test"] = _curve(published, "test", metrics[0].published)
    curves[COST.column] = np.array(
        [_seconds(value) for value in _values(published, ("time_elapsed",))], dtype=np.float64
    )
    about = part.get("model_info", {})
    network = [_number(about.get(note.column)) for note in EXTRAS] if isinstance(about, dict) else []
    return Training(curves, network or [math.nan] * len(EXTRAS))


def _curve(published: dict[Any, Any], split: str, name: str) -> np.ndarray:
    try:
        curve = np.array(_values(published, [f"{p}{name}" for p in _PREFIXES[split]]), dtype=np.float64)
    except (TypeError, ValueError):
        curve = np.empty((0, 0))
    if curve.ndim != 1:
        raise CorruptError(f"'{split}_{name}' of a training holds something that is no number")
    return curve


def _values(published: dict[Any, Any], names: Sequence[str]) -> Sequence[Any]:
    for name in names:
        values = published.get(name)
        if isinstance(values, list | tuple) or (isinstance(values, np.ndarray) and values.ndim == 1):
            return list(values)
    raise CorruptError(f"a training has no list of '{names[0]}'")


def _seconds(value: Any) -> float:
    """Return seconds of a number or of 'hh:mm:ss'."""
    clock = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if clock:
        hours, minutes, seconds = map(int, clock.groups())
        return 3600.0 * hours + 60.0 * minutes + seconds
    try:
        return float(value)
    except (TypeError, ValueError):
        raise CorruptError(f"'time_elapsed' of a training is {str(value)[:20]!r}") from None


def _number(value: Any) -> float:
    """Return a number of a network, NaN where there is none (the published program leaves texts empty)."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


MICRO = TransNASBench101("micro", TransNasMicroSpace.name)
MACRO = TransNASBench101("macro", TransNasMacroSpace.name)
