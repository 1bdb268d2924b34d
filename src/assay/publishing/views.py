"""What the page shows, arranged: rows, cells and words, so that the template only places them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from assay.analysis.model import ResultRow
from assay.foundation.text import one_line
from assay.publishing.document import ANCHORS, ReportDocument
from assay.publishing.section import Section
from assay.publishing.style import Look, look
from assay.publishing.words import (
    about_interval,
    counted,
    labels,
    level_of_verification,
    listed,
    mean_of,
    measure,
    range_of,
    sentence,
)
from assay.statistics.coverage import coverage_text
from assay.statistics.intervals import SMALL

_MOST_TOLD = 3


class Column(NamedTuple):
    """A method as a column or a legend entry: its label and its look."""

    name: str
    label: str
    look: Look


class ResultCell(NamedTuple):
    """One number of the results table with all that it needs beside it; `mean` is empty without runs."""

    method: Column
    mean: str
    range: str
    runs: str
    leads: bool
    with_leader: bool
    missing: str


class ResultLine(NamedTuple):
    """A benchmark: what was measured, how often its test labels were asked, and a cell for each method."""

    benchmark: str
    measure: str
    mileage: str
    cells: list[ResultCell]


class ResultGroup(NamedTuple):
    """The benchmarks of one family."""

    family: str
    lines: list[ResultLine]


class Citation(NamedTuple):
    """A publication to cite, and the benchmarks of this study that come from it."""

    text: str
    benchmarks: list[str]


class Anchor(NamedTuple):
    """An entry of the contents."""

    href: str
    title: str


def columns(document: ReportDocument) -> list[Column]:
    """Return the methods in the order of the study, with their looks."""
    names = labels(document)
    return [Column(m.name, names[m.name], look(i)) for i, m in enumerate(document.methods)]


def result_groups(document: ReportDocument) -> list[ResultGroup]:
    """Return the results table: families, their benchmarks, and a cell for each method."""
    methods = columns(document)
    rows = {(row.benchmark, row.method): row for row in document.analysis.results}
    tested = {row.benchmark for row in document.analysis.results if row.reported == "test"}
    mileage = {
        row.benchmark: f"test asked {row.this_study:,} times, {row.in_store:,} in the store"
        for row in document.mileage
        if row.benchmark in tested
    }
    groups: dict[str, list[ResultLine]] = {}
    for facts in document.benchmarks:
        own = [rows.get((facts.name, method.name)) for method in methods]
        some = next((row for row in own if row is not None), None)
        if some is not None:
            alone = sum(row is not None and row.interval is not None for row in own) < 2
            cells = [result_cell(method, row, alone) for method, row in zip(methods, own, strict=True)]
            line = ResultLine(facts.name, measure(some, document), mileage.get(facts.name, ""), cells)
            groups.setdefault(facts.family, []).append(line)
    return [ResultGroup(family, lines) for family, lines in groups.items()]


def result_cell(method: Column, row: ResultRow | None, alone: bool = False) -> ResultCell:
    """Return the cell of a row; one without an interval says why in its text, one `alone` leads nobody."""
    if row is None:
        return ResultCell(method, "", "", "", False, False, "not planned")
    short = row.completed < row.planned
    if row.interval is None:
        return ResultCell(
            method, "", "", f"n = 0 of {row.planned}", False, False, one_line(row.text) or "no run"
        )
    n = row.interval.n
    runs = f"n = {n} of {row.planned}" if short else f"n = {n}"
    return ResultCell(
        method,
        mean_of(row.interval),
        range_of(row.interval),
        runs,
        row.leads and not alone,
        row.with_leader,
        "",
    )


def result_note(document: ReportDocument) -> str:
    """Return what the numbers of the results table are."""
    intervals = [row.interval for row in document.analysis.results if row.interval is not None]
    if not intervals:
        return "No number yet: no run has completed."
    kinds = sorted({about_interval(interval) for interval in intervals if interval.low is not None})
    with_kinds = f", with a {listed(kinds)}" if kinds else ""
    without_any = [interval for interval in intervals if interval.low is None]
    single = " A single run gives no interval." if any(interval.n == 1 for interval in without_any) else ""
    if any(interval.n > 1 for interval in without_any):
        single += " Some cells have no interval that would be valid; see the notes beside them."
    unmeasured = sorted({facts.no_test_because for facts in document.benchmarks if facts.no_test_because})
    without = f" Where no test metric is shown: {'; '.join(unmeasured)}." if unmeasured else ""
    few = [i.n for i in intervals if i.method == "t" and 1 < i.n < SMALL]
    coverage = f" {sentence(coverage_text(min(few), paired=True))}" if few else ""
    statuses = sorted({row.status for row in document.mileage})
    declared = f" Test metrics are {listed(statuses)}." if statuses else ""
    level = level_of_verification(document.verification)
    return (
        f"Mean over the completed runs{with_kinds}; n is the number of runs.{single} Numbers from a table "
        f"are conditional on that table.{without}{declared}{coverage} Level of verification: {level}."
        f"{_led_by_failures(document)}"
    )


def _led_by_failures(document: ReportDocument) -> str:
    """Say where a method leads although the mean of another is better, and why."""
    names = labels(document)
    told = []
    for facts in document.benchmarks:
        rows = [row for row in document.analysis.results if row.benchmark == facts.name and row.interval]
        first = next((row for row in rows if row.leads), None)
        for row in rows if first is not None else ():
            maximize = facts.test_maximize if row.reported == "test" else facts.maximize
            missing = row.planned - row.interval.n if row.interval else 0
            if missing and first is not None and _is_better(row, first, maximize):
                told.append(
                    f" On {one_line(facts.name)} {names[first.method]} leads although the mean of "
                    f"{names[row.method]} is better: {missing:,} of {counted(row.planned, 'run')} of "
                    f"{names[row.method]} gave no result, and these count as the worst."
                )
    more = f" So it is in {counted(len(told) - _MOST_TOLD, 'more case')}." if len(told) > _MOST_TOLD else ""
    return "".join(told[:_MOST_TOLD]) + more


def _is_better(row: ResultRow, than: ResultRow, maximize: bool) -> bool:
    if row.interval is None or than.interval is None:
        return False
    difference = row.interval.mean - than.interval.mean
    return difference > 0 if maximize else difference < 0


def citations(document: ReportDocument) -> list[Citation]:
    """Return each publication once, in the order of the cards."""
    found: dict[str, list[str]] = {}
    for card in document.cards:
        found.setdefault(card.citation, []).append(card.benchmark)
    return [Citation(text, benchmarks) for text, benchmarks in found.items()]


def contents(document: ReportDocument, figures: Collection[str], sections: Sequence[Section]) -> list[Anchor]:
    """Return the sections that the page has, in order; `sections` are those of the judgement."""
    entries = [
        ("#claims", "Verdicts", bool(document.analysis.claims)),
        ("#lifecycle", "Lifecycle", True),
        ("#counts", "Runs", True),
        ("#results", "Results", True),
        ("#ranks", "Ranks", "ranks" in figures),
        ("#regret", "Regret", any(name.startswith("regret") for name in figures)),
        *((f"#{section.id}", section.title, True) for section in sections),
        ("#cost", "Cost", bool(document.analysis.costs)),
        ("#cards", "Protocol cards", True),
        ("#components", "Five components", True),
        ("#mileage", "Test mileage", True),
        ("#verification", "Verification", True),
        ("#failures", "Failures", True),
        ("#repeat", "How to repeat", True),
    ]
    return [Anchor(href, title) for href, title, present in entries if present]


def evidence_of(
    anchor: str, figures: Collection[str], document: ReportDocument, sections: Sequence[Section]
) -> str:
    """Return a step's evidence if the page has that place, else an empty string."""
    present = {entry.href for entry in contents(document, figures, sections)}
    parts = {"#code", "#data", "#environment", "#hyperparameters", "#seeds"}
    return anchor if anchor in ANCHORS and anchor in present | parts else ""


def mileage_note(document: ReportDocument) -> str:
    """Return what the counts of test labels mean."""
    if not document.mileage:
        return (
            "No test label was asked for: no benchmark of this study has a test metric, or none was assessed."
        )
    asked = sum(row.this_study for row in document.mileage)
    return (
        f"This study asked {counted(asked, 'time')} for test metrics, each of a sealed search. "
        "The more often a test set is asked, the less its numbers surprise."
    )
