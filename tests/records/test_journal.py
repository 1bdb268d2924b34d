"""Journals: kill-safe while open, power-safe when sealed, and nothing changed goes unseen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import CorruptError, IntegrityError, TruncatedError, VersionError
from assay.records import journal
from assay.records.journal import Journal

PAYLOADS = [b"first", b"", b"third" * 100]


def _sealed(folder: Path) -> Path:
    with Journal(folder) as writer:
        for payload in PAYLOADS:
            writer.append(payload)
    (path,) = folder.glob("*.sealed")
    return path


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    """A sealed journal yields its records in order."""
    assert list(journal.read(_sealed(tmp_path))) == PAYLOADS


def test_an_open_journal_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    """Records are there as soon as append returns."""
    writer = Journal(tmp_path)
    writer.append(b"one")
    assert list(journal.read(writer.path)) == [b"one"]
    writer.append(b"two")
    assert list(journal.read(writer.path)) == [b"one", b"two"]
    writer.close()


def test_an_empty_journal_leaves_nothing(tmp_path: Path) -> None:
    """A writer that wrote nothing leaves no file."""
    assert Journal(tmp_path).seal() is None
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=300)
@given(data=st.data())
def test_any_flipped_byte_of_a_sealed_journal_is_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One changed byte anywhere raises an integrity error that names the file."""
    path = _sealed(tmp_path_factory.mktemp("journal"))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=path.name):
        list(journal.read(path))


@settings(max_examples=150)
@given(data=st.data())
def test_a_sealed_journal_that_is_cut_anywhere_is_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No prefix of a sealed journal passes for a whole one."""
    path = _sealed(tmp_path_factory.mktemp("journal"))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(TruncatedError):
        list(journal.read(path))


def test_a_removed_record_is_seen(tmp_path: Path) -> None:
    """Cutting a whole frame out of the middle breaks the digest of the seal."""
    path = _sealed(tmp_path)
    content = path.read_bytes()
    first = content.index(journal.frame(journal.RECORD, b"first"))
    size = len(journal.frame(journal.RECORD, b"first"))
    path.write_bytes(content[:first] + content[first + size :])
    with pytest.raises(CorruptError, match="seal"):
        list(journal.read(path))


def test_a_newer_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    """The message says which version the file has and which this Assay reads."""
    path = _sealed(tmp_path)
    content = bytearray(path.read_bytes())
    content[8] = 2
    path.write_bytes(content)
    with pytest.raises(VersionError, match=r"version 2, this Assay reads up to 1"):
        list(journal.read(path))


_WRITER = """
import sys
from pathlib import Path
from assay.records.journal import Journal
journal = Journal(Path(sys.argv[1]))
for i in range(10**9):
    journal.append(b"%d" % i * 50)
    sys.stdout.write(f"{i}\\n"); sys.stdout.flush()
