"""HW-NAS-Bench (Li et al., ICLR 2021): latency and energy of NAS-Bench-201's cells on six devices.

Source: a pickled dictionary, in this part ['nasbench201'][data set][metric], with a number for each of
15,625 cells in the order of ['config'], whose 'arch_str' names the cell. Format and units as in README.md,
example.ipynb and `hw_nas_bench_api/hw_nas_bench_api.py` of GATECH-EIC/HW-NAS-Bench at 393bb8a. The costs of
FBNet's blocks, in the same file, are read in `fbnet_costs`.

There is no accuracy in it: its signals are the hardware metrics. The index is that of NAS-Bench-201's other
tables, by which they join.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.importers.restricted import load_published
from assay.benchmarks.sources import OfficialFile, OfficialFiles, find_official
from assay.contracts.card import ErrataNote, ExtraNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.contracts.space import Enumerable
from assay.foundation.errors import AssayError, CorruptError
from assay.tasks.cards import task_card

FILE = "HW-NAS-Bench-v1_0.pickle"
BLOB = "b0634cb7f6e7be07192c77833df9eafa4baf705e"
"""Git's name of the file (SHA-1), the only one that its repository has had since the first commit."""

_COMMIT = "393bb8a02554dcd28e091fbbdb4d7aefe590018a"
_REPOSITORY = "GATECH-EIC/HW-NAS-Bench at 393bb8a"
_LIMIT = 256 * 1024 * 1024
_DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}

SOURCE = OfficialFiles(
    name="hw-nas-bench",
    version="1.0",
    homepage="https://github.com/GATECH-EIC/HW-NAS-Bench",
    licence="MIT",
    citation="""@inproceedings{li2021hwnasbench,
  title     = {{HW-NAS-Bench}: Hardware-Aware Neural Architecture Search Benchmark},
  author    = {Li, Chaojian and Yu, Zhongzhi and Fu, Yonggan and Zhang, Yongan and Zhao, Yang
               and You, Haoran and Yu, Qixuan and Wang, Yue and Lin, Yingyan},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}
""",
    obtain=f"download {FILE} of https://github.com/GATECH-EIC/HW-NAS-Bench",
    files=(
        OfficialFile(
            name=FILE, url=f"https://raw.githubusercontent.com/GATECH-EIC/HW-NAS-Bench/{_COMMIT}/{FILE}"
        ),
    ),
)


class Metric(NamedTuple):
    """A hardware metric as published: its column, what it is, and how the numbers came to be."""

    column: str
    kind: str
    unit: str
    origin: str
    device: str


METRICS = (
    Metric("edgegpu_latency", "latency", "ms", "measured", "NVIDIA Jetson TX2"),
    Metric("edgegpu_energy", "energy", "mJ", "measured", "NVIDIA Jetson TX2"),
    Metric("raspi4_latency", "latency", "ms", "measured", "Raspberry Pi 4"),
    Metric("edgetpu_latency", "latency", "ms", "measured", "Google Edge TPU"),
    Metric("pixel3_latency", "latency", "ms", "measured", "Google Pixel 3"),
    Metric("eyeriss_latency", "latency", "ms", "simulated", "Eyeriss"),
    Metric("eyeriss_energy", "energy", "mJ", "simulated", "Eyeriss"),
    Metric("eyeriss_arithmetic_intensity", "arithmetic intensity", "not stated", "simulated", "Eyeriss"),
    Metric("fpga_latency", "latency", "ms", "simulated", "FPGA"),
    Metric("fpga_energy", "energy", "mJ", "simulated", "FPGA"),
)
INFERENCE = Fidelity(schedule="inference of one image")
SEEDS = SeedNote(
    seeds=(),
    aggregated=True,
    policies=("published",),
    note="one number each. Those of the Jetson TX2 are means of 50 inferences in a row (README.md and "
    f"dev/proj_edgegpu/EdgeGPU_Benchmark.py of {_REPOSITORY}); of the others this is not stated",
)
ERRATA = (
    ErrataNote(
        summary="which numbers are measured is not stated in the repository ('measured/estimated'). The "
        "columns of Eyeriss and of the FPGA are models': of 15,625 latencies on CIFAR-10 27 and 84 differ",
        source=f"README.md of {_REPOSITORY}; data/nasbench201/latency of HayeonLee/HELP at 45f70eb, a copy",
    ),
    ErrataNote(
        summary="the energy of the FPGA is 7 W times its latency, and says nothing that the latency does not",
        source=f"every example that example.ipynb of {_REPOSITORY} prints",
    ),
    ErrataNote(
        summary="cells that pass nothing from their input to their output seem to be compiled away on the "
        "devices that were measured: most of their numbers are far below those of every other cell, down to "
        "0.003 ms. Those below all others are missing here",
        source="341 of 15,625 cells; on CIFAR-10 289 of them on the Raspberry Pi 4, 283 on the Pixel 3, in "
        "data/nasbench201/latency of HayeonLee/HELP at 45f70eb, a copy",
    ),
    ErrataNote(
        summary="the API's `average_hw_metric` is a product, not an average, and is not in the table",
        source=f"hw_nas_bench_api/hw_nas_bench_api.py of {_REPOSITORY}",
    ),
)


