"""The records of commands: one file an attempt, beside the journals of searches.

    commands/ID.json    a record, sealed by renaming it into place; its last key is its own digest
    live/ID/            what a run that is going on has written so far; gone once it is sealed

`run` is the identity: equal code, data, arguments and seeds. `id` is one attempt at it. Attempts with
one identity and unequal results are shown as such and never picked silently.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from assay.foundation.digest import canonical_bytes, digest_bytes, digest_value
from assay.foundation.documents import refuse_newer
from assay.foundation.errors import CorruptError, IntegrityError, UsageError
from assay.foundation.files import write_atomic
from assay.provenance.commands import CommandProvenance, Output
from assay.provenance.components import ComponentDigests, Plain
from assay.records.store import Store

FORMAT = 1
COMPLETED, FAILED, KILLED, ABANDONED = "completed", "failed", "killed", "abandoned"


class CommandResult(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a command did; of equal identity and arithmetic the same, if the program is deterministic.

    `status` is 'completed', 'failed' (an exit status), 'killed' (a signal) or 'abandoned' (the recorder
    died). `final` holds the last fingerprint of each kind in the trace, such as 'weights', by process and
    kind; `metrics` the last value of each logged name.
    """

    status: str
    exit_status: int | None
    signal: int | None
    outputs: tuple[Output, ...] = ()
    final: dict[str, str] = {}
    metrics: dict[str, Plain] = {}

    def digest(self) -> str:
        """Return the digest of the result."""
        return digest_value(["assay-command-result-v1", self])


class CommandCircumstances(msgspec.Struct, frozen=True, kw_only=True):
    """How a command went; in no digest of results. Times in seconds, moments in UTC, memory in bytes."""

    started: str
    ended: str
    wall_seconds: float
    host: str
    user_seconds: float | None = None
    system_seconds: float | None = None
    peak_memory: int | None = None
    tracing_seconds: float | None = None
    steps: int = 0
    arithmetic: str = ""
    environment: str = ""
    stdout: str | None = None
    stderr: str | None = None


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed evidence of one attempt at a command.

    `provenance`, `trace`, `tensors`, `operators` and `logged` are objects of the store: the first a
    `CommandProvenance`, the others tables of `records.trace`.
    """

    id: str
    run: str
    name: str
    components: ComponentDigests
    result: CommandResult
    result_digest: str
    provenance: str
    circumstances: CommandCircumstances
    trace: str | None = None
    tensors: str | None = None
    operators: str | None = None
    logged: str | None = None
    format: int = FORMAT


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    # As written: the digest is of these bytes, so that a field that is added later changes no old one.
    record: msgspec.Raw
    digest: str


class _Version(msgspec.Struct, frozen=True):
    format: int = FORMAT


class _Versioned(msgspec.Struct, frozen=True):
    record: _Version


def put_command(store: Store, record: CommandRecord) -> Path:
    """Seal a record: durable, whole or not at all."""
    path = store.folder / "commands" / f"{record.id}.json"
    content = canonical_bytes(record)
    sealed = _Sealed(record=msgspec.Raw(content), digest=digest_bytes(content))
    write_atomic(path, msgspec.json.encode(sealed))
    return path


def read_command(path: Path) -> CommandRecord:
    """Return the record in a file, checked; raises `CorruptError` or `VersionError`."""
    data = path.read_bytes()
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
        record = msgspec.json.decode(sealed.record, type=CommandRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        refuse_newer(_format_of(data), FORMAT, "a record", path)
        raise CorruptError("a record cannot be read", where=str(path), why=str(error)) from None
    refuse_newer(record.format, FORMAT, "a record", path)
    if digest_bytes(bytes(sealed.record)) != sealed.digest:
        raise CorruptError("a record was changed after it was written", where=str(path))
    if record.id != path.stem:
        raise CorruptError(
            "a record lies in the file of another one",
            where=str(path),
            why=f"it is the record of {record.id}",
        )
    return record


def command_records(
    store: Store, on_damage: Callable[[IntegrityError], None] | None = None
) -> list[CommandRecord]:
    """Return the records of all commands, oldest first.

    What was changed raises an `IntegrityError`; with `on_damage`, that is told instead, and the other
    records are read all the same.
    """
    folder = store.folder / "commands"
    found = []
    for path in sorted(folder.glob("*.json")) if folder.exists() else ():
        try:
            found.append(read_command(path))
        except IntegrityError as error:
            if on_damage is None:
                raise
            on_damage(error)
    return sorted(found, key=lambda record: (record.circumstances.started, record.id))


def find_command(store: Store, text: str) -> CommandRecord | None:
    """Return the attempt whose id starts with `text`, else the latest of a run or a name; None without one.

    Raises `UsageError` where several ids or runs start with `text`.
    """
    records = command_records(store)
    by_id = [record for record in records if record.id.startswith(text.lower())]
    if len(by_id) == 1:
        return by_id[0]
    by_run = [record for record in records if record.run.startswith(text.lower())]
    named = [record for record in records if record.name == text]
    if named:
        return named[-1]
    if len(by_id) > 1 or len({record.run for record in by_run}) > 1:
        raise UsageError(
            f"several runs start with '{text}'", where=str(store.folder), hint="give more digits"
        )
    return by_run[-1] if by_run else None


def provenance_of_command(store: Store, record: CommandRecord) -> CommandProvenance:
    """Return how a recorded command came to be."""
    return store.objects.get_value(record.provenance, CommandProvenance)


def _format_of(data: bytes) -> int:
    """Return the format that a record says it has; what this Assay cannot decode may be newer."""
    try:
        return msgspec.json.decode(data, type=_Versioned).record.format
    except (msgspec.DecodeError, UnicodeDecodeError):
        return FORMAT
