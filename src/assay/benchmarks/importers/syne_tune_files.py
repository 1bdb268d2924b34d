"""The files of a folder of Syne Tune's black-box repository, read without executing anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assay.benchmarks.family import KEYS, TEXTS
from assay.benchmarks.importers.own_columns import read_columns
from assay.benchmarks.sources import sha256_of
from assay.foundation.errors import AssayError, UsageError
from assay.foundation.text import shortened
from assay.spaces.configspace_json import from_configspace_json
from assay.spaces.parametric import ParametricSpace

SETTINGS, VALUES, FIDELITIES = (
    "hyperparameters.parquet",
    "objectives_evaluations.npy",
    "fidelities_values.npy",
)
SPACE, FIDELITY_SPACE, METADATA = "configspace.json", "fidelityspace.json", "metadata.json"
FILES = (SETTINGS, VALUES, FIDELITIES, SPACE, METADATA)

_TAKEN = (KEYS, TEXTS)
_MOST_NUMBERS = 2_000_000_000
_MOST_TEXT = 16 << 20
_INDEX = "__index_level_0__"  # how pandas stores the labels of rows


class Folder(NamedTuple):
    """What a folder holds: `values` is (task, configuration, seed, fidelity, objective), mapped.

    `settings` are the values of each configuration by hyperparameter; `space` is None where it cannot be
    read, and `left_out` says why.
    """

    path: Path
    source: str
    tasks: tuple[str, ...]
    objectives: tuple[str, ...]
    hyperparameters: tuple[str, ...]
    settings: list[dict[str, Any]]
    space: ParametricSpace | None
    values: np.ndarray
    fidelities: tuple[float, ...]
    fidelity_name: str
    metadata: dict[str, Any]
    digests: dict[str, str]
    left_out: tuple[str, ...]


def read_folder(path: Path) -> Folder:
    """Return the content of a folder; raises `UsageError` for what is absent, or does not fit together."""
    absent = [name for name in FILES if not (path / name).is_file()]
    if absent:
        raise UsageError(
            "this is no folder of Syne Tune's tabular black boxes",
            where=str(path),
            why=f"it lacks {', '.join(absent)}",
            hint=f"it has {', '.join(FILES)}; those of BlackboxOffline (data-*.parquet) are not read",
        )
    metadata = _object(path / METADATA)
    tasks, objectives = _names(path, metadata, "task_names"), _names(path, metadata, "objectives_names")
    columns = read_columns(path / SETTINGS, lambda names: [name for name in names if name != _INDEX])
    names = [name for name in columns.names if name != _INDEX]
    cells = [columns.values(name) for name in names]
    settings = [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*cells, strict=True)
    ]
    fidelities = _array(path / FIDELITIES, 1)
    values = _array(path / VALUES, 5)
    due = (len(tasks), len(settings), None, len(fidelities), len(objectives))
    if any(want is not None and got != want for got, want in zip(values.shape, due, strict=True)):
        why = f"its shape is {values.shape}; tasks, configurations, fidelities and objectives ask for {due}"
        raise UsageError("the numbers do not fit the other files", where=str(path / VALUES), why=why)
    if not all(np.isfinite(fidelities)) or len(set(fidelities.tolist())) < len(fidelities):
        raise UsageError("fidelities must be different numbers", where=str(path / FIDELITIES))
    space, left_out = _space(path)
    return Folder(
        path=path,
        source=f"Syne Tune black-box folder '{shortened(path.resolve().name, 60)}'",
        tasks=tasks,
        objectives=objectives,
        hyperparameters=tuple(names),
        settings=settings,
        space=space,
        values=values,
        fidelities=tuple(float(one) for one in fidelities),
        fidelity_name=_fidelity_name(path, metadata),
        metadata=metadata,
        digests={name: sha256_of(path / name) for name in FILES},
        left_out=left_out,
    )


def _space(path: Path) -> tuple[ParametricSpace | None, tuple[str, ...]]:
    """Return the space of configspace.json, or a sentence on why it cannot be one."""
    try:
        return from_configspace_json((path / SPACE).read_bytes(), "configspace"), ()
    except AssayError as error:
        return None, (f"{SPACE} is not used: {error.one_line()}",)


def _fidelity_name(path: Path, metadata: dict[str, Any]) -> str:
    """Return what fidelities are called: the only key of fidelityspace.json, or of the metadata."""
    file = path / FIDELITY_SPACE
    listed = list(_object(file)) if file.is_file() else []
    name = listed[0] if len(listed) == 1 else metadata.get("time_attr")
    return name if isinstance(name, str) and name.isprintable() and name else "fidelity"


def _names(path: Path, metadata: dict[str, Any], key: str) -> tuple[str, ...]:
    listed = metadata.get(key)
    if not isinstance(listed, list) or not listed or len({str(one) for one in listed}) < len(listed):
        raise UsageError(f"'{key}' must list different names", where=str(path / METADATA))
    for one in listed:
        if not isinstance(one, str) or not one.isprintable() or not 0 < len(one) <= 200 or one in _TAKEN:
            why = f"got {shortened(str(one), 60)}"
            raise UsageError(f"'{key}' lists what is no name", where=str(path / METADATA), why=why)
    return tuple(listed)


def _object(path: Path) -> dict[str, Any]:
    """Return a JSON object of a file."""
    try:
        if path.stat().st_size > _MOST_TEXT:
            raise UsageError("the file is too large", where=str(path))
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("this is no JSON", where=str(path), why=shortened(str(error), 200)) from None
    if not isinstance(found, dict):
        raise UsageError("expected a JSON object", where=str(path))
    return found


def _array(path: Path, axes: int) -> np.ndarray:
    """Return the numbers of a .npy file, mapped into memory; objects, which would be pickles, are refused."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError, MemoryError) as error:
        why = shortened(str(error) or type(error).__name__, 200)
        raise UsageError("this is no array of numbers", where=str(path), why=why) from None
    kind = getattr(found, "dtype", np.dtype(object)).kind
    if not isinstance(found, np.ndarray) or kind not in "iuf" or found.ndim != axes:
        raise UsageError(f"this is no array of numbers with {axes} axes", where=str(path))
    if not found.size or found.size > _MOST_NUMBERS:
        raise UsageError("the array has no numbers, or too many", where=str(path), why=f"{found.size:,}")
    return found
