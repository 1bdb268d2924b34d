"""NATS-Bench (Dong et al., TPAMI 2021), topology and size, and NAS-Bench-201 v1.1, from their official files.

Sources: `NATS-{tss-v1_0-3ffb9|sss-v1_0-50262}`, either the folder `-simple` (or `-full`, whose weights are
not read) with `%06d.pickle.pbz2` for each architecture and `meta.pickle.pbz2`, or the single file
`.pickle.pbz2`, which is read as a stream; `NAS-Bench-201-v1_1-096897.pth`, or its archive of
`%06d-FULL.pth`. All hold the states of `nats_states`. The names of single files end in the last
hexadecimal digits of their MD5 (`get_md5_file` of D-X-Y/AutoDL-Projects), which are checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.importers.nats_cards import NATS_SSS, NATS_TSS, NB201_PTH, nats_card
from assay.benchmarks.importers.nats_states import TRAININGS, Architectures, Layout, Schedule, TaskColumns
from assay.benchmarks.importers.streamed import Seen, load_bz2, load_torch, named
from assay.benchmarks.sources import OfficialFiles, absent, find_official, sha256_of
from assay.benchmarks.watching import progress
from assay.contracts.card import ProtocolCard
from assay.foundation.errors import CorruptError

_LIMIT = 1 << 30  # bytes of one architecture: those of the folders `-full` hold the weights of all trainings
_ALL = frozenset(TRAININGS)
_CIFAR10 = frozenset({"cifar10"})
_FILE = re.compile(r"(\d{1,6})(?:\.pickle\.pbz2|-FULL\.pth)")
_NOT_KEPT = (
    "losses, top-5 accuracies, training curves and the times of single epochs are left out",
    "test accuracies of all schedules but the longest, and before its last epoch, are left out",
)


class NatsFamily:
    """The tables of one of the publications; its three tasks are read in one pass over the source.

    What was read of the other tasks is kept for the next calls of `read`, and given out once.
    """

    revision = 1
    tasks = tuple(TRAININGS)

    def __init__(self, name: str, title: str, space: str, source: OfficialFiles, layout: Layout) -> None:
        self.name = name
        self.title = title
        self.source = source
        self.layout = layout
        self.readings: dict[str, Family] = {}
        self.signals = {"validation": "valid_acc"}
        self._space = space
        self._kept: dict[str, TableContent] = {}
        self._kept_of: object = None

    def space(self, task: str) -> str:  # noqa: ARG002  all tasks of a family have one space
        """Return the name of the search space."""
        return self._space

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        return nats_card(self.name, task, self._space, self.layout, self.source)

    def read(self, task: str, place: Path) -> TableContent:
        """Return the columns of a task, in the order of the space's index.

        The first of the source's files that is there is read, in the order in which it lists them. The
        digest of a folder is the SHA-256 of what `sha256sum` prints of the files that were read.
        """
        path = self._find(place)
        key = (path, _stamps(path))
        if task not in self._kept or self._kept_of != key:
            self._kept, self._kept_of = self._read_all(path), key
        return self._kept.pop(task)

    def _find(self, place: Path) -> Path:
        names = [file.name for file in self.source.files]
        if place.name in names and place.exists():
            return place
        there = [place / name for name in names if (place / name).exists()]
        if not there:
            raise absent(self.source, names[0], place / names[0])
        return there[0]

    def _read_all(self, path: Path) -> dict[str, TableContent]:
        space = table_space(self._space)
        archs = Architectures(self.layout, {space.format(space.at(i)): i for i in range(space.size)})
        sources = _read_folder(path, archs) if path.is_dir() else self._read_file(path, archs)
        if not len(archs):
            raise CorruptError("the source holds no architecture", where=str(path))
        return {task: _content(columns, archs, sources) for task, columns in archs.tasks.items()}

    def _read_file(self, path: Path, archs: Architectures) -> dict[str, str]:
        found = find_official(self.source, path.name, path)
        _check_name(path)
        root = _load(path, archs.seen)
        with named(path):
            archs.check(_listed(root))
        return {path.name: found.sha256 or ""}


def _load(path: Path, seen: Seen | None = None) -> Any:
    return (load_torch if path.suffix == ".pth" else load_bz2)(path, seen, _LIMIT)


def _listed(root: object) -> list[Any]:
    """Return the source's own list of architectures."""
    found = root.get("meta_archs") if isinstance(root, dict) else None
    if not isinstance(found, list):
        raise CorruptError("the file is not of the published form: it has no list 'meta_archs'")
    return found