def signal(metric: Metric) -> Signal:
    """Return a metric as a signal; all but the arithmetic intensity are better when lower."""
    return Signal(
        name=metric.column,
        metric=metric.kind,
        split="no data",
        unit=metric.unit,
        maximize=metric.kind == "arithmetic intensity",
        description=f"{metric.origin}, {metric.device}",
    )


def note(metric: Metric) -> ExtraNote:
    """Return a metric as an open column, with its origin and device."""
    return ExtraNote(
        column=metric.column,
        title=f"{metric.kind} of one inference",
        unit=metric.unit,
        origin=metric.origin,
        maximize=metric.kind == "arithmetic intensity",
        device=metric.device,
    )


class HWNASBench201:
    """Three data sets over 15,625 cells; the metrics of six devices are the signals."""

    name = "hw-nas-bench-201"
    revision = 1
    title = "HW-NAS-Bench: latency and energy of NAS-Bench-201's cells on six devices"
    tasks = tuple(_DATASETS)

    def __init__(self, source: OfficialFiles = SOURCE, blob: str | None = BLOB) -> None:
        self.source = source
        self.readings: dict[str, Family] = {}
        self.signals = {metric.column: metric.column for metric in METRICS}
        self._blob = blob

    def space(self, task: str) -> str:  # noqa: ARG002  all tasks of this family have one space
        """Return the name of the search space."""
        return "nas-bench-201"

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of a task."""
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=structs.replace(
                task_card(task),
                version="hw-nas-bench-1.0",
                metric="latency",
                split="no data: it stands for the size of its images and the number of its classes",
            ),
            signals=tuple(map(signal, METRICS)),
            fidelities=(INFERENCE,),
            seeds=SEEDS,
            test=None,
            no_test_because="latency and energy are no metric of a test split",
            cost=None,
            # Signals, and columns beside: their origin and device are stated as those of every latency.
            extras=tuple(metric.column for metric in METRICS),
            extra_notes=tuple(map(note, METRICS)),
            source=f"{self.source.name} {self.source.version}",
            digest_of_source={file.name: file.sha256 for file in self.source.files if file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:
        """Return the metrics of a data set over the cells, and what of them is missing and why."""
        found = find_official(self.source, FILE, place)
        where = f"{found.path}, {_DATASETS[task]}"
        table = _part(load_official(found.path, self._blob), ("nasbench201", _DATASETS[task]), where)
        space = table_space(self.space(task))
        order = cell_order(space, _cells(table.get("config"), where), where)
        dead = ~np.array([passes_on(space.at(i)) for i in range(space.size)])
        columns, dropped = {}, []
        for metric in METRICS:
            published = numbers(table.get(metric.column), metric.column, space.size, where)
            values = np.full(space.size, np.nan)
            values[order] = published
            gone = ~np.isfinite(values) | (values <= 0)
            away = compiled_away(values, dead) if metric.origin == "measured" else np.zeros_like(dead)
            values[gone | away] = np.nan
            columns[metric.column] = (("architecture",), values)
            if gone.any():
                dropped.append(f"{gone.sum():,} numbers of {metric.column} are not above zero, and missing")
            if away.any():
                dropped.append(
                    f"{away.sum():,} numbers of {metric.column} are of cells that pass nothing on and were "
                    "compiled away, and are missing"
                )
        return TableContent(
            columns=columns, test=None, sources={FILE: found.sha256 or ""}, dropped=tuple(dropped)
        )


def load_official(path: Path, blob: str | None = BLOB) -> Any:
    """Return the pickled dictionary of a file; raises `CorruptError` where Git's name of it is another."""
    data = path.read_bytes()
    found = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if blob is not None and found != blob:
        raise CorruptError(
            f"{path.name} is not the file of HW-NAS-Bench's repository",
            where=str(path),
            why=f"git hash-object {found[:12]} found, {blob[:12]} published",
            hint=f"get it again: {SOURCE.obtain}",
        )
    return load_published(data, path, _LIMIT)


