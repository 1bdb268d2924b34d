"""Every past version of a format stays readable: golden files, written once."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from assay.foundation.errors import CorruptError, VersionError
from assay.records import journal
from assay.records.commands import read_command
from assay.records.record import Record
from assay.records.store import Store, check
from assay.records.trace import read_table
from assay.tasks.ledger import Ledger

GOLDEN = Path(__file__).parents[1] / "golden"


def test_a_journal_of_version_1_is_read() -> None:
    """Two records of the first format, their digests recomputed from their content."""
    records = [
        msgspec.msgpack.decode(payload, type=Record) for payload in journal.read(GOLDEN / "journal-v1.sealed")
    ]
    assert [record.benchmark for record in records] == ["nas-bench-graph/proteins"] * 2
    assert [record.strategy for record in records] == ["random-search", "regularized-evolution"]
    assert [len(record.result.trajectory) for record in records] == [5, 5]
    for record in records:
        check(record)


def test_a_ledger_of_version_1_is_read(tmp_path: Path) -> None:
    """The chain of the first format holds, and its seals are those of the records."""
    shutil.copytree(GOLDEN / "ledger-v1", tmp_path / "ledger")
    entries = Ledger(tmp_path).entries()
    records = [
        msgspec.msgpack.decode(payload, type=Record) for payload in journal.read(GOLDEN / "journal-v1.sealed")
    ]
    assert {entry.seal for entry in entries} == {record.seal().digest() for record in records}


def test_a_store_of_version_1_is_opened(tmp_path: Path) -> None:
    """The marker of the first format is accepted as it was written."""
    (tmp_path / "format.json").write_bytes(b'{"format":"assay-store","version":1}')
    assert Store(tmp_path, create=False).runs() == {}
    (tmp_path / "format.json").write_bytes(b'{"format":"assay-store","version":2}')
    with pytest.raises(VersionError, match="reads up to 1"):
        Store(tmp_path, create=False)


def test_a_command_record_of_version_1_is_read() -> None:
    """The record of a command that an Assay of format 1 sealed is read, and its result digests as then."""
    record = read_command(GOLDEN / "command-v1" / "0123456789abcdef.json")
    assert (record.format, record.name, record.result.status) == (1, "train.py", "completed")
    assert record.result.digest() == record.result_digest
    assert record.components.run_id() == record.run
    assert record.result.outputs[0].declared


def test_a_trace_of_version_1_is_read() -> None:
    """A table of steps of version 1 gives its rows, with the digest that made the fingerprints."""
    rows, algorithm = read_table((GOLDEN / "trace-v1.parquet").read_bytes(), "steps")
    assert algorithm == "xxh3-128"
    assert [row["kind"] for row in rows] == ["start", "step"]
    assert (rows[1]["value"], rows[1]["where"], rows[1]["loss"]) == (0.5, "train.py:9", "03" * 16)


def test_a_marker_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A flipped high bit in a store's marker gives an error that names the file, not a traceback."""
    Store(tmp_path)
    marker = tmp_path / "format.json"
    marker.write_bytes(marker.read_bytes().replace(b"assay", b"\xe1ssay"))
    with pytest.raises(CorruptError, match="marker of a store was changed"):
        Store(tmp_path, create=False)
