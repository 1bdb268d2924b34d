"""A section of a page, arranged: what it means in one sentence, then blocks of sentences and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from assay.publishing.sheet import Drawn
from assay.statistics.basis import Result
from assay.statistics.table import Table

Names = Mapping[str, str]


class Block(NamedTuple):
    """A heading, sentences, figures and a table; `tone` colours the heading, `folded` hides the table."""

    title: str = ""
    lines: tuple[str, ...] = ()
    tone: str = ""
    figures: tuple[Drawn, ...] = ()
    table: Table | None = None
    folded: str = ""


class Section(NamedTuple):
    """A section of the page: what it means in one sentence, its blocks, and how it was computed."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
    basis: tuple[str, ...] = ()


def grid(cells: Iterable[tuple[str, str, str]], names: Names) -> Table:
    """Return texts by benchmark and method as a table: a row for each benchmark."""
    found: dict[str, dict[str, str]] = {}
    methods: dict[str, None] = {}
    for benchmark, method, text in cells:
        found.setdefault(benchmark, {})[method] = text
        methods[method] = None
    return Table(
        ("benchmark", *(names.get(method, method) for method in methods)),
        [(name, *(row.get(method, "–") for method in methods)) for name, row in found.items()],
    )


def bases(*results: Result | None) -> tuple[str, ...]:
    """Return what each result stands on, as text."""
    return tuple(result.basis.text() for result in results if result is not None)
