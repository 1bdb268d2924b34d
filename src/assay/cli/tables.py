"""The bodies of `assay table fetch`, `import`, `ls` and `show`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

from assay.benchmarks.catalogue import (
    card_of,
    family_facts,
    family_names,
    family_source,
    import_family,
    reading_names,
)
from assay.benchmarks.family import FamilyFacts, ImportedTable, describe, open_table, table_path
from assay.benchmarks.fetch import FETCHED, HERE, Fetched, fetch_source, missing
from assay.benchmarks.own import no_source, own_families
from assay.benchmarks.sources import OfficialFiles
from assay.cli.cards import card_lines, entry
from assay.cli.output import give, give_json, say, table, visible
from assay.cli.watching import watched
from assay.contracts.card import ProtocolCard
from assay.foundation.digest import short
from assay.foundation.errors import UsageError
from assay.foundation.places import cache_folder

WIDTH = 100
_AS_SIGNAL = "is the signal"
_IMPORTED, _MISSING = "imported", ("package missing", "files missing")


def fetch_files(name: str, *, json: bool) -> int:
    """Download the official files of a family, or of a benchmark's; exit 1 while something is missing."""
    cache = cache_folder()
    if "/" in name:
        card_of(name)  # which refuses a name that no benchmark has
    family = name.partition("/")[0]
    if family in own_families(cache):
        raise no_source(family)
    source = family_source(family)
    with watched(" bytes"):
        fetched = fetch_source(source, cache)
    lacking = missing(source, fetched)
    if json:
        give_json(fetched)
        return 1 if lacking else 0
    if fetched:
        rows = [
            [one.name, one.state, _digest_word(one), "no" if one.optional else "yes", one.path]
            for one in fetched
        ]
        give(table(["file", "state", "SHA-256", "needed", "path"], rows))
    for one in fetched:
        if one.why:
            say(f"{one.name}: {one.why}")
        if one.note:
            say(f"{one.name}: {one.note}")
    if lacking and isinstance(source, OfficialFiles):
        say(f"missing: {', '.join(one.name for one in lacking)}")
        say(f"hint: {source.obtain}")
        say(f"      then: assay table import {family} --from FOLDER, where FOLDER holds it")
        return 1
    where = "its package is installed" if not fetched else "all that is needed is here"
    say(f"{where}; bring it into the cache: assay table import {family}")
    return 0


def _digest_word(one: Fetched) -> str:
    if one.sha256 is None:
        return "" if one.state not in (HERE, FETCHED) else "a folder"
    return f"{short(one.sha256)} {'as published' if one.verified else 'as found'}"


def import_tables(name: str, place: Path | None, *, reading: str, as_: str, json: bool) -> int:
    """Import a family, a card file of the user's own or a Syne Tune folder; print what was written."""
    from assay.benchmarks.importers.own_table import import_own, is_own

    if name not in family_names() and is_own(name):
        if place is not None or reading:
            raise UsageError("--from and --reading are for published families", where=name)
        return _tell(import_own(Path(name), cache_folder(), as_), json=json)
    if name in own_families(cache_folder()):
        raise no_source(name)
    facts = family_facts(name)
    if as_:
        raise UsageError("--as names the tables of a Syne Tune folder", where=name, why="this is a family")
    if place is not None and not place.exists():
        raise UsageError("there is nothing at the path that --from names", where=str(place))
    if place is not None and facts.is_package:
        raise UsageError(
            f"{name} comes with a package, which is found by itself", hint=f"assay table import {name}"
        )
    rule = f" under the rule of {reading}" if reading else ""
    say(f"reading {facts.source}{rule}; nothing in it is run")
    with watched():
        written = import_family(name, cache_folder(), place=place, reading=reading)
    return _tell(written, json=json)


def _tell(written: list[ImportedTable], *, json: bool) -> int:
    """Print tables that were just written, with their coverage, sources and what was dropped."""
    counts = [covered(one) for one in written]
    if json:
        give_json([structs.asdict(one) | {"covered": n} for one, n in zip(written, counts, strict=True)])
        return 0
    rows = [
        [
            one.benchmark,
            f"{one.architectures:,}",
            "all" if count == one.architectures else f"{count:,}",
            _shortened(one.columns),
            "vault" if one.vault else "none",
            short(one.table_digest),
        ]
        for one, count in zip(written, counts, strict=True)
    ]
    head = ["benchmark", "architectures", "with value", "columns", "test", "digest"]
    give(table(head, rows, right=(1, 2)))
    for name, digest in sorted({item for one in written for item in one.sources.items()}):
        say(visible(f"source: {name}, SHA-256 {digest}"))
    for text in dict.fromkeys(text for one in written for text in one.dropped):
        of = [one.benchmark.partition("/")[2] for one in written if text in one.dropped]
        say(visible(f"note: {text}" if len(of) == len(written) else f"note: {text} ({', '.join(of)})"))
    facts = family_facts(written[0].benchmark.partition("/")[0])
    say(visible(f"licence {facts.licence}; cite it: assay table show {written[0].benchmark}"))
    return 0


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 7 else f"{', '.join(names[:6])} and {len(names) - 6} more"


