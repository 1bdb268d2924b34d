"""Users' own tables: a data file with a card becomes a benchmark like any other (see docs/tables.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from assay.benchmarks.catalogue import FAMILIES
from assay.benchmarks.family import ImportedTable, TableContent
from assay.benchmarks.importers.own_arrays import Axes, over_seeds, reduced
from assay.benchmarks.importers.own_card import (
    COST,
    OwnCard,
    OwnCost,
    OwnFile,
    OwnSignal,
    OwnTest,
    read_card,
    refuse_unknown,
)
from assay.benchmarks.importers.own_columns import DataColumns, read_columns
from assay.benchmarks.importers.own_rows import Placed, brought_space, parameter_columns, place_rows
from assay.benchmarks.importers.syne_tune import import_folder
from assay.benchmarks.own import OwnTable, write_own
from assay.benchmarks.tabular import never_less, of_schedule
from assay.contracts.card import CostNote, ExtraNote, ProtocolCard, SeedNote, TestNote
from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Signal
from assay.foundation.errors import UsageError
from assay.foundation.text import shortened

_MOST_NUMBERS = 200_000_000
_MOST_SEEDS = 10_000


def is_own(name: str) -> bool:
    """Tell the path of a card, or of a folder, from the name of a family."""
    return name.endswith(".toml") or Path(name).is_dir()


def import_own(path: Path, cache: Path, name: str = "") -> list[ImportedTable]:
    """Import the table of the card at `path`, or a folder of Syne Tune's under a name.

    Raises `StudyError` for the card, `UsageError` with file, row and column for the data.
    """
    if path.is_dir():
        return import_folder(path, name, cache)
    if name:
        raise UsageError("a card has the name of its family", where=str(path), hint="change its key 'family'")
    own = read_card(path)
    if own.card.family in FAMILIES.names():
        why = "its tables are published ones"
        raise own.error(f"'{own.card.family}' is the name of another family", "family", why=why)
    columns = read_columns(own.data, lambda names: _wanted(own, names), own.card.sha256)
    columns, left_out = _chosen(own.card, columns)
    layout = _laid_out(own, columns)
    content = _content(own, columns, layout, left_out)
    card = _protocol_card(own, columns, layout)
    signals = {name: name for name in own.card.signals}
    return [write_own(OwnTable(own.card.family, card, content, signals), cache)]


class _Layout(NamedTuple):
    """Where each row goes: architecture, fidelity, seed."""

    placed: Placed
    fidelities: tuple[Fidelity, ...]
    fidelity: np.ndarray
    seeds: tuple[int, ...]
    seed: np.ndarray | None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.placed.size, len(self.fidelities), max(len(self.seeds), 1)


def _wanted(own: OwnFile, names: list[str]) -> Iterable[str]:
    refuse_unknown(own, names)
    return [*(column for column, _ in own.card.columns()), *parameter_columns(own, names)]


def _chosen(card: OwnCard, columns: DataColumns) -> tuple[DataColumns, list[str]]:
    """Return the rows that the card's `where` chooses, and a sentence on the others."""
    if not card.where:
        return columns, []
    kept = np.ones(columns.rows, dtype=bool)
    for column, value in card.where.items():
        kept &= np.array([text == str(value) for text in columns.texts(column)])
    said = " and ".join(f"{shortened(column, 40)} = {value}" for column, value in card.where.items())
    if not kept.any():
        raise UsageError("no row is chosen", where=str(columns.path), why=f"none has {said}")
    left_out = int((~kept).sum())
    sentence = f"{left_out:,} rows are left out: not with {said}"
    return columns.chosen(np.flatnonzero(kept)), [sentence] if left_out else []


