"""An audit as a folder: one page that needs nothing else, and its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from assay.analysis.audit.audit import Audit
from assay.analysis.audit.facts import Facts, StudyFacts, TableFacts, Verified
from assay.analysis.audit.finding import CLEAR, SEVERITIES, UNSEEN, Evidence
from assay.analysis.audit.gather import gather_study
from assay.capture.secrets import scrub
from assay.foundation.digest import digest_bytes, short
from assay.foundation.files import write_atomic
from assay.foundation.text import one_line
from assay.publishing.page import POLICY, environment
from assay.publishing.words import counted
from assay.records.store import Run, Store
from assay.studies.load import LoadedStudy
from assay.studies.plan import Plan
from assay.verification.verify import load_verification, results_digest

MEANING = {
    "invalidates": "the result does not show what it is said to show",
    "doubtful": "the result may hold, and this is no evidence that it does",
    "note": "a reader should know it",
}
_AROUND = 1


class AuditPaths(NamedTuple):
    """What was written."""

    page: Path
    data: Path


class _Row(NamedTuple):
    anchor: str
    line: str
    text: str
    cited: bool


class _Excerpt(NamedTuple):
    title: str
    note: str
    rows: list[_Row]


class _Thing(NamedTuple):
    anchor: str
    name: str
    text: str


def gather_verified(loaded: LoadedStudy, store: Store, cache: Path) -> Facts:
    """Return the facts of a study, with what its latest verification found."""

    def verified(plan: Plan, runs: Mapping[str, Run]) -> Verified | None:
        found = load_verification(store, loaded.study.name)
        if found is None:
            return None
        return Verified(
            verdict=found.summary.verdict,
            sentence=found.summary.sentence,
            findings=found.summary.findings,
            current=found.plan == results_digest(plan, runs),
        )

    return gather_study(loaded, store, cache, verified)


def build_audit(audit: Audit, facts: Facts, folder: Path) -> AuditPaths:
    """Write `audit.json` and `index.html` into `folder`; equal audits give equal bytes.

    Raises `StoreError` when the disk refuses.
    """
    data = encode_audit(audit)
    write_atomic(folder / "audit.json", data)
    write_atomic(folder / "index.html", render_audit(audit, facts, digest_bytes(data)).encode())
    return AuditPaths(page=folder / "index.html", data=folder / "audit.json")


def encode_audit(audit: Audit) -> bytes:
    """Return the bytes of `audit.json`: format "assay-audit", UTF-8 JSON with sorted keys."""
    return msgspec.json.format(msgspec.json.encode(audit, order="sorted"), indent=1) + b"\n"


def render_audit(audit: Audit, facts: Facts, digest: str) -> str:
    """Return the page; `digest` is that of `audit.json`."""
    cited = [one for finding in audit.findings for one in finding.evidence]
    context: dict[str, Any] = {
        "policy": POLICY,
        "audit": audit,
        "name": one_line(audit.name),
        "sentence": audit.sentence(),
        "facts": _facts(audit, facts),
        "findings": audit.findings,
        "open": [one for one in audit.findings if one.open],
        "answered": [one for one in audit.findings if not one.open],
        "meaning": MEANING,
        "severities": SEVERITIES,
        "clear": [one for one in audit.checked if one.state == CLEAR],
        "unseen": audit.unseen(),
        "links": links,
        "excerpts": _excerpts(facts, cited),
        "things": _things(facts, cited),
        "digest": short(digest),
    }
    return environment().get_template("audit.html.j2").render(context)


def links(one: Evidence) -> list[tuple[str, str | None]]:
    """Return what evidence names, each with the anchor at which the page shows it, None where it does not."""
    if one.kind == "card":
        return [(name, _anchor("card", name)) for name in _names(one)]
    if one.kind == "run":
        return [(f"run {short(one.place)}", _anchor("run", one.place))]
    if one.line is not None and one.kind == "file":
        return [(one.place, _anchor("file", one.place))]
    return [(one.place, f"line-{one.line}" if one.line is not None else None)]


def _anchor(kind: str, place: str) -> str:
    return f"{kind}-{digest_bytes(place.encode())[:12]}"


def _names(one: Evidence) -> list[str]:
    return one.place.replace(" and ", ", ").split(", ")


def _facts(audit: Audit, facts: Facts) -> list[tuple[str, str]]:
    rows = [("Audited", "a study with its store" if facts.study else "a table of results")]
    scores = facts.scores
    if scores is not None:
        tasks = counted(len(scores.tasks), "task")
        rows += [("Methods", f"{len(scores.methods)}"), ("Tasks", tasks)]
    if facts.study is not None:
        rows.append(("Runs", f"{len(facts.study.runs):,} of {_planned(facts.study):,} planned"))
    rows.append(("Rules", f"{len(audit.checked)}, of which {_unseen(audit)} cannot see"))
    return rows


def _planned(study: StudyFacts) -> int:
    return len(study.plan.cells) if study.plan is not None else 0


def _unseen(audit: Audit) -> int:
    return sum(one.state == UNSEEN for one in audit.checked)


def _excerpts(facts: Facts, cited: Iterable[Evidence]) -> list[_Excerpt]:
    """Return what the page shows of the study file or the table, and of the author's files."""
    listed = list(cited)
    found = []
    if facts.study is not None and facts.study.loaded.text:
        found.append(_study_file(facts.study, {one.line for one in listed if one.kind == "key"}))
        found += _code(facts.study, [one for one in listed if one.kind == "file" and one.line is not None])
    if facts.table is not None:
        found += _rows(facts.table, {one.line for one in listed if one.kind == "row"})
    return found