def covered(one: ImportedTable) -> int:
    """Return how many architectures have at least one value of the first signal."""
    import numpy as np

    file, meta = open_table(Path(one.path))
    values = file.arrays[meta.signals[meta.card.signals[0].name]]
    return int(np.isfinite(values.reshape(len(values), -1)).any(axis=1).sum())


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark as it is listed; `test` and `cost` are None where it has none."""

    benchmark: str
    space: str
    state: str
    test: str | None
    cost: str | None
    source: str


class _Group(NamedTuple):
    """The benchmarks of a family, those of its readings left out, and the names of its readings."""

    family: str
    rows: list[_Row]
    readings: tuple[str, ...]

    @property
    def rank(self) -> int:
        """0 where a table is imported, 1 where its source is here, 2 where it is missing."""
        states = {row.state for row in self.rows}
        return 0 if _IMPORTED in states else 2 if states & {*_MISSING} else 1


def list_tables(*, readings: bool, json: bool) -> int:
    """List the families, what is here first; as JSON every benchmark, with what its card has."""
    cache = cache_folder()
    own = own_families(cache)
    families = [family_facts(name) for name in family_names()]
    if json:
        give_json([row for facts in families for row in _rows(facts, cache, facts.name in own, readings)])
        return 0
    groups = [
        _Group(facts.name, list(_rows(facts, cache, facts.name in own, False)), facts.readings)
        for facts in families
    ]
    groups.sort(key=lambda group: group.rank)
    head = ["family", "tasks", "space", "state", "test", "cost", "source"]
    give(_clipped(table(head, [_line(group) for group in groups], right=(1,))))
    if readings:
        read = [[group.family, ", ".join(group.readings)] for group in groups if group.readings]
        give("\n" + _clipped(table(["family", "readings, each of every task as FAMILY/TASK@READING"], read)))
    _hints({row.state for group in groups for row in group.rows}, readings=readings)
    return 0


def _hints(states: set[str], *, readings: bool) -> None:
    say("what its tasks are: assay table show FAMILY; every benchmark: assay table ls --json")
    if _MISSING[0] in states:
        say("hint: pip install 'assay[tables]' brings the packages")
    if _MISSING[1] in states:
        say("hint: assay table fetch FAMILY downloads official files, or says how to get them")
    if not readings and (known := reading_names()):
        say(f"{len(known)} readings under other systems' rules: assay table ls --readings")


def _rows(facts: FamilyFacts, cache: Path, own: bool, readings: bool) -> Iterator[_Row]:
    for benchmark in facts.benchmarks:
        for name in (benchmark, *(f"{benchmark}@{one}" for one in facts.readings if readings)):
            card = card_of(name)
            yield _Row(
                benchmark=name,
                space=card.space,
                state=_state(facts, name, cache),
                test=_test(card),
                cost=card.cost.unit if card.cost else None,
                source=card.source if own else facts.source,
            )


def _test(card: ProtocolCard) -> str | None:
    if card.selection_on_test:
        return _AS_SIGNAL
    return card.test.metric if card.test else None


def _state(facts: FamilyFacts, name: str, cache: Path) -> str:
    if table_path(cache, *name.split("/", 1)).exists():
        return _IMPORTED
    if facts.is_package:
        return "package installed" if facts.here else _MISSING[0]
    return "files here" if facts.here else _MISSING[1]


def _line(group: _Group) -> list[str]:
    """Return a family on one line; what only some of its benchmarks have is said with their number."""
    rows = group.rows
    spaces = list(dict.fromkeys(row.space for row in rows))
    imported = sum(row.state == _IMPORTED for row in rows)
    tested = sum(row.test not in (None, _AS_SIGNAL) for row in rows)
    test = "yes" if tested else "as signal" if all(row.test for row in rows) else "none"
    return [
        group.family,
        str(len(rows)),
        spaces[0] if len(spaces) == 1 else f"{len(spaces)} spaces",
        f"{imported} imported" if 0 < imported < len(rows) else (_IMPORTED, "here", "missing")[group.rank],
        f"{tested} of {len(rows)}" if 0 < tested < len(rows) else test,
        ", ".join(dict.fromkeys(row.cost or "none" for row in rows)),
        "; ".join(dict.fromkeys(row.source for row in rows)),
    ]


def _clipped(text: str) -> str:
    """Return lines that fit the width; what is cut off is marked."""
    marked = [(line, "---" if line.endswith("---") else "...") for line in text.split("\n")]
    return "\n".join(line if len(line) <= WIDTH else line[: WIDTH - 3] + mark for line, mark in marked)


def show_card(benchmark: str, *, json: bool) -> int:
    """Print the protocol card of a benchmark, and what is known of its table if it was imported."""
    if benchmark in family_names():
        members = family_facts(benchmark).benchmarks
        raise UsageError(
            f"'{benchmark}' is a family, and each of its benchmarks has a card",
            why=f"they are {', '.join(members)}",
            hint=f"assay table show {members[0]}",
        )
    card = card_of(benchmark)
    if json:
        give_json(card)
        return 0
    lines = [f"{benchmark}, card version {card.version}", *card_lines(card)]
    family = benchmark.partition("/")[0]
    if readings := family_facts(family).readings:
        names = ", ".join(f"{benchmark.partition('@')[0]}@{one}" for one in readings)
        lines.append(entry("readings", names))
    path = table_path(cache_folder(), *benchmark.split("/", 1))
    lines += _table_lines(path) if path.exists() else [entry("table", f"absent: assay table import {family}")]
    give("\n".join([*lines, "", card.citation.strip()]))
    return 0


def _table_lines(path: Path) -> list[str]:
    one = describe(*open_table(path))
    count = f"{covered(one):,} of {one.architectures:,} architectures"
    return [
        entry("table", f"{count}, digest {short(one.table_digest)}"),
        *[entry("", f"{name}, SHA-256 {digest}") for name, digest in one.sources.items()],
        *[entry("note", text) for text in one.dropped],
    ]
