"""Tests of recording a block or a function from inside a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.records.commands import command_records, provenance_of_command
from assay.records.store import Store


def run(folder: Path, program: str, *before: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(program)
    command = [*before, sys.executable, "script.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


PROGRAM = """\
import json, os, sys
import assay
assay.log(before=1)
told = {"heavy": [name for name in ("pyarrow", "torch", "scipy") if name in sys.modules]}

open("data.csv").read()
with assay.recording(name="block", data=["data.csv"], outputs=["out.txt"], store="runs") as run:
    import helper
    run.log(step=1, loss=0.5)
    assay.log(loss=0.25)
    open("other.csv").read()
    open("out.txt", "w").write("x")
told["inside"] = run.record.name

@assay.recorded(name="training", store="runs")
def train(rate, *, momentum=0.9, token="ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"):
    "Train."
    assay.log(score=rate)
    return rate + 1

told["returned"] = [train(0.5), train.__doc__, train.__name__]

@assay.recorded
def fail():
    raise ValueError("no")

os.environ["ASSAY_STORE"] = "runs"
try:
    fail()
except ValueError as error:
    told["raised"] = str(error)
assay.log(after=1)
told["left"] = [os.environ.get("ASSAY_HOOK"), "assay_hook" in os.environ.get("PYTHONPATH", "")]
told["live"] = os.listdir("runs/live")
print(json.dumps(told))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with data and a module."""
    (tmp_path / "data.csv").write_text("1")
    (tmp_path / "other.csv").write_text("2")
    (tmp_path / "helper.py").write_text("x = 1\n")
    return tmp_path


def test_blocks_and_functions_have_records_of_their_own(folder: Path) -> None:
    """What is inside is recorded, what is outside is not, and the process is left as it was."""
    done = run(folder, PROGRAM)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told == {
        "heavy": [],
        "inside": "block",
        "returned": [1.5, "Train.", "train"],
        "raised": "no",
        "left": [None, False],
        "live": [],
    }
    store = Store(folder / "runs")
    records = {one.name: one for one in command_records(store)}
    assert set(records) == {"block", "training", "fail"}
    block = records["block"]
    assert block.result.metrics == {"loss": 0.25}
    assert [one.path for one in block.result.outputs] == ["out.txt"]
    found = provenance_of_command(store, block)
    assert [(one.path, one.declared) for one in found.data] == [("data.csv", True), ("other.csv", False)]
    assert {"helper.py", "script.py"} <= {one.path for one in found.code}
    fail = records["fail"].result
    assert (fail.status, fail.exit_status) == ("failed", 1)
    assert store.objects.get(records["fail"].circumstances.stderr or "") == b"ValueError: no\n"


def test_arguments_of_a_function_are_settings(folder: Path) -> None:
    """Each argument is a setting; a default says that nobody named it, and a secret is not kept."""
    assert run(folder, PROGRAM).returncode == 0
    store = Store(folder / "runs")
    record = next(one for one in command_records(store) if one.name == "training")
    settings = {one.path: (one.value, one.named) for one in provenance_of_command(store, record).settings}
    assert settings["arguments train.rate"] == (0.5, True)
    assert settings["arguments train.momentum"] == (0.9, False)
    assert settings["arguments train.token"] == ("[secret removed]", False)


def test_calls_with_other_arguments_are_other_runs(folder: Path) -> None:
    """The function and its arguments are in the identity, a secret among them is not."""
    program = (
        "import assay, dataclasses\n"
        "@dataclasses.dataclass\nclass Settings:\n    rate: float\n"
        "@assay.recorded(store='runs')\n"
        "def train(settings, *, steps=3, password=''): pass\n"
        "@assay.recorded(store='runs')\n"
        "def check(settings): pass\n"
        "train(Settings(0.1), password='hunter1')\ntrain(Settings(0.1), steps=3, password='hunter2')\n"
        "train(Settings(0.2), password='hunter2')\ntrain(Settings(0.1), steps=4, password='hunter2')\n"
        "check(Settings(0.1))\n"
        "for name in 'ab':\n    with assay.recording(store='runs', name=name): pass\n"
    )
    done = run(folder, program)
    assert done.returncode == 0, done.stderr
    first, second, *others = [one.run for one in command_records(Store(folder / "runs"))]
    assert first == second
    assert len({first, *others}) == 6


def test_a_second_recording_sees_what_the_first_saw(folder: Path) -> None:
    """What Assay imports for itself is none of the program's, and nothing is left out as told already."""
    program = "import assay\n{}@assay.recorded(store='runs')\ndef train(rate=0.5): pass\ntrain()\ntrain()\n"
    for first in ("", "import numpy\n"):
        done = run(folder, program.format(first))
        assert done.returncode == 0, done.stderr
    store = Store(folder / "runs")
    found = [provenance_of_command(store, record) for record in command_records(store)]
    for one, two in (found[:2], found[2:]):
        assert one.environment == two.environment
        assert one.settings == two.settings
        assert one.numerics == two.numerics
        assert one.not_observed == two.not_observed
    assert "numpy.version" not in found[0].numerics
    assert "numpy.version" in found[2].numerics


def test_inside_exec_a_block_is_a_part_of_that_record(folder: Path) -> None:
    """Under `assay exec` there is one record, and what the block logs is in it."""
    program = (
        "import assay\n"
        "with assay.recording(store='elsewhere', name='part') as run:\n"
        "    run.log(loss=3)\n"
        "assert (run.record.id, run.record.name) == ('', 'part')\n"
    )
    exec_ = (sys.executable, "-c", "from assay.cli.main import main; main()", "exec", "--store", "runs", "--")
    done = run(folder, program, *exec_)
    assert done.returncode == 0, done.stderr
    (record,) = command_records(Store(folder / "runs"))
    assert record.result.metrics == {"loss": 3}
    assert not (folder / "elsewhere").exists()


def test_declared_data_that_is_not_there_is_refused(folder: Path) -> None:
    """A misspelt path is a usage error that suggests the right one, and nothing is recorded."""
    program = "import assay\nwith assay.recording(data=['dada.csv'], store='runs'): print('ran')\n"
    done = run(folder, program)
    assert done.returncode == 1
    assert "did you mean 'data.csv'?" in done.stderr
    assert "ran" not in done.stdout
    assert not (folder / "runs").exists()
