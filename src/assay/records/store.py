"""The store: a folder of journals, objects, studies and a ledger.

    format.json    what this folder is
    journals/      one file a writer: NAME.open, then NAME.sealed
    objects/       content-addressed blobs
    ledger/        the hash-chained list of assessments
    studies/NAME/  what was planned under a study's name, and what verification found

Nothing that two processes write is shared. Equal results of one run are one run with n attempts;
unequal ones are a conflict, shown and never picked silently.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from assay.foundation.digest import canonical_bytes, digest_value, short
from assay.foundation.documents import Format, refuse_newer
from assay.foundation.errors import CorruptError, IntegrityError, StoreError, UsageError
from assay.foundation.files import write_atomic
from assay.records import journal
from assay.records.objects import Objects
from assay.records.record import COMPLETED, FORMAT, Record

VERSION = 1
_DECODER = msgspec.msgpack.Decoder(Record)
_FORMAT_DECODER = msgspec.msgpack.Decoder(Format)
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


class StoreFormat(msgspec.Struct, frozen=True):
    """What `format.json` says."""

    format: str
    version: int


class Run(msgspec.Struct, frozen=True):
    """All attempts at one run. `record` is the first completed one, or the first failed one.

    `conflict` holds the result digests where completed attempts disagree, `arithmetics` in which
    the completed ones were made.
    """

    record: Record
    attempts: int
    conflict: tuple[str, ...] = ()
    arithmetics: tuple[str, ...] = ()

    @property
    def completed(self) -> bool:
        """Whether some attempt completed."""
        return self.record.result.status == COMPLETED

    @property
    def stands(self) -> bool:
        """Whether the run has one result: some attempt completed, and none disagrees."""
        return self.completed and not self.conflict


class Store:
    """A folder of evidence. Opening it with `create` seals what dead writers left open."""

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self.folder = folder
        self.journals = folder / "journals"
        self.ledger = folder / "ledger"
        self.objects = Objects(folder / "objects")
        self._open(create=create)

    def _open(self, *, create: bool) -> None:
        marker = self.folder / "format.json"
        if not marker.exists():
            if not create:
                raise StoreError(
                    "there is no store here",
                    where=str(self.folder),
                    hint="run a study or record a command, or name the store by --store or ASSAY_STORE",
                )
            write_atomic(marker, canonical_bytes(StoreFormat("assay-store", VERSION)))
        try:
            found = msgspec.json.decode(marker.read_bytes(), type=StoreFormat)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptError(
                "the marker of a store was changed", where=str(marker), why=str(error)
            ) from None
        if found.format != "assay-store":
            raise StoreError("not a store of Assay", where=str(marker), why=f"it says '{found.format}'")
        refuse_newer(found.version, VERSION, "a store", marker)
        if create and self.journals.exists():
            journal.adopt(self.journals)

    def study_folder(self, name: str) -> Path:
        """Return the folder kept under a study's name."""
        safe = _SAFE.sub("-", name).strip(".-")[:80]
        # Two names must not meet in one folder because they look alike once they are safe.
        return (
            self.folder
            / "studies"
            / (safe if safe == name else f"{safe or 'study'}-{short(digest_value(name))}")
        )

    def damaged(self) -> list[Path]:
        """Return the files in which adoption set damaged journals aside."""
        return sorted(self.journals.glob("*.torn")) if self.journals.exists() else []

    def records(self, on_damage: Callable[[IntegrityError], None] | None = None) -> Iterator[Record]:
        """Yield every record, journal by journal.

        What was changed raises an `IntegrityError` that names the place; with `on_damage`, that is
        told instead, and the other journals are read all the same.
        """
        if not self.journals.exists():
            return
        # One listing: between two, a journal could be sealed and seen in neither.
        for path in sorted(path for path in self.journals.iterdir() if path.suffix in (".sealed", ".open")):
            try:
                yield from _read(path)
            except IntegrityError as error:
                if on_damage is None:
                    raise
                on_damage(error)

    def runs(self, on_damage: Callable[[IntegrityError], None] | None = None) -> dict[str, Run]:
        """Return every run by its id, attempts merged; `on_damage` as in `records`."""
        attempts: dict[str, list[Record]] = {}
        for record in self.records(on_damage):
            attempts.setdefault(record.run, []).append(record)
        return {run: merge(records) for run, records in attempts.items()}

    def find(self, prefix: str) -> Run:
        """Return the run whose id starts with `prefix`."""
        matching = {run: merged for run, merged in self.runs().items() if run.startswith(prefix.lower())}
        if not matching:
            raise UsageError(
                f"no run starts with '{prefix}'", where=str(self.folder), hint="assay ls lists the runs"
            )
        if len(matching) > 1:
            raise UsageError(
                f"{len(matching)} runs start with '{prefix}'",
                where=str(self.folder),
                hint="give more digits",
            )
        return next(iter(matching.values()))


def _read(path: Path) -> Iterator[Record]:
    try:
        payloads = list(journal.read(path))
    except FileNotFoundError:
        # Sealed and renamed while we looked: its records are under the other name. An empty one is
        # removed instead.
        sealed = path.with_suffix(".sealed")
        payloads = list(journal.read(sealed)) if sealed.exists() else []
    for payload in payloads:
        try:
            record = _DECODER.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # A newer record may have what this Assay cannot decode: its version says so.
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                refuse_newer(_FORMAT_DECODER.decode(payload).format, FORMAT, "a record", path)
            raise CorruptError("a record cannot be read", where=str(path), why=str(error)) from None
        refuse_newer(record.format, FORMAT, "a record", path)
        yield record


def merge(records: list[Record]) -> Run:
    """Merge the attempts at one run; the order of `records` changes nothing."""
    completed = [record for record in records if record.result.status == COMPLETED]
    standing = min(completed or records, key=_precedence)
    digests = tuple(sorted({record.result_digest for record in completed}))
    made = tuple(sorted({record.circumstances.arithmetic for record in completed}))
    return Run(standing, len(records), digests if len(digests) > 1 else (), made)


def check(record: Record) -> None:
    """Refuse a record whose result is not what its digest says."""
    if record.result.digest() != record.result_digest:
        raise IntegrityError(
            "a record was changed after it was written",
            where=f"run {record.run[:12]}, {record.strategy} on {record.benchmark}",
            why="the digest of its result does not match its content",
        )


def _precedence(record: Record) -> tuple[str, str]:
    return record.circumstances.ended, record.circumstances.writer
