"""The card of a user's own table: a TOML file that says what each column of a data file means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.family import KEYS, TEXTS
from assay.contracts.card import ORIGINS, ErrataNote, TaskCard
from assay.foundation.errors import AssayError, StudyError, nearest
from assay.foundation.text import shortened
from assay.foundation.toml_file import KeyPath, TomlFile
from assay.tasks.cards import task_card

# Names become parts of paths and of benchmark names, 'family/task'.
COST = "cost"
"""The name of the cost column in the table, whatever it is called in the data file."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)
_MOST_NAMED = 1_000


class OwnSignal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal: its column, or one for each seed of `[seeds] values`. `metric` is the task's if left out."""

    split: str
    unit: str
    column: str | None = None
    columns: tuple[str, ...] = ()
    metric: str | None = None
    maximize: bool = True
    description: str = ""


class OwnTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The test metric, which goes to the vault, and the evidence that it is one."""

    split: str
    unit: str
    evidence: str
    column: str | None = None
    columns: tuple[str, ...] = ()
    metric: str | None = None
    maximize: bool = True


class OwnCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an evaluation is charged.

    With `per_epoch`, a number is of one epoch alone, and those of the epochs before are added. `absent`
    is charged for an architecture that the table has no number of.
    """

    column: str
    unit: str
    rule: str
    per_epoch: bool = False
    absent: float | None = None


class OwnSeeds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which seeds the numbers are of: `values` where each has a column, `column` where each has a row."""

    note: str
    values: tuple[int, ...] = ()
    column: str | None = None


class OwnFidelity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The schedule, or the column that names it, and the column of epochs where there are several."""

    schedule: str | None = None
    schedule_column: str | None = None
    epoch_column: str | None = None
    prefix: bool = False


