"""Dense array files: named arrays with named axes in one file, memory-mapped and verified at opening.

Format, version 1; all integers little-endian, all lengths in bytes:

    offset  length  content
    0       8       magic, b"ASSAYDNS"
    8       4       format version
    12      4       length of the header
    16      8       length of the file
    24      4       CRC-32 of the header
    28      4       CRC-32 of the 28 bytes before it
    32      ...     header: RFC 8785 JSON of `Header`
    ...             each array at a multiple of 64: little-endian, C order; zeros between

These 32 bytes keep their meaning in every later version, so that an old reader can tell a newer
file from a damaged one. Equal content gives equal bytes.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from blake3 import blake3

from assay.foundation.digest import canonical_bytes, digest_value
from assay.foundation.errors import CorruptError, StoreError, TruncatedError, UsageError, VersionError
from assay.foundation.files import write_atomic

FORMAT = 1
MAGIC = b"ASSAYDNS"
ALIGNMENT = 64

_PREAMBLE = struct.Struct("<8sIIQII")
_SEALED = _PREAMBLE.size - 4
_KINDS = "biuf"


class ArrayHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one array lies, what its axes are called, and the digest of its logical content."""

    name: str
    dtype: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    offset: int
    nbytes: int
    digest: str


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a dense file holds: its kind, free metadata, and its arrays in the order of their names."""

    kind: str
    meta: dict[str, Any]
    arrays: tuple[ArrayHeader, ...]


class DenseFile:
    """An open dense file: read-only arrays over the mapped file.

    `digest` names the whole logical content (kind, meta and arrays), `arrays_digest` that of the
    arrays alone; neither depends on where in the file the arrays lie.
    """

    def __init__(self, path: Path, header: Header, arrays: dict[str, np.ndarray]) -> None:
        self.path = path
        self.kind = header.kind
        self.meta = header.meta
        self.arrays = arrays
        self.axes = {array.name: array.axes for array in header.arrays}
        content = [[a.name, a.dtype, list(a.axes), list(a.shape), a.digest] for a in header.arrays]
        self.arrays_digest = digest_value(content)
        self.digest = digest_value([header.kind, header.meta, content])


def write_dense(
    path: Path, kind: str, meta: Mapping[str, Any], arrays: Mapping[str, tuple[Sequence[str], np.ndarray]]
) -> None:
    """Write a dense file, whole or not at all; `arrays` maps a name to its axes and its values.

    Arrays are of booleans, integers or floats. Raises `UsageError` for others, for axes that do not
    match the shape and for metadata without a canonical form, `StoreError` when the disk refuses.
    """
    ready = {name: _little(name, *arrays[name]) for name in sorted(arrays)}
    axes = {name: tuple(arrays[name][0]) for name in ready}
    header = _layout(kind, dict(meta), ready, axes, start=0)
    # The offsets depend on the length of the header and the reverse: repeat until it is stable.
    while (moved := _layout(kind, dict(meta), ready, axes, start=_first_offset(header))) != header:
        header = moved
    text = canonical_bytes(header)
    length = max([_PREAMBLE.size + len(text), *(a.offset + a.nbytes for a in header.arrays)])
    data = bytearray(length)
    data[: _PREAMBLE.size] = _preamble(FORMAT, text, length)
    data[_PREAMBLE.size : _PREAMBLE.size + len(text)] = text
    for array in header.arrays:
        data[array.offset : array.offset + array.nbytes] = ready[array.name].tobytes()
    write_atomic(path, bytes(data))


def open_dense(path: Path, kind: str) -> DenseFile:
    """Open and verify a dense file of this kind.

    Every byte is checked. Raises `TruncatedError` for a file that was cut short, `CorruptError` for
    one with a changed byte, `VersionError` for a newer format, `StoreError` when it cannot be read.
    """
    data = _map(path)
    length, text = _read_preamble(path, data)
    try:
        header = msgspec.json.decode(text, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError("the header is not one of this format", where=str(path), why=str(error)) from None
    if header.kind != kind:
        raise UsageError(f"this is a file of kind '{header.kind}', not '{kind}'", where=str(path))
    arrays: dict[str, np.ndarray] = {}
    end = _PREAMBLE.size + len(text)
    for array in header.arrays:
        arrays[array.name] = _open_array(path, data, array, end)
        end = array.offset + array.nbytes
    if end != length:
        raise CorruptError("the file holds bytes after its last array", where=str(path))
    return DenseFile(path, header, arrays)


def _little(name: str, axes: Sequence[str], values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in _KINDS:
        raise UsageError(f"array '{name}' has dtype {values.dtype}", why="only numbers can be stored")
    if len(axes) != values.ndim:
        raise UsageError(f"array '{name}' has {values.ndim} axes, and {len(axes)} names for them")
    return np.asarray(values, dtype=values.dtype.newbyteorder("<"), order="C")


def _layout(
    kind: str,
    meta: dict[str, Any],
    arrays: dict[str, np.ndarray],
    axes: dict[str, tuple[str, ...]],
    start: int,
) -> Header:
    """Return the header when the first array lies at `start`."""
    placed = []
    for name, values in arrays.items():
        start = _aligned(start)
        placed.append(
            ArrayHeader(
                name=name,
                dtype=values.dtype.str,
                axes=axes[name],
                shape=values.shape,
                offset=start,
                nbytes=values.nbytes,
                digest=_digest(values),
            )
        )
        start += values.nbytes
    return Header(kind=kind, meta=meta, arrays=tuple(placed))


def _first_offset(header: Header) -> int:
    return _PREAMBLE.size + len(canonical_bytes(header))


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _digest(values: np.ndarray) -> str:
    """Return the digest of dtype, shape and values, as `digest_array` does, without a copy."""
    hasher = blake3(f"{values.dtype.str}{values.shape}".encode() + b"\0")
    if values.size:
        hasher.update(values.reshape(-1).view(np.uint8).data)
    return hasher.hexdigest()


def _preamble(version: int, header: bytes, length: int) -> bytes:
    sealed = _PREAMBLE.pack(MAGIC, version, len(header), length, zlib.crc32(header), 0)[:_SEALED]
    return sealed + zlib.crc32(sealed).to_bytes(4, "little")


def _map(path: Path) -> mmap.mmap:
    try:
        with open(path, "rb") as file:
            found = file.seek(0, 2)
            if found < _PREAMBLE.size:
                raise _truncated(path, found, expected=_PREAMBLE.size)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise StoreError("cannot read the file", where=str(path), why=error.strerror or str(error)) from error


def _read_preamble(path: Path, data: mmap.mmap) -> tuple[int, bytes]:
    """Check the first 32 bytes and the header; return the file's length and the header's bytes."""
    magic, version, size, length, header_crc, own_crc = _PREAMBLE.unpack_from(data)
    if magic != MAGIC:
        raise CorruptError(
            "this is not a dense file of Assay",
            where=str(path),
            why=f"it begins with {magic!r}, not {MAGIC!r}",
        )
    if zlib.crc32(data[:_SEALED]) != own_crc:
        raise CorruptError("the preamble is damaged", where=str(path), why="its checksum does not match")
    if version > FORMAT:
        raise VersionError(
            f"the file has format version {version}; this Assay reads up to version {FORMAT}",
            where=str(path),
            hint="upgrade Assay, or import the table again with this version",
        )
    if len(data) < length:
        raise _truncated(path, len(data), expected=length)
    if len(data) > length:
        raise CorruptError(
            "the file is longer than written",
            where=str(path),
            why=f"{length:,} bytes expected, {len(data):,} found",
        )
    text = data[_PREAMBLE.size : _PREAMBLE.size + size]
    if zlib.crc32(text) != header_crc:
        raise CorruptError("the header is damaged", where=str(path), why="its checksum does not match")
    return length, text


def _open_array(path: Path, data: mmap.mmap, array: ArrayHeader, end: int) -> np.ndarray:
    """Return an array after checking its place, the zeros before it, and its digest."""
    try:
        dtype = np.dtype(array.dtype)
    except TypeError:
        dtype = np.dtype(object)
    size = math.prod(array.shape)
    if (
        dtype.kind not in _KINDS
        or array.offset != _aligned(end)
        or array.nbytes != size * dtype.itemsize
        or array.offset + array.nbytes > len(data)
    ):
        raise CorruptError(f"the header places array '{array.name}' where it cannot be", where=str(path))
    if any(data[end : array.offset]):
        raise CorruptError(f"the padding before array '{array.name}' is damaged", where=str(path))
    values = np.frombuffer(data, dtype=dtype, count=size, offset=array.offset).reshape(array.shape)
    if _digest(values) != array.digest:
        raise CorruptError(
            f"array '{array.name}' is damaged", where=str(path), why="its digest does not match"
        )
    return values


def _truncated(path: Path, found: int, expected: int) -> TruncatedError:
    bound = "at least " if expected == _PREAMBLE.size else ""
    return TruncatedError(
        "the file was cut short", where=str(path), why=f"{bound}{expected:,} bytes expected, {found:,} found"
    )