def _laid_out(own: OwnFile, columns: DataColumns) -> _Layout:
    """Return the place of each row; raises where two rows have one."""
    placed = place_rows(own, columns)
    fidelities, fidelity = _fidelities(own.card, columns)
    seeds: tuple[int, ...] = own.card.seeds.values if own.card.seeds else ()
    seed = None
    if own.card.seeds and own.card.seeds.column is not None:
        found, seed = np.unique(columns.integers(own.card.seeds.column, 0), return_inverse=True)
        seeds = tuple(found.tolist())
        if len(seeds) > _MOST_SEEDS:
            why = f"{len(seeds):,} different numbers in '{shortened(own.card.seeds.column, 40)}'"
            raise own.error("this is no column of seeds", "seeds", "column", why=why)
    layout = _Layout(placed, fidelities, fidelity, seeds, seed)
    total = layout.shape[0] * layout.shape[1] * layout.shape[2]
    if total > _MOST_NUMBERS:
        why = f"{' x '.join(f'{n:,}' for n in layout.shape)} (architectures, fidelities, seeds)"
        raise UsageError("the table would be too large", where=str(columns.path), why=why)
    _refuse_twice(columns, layout)
    return layout


def _fidelities(card: OwnCard, columns: DataColumns) -> tuple[tuple[Fidelity, ...], np.ndarray]:
    """Return the fidelities, the last epoch first and then in their order, and that of each row."""
    described = card.fidelity
    names = columns.texts(described.schedule_column) if described.schedule_column else None
    epochs = columns.integers(described.epoch_column, 1).tolist() if described.epoch_column else None
    schedules = names or [described.schedule or ""] * columns.rows
    if "" in schedules:
        raise UsageError(
            "a row has no schedule",
            where=columns.where(schedules.index(""), described.schedule_column or ""),
        )
    found = [Fidelity(*pair) for pair in zip(schedules, epochs or [None] * columns.rows, strict=True)]
    order = {schedule: i for i, schedule in enumerate(dict.fromkeys(schedules))}
    listed = sorted(set(found), key=lambda one: (order[one.schedule], one.epoch or 0))
    last = max((one for one in listed if one.schedule == schedules[0]), key=lambda one: one.epoch or 0)
    listed = [last, *(one for one in listed if one != last)]
    places = {one: i for i, one in enumerate(listed)}
    return tuple(listed), np.array([places[one] for one in found], dtype=np.int64)


def _refuse_twice(columns: DataColumns, layout: _Layout) -> None:
    """Raise for the first two rows that are of the same architecture, fidelity and seed."""
    _, fidelities, seeds = layout.shape
    places = layout.placed.places * fidelities + layout.fidelity
    if layout.seed is not None:
        places = places * seeds + layout.seed
    order = np.argsort(places, kind="stable")
    same = np.flatnonzero(np.diff(places[order]) == 0)
    if same.size:
        first, second = sorted(int(row) for row in order[same[0] : same[0] + 2])
        alike = ["architecture", *(["fidelity"] if fidelities > 1 else [])]
        alike += ["seed"] if layout.seed is not None else []
        raise UsageError(
            f"two rows are of the same {' and '.join(alike)}",
            where=f"{columns.path}, rows {first + 1:,} and {second + 1:,}",
            why=layout.placed.alike,
            hint="[seeds] column, [fidelity] epoch_column or [where] tell rows apart",
        )


def _content(own: OwnFile, columns: DataColumns, layout: _Layout, said: list[str]) -> TableContent:
    """Return the arrays of the table, the test column apart."""
    card, dropped = own.card, list(said)
    whole = {name: _spread(one, columns, layout) for name, one in card.signals.items()}
    rows = len(np.unique(layout.placed.places))
    if rows < layout.placed.size:
        absent, size = layout.placed.size - rows, layout.placed.size
        dropped.append(f"{absent:,} of the {size:,} architectures of the space have no row")
    for name, values in whole.items():
        _refuse_empty(own, name, values)
        dropped += _absent(name, values, rows * layout.shape[1] * layout.shape[2])
    result: dict[str, Axes] = {name: _axes(values, layout) for name, values in whole.items()}
    test = None
    if card.test is not None:
        test = over_seeds(_spread(card.test, columns, layout)[:, 0])
        _refuse_equal(own, test, whole)
    if (cost := card.cost) is not None:
        known = np.any([np.isfinite(over_seeds(values)) for values in whole.values()], axis=0)
        result[COST] = _costs(own, cost, columns, layout, known)
    for name, extra in card.extras.items():
        result[name] = reduced(_spread_one(columns.numbers(extra.column), layout))
    named = {column for column, _ in card.columns()} | set(parameter_columns(own, columns.names))
    unused = len(columns.names) - len(named)
    if unused:
        dropped.append(f"{unused:,} columns of {columns.path.name} are named by no key of the card")
    return TableContent(
        columns=result,
        test=test,
        rows=layout.placed.rows,
        sources={columns.path.name: columns.sha256},
        dropped=tuple(dropped),
        **brought_space(layout.placed),
    )


