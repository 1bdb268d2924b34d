"""What the page shows, arranged: rows, cells and words, so that the template only places them."""

from __future__ import annotations

from typing import NamedTuple

from assay.analysis.model import ResultRow
from assay.publishing.document import ANCHORS, ReportDocument
from assay.publishing.sheet import Drawn
from assay.publishing.style import Look, look
from assay.publishing.words import about_interval, counted, labels, listed, mean_of, measure, one_line, range_of
from assay.statistics.interval import Interval


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
    """A benchmark: what was measured, and a cell for each method."""

    benchmark: str
    measure: str
    cells: list[ResultCell]


class ResultGroup(NamedTuple):
    """The benchmarks of one family."""

    family: str
    lines: list[ResultLine]


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
    groups: dict[str, list[ResultLine]] = {}
    for facts in document.benchmarks:
        own = [rows.get((facts.name, method.name)) for method in methods]
        some = next((row for row in own if row is not None), None)
        if some is not None:
            cells = [result_cell(method, row) for method, row in zip(methods, own, strict=True)]
            line = ResultLine(facts.name, measure(some, document), cells)
            groups.setdefault(facts.family, []).append(line)
    return [ResultGroup(family, lines) for family, lines in groups.items()]


def result_cell(method: Column, row: ResultRow | None) -> ResultCell:
    """Return the cell of a row; a row without an interval says why in its own text."""
    if row is None:
        return ResultCell(method, "", "", "", False, False, "not planned")
    short = row.completed < row.planned
    if row.interval is None:
        return ResultCell(method, "", "", f"n = 0 of {row.planned}", False, False, one_line(row.text) or "no run")
    n = row.interval.n
    runs = f"n = {n} of {row.planned}" if short else f"n = {n}"
    return ResultCell(method, mean_of(row.interval), range_of(row.interval), runs, row.leads, row.with_leader, "")


def result_note(document: ReportDocument) -> str:
    """Return what the numbers of the results table are."""
    kinds = sorted({about_interval(row.interval) for row in document.analysis.results if row.interval is not None})
    if not kinds:
        return "No number yet: no run has completed."
    unmeasured = sorted({facts.no_test_because for facts in document.benchmarks if facts.no_test_because})
    without = f" Where no test metric is shown: {'; '.join(unmeasured)}." if unmeasured else ""
    return (
        f"Mean over the completed runs, with a {listed(kinds)}; n is the number of runs. "
        f"Numbers from a table are conditional on that table.{without}"
    )


def estimates(interval: Interval | None) -> str:
    """Return a difference with its sign, its interval and n."""
    if interval is None:
        return "not computed"
    return f"{mean_of(interval, sign=True)} {range_of(interval, sign=True)}, n = {interval.n}"


def contents(document: ReportDocument, figures: dict[str, Drawn]) -> list[Anchor]:
    """Return the sections that the page has, in order."""
    entries = [
        ("#lifecycle", "Lifecycle", True),
        ("#counts", "Runs", True),
        ("#results", "Results", True),
        ("#claims", "Claims", bool(document.analysis.claims)),
        ("#regret", "Regret", any(name.startswith("regret") for name in figures)),
        ("#ranks", "Ranks", "ranks" in figures),
        ("#cost", "Cost", bool(document.analysis.costs)),
        ("#cards", "Protocol cards", True),
        ("#components", "Five components", True),
        ("#mileage", "Test mileage", True),
        ("#verification", "Verification", True),
        ("#failures", "Failures", True),
        ("#repeat", "How to repeat", True),
    ]
    return [Anchor(href, title) for href, title, present in entries if present]


def evidence_of(anchor: str, figures: dict[str, Drawn], document: ReportDocument) -> str:
    """Return a step's evidence if the page has that place, else an empty string."""
    present = {entry.href for entry in contents(document, figures)}
    parts = {"#code", "#data", "#environment", "#hyperparameters", "#seeds"}
    return anchor if anchor in ANCHORS and anchor in present | parts else ""


def mileage_note(document: ReportDocument) -> str:
    """Return what the counts of test labels mean."""
    if not document.mileage:
        return "No test label was asked for: no benchmark of this study has a test metric, or none was assessed."
    asked = sum(row.this_study for row in document.mileage)
    return (
        f"This study asked {counted(asked, 'time')} for test metrics, each of a sealed search. "
        "The more often a test set is asked, the less its numbers surprise."
    )
