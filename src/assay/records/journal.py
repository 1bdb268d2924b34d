"""Journals: one append-only file a writer, framed and checked, sealed when the writer is done.

File format, version 1 (integers little-endian):

    header   8 bytes b"ASSAYJNL", u32 version, u32 length, u32 CRC-32, then the header as JSON
    frame    u32 length, u32 CRC-32 of the payload, u8 kind, u32 CRC-32 of these nine bytes, payload
    last     a frame of kind SEAL with the number of frames and the blake3 digest of all before

While its writer lives, the file is `NAME.open` and the writer holds a lock on it. A frame is one
`write()`, so that a record survives `kill -9` from the moment `append` returns (kill-safe). `seal`
syncs the file and its folder and renames it to `NAME.sealed` (power-safe). What a dead writer left
open is adopted: a last frame that is not whole was never acknowledged and is cut off, and the file
is sealed. Bytes that may have been records are never removed: from the first frame that is damaged
on, they are set aside as `NAME.torn`, which verification names.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec
from blake3 import blake3

from assay.foundation import clock
from assay.foundation.errors import CorruptError, IntegrityError, StoreError, TruncatedError, VersionError
from assay.foundation.files import store_error, sync_folder, write_atomic, writing

MAGIC = b"ASSAYJNL"
VERSION = 1
RECORD = 1
ABANDONED_SECONDS = 86_400.0
SEAL = 255
_DAMAGED = "assay verify names all that is damaged; with this file moved away, its runs run again"
_HEAD = struct.Struct("<8sIII")
_FRAME = struct.Struct("<IIBI")
_FRAME_FACTS = struct.Struct("<IIB")


class Header(msgspec.Struct, frozen=True):
    """Who writes a journal, and since when."""

    writer: str
    created: str
    host: str
    pid: int


class SealFrame(msgspec.Struct, frozen=True):
    """The last frame of a sealed journal."""

    frames: int
    digest: str


class Journal:
    """An open journal, for its one writer; not safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.writer = uuid.uuid4().hex
        self.path = folder / f"{self.writer}.open"
        self._frames = 0
        header = msgspec.json.encode(Header(self.writer, clock.now(), os.uname().nodename, os.getpid()))
        head = _HEAD.pack(MAGIC, VERSION, len(header), zlib.crc32(header)) + header
        # Under another name until it is locked and has its header: whoever adopts the journals of dead
        # writers would otherwise take one that is being born, and remove it.
        born = self.path.with_suffix(".new")
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._handle = os.open(born, flags, 0o644)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._size = 0
        self._write(head)
        with writing(self.path):
            born.rename(self.path)

    def append(self, payload: bytes, kind: int = RECORD) -> None:
        """Add one frame; when this returns, the frame survives the death of the process."""
        self._write(frame(kind, payload))
        self._frames += 1

    def _write(self, data: bytes) -> None:
        _write_whole(self.path, self._handle, data, self._size)
        self._size += len(data)

    def seal(self) -> Path | None:
        """Finish the journal durably and return its path; an empty one is removed."""
        if self._frames == 0:
            self.path.unlink(missing_ok=True)
            self.close()
            return None
        sealed = _seal(self.path, self._handle)
        self.close()
        return sealed

    def close(self) -> None:
        """Let go of the file without sealing it."""
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.seal()
        else:
            self.close()


def frame(kind: int, payload: bytes) -> bytes:
    """Return the bytes of one frame."""
    facts = _FRAME_FACTS.pack(len(payload), zlib.crc32(payload), kind)
    return facts + zlib.crc32(facts).to_bytes(4, "little") + payload


def read(path: Path) -> Iterator[bytes]:
    """Yield the payload of each record of a journal; refuses whatever was changed or cut.

    The torn last frame of an open journal is passed over: its `append` never returned.
    """
    data = path.read_bytes()
    sealed = path.suffix == ".sealed"
    count = 0
    for start, _end, kind, payload in _frames(path, data, sealed=sealed):
        if kind == SEAL:
            return
        if kind != RECORD:
            raise VersionError(
                "a journal holds what this Assay does not know",
                where=f"{path}, byte {start}",
                why=f"a frame of kind {kind}",
                hint="upgrade Assay",
            )
        count += 1
        yield payload
    if sealed:
        raise TruncatedError(
            "a sealed journal is cut short", where=str(path), why=f"no seal after {count} records"
        )


def adopt(folder: Path) -> list[Path]:
    """Seal every open journal in a folder whose writer is dead, and return them.

    A lock tells of the processes of this machine alone, on some shared file systems: a journal of
    another host is left until nothing was written to it for a day.
    """
    adopted = []
    for path in sorted(folder.glob("*.open")):
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDWR | os.O_APPEND)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                sealed = _adopt(path, handle)
                if sealed:
                    adopted.append(sealed)
            except BlockingIOError:
                continue  # its writer lives
            finally:
                os.close(handle)
    return adopted


