"""Keeps the user's own files as they are while a run is repeated.

A repeat runs in a copy, but a program may name its files by absolute paths: it would write over the results
that its record is about. What the record says was written is therefore kept before each repeat, where
the program can reach it, and put back after it; what the repeat wrote there counts as its output.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assay.capture.recording.places import Places
from assay.capture.trees import real_name
from assay.foundation.digest import digest_file
from assay.foundation.errors import UsageError
from assay.provenance.commands import CommandProvenance, Output
from assay.records.objects import Objects

_LARGEST = 4 * 2**20  # bytes of a file of code that is searched for the path
_COPIED = 16 * 2**20  # bytes of a file of data that is copied for each repeat, and not linked
_SMALL = 256 * 2**20  # bytes of all outputs that are kept whether or not a path leads to them

# Time of the last change, size and number of a file; None where it is not there.
State = tuple[int, int, int] | None


class Originals:
    """The files of one record that a repeat can reach, by the paths that the record writes."""

    def __init__(self, paths: Mapping[str, Path], kept: Path) -> None:
        self._paths = dict(paths)
        self._kept = kept
        self.digests: dict[str, str] = {}
        self.met: dict[str, None] = {}
        self.changed: dict[str, None] = {}
        self._links: dict[Path, State] = {}

    def own_links(self, folder: Path) -> None:
        """Replace links to small files outside of a restored run by copies, and watch what stays linked.

        What a program reads first and changes then, such as a table of its runs, is data to its record.
        """
        room = _SMALL
        for link in sorted(path for path in folder.rglob("*") if path.is_symlink()):
            target = Path(os.path.realpath(link))
            if target.is_relative_to(os.path.realpath(folder)) or not target.exists():
                continue
            size = target.stat().st_size if target.is_file() else _COPIED + 1
            if size > min(_COPIED, room):
                self._links[target] = _state(target)
                continue
            room -= size
            _put_back(link, target, there=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the files, let a repeat run, note in `digests` what it wrote, and put the files back.

        Raises `UsageError` where a file cannot be kept, before anything runs.
        """
        self.digests = {}
        self._kept.mkdir(parents=True, exist_ok=True)
        before = {written: _state(path) for written, path in self._paths.items()}
        for number, (written, path) in enumerate(self._paths.items()):
            if before[written] is not None:
                try:
                    shutil.copy2(path, self._kept / str(number))
                except OSError as error:
                    raise UsageError(
                        "a file that a repeat would write over cannot be kept",
                        where=str(path),
                        why=error.strerror or "",
                    ) from None
        try:
            yield
        finally:
            for number, (written, path) in enumerate(self._paths.items()):
                now = _state(path)
                if now != before[written]:
                    self.met[written] = None
                    if now is not None:
                        self.digests[written] = digest_file(path)
                    _put_back(path, self._kept / str(number), there=before[written] is not None)
            shutil.rmtree(self._kept, ignore_errors=True)
            self.changed |= {str(path): None for path, state in self._links.items() if _state(path) != state}


def reachable(found: CommandProvenance, outputs: Sequence[Output], objects: Objects) -> dict[str, Path]:
    """Return the outputs that a repeat may write where the run wrote them, and their real paths.

    Those with an absolute path in the record. All others too, where they are small, for a variable can hold
    the path, or where the code or a configuration names the root by its absolute path or by the home folder.
    """
    places = Places(Path(real_name(found.root)), found.outside)
    every = sum(output.size for output in outputs) <= _SMALL or _names_root(found, objects)
    return {one.path: places.real(one.path) for one in outputs if one.path.startswith("/") or every}


def _names_root(found: CommandProvenance, objects: Objects) -> bool:
    named = [real_name(found.root), *map(real_name, found.outside)]
    roots = [os.fsencode(one) for one in named if len(one) > 1] + [b"expanduser", b".home()", b"HOME"]
    for file in found.code:
        if file.content is not None and file.size <= _LARGEST:
            data = objects.get(file.content)
            if any(root in data for root in roots):
                return True
    return False


def _state(path: Path) -> State:
    try:
        found = path.stat()
    except OSError:
        return None
    # A device or a pipe has no content to keep, and could be read for ever.
    plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return (found.st_mtime_ns, found.st_size, found.st_ino) if plain else None


def _put_back(path: Path, kept: Path, *, there: bool) -> None:
    """Give a path the file that it had, in one step, or take away what was not there before."""
    if not there:
        path.unlink(missing_ok=True)
        return
    beside = path.with_name(f".{path.name}.assay-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kept, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
