"""Whether a record and its parts belong together and are what was written, before anything is judged by it.

The file of a record holds its own digest, so that a changed byte is refused when it is read. Whoever
changes a record and digests it anew is caught here where its parts contradict each other, and else by a
repeat. A forger who changes all parts alike, and what the program does with them, makes another record.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from assay.capture.recording.identity import components_of
from assay.capture.recording.places import Places
from assay.capture.trees import real_name
from assay.foundation.errors import CorruptError, IntegrityError
from assay.provenance.commands import CommandProvenance
from assay.records.commands import CommandRecord, provenance_of_command
from assay.records.store import Store
from assay.records.trace import Trace, load_trace

# Folders that hold a system and not data; of the last three, nothing below them is data either.
_SYSTEM = frozenset(
    (
        *("/", "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/run", "/sbin", "/usr", "/var"),
        *("/Library", "/System", "/Users", "/Volumes", "/private", "/private/var"),
    )
)
_UNREAL = ("/dev", "/proc", "/sys")


def check_intact(store: Store, record: CommandRecord) -> None:
    """Refuse a record whose parts are missing, were changed, or are those of another one.

    Raises `IntegrityError`, and `CorruptError` for what does not match its digest.
    """
    found = provenance_of_command(store, record)
    wrong = next(_contradictions(record, found), None)
    if wrong is not None:
        raise CorruptError("a record was changed after it was written", where=record.id, why=wrong)
    trace = load_trace(store, record)
    if trace is not None:
        _check_final(record, trace)
    for what, digest in _objects(record, found):
        try:
            store.objects.get(digest)
        except IntegrityError as error:
            raise error.at(f"{what} of run {record.id}") from None


def check_folders(found: CommandProvenance) -> None:
    """Refuse a record by which a whole system would be read: a folder of data such as `/` or `/usr`.

    To restore or repeat a run, each of its folders of data is read and compared. Raises `IntegrityError`.
    """
    places = Places(Path(real_name(found.root)), found.outside)
    for data in found.data:
        if data.folder:
            path = os.path.realpath(places.real(data.path))
            unreal = any(path == one or path.startswith(f"{one}/") for one in _UNREAL)
            if unreal or path in _SYSTEM or Path(path) in Path.home().parents:
                raise IntegrityError(
                    "a record names a folder of the system as its data",
                    where=data.path,
                    why=f"all of {path} would be read to compare it",
                    hint="trust no such record; name the folders of the data themselves by --data",
                )


def _contradictions(record: CommandRecord, found: CommandProvenance) -> Iterator[str]:
    if record.result.digest() != record.result_digest:
        yield "the digest of its result does not match its content"
    if record.components.run_id() != record.run:
        yield "its identity is not that of its code, data, arguments and seeds"
    # The whole command line is in the identity by a digest only, for a secret may stand in it.
    made = components_of(argv=found.argv, arguments="", code=found.code, data=found.data, hash_seed=None)
    if made.code != record.components.code:
        yield "the code it lists is not the code it was identified by"
    if made.data != record.components.data:
        yield "the data it lists is not the data it was identified by"


def _check_final(record: CommandRecord, trace: Trace) -> None:
    """Refuse last fingerprints that no moment of the trace has."""
    for name, digest in record.result.final.items():
        field = name.rpartition(".")[2]
        if not any(row.get(field) == digest for row in trace.steps):
            raise CorruptError(
                "a record was changed after it was written",
                where=record.id,
                why=f"its trace never had the {field} that it says it ended with",
            )


def _objects(record: CommandRecord, found: CommandProvenance) -> Iterator[tuple[str, str]]:
    """Yield what else a record keeps as objects; provenance and trace have been read by now."""
    for file in found.code:
        if file.content is not None:
            yield file.path, file.content
    for data in found.data:
        if data.content is not None:
            yield data.path, data.content
    if record.logged is not None:
        yield "the logged values", record.logged
    for what in ("stdout", "stderr"):
        digest = getattr(record.circumstances, what)
        if digest is not None:
            yield f"the {what}", digest
