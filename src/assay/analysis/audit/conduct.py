"""Rules about the record itself: whether it is intact, was assessed, and was repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assay.analysis.audit.columns import row_evidence, words
from assay.analysis.audit.facts import Facts, StudyFacts, Verified
from assay.analysis.audit.finding import (
    DOUBTFUL,
    INVALIDATES,
    NOTE,
    Doubt,
    Evidence,
    Rule,
    Severity,
    anything,
    runs_needed,
    study_only,
    worst,
)

# What a verification says of runs that are not there or failed: findings of other rules.
_UNDONE = re.compile(r"\d+ runs of the study as it stands were never run|\d+ runs failed")
_NOTHING = "nothing to verify"
_VALIDATION = {"val", "valid", "validation", "dev"}


def _not_intact(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None:
        return None
    found = [Evidence(kind="store", place="the store", text=text) for text in study.damage]
    for run, merged in study.runs.items():
        if merged.conflict:
            text = f"{len(merged.conflict)} completed attempts disagree"
            found.append(Evidence(kind="run", place=run, text=text))
    verified = study.verified
    if verified is not None and verified.current and _is_changed(verified):
        text = "; ".join([f"{verified.verdict}: {verified.sentence}", *_of_the_disk(verified.findings)])
        found.append(Evidence(kind="store", place="verification.json", text=text))
    title = "What is on disk is not what was written, or runs do not repeat"
    return Doubt(INVALIDATES, title, found) if found else None


def _is_changed(verified: Verified) -> bool:
    """Say whether a verification found what was changed or does not repeat, and not only what is undone."""
    repeated = verified.verdict.startswith(("identical", _NOTHING))
    return not repeated or bool(_of_the_disk(verified.findings))


def _of_the_disk(findings: Sequence[str]) -> list[str]:
    """Leave out what the rules about missing and failed runs say."""
    return [text for text in findings if not _UNDONE.fullmatch(text)]


def _not_verified(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None or (study.verified is not None and study.verified.current):
        return None
    stale = study.verified is not None
    text = "the latest verification was of other results" if stale else "no run has been repeated"
    title = "The results changed since they were verified" if stale else "No run was repeated to verify it"
    return Doubt(NOTE, title, [Evidence(kind="store", place="verification.json", text=text)])


def _no_assessment(facts: Facts) -> Doubt | None:
    if facts.table is not None:
        table = facts.table
        if not _VALIDATION & set(words(table.metric)):
            return None
        column = table.layout.scores[0]
        row = row_evidence(table, 0, f"the score is '{table.metric}'", column)
        return Doubt(DOUBTFUL, "The reported number is the one that was selected by", [row])
    study = facts.study
    found = list(_without_test(study)) if study is not None else []
    if not found:
        return None
    title = "The reported number is the one that the search selected by"
    return Doubt(worst(one for one, _ in found), title, [one for _, one in found])


def _without_test(study: StudyFacts) -> Iterator[tuple[Severity, Evidence]]:
    asked = study.loaded.study.protocol.assessment
    able = {name for name, card in study.cards.items() if card.test is not None}
    if asked == "none" and able:
        place, line = study.key("protocol", "assessment")
        text = f"no assessment, though {len(able)} of {len(study.cards)} benchmarks have a test metric"
        yield DOUBTFUL, Evidence(kind="key", place=place, line=line, text=text)
    for i, claim in enumerate(study.loaded.study.claims):
        on = able & set(claim.on or study.cards)
        if claim.metric == "signal" and claim.kind != "reaches" and on:
            place, line = study.key("claims", i, "metric")
            text = f"claim {i + 1} is about the signal, and there is a test metric on {', '.join(sorted(on))}"
            yield DOUBTFUL, Evidence(kind="key", place=place, line=line, text=text)
    yield from _unassessed(study, asked)
    for name, card in study.cards.items():
        if card.test is None:
            text = f"has no test metric: {card.no_test_because or 'its card names none'}"
            yield NOTE, Evidence(kind="card", place=name, text=text)


def _unassessed(study: StudyFacts, asked: str) -> Iterator[tuple[Severity, Evidence]]:
    if asked == "none":
        return
    for (name, method), cell in study.cells.items():
        lacking = sum(run.test is None for run in cell.completed)
        if study.cards[name].test is not None and lacking:
            text = f"{lacking:,} of {len(cell.completed):,} completed runs were not assessed"
            yield DOUBTFUL, Evidence(kind="cell", place=f"{method} on {name}", text=text)


def _refused(facts: Facts) -> Doubt | None:
    study = facts.study
    if study is None or not study.refused:
        return None
    place, line = study.key("name")
    found = [Evidence(kind="key", place=place, line=line, text=study.refused)]
    return Doubt(DOUBTFUL, "The study cannot be run as it is written", found)


RULES = (
    Rule(
        id="not-intact",
        about="records, ledger and repeats that are not what was written",
        why="Numbers that were changed after they were written, or do not come out again, are no evidence.",
        source="the digests and the chained ledger of the store; assay verify",
        remedy="Restore the store from a copy, or run what is damaged again.",
        find=_not_intact,
        sees=study_only,
    ),
    Rule(
        id="not-verified",
        about="repeats of runs in fresh processes",
        why="That a run repeats is shown by repeating it, and by nothing else.",
        source="ACM, Artifact Review and Badging 1.1",
        remedy="assay verify STUDY",
        find=_not_verified,
        sees=runs_needed,
    ),
    Rule(
        id="no-assessment",
        about="whether the reported number is a test metric",
        why="The value that a search selected by is the best of many noisy ones, and too good.",
        source="Cawley and Talbot, JMLR 2010 (over-fitting in model selection)",
        remedy='Report the test metric (assessment = "required"), or claim nothing beyond the signal.',
        find=_no_assessment,
        sees=anything,
        one_sided=True,
    ),
    Rule(
        id="cannot-be-run",
        about="whether the study can be run as it is written",
        why="What cannot be run as written was not run as written.",
        source="the checks of assay run",
        remedy="Mend the study file as the message says, and run it.",
        find=_refused,
        sees=study_only,
    ),
)