def numbers(values: Any, name: str, size: int, where: str) -> np.ndarray:
    """Return one number a cell, as float64; raises `CorruptError` for anything else."""
    try:
        column = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        column = np.empty(0)
    if column.shape != (size,):
        raise CorruptError(f"'{name}' is not one number for each of {size:,} cells", where=where)
    return column


def passes_on(cell: tuple[int, ...]) -> bool:
    """Say whether a way without 'none' leads from a cell's input to its output.

    A cell gives the operations on the edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2; 'none' is 0.
    """
    first = bool(cell[0])
    second = bool(cell[1]) or (first and bool(cell[2]))
    return bool(cell[3]) or (first and bool(cell[4])) or (second and bool(cell[5]))


def compiled_away(values: np.ndarray, dead: np.ndarray) -> np.ndarray:
    """Return which numbers are of cells that pass nothing on, and below those of all other cells."""
    alive = values[~dead & np.isfinite(values) & (values > 0)]
    below: np.ndarray = dead & (values > 0) & (values < alive.min(initial=np.inf))
    return below


def _part(source: Any, keys: tuple[str, ...], where: str) -> dict[str, Any]:
    for key in keys:
        if not isinstance(source, dict) or key not in source:
            raise CorruptError(f"the pickle has no '{key}'", where=where)
        source = source[key]
    if not isinstance(source, dict):
        raise CorruptError(f"'{keys[-1]}' is no dictionary of metrics", where=where)
    return source


def cell_order(space: Enumerable[Any], texts: Sequence[Any], where: str) -> np.ndarray:
    """Return the index of each published cell; raises `CorruptError` where they are not every cell once."""
    try:
        order = [space.index(space.parse(text)) for text in texts]
    except (AssayError, AttributeError, TypeError) as error:
        why = error.one_line() if isinstance(error, AssayError) else str(error)
        raise CorruptError("a published cell is not one of the space", where=where, why=why) from None
    if sorted(order) != list(range(space.size)):
        why = f"{len(order):,} cells, {len(set(order)):,} different ones, of {space.size:,}"
        raise CorruptError("the published cells are not every cell of the space once", where=where, why=why)
    return np.array(order)


def _cells(configs: Any, where: str) -> list[Any]:
    """Return the published strings of the cells that the numbers are of."""
    try:
        return [config["arch_str"] for config in configs]
    except (KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise CorruptError("'config' does not name a cell for each number", where=where, why=why) from None


FAMILY = HWNASBench201()
