"""Makes changes in a fresh copy of a restored run, and in nothing outside of it.

Before a file is written or taken away, each link on the way to it is replaced by a folder of its own, so
that data that is only linked keeps its bytes. A file is never written in place: it may have other names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from assay.capture.recording.places import OUTSIDE, split
from assay.capture.recording.restore import Restored
from assay.capture.recording.scrubbed import scrub_file
from assay.foundation.digest import digest_bytes, digest_file
from assay.foundation.errors import IntegrityError, UsageError
from assay.foundation.files import writing
from assay.records.store import Store
from assay.verification.commands.change import Change, FileWritten
from assay.verification.commands.configuration import apply_keys, format_of
from assay.verification.commands.hunks import apply_edits, lines_of


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """How a changed run is started: arguments, whole environment, threads and interpreter where they change.

    `first` are the folders of packages that stand first in PYTHONPATH, in `variables` already.
    """

    argv: tuple[str, ...]
    variables: dict[str, str]
    threads: int | None = None
    interpreter: str | None = None
    first: tuple[str, ...] = ()


def apply(
    changes: Sequence[Change], place: Restored, variables: Mapping[str, str], *, store: Store | None
) -> Applied:
    """Make `changes` in the files at `place`, a fresh copy, and return how to start the run.

    `variables` is the environment without the changes. Without a `store` only changes of how the run is
    started can be made. Raises `UsageError` for a change that is not possible or does not fit the files,
    and `IntegrityError` for a path that leads out of the copy.
    """
    lacking = next((change for change in changes if not change.possible), None)
    if lacking is not None:
        raise UsageError("a change cannot be applied", where=lacking.text, why=lacking.why_not)
    interpreter = next((change.interpreter for change in changes if change.interpreter), None)
    unready = next((change for change in changes if change.packages and not change.folders), None)
    if unready is not None and interpreter is None:
        raise UsageError("a package has no folder yet", where=unready.text, hint="prepare the changes first")
    files = _Files(place, store)
    for change in changes:
        for written in change.files:
            files.write(written)
    for name in dict.fromkeys(change.file for change in changes if change.file):
        files.edit(name, [change for change in changes if change.file == name])
    # Another interpreter comes with its own environment, and what was made for A's would not load in it.
    first = () if interpreter else tuple(folder for change in changes for folder in change.folders)
    threads = [change.threads for change in changes if change.threads is not None]
    return Applied(
        argv=_arguments(place.argv, changes),
        variables=_variables(variables, changes, first),
        threads=threads[-1] if threads else None,
        interpreter=interpreter,
        first=first,
    )


def _arguments(argv: Sequence[str], changes: Sequence[Change]) -> tuple[str, ...]:
    edits = [change.arguments for change in changes if change.arguments is not None]
    if any(end > len(argv) for _, end, _ in edits):
        raise UsageError("a change does not fit the arguments", why=f"there are {len(argv)}")
    made: list[str] = []
    place = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        made += [*argv[place:start], *new]
        place = end
    return (*made, *argv[place:])


def _variables(
    variables: Mapping[str, str], changes: Sequence[Change], first: Sequence[str]
) -> dict[str, str]:
    made = dict(variables)
    for change in changes:
        for name, value in change.variables.items():
            made.pop(name, None)
            if value is not None:
                made[name] = value
    if first:
        made["PYTHONPATH"] = os.pathsep.join(
            [*first, *([made["PYTHONPATH"]] if made.get("PYTHONPATH") else [])]
        )
    return made


class _Files:
    """The files of one copy, and where their new contents come from."""

    def __init__(self, place: Restored, store: Store | None) -> None:
        self._place = place
        self._store = store

    def write(self, file: FileWritten) -> None:
        """Put a file in place, or take it away."""
        path = self._own(file.path)
        data = self._objects(file.path).objects.get(file.content) if file.content is not None else None
        with writing(path):
            _clear(path)
            if data is not None:
                _write(path, data)
            elif file.source is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.source, path)
                if digest_file(path) != file.digest:
                    raise UsageError("a file of data was changed since it was compared", where=file.source)

    def edit(self, name: str, changes: Sequence[Change]) -> None:
        """Make the hunks and keys of one file."""
        path = self._own(name)
        if not path.is_file():
            raise UsageError("a file that is to be changed is not there", where=name)
        data = path.read_bytes()
        if not _is_base(name, data, changes[0].was):
            raise UsageError("a file is not what the record holds", where=name)
        text = data.decode("utf-8", "surrogateescape")
        keys = [change.key for change in changes if change.key is not None]
        try:
            if keys:
                text = apply_keys(text, format_of(name) or "", keys)
            text = apply_edits(text, [edit for change in changes for edit in change.lines])
        except (ValueError, KeyError, IndexError) as error:
            raise UsageError("changes do not fit a file", where=name, why=str(error)) from None
        mode = path.stat().st_mode
        with writing(path):
            _clear(path)
            _write(path, text.encode("utf-8", "surrogateescape"))
            path.chmod(mode & 0o777)

    def _objects(self, name: str) -> Store:
        if self._store is None:
            raise UsageError("without a store no file can be put in place", where=name)
        return self._store

    def _own(self, written: str) -> Path:
        """Return where a written path is in the copy, with folders of the copy's own all the way."""
        if written.startswith(("/", "<")):
            raise IntegrityError("a change names a file outside of the copy", where=written)
        number, inner = split(written)
        base = self._place.tree if number is None else self._place.folder / OUTSIDE / str(number)
        path = base / inner
        here = self._place.folder
        if not path.is_relative_to(here) or inner == ".":
            raise IntegrityError("a change names a file outside of the copy", where=written)
        with writing(path):
            for part in path.relative_to(here).parts[:-1]:
                here /= part
                _own_folder(here)
        return path


def _own_folder(path: Path) -> None:
    """Make a link to a folder a folder with links to what is in it; make a folder that is not there."""
    if not path.is_symlink():
        path.mkdir(exist_ok=True)
        return
    target = path.resolve()
    path.unlink()
    path.mkdir()
    for entry in sorted(target.iterdir()) if target.is_dir() else ():
        (path / entry.name).symlink_to(entry)


def _clear(path: Path) -> None:
    """Take away a file, a link or a folder of the copy; what a link leads to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    mode = 0o755 if data.startswith(b"#!") else 0o644
    with open(os.open(path, flags, mode), "wb") as file:
        file.write(data)


def _is_base(name: str, data: bytes, was: str) -> bool:
    """Say whether a file is what was compared, or is that with its secrets still in it."""
    if not was or digest_bytes(data) == was:
        return True
    clean = scrub_file(name, data)
    if clean is None or digest_bytes(clean) != was:
        return False
    count = len(lines_of(clean.decode("utf-8", "surrogateescape")))
    return format_of(name) is None and count == len(lines_of(data.decode("utf-8", "surrogateescape")))