"""


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    """After kill -9, every record whose append returned is there, and the journal is adopted once."""
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    acknowledged = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged > 500:
                process.send_signal(signal.SIGKILL)
                break
        rest = process.stdout.read().split("\n")[:-1]
    acknowledged = int(rest[-1]) if rest else acknowledged
    assert len(journal.adopt(tmp_path)) == 1
    assert journal.adopt(tmp_path) == []
    (path,) = tmp_path.iterdir()
    records = list(journal.read(path))
    assert path.suffix == ".sealed"
    assert len(records) >= acknowledged + 1
    assert records == [b"%d" % i * 50 for i in range(len(records))]


def test_a_torn_last_record_is_cut_off_when_adopted(tmp_path: Path) -> None:
    """Half a frame at the end was never acknowledged; adoption keeps all before it."""
    writer = Journal(tmp_path)
    writer.append(b"kept")
    os.write(writer._handle, journal.frame(journal.RECORD, b"torn" * 20)[:30])
    writer.close()
    journal.adopt(tmp_path)
    (path,) = tmp_path.iterdir()
    assert list(journal.read(path)) == [b"kept"]


def test_a_living_writer_keeps_its_journal(tmp_path: Path) -> None:
    """Adoption passes over a journal whose writer holds its lock."""
    writer = Journal(tmp_path)
    writer.append(b"mine")
    # Another process: locks of one process do not exclude each other through the same file table.
    code = (
        "import sys; from pathlib import Path; from assay.records import journal\n"
        "print(journal.adopt(Path(sys.argv[1])))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
    writer.seal()
    assert [path.suffix for path in tmp_path.iterdir()] == [".sealed"]


@pytest.mark.parametrize("place", ["header", "first", "second", "payload"])
def test_adoption_sets_damage_aside_and_removes_no_record(tmp_path: Path, place: str) -> None:
    """A flipped bit in a dead writer's journal: all before it is kept, all from it on is set aside."""
    writer = Journal(tmp_path)
    for payload in (b"one", b"two", b"three"):
        writer.append(payload)
    writer.close()
    content = bytearray(writer.path.read_bytes())
    first = content.index(journal.frame(journal.RECORD, b"one"))
    second = content.index(journal.frame(journal.RECORD, b"two"))
    content[{"header": 13, "first": first, "second": second, "payload": second + 14}[place]] ^= 1
    writer.path.write_bytes(content)
    journal.adopt(tmp_path)
    kept = [record for path in tmp_path.glob("*.sealed") for record in journal.read(path)]
    assert kept == ([] if place in ("header", "first") else [b"one"])
    (torn,) = tmp_path.glob("*.torn")
    start = {"header": 0, "first": first}.get(place, second)
    assert torn.read_bytes() == bytes(content[start:])


def test_a_journal_that_cannot_be_sealed_stays_open_and_whole(tmp_path: Path) -> None:
    """When the disk has no room for the seal, the records stay, and a later adoption seals them."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from assay.records.journal import Journal; from assay.foundation.errors import StoreError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal(Path(sys.argv[1])); journal.append(b'kept')\n"
        "size = journal.path.stat().st_size + 10; resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "try: journal.seal()\n"
        "except StoreError as error: print(error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "cannot write" in answer.stdout
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".open"
    journal.adopt(tmp_path)
    (path,) = tmp_path.iterdir()
    assert list(journal.read(path)) == [b"kept"]


_BUSY = """
import sys
from pathlib import Path
from assay.records.journal import Journal
from assay.records.store import Store
for i in range(40):
    store = Store(Path(sys.argv[1]))
    with Journal(store.journals) as journal:
        journal.append(sys.argv[2].encode() + b"-%d" % i)
"""


def test_opening_a_store_never_takes_a_journal_that_is_being_born(tmp_path: Path) -> None:
    """While processes open the store and start journals all the time, no record is lost."""
    command = [sys.executable, "-c", _BUSY, str(tmp_path)]
    processes = [subprocess.Popen([*command, str(i)]) for i in range(6)]
    assert [process.wait() for process in processes] == [0] * 6
    paths = list((tmp_path / "journals").iterdir())
    records = [record for path in paths for record in journal.read(path)]
    assert sorted(records) == sorted(f"{i}-{j}".encode() for i in range(6) for j in range(40))


_FULL = """
import resource, sys
from pathlib import Path
from assay.foundation.errors import StoreError
from assay.records.journal import Journal
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
done = 0
try:
    while True:
        journal.append(b"x" * 100)
        done += 1
except StoreError as error:
    print(done)
    print(error)
"""


def test_a_full_disk_stops_cleanly_and_keeps_what_was_written(tmp_path: Path) -> None:
    """When the file system takes no more, the error says so and every whole record stays."""
    answer = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    done = int(answer.stdout.splitlines()[0])
    assert "cannot write" in answer.stdout
    assert "Traceback" not in answer.stderr
    journal.adopt(tmp_path)
    (path,) = tmp_path.iterdir()
    assert list(journal.read(path)) == [b"x" * 100] * done
