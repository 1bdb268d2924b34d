"""The report as a folder: one page that needs nothing else, its data, and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay.foundation.digest import short
from assay.foundation.files import write_atomic
from assay.foundation.text import visible
from assay.publishing import views, words
from assay.publishing.document import ReportDocument, write_document
from assay.publishing.figures import draw_all
from assay.publishing.sheet import Drawn

# The page may style itself and do nothing else: no script, no request, no frame, no form.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


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
    written: list[Path] = []
    for figure in drawn:
        files = {"svg": figure.svg.encode(), "pdf": figure.pdf, "csv": figure.data.csv()}
        for suffix, content in files.items():
            path = folder / "figures" / f"{figure.id}.{suffix}"
            write_atomic(path, content)
            written.append(path)
    page = folder / "index.html"
    write_atomic(page, render(document, drawn, digest).encode())
    return ReportPaths(page=page, data=data, figures=tuple(written))


def render(document: ReportDocument, drawn: tuple[Drawn, ...], digest: str) -> str:
    """Return the page; `digest` is that of `report.json`."""
    figures = {figure.id: figure for figure in drawn}
    names = words.labels(document)
    context: dict[str, Any] = {
        "policy": POLICY,
        "document": document,
        "digest": digest,
        "figures": figures,
        "headline": words.headline(document),
        "contents": views.contents(document, figures),
        "columns": views.columns(document),
        "groups": views.result_groups(document),
        "citations": views.citations(document),
        "result_note": views.result_note(document),
        "mileage_note": views.mileage_note(document),
        "evidence": {s.id: views.evidence_of(s.evidence, figures, document) for s in document.lifecycle},
        "label": lambda name: names.get(name, name),
    }
    return _environment().get_template("report.html.j2").render(context)


def _environment() -> Environment:
    """Return the template environment: everything is escaped, and an unknown name is an error."""
    environment = Environment(
        loader=PackageLoader("assay.publishing"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "short": short,
        "plain": words.plain,
        "whole": words.whole,
        "seconds": words.seconds,
        "difference": views.estimates,
        "listed": words.listed,
        "counted": words.counted,
        "sentence": words.sentence,
        "raw_svg": Markup,
        "tojson_text": _as_json,
    }
    environment.tests["link"] = lambda text: (
        isinstance(text, str) and text.startswith(("https://", "http://"))
    )
    return environment


def _as_json(value: Any) -> str:
    """Return a hyperparameter as it would be written in a study file."""
    return msgspec.json.encode(value).decode()


def _visible(value: Any) -> Any:
    """Write out control characters in whatever a template prints; markup is ours and stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
