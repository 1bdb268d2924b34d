"""Tests of `assay explain` and `assay parity`: exit statuses, JSON, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
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


NETWORKS = """
from torch import nn


def net(slope=0.01):
    return nn.Sequential(nn.Linear(8, 4), nn.LeakyReLU(slope), nn.Linear(4, 2))
"""


def test_parity_takes_shapes_as_its_help_writes_them(assay: Run, tmp_path: Path) -> None:
    """A shape without a type is of floats; equal networks give 0, others 1 with the module's constant."""
    pytest.importorskip("torch", reason="torch is not installed: networks are its modules")
    (tmp_path / "nets.py").write_text(NETWORKS)
    same = assay("parity", "nets.py:net", "nets.py:net", "--input", "16x8")
    assert (same.returncode, "verdict: identical" in same.stdout) == (0, True), same.stderr
    other = assay("parity", "nets.py:net", "nets.py:net", "--input", "16x8", "--b", "slope=0.2", "--json")
    assert other.returncode == 1
    assert json.loads(other.stdout)["verdict"] == "different"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--input", "16by8"), "describes no input"),
        (("--input", "16x8", "--map", "0"), "maps nothing"),
        (("--input", "16x8", "--a", "slope"), "sets nothing"),
    ],
)
def test_bad_input_of_parity_is_refused(
    assay: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """The status is 2, the message says what is wrong, and there is no traceback."""
    pytest.importorskip("torch", reason="torch is not installed: networks are its modules")
    (tmp_path / "nets.py").write_text(NETWORKS)
    made = assay("parity", "nets.py:net", "nets.py:net", *arguments)
    assert made.returncode == 2
    assert said in made.stderr
    assert "Traceback" not in made.stderr