def _study_file(study: StudyFacts, cited: set[int | None]) -> _Excerpt:
    lines = scrub(study.loaded.text, code=True).splitlines()
    rows = [_Row(f"line-{i}", str(i), line, i in cited) for i, line in enumerate(lines, start=1)]
    name = study.loaded.path.name if study.loaded.path else study.loaded.study.name
    return _Excerpt(name, "the study file, with the lines marked that findings name", rows)


def _code(study: StudyFacts, cited: list[Evidence]) -> list[_Excerpt]:
    texts = {source.path: source.text or "" for source in study.sources}
    found: dict[str, _Excerpt] = {}
    for one in sorted(cited, key=lambda item: (item.place.rpartition(":")[0], item.line or 0)):
        path = one.place.rpartition(":")[0]
        lines = texts.get(path, "").splitlines()
        number = one.line or 0
        if not 0 < number <= len(lines):
            continue
        excerpt = found.setdefault(path, _Excerpt(path, "the lines that findings name", []))
        shown = {row.line for row in excerpt.rows}
        if str(number) not in shown:
            anchor = _anchor("file", one.place)
            excerpt.rows.append(_Row(anchor, str(number), lines[number - 1], cited=True))
    return list(found.values())


def _rows(table: TableFacts, cited: set[int | None]) -> list[_Excerpt]:
    frame = table.frame
    rows = [
        _Row(
            f"line-{line}",
            str(line),
            "  ".join(f"{name}={table.cell(i, c)}" for c, name in enumerate(table.columns)),
            cited=True,
        )
        for i, line in enumerate(frame.lines)
        if line in cited
    ]
    return [_Excerpt(one_line(frame.name), "the rows that findings name", rows)] if rows else []


def _things(facts: Facts, cited: Iterable[Evidence]) -> list[_Thing]:
    """Return the runs and cards that findings name, each once, with what there is to know of them."""
    study = facts.study
    if study is None:
        return []
    found: dict[str, _Thing] = {}
    for one in cited:
        if one.kind == "run":
            found.setdefault(_anchor("run", one.place), _run(study, one.place))
        for name in _names(one) if one.kind == "card" else ():
            if name in study.cards:
                found.setdefault(_anchor("card", name), _card(study, name))
    return list(found.values())


def _run(study: StudyFacts, run: str) -> _Thing:
    found = study.recorded.get(run)
    command = f"assay show {short(run)}"
    if found is None:
        return _Thing(_anchor("run", run), f"run {short(run)}", command)
    record = found.record
    text = (
        f"{record.strategy} on {record.benchmark}, replicate {record.replicate}: {record.result.status}, "
        f"ended {record.circumstances.ended}; {command}"
    )
    return _Thing(_anchor("run", run), f"run {short(run)}", text)


def _card(study: StudyFacts, name: str) -> _Thing:
    card = study.cards[name]
    test = f"{card.test.metric} on {card.test.split}" if card.test is not None else "none"
    signals = ", ".join(f"{signal.name} on {signal.split}" for signal in card.signals)
    lineage = ", ".join(card.task.lineage)
    text = f"signals: {signals}; test: {test}; family {card.task.family}; lineage: {lineage}"
    return _Thing(_anchor("card", name), name, text)
