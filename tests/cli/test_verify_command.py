"""Tests of `assay verify RUN`: exit statuses, JSON, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
STEADY = "import assay_hook\nassay_hook.log(score=1.5)\nprint('value', 1)\n"
LOOSE = "import random\nprint('value', random.random())\n"


@pytest.fixture
def assay(assay: Run, tmp_path: Path) -> Run:
    """Return a function that runs Assay where a steady and a loose program were recorded."""
    (tmp_path / "steady.py").write_text(STEADY)
    (tmp_path / "loose.py").write_text(LOOSE)
    for name in ("steady", "loose"):
        made = assay("exec", "--quiet", "--name", name, "--", sys.executable, f"{name}.py")
        assert made.returncode == 0, made.stderr
    return assay


def test_the_exit_status_follows_the_verdict_that_is_asked_for(assay: Run) -> None:
    """Identical is 0; unstable is 1, and 0 where unstable was enough."""
    assert assay("verify", "steady", "--repeats", "1").returncode == 0
    assert assay("verify", "loose").returncode == 1
    assert assay("verify", "loose", "--at-least", "unstable").returncode == 0
    assert assay("verify", "loose", "--at-least", "consistent").returncode == 1


def test_the_json_holds_the_verdict_and_nothing_else_is_printed(assay: Run) -> None:
    """Machines get one document on the standard output, with each repeat."""
    made = assay("verify", "loose", "--json")
    found: dict[str, Any] = json.loads(made.stdout)
    assert found["verdict"]["word"] == "unstable"
    assert (found["verdict"]["same"], len(found["repeats"])) == (0, 3)
    assert found["first"]["kind"] == "print"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "no recorded command is called 'nothing'"),
        (("steady", "--at-least", "perfect"), "no verdict is called 'perfect'"),
        (("steady", "--margin", "score"), "is no margin"),
        (("steady", "--margin", "score=-1"), "is no margin"),
        (("steady", "--margin", "speed=0.1"), "no metric 'speed'"),
        (("steady", "--repeats", "0"), "at least once"),
    ],
)
def test_bad_input_is_refused_in_one_message(assay: Run, arguments: tuple[str, ...], said: str) -> None:
    """The status is 2, the message says what is wrong, and there is no traceback."""
    made = assay("verify", *arguments)
    assert made.returncode == 2
    assert said in made.stderr
    assert "Traceback" not in made.stderr
    assert not made.stdout


def test_what_cannot_be_repeated_is_incomparable(assay: Run, tmp_path: Path) -> None:
    """A record whose data are gone is neither equal nor different."""
    (tmp_path / "big.bin").write_bytes(b"1" * 300_000)
    (tmp_path / "reads.py").write_text("print('value', len(open('big.bin').read()))\n")
    assay("exec", "--quiet", "--name", "reads", "--", sys.executable, "reads.py")
    (tmp_path / "big.bin").unlink()
    made = assay("verify", "reads")
    assert made.returncode == 1
    assert "incomparable" in made.stdout
    assert "big.bin" in made.stdout
