"""The audit as a whole: its rules, the order of its findings, and what it says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from assay.analysis.audit.audit import IDS, RULES, audit
from assay.analysis.audit.finding import MOST_EVIDENCE, SEVERITIES


def test_every_rule_says_why_and_what_would_remove_it():
    """Ids are distinct and plain; each rule has one sentence why, a source and a remedy."""
    assert len(set(IDS)) == len(IDS)
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert rule.why.endswith(".")
        assert rule.why.count(". ") == 0
        assert rule.source
        assert rule.remedy
        assert rule.about[0].islower()


def test_the_worst_comes_first(table, rows):
    """Findings are ordered by severity."""
    text = rows(replicates=3, metric="val_accuracy", head="selected_by,gpu", tail=lambda m, *_: f"test,{m}")
    places = [SEVERITIES.index(one.severity) for one in audit(table(text)).findings]
    assert places == sorted(places)
    assert places[0] == 0
    assert len(set(places)) > 1


def test_long_evidence_is_cut_and_counted(table, rows):
    """A fault that is everywhere is shown in part, with the number of the rest."""
    text = rows(tasks=tuple(f"task{i}" for i in range(30)), replicates=2)
    [finding] = [one for one in audit(table(text)).findings if one.id == "too-few-replicates"]
    assert len(finding.evidence) == MOST_EVIDENCE
    assert finding.more == 30 - MOST_EVIDENCE


def test_the_sentence_counts_what_is_open(table, rows):
    """It says what invalidates, what is doubtful, and how much cannot be seen."""
    clean = audit(table(rows()))
    assert clean.sentence().startswith("No open finding makes the result doubtful. ")
    bad = audit(table(rows(replicates=1, metric="best_accuracy")))
    assert bad.sentence().startswith("1 finding invalidates the result; 1 makes it doubtful. ")
    assert not bad.holds


def test_equal_facts_give_equal_audits(table, rows):
    """Nothing is drawn by chance."""
    text = rows(replicates=3)
    assert audit(table(text)) == audit(table(text))


def test_the_documentation_lists_every_rule():
    """Each id stands once in the tables of the documentation, and none that does not exist."""
    page = Path(__file__).parents[3] / "docs" / "audit.md"
    listed = re.findall(r"^\| `([a-z-]+)` \|(?= \w+ \| .* \| .* \|$)", page.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(IDS)
