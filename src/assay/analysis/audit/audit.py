"""The audit: every rule asked of the facts, the worst finding first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.analysis.audit import (
    baselines,
    budgets,
    conduct,
    dependence,
    fairness,
    leakage,
    numbers,
    overlap,
    pairing,
    recipes,
    selection,
    strength,
)
from assay.analysis.audit.answers import with_answers
from assay.analysis.audit.facts import Facts
from assay.analysis.audit.finding import (
    CLEAR,
    FOUND,
    INVALIDATES,
    NOT_ASKED,
    ONE_SIDED,
    SEVERITIES,
    UNSEEN,
    Checked,
    Finding,
    Rule,
)
from assay.studies.auditing import Answer

FORMAT = "assay-audit"
VERSION = 1

_TOPICS = (
    *(leakage, overlap, selection, budgets, recipes, fairness, baselines, strength, dependence, pairing),
    *(numbers, conduct),
)
RULES: tuple[Rule, ...] = tuple(rule for topic in _TOPICS for rule in topic.RULES)
IDS: tuple[str, ...] = tuple(rule.id for rule in RULES)


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found in `name`, a 'study' or a 'table', the worst first and the answered last.

    `checked` says of every rule whether it found something, nothing, or cannot see; `unused` names the
    findings that were answered and are not there. Format "assay-audit", version 1.
    """

    name: str
    kind: str
    findings: tuple[Finding, ...]
    checked: tuple[Checked, ...]
    unused: tuple[str, ...] = ()
    format: str = FORMAT
    version: int = VERSION

    @property
    def holds(self) -> bool:
        """Whether no finding that invalidates the result is left without an answer."""
        return not any(one.severity == INVALIDATES and one.open for one in self.findings)

    def count(self, severity: str) -> int:
        """Return how many findings of a severity nobody has answered."""
        return sum(one.severity == severity and one.open for one in self.findings)

    def unseen(self) -> dict[str, list[str]]:
        """Return what the rules ask that cannot be seen, by the reason why."""
        found: dict[str, list[str]] = {}
        for one in self.checked:
            if one.state == UNSEEN:
                found.setdefault(one.why, []).append(one.about)
        return found

    def sentence(self) -> str:
        """Return how many findings of each severity are open, how many are answered, and what is not seen."""
        bad, doubtful, notes = (self.count(severity) for severity in SEVERITIES)
        parts = [
            f"{bad} {'findings invalidate' if bad > 1 else 'finding invalidates'} the result" if bad else "",
            f"{doubtful} {'make' if doubtful > 1 else 'makes'} it doubtful" if bad and doubtful else "",
            f"{doubtful} {'findings make' if doubtful > 1 else 'finding makes'} the result doubtful"
            if doubtful and not bad
            else "",
            "no open finding makes the result doubtful" if not bad and not doubtful else "",
            f"{notes} {'are notes' if notes > 1 else 'is a note'}" if notes else "",
        ]
        answered = sum(not one.open for one in self.findings)
        parts.append(f"{answered} {'are' if answered > 1 else 'is'} answered" if answered else "")
        told = "; ".join(part for part in parts if part)
        unseen = sum(one.state == UNSEEN for one in self.checked)
        blind = f" {unseen} of {len(self.checked)} rules cannot see what they ask." if unseen else ""
        return f"{told[:1].upper()}{told[1:]}.{blind}"


def audit(facts: Facts, answers: Sequence[Answer] = ()) -> Audit:
    """Ask every rule of the facts. A rule that cannot see says so, and never that nothing was found."""
    found: list[Finding] = []
    checked: list[Checked] = []
    for rule in RULES:
        blind = rule.sees(facts)
        if blind == NOT_ASKED:
            continue
        doubt = None if blind else rule.find(facts)
        if doubt is not None:
            found.append(rule.finding(doubt))
        if doubt is None and rule.one_sided and facts.table is not None:
            blind = blind or ONE_SIDED
        state = UNSEEN if blind else CLEAR if doubt is None else FOUND
        checked.append(Checked(id=rule.id, about=rule.about, state=state, why=blind))
    told, unused = with_answers(found, answers)
    order = {rule.id: i for i, rule in enumerate(RULES)}
    ranked = sorted(told, key=lambda one: (not one.open, SEVERITIES.index(one.severity), order[one.id]))
    return Audit(
        name=facts.name,
        kind="study" if facts.study is not None else "table",
        findings=tuple(ranked),
        checked=tuple(checked),
        unused=unused,
    )