def _spread(one: OwnSignal | OwnTest, columns: DataColumns, layout: _Layout) -> np.ndarray:
    """Return (architecture, fidelity, seed) of a signal or the test metric, NaN where nothing is."""
    if one.column is not None:
        return _spread_one(columns.numbers(one.column), layout)
    whole = np.full(layout.shape, np.nan)
    for k, column in enumerate(one.columns):
        whole[layout.placed.places, layout.fidelity, k] = columns.numbers(column)
    return whole


def _spread_one(numbers: np.ndarray, layout: _Layout) -> np.ndarray:
    """Return the numbers of one column by (architecture, fidelity, seed); one seed where rows have none."""
    size, fidelities, seeds = layout.shape
    whole = np.full((size, fidelities, seeds if layout.seed is not None else 1), np.nan)
    whole[layout.placed.places, layout.fidelity, 0 if layout.seed is None else layout.seed] = numbers
    return whole


def _axes(values: np.ndarray, layout: _Layout) -> Axes:
    """Return an array without the axes that the card does not have."""
    axes = ["architecture"]
    if len(layout.fidelities) > 1:
        axes.append("fidelity")
    else:
        values = values[:, 0]
    if layout.seeds:
        axes.append("seed")
    else:
        values = values[..., 0]
    return tuple(axes), values


def _costs(own: OwnFile, cost: OwnCost, columns: DataColumns, layout: _Layout, known: np.ndarray) -> Axes:
    """Return what each evaluation is charged; raises where that is not said."""
    numbers = columns.numbers(cost.column)
    wrong = np.flatnonzero((numbers < 0) | np.isinf(numbers))
    if wrong.size:
        row = int(wrong[0])
        raise UsageError(
            "a cost is zero or more, and finite",
            where=columns.where(row, cost.column),
            why=f"got {numbers[row]:g}",
        )
    values = over_seeds(_spread_one(numbers, layout))
    schedules = {tuple(of_schedule(layout.fidelities, one)) for one in layout.fidelities}
    if cost.per_epoch:  # one that lacks an epoch before is not known
        for along in map(list, schedules):
            values[:, along] = np.cumsum(values[:, along], axis=1)
    absent = np.isnan(values)
    if cost.absent is None and absent.any():
        arch, fidelity = (int(place[0]) for place in np.nonzero(absent))
        what = "has no number for" if known[arch, fidelity] else "has no row for"
        raise own.error(
            "an evaluation would be charged nothing that is known",
            "cost",
            why=f"{columns.path.name} {what} {int(absent.sum()):,} of {absent.size:,} evaluations",
            hint='absent = 0.0 says what these are charged; space = "listed" has only what has a row',
        )
    fill = cost.absent if cost.absent is not None else np.nan
    if own.card.fidelity.prefix:
        for along in map(list, schedules):
            _refuse_falling(values, along, cost.column, columns, layout)
            values[:, along] = never_less(values[:, along], fill)
    else:
        values = np.where(absent, fill, values)
    if len(layout.fidelities) == 1:
        return ("architecture",), values[:, 0]
    return ("architecture", "fidelity"), values


def _refuse_falling(
    values: np.ndarray, along: list[int], column: str, columns: DataColumns, layout: _Layout
) -> None:
    """Raise for the first row that costs less than an earlier epoch of the schedule that it continues."""
    costs = values[:, along]
    before = np.fmax.accumulate(costs, axis=1)
    falls = np.argwhere(costs < before)
    if falls.size:
        arch, k = falls[0]
        rows = (layout.placed.places == arch) & (layout.fidelity == along[k])
        means = ", means over the seeds" if layout.seed is not None else ""
        raise UsageError(
            "a longer training costs less than a shorter one, which it continues",
            where=columns.where(int(np.argmax(rows)), column),
            why=f"got {costs[arch, k]:g} after {before[arch, k]:g}{means}",
            hint="[cost] per_epoch = true where a number is of one epoch alone, or [fidelity] prefix = false",
        )


