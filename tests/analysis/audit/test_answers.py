"""Answers: given in the study file or beside a table, checked, and never hiding a finding."""

from __future__ import annotations

import pytest

from assay.analysis.audit.answers import answers_of_file, answers_of_study, with_answers
from assay.analysis.audit.audit import IDS, audit
from assay.foundation.errors import StudyError, UsageError
from assay.studies.auditing import Answer
from assay.studies.load import load_study

ANSWERS = """
[[audit.answers]]
finding = "no-assessment"
reason = "The data set has no test split."
"""


def write(folder, text, name="answers.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_an_answered_finding_stays_and_comes_last(table, rows):
    """The reason stands beside the finding, which no longer counts as open."""
    text = rows(replicates=1, metric="best_val_accuracy")
    facts = table(text)
    before, after = audit(facts), audit(facts, [Answer(finding="best-of-seeds", reason="told in the text")])
    assert not before.holds
    assert after.holds
    assert {one.id for one in before.findings} == {one.id for one in after.findings}
    assert after.findings[-1].id == "best-of-seeds"
    assert after.findings[-1].answer == "told in the text"
    assert "1 is answered" in after.sentence()


def test_an_answer_to_what_was_not_found_is_told(table, rows):
    """An answer that outlives its finding is named, and does no harm."""
    found = audit(table(rows()), [Answer(finding="twin-tasks", reason="they differ")])
    assert found.unused == ("twin-tasks",)
    assert with_answers([], [Answer(finding="twin-tasks", reason="they differ")]) == ((), ("twin-tasks",))


def test_answers_of_a_study_file(tmp_path, study_text):
    """They are read with the study; a wrong name is refused with its line and the nearest one."""
    loaded = load_study(write(tmp_path, study_text + ANSWERS, "study.toml"))
    [answer] = answers_of_study(loaded, IDS)
    assert answer.finding == "no-assessment"
    wrong = load_study(write(tmp_path, study_text + ANSWERS.replace("no-as", "no-ass"), "study.toml"))
    with pytest.raises(StudyError) as error:
        answers_of_study(wrong, IDS)
    assert "did you mean 'no-assessment'" in str(error.value)
    assert f"study.toml:{study_text.count(chr(10)) + 3}" in str(error.value)


def test_an_unknown_key_of_an_answer_is_refused(tmp_path, study_text):
    """The study file stays typed: the key, its line and the nearest name are told."""
    with pytest.raises(StudyError, match="unknown key 'why'") as error:
        load_study(write(tmp_path, study_text + ANSWERS + 'why = "x"\n', "study.toml"))
    assert "finding" in str(error.value) or "reason" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        ANSWERS * 2,
        ANSWERS.replace("The data set has no test split.", " "),
        ANSWERS.replace("no-assessment", "nothing-like-it"),
        "[[audit.answers]]\nfinding = 3\n",
        "[audit\n",
        "[other]\nx = 1\n",
    ],
)
def test_a_file_of_answers_that_cannot_be_meant(tmp_path, text):
    """Twice the same, no reason, an unknown finding, wrong types and no TOML are refused."""
    with pytest.raises(UsageError):
        answers_of_file(write(tmp_path, text), IDS)


def test_a_file_of_answers(tmp_path):
    """The file beside a table has the form of the study file; one that is missing is refused."""
    assert answers_of_file(write(tmp_path, ANSWERS), IDS)[0].reason == "The data set has no test split."
    with pytest.raises(UsageError, match="cannot be read"):
        answers_of_file(tmp_path / "none.toml", IDS)
