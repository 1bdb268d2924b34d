"""In what the numbers of benchmarks over one search space differ: by their cards, and in fact.

Each benchmark is taken as its card has it by default: its first signal, at its first fidelity, under its
first seed policy. The first benchmark is what the others are held against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from scipy.stats import kendalltau, spearmanr

from assay.benchmarks.catalogue import card_of, family_facts, open_benchmark, reading_names
from assay.benchmarks.family import open_table, table_path, table_space
from assay.benchmarks.own import own_families
from assay.benchmarks.quarrels import Facts, Pair, Standing, metric_text, quarrels
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.card import ErrataNote, ProtocolCard
from assay.contracts.evaluation import Status
from assay.foundation.errors import AssayError, IntegrityError, UnknownNameError, UsageError
from assay.foundation.places import cache_folder

TOP = 0.1
"""The share of architectures, the best under the first benchmark, over which ranks are compared again."""
ROUNDING = 1e-6
"""What two numbers may differ by and be equal, as a share of the largest."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """What the cards say on one point, in the order of the benchmarks."""

    name: str
    says: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the cards disagree."""
        return len(set(self.says)) > 1


class Absent(msgspec.Struct, frozen=True):
    """A benchmark whose numbers are left out, why, and the command that brings them."""

    benchmark: str
    why: str
    hint: str = ""


class CardComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Cards compared field by field and, where the tables are there, their numbers and what that means.

    `quarrels` and `notes` are by benchmark: sentences against the first, and errata that not every card has.
    """

    benchmarks: tuple[str, ...]
    fields: tuple[Field, ...]
    notes: dict[str, tuple[ErrataNote, ...]]
    facts: tuple[Facts, ...]
    pairs: tuple[Pair, ...]
    absent: tuple[Absent, ...]
    quarrels: dict[str, tuple[str, ...]]


def with_readings(name: str, cache: Path | None = None) -> tuple[str, ...]:
    """Return a benchmark followed by its readings under other systems' rules; of a reading, just the two."""
    card_of(name, cache)
    plain, at, _ = name.partition("@")
    if at:
        return plain, name
    return (name, *(one for one in reading_names(cache) if one.startswith(f"{name}@")))


def compare_cards(names: Sequence[str], cache: Path | None = None) -> CardComparison:
    """Compare benchmarks over one search space; one name stands for itself and its readings.

    Raises `UnknownNameError` for a name that is none, `UsageError` for one benchmark without readings and
    for benchmarks of different search spaces, and `IntegrityError` for a damaged table. A table that
    cannot be had is left out, and said to be.
    """
    chosen = tuple(dict.fromkeys(names))
    if len(chosen) == 1:
        chosen = with_readings(chosen[0], cache)
    if len(chosen) < 2:
        raise UsageError(
            f"there is nothing to compare {''.join(chosen) or 'no benchmark'} with",
            why="it has no reading under another system's rule",
            hint="name a second benchmark: assay table ls",
        )
    cards = [card_of(name, cache) for name in chosen]
    _check_spaces(chosen, cards)
    folder = cache or cache_folder()
    opened, absent = _open(chosen, folder)
    facts, pairs = _numbers(opened, folder)
    fields = tuple(Field(name=name, says=tuple(say(card) for card in cards)) for name, say in _FIELDS)
    return CardComparison(
        benchmarks=chosen,
        fields=fields,
        notes=_own_notes(chosen, cards),
        facts=facts,
        pairs=pairs,
        absent=absent,
        quarrels=quarrels(dict(zip(chosen, cards, strict=True)), facts, pairs),
    )


def _check_spaces(names: Sequence[str], cards: Sequence[ProtocolCard]) -> None:
    for name, card in zip(names, cards, strict=True):
        if card.space != cards[0].space:
            raise UsageError(
                f"{name} and {names[0]} are of different search spaces",
                why=f"'{card.space}' and '{cards[0].space}' have no architecture in common",
            )


