"""Tests of commands that start at once, as users start them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from assay.records.commands import command_records
from assay.records.store import Store
from assay.records.trace import load_logged

PROCESSES, VALUES = 8, 100
PROGRAM = f"""\
import sys
import assay_hook
for step in range({VALUES}):
    assay_hook.log(step, loss=int(sys.argv[1]) + step / {VALUES})
"""


def test_eight_commands_in_a_fresh_store_lose_no_value(tmp_path: Path) -> None:
    """All of them end well, each has a sealed record of its own, and every value is in it."""
    (tmp_path / "train.py").write_text(PROGRAM)
    command = [str(Path(sys.executable).parent / "assay"), "exec", "--quiet", "--store", "store", "--"]
    variables = {**os.environ, "ASSAY_CACHE": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen([*command, sys.executable, "train.py", str(number)], cwd=tmp_path, env=variables)
        for number in range(PROCESSES)
    ]
    assert [process.wait(120) for process in processes] == [0] * PROCESSES
    store = Store(tmp_path / "store", create=False)
    records = command_records(store)
    assert [record.result.status for record in records] == ["completed"] * PROCESSES
    assert len({record.id for record in records}) == PROCESSES
    found = {row["value"] for record in records for row in load_logged(store, record)}
    assert found == {number + step / VALUES for number in range(PROCESSES) for step in range(VALUES)}
    assert not list((store.folder / "live").iterdir())


def test_a_kill_after_a_thousand_values_loses_none(tmp_path: Path) -> None:
    """`kill -9` right behind the last call: all values are in the record, in their order."""
    (tmp_path / "train.py").write_text(
        "import os, signal, assay_hook\n"
        "for step in range(1000): assay_hook.log(step, accuracy=step / 7)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [str(Path(sys.executable).parent / "assay"), "exec", "--quiet", "--store", "store", "--"]
    variables = {**os.environ, "ASSAY_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([*command, sys.executable, "train.py"], cwd=tmp_path, env=variables, check=False)
    assert done.returncode == 128 + signal.SIGKILL
    store = Store(tmp_path / "store", create=False)
    (record,) = command_records(store)
    rows = load_logged(store, record)
    assert [row["value"] for row in rows] == [step / 7 for step in range(1000)]
    assert [row["step"] for row in rows] == list(range(1000))
    assert {row["name"] for row in rows} == {"accuracy"}
