"""The `[audit]` table of a study file: what the authors answer to the findings of an audit."""

from __future__ import annotations

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reason why a finding does not touch the result; the finding stays visible with it."""

    finding: str
    reason: str


class Answers(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """The answers of a study; in no identity."""

    answers: tuple[Answer, ...] = ()