def _open(names: Sequence[str], cache: Path) -> tuple[tuple[TableBenchmark, ...], tuple[Absent, ...]]:
    opened, absent = [], []
    for name in names:
        try:
            opened.append(open_benchmark(name, cache))
        except (IntegrityError, UnknownNameError):
            raise
        except AssayError as error:
            absent.append(Absent(name, error.what, _command(name, cache) or error.hint or ""))
    return tuple(opened), tuple(absent)


def _command(name: str, cache: Path) -> str | None:
    """Return what reads a benchmark from a folder of official files; None where it has none."""
    family, reading = name.partition("/")[0], name.partition("@")[2]
    if family in own_families(cache) or family_facts(family, cache).is_package:
        return None
    return f"assay table import {family}{f' --reading {reading}' if reading else ''} --from FOLDER"


def _own_notes(names: Sequence[str], cards: Sequence[ProtocolCard]) -> dict[str, tuple[ErrataNote, ...]]:
    """Return the errata that not every card has."""
    common = set(cards[0].errata).intersection(*(card.errata for card in cards))
    notes = {
        name: tuple(n for n in card.errata if n not in common)
        for name, card in zip(names, cards, strict=True)
    }
    return {name: own for name, own in notes.items() if own}


# --- what the cards say


def _signal(card: ProtocolCard) -> str:
    one = card.signals[0]
    return f"{metric_text(one)}, {'larger' if one.maximize else 'smaller'} is better"


def _seeds(card: ProtocolCard) -> str:
    return f"{card.seeds.policies[0]} of {', '.join(map(str, card.seeds.seeds))}: {card.seeds.note}"


def _fidelity(card: ProtocolCard) -> str:
    first, *others = [one.text() for one in card.fidelities]
    if not others:
        return first
    return f"{first}; also {', '.join(others)}" if len(others) < 6 else f"{first}; also {len(others)} others"


def _cost(card: ProtocolCard) -> str:
    return f"{card.cost.unit}: {card.cost.rule}" if card.cost else "none; an evaluation counts as one"


def _prefix(card: ProtocolCard) -> str:
    return "a longer epoch continues a shorter one" if card.prefix else "schedules are trained apart"


def _crossing(card: ProtocolCard) -> str:
    return f"the evaluation that crosses a budget in seconds is {card.crossing}"


def _test(card: ProtocolCard) -> str:
    if card.test is None:
        return f"none: {card.no_test_because}"
    return f"{card.test.metric} on {card.test.split} [{card.test.unit}]"


def _selection(card: ProtocolCard) -> str:
    return card.selection_on_test or "no"


_FIELDS: tuple[tuple[str, Callable[[ProtocolCard], str]], ...] = (
    ("task", lambda card: f"{card.task.name}, {card.task.version}"),
    ("signal", _signal),
    ("selection on test", _selection),
    ("seeds", _seeds),
    ("fidelity", _fidelity),
    ("cost", _cost),
    ("prefix", _prefix),
    ("crossing", _crossing),
    ("test", _test),
    ("source", lambda card: card.source),
)


# --- what the numbers are


class _Column(NamedTuple):
    """The default numbers of a benchmark, over the whole space, and where among them each architecture is."""

    bench: TableBenchmark
    values: np.ndarray
    scores: np.ndarray
    present: np.ndarray

    @property
    def best(self) -> int:
        return int(np.argmax(np.where(self.present, self.scores, -np.inf)))

    def standing(self, index: int) -> Standing | None:
        """Return how an architecture stands; None for one without a value or a row."""
        if index < 0 or not self.present[index]:
            return None
        better = int((self.scores[self.present] > self.scores[index]).sum())
        return Standing(1 + better, float(self.values[index]))


