"""The ledger: every assessment of a store, as a hash chain of JSON lines.

    <store>/ledger/ledger.jsonl   one line an assessment, canonical JSON (RFC 8785):
                                  {"digest", "entry", "n", "previous", "time"}
    <store>/ledger/head.json      {"digest", "n"} of the last line, replaced after each append
    <store>/ledger/lock           held while reading or appending

The digest of a line is blake3 over the line without its `digest` member; `previous` is the digest
of the line before, 64 zeros for the first; `n` counts from 1. The chain shows every line that was
altered, removed, moved or put in. It cannot show by itself that lines at its end were removed: for
that there is the head, which is published with every report. Who can write both files can forge
both; only a head that was published elsewhere shows it.

A batch is one write and one fsync. What a killed writer left without an end of line is set aside
as `ledger.jsonl.torn-N` by the next append; it was never answered, so that nothing is lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import msgspec

from assay.foundation import clock
from assay.foundation.digest import canonical_bytes, digest_bytes
from assay.foundation.errors import CorruptError, StoreError
from assay.foundation.files import exclusive, store_error, sync_folder, write_atomic, writing

FIRST = "0" * 64
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_PREFIX = len(b'{"digest":"') + 64 + len(b'",')


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One assessment: the seal and what was answered, test values or the reason why there are none."""

    seal: str
    run: str
    benchmark: str
    recommendation: tuple[str, ...]
    metric: str | None = None
    values: tuple[float, ...] | None = None
    unavailable: str | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of the ledger; `time` is UTC."""

    n: int
    previous: str
    time: str
    entry: Entry
    digest: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the chain: the number of lines and the digest of the last."""

    n: int
    digest: str


class Book:
    """The ledger while it is locked: its verified lines, and the only way to append to them."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ledger.jsonl"
        self._head = folder / "head.json"
        data = _read(self._file)
        self._whole = data.rfind(b"\n") + 1
        self._torn = data[self._whole :]
        self.lines = _verified(self._file, data[: self._whole])
        _check_head(self._head, self.lines)

    @property
    def head(self) -> Head:
        """The end of the chain as it stands."""
        return Head(n=len(self.lines), digest=self.lines[-1].digest if self.lines else FIRST)

    def append(self, entries: Sequence[Entry]) -> None:
        """Append a batch durably: one write, one fsync. Raises `StoreError` when the disk refuses."""
        if not entries:
            return
        moment = clock.now()
        head = self.head
        if head.n == 0:
            # Before the first line: a ledger with lines and no head has lost it.
            write_atomic(self._head, msgspec.json.encode(head))
        lines, texts = [], []
        for entry in entries:
            line, text = _line(head, moment, entry)
            lines.append(line)
            texts.append(text)
            head = Head(n=line.n, digest=line.digest)
        batch = b"".join(texts)
        with writing(self._file):
            self._set_torn_aside()
            _write_end(self._file, batch, self._whole)
        self._whole += len(batch)
        self.lines += lines
        write_atomic(self._head, msgspec.json.encode(head))

    def _set_torn_aside(self) -> None:
        if not self._torn:
            return
        number = 1
        while (aside := self._file.with_name(f"{self._file.name}.torn-{number}")).exists():
            number += 1
        write_atomic(aside, self._torn)
        os.truncate(self._file, self._whole)
        self._torn = b""


class Ledger:
    """The ledger of a store, safe for any number of processes."""

    def __init__(self, store: Path) -> None:
        self.folder = store / "ledger"

    @contextlib.contextmanager
    def locked(self) -> Iterator[Book]:
        """Hold the ledger alone, verified; raises `CorruptError` where it is not what was written."""
        with exclusive(self.folder / "lock"):
            yield Book(self.folder)

    def check(self) -> Head:
        """Verify the whole chain and return its end; `CorruptError` names the first bad line."""
        return self._snapshot().head

    def entries(self) -> list[Entry]:
        """Return every assessment, the oldest first."""
        return [line.entry for line in self._snapshot().lines]

    def mileage(self, benchmark: str, runs: Container[str] | None = None) -> int:
        """Return how many test values of a benchmark were told, in all or for these runs."""
        return sum(
            len(entry.values or ())
            for entry in self.entries()
            if entry.benchmark == benchmark and (runs is None or entry.run in runs)
        )

    def _snapshot(self) -> Book:
        if not self.folder.exists() or not os.access(self.folder, os.W_OK):
            return Book(self.folder)  # nobody here can append: there is nothing to be locked out of
        with self.locked() as book:
            return book


def _line(head: Head, moment: str, entry: Entry) -> tuple[Line, bytes]:
    body = canonical_bytes({"n": head.n + 1, "previous": head.digest, "time": moment, "entry": entry})
    digest = digest_bytes(body)
    line = Line(n=head.n + 1, previous=head.digest, time=moment, entry=entry, digest=digest)
    # "digest" sorts before the other members, so that the line too is canonical.
    return line, b'{"digest":"' + digest.encode() + b'",' + body[1:] + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(
            "cannot read the ledger", where=str(path), why=error.strerror or str(error)
        ) from error


def _verified(path: Path, data: bytes) -> list[Line]:
    """Return the lines of the chain; raises `CorruptError` at the first that breaks it."""
    decoder = msgspec.json.Decoder(Line)
    lines: list[Line] = []
    previous = FIRST
    for number, text in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            line = decoder.decode(text)
        except _UNREADABLE as error:
            raise _broken(path, number, f"it was altered: {error}") from None
        if line.digest != digest_bytes(b"{" + text[_PREFIX:]) or text[11:75] != line.digest.encode():
            raise _broken(path, number, "it was altered: its digest does not match")
        if line.n != number or line.previous != previous:
            raise _broken(
                path,
                number,
                f"it says that it is line {line.n} after {line.previous[:12]}, where line {number} after "
                f"{previous[:12]} is due: a line was removed, moved or put in",
            )
        lines.append(line)
        previous = line.digest
    return lines


def _check_head(path: Path, lines: list[Line]) -> None:
    """Compare with the head, which lags behind or is absent after a kill, but never runs ahead."""
    data = _read(path)
    if not data and not path.exists():
        return
    try:
        head = msgspec.json.decode(data, type=Head)
    except _UNREADABLE as error:
        raise CorruptError("the head of the ledger is damaged", where=str(path), why=str(error)) from None
    if head.n > len(lines):
        raise CorruptError(
            "lines at the end of the ledger were removed",
            where=f"{path.with_name('ledger.jsonl')}, line {len(lines) + 1}",
            why=f"the head names {head.n:,} lines, {len(lines):,} are there",
        )
    if head.n > 0 and lines[head.n - 1].digest != head.digest:
        raise _broken(path.with_name("ledger.jsonl"), head.n, "its digest is not the one that the head names")


def _broken(path: Path, number: int, why: str) -> CorruptError:
    return CorruptError(
        f"line {number} of the ledger is not what was written",
        where=f"{path}, line {number}",
        why=why,
        hint="keep the file as evidence and restore the ledger from a copy",
    )


def _write_end(path: Path, data: bytes, offset: int) -> None:
    """Write at the end in one call and sync; take back what a full disk cut short."""
    new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        try:
            short = os.write(handle, data) != len(data)
        except OSError:
            os.ftruncate(handle, offset)
            raise
        if short:
            os.ftruncate(handle, offset)
            raise store_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        os.fsync(handle)
    finally:
        os.close(handle)
    if new:
        sync_folder(path.parent)
