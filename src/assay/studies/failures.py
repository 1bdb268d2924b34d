"""The failed cells of a study, by what ended them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.records.record import RunError


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that failed, and why."""

    run: str
    method: str
    benchmark: str
    replicate: int
    error: RunError | None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What ended failed cells, taken from one and the same message; `failed` has a cell at least."""

    what: str
    why: str
    hint: str
    failed: tuple[Failed, ...]


def causes(failed: Sequence[Failed]) -> list[Cause]:
    """Return failed cells by the message that ended them, the most frequent first."""
    groups: dict[tuple[str, str], list[Failed]] = {}
    for one in failed:
        key = (one.error.kind, one.error.message) if one.error else ("unknown", "")
        groups.setdefault(key, []).append(one)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [_cause(kind, message, tuple(own)) for (kind, message), own in ordered]


def _cause(kind: str, message: str, failed: tuple[Failed, ...]) -> Cause:
    """Take a message apart; one of Assay's own needs no name of an exception before it."""
    first, *rest = message.splitlines() or ["no message"]
    parts = {label: text.strip() for label, _, text in (line.strip().partition(":") for line in rest)}
    told = bool(parts.keys() & {"where", "why", "hint"})
    return Cause(
        what=first if told else f"{kind}: {first}",
        why=parts.get("why", ""),
        hint=parts.get("hint", ""),
        failed=failed,
    )
