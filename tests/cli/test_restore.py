"""Tests of `assay restore`: what is made, its status, and records that are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from assay.capture.recording.identity import components_of
from assay.provenance.commands import DataFile
from assay.records.commands import find_command, provenance_of_command, put_command
from assay.records.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def recorded(assay: Run, tmp_path: Path) -> Run:
    """Return Assay with one record, called 'one', of a program that reads a file."""
    (tmp_path / "data.csv").write_text("1")
    (tmp_path / "train.py").write_text("print('value', open('data.csv').read())\n")
    made = assay("exec", "--quiet", "--name", "one", "--", sys.executable, "train.py")
    assert made.returncode == 0, made.stderr
    return assay


def test_a_run_is_restored_and_starts_there(recorded: Run, tmp_path: Path) -> None:
    """The status is 0, and the script in the folder gives the recorded output."""
    made = recorded("restore", "one", "there", "--json")
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert (found["missing"], found["argv"][-1]) == ([], "train.py")
    again = subprocess.run(
        ["sh", str(tmp_path / "there" / "run.sh")], capture_output=True, text=True, check=True
    )
    assert again.stdout == "value 1\n"


def test_what_is_missing_is_told_with_the_status_1(recorded: Run, tmp_path: Path) -> None:
    """A file that is gone from the folder is named, and the rest is made all the same."""
    (tmp_path / "big.bin").write_bytes(b"1" * 300_000)
    (tmp_path / "reads.py").write_text("print('value', len(open('big.bin').read()))\n")
    recorded("exec", "--quiet", "--name", "reads", "--", sys.executable, "reads.py")
    (tmp_path / "big.bin").unlink()
    made = recorded("restore", "reads", "there")
    assert made.returncode == 1
    assert "missing: big.bin" in made.stdout
    assert next((tmp_path / "there").glob("*/reads.py")).exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("nothing", "there"), "no recorded command is called 'nothing'"), (("one", "."), "not empty")],
)
def test_bad_input_is_refused_in_one_message(recorded: Run, arguments: tuple[str, ...], said: str) -> None:
    """The status is 2, and there is no traceback."""
    made = recorded("restore", *arguments)
    assert made.returncode == 2
    assert said in made.stderr
    assert "Traceback" not in made.stderr


@pytest.mark.parametrize(
    "command", [("restore", "one", "there"), ("verify", "one")], ids=["restore", "verify"]
)
def test_a_record_cannot_have_the_whole_disk_read(
    recorded: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A forged record whose data is the root of the file system is refused at once, and nothing is left."""
    store = Store(tmp_path / "store", create=False)
    record = find_command(store, "one")
    assert record is not None
    found = provenance_of_command(store, record)
    data = (*found.data, DataFile(path="/", digest="0" * 64, size=1, folder=True, declared=True))
    forged = msgspec.structs.replace(found, data=data)
    made_of = components_of(argv=forged.argv, arguments="", code=forged.code, data=data, hash_seed=None)
    components = msgspec.structs.replace(record.components, data=made_of.data)
    record = msgspec.structs.replace(
        record, provenance=store.objects.put_value(forged), components=components, run=components.run_id()
    )
    put_command(store, record)
    made = recorded(*command)
    assert made.returncode == 1
    assert "a record names a folder of the system as its data" in made.stderr
    assert "hint:" in made.stderr
    assert not (tmp_path / "there").exists()
