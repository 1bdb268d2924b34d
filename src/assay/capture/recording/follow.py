"""Follows a run from a thread of its own: loads what sealing takes, and copies code as it is named."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from assay.capture.recording.facts import Facts, valid, write_facts

if TYPE_CHECKING:
    from assay.capture.recording.machine import Machine
    from assay.capture.recording.scrubbing import CleanObjects, Scrubber
    from assay.capture.recording.sources import Sources
    from assay.records.store import Store

_LOOK = 0.25  # seconds between two looks at the rows


class Found(NamedTuple):
    """What was found out about a run so far, and what takes its secrets out."""

    store: Store
    facts: Facts
    sources: Sources
    machine: Machine
    scrubber: Scrubber
    objects: CleanObjects
    missed: tuple[str, ...]


def prepare(
    store: Store | Path,
    facts: Facts,
    *,
    argv: Sequence[str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Found:
    """Find out what surrounds a command, and copy the code that its arguments and repository name.

    Without `argv` and `variables`, which hold its secrets, a run that ended long ago is looked at.
    """
    from assay.capture.recording.gather import script_of
    from assay.capture.recording.machine import Machine, allowed_variables, machine
    from assay.capture.recording.places import Places, root_of
    from assay.capture.recording.scrubbing import CleanObjects, Scrubber
    from assay.capture.recording.sources import Sources
    from assay.records.store import Store

    store = Store(store) if isinstance(store, Path) else store
    given = facts.argv if argv is None else argv
    scrubber = Scrubber() if argv is None else Scrubber.of(variables or {}, argv)
    objects = CleanObjects(store.objects.folder, scrubber)
    folder = Path(facts.folder)
    places = Places(root_of(script_of(given, folder), folder))
    places.folder(folder)
    if variables is not None:
        facts = _with_variables(facts, allowed_variables(variables))
    return Found(
        store=store,
        facts=facts,
        sources=Sources(objects, places, folder, given, apart=[store.folder]),
        machine=Machine() if variables is None else machine(variables),
        scrubber=scrubber,
        objects=objects,
        missed=(),
    )


class Follower:
    """Follows one run. Whatever goes wrong in it is said in the record and stops nothing."""

    def __init__(
        self,
        store: Store | Path,
        facts: Facts,
        live: Path,
        *,
        argv: Sequence[str],
        variables: Mapping[str, str],
    ) -> None:
        self._store = store
        self._facts = facts
        self._live = live
        self._argv = argv
        self._variables = variables
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._found: Found | None = None
        self._missed: list[str] = []

    def start(self) -> None:
        """Begin to follow; called again, do nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="assay-follower", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End following, once what was begun is done."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def found(self) -> Found:
        """Return what was found out; finds out now what the thread could not."""
        found = self._found or prepare(self._store, self._facts, argv=self._argv, variables=self._variables)
        return found._replace(missed=tuple(self._missed))

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001  a recorder that fails must not touch the program
            self._missed.append(
                f"code as it was when it was loaded, from then on: {type(error).__name__}: {error}"
            )

    def _follow(self) -> None:
        from assay.capture.recording.rows import Tail

        found = prepare(self._store, self._facts, argv=self._argv, variables=self._variables)
        write_facts(self._live, found.facts)
        found.sources.keep_arguments()
        self._found = found
        found.sources.keep_repository()
        tail = Tail(self._live)
        while True:
            over = self._over.is_set()
            rows = [row for _, row in tail.new()]
            found.sources.keep_code([row for row in rows if row.get("k") in ("code", "cell")])
            if not over and any(row.get("k") in ("row", "log") for row in rows):
                import pyarrow.parquet  # noqa: F401  the trace will need it, and its import takes long
            if over:
                return
            self._over.wait(_LOOK)


def _with_variables(facts: Facts, variables: dict[str, str]) -> Facts:
    import msgspec

    told = {valid(name): valid(value) for name, value in variables.items()}
    return msgspec.structs.replace(facts, variables=told)
