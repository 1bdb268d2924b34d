"""TFRecord files: framing, checksums, and damage."""

from __future__ import annotations

import struct
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.importers.tfrecord import LIMIT, crc32c, masked, records
from assay.benchmarks.watching import watched_by
from assay.foundation.errors import AssayError, CorruptError, TruncatedError

sys.path.insert(0, str(Path(__file__).parent))
from nasbench_files import crc, framed


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
    ids=["zeros", "ones", "rising", "falling"],
)
def test_checksums_are_those_of_the_standard(message: bytes, value: int) -> None:
    """RFC 3720, appendix B.4, gives the CRC-32C of four messages of 32 bytes."""
    assert crc32c([message]).tolist() == [value]


@given(st.lists(st.binary(max_size=70), max_size=9))
def test_checksums_of_many_are_those_of_each(messages: list[bytes]) -> None:
    """Messages of any lengths, worked through together, have the checksums of a bit by bit program."""
    assert masked(crc32c(messages)).tolist() == [crc(one) for one in messages]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_records_come_back(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    """What was written is read, in order, the empty record and the empty file included."""
    path = tmp_path_factory.mktemp("records") / "file"
    path.write_bytes(b"".join(map(framed, bodies)))
    assert list(records(path)) == bodies


def test_batches_end_and_begin(tmp_path: Path) -> None:
    """Files of several batches, with a record of the greatest length among short ones, come back whole."""
    bodies = [b"short"] * 5 + [bytes(LIMIT)] + [b"%d" % i for i in range(60)] + [b"x" * LIMIT]
    path = tmp_path / "file"
    path.write_bytes(b"".join(map(framed, bodies)))
    assert list(records(path)) == bodies


def test_whoever_watches_is_told(tmp_path: Path) -> None:
    """Reading says how many of the file's bytes are behind it, a batch at a time."""
    path = tmp_path / "file"
    path.write_bytes(framed(b"x" * 1_000) * 5_000)
    told: list[tuple[str, int, int]] = []
    with watched_by(lambda *what: told.append(what)):
        assert sum(1 for _ in records(path)) == 5_000
    done = [at for _, at, _ in told]
    assert len(done) > 1
    assert done == sorted(done)
    assert {(name, size) for name, _, size in told} == {("file", path.stat().st_size)}


@given(st.data())
def test_every_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A file with any one bit flipped is damaged or too short, never read as something else."""
    whole = b"".join(map(framed, [b"first", b"second record", b"third"]))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.mktemp("records") / "file"
    path.write_bytes(flipped)
    with pytest.raises((CorruptError, TruncatedError), match=r"record [0-2]"):
        list(records(path))


def test_a_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    """Wherever within a record a file is cut, it says which record it ends in."""
    whole = framed(b"first") + framed(b"second")
    path = tmp_path / "file"
    for end in set(range(1, len(whole))) - {len(framed(b"first"))}:
        path.write_bytes(whole[:end])
        with pytest.raises(TruncatedError, match=f"record {int(end > len(framed(b'first')))}"):
            list(records(path))


def test_an_absurd_length_takes_no_memory(tmp_path: Path) -> None:
    """A length of exabytes with a matching checksum is refused before anything is read for it."""
    length = struct.pack("<Q", 1 << 60)
    path = tmp_path / "file"
    path.write_bytes(framed(b"first") + length + struct.pack("<I", crc(length)) + bytes(100))
    tracemalloc.start()
    with pytest.raises(CorruptError, match="too long to be one") as error:
        list(records(path))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    assert "record 1" in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in place of the file is a message, not a traceback."""
    with pytest.raises(AssayError, match="cannot be read"):
        list(records(tmp_path))


def test_another_writer_agrees(tmp_path: Path) -> None:
    """What the package tfrecord writes is read, and what is written here it reads."""
    package = pytest.importorskip("tfrecord", reason="the package tfrecord is not installed")
    written = tmp_path / "theirs"
    writer = package.TFRecordWriter(str(written))
    writer.write({"number": (17, "int"), "text": (b"some bytes", "byte")})
    writer.write({"number": (18, "int"), "text": (b"", "byte")})
    writer.close()
    bodies = list(records(written))
    assert len(bodies) == 2
    ours = tmp_path / "ours"
    ours.write_bytes(b"".join(map(framed, bodies)))
    assert ours.read_bytes() == written.read_bytes()
    read = package.tfrecord_loader(str(ours), None, {"number": "int", "text": "byte"})
    assert [int(one["number"][0]) for one in read] == [17, 18]