def _read_folder(path: Path, archs: Architectures) -> dict[str, str]:
    files = [(int(match[1]), file) for file in path.iterdir() if (match := _FILE.fullmatch(file.name))]
    meta = path / "meta.pickle.pbz2"
    digest = hashlib.sha256()
    for done, (index, file) in enumerate(sorted(files)):
        progress(path.name, done, len(files))
        digest.update(f"{sha256_of(file)}  {file.name}\n".encode())
        states = _load(file)
        with named(file):
            archs.take(states, index)
    published = None
    if meta.is_file():
        digest.update(f"{sha256_of(meta)}  {meta.name}\n".encode())
        with named(meta):
            published = _listed(_load(meta))
    with named(path):
        archs.check(published)
    return {path.name: digest.hexdigest()}


def _check_name(path: Path) -> None:
    """Hold a single file to the digits of its MD5 that its name ends in."""
    match = re.search(r"-([0-9a-f]{5,6})\.(?:pickle\.pbz2|pth)$", path.name)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if match and not found.endswith(match[1]):
        raise CorruptError(
            "the file is not the one that its name tells of",
            where=str(path),
            why=f"its MD5 ends in {found[-len(match[1]) :]}, its name in {match[1]}",
            hint="get it again: it was cut short or changed",
        )


def _stamps(path: Path) -> object:
    """Return what tells whether a file, or the files of a folder, are still the same."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def _content(columns: TaskColumns, archs: Architectures, sources: Mapping[str, str]) -> TableContent:
    one = ("architecture",)
    return TableContent(
        columns={
            "valid_acc": (("architecture", "fidelity", "seed"), columns.valid),
            "cost": (("architecture", "fidelity"), columns.cost),
            "train_acc": (("architecture", "seed"), columns.train_acc),
            "params": (one, columns.params),
            "flops": (one, columns.flops),
            "latency": (one, columns.latency),
        },
        test=columns.test,
        sources=sources,
        dropped=(*_missing(columns, archs), *_NOT_KEPT),
    )


def _missing(columns: TaskColumns, archs: Architectures) -> list[str]:
    """Say what the source lacks, and what the reader must know of it."""
    size = len(columns.valid)
    said = []
    if len(archs) < size:
        said.append(
            f"{size - len(archs):,} of {size:,} architectures are not in the source: they are missing"
        )
    for number, schedule in enumerate(columns.layout.schedules):
        there = ~np.isnan(columns.valid[:, number])
        for seed, has in zip(columns.layout.seeds, there.T, strict=True):
            if 0 < has.sum() < len(archs):
                lacking = len(archs) - int(has.sum())
                said.append(
                    f"{lacking:,} architectures have no training with seed {seed} for {schedule.name}"
                )
    said += [f"{what}: {count:,}" for what, count in sorted(columns.found.items()) if count]
    without_epochs = [one.name for one in columns.layout.schedules if columns.task not in one.every_epoch]
    if without_epochs:
        said.append(
            f"before the last epoch of {', '.join(without_epochs)} the source has 'ori-test' alone, which is "
            "validation and test data together: left out"
        )
    return said


NATS_TSS_FAMILY = NatsFamily(
    "nats-bench-tss",
    "NATS-Bench topology: the cells of NAS-Bench-201, 200 and 12 epochs, with test",
    "nas-bench-201",
    NATS_TSS,
    Layout(
        (Schedule("200", "200-epochs", 200, _CIFAR10), Schedule("12", "12-epochs", 12, _ALL)),
        (111, 777, 888, 999),
    ),
)
NATS_SSS_FAMILY = NatsFamily(
    "nats-bench-sss",
    "NATS-Bench size: widths of five layers on three image tasks, 90, 12 and 1 epochs, with test",
    "nats-bench-size",
    NATS_SSS,
    Layout(
        (
            Schedule("90", "90-epochs", 90, _ALL),
            Schedule("12", "12-epochs", 12, _ALL),
            Schedule("01", "1-epoch", 1, _ALL),
        ),
        (777, 888, 999),
    ),
)
NB201_PTH_FAMILY = NatsFamily(
    "nas-bench-201-v1.1",
    "NAS-Bench-201 v1.1: convolutional cells on three image tasks, 200 and 12 epochs, with test",
    "nas-bench-201",
    NB201_PTH,
    Layout(
        (Schedule("full", "200-epochs", 200, _CIFAR10), Schedule("less", "12-epochs", 12, _ALL)),
        (111, 777, 888, 999),
    ),
)
