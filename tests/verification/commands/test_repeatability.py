"""What does not come out again is told from what does, and is called what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.capture.recording.launch import HookSettings
from assay.verification.commands.explanation import (
    ELSEWHERE,
    HASH_ORDER,
    REPEATABLE,
    UNKNOWN,
    UNSEEDED,
    Repeatability,
)
from assay.verification.commands.repeat import Repeater
from assay.verification.commands.repeatability import repeatability
from assay.verification.commands.seen import recorded


@pytest.fixture
def check(lab: Any, tmp_path: Path) -> Any:
    """Return a function that records a program and says whether it repeats."""

    def run(program: str, **settings: Any) -> Repeatability:
        record = lab.record(program, **settings)
        repeater = Repeater(lab.store, record, tmp_path / record.id, as_recorded=True)
        return repeatability(repeater, recorded(lab.store, record), HookSettings(), "A")

    return run


@pytest.mark.parametrize(
    "program",
    [
        "print('value', sum(range(10)))\n",
        "import time\nprint('value', 1, f'took {time.perf_counter():.6f} s')\n",
        "import tempfile\nprint('in', tempfile.mkdtemp())\nprint('value', 1)\n",
        "import pathlib\nprint('value', 1, 'in', pathlib.Path('x').absolute())\n",
        "print('value', 1)\nraise SystemExit(3)\n",
    ],
    ids=["plain", "times", "temporary", "place", "failing"],
)
def test_equal_programs_are_repeatable(check: Any, program: str) -> None:
    """Times, temporary names, the folder of the copy and a failure are no difference."""
    found = check(program)
    assert (found.kind, found.repeats) == (REPEATABLE, 2), found.sentence


@pytest.mark.parametrize(
    ("program", "kind", "said"),
    [
        ("import numpy as np\nprint('value', np.random.rand())\n", UNSEEDED, "train.py:2"),
        ("import random\nprint('value', random.random())\n", UNSEEDED, "train.py:2"),
        ("print('value', *sorted({hash('a'), hash('b')}))\n", HASH_ORDER, "PYTHONHASHSEED"),
        ("import time\nprint('value', time.time_ns())\n", UNKNOWN, "the time"),
        ("import time\nopen('r.txt', 'w').write(str(time.time_ns()))\n", UNKNOWN, "r.txt differs"),
    ],
    ids=["numpy", "python", "hash", "clock", "file"],
)
def test_loose_programs_are_called_what_they_are(check: Any, program: str, kind: str, said: str) -> None:
    """Unseeded draws are named with their line; a clock is no race of threads."""
    found = check(program, variables={"PYTHONHASHSEED": "random"} if kind != HASH_ORDER else None)
    assert (found.kind, said in found.sentence) == (kind, True), found.sentence
    assert "threads race" not in found.sentence


def test_without_a_trace_the_results_are_compared(check: Any) -> None:
    """A record at the level 'off' is not taken to be repeatable for want of a trace."""
    assert check("print('value', 1)\n", level="off").kind == REPEATABLE
    assert check("import time\nprint('value', time.time_ns())\n", level="off").kind == UNKNOWN


def test_repeats_that_agree_and_part_from_the_record_are_elsewhere(check: Any, by_turns: str) -> None:
    """What is not set here as it was is not blamed on chance."""
    found = check(f"SCRIPT = 'abb'\n{by_turns}print('value', value)\n")
    assert found.kind == ELSEWHERE
    assert "agree with each other" in found.sentence


def test_what_seldom_differs_is_not_the_hash_order(check: Any, by_turns: str) -> None:
    """One repeat that deviated and equal ones after it do not show that a hash seed or one thread helps."""
    found = check(f"SCRIPT = 'aba'\n{by_turns}print('value', value)\n")
    assert found.kind not in (HASH_ORDER, UNSEEDED), found.sentence
