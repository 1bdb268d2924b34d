"""The rule about examples that stand in training data and in the data of the test or of the choice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import PurePosixPath
from typing import Any

import msgspec

from assay.analysis.audit.columns import columns_about, row_evidence, words
from assay.analysis.audit.facts import Facts, Source, StudyFacts, TableFacts
from assay.analysis.audit.finding import (
    DOUBTFUL,
    IN_A_TABLE,
    INVALIDATES,
    Doubt,
    Evidence,
    Rule,
    Severity,
    worst,
)
from assay.analysis.audit.sources import is_code

_SHARED = {
    *("overlap", "overlaps", "overlapping", "duplicates", "duplicate", "duplicated", "dups"),
    *("leaked", "leakage", "leak", "leaks", "contaminated", "contamination"),
}
# A split may be shared by methods: these tell of examples only where two splits are named.
_WEAK = {"shared", "common", "seen", "intersection", "both"}
_ALONE = {"leaked", "leakage", "leak", "leaks", "contaminated", "contamination"}
_SPLITS = {
    *("train", "training", "test", "val", "valid", "validation", "dev", "split", "splits", "eval"),
    *("evaluation", "holdout", "heldout", "examples", "images"),
}
# What was removed is there no more, and when something was seen is a date.
_REMOVED = {"removed", "dropped", "dedup", "deduplicated", "excluded", "before", "first", "last", "when"}
_YES = {"yes", "true", "y"}
_OF = {
    **dict.fromkeys(("train", "training", "fit"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "tune", "tuning"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "holdout", "heldout"), "test"),
}
_FEW, _MANY = 0.01, 0.1
_LEAST = 5


def _overlap(facts: Facts) -> Doubt | None:
    title = "Examples of the training data are in the data of the test, or of the choice"
    if facts.table is not None:
        told = list(_told(facts.table))
        return Doubt(DOUBTFUL, title, told) if told else None
    found = list(_in_files(facts.study)) if facts.study is not None else []
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found]) if found else None


def _columns(table: TableFacts) -> list[int]:
    found = []
    for column in columns_about(table, _SHARED | _WEAK):
        about = set(words(table.columns[column]))
        named = (
            about & (_SPLITS | _ALONE)
            if about & _SHARED
            else len({_OF.get(one) for one in about} - {None}) > 1
        )
        if named and not about & _REMOVED:
            found.append(column)
    return found


def _seen(facts: Facts) -> str:
    if facts.table is None or _columns(facts.table):
        return ""
    return f"{IN_A_TABLE}: it has no column about it"


def _told(table: TableFacts) -> Iterator[Evidence]:
    """Yield the first row of each task and value in which a column tells of shared examples."""
    for column in _columns(table):
        seen: set[tuple[str, str]] = set()
        for row in range(len(table.frame.rows)):
            value, task = table.cell(row, column), table.name(row, "task")
            if (task, value) not in seen and _is_some(value):
                seen.add((task, value))
                text = f"{task + ': ' if task else ''}{table.columns[column]} = {value}"
                yield row_evidence(table, row, text, column)


def _is_some(value: str) -> bool:
    number = re.match(r"^[0-9][0-9,]*(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?", value.lower())
    if number:
        return float(number[0].replace(",", "")) > 0.0
    return value.lower() in _YES


def _in_files(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    """Yield the declared files of one method, or parts of one, that are split by name and share rows."""
    for method in dict.fromkeys(one.method for one in study.sources):
        parts = [
            part
            for one in study.sources
            if one.method == method and one.declared and one.text and not is_code(one.path)
            for part in _parts(one)
        ]
        for (path, split, stem, rows), (other, theirs, same, held) in combinations(parts, 2):
            if split == theirs or stem != same:
                continue
            both, fewest = len(rows & held), min(len(rows), len(held))
            if both >= max(1.0, _FEW * fewest) and fewest >= _LEAST:
                severity = INVALIDATES if both >= _MANY * fewest else DOUBTFUL
                text = f"{method}: {both:,} of {fewest:,} different rows are in {path} and in {other}"
                yield severity, Evidence(kind="file", place=path, text=text)


_Part = tuple[str, str, str, set[str]]


def _parts(one: Source) -> Iterator[_Part]:
    """Yield what a file holds of each split: its place, the split, the name without it, and its rows."""
    text = one.text or ""
    split, stem = _split(one.path)
    suffix = PurePosixPath(one.path).suffix.lower()
    if suffix == ".json":
        yield from _in_json(one.path, text)
    if split and suffix != ".json":
        yield one.path, split, stem, _rows(text)


def _split(path: str) -> tuple[str, str]:
    """Return the split that a path names, and the path without it."""
    parts = re.split(r"([^a-z0-9]+)", path.lower())
    named = [_OF[part] for part in parts if part in _OF]
    if len(set(named)) != 1:
        return "", path
    return named[0], "".join("" if part in _OF else part for part in parts)


def _rows(text: str) -> set[str]:
    """Return the rows of examples in a file, without what repeats by its nature.

    A first row of names is the head. Numbers that count the rows would make all of them differ, and are
    left out. A single column counts where its values are names, each once: labels repeat.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fields = [[part.strip() for part in re.split(r"[,;\t]", line)] for line in lines]
    if fields and not any(_is_number(part) for part in fields[0]) and len(fields[0]) > 1:
        fields = fields[1:]
    if not fields:
        return set()
    if all(len(row) == 1 for row in fields):
        single = [row[0] for row in fields]
        return set(single) if len(set(single)) == len(single) else set()
    if _is_counted([row[0] for row in fields]) and all(len(row) > 2 for row in fields):
        fields = [row[1:] for row in fields]
    return {",".join(row) for row in fields}


def _is_counted(column: list[str]) -> bool:
    if not column[0].isdecimal():
        return False
    return column == [str(int(column[0]) + i) for i in range(len(column))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _in_json(path: str, text: str) -> Iterator[_Part]:
    """Yield the lists of a JSON object whose keys name splits, such as indices of examples."""
    try:
        told: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    for key, value in told.items() if isinstance(told, dict) else ():
        split, stem = _split(key)
        if split and isinstance(value, list):
            rows = [msgspec.json.encode(one).decode() for one in value]
            if len(set(rows)) == len(rows) or any(isinstance(one, list | dict) for one in value):
                yield f"{path}, {key}", split, f"{path} {stem}", set(rows)
    split, stem = _split(path)
    if split and isinstance(told, list):
        yield path, split, stem, {msgspec.json.encode(one).decode() for one in told}


RULES = (
    Rule(
        id="overlapping-splits",
        about="examples that are in the training data and in those of the test or of the choice",
        why="An example that was trained on is remembered, so that its test says nothing of new ones.",
        source="Barz and Denzler, Journal of Imaging 2020; Kapoor and Narayanan, Patterns 2023 (duplicates)",
        remedy="Remove the shared examples from the training data, train again, and report both.",
        find=_overlap,
        sees=_seen,
        one_sided=True,
    ),
)
