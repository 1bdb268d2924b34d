"""The report in a terminal: the answer, the results with their intervals, the claims."""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.foundation.text import one_line
from assay.publishing.claim_views import claim_views
from assay.publishing.document import ReportDocument
from assay.publishing.views import ResultCell, ResultLine, result_groups, result_note
from assay.publishing.words import counted, headline, level_of_verification, sentence, verified_now

_VERDICTS = {"supported": "green", "refuted": "red", "undecided": "yellow", "untested": "dim"}


def results_table(document: ReportDocument) -> Table:
    """Return the results, one row for each method on each benchmark; readable without colour.

    Names are shown as literal text: neither rich's markup nor a terminal's escapes act.
    """
    table = _table("benchmark", "method", "mean", "interval", "n", "")
    table.columns[2].justify = "right"
    for group in result_groups(document):
        for line in group.lines:
            _add_line(table, line)
    return table


def claims_table(document: ReportDocument) -> Table:
    """Return the claims: verdict with scope and n, number with interval, why, and what is wrong with it."""
    table = _table("verdict", "claim")
    for claim in claim_views(document):
        verdict = Text(one_line(claim.verdict), style=_VERDICTS.get(claim.verdict, ""))
        lines = [
            (claim.text, ""),
            (f"{claim.verdict} {claim.scope}. {claim.why}", "dim"),
            (claim.measured, "dim"),
            (" ".join(filter(None, (claim.lacks, claim.size))), "dim"),
            *((f"Protocol: {sentence(problem)}", "red") for problem in claim.validity),
        ]
        told = [_text(line, style) for line, style in lines if line]
        table.add_row(verdict, Text("\n").join(told))
    return table


def summary(document: ReportDocument) -> RenderableType:
    """Return all that a terminal shows of a report."""
    counts = document.counts
    parts: list[RenderableType] = [
        Text(one_line(document.study.name), style="bold"),
        Text(one_line(headline(document))),
        results_table(document),
        Text(one_line(result_note(document)), style="dim"),
    ]
    if document.analysis.claims:
        parts.insert(2, claims_table(document))
    registration = document.judged().registration
    if registration is not None:
        departed = len(registration.deviations)
        told = f" {counted(departed, 'deviation')} from the plan." if departed else ""
        parts.append(_text(f"Registration: {registration.state}: {registration.why}.{told}"))
    verification = document.verification
    verified = sentence(level_of_verification(verification))
    if verification is not None and verified_now(verification):
        verified = f"Verified: {sentence(verification.sentence)}"
    parts.append(
        _text(
            f"{counts.completed:,} of {counts.planned:,} runs completed, {counts.failed:,} failed. {verified}"
        )
    )
    return Group(*parts)


def summary_text(document: ReportDocument, width: int = 110) -> str:
    """Return the summary as plain text: no colour, no escapes, lines of at most `width` characters."""
    sink = io.StringIO()
    console = Console(file=sink, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(summary(document), highlight=False)
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"


def _add_line(table: Table, line: ResultLine) -> None:
    """Add a benchmark: its name beside the first method, then what was measured and the mileage."""
    heads = [one_line(line.benchmark), line.measure, *([line.mileage] if line.mileage else [])]
    if len(line.cells) < len(heads):
        heads = [*heads[: len(line.cells) - 1], "\n".join(heads[len(line.cells) - 1 :])]
    for i, cell in enumerate(line.cells):
        head = Text(heads[i], style="" if i == 0 else "dim") if i < len(heads) else Text("")
        mean = _text(cell.mean or "–", "bold" if cell.leads else "")
        runs = cell.runs.removeprefix("n = ")
        mark = _text(_mark(cell), "dim")
        table.add_row(head, _text(cell.method.label), mean, _text(cell.range), _text(runs), mark)
    table.add_section()


def _mark(cell: ResultCell) -> str:
    if not cell.mean:
        return cell.missing
    return "leads" if cell.leads else "≈ leader" if cell.with_leader else ""


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style)
