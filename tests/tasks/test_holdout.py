"""A holdout that counts what it tells."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from assay.foundation.errors import CorruptError, IntegrityError, UsageError
from assay.tasks.holdout import Holdout
from assay.tasks.policies import FullPrecision, Ladder, ParameterFreeLadder, ShakyLadder, Thresholdout

LABELS = np.arange(1000) % 2


def wrong(count):
    """Return predictions of which the first `count` are wrong."""
    return np.where(np.arange(len(LABELS)) < count, 1 - LABELS, LABELS)


def test_a_submission_made_again_is_answered_as_before(tmp_path):
    """The stored answer is told and nothing is spent, also by another process's holdout."""
    first = Holdout(LABELS, ShakyLadder(), tmp_path, effect=0.2)
    answer = first.submit(wrong(300))
    again = Holdout(LABELS, ShakyLadder(), tmp_path, effect=0.2)
    assert again.submit(wrong(300)) == answer
    assert again.mileage == 1


def test_the_same_predictions_in_another_type_are_the_same_submission(tmp_path):
    """Noise cannot be averaged away by asking again in other numbers."""
    holdout = Holdout(LABELS, ShakyLadder(), tmp_path, effect=0.2)
    answers = {holdout.submit(wrong(300).astype(kind)).risk for kind in ("int64", "int16", "float64")}
    assert len(answers) == holdout.mileage == 1


def test_a_bad_submission_leaves_the_book_whole(tmp_path):
    """A training risk that is not a number is refused before anything is written."""
    holdout = Holdout(LABELS, Thresholdout(), tmp_path, effect=0.5)
    with pytest.raises(UsageError):
        holdout.submit(wrong(300), train_risk=float("nan"))
    assert holdout.submit(wrong(300), train_risk=0.1).risk > 0.2


def test_the_step_is_told_before_anything_is_asked(tmp_path):
    """A holdout says what it can show, and is refused where that is coarser than what matters."""
    assert "is not told" in Holdout(LABELS, ParameterFreeLadder(), tmp_path / "a", effect=0.05).describe()
    with pytest.raises(UsageError, match=r"cannot show a difference of 0\.01") as raised:
        Holdout(LABELS, ParameterFreeLadder(), tmp_path / "b", effect=0.01)
    assert "16,384 examples" in raised.value.hint
    assert not (tmp_path / "b").exists()


def test_answers_survive_the_process_that_made_them(tmp_path):
    """A process that is killed right after an answer leaves it counted."""
    code = textwrap.dedent(f"""
        import os, signal, numpy as np
        from pathlib import Path
        from assay.tasks.holdout import Holdout
        from assay.tasks.policies import Ladder
        labels = np.arange(1000) % 2
        holdout = Holdout(labels, Ladder(), Path({str(tmp_path)!r}), effect=0.2)
        holdout.submit(labels)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", code], check=False)
    assert Holdout(LABELS, Ladder(), tmp_path, effect=0.2).mileage == 1


def test_another_policy_or_other_labels_are_refused(tmp_path):
    """The answers of a holdout stand for its labels and policy, and are mixed with no others."""
    Holdout(LABELS, Ladder(), tmp_path, effect=0.2)
    with pytest.raises(IntegrityError, match="other policy"):
        Holdout(LABELS, FullPrecision(), tmp_path, effect=0.2)
    with pytest.raises(IntegrityError, match="other labels"):
        Holdout(1 - LABELS, Ladder(), tmp_path, effect=0.2)


@pytest.mark.parametrize(
    ("predictions", "loss"),
    [
        (LABELS[:10], None),
        (LABELS, lambda labels, _: np.full(len(labels), np.nan)),
        (LABELS, lambda *_: np.ones(3)),
    ],
)
def test_what_cannot_be_scored_is_refused(tmp_path, predictions, loss):
    """Predictions of another shape and losses that are not finite are errors, and are not counted."""
    holdout = Holdout(LABELS, Ladder(), tmp_path, effect=0.2, **({"loss": loss} if loss else {}))
    with pytest.raises(UsageError):
        holdout.submit(predictions)
    assert holdout.mileage == 0


def test_a_damaged_book_is_not_begun_anew(tmp_path):
    """A book that cannot be read is an error, for a new one would forget what was told."""
    Holdout(LABELS, Ladder(), tmp_path, effect=0.2)
    (tmp_path / "holdout.json").write_text("{")
    with pytest.raises(CorruptError):
        Holdout(LABELS, Ladder(), tmp_path, effect=0.2)
