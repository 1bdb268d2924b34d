"""A recorded command is repeated in a copy, with its own settings, and its outputs are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.capture.recording.launch import HookSettings
from assay.foundation.digest import digest_file
from assay.records.trace import Trace
from assay.verification.commands.repeat import Repeater, recorded_steps, settable

WRITES = """\
import sys
from pathlib import Path
Path("inside.txt").write_text("result 1")
Path({outside!r}).write_text("result 2")
Path({named!r}).write_text("result 3")
print("value", 1)
"""


def test_outputs_are_found_wherever_they_are_written(lab: Any, tmp_path: Path) -> None:
    """Relative, absolute below the root and absolute elsewhere: all are compared, and none is overwritten."""
    outside, named = tmp_path / "elsewhere.txt", lab.project / "named.txt"
    record = lab.record(WRITES.format(outside=str(outside), named=str(named)))
    outside.write_text("mine")
    named.write_text("mine too")
    repeater = Repeater(lab.store, record, tmp_path / "scratch", as_recorded=False)
    one, two = (repeater.run(hook=HookSettings()) for _ in range(2))
    expected = {output.path: output.digest for output in record.result.outputs}
    assert len(expected) == 3
    assert one.outputs == two.outputs == expected
    assert (outside.read_text(), named.read_text()) == ("mine", "mine too")
    assert digest_file(lab.project / "inside.txt") in expected.values()
    assert sum("absolute path" in note for note in repeater.notes) == 2
    assert repeater.runs == 2


def test_data_that_a_program_appends_to_is_not_the_users(lab: Any, tmp_path: Path) -> None:
    """A table that is read first and then appended to is a copy in each repeat."""
    table = lab.project / "runs.csv"
    table.write_text("0\n")
    record = lab.record(
        "rows = open('runs.csv').read().splitlines()\n"
        "open('runs.csv', 'a').write(f'{len(rows)}\\n')\nprint('value', 1)\n"
    )
    before = table.read_text()
    repeater = Repeater(lab.store, record, tmp_path / "scratch", as_recorded=False)
    assert not repeater.obstacles
    for _ in range(2):
        repeater.run(hook=HookSettings())
    assert table.read_text() == before


def test_a_repeat_has_the_recorded_variables_and_no_others(
    lab: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """With `as_recorded`, what bears on results is as it was; what was not set then is not set now."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("PYTHONHASHSEED", "5")
    record = lab.record("print('value', 1)\n")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.delenv("PYTHONHASHSEED")
    recorded = Repeater(lab.store, record, tmp_path / "one", as_recorded=True).variables()
    assert (recorded["OMP_NUM_THREADS"], recorded["PYTHONHASHSEED"]) == ("3", "5")
    assert "MKL_CBWR" not in recorded
    here = Repeater(lab.store, record, tmp_path / "two", as_recorded=False).variables()
    assert (here["OMP_NUM_THREADS"], here["PYTHONHASHSEED"], here["MKL_CBWR"]) == ("1", "5", "COMPATIBLE")


def test_places_and_languages_are_not_set() -> None:
    """Where or for whom a run was is not brought back."""
    assert settable({"OMP_NUM_THREADS": "1", "SLURM_JOB_ID": "7", "LANG": "C"}) == ["OMP_NUM_THREADS"]


def test_the_distance_of_recorded_steps_covers_the_widest_gap() -> None:
    """A repeat that records every n-th step has each step that a thinned record has."""
    steps = [{"kind": "step", "step": n} for n in (*range(16), 16, 18, 20, 28, 36)]
    assert recorded_steps(Trace(steps=steps)) == 8
    assert recorded_steps(None) == 1
