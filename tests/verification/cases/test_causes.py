"""Each planted cause is named, and nothing that has no part; records, repeats and re-runs are real."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted.case import PROGRAMS
from planted.causes import CASES
from planted.measure import UnavailableError, measure

BY_HAND = 6  # the cases that are not slow


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name, marks=[pytest.mark.slow] * case.slow) for case in CASES]
)
def test_the_planted_cause_is_named_and_no_other(case, tmp_path: Path) -> None:
    """The answer, the causes, first difference and operator are as planted, within the bound."""
    try:
        outcome = measure(case, tmp_path)
    except UnavailableError as error:
        pytest.skip(str(error))
    assert not outcome.wrong, outcome.explanation.paragraph


def test_cases_have_names_of_their_own_and_programs() -> None:
    """No case is there twice, each has a program, and few are run each time."""
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(
        (PROGRAMS / f"{name}.py").is_file() for case in CASES for name in (case.program, *case.modules)
    )
    assert sum(not case.slow for case in CASES) <= BY_HAND
