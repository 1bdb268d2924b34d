"""The dense file format."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.foundation.dense import FORMAT, open_dense, write_dense
from assay.foundation.digest import digest_array
from assay.foundation.errors import (
    AssayError,
    CorruptError,
    IntegrityError,
    StoreError,
    TruncatedError,
    UsageError,
    VersionError,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "dense-v1.table"
META = {"benchmark": "toy/one", "note": "a golden file", "levels": [1, 2.5, None]}
ARRAYS = {
    "accuracy": (("architecture", "seed"), np.array([[91.5, 90.25], [88.0, np.nan], [10.0, 10.5]])),
    "flag": (("architecture",), np.array([True, False, True])),
    "steps": (("architecture",), np.array([3, 1, 2], dtype=np.int32)),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dense") / "toy.table"
    write_dense(path, "toy", META, ARRAYS)
    return path


def test_what_is_written_is_read(written: Path) -> None:
    """Arrays, axes and metadata come back, and the arrays cannot be written to."""
    file = open_dense(written, "toy")
    assert file.meta == META
    assert sorted(file.arrays) == ["accuracy", "flag", "steps"]
    for name, (axes, values) in ARRAYS.items():
        np.testing.assert_array_equal(file.arrays[name], values)
        assert file.axes[name] == axes
        assert not file.arrays[name].flags.writeable


def test_bytes_are_deterministic(written: Path, tmp_path: Path) -> None:
    """Equal content gives equal bytes, in whatever order and byte order it is handed over."""
    other = tmp_path / "other.table"
    swapped = {
        name: (axes, v.astype(v.dtype.newbyteorder(">"))) for name, (axes, v) in reversed(ARRAYS.items())
    }
    write_dense(other, "toy", dict(reversed(META.items())), swapped)
    assert other.read_bytes() == written.read_bytes()


def test_golden_file_of_version_1() -> None:
    """The version 1 file that is kept in the tests is still read, and still written byte for byte."""
    file = open_dense(GOLDEN, "toy")
    assert file.meta == META
    np.testing.assert_array_equal(file.arrays["accuracy"], ARRAYS["accuracy"][1])
    np.testing.assert_array_equal(file.arrays["steps"], [3, 1, 2])


def test_golden_file_is_what_is_written_today(written: Path) -> None:
    """As long as the format version is 1, writing gives the bytes of the golden file."""
    assert FORMAT == 1
    assert written.read_bytes() == GOLDEN.read_bytes()


def test_arrays_are_aligned(written: Path) -> None:
    """Each array starts at a multiple of 64 bytes of the file."""
    data = written.read_bytes()
    for _, values in ARRAYS.values():
        assert data.find(values.tobytes()) % 64 == 0 or values.nbytes < 8


def test_digest_is_of_logical_content(written: Path, tmp_path: Path) -> None:
    """The digest changes with a value or the metadata; that of the arrays with a value only."""
    one = open_dense(written, "toy")
    write_dense(tmp_path / "meta", "toy", {**META, "note": "other"}, ARRAYS)
    meta = open_dense(tmp_path / "meta", "toy")
    assert meta.digest != one.digest
    assert meta.arrays_digest == one.arrays_digest
    changed = {**ARRAYS, "steps": (("architecture",), np.array([3, 1, 4], dtype=np.int32))}
    write_dense(tmp_path / "value", "toy", META, changed)
    assert open_dense(tmp_path / "value", "toy").arrays_digest != one.arrays_digest


@given(
    hnp.arrays(st.sampled_from(["<f8", "<f4", "<i8", "<u2", "|b1"]), hnp.array_shapes(min_dims=0, min_side=0))
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_array_comes_back(tmp_path: Path, values: np.ndarray) -> None:
    """Arrays of every kind and shape, also empty ones, come back with equal bytes."""
    path = tmp_path / "any.table"
    axes = [f"axis{i}" for i in range(values.ndim)]
    write_dense(path, "any", {}, {"x": (axes, values), "y": (["n"], np.arange(3))})
    file = open_dense(path, "any")
    assert file.arrays["x"].tobytes() == values.tobytes()
    assert file.arrays["x"].shape == values.shape
    assert digest_array(file.arrays["x"]) == digest_array(values)


def test_every_flipped_byte_is_refused(written: Path, tmp_path: Path) -> None:
    """Whichever single byte is changed, opening refuses."""
    data = written.read_bytes()
    path = tmp_path / "flipped"
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(IntegrityError):
            open_dense(path, "toy")


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_change_of_a_byte_is_refused(written: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Any other value of any byte is refused as corrupt."""
    good = written.read_bytes()
    position = data.draw(st.integers(0, len(good) - 1))
    damaged = bytearray(good)
    damaged[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "changed"
    path.write_bytes(damaged)
    with pytest.raises(CorruptError):
        open_dense(path, "toy")


def test_every_truncation_is_refused_with_both_sizes(written: Path, tmp_path: Path) -> None:
    """Cut anywhere, the file is refused, and the message names the expected and the found size."""
    data = written.read_bytes()
    path = tmp_path / "cut"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(TruncatedError) as error:
            open_dense(path, "toy")
        assert f"{length:,} found" in str(error.value)
        if length >= 32:
            assert f"{len(data):,} bytes expected" in str(error.value)


def test_the_damaged_array_is_named(written: Path, tmp_path: Path) -> None:
    """The message says which array, or that the header, is damaged."""
    data = written.read_bytes()
    place = data.find(np.array([91.5]).tobytes())
    path = tmp_path / "damaged"
    path.write_bytes(data[:place] + b"\x01" + data[place + 1 :])
    with pytest.raises(CorruptError, match="array 'accuracy' is damaged"):
        open_dense(path, "toy")
    path.write_bytes(data[:40] + b"\x01" + data[41:])
    with pytest.raises(CorruptError, match="the header is damaged"):
        open_dense(path, "toy")


def test_bytes_at_the_end_are_refused(written: Path, tmp_path: Path) -> None:
    """A file that is longer than written is refused."""
    path = tmp_path / "long"
    path.write_bytes(written.read_bytes() + b"\0")
    with pytest.raises(CorruptError, match="longer than written"):
        open_dense(path, "toy")


def test_a_newer_version_names_both(written: Path, tmp_path: Path) -> None:
    """A newer format is refused with both versions and a hint."""
    data = bytearray(written.read_bytes())
    data[8:12] = struct.pack("<I", FORMAT + 6)
    data[28:32] = struct.pack("<I", zlib.crc32(bytes(data[:28])))
    path = tmp_path / "newer"
    path.write_bytes(data)
    with pytest.raises(VersionError) as error:
        open_dense(path, "toy")
    assert "version 7" in str(error.value)
    assert "up to version 1" in str(error.value)
    assert "hint:" in str(error.value)


def test_a_header_that_points_outside_is_refused(written: Path, tmp_path: Path) -> None:
    """A header with valid checksums whose array lies elsewhere is refused, not read."""
    data = bytearray(written.read_bytes())
    size = struct.unpack_from("<I", data, 12)[0]
    text = bytes(data[32 : 32 + size]).replace(b'"shape":[3,2]', b'"shape":[9,9]')
    data[32 : 32 + size] = text
    data[24:28] = struct.pack("<I", zlib.crc32(text))
    data[28:32] = struct.pack("<I", zlib.crc32(bytes(data[:28])))
    path = tmp_path / "outside"
    path.write_bytes(data)
    with pytest.raises(CorruptError, match="'accuracy'"):
        open_dense(path, "toy")


def test_other_files_and_kinds_are_refused(written: Path, tmp_path: Path) -> None:
    """Another kind, another format and an absent file each get a clear message."""
    with pytest.raises(UsageError, match="kind 'toy', not 'other'"):
        open_dense(written, "other")
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"\x80\x04" * 100)
    with pytest.raises(CorruptError, match="not a dense file"):
        open_dense(foreign, "toy")
    with pytest.raises(StoreError):
        open_dense(tmp_path / "absent", "toy")


@pytest.mark.parametrize(
    ("axes", "values"),
    [(("a",), np.array(["text"])), (("a",), np.array([None])), (("a", "b"), np.zeros(3))],
)
def test_what_cannot_be_stored_is_refused(tmp_path: Path, axes: tuple[str, ...], values: np.ndarray) -> None:
    """Strings, objects and wrong axes are refused before anything is written."""
    with pytest.raises(AssayError):
        write_dense(tmp_path / "no", "toy", {}, {"x": (axes, values)})
    assert not (tmp_path / "no").exists()
