"""What the other columns of a table tell of a matter, and how their values go with the methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from assay.analysis.audit.facts import Facts, TableFacts
from assay.analysis.audit.finding import IN_A_TABLE, NO_RUNS, Evidence

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TOKEN = re.compile(r"[a-z0-9]+")
# A name of two letters stands in many texts by chance.
_SHORT = 3


class Told(NamedTuple):
    """A column and the values that it has for each method, in the order of the rows."""

    column: int
    name: str
    values: dict[str, tuple[str, ...]]

    def distinct(self) -> set[str]:
        """Return the values of all methods."""
        return {value for values in self.values.values() for value in values}

    def aligned(self) -> bool:
        """Say whether two methods share no value, so that the column goes with the method."""
        sets = [set(values) for values in self.values.values()]
        return any(not (a & b) for i, a in enumerate(sets) for b in sets[i + 1 :])

    def numbers(self) -> dict[str, list[float]] | None:
        """Return the values as numbers, None where one of them is none."""
        try:
            return {m: [float(v.replace(",", "")) for v in values] for m, values in self.values.items()}
        except ValueError:
            return None


def words(name: str) -> tuple[str, ...]:
    """Return the words of the name of a column, a metric or a method: 'bestTest_acc' has three."""
    return tuple(word.lower() for word in _WORD.findall(name))


_ELSE = {"not", "no", "but", "except", "excluding", "without", "other", "others", "leave", "minus", "held"}


def names(text: str, name: str) -> bool:
    """Say whether a cell names a task, as 'top-10 of cora' does, in whole words and without excepting it."""
    told, wanted = _TOKEN.findall(text.lower()), _TOKEN.findall(name.lower())
    if not wanted or _ELSE & set(told):
        return False
    if len("".join(wanted)) < _SHORT:
        return told == wanted
    return any(told[i : i + len(wanted)] == wanted for i in range(len(told) - len(wanted) + 1))


def columns_about(table: TableFacts, about: Iterable[str]) -> list[int]:
    """Return the columns, other than those of runs and scores, with one of these words in their name."""
    wanted = set(about)
    return [i for i in table.others if wanted & set(words(table.columns[i]))]


def told_by(table: TableFacts, about: Iterable[str]) -> Iterator[Told]:
    """Yield what the columns about a matter say of each method; nothing where no column names methods."""
    if table.layout.method is None:
        return
    for column in columns_about(table, about):
        values: dict[str, list[str]] = {}
        for row in range(len(table.frame.rows)):
            text = table.cell(row, column)
            if text:
                values.setdefault(table.name(row, "method"), []).append(text)
        if len(values) > 1:
            yield Told(column, table.columns[column], {m: tuple(v) for m, v in values.items()})


def rows_of(table: TableFacts, column: int, keep: Callable[[int, str], bool]) -> list[Evidence]:
    """Return a row for each distinct method and value of a column that `keep(row, value)` accepts."""
    found: dict[tuple[str, str], Evidence] = {}
    for row in range(len(table.frame.rows)):
        value = table.cell(row, column)
        method = table.name(row, "method")
        if value and (method, value) not in found and keep(row, value):
            text = f"{method + ': ' if method else ''}{table.columns[column]} = {value}"
            found[method, value] = row_evidence(table, row, text, column)
    return list(found.values())


def first_rows(table: TableFacts, told: Told) -> list[Evidence]:
    """Return the first row of each method with what a column says there."""
    seen: set[str] = set()

    def first(row: int, _: str) -> bool:
        method = table.name(row, "method")
        new = method not in seen
        seen.add(method)
        return new

    return rows_of(table, told.column, first)


def row_evidence(table: TableFacts, row: int, text: str, column: int | None = None) -> Evidence:
    """Return a row of the table as evidence."""
    return Evidence(kind="row", place=table.frame.where(row, column), text=text, line=table.frame.lines[row])


def seen_in(about: Iterable[str], of_study: str = NO_RUNS) -> Callable[[Facts], str]:
    """Return what says that a matter shows in runs of a study, or in columns about it and nowhere else."""
    wanted = frozenset(about)

    def sees(facts: Facts) -> str:
        if facts.study is not None:
            return "" if facts.study.runs or not of_study else of_study
        if facts.table is not None and columns_about(facts.table, wanted):
            return ""
        return f"{IN_A_TABLE}: it has no column about it"

    return sees
