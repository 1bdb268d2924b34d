"""Folders of Syne Tune's black-box repository: configurations by seeds, fidelities and objectives.

Source: syne-tune/syne-tune d9970f2, `blackbox_repository/blackbox_tabular.py` (`serialize`) and
`serialize.py`; the keys of metadata.json that recipes add are in `conversion_scripts/scripts/__init__.py`.
A folder holds

    hyperparameters.parquet       a row a configuration, a column a hyperparameter
    objectives_evaluations.npy    (task, configuration, seed, fidelity, objective), float32
    fidelities_values.npy         (fidelity,)
    configspace.json, fidelityspace.json, metadata.json

It says neither which objectives are test metrics nor which way they are better: names tell, and the
card says so. Syne Tune's default is to minimise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from assay.benchmarks.catalogue import FAMILIES
from assay.benchmarks.family import ImportedTable, TableContent
from assay.benchmarks.importers.own_arrays import Axes, over_seeds, reduced
from assay.benchmarks.importers.own_card import NAME
from assay.benchmarks.importers.own_rows import Placed, brought_space, place_settings
from assay.benchmarks.importers.syne_tune_files import Folder, read_folder
from assay.benchmarks.own import OwnTable, write_own
from assay.contracts.card import CostNote, ErrataNote, ExtraNote, ProtocolCard, SeedNote, TaskCard, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import UsageError

_LARGE = 20_000_000  # numbers of a column that stay in the width of the folder
_BETTER_HIGH = re.compile(r"accuracy|(?<![a-z])(acc|auc|f1|precision|recall|score|r2)(?![a-z])")
_WORSE_HIGH = re.compile(r"error|loss|entropy")
_TEST = re.compile(r"(?<![a-z])test(?![a-z])")
_COUNTED = re.compile(r"(?<![a-z])(n?_?params|parameters|flops|macs|size)(?![a-z])")
_MEASURED = re.compile(r"(?<![a-z])(runtime|time|latency|energy|memory)(?![a-z])")
_CELLS = tuple(f"hp_x{i}" for i in range(6))

_CELL_ERRATA = (
    ErrataNote(
        summary="metric_valid_error is measured on the test images ('ori-test'), not on validation images",
        source="syne-tune/syne-tune d9970f2, scripts/nasbench201_import.py, `convert_dataset`",
    ),
    ErrataNote(
        summary="a seed that NAS-Bench-201 lacks was filled in with the mean of the others",
        source="the same, `impute`",
    ),
)


class _Roles(NamedTuple):
    """What each objective is; `elapsed` is counted from the start, `runtime` of one fidelity alone."""

    signals: tuple[str, ...]
    tests: tuple[str, ...]
    extras: tuple[str, ...]
    elapsed: str | None
    runtime: str | None

    @property
    def time(self) -> str:
        """The objective that evaluations are charged by, empty where there is none."""
        return self.elapsed or self.runtime or ""


class _Task(NamedTuple):
    """One task: its numbers (configuration, seed, fidelity, objective), and why they are test numbers."""

    name: str
    given: str
    values: np.ndarray
    selection_on_test: str | None


def import_folder(path: Path, name: str, cache: Path) -> list[ImportedTable]:
    """Import every task of a folder as a benchmark of the family `name`.

    Raises `UsageError` for a folder that is not one of Syne Tune's tabular black boxes.
    """
    if not name:
        raise UsageError("a folder of Syne Tune needs a name", where=str(path), hint="--as NAME")
    if NAME.fullmatch(name) is None or name in FAMILIES.names():
        why = "it is the name of published tables" if name in FAMILIES.names() else None
        raise UsageError(f"'{name}' cannot name tables", why=why, hint="--as my-tables")
    folder = read_folder(path)
    placed = place_settings(folder.settings, folder.space, name)
    roles = _roles(folder)
    selection = None
    if folder.hyperparameters == _CELLS and "metric_valid_error" in roles.signals:
        selection = "Syne Tune's metric_valid_error of NAS-Bench-201 is measured on the test images"
        roles = roles._replace(tests=())
    names = _task_names(folder)
    return [
        write_own(
            _table(folder, _Task(names[given], given, folder.values[i], selection), name, placed, roles),
            cache,
        )
        for i, given in enumerate(folder.tasks)
    ]


def _roles(folder: Folder) -> _Roles:
    """Return what each objective is, by the metadata and by its name."""
    listed = list(folder.objectives)
    elapsed = folder.metadata.get("metric_elapsed_time")
    elapsed = elapsed if elapsed in listed else None
    runtime = folder.metadata.get("time_this_resource_attr")
    runtime = runtime if runtime in listed and elapsed is None else None
    rest = [one for one in listed if one not in (elapsed, runtime)]
    tests = tuple(one for one in rest if _TEST.search(_plain(one)))
    others = [one for one in rest if one not in tests]
    extras = tuple(one for one in others if _COUNTED.search(_plain(one)) or _MEASURED.search(_plain(one)))
    first = folder.metadata.get("metric_default")
    signals = [one for one in others if one not in extras]
    signals.sort(key=lambda one: one != first)
    if not signals:
        why = f"its objectives are {', '.join(listed)}"
        raise UsageError("the folder has no objective that a search may see", where=str(folder.path), why=why)
    return _Roles(tuple(signals), tests, extras, elapsed, runtime)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _maximize(name: str) -> bool:
    plain = _plain(name)
    return bool(_BETTER_HIGH.search(plain)) and not _WORSE_HIGH.search(plain)


def _task_names(folder: Folder) -> dict[str, str]:
    """Return a name that a benchmark can have for each task."""
    names = {one: re.sub(r"[^A-Za-z0-9._-]+", "-", one).strip("-._")[:80] for one in folder.tasks}
    if "" in names.values() or len(set(names.values())) < len(names):
        why = f"they are {', '.join(folder.tasks[:8])}"
        raise UsageError("the tasks of the folder cannot be told apart", where=str(folder.path), why=why)
    return names


def _table(folder: Folder, task: _Task, family: str, placed: Placed, roles: _Roles) -> OwnTable:
    dropped = list(folder.left_out)
    fidelities, order, are_epochs = _fidelities(folder)
    columns: dict[str, Axes] = {
        one: _column(task.values[..., folder.objectives.index(one)], placed, order) for one in roles.signals
    }
    for one, (_, values) in columns.items():
        absent = int(np.isnan(values[np.unique(placed.places)]).sum())
        if absent:
            dropped.append(f"{absent:,} numbers of '{one}' are absent: they are missing, and not filled in")
    for one in roles.extras:
        column = task.values[:, :, order, folder.objectives.index(one)].transpose(0, 2, 1)
        columns[one] = reduced(_by_architecture(column, placed))
    costs = _costs(folder, task, roles, order)
    prefix = are_epochs and len(order) > 1
    if costs is None:
        dropped.append("no cost: no objective is a time that every configuration has")
    else:
        prefix = prefix and _rises(costs, fidelities)
        charged = np.nan_to_num(_by_architecture(costs, placed), nan=0.0)
        axes = ("architecture", "fidelity")
        columns[roles.time] = (axes, charged) if len(order) > 1 else (axes[:1], charged[:, 0])
    missing = placed.size - len(np.unique(placed.places))
    if missing:
        dropped.append(f"{missing:,} of the {placed.size:,} architectures of the space have no row")
    test = _by_architecture(_tested(folder, task, roles, order), placed) if roles.tests else None
    dropped += [f"the test metric '{one}' is left out: a vault holds one" for one in roles.tests[1:]]
    content = TableContent(
        columns=columns,
        test=test,
        rows=placed.rows,
        sources=folder.digests,
        dropped=tuple(dropped),
        **brought_space(placed),
    )
    cost = _cost_note(roles, missing) if costs is not None else None
    card = _card(folder, task, family, placed, roles, fidelities, prefix=prefix, cost=cost)
    return OwnTable(family, card, content, {one: one for one in roles.signals})


def _fidelities(folder: Folder) -> tuple[tuple[Fidelity, ...], list[int], bool]:
    """Return the fidelities, the last first, their places in the folder, and whether they are epochs."""
    values = folder.fidelities
    places = sorted(range(len(values)), key=lambda i: values[i])
    order = [places[-1], *places[:-1]]
    are_epochs = all(value == int(value) and value >= 1 for value in values)
    name = folder.fidelity_name
    made = [
        Fidelity(name, int(values[i])) if are_epochs else Fidelity(f"{name}={values[i]:g}") for i in order
    ]
    return tuple(made), order, are_epochs


def _column(values: np.ndarray, placed: Placed, order: Sequence[int]) -> Axes:
    """Return a signal with its axes: seeds last, and fidelities where there are several."""
    column = _by_architecture(values[:, :, order].transpose(0, 2, 1), placed)
    if len(order) == 1:
        return ("architecture", "seed"), column[:, 0]
    return ("architecture", "fidelity", "seed"), column


def _by_architecture(values: np.ndarray, placed: Placed) -> np.ndarray:
    """Return rows at their architectures, NaN elsewhere; exact, in float32 only where they are many."""
    size = placed.size * int(np.prod(values.shape[1:]))
    whole = np.full(
        (placed.size, *values.shape[1:]), np.nan, dtype=values.dtype if size > _LARGE else np.float64
    )
    whole[placed.places] = values
    return whole


def _costs(folder: Folder, task: _Task, roles: _Roles, order: Sequence[int]) -> np.ndarray | None:
    """Return what each configuration is charged at each fidelity, None where a time is not known."""
    if not roles.time:
        return None
    place = folder.objectives.index(roles.time)
    times = over_seeds(task.values[..., place].transpose(0, 2, 1).astype(np.float64))
    if roles.elapsed is None:
        ranks = np.argsort(folder.fidelities, kind="stable")
        times[:, ranks] = np.cumsum(times[:, ranks], axis=1)
    known = np.isfinite(times) & (times >= 0)
    costs: np.ndarray = times[:, order]
    return costs if known.all() else None


def _rises(costs: np.ndarray, fidelities: Sequence[Fidelity]) -> bool:
    """Say whether a longer training never costs less, as one that continues a shorter one cannot."""
    order = np.argsort([one.epoch or 0 for one in fidelities])
    return bool((np.diff(costs[:, order], axis=1) >= 0).all())


def _tested(folder: Folder, task: _Task, roles: _Roles, order: Sequence[int]) -> np.ndarray:
    """Return the first test metric: the mean over seeds at the last fidelity."""
    place = folder.objectives.index(roles.tests[0])
    return over_seeds(task.values[:, :, order[0], place].astype(np.float64))


def _card(
    folder: Folder,
    task: _Task,
    family: str,
    placed: Placed,
    roles: _Roles,
    fidelities: tuple[Fidelity, ...],
    *,
    prefix: bool,
    cost: CostNote | None,
) -> ProtocolCard:
    seeds = tuple(range(task.values.shape[1]))
    told = "the folder states neither split nor unit; the name tells which way it is better"
    tested = task.selection_on_test
    return ProtocolCard(
        benchmark=f"{family}/{task.name}",
        version=1,
        space=placed.space,
        task=TaskCard(
            name=task.name,
            version=f"syne-tune-folder-{family}",
            title=task.given,
            family=task.name,
            lineage=(task.given,),
            metric=roles.signals[0],
            source=folder.source,
        ),
        signals=tuple(
            Signal(
                name=one,
                metric=one,
                split="test" if tested and one == "metric_valid_error" else "not stated",
                unit="not stated",
                maximize=_maximize(one),
                description=told,
            )
            for one in roles.signals
        ),
        fidelities=fidelities,
        seeds=SeedNote(
            seeds=seeds,
            aggregated=False,
            policies=("mean-of-available", "require", *(f"seed={seed}" for seed in seeds)),
            note=f"{len(seeds)} repetitions of every configuration, numbered in the order of the folder",
        ),
        test=_test_note(folder, roles),
        no_test_because=None
        if roles.tests
        else tested or "no objective of the folder is named a test metric",
        cost=cost,
        extras=roles.extras,
        extra_notes=tuple(
            ExtraNote(
                column=one,
                title=one,
                unit="not stated",
                origin="counted" if _COUNTED.search(_plain(one)) else "measured",
            )
            for one in roles.extras
        ),
        selection_on_test=tested,
        prefix=prefix,
        source=folder.source,
        digest_of_source=folder.digests,
        licence="not stated in the folder",
        citation="",
        errata=_CELL_ERRATA if tested else (),
    )


def _test_note(folder: Folder, roles: _Roles) -> TestNote | None:
    if not roles.tests:
        return None
    name = roles.tests[0]
    return TestNote(
        metric=name,
        split="test",
        unit="not stated",
        maximize=_maximize(name),
        evidence=f"{folder.source}, metadata.json: the objective is called '{name}'",
    )


def _cost_note(roles: _Roles, missing: int) -> CostNote:
    rule = f"'{roles.elapsed}' of the folder, from the start of training"
    if roles.elapsed is None:
        rule = f"'{roles.runtime}' of the folder, added up over the fidelities"
    nothing = "; nothing for an architecture without a row" if missing else ""
    return CostNote(column=roles.time, unit="seconds", rule=f"{rule}, mean over the repetitions{nothing}")
