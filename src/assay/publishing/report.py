"""The report as a folder: one page that needs nothing else, its data, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment

from assay.foundation.digest import short
from assay.foundation.files import write_atomic
from assay.publishing import views, words
from assay.publishing.claim_views import claim_views, coverage_note
from assay.publishing.document import ReportDocument, write_document
from assay.publishing.figures import draw_all
from assay.publishing.judgement_figures import draw_judgement
from assay.publishing.judgement_views import judgement_sections
from assay.publishing.page import POLICY, environment, width
from assay.publishing.sheet import Drawn


class ReportPaths(NamedTuple):
    """What was written: the page, its data, and each figure as .svg, .pdf and .csv."""

    page: Path
    data: Path
    figures: tuple[Path, ...]


def build(document: ReportDocument, folder: Path) -> ReportPaths:
    """Write `report.json`, `index.html` and `figures/` into `folder`; equal documents give equal bytes.

    Files of the same names are replaced, each whole or not at all. Raises `UsageError` for a document
    with a number that is not finite, `StoreError` when the disk refuses.
    """
    data = folder / "report.json"
    digest = write_document(document, data)
    drawn = draw_all(document)
    judged = draw_judgement(document)
    written: list[Path] = []
    for figure in (*drawn, *(figure for own in judged.values() for figure in own)):
        files = {"svg": figure.svg.encode(), "pdf": figure.pdf, "csv": figure.data.csv()}
        for suffix, content in files.items():
            path = folder / "figures" / f"{figure.id}.{suffix}"
            write_atomic(path, content)
            written.append(path)
    page = folder / "index.html"
    write_atomic(page, render(document, drawn, judged, digest).encode())
    return ReportPaths(page=page, data=data, figures=tuple(written))


def render(
    document: ReportDocument, drawn: tuple[Drawn, ...], judged: Mapping[str, tuple[Drawn, ...]], digest: str
) -> str:
    """Return the page; `judged` are the figures of the judgement by section, `digest` is of `report.json`."""
    figures = {figure.id: figure for figure in drawn}
    names = words.labels(document)
    sections = judgement_sections(document, judged)
    groups = views.result_groups(document)
    context: dict[str, Any] = {
        "policy": POLICY,
        "document": document,
        "digest": digest,
        "figures": figures,
        "headline": words.headline(document),
        "contents": views.contents(document, figures, sections),
        "claims": claim_views(document),
        "claims_note": coverage_note(document),
        "sections": sections,
        "widths": {figure.id: width(figure) for own in judged.values() for figure in own},
        "columns": views.columns(document),
        "groups": groups,
        "citations": views.citations(document),
        "result_note": views.result_note(document),
        "led": any(cell.leads for group in groups for line in group.lines for cell in line.cells),
        "verified_now": words.verified_now(document.verification),
        "mileage_note": views.mileage_note(document),
        "evidence": {
            step.id: views.evidence_of(step.evidence, figures, document, sections)
            for step in document.lifecycle
        },
        "label": lambda name: names.get(name, name),
    }
    return _environment().get_template("report.html.j2").render(context)


def _environment() -> Environment:
    """Return the template environment of the report: that of every page, with filters of its own."""
    made = environment()
    made.filters |= {
        "short": short,
        "plain": words.plain,
        "whole": words.whole,
        "seconds": words.seconds,
        "listed": words.listed,
        "counted": words.counted,
        "sentence": words.sentence,
        "lower_first": lambda text: text[:1].lower() + text[1:],
        "tojson_text": _as_json,
    }
    made.tests["link"] = lambda text: isinstance(text, str) and text.startswith(("https://", "http://"))
    return made


def _as_json(value: Any) -> str:
    """Return a hyperparameter as it would be written in a study file."""
    return msgspec.json.encode(value).decode()
