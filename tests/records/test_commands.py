"""Tests of the records of commands on disk."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from assay.foundation.errors import CorruptError, IntegrityError, UsageError, VersionError
from assay.provenance.components import ComponentDigests
from assay.records.commands import (
    CommandCircumstances,
    CommandRecord,
    CommandResult,
    command_records,
    find_command,
    put_command,
    read_command,
)
from assay.records.store import Store


def make(number: int, *, run: str = "a" * 64, name: str = "train.py", **metrics: object) -> CommandRecord:
    result = CommandResult(status="completed", exit_status=0, signal=None, metrics=dict(metrics))
    return CommandRecord(
        id=f"{number:016x}",
        run=run,
        name=name,
        components=ComponentDigests(code="c", data="d", hyperparameters="h", seeds="s", protocol="p"),
        result=result,
        result_digest=result.digest(),
        provenance="0" * 64,
        circumstances=CommandCircumstances(
            started=f"2026-01-0{number % 9 + 1}T00:00:00.000Z", ended="", wall_seconds=1.0, host="h"
        ),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return Store(tmp_path / "store")


def test_a_record_comes_back_as_it_was(store: Store) -> None:
    """Sealing and reading give the same record, and the list is in the order of time."""
    records = [make(3, loss=0.1), make(1), make(2, loss="nan")]
    paths = [put_command(store, record) for record in records]
    assert [read_command(path) for path in paths] == records
    assert [one.id[-1] for one in command_records(store)] == ["1", "2", "3"]


def test_a_changed_record_is_refused(store: Store) -> None:
    """One changed digit is noticed, and so is a file that is no record."""
    path = put_command(store, make(1, loss=0.125))
    text = path.read_text()
    path.write_text(text.replace("0.125", "0.126"))
    with pytest.raises(CorruptError, match="changed"):
        read_command(path)
    path.write_text(text[:40])
    with pytest.raises(CorruptError, match="cannot be read"):
        read_command(path)
    put_command(store, make(2))
    told: list[IntegrityError] = []
    assert [one.id[-1] for one in command_records(store, told.append)] == ["2"]
    assert len(told) == 1


def test_a_newer_record_is_refused_as_such(store: Store) -> None:
    """A format of the future is named, also where it has fields that mean nothing here."""
    path = put_command(store, make(1))
    found = json.loads(path.read_text())
    found["record"]["format"] = 99
    path.write_text(json.dumps(found))
    with pytest.raises(VersionError):
        read_command(path)
    del found["record"]["result"]
    path.write_text(json.dumps(found))
    with pytest.raises(VersionError):
        read_command(path)


def test_a_command_is_found_by_id_run_and_name(store: Store) -> None:
    """The start of an id or run and a name find it, the latest attempt where there are several."""
    for record in (make(1), make(2), make(0x30, run="b" * 64, name="other")):
        put_command(store, record)
    assert find_command(store, "0000000000000001") == make(1)
    assert find_command(store, "aaa") == make(2)
    assert find_command(store, "train.py") == make(2)
    assert find_command(store, "other") == make(0x30, run="b" * 64, name="other")
    assert find_command(store, "ccc") is None
    with pytest.raises(UsageError, match="several"):
        find_command(store, "0000")


def test_the_digest_of_a_result_is_of_what_the_command_did() -> None:
    """Another metric, output or status is another result; times and hosts are not in it."""
    one, other = make(1, loss=0.1), make(2, loss=0.1)
    assert one.result_digest == other.result_digest
    assert make(1, loss=0.2).result_digest != one.result_digest
    failed = msgspec.structs.replace(one.result, status="failed")
    assert failed.digest() != one.result_digest