def _numbers(opened: Sequence[TableBenchmark], cache: Path) -> tuple[tuple[Facts, ...], tuple[Pair, ...]]:
    columns = [column for bench in opened if (column := _column(bench)).present.any()]
    facts = tuple(_facts(one, _lacking(one, cache)) for one in columns)
    return facts, tuple(_pair(columns[0], other) for other in columns[1:])


def _column(bench: TableBenchmark) -> _Column:
    whole = bench.lookup(np.arange(bench.space.size), bench.card.signals[0].name)
    return _Column(bench, whole.values, whole.scores, whole.statuses == Status.OK.value)


def _lacking(column: _Column, cache: Path) -> tuple[str, ...]:
    """Return what the table of a benchmark says of architectures without a value, and what brings them."""
    if column.present.all():
        return ()
    dropped = open_table(table_path(cache, *column.bench.name.split("/", 1)))[1].dropped
    found = [text for text in dropped if "no value" in text or "not in the source" in text]
    command = _command(column.bench.name, cache)
    if found and command:
        found.append(f"where FOLDER holds that besides what was read, '{command}' brings the rest")
    return tuple(found)


def _facts(column: _Column, lacking: tuple[str, ...]) -> Facts:
    bench = column.bench
    return Facts(
        benchmark=bench.name,
        policy=bench.default_policy,
        fidelity=bench.card.fidelities[0].text(),
        architectures=len(column.values),
        with_value=int(column.present.sum()),
        unit=bench.card.signals[0].unit,
        best=float(column.values[column.best]),
        best_architecture=bench.space.format(bench.space.at(column.best)),
        cost_unit=bench.card.cost.unit if bench.card.cost else "evaluations",
        cost_median=float(np.nanmedian(bench.costs)),
        cost_total=float(np.nansum(bench.costs)),
        lacking=lacking,
    )


def _pair(first: _Column, second: _Column) -> Pair:
    theirs = _places(first.bench, second.bench)
    both = np.flatnonzero((theirs >= 0) & first.present & second.present[theirs])
    a, b = first.scores[both], second.scores[theirs[both]]
    top = np.argsort(-a, kind="stable")[: max(1, round(TOP * len(a)))]
    differences = np.abs(first.values[both] - second.values[theirs[both]])
    ours = np.flatnonzero(theirs == second.best)
    comparable = len(a) > 0 and first.bench.card.signals[0].unit == second.bench.card.signals[0].unit
    return Pair(
        first=first.bench.name,
        second=second.bench.name,
        common=len(both),
        unequal=int((differences > ROUNDING * np.abs(first.values[both]).max()).sum())
        if comparable
        else None,
        mean_absolute_difference=float(differences.mean()) if comparable else None,
        spearman=_correlation(spearmanr, a, b),
        kendall=_correlation(kendalltau, a, b),
        top=len(a[top]),
        top_spearman=_correlation(spearmanr, a[top], b[top]),
        top_kendall=_correlation(kendalltau, a[top], b[top]),
        best_of_first_in_second=second.standing(int(theirs[first.best])),
        best_of_second_in_first=first.standing(int(ours[0])) if len(ours) else None,
    )


def _places(first: TableBenchmark, second: TableBenchmark) -> np.ndarray:
    """Return where in the second table each architecture of the first is; -1 where it has no row."""
    if not (_by_rows(first) or _by_rows(second)):
        return np.arange(first.space.size)
    rows = {second.space.format(second.space.at(i)): i for i in range(second.space.size)}
    texts = (first.space.format(first.space.at(i)) for i in range(first.space.size))
    return np.array([rows.get(text, -1) for text in texts])


def _by_rows(bench: TableBenchmark) -> bool:
    """Tell whether the architectures of a table have the order of its rows, not that of their space."""
    try:
        return type(table_space(bench.card.space)) is not type(bench.space)
    except AssayError:
        return True


def _correlation(statistic: Callable[..., Any], a: np.ndarray, b: np.ndarray) -> float | None:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(statistic(a, b).statistic)