def _refuse_empty(own: OwnFile, name: str, values: np.ndarray) -> None:
    if not np.isfinite(values).any():
        raise own.error(f"the signal '{name}' has no number", "signals", name)


def _absent(name: str, values: np.ndarray, due: int) -> list[str]:
    there = int((~np.isnan(values)).sum())
    if there >= due:
        return []
    return [f"{due - there:,} of {due:,} numbers of '{name}' are absent: they are missing, and not filled in"]


def _refuse_equal(own: OwnFile, test: np.ndarray, signals: Mapping[str, np.ndarray]) -> None:
    """Raise where the test metric is a signal under another name."""
    for name, values in signals.items():
        for k in range(values.shape[2]):
            if np.array_equal(values[:, 0, k], test, equal_nan=True) or np.array_equal(
                over_seeds(values[:, 0]), test, equal_nan=True
            ):
                raise own.error(
                    f"the test column has the numbers of the signal '{name}'",
                    "test",
                    why="a search would select on what it is judged by",
                    hint="name the column of another split, or leave [test] out",
                )


def _protocol_card(own: OwnFile, columns: DataColumns, layout: _Layout) -> ProtocolCard:
    card = own.card
    task = card.facts
    signals = tuple(
        Signal(
            name=name,
            metric=one.metric or task.metric,
            split=one.split,
            unit=one.unit,
            maximize=one.maximize,
            description=one.description,
        )
        for name, one in card.signals.items()
    )
    return ProtocolCard(
        benchmark=f"{card.family}/{task.name}",
        version=card.version,
        space=layout.placed.space,
        task=task,
        signals=signals,
        fidelities=layout.fidelities,
        seeds=_seed_note(card, layout.seeds),
        test=_test_note(card),
        no_test_because=None if card.test else card.selection_on_test or card.no_test_because,
        cost=_cost_note(card),
        extras=tuple(card.extras),
        extra_notes=tuple(
            ExtraNote(
                column=name,
                title=one.title,
                unit=one.unit,
                origin=one.origin,
                maximize=one.maximize,
                device=one.device,
            )
            for name, one in card.extras.items()
        ),
        selection_on_test=card.selection_on_test,
        prefix=card.fidelity.prefix,
        source=card.source,
        digest_of_source={columns.path.name: columns.sha256},
        licence=card.licence,
        citation=card.citation,
        errata=card.errata,
    )


def _seed_note(card: OwnCard, seeds: tuple[int, ...]) -> SeedNote:
    if card.seeds is None:
        note = "the card names no seeds: one number for each architecture"
        return SeedNote(seeds=(), aggregated=True, policies=("as-given",), note=note)
    policies = ("mean-of-available", "require", *(f"seed={seed}" for seed in seeds))
    return SeedNote(seeds=seeds, aggregated=False, policies=policies, note=card.seeds.note)


def _test_note(card: OwnCard) -> TestNote | None:
    test = card.test
    if test is None:
        return None
    return TestNote(
        metric=test.metric or card.facts.metric,
        split=test.split,
        unit=test.unit,
        maximize=test.maximize,
        evidence=test.evidence,
    )


def _cost_note(card: OwnCard) -> CostNote | None:
    cost = card.cost
    if cost is None:
        return None
    rule = cost.rule
    if card.seeds and card.seeds.column:
        rule += "; the mean over the seeds"
    if cost.per_epoch:
        rule += "; added up over the epochs"
    if cost.absent is not None:
        rule += f"; {cost.absent:g} where the table has none"
        rule += ", but what an earlier epoch costs where that is more" if card.fidelity.prefix else ""
    return CostNote(column=COST, unit=cost.unit, rule=rule)
