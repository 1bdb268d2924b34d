"""Digests of files by their content, remembered so that a file that did not change is not read again.

What is remembered lies in CACHE/hashes, an SQLite data base in write-ahead mode that any number of
processes share. An answer holds for one path with one size, times, inode and device. As in git's
"racy" rule, a file that changed less than two seconds before it was read, or in the future, is not
remembered: it could change again within the same tick of the clock. Each answer carries a checksum, and
a data base that cannot be read is made anew; without one, everything is read.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sqlite3
import stat
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from blake3 import blake3

from assay.foundation.errors import IntegrityError, UsageError

Progress = Callable[[int, int, int], None]  # files done, files in all, bytes read
Problem = Callable[[Path, str], None]
T = TypeVar("T")
AnyPath = TypeVar("AnyPath", Path, str)

RACY_NS = 2_000_000_000
_LARGE = 4 << 20  # from here on the threads of blake3 and a mapping pay
_WINDOW = 256 << 20
_BUFFER = 4 << 20
_AT_ONCE = 500  # below the 999 parameters of an old SQLite
_WAIT_SECONDS = 10.0
_ATTEMPTS = 3
_HEAD = struct.Struct("<QqqQQ")  # size, mtime, ctime in ns, inode, device
_VALUE = _HEAD.size + 32 + 4
_TABLE = "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"


class Content(NamedTuple):
    """What a file holds: the digest of it, and how many bytes."""

    digest: str
    size: int


class Contents:
    """The digests of files, from what is remembered in `cache` where that holds; `force` reads all anew."""

    def __init__(self, cache: Path, *, force: bool = False) -> None:
        self.force = force
        self.read = 0  # files that were really read
        self._remembered = _Remembered(cache / "hashes")

    def digest(self, path: Path) -> str:
        """Return the blake3 digest of a file.

        Raises `UsageError` for what cannot be read or is no regular file, and `IntegrityError` for a
        file that changes while it is read.
        """
        return self.digests([path])[path]

    def digests(
        self,
        paths: Iterable[AnyPath],
        *,
        progress: Progress | None = None,
        on_problem: Problem | None = None,
    ) -> dict[AnyPath, str]:
        """Return the digest of each file; small ones are read by several threads, large ones in turn.

        `progress` is told files done, files in all and bytes read. With `on_problem`, a file that cannot
        be digested is told there with the reason and left out; without it, the first one raises.
        """
        wanted = {os.fspath(path): path for path in paths}
        found = self.sized(wanted, progress=progress, on_problem=on_problem)
        return {path: found[name].digest for name, path in wanted.items() if name in found}

    def sized(
        self, names: Iterable[str], *, progress: Progress | None = None, on_problem: Problem | None = None
    ) -> dict[str, Content]:
        """Return digest and size of each file by its name as text, which is faster where there are many."""
        wanted = list(dict.fromkeys(names))
        bulk = _Bulk(len(wanted), progress, on_problem)
        for some in _parts(wanted, _AT_ONCE * 4):
            self._some(some, bulk)
        return bulk.found

    def _some(self, paths: Sequence[str], bulk: _Bulk) -> None:
        """Answer for some files: by what is remembered first, then by reading."""
        heads: dict[str, bytes] = {}
        for path in paths:
            try:
                heads[path] = _head(os.stat(path))  # noqa: PTH116
            except (OSError, ValueError) as error:
                bulk.problem(path, _reason(error))
        here = os.fsencode(Path.cwd())
        keys = {path: os.path.join(here, os.fsencode(path)) for path in heads}  # noqa: PTH118  bytes, and many
        known = {} if self.force else self._remembered.get(keys.values())
        unread = []
        for path, head in heads.items():
            value = known.get(keys[path])
            if value is not None and value.startswith(head):
                bulk.done(path, Content(value[_HEAD.size : -4].hex(), _HEAD.unpack_from(value)[0]), 0)
            else:
                unread.append(path)
        fresh = []
        for path, reading in _read_all(unread, heads):
            if isinstance(reading, str):
                bulk.problem(path, reading)
                continue
            self.read += 1
            bulk.done(path, Content(reading.digest.hex(), reading.size), reading.size)
            if reading.settled:
                fresh.append((keys[path], reading.head + reading.digest))
        self._remembered.put(fresh)


class _Bulk:
    """The answers to one question, and whom to tell of them."""

    def __init__(self, total: int, progress: Progress | None, on_problem: Problem | None) -> None:
        self.found: dict[str, Content] = {}
        self._total = total
        self._done = self._bytes = 0
        self._progress = progress
        self._on_problem = on_problem

    def done(self, path: str, content: Content, read: int) -> None:
        self.found[path] = content
        self._tell(read)

    def problem(self, path: str, reason: str) -> None:
        if self._on_problem is None:
            changed = reason == _CHANGED
            kind = IntegrityError if changed else UsageError
            hint = "wait until whatever writes it has ended" if changed else None
            raise kind("a file cannot be digested", where=path, why=reason, hint=hint)
        self._on_problem(Path(path), reason)
        self._tell(0)

    def _tell(self, read: int) -> None:
        self._done += 1
        self._bytes += read
        if self._progress is not None:
            self._progress(self._done, self._total, self._bytes)


class _Reading:
    """One file as it was read: its state, its digest, and whether it lay still long enough to remember."""

    __slots__ = ("digest", "head", "settled", "size")

    def __init__(self, head: bytes, digest: bytes, size: int, *, settled: bool) -> None:
        self.head = head
        self.digest = digest
        self.size = size
        self.settled = settled


_CHANGED = "it changes while it is read"


def _read_all(paths: Sequence[str], heads: dict[str, bytes]) -> Iterator[tuple[str, _Reading | str]]:
    """Yield each file as read, or why it could not be; small files by several threads at once."""
    sizes = {path: _HEAD.unpack(heads[path])[0] for path in paths}
    small = [path for path in paths if sizes[path] < _LARGE]
    workers = min(8, 2 * (os.cpu_count() or 1), max(1, len(small) // 32))
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            for answers in pool.map(_read_some, _parts(small, 32)):
                yield from answers
    else:
        yield from _read_some(small)
    for path in paths:  # one after the other: each of them uses all cores
        if sizes[path] >= _LARGE:
            yield path, _read(path)


def _read_some(paths: Sequence[str]) -> list[tuple[str, _Reading | str]]:
    return [(path, _read(path)) for path in paths]


def _read(path: str) -> _Reading | str:
    try:
        for _ in range(_ATTEMPTS):
            reading = _read_once(path)
            if reading is not None:
                return reading
    except (OSError, ValueError) as error:
        return _reason(error)
    return _CHANGED


def _read_once(path: str) -> _Reading | None:
    """Return a file as read, or None if it changed meanwhile."""
    now = time.time_ns()
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not make us wait
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise ValueError("it is not a regular file")
        settled = max(before.st_mtime_ns, before.st_ctime_ns) < now - RACY_NS
        digest = _hash(handle, before.st_size, settled=settled)
        head = _head(before)
        if digest is None or _head(os.fstat(handle)) != head or _head(os.stat(path)) != head:  # noqa: PTH116
            return None
    finally:
        os.close(handle)
    return _Reading(head, digest, before.st_size, settled=settled)


def _hash(handle: int, size: int, *, settled: bool) -> bytes | None:
    """Return the digest of an open file, or None if it is found to be shorter than it was.

    A large file that lies still is mapped, which saves a copy; one that was just written is not, for
    whoever cuts a mapped file short ends the process that reads it.
    """
    if size < _LARGE:
        return blake3(_whole(handle, size)).digest()
    hasher = blake3(max_threads=blake3.AUTO)
    if not settled:
        buffer = memoryview(bytearray(_BUFFER))
        while count := os.readv(handle, [buffer]):
            hasher.update(buffer[:count])
        return hasher.digest()
    for start in range(0, size, _WINDOW):
        length = min(_WINDOW, size - start)
        if os.fstat(handle).st_size < start + length:
            return None
        with mmap.mmap(handle, length, access=mmap.ACCESS_READ, offset=start) as window:
            hasher.update(window)
    return hasher.digest()


def _whole(handle: int, size: int) -> bytes:
    """Return what a small file holds; it may have grown."""
    data = os.read(handle, size + 1)
    if len(data) == size:
        return data
    pieces = [data]
    while piece := os.read(handle, _BUFFER):
        pieces.append(piece)
    return b"".join(pieces)


def _head(state: os.stat_result) -> bytes:
    """Return what must be equal for a file to count as the same; ctime shows what a set mtime hides."""
    return _HEAD.pack(
        state.st_size,
        state.st_mtime_ns,
        state.st_ctime_ns,
        state.st_ino & 0xFFFF_FFFF_FFFF_FFFF,
        state.st_dev & 0xFFFF_FFFF_FFFF_FFFF,
    )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


class _Remembered:
    """The data base. Whatever goes wrong with it costs reading again, and never an answer."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "contents.sqlite"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._given_up = False

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return what is remembered of paths: state, digest and checksum, the latter checked."""
        found: dict[bytes, bytes] = {}

        def ask(connection: sqlite3.Connection) -> None:
            for some in _parts(keys, _AT_ONCE):
                marks = ",".join("?" * len(some))
                rows = connection.execute(f"SELECT path, value FROM files WHERE path IN ({marks})", some)  # noqa: S608  marks are question marks
                found.update((path, value) for path, value in rows if _holds(path, value))

        self._guarded(ask)
        return found

    def put(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Remember state and digest by path, in one transaction."""
        if not rows:
            return
        checked = [(path, value + zlib.crc32(path + value).to_bytes(4, "little")) for path, value in rows]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", checked)

        self._guarded(write)

    def _guarded(self, action: Callable[[sqlite3.Connection], None]) -> None:
        """Act on the data base; a damaged one is made anew, once, and one out of reach is done without."""
        with self._lock:
            for _ in range(2):
                if self._given_up:
                    return
                try:
                    action(self._open())
                    return
                except sqlite3.OperationalError as error:
                    if not _is_damage(error):  # locked, full or read-only: this time without
                        self._given_up = self._connection is None
                        return
                    self._anew()
                except (sqlite3.DatabaseError, ValueError, TypeError):
                    self._anew()
                except OSError:
                    self._given_up = True
            self._given_up = True

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute(_TABLE)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _anew(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _holds(path: object, value: object) -> bool:
    """Say whether a row is as it was written."""
    if not isinstance(path, bytes) or not isinstance(value, bytes) or len(value) != _VALUE:
        return False
    return zlib.crc32(path + value[:-4]) == int.from_bytes(value[-4:], "little")


def _is_damage(error: sqlite3.OperationalError) -> bool:
    text = str(error)
    return any(sign in text for sign in ("malformed", "no such", "disk I/O", "not a database", "syntax"))