def _adopt(path: Path, handle: int) -> Path | None:
    if not path.exists():  # another process adopted it between our look and our lock
        return None
    data = path.read_bytes()
    end = 0
    try:
        end = _header_end(path, data)
        if _may_live_elsewhere(path, data[:end]):
            return None
        for _start, after, kind, _payload in _frames(path, data, sealed=False):
            end = after
            if kind == SEAL:  # the writer died between its seal and its rename
                os.fsync(handle)
                os.replace(path, path.with_suffix(".sealed"))
                return path.with_suffix(".sealed")
    except VersionError:
        return None  # a newer Assay's, for that to adopt
    except IntegrityError:
        write_atomic(path.with_suffix(".torn"), data[end:])
    if end == 0 or end == _header_end(path, data):  # no record, or what there was is set aside
        path.unlink()
        return None
    with writing(path):
        os.ftruncate(handle, end)
        return _seal(path, handle)


def _may_live_elsewhere(path: Path, head: bytes) -> bool:
    written = msgspec.json.decode(head[_HEAD.size :], type=Header)
    return written.host != os.uname().nodename and clock.since(path.stat().st_mtime) < ABANDONED_SECONDS


def _seal(path: Path, handle: int) -> Path:
    with writing(path):
        data = path.read_bytes()
        frames = sum(1 for _ in _frames(path, data, sealed=False))
        last = frame(SEAL, msgspec.msgpack.encode(SealFrame(frames, blake3(data).hexdigest())))
        _write_whole(path, handle, last, len(data))
        os.fsync(handle)
        sealed = path.with_suffix(".sealed")
        os.replace(path, sealed)
        sync_folder(path.parent)
    return sealed


def _write_whole(path: Path, handle: int, data: bytes, offset: int) -> None:
    """Append in one call; a short write (disk full, file size limit) is cut off again."""
    try:
        written = os.write(handle, data)
    except OSError as error:
        raise store_error(path, error) from error
    if written != len(data):
        with contextlib.suppress(OSError):
            os.ftruncate(handle, offset)
        raise StoreError(
            "cannot write",
            where=str(path),
            why="the file system took only a part of a record; the disk is probably full",
            hint="free some space and run the same command again; nothing that is sealed was lost",
        )


def _frames(path: Path, data: bytes, *, sealed: bool) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield start, end, kind and payload of each frame; raises where one is damaged.

    In an open journal, a last frame that is not whole is passed over: its `append` never returned.
    """
    start, count = _header_end(path, data), 0
    while start < len(data):
        body = start + _FRAME.size
        # Filled up with zeros, a piece of a head has some length; it is not looked at.
        length, crc, kind, check = _FRAME.unpack(data[start:body].ljust(_FRAME.size, b"\0"))
        if body <= len(data) and zlib.crc32(data[start : start + _FRAME_FACTS.size]) != check:
            raise _changed(path, start)
        end = body + length
        if body > len(data) or end > len(data):
            if sealed:
                raise TruncatedError("a sealed journal is cut short", where=f"{path}, byte {start}")
            return
        payload = data[body:end]
        if zlib.crc32(payload) != crc:
            raise _changed(path, start)
        if kind == SEAL:
            _check_seal(path, data, start, payload, count)
        yield start, end, kind, payload
        start, count = end, count + 1


def _changed(path: Path, offset: int) -> CorruptError:
    return CorruptError(
        "a record was changed after it was written", where=f"{path}, byte {offset}", hint=_DAMAGED
    )


def _check_seal(path: Path, data: bytes, offset: int, payload: bytes, count: int) -> None:
    last = msgspec.msgpack.decode(payload, type=SealFrame)
    if last.frames != count or blake3(memoryview(data)[:offset]).hexdigest() != last.digest:
        raise CorruptError(
            "a sealed journal was changed", where=str(path), why="its digest does not match its seal"
        )
    if offset + _FRAME.size + len(payload) != len(data):
        raise CorruptError(
            "a sealed journal was changed", where=str(path), why="there are bytes after its seal"
        )


def _header_end(path: Path, data: bytes) -> int:
    if len(data) < _HEAD.size:
        raise TruncatedError("a journal is cut short", where=str(path), why="its header is not whole")
    magic, version, length, crc = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise CorruptError("not a journal of Assay", where=str(path))
    if version > VERSION:
        raise VersionError(
            "a journal of a newer format",
            where=str(path),
            why=f"it has version {version}, this Assay reads up to {VERSION}",
            hint="upgrade Assay",
        )
    end: int = _HEAD.size + length
    if len(data) < end:
        raise TruncatedError("a journal is cut short", where=str(path), why="its header is not whole")
    if zlib.crc32(data[_HEAD.size : end]) != crc:
        raise CorruptError(
            "a journal was changed", where=str(path), why="its header does not match its checksum"
        )
    return end
