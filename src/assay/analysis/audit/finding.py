"""A finding of an audit: what is in doubt, why it matters, where it is seen, and what would remove it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import msgspec

from assay.analysis.audit.facts import Facts

Severity = Literal["invalidates", "doubtful", "note"]
INVALIDATES: Severity = "invalidates"
DOUBTFUL: Severity = "doubtful"
NOTE: Severity = "note"
SEVERITIES: tuple[Severity, ...] = (INVALIDATES, DOUBTFUL, NOTE)

Kind = Literal["key", "row", "run", "cell", "card", "file", "store"]
FOUND, CLEAR, UNSEEN = "found", "nothing found", "cannot be seen"
MOST_EVIDENCE = 12


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a finding is seen, and what is seen there.

    `kind` is 'key' (of the study file), 'row' (of a table), 'run', 'cell' (a method on a task), 'card',
    'file' or 'store'. `place` is what people read, such as 'study.toml:12, protocol.signal' or the id of
    a run; `line` is that of a key, a row or a file, from 1.
    """

    kind: Kind
    place: str
    text: str
    line: int | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding. `answer` is the reason that the authors give, None where there is none."""

    id: str
    severity: Severity
    title: str
    why: str
    source: str
    evidence: tuple[Evidence, ...]
    remedy: str
    more: int = 0
    answer: str | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has answered it."""
        return self.answer is None


class Doubt(NamedTuple):
    """What a rule found: how bad it is, in words, and where it is seen."""

    severity: Severity
    title: str
    evidence: list[Evidence]


class Rule(NamedTuple):
    """A rule of the audit: `find` looks at the facts and returns what is wrong, None where nothing is.

    `sees` says why the facts at hand cannot answer it, empty where they can. Where it is `one_sided`, a
    table may show the fault and never its absence.
    """

    id: str
    about: str
    why: str
    source: str
    remedy: str
    find: Callable[[Facts], Doubt | None]
    sees: Callable[[Facts], str]
    one_sided: bool = False

    def finding(self, doubt: Doubt) -> Finding:
        """Return what the rule found with its reason and remedy; long evidence is cut and counted."""
        shown = tuple(doubt.evidence[:MOST_EVIDENCE])
        return Finding(
            id=self.id,
            severity=doubt.severity,
            title=doubt.title,
            why=self.why,
            source=self.source,
            evidence=shown,
            remedy=self.remedy,
            more=len(doubt.evidence) - len(shown),
        )


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a rule: 'found', 'nothing found', or 'cannot be seen' and why."""

    id: str
    about: str
    state: str
    why: str = ""


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the worst of some severities."""
    return min(severities, key=SEVERITIES.index)


IN_A_TABLE = "cannot be seen in a table"
ONE_SIDED = f"{IN_A_TABLE}: it shows what stands in it, not how that came about or what was left out"
NO_RUNS = "there are no runs yet"
NOT_ASKED = "asked of a table of results only"


def study_only(facts: Facts) -> str:
    """Say that only a study file with its store shows it."""
    return "" if facts.study is not None else IN_A_TABLE


def runs_needed(facts: Facts) -> str:
    """Say that only the runs of a study show it."""
    if facts.study is None:
        return IN_A_TABLE
    return "" if facts.study.runs else NO_RUNS


def table_only(facts: Facts) -> str:
    """Say that it is asked of a table alone."""
    return "" if facts.table is not None else NOT_ASKED


def scores_needed(facts: Facts) -> str:
    """Say that it is seen in scores, of a table or of runs."""
    return "" if facts.scores is not None else NO_RUNS


def runs_or_table(facts: Facts) -> str:
    """Say that it is seen in the runs of a study, or in a table."""
    return "" if facts.table is not None else runs_needed(facts)


def anything(_: Facts) -> str:
    """Say that it is looked for in whatever is there."""
    return ""
