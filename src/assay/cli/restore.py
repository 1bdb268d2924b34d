"""The body of `assay restore`."""

from __future__ import annotations

from pathlib import Path

from assay.capture.recording.restore import Restored, restore
from assay.cli.output import give, give_json, say, visible
from assay.foundation.errors import UsageError
from assay.foundation.places import store_folder
from assay.records.commands import find_command, provenance_of_command
from assay.records.store import Store
from assay.verification.commands.intact import check_folders


def restore_run(run: str, folder: Path, store_path: Path | None, *, json: bool) -> int:
    """Make the files of a recorded run again in a new folder; 1 where some of them are missing."""
    store = Store(store_path or store_folder(), create=False)
    record = find_command(store, run)
    if record is None:
        raise UsageError(
            f"no recorded command is called '{run}'", where=str(store.folder), hint="assay ls lists them"
        )
    check_folders(provenance_of_command(store, record))
    found = restore(store, record, folder)
    give_json(_plain(found)) if json else _show(record.id, found)
    return 1 if found.missing else 0


def _show(name: str, found: Restored) -> None:
    give(f"restored {name} in {visible(str(found.folder))}")
    give(f"  start it: sh {visible(str(found.folder / 'run.sh'))}")
    for text in found.missing:
        give(f"  missing: {visible(text)}")
    for text in found.notes:
        say(f"  {visible(text)}")


def _plain(found: Restored) -> dict[str, object]:
    return {
        "folder": visible(str(found.folder)),
        "tree": visible(str(found.tree)),
        "working": visible(str(found.working)),
        "argv": [visible(argument) for argument in found.argv],
        "variables": found.variables,
        "missing": found.missing,
        "notes": found.notes,
    }
