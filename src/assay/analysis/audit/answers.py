"""Answers of the authors to findings: read from the study file or a file beside a table, never hidden."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from assay.analysis.audit.finding import Finding
from assay.foundation.errors import StudyError, UsageError, nearest
from assay.foundation.locate import line_of
from assay.foundation.text import one_line
from assay.studies.auditing import Answer, Answers
from assay.studies.load import LoadedStudy


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    audit: Answers


def answers_of_study(loaded: LoadedStudy, known: Collection[str]) -> tuple[Answer, ...]:
    """Return the answers of a study file; raises `StudyError` for one that answers no known finding."""
    given = loaded.study.audit.answers
    for place, what, hint in _wrong(given, known):
        raise StudyError(what, where=loaded.where("audit", "answers", *place), hint=hint)
    return given


def answers_of_file(path: Path, known: Collection[str]) -> tuple[Answer, ...]:
    """Return the answers of a TOML file that has `[[audit.answers]]` as a study file has.

    Raises `UsageError` for a file that cannot be read, and for an answer to no known finding.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = msgspec.convert(tomllib.loads(text), _File)
    except OSError as error:
        raise UsageError(
            "the answers cannot be read", where=one_line(str(path)), why=error.strerror or str(error)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, msgspec.ValidationError) as error:
        raise UsageError(
            "the file does not hold answers",
            where=one_line(str(path)),
            why=str(error),
            hint='[[audit.answers]] with finding = "id" and reason = "..."',
        ) from None
    given = found.audit.answers
    for place, what, hint in _wrong(given, known):
        line = line_of(text, ("audit", "answers", *place))
        where = f"{one_line(str(path))}{f':{line}' if line else ''}"
        raise UsageError(what, where=where, hint=hint)
    return given


def with_answers(
    findings: Sequence[Finding], answers: Sequence[Answer]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return the findings with their answers, and the ids that were answered and were not found."""
    reasons = {answer.finding: one_line(answer.reason) for answer in answers}
    told = tuple(msgspec.structs.replace(finding, answer=reasons.get(finding.id)) for finding in findings)
    found = {finding.id for finding in findings}
    return told, tuple(name for name in reasons if name not in found)


def _wrong(
    answers: Sequence[Answer], known: Collection[str]
) -> list[tuple[tuple[str | int, ...], str, str | None]]:
    """Return the first thing that is wrong with answers: its place, what it is, and a hint."""
    seen: set[str] = set()
    for i, answer in enumerate(answers):
        if answer.finding not in known:
            near = nearest(answer.finding, known)
            hint = f"did you mean '{near}'?" if near else f"findings: {', '.join(sorted(known))}"
            return [((i, "finding"), f"there is no finding '{one_line(answer.finding)}'", hint)]
        if answer.finding in seen:
            return [((i, "finding"), f"the finding '{answer.finding}' is answered twice", None)]
        if not answer.reason.strip():
            return [((i, "reason"), "an answer needs a reason", None)]
        seen.add(answer.finding)
    return []
