"""Tests of `assay explain`: exit statuses, JSON, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
MAIN = (sys.executable, "-c", "from assay.cli.main import main; main()")
PROGRAM = "import sys\nrate = float(sys.argv[1])\nprint('value', rate * 2)\n"
CLOCK = "import time\nprint('value', time.time_ns())\n"


@pytest.fixture
def recorded(assay: Run, tmp_path: Path) -> Run:
    """Return Assay with three records: 'one' and 'again' alike, 'two' with another argument."""
    (tmp_path / "train.py").write_text(PROGRAM)
    for name, rate in (("one", "1"), ("again", "1"), ("two", "2")):
        made = assay("exec", "--quiet", "--name", name, "--", sys.executable, "train.py", rate)
        assert made.returncode == 0, made.stderr
    return assay


def test_a_cause_is_named_in_words_and_in_json(recorded: Run) -> None:
    """The paragraph names the argument, and the document has it as the cause."""
    made = recorded("explain", "one", "two", "--attribute")
    assert made.returncode == 0
    assert "alone turns A's result into B's" in made.stdout
    found = json.loads(recorded("explain", "one", "two", "--attribute", "--json").stdout)
    assert found["answer"] == "explained"
    assert [one["part"] for one in found["differences"]] == ["cause"]
    # Each side twice, one test, and the confirmation of both.
    assert found["runs"] == 7


def test_equal_runs_are_identical_without_a_re_run(recorded: Run) -> None:
    """Nothing is invented where nothing differs."""
    made = recorded("explain", "one", "again", "--attribute", "--locate")
    assert made.returncode == 0
    assert "identical in all that was recorded" in made.stdout
    assert "re-run" not in made.stderr


def test_one_run_is_explained_against_its_repeat(recorded: Run) -> None:
    """Without a second run the first is repeated here and now."""
    made = recorded("explain", "one")
    assert made.returncode == 0, made.stderr
    assert "identical" in made.stdout


def test_a_clock_is_no_cause(assay: Run, tmp_path: Path) -> None:
    """What differs from repeat to repeat is said to, and no difference is marked."""
    (tmp_path / "clock.py").write_text(CLOCK)
    for name in ("one", "two"):
        assay("exec", "--quiet", "--name", name, "--", sys.executable, "clock.py", name)
    made = assay("explain", "one", "two", "--attribute")
    assert "No setting is to blame" in made.stdout
    assert "cause  " not in made.stdout


def test_half_an_explanation_is_not_one(assay: Run, tmp_path: Path) -> None:
    """Where a difference changes A, but into neither A nor B, the status is 1 and its line says so."""
    (tmp_path / "train.py").write_text(
        "import os, sys\nprint('value', sys.argv[1], 'second' in os.environ.get('PYTHONPATH', ''))\n"
    )
    for name, rate in (("first", "1"), ("second", "2")):
        places = {"ASSAY_STORE": str(tmp_path / "store"), "ASSAY_CACHE": str(tmp_path / "cache")}
        subprocess.run(
            [*MAIN, "exec", "--quiet", "--name", name, "--", sys.executable, "train.py", rate],
            cwd=tmp_path,
            env={**os.environ, **places, "PYTHONPATH": f"/nowhere/{name}"},
            check=True,
        )
    made = assay("explain", "first", "second", "--attribute")
    assert made.returncode == 1, made.stdout
    assert "into a third one, neither A's nor B's" in made.stdout
    assert "  changes A  argument 2: 1 -> 2" in made.stdout
    assert "cause  " not in made.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "one"), "no recorded command is called 'nothing'"),
        (("one", "nothing"), "no recorded command is called 'nothing'"),
        (("one", "two", "--attribute", "--limit", "0"), "at least one re-run"),
    ],
)
def test_bad_input_is_refused_in_one_message(recorded: Run, arguments: tuple[str, ...], said: str) -> None:
    """The status is 2, the message says what is wrong, and there is no traceback."""
    made = recorded("explain", *arguments)
    assert made.returncode == 2
    assert said in made.stderr
    assert "Traceback" not in made.stderr