class OwnExtra(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open column that is no signal, such as a latency."""

    column: str
    title: str
    unit: str
    origin: str
    maximize: bool = False
    device: str | None = None


class OwnCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a card file; see docs/tables.md."""

    family: str
    data: str
    task: TaskCard | str
    space: str | dict[str, Any]
    source: str
    licence: str
    fidelity: OwnFidelity
    architecture: str | dict[str, str] = {}
    version: int = 1
    citation: str = ""
    sha256: str | None = None
    signals: dict[str, OwnSignal] = {}
    seeds: OwnSeeds | None = None
    test: OwnTest | None = None
    no_test_because: str = "the card names no test column"
    cost: OwnCost | None = None
    extras: dict[str, OwnExtra] = {}
    selection_on_test: str | None = None
    where: dict[str, str | int] = {}
    errata: tuple[ErrataNote, ...] = ()

    @property
    def facts(self) -> TaskCard:
        """The card of the task, also where only the name of a known one was given."""
        return task_card(self.task) if isinstance(self.task, str) else self.task

    def columns(self) -> Iterator[tuple[str, KeyPath]]:
        """Yield every column that the card names, and where."""
        if isinstance(self.architecture, str):
            yield self.architecture, ("architecture",)
        for name, signal in self.signals.items():
            yield from _named(signal, ("signals", name))
        if self.test is not None:
            yield from _named(self.test, ("test",))
        for key, part in (("seeds", self.seeds), ("cost", self.cost)):
            if part is not None and part.column is not None:
                yield part.column, (key, "column")
        for key in ("schedule_column", "epoch_column"):
            column = getattr(self.fidelity, key)
            if column is not None:
                yield column, ("fidelity", key)
        for name, extra in self.extras.items():
            yield extra.column, ("extras", name, "column")
        for column in self.where:
            yield column, ("where", column)


class OwnFile(msgspec.Struct, frozen=True, kw_only=True):
    """A card, its file, and the data file that it names."""

    card: OwnCard
    file: TomlFile
    data: Path

    def error(
        self, what: str, *key: str | int, why: str | None = None, hint: str | None = None
    ) -> StudyError:
        """Return the error about a key of the card."""
        return self.file.error(what, key, hint, why)


def read_card(path: Path) -> OwnFile:
    """Return the card at `path` once it is sound in itself; its data file is relative to its folder.

    Raises `StudyError` with the file, the line and the key path.
    """
    file = TomlFile(path, "the card", "docs/tables.md has one to start from")
    head = {key: value for key, value in file.data.items() if key not in ("signals", "extras")}
    card = file.convert(head, OwnCard, ())
    signals = {
        name: file.convert(one, OwnSignal, ("signals", name))
        for name, one in file.table(file.data.get("signals", {}), ("signals",)).items()
    }
    extras = {
        name: file.convert(one, OwnExtra, ("extras", name))
        for name, one in file.table(file.data.get("extras", {}), ("extras",)).items()
    }
    card = msgspec.structs.replace(card, signals=signals, extras=extras)
    own = OwnFile(card=card, file=file, data=path.parent / card.data)
    _check_names(own)
    _check_seeds(own)
    _check_test(own)
    _check_fidelity(own)
    _check_rest(own)
    return own


def _named(one: OwnSignal | OwnTest, key: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    if one.column is not None:
        yield one.column, (*key, "column")
    for i, column in enumerate(one.columns):
        yield column, (*key, "columns", i)


def _check_names(own: OwnFile) -> None:
    try:
        task = own.card.facts
    except AssayError as error:
        hint = f"{error.hint}, or describe it in a table [task]"
        raise own.error(error.what, "task", hint=hint) from None
    names: list[tuple[str, KeyPath]] = [(own.card.family, ("family",)), (task.name, ("task", "name"))]
    names += [(name, ("signals", name)) for name in own.card.signals]
    names += [(name, ("extras", name)) for name in own.card.extras]
    for name, key in names:
        if NAME.fullmatch(name) is None:
            why = f"'{shortened(name, 40)}' is in a path or a command"
            hint = "use letters, digits, '.', '_' and '-', at most 80 of them"
            raise own.error("this is no name", *key, why=why, hint=hint)
    reserved = {KEYS, TEXTS, COST}
    for kind, named in (("signals", own.card.signals), ("extras", own.card.extras)):
        for name in named:
            if name in reserved:
                hint = "give it another name; the column of the data file stays as it is"
                raise own.error(f"the table has a column '{name}' of its own", kind, name, hint=hint)
        reserved |= set(named)
    if not own.card.signals:
        hint = (
            "[signals.validation]; a table with a test metric alone has it as a signal, and selection_on_test"
        )
        raise own.error("the card names no signal", "signals", hint=hint)


def _check_seeds(own: OwnFile) -> None:
    """Hold columns to the seeds: one a seed where they are listed, a single one elsewhere."""
    seeds = own.card.seeds
    values = seeds.values if seeds else ()
    if seeds and bool(values) == (seeds.column is not None):
        why = "'values' is for a column each, 'column' for a row each"
        raise own.error("seeds have columns or rows", "seeds", why=why, hint="give one of the two")
    if len(set(values)) < len(values):
        raise own.error("a seed is listed twice", "seeds", "values")
    described: list[tuple[KeyPath, OwnSignal | OwnTest]] = [
        (("signals", name), signal) for name, signal in own.card.signals.items()
    ]
    if own.card.test is not None:
        described.append((("test",), own.card.test))
    for key, one in described:
        if (one.column is None) == (not one.columns):
            raise own.error("it needs 'column', or 'columns' with one for each seed", *key)
        if one.columns and len(one.columns) != len(values):
            why = f"{len(one.columns)} columns for {len(values) or 'no'} seeds of [seeds] values"
            raise own.error("each seed has one column", *key, "columns", why=why)
        if values and not one.columns and key[0] == "signals":
            raise own.error("each seed has one column", *key, "column", hint="columns = [...]")


def _check_test(own: OwnFile) -> None:
    """Keep test numbers out of what a search sees, unless the card says why they are there."""
    card = own.card
    tested = {column for column, key in card.columns() if key[0] == "test"}
    for column, key in card.columns():
        if key[0] in ("signals", "extras") and column in tested:
            raise own.error(
                f"the test column '{shortened(column, 40)}' would be seen by every search",
                *key,
                why="the card names it under [test] too, and the vault keeps test numbers back",
                hint="give this signal a column of validation numbers",
            )
    if card.selection_on_test is not None:
        if card.test is not None:
            why = "selection_on_test says that a signal is a test metric"
            raise own.error("nothing is held back of this table", "test", why=why, hint="leave [test] out")
        return
    for name, signal in card.signals.items():
        if _TEST.search(signal.split):
            hint = 'selection_on_test = "why there is no other number": it then compares no methods'
            why = f"its split is '{shortened(signal.split, 60)}'"
            raise own.error(
                f"the signal '{name}' is a test metric", "signals", name, "split", why=why, hint=hint
            )


def _check_fidelity(own: OwnFile) -> None:
    fidelity = own.card.fidelity
    if (fidelity.schedule is None) == (fidelity.schedule_column is None):
        raise own.error("a fidelity needs 'schedule' or 'schedule_column'", "fidelity")
    if fidelity.prefix and fidelity.epoch_column is None:
        hint = "epoch_column names the column of epochs"
        raise own.error("only epochs continue one another", "fidelity", "prefix", hint=hint)
    if own.card.cost and own.card.cost.per_epoch and fidelity.epoch_column is None:
        raise own.error("a cost per epoch needs a column of epochs", "cost", "per_epoch")


def _check_rest(own: OwnFile) -> None:
    card = own.card
    for name, extra in card.extras.items():
        if extra.origin not in ORIGINS:
            hint = f"one of {', '.join(ORIGINS)}"
            raise own.error(
                f"unknown origin '{shortened(extra.origin, 40)}'", "extras", name, "origin", hint=hint
            )
    if card.version < 1:
        raise own.error("the version of a card is a whole number from 1", "version")
    if card.cost and card.cost.absent is not None and not 0 <= card.cost.absent < float("inf"):
        raise own.error("a cost is zero or more", "cost", "absent")
    if isinstance(card.space, str) and not isinstance(card.architecture, str):
        hint = "the column of published strings, or of any names where space = 'listed'"
        raise own.error("the card does not say which column is the architecture", "architecture", hint=hint)
    if not isinstance(card.space, str) and isinstance(card.architecture, str):
        why = "a space of parameters has a column for each"
        hint = 'leave it out, or architecture = { parameter = "column" } for those of other names'
        raise own.error("an own space needs no column of architectures", "architecture", why=why, hint=hint)


def refuse_unknown(own: OwnFile, names: list[str]) -> None:
    """Raise for the first column that the card names and the data file lacks."""
    known = set(names)
    for column, key in own.card.columns():
        if column not in known:
            raise unknown_column(own, column, names, key)


def unknown_column(own: OwnFile, column: str, names: list[str], key: KeyPath) -> StudyError:
    """Return the error for a column that is not there, with the nearest of the first thousand."""
    near = nearest(column, names[:_MOST_NAMED])
    listed = ", ".join(shortened(name, 30) for name in names[:8])
    more = f", ... ({len(names):,} in all)" if len(names) > 8 else ""
    hint = f"did you mean '{shortened(near, 40)}'?" if near else f"it has {listed}{more}"
    what = f"{own.data.name} has no column '{shortened(column, 40)}'"
    return own.file.error(what, key, hint)
