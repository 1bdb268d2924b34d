"""The body of `assay audit`."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap

from assay.analysis.audit.answers import answers_of_file, answers_of_study
from assay.analysis.audit.audit import IDS, Audit, audit
from assay.analysis.audit.facts import Facts
from assay.analysis.audit.finding import CLEAR, Finding
from assay.analysis.audit.gather import gather_table
from assay.analysis.reading.columns import Columns
from assay.cli.output import give, give_json, say, visible
from assay.foundation.errors import UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.publishing.audit_page import build_audit, gather_verified
from assay.records.store import Store
from assay.studies.load import load_study

_LINE = 100


def audit_file(
    path: Path,
    store_path: Path | None,
    columns: Columns,
    *,
    minimize: bool | None,
    paired_by: str | None,
    answers: Path | None,
    out: Path | None,
    json: bool,
) -> int:
    """Audit a study file with its store, or a table; 1 if an unanswered finding invalidates the result."""
    if path.suffix.lower() == ".toml":
        if answers is not None or paired_by is not None or minimize is not None or columns != Columns():
            raise UsageError(
                "a study says itself what its columns, pairs and answers are",
                where=visible(str(path)),
                hint="answers stand in the study file, as [[audit.answers]]",
            )
        loaded = load_study(path)
        given = answers_of_study(loaded, IDS)
        facts = gather_verified(loaded, Store(store_path or store_folder(), create=False), cache_folder())
    else:
        given = answers_of_file(answers, IDS) if answers is not None else ()
        facts = gather_table(path, columns, minimize=minimize, paired_by=paired_by)
    found = audit(facts, given)
    if json:
        give_json(found)
    else:
        give(text(found))
    if not json or out is not None:
        _write(found, facts, out or Path(f"{path.stem}-audit"), quiet=json)
    return 0 if found.holds else 1


def text(found: Audit) -> str:
    """Return what a terminal shows: the sentence, the findings, and what could not be seen."""
    lines = [*_wrapped(found.sentence())]
    for finding in found.findings:
        lines += ["", *_finding(finding)]
    clear = [one.about for one in found.checked if one.state == CLEAR]
    for title, listed in (("looked for, and nothing found", clear), *found.unseen().items()):
        if listed:
            lines += ["", *_wrapped(f"{title}:")]
            lines += [line for one in listed for line in _wrapped(one, "  - ", "    ")]
    if found.unused:
        lines += ["", f"answered and not found: {', '.join(found.unused)}"]
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    mark = finding.severity if finding.open else f"{finding.severity}, answered"
    lines = _wrapped(f"{mark}: {finding.title} [{finding.id}]", "", "  ")
    lines += _wrapped(f"{finding.why} ({finding.source})", "  ", "  ")
    for one in finding.evidence:
        lines += _wrapped(f"{one.place}: {one.text}", "  - ", "    ")
    if finding.more:
        lines.append(f"  - and {finding.more:,} more")
    lines += _wrapped(f"removed by: {finding.remedy}", "  ", "    ")
    if finding.answer is not None:
        lines += _wrapped(f"answered: {finding.answer}", "  ", "    ")
    return lines


def _wrapped(line: str, first: str = "", later: str = "") -> list[str]:
    return wrap(visible(line), _LINE, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)


def _write(found: Audit, facts: Facts, folder: Path, *, quiet: bool) -> None:
    page = build_audit(found, facts, folder).page
    say()
    say("page and audit.json:")
    say(visible(str(page))) if quiet else give(visible(str(page)))
