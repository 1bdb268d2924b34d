"""NAS-Bench-Macro (Su et al., CVPR 2021): 6,561 networks on CIFAR-10, of which there is test accuracy alone.

Source: one JSON object, from the eight digits of a network to `test_acc` (%, three trainings), their
`mean_acc` and `std`, `params` and `flops`. It is at xiusu/NAS-Bench-Macro 61a2bfc, which also holds the
program that made it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from assay.benchmarks.family import Family, TableContent, table_space
from assay.benchmarks.sources import OfficialFile, OfficialFiles, find_official
from assay.contracts.card import ErrataNote, ExtraNote, ProtocolCard, SeedNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import CorruptError
from assay.spaces.nas_bench_macro import NasBenchMacroSpace
from assay.tasks.cards import task_card

SEEDS = (0, 1, 2)

_FILE = "nas-bench-macro_cifar10.json"
_COMMIT = "61a2bfc2ca0dce04d0997e6cf498047c27d6acf2"
_REPOSITORY = "xiusu/NAS-Bench-Macro at 61a2bfc"
_COUNTED = ("params", "flops")
_ROUNDING = 1e-9  # of a published mean against that of its trainings

SOURCE = OfficialFiles(
    name="nas-bench-macro",
    version=_COMMIT[:7],
    homepage="https://github.com/xiusu/NAS-Bench-Macro",
    licence="Apache-2.0",
    citation="""@inproceedings{su2021prioritized,
  title     = {Prioritized Architecture Sampling with {Monto-Carlo} Tree Search},
  author    = {Su, Xiu and Huang, Tao and Li, Yanxi and You, Shan and Wang, Fei and Qian, Chen
               and Zhang, Changshui and Xu, Chang},
  booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages     = {10968--10977},
  year      = {2021}
}
""",
    obtain=f"download data/{_FILE} of https://github.com/xiusu/NAS-Bench-Macro",
    files=(
        OfficialFile(
            name=_FILE,
            sha256="686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297",
            url=f"https://raw.githubusercontent.com/xiusu/NAS-Bench-Macro/{_COMMIT}/data/{_FILE}",
            bytes=1_178_821,
        ),
    ),
)
_SEED_NOTE = SeedNote(
    seeds=SEEDS,
    aggregated=False,
    policies=("mean-of-available", "require", *(f"seed={seed}" for seed in SEEDS)),
    note=f"three trainings of every network, seeded 0, 1 and 2 one after the other by train/train.py of "
    f"{_REPOSITORY}; the published mean is that of all three",
)
_SIGNAL = Signal(
    name="test",
    metric="accuracy",
    split="the 10,000 test images",
    unit="%",
    description="the highest of 50 epochs",
)
_EXTRAS = (
    ExtraNote(column="params", title="parameters", unit="parameters", origin="counted"),
    ExtraNote(
        column="flops", title="multiplications of convolutions and classifier", unit="FLOPs", origin="counted"
    ),
)
_ERRATA = (
    ErrataNote(
        summary="each accuracy is the highest that any of the 50 epochs reached on the test images, not that "
        "of the last; it is too high for the network, and no other split was held out",
        source=f"train/train.py of {_REPOSITORY}: `best_acc` over the images of `train=False`",
    ),
    ErrataNote(
        summary="3,969 of the 6,561 networks were trained; an identity that is not first in its stage "
        "changes nothing, and the file repeats one training for all strings of the same network",
        source=f"`get_real_arch` in train/collect_benchmark.py of {_REPOSITORY}; equal numbers in the file",
    ),
)


class NASBenchMacro:
    """One image task over 6,561 networks; its only metric is a test metric."""

    name = "nas-bench-macro"
    revision = 1
    title = "NAS-Bench-Macro: stacks of eight blocks on CIFAR-10, test accuracy alone"
    tasks = ("cifar10",)

    def __init__(self, source: OfficialFiles = SOURCE) -> None:
        self.source = source
        self.readings: dict[str, Family] = {}
        self.signals = {"test": "test_acc"}

    def space(self, task: str) -> str:  # noqa: ARG002  there is one task
        """Return the name of the search space."""
        return NasBenchMacroSpace.name

    def card(self, task: str) -> ProtocolCard:
        """Return the protocol card of the task."""
        return ProtocolCard(
            benchmark=f"{self.name}/{task}",
            version=1,
            space=self.space(task),
            task=structs.replace(
                task_card("cifar10"),
                version="nas-bench-macro",
                split="50,000 training and 10,000 test images, none held out for validation",
                source=f"train/train.py of {_REPOSITORY}",
            ),
            signals=(_SIGNAL,),
            fidelities=(Fidelity(schedule="50-epochs"),),
            seeds=_SEED_NOTE,
            test=None,
            no_test_because="its only metric is a test metric, and that is the signal itself",
            cost=None,
            extras=_COUNTED,
            extra_notes=_EXTRAS,
            selection_on_test="the source has test accuracy alone, so that a search selects on test images",
            source=f"{self.source.name} {self.source.version}",
            digest_of_source={file.name: file.sha256 for file in self.source.files if file.sha256},
            licence=self.source.licence,
            citation=self.source.citation,
            errata=_ERRATA,
        )

    def read(self, task: str, place: Path) -> TableContent:
        """Return test accuracy by network and training, and the counted columns by network."""
        found = find_official(self.source, _FILE, place)
        where = str(found.path)
        source = _decoded(found.path)
        space = table_space(self.space(task))
        keys = [space.format(space.at(i)) for i in range(space.size)]
        if sorted(source) != sorted(keys):
            why = f"{len(source):,} entries for {space.size:,} networks"
            raise CorruptError("the table does not cover its search space", where=where, why=why)
        rows = [_row(key, source[key], where) for key in keys]
        columns = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in _COUNTED}
        return TableContent(
            columns={
                "test_acc": (
                    ("architecture", "seed"),
                    np.array([row["test_acc"] for row in rows], dtype=np.float64),
                ),
                **{name: (("architecture",), column) for name, column in columns.items()},
            },
            test=None,
            sources={_FILE: found.sha256 or ""},
            dropped=("`mean_acc` and `std` are not in the table: they follow from the three trainings",),
        )


def _decoded(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file; raises `CorruptError` for anything else, and for a key twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key occurs twice")
        return found

    try:
        source = json.loads(path.read_bytes(), object_pairs_hook=unique)
    except (RecursionError, ValueError) as error:
        raise CorruptError("the file is no JSON table", where=str(path), why=str(error)) from None
    if not isinstance(source, dict):
        raise CorruptError("the file holds no object of networks", where=str(path))
    return source


def _row(key: str, row: Any, where: str) -> dict[str, Any]:
    """Return a network's entry once it is as the card says, and its mean that of its trainings."""
    try:
        trainings = [float(value) for value in row["test_acc"]]
        counted = [float(row[name]) for name in _COUNTED]
        mean = float(row["mean_acc"])
    except (KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise CorruptError(f"the entry of {key} is not as its card says", where=where, why=why) from None
    if len(trainings) != len(SEEDS) or not all(map(math.isfinite, (*trainings, *counted))):
        raise CorruptError(f"the entry of {key} does not have {len(SEEDS)} trainings", where=where)
    if abs(sum(trainings) / len(trainings) - mean) > _ROUNDING:
        raise CorruptError(f"the mean of {key} is not that of its trainings", where=where)
    return {"test_acc": trainings, **dict(zip(_COUNTED, counted, strict=True))}


FAMILY = NASBenchMacro()
