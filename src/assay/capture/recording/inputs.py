"""Brings the data of a recorded command back: from the store, or from where it was if it is the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from assay.capture.contents import Contents
from assay.capture.recording.places import Places, split
from assay.capture.trees import entries, measure_tree, real_name, tree_difference, written_name
from assay.foundation.digest import short
from assay.foundation.errors import AssayError, IntegrityError
from assay.provenance.commands import CommandProvenance, DataFile
from assay.records.objects import Objects

Target = Callable[[str], Path | None]
_SHOWN = 10
_DEEPEST, _MOST_SEEN = 3, 20_000


class DataRestored(msgspec.Struct, frozen=True, kw_only=True):
    """What of the data is missing or another one, and what else is to be told."""

    missing: tuple[str, ...]
    notes: tuple[str, ...]


def restore_data(
    objects: Objects,
    found: CommandProvenance,
    target: Target,
    outputs: Sequence[str],
    contents: Contents,
    *,
    link: bool,
) -> DataRestored:
    """Put the data of a command where `target` says; what the run writes is copied and never linked."""
    work = _Data(objects, Places(Path(real_name(found.root)), found.outside), target, contents)
    written = [path for path in outputs if not path.startswith("/")]
    work.through_links([data.path for data in found.data], outputs)
    for data in sorted(found.data, key=lambda one: (not one.folder, one.path)):
        if data.path.startswith("/"):
            work.stays(data)
        else:
            work.bring(data, link=link and not _meets(data.path, written))
    for path in written:
        place = target(path)
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
    elsewhere = sorted({str(Path(path).parent) for path in outputs if path.startswith("/")})
    notes = [f"it wrote to {folder}, and a repeat would write there again" for folder in elsewhere[:_SHOWN]]
    return DataRestored(missing=tuple(work.missing), notes=tuple(notes))


class _Data:
    def __init__(self, objects: Objects, places: Places, target: Target, contents: Contents) -> None:
        self.missing: list[str] = []
        self._objects = objects
        self._places = places
        self._target = target
        self._contents = contents

    def through_links(self, data: Sequence[str], outputs: Sequence[str]) -> None:
        """Make the links again by which the run came from its root to data; a record has real paths only.

        A link by which it came to its outputs becomes a folder, so that a repeat writes beside the tree.
        """
        read = [str(self._places.real(path)) for path in data]
        wrote = [str(self._places.real(path).parent) for path in outputs]
        for link in _links(self._places.root):
            leads = os.path.realpath(link)
            place = self._target(self._places.data(link))
            if place is None or os.path.lexists(place):
                continue
            below = [path for path in wrote if _is_below(path, leads)]
            for path in below:
                (place / os.path.relpath(path, leads)).mkdir(parents=True, exist_ok=True)
            if not below and any(_is_below(path, leads) for path in read):
                inside = self._target(self._places.data(leads))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(inside or leads)

    def stays(self, data: DataFile) -> None:
        """Check data that a run finds by an absolute path, where it is."""
        self._same(data, self._places.real(data.path))

    def bring(self, data: DataFile, *, link: bool) -> None:
        """Put one file or folder in its place."""
        place = self._target(data.path)
        if place is None:
            return
        original = self._places.real(data.path)
        if data.folder and place.is_dir() and not place.is_symlink():
            self._fill(data, place, original, link=link)
            return
        if place.is_file() and self._digest(place, folder=False) == data.digest:
            return
        if place.is_symlink() or place.is_file():
            place.unlink()  # what the commit holds there is not what the run read
        place.parent.mkdir(parents=True, exist_ok=True)
        if data.content is not None and not data.folder:
            place.write_bytes(self._objects.get(data.content))
        elif self._same(data, original):
            _bring(original, place, link=link)

    def _fill(self, data: DataFile, place: Path, original: Path, *, link: bool) -> None:
        """Complete a folder of which a part came with the commit."""
        if self._digest(place, folder=True) == data.digest or not self._same(data, original):
            return
        waiting = [(data.digest, Path())]
        while waiting:
            digest, inner = waiting.pop()
            here = place / inner
            if here.is_symlink():
                raise IntegrityError("a folder of data is a link", where=written_name(str(here)))
            here.mkdir(exist_ok=True)
            for entry in entries(self._objects, digest):
                relative = inner / real_name(entry.name)
                if entry.kind == "folder":
                    waiting.append((entry.content, relative))
                elif not os.path.lexists(place / relative):
                    _bring(original / relative, place / relative, link=link)

    def _same(self, data: DataFile, original: Path) -> bool:
        """Say whether data is still where it was; what is missing or another one is told."""
        now = self._digest(original, folder=data.folder)
        if now == data.digest:
            return True
        if now is None:
            self.missing.append(f"{data.path}: it is gone (recorded {short(data.digest)})")
        else:
            where = self._differing(data, original) if data.folder else ""
            self.missing.append(f"{data.path}: recorded {short(data.digest)}, now {short(now)}{where}")
        return False

    def _differing(self, data: DataFile, original: Path) -> str:
        """Return which files of a folder differ, or nothing where that cannot be said."""
        try:
            now = measure_tree(original, self._contents)
            found = tree_difference(self._objects, data.digest, now.tree.digest, other=now)
        except AssayError:
            return ""
        named = ", ".join(f"{one.kind} {one.path}" for one in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        return f": {named}{more}"

    def _digest(self, path: Path, *, folder: bool) -> str | None:
        try:
            if folder:
                return measure_tree(path, self._contents).tree.digest
            return self._contents.digest(path)
        except (AssayError, OSError):
            return None


def _links(root: Path) -> Iterator[str]:
    """Yield the links near the top of a folder; those deep in it, or in a very large one, are not found."""
    waiting, seen = [(str(root), 0)], 0
    while waiting and seen < _MOST_SEEN:
        folder, depth = waiting.pop(0)
        try:
            with os.scandir(folder) as listed:
                found = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            continue
        seen += len(found)
        for entry in found:
            if entry.is_symlink():
                yield entry.path
            elif depth < _DEEPEST and entry.name != ".git" and entry.is_dir():
                waiting.append((entry.path, depth + 1))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _meets(path: str, outputs: Sequence[str]) -> bool:
    """Say whether a run wrote to its data, or into a folder of it."""
    split(path)
    return any(output == path or output.startswith(f"{path}/") for output in outputs)


def _bring(original: Path, place: Path, *, link: bool) -> None:
    if link:
        place.symlink_to(os.path.realpath(original))
    elif original.is_dir():
        shutil.copytree(original, place, symlinks=True)
    else:
        shutil.copyfile(original, place)
