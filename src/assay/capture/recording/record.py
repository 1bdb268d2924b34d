"""Records a command: starts it, follows it while it runs, and seals what it left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.capture.recording.facts import facts_of, write_facts
from assay.capture.recording.follow import Follower
from assay.capture.recording.launch import Ended, Launch, launch
from assay.capture.recording.live import LiveFolder, any_dead
from assay.foundation.errors import AssayError, StoreError

if TYPE_CHECKING:
    from assay.records.commands import CommandRecord
    from assay.records.store import Store


class NotSealedError(StoreError):
    """The command ran, and its record could not be sealed: what it left stays and is sealed later."""

    ended: Ended


def record_command(
    store: Store | Path,
    what: Launch,
    *,
    name: str = "",
    data: Sequence[Path] = (),
    outputs: Sequence[Path] = (),
    cache: Path,
    force_hash: bool = False,
) -> tuple[CommandRecord, Ended]:
    """Run a command and record it; `data` and `outputs` are relative to its folder.

    A store that is given by its folder is opened while the command runs already: that takes longer than
    to start it.
    Raises `UsageError` where it cannot be started, and `NotSealedError`, which holds how it ended, where
    the record could not be written.
    """
    live = LiveFolder.make(store if isinstance(store, Path) else store.folder)
    facts = facts_of(what, name=name, data=data, outputs=outputs)
    write_facts(live.folder, facts)
    follower = Follower(store, facts, live.folder, argv=what.argv, variables=what.variables)
    try:
        ended = launch(what, live.folder, follower.start)
    except AssayError:
        follower.stop()
        live.remove()
        raise
    except BaseException:  # an interrupt: what there is can be sealed later
        follower.stop()
        live.release()
        raise
    try:
        record = _seal(live, follower, ended, cache, force_hash=force_hash)
    except BaseException as error:
        live.release()
        if isinstance(error, AssayError | OSError):
            raise _not_sealed(live.folder, error, ended) from error
        raise
    live.remove()
    return record, ended


def _seal(
    live: LiveFolder, follower: Follower, ended: Ended, cache: Path, *, force_hash: bool
) -> CommandRecord:
    follower.stop()
    from assay.capture.recording.rows import read_rows
    from assay.capture.recording.seal import keep_end, seal

    found = follower.found()
    rows = read_rows(live.folder)
    return seal(
        found.store,
        live.folder,
        found,
        keep_end(live.folder, ended, found.scrubber, rows),
        cache,
        rows,
        force_hash=force_hash,
    )


def _not_sealed(live: Path, error: AssayError | OSError, ended: Ended) -> NotSealedError:
    why = error.one_line() if isinstance(error, AssayError) else error.strerror or str(error)
    refusal = NotSealedError(
        "the command ran, and its record could not be written yet",
        where=str(live),
        why=why,
        hint="nothing is lost: mend that, and `assay ls` seals the record",
    )
    refusal.ended = ended
    return refusal


def recover(store: Store, cache: Path) -> list[CommandRecord]:
    """Seal what dead recorders left in the store, and return those records."""
    if not any_dead(store.folder):
        return []
    from assay.capture.recording.seal import seal_dead

    return seal_dead(store, cache)
