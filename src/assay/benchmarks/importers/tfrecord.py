"""TFRecord files, read without TensorFlow.

Format (TensorFlow, "TFRecord and tf.train.Example"; `tensorflow/core/lib/io/record_writer.h`), all
integers little-endian: for each record a uint64 length, its masked CRC-32C as uint32, the bytes, and
their masked CRC-32C as uint32. The CRC is Castagnoli's (RFC 3720); masked, it is rotated right by 15
bits, plus 0xa282ead8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from assay.benchmarks.watching import progress
from assay.foundation.errors import AssayError, CorruptError, TruncatedError

LIMIT = 64 * 1024
"""Bytes of the longest record that is read; those of NAS-Bench-101 have about 400."""

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_MASK_DELTA = 0xA282EAD8
_ONES = 0xFFFFFFFF
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_BATCH = 2 * 1024 * 1024  # bytes that are checked at once


def _table() -> list[int]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


_TABLE = _table()
_STEPS = np.array(_TABLE, dtype=np.uint32)
_AFTER_ZEROS = [_ONES]  # the state after so many zero bytes


def crc32c(messages: list[bytes]) -> np.ndarray:
    """Return the CRC-32C of each message, as uint32; all are worked through together, byte by byte.

    Memory is the number of messages times the longest one.
    """
    width = max(map(len, messages), default=0)
    while len(_AFTER_ZEROS) <= width:
        state = _AFTER_ZEROS[-1]
        _AFTER_ZEROS.append(_TABLE[state & 0xFF] ^ state >> 8)
    # From state 0, zeros in front change nothing, so that messages of any length end together; what
    # the true first state adds depends on the length alone, for a CRC is linear.
    aligned = np.frombuffer(b"".join([one.rjust(width, b"\0") for one in messages]), dtype=np.uint8)
    states = np.zeros(len(messages), dtype=np.uint32)
    for column in np.ascontiguousarray(aligned.reshape(len(messages), width).T):
        states = _STEPS.take(states.astype(np.uint8) ^ column) ^ states >> 8
    first = np.array([_AFTER_ZEROS[len(one)] for one in messages], dtype=np.uint32)
    return states ^ first ^ np.uint32(_ONES)


def masked(crcs: np.ndarray) -> np.ndarray:
    """Return CRCs (uint32) as a TFRecord stores them."""
    rotated = crcs >> np.uint32(15) | crcs << np.uint32(17)
    return rotated + np.uint32(_MASK_DELTA)


def records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file, each after its checksums held.

    Memory is bounded by `LIMIT`, not by what the file says of its lengths. Raises `TruncatedError`
    for a file that ends within a record, and `CorruptError` for any other damage; both say where.
    """
    try:
        with path.open("rb") as file:
            yield from _checked(file, path)
    except OSError as error:
        raise AssayError(
            "a TFRecord file cannot be read", where=str(path), why=error.strerror or str(error)
        ) from None


class _Batch:
    """Records that were read and are still to be checked."""

    def __init__(self, start: int) -> None:
        self.start = start  # the number of the first
        self.bodies: list[bytes] = []
        self._lengths: list[bytes] = []
        self._stored: list[tuple[int, int]] = []
        self._width = 0

    def add(self, length: bytes, length_crc: int, body: bytes, body_crc: int) -> None:
        self.bodies.append(body)
        self._lengths.append(length)
        self._stored.append((length_crc, body_crc))
        self._width = max(self._width, len(body))

    @property
    def is_full(self) -> bool:
        return len(self.bodies) * self._width >= _BATCH

    def check(self, path: Path) -> list[bytes]:
        """Return the records; raises `CorruptError` for the first whose checksum does not hold."""
        found = masked(np.stack([crc32c(self._lengths), crc32c(self.bodies)], axis=1))
        wrong = np.flatnonzero(found != np.array(self._stored, dtype=np.uint32).reshape(-1, 2))
        if wrong.size:
            raise CorruptError(
                "the checksum of a TFRecord does not match",
                where=f"{path}, record {self.start + int(wrong[0]) // 2:,}",
                hint="get the file again",
            )
        return self.bodies


def _checked(file: BinaryIO, path: Path) -> Iterator[bytes]:
    batch, size = _Batch(0), path.stat().st_size
    while header := file.read(_HEADER.size):
        number = batch.start + len(batch.bodies)
        length, length_crc = _HEADER.unpack(_whole(header, _HEADER.size, path, number))
        if length > LIMIT:
            # The records before may be damaged too, and then they are the ones to name.
            batch.check(path)
            raise CorruptError(
                "a TFRecord is too long to be one",
                where=f"{path}, record {number:,}",
                why=f"{length:,} bytes, at most {LIMIT:,}",
            )
        body = _whole(file.read(length), length, path, number)
        (body_crc,) = _FOOTER.unpack(_whole(file.read(_FOOTER.size), _FOOTER.size, path, number))
        batch.add(header[:8], length_crc, body, body_crc)
        if batch.is_full:
            progress(path.name, file.tell(), size)
            yield from batch.check(path)
            batch = _Batch(number + 1)
    yield from batch.check(path)


def _whole(data: bytes, wanted: int, path: Path, number: int) -> bytes:
    if len(data) < wanted:
        raise TruncatedError(
            "a TFRecord file ends within a record",
            where=f"{path}, record {number:,}",
            hint="get the file again",
        )
    return data
