"""The auditor, measured on clean and flawed studies that were made without knowing its rules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from corpus.case import CASES, DEVELOPMENT, FLAWS, HALVES, STUDY, TABLE, half_of
from corpus.measure import MEANS, Outcome, Rate, disagreements, markdown, measure, precision, recall

from assay.analysis.audit.audit import IDS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "audit.md"
CLEAN = [case for case in CASES if case.near]
FLAWED = [case for case in CASES if case.planted]


@pytest.fixture(scope="module")
def outcomes(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Return the audits of all cases."""
    return measure(tmp_path_factory.mktemp("corpus"), cache)


def _told(outcomes: list[Outcome]) -> str:
    """Return what may be looked at when a rule is mended: the cases of the development half."""
    seen = [one for one in outcomes if one.half == DEVELOPMENT]
    others = len(disagreements(outcomes)) - len(disagreements(seen))
    return "\n".join([*disagreements(seen), f"and {others} in the held-out half"])


def test_the_corpus_has_both_forms_of_both_sides_of_every_flaw() -> None:
    """At least 24 clean and 24 flawed cases, studies and tables, and each flaw planted and nearly so."""
    for side in (CLEAN, FLAWED):
        assert len(side) >= 24
        for form in (STUDY, TABLE):
            assert sum(case.form == form for case in side) >= 12
        assert {case.flaw for case in side} == set(FLAWS)
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(CLEAN) + len(FLAWED) == len(CASES)


def test_the_halves_are_of_one_size() -> None:
    """No half has more than two thirds of either side, so that neither is a token."""
    halves = half_of()
    for side in (CLEAN, FLAWED):
        for half in HALVES:
            assert sum(halves[case.name] == half for case in side) <= 2 * len(side) / 3


def test_the_findings_that_are_counted_exist() -> None:
    """Each finding that stands for a flaw is one of the auditor's, and each flaw has one."""
    assert set(MEANS) <= set(IDS)
    assert set.union(*MEANS.values()) == set(FLAWS)


def test_most_planted_flaws_are_found(outcomes: list[Outcome]) -> None:
    """Nine planted flaws in ten are named by a finding that accuses."""
    assert recall(outcomes).value >= 0.9, _told(outcomes)


def test_most_accusations_are_right(outcomes: list[Outcome]) -> None:
    """Nine in ten findings that accuse name a flaw of their case."""
    assert precision(outcomes).value >= 0.9, _told(outcomes)


def test_no_clean_case_is_called_invalid(outcomes: list[Outcome]) -> None:
    """No finding of any kind invalidates a study that is only near a flaw."""
    called = [
        (one.case.name, name, title)
        for one in outcomes
        if one.case.near
        for name, severity, title in one.said
        if severity == "invalidates"
    ]
    assert called == []


def test_the_documentation_has_the_numbers_of_this_auditor(outcomes: list[Outcome]) -> None:
    """`docs/audit.md` shows what `scripts/audit_score.py` measures now."""
    assert markdown(outcomes) in DOCS.read_text(encoding="utf-8")


def test_an_auditor_without_a_word_finds_nothing_and_accuses_nobody() -> None:
    """Silence has recall 0 and no precision; accusing of everything has recall 1 and little precision."""
    everything = tuple((name, "doubtful", name) for name in MEANS)
    silent = [Outcome(case, "", ()) for case in CASES]
    loud = [Outcome(case, "", everything) for case in CASES]
    noted = [Outcome(case, "", tuple((name, "note", name) for name in MEANS)) for case in CASES]
    assert recall(silent).hits == recall(noted).hits == 0
    assert precision(silent).of == precision(noted).of == 0
    assert recall(loud).value == 1.0
    assert precision(loud).value < 0.2


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_rate(hits: int, of: int, low: float, high: float) -> None:
    """The score interval without correction of Newcombe (1998), Statistics in Medicine 17, table I."""
    assert Rate(hits, of).interval == pytest.approx((low, high), abs=5e-5)
