"""Differences in the data of two commands: by file, as far as the bytes can still be had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from assay.capture.recording.places import Places
from assay.capture.trees import real_name, tree_difference
from assay.foundation.digest import digest_file
from assay.foundation.errors import IntegrityError
from assay.provenance.commands import CommandProvenance, DataFile
from assay.records.objects import Objects
from assay.verification.commands.change import Change, FileWritten, impossible

# Beyond this, the files of a folder are changed together.
_APART = 20


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A file of data on both sides, by digest; None where a side lacks it."""

    path: str
    a: str | None
    b: str | None
    content: str | None = None


def data_changes(objects: Objects, a: CommandProvenance, b: CommandProvenance) -> list[Change]:
    """Return the files of data that differ, many of one folder together, and another order of files."""
    places = Places(Path(real_name(b.root)), b.outside)
    changes = [_changed(pair, objects, places) for pair in _pairs(objects, a, b)]
    folders = Counter(str(PurePosixPath(change.path).parent) for change in changes)
    found: dict[str, list[Change]] = {}
    for change in changes:
        folder = str(PurePosixPath(change.path).parent)
        found.setdefault(folder if folders[folder] > _APART else change.id, []).append(change)
    return [*(_together(folder, some) for folder, some in found.items()), *_order(objects, a, b)]


def _pairs(objects: Objects, a: CommandProvenance, b: CommandProvenance) -> Iterator[_Pair]:
    ours, theirs = ({file.path: file for file in side.data} for side in (a, b))
    for path in dict.fromkeys([*ours, *theirs]):
        one, two = ours.get(path), theirs.get(path)
        if one and two and one.digest == two.digest:
            continue
        if (one or two).folder:  # type: ignore[union-attr]  # one of them is there
            yield from _of_folders(objects, path, one, two)
        else:
            yield _Pair(
                path=path,
                a=one.digest if one else None,
                b=two.digest if two else None,
                content=two.content if two else None,
            )


def _of_folders(objects: Objects, path: str, one: DataFile | None, two: DataFile | None) -> Iterator[_Pair]:
    """Yield the files in which two folders differ; a folder that one side lacks is one difference."""
    if not (one and two and one.folder and two.folder):
        yield _Pair(path=path, a=one.digest if one else None, b=two.digest if two else None)
        return
    try:
        differences = tree_difference(objects, one.digest, two.digest)
    except IntegrityError:
        yield _Pair(path=path, a=one.digest, b=two.digest)
        return
    for found in differences:
        if found.before is not None:
            yield _Pair(path=f"{path}/{found.before}", a=found.a, b=None)
        before = None if found.before is not None else found.a
        yield _Pair(path=f"{path}/{found.path}", a=before, b=found.b)


def _changed(pair: _Pair, objects: Objects, places: Places) -> Change:
    what = "is gone" if pair.b is None else "is new" if pair.a is None else "has other content"
    change = Change(
        id=f"data:{pair.path}",
        kind="data",
        path=pair.path,
        a=pair.a,
        b=pair.b,
        text=f"{pair.path} {what}",
        likelihood=1 if pair.a and pair.b else 4,
    )
    if pair.path.startswith("/"):
        return impossible(change, "it lies outside of what is copied")
    if pair.b is None:
        return msgspec.structs.replace(change, files=(FileWritten(path=pair.path),))
    if pair.content and objects.path(pair.content).exists():
        return msgspec.structs.replace(change, files=(FileWritten(path=pair.path, content=pair.content),))
    source = _source(pair, places)
    if source is None:
        return impossible(change, "its bytes are not in the record, and where it was they are others now")
    return msgspec.structs.replace(
        change, files=(FileWritten(path=pair.path, source=str(source), digest=pair.b),)
    )


def _source(pair: _Pair, places: Places) -> Path | None:
    """Return where B's file still is with its recorded content."""
    try:
        path = places.real(pair.path)
        return path if path.is_file() and digest_file(path) == pair.b else None
    except (IntegrityError, OSError):
        return None


def _together(folder: str, changes: Sequence[Change]) -> Change:
    if len(changes) == 1:
        return changes[0]
    made = Change(
        id=f"data:{folder}/",
        kind="data",
        path=f"{folder}/",
        a=None,
        b=None,
        text=f"{len(changes)} files of {folder}/ differ",
        likelihood=1,
        members=tuple(change.path for change in changes),
        files=tuple(file for change in changes for file in change.files),
    )
    lacking = [change for change in changes if not change.possible]
    return impossible(made, f"{lacking[0].path}: {lacking[0].why_not}") if lacking else made


def _order(objects: Objects, a: CommandProvenance, b: CommandProvenance) -> Iterator[Change]:
    """Yield another order in which the same files were opened; what brings it about is something else."""
    ours, theirs = (_opened(objects, side) for side in (a, b))
    common = {*ours} & {*theirs}
    one, two = ([path for path in side if path in common] for side in (ours, theirs))
    if one != two:
        first, second = next((x, y) for x, y in zip(one, two, strict=True) if x != y)
        change = Change(
            id="order",
            kind="order",
            path="order of files",
            a=first,
            b=second,
            text=f"files were opened in another order (where A opened {first}, B opened {second})",
            likelihood=9,
        )
        yield impossible(change, "an order is the effect of something else, such as a listing of a folder")


def _opened(objects: Objects, side: CommandProvenance) -> list[str]:
    """Return the files of data in the order in which they were opened, those of each folder together."""
    files = [(file.order, file.path) for file in side.data if file.order is not None]
    found = [path for _, path in sorted(files)]
    for folder in (file for file in side.data if file.folder and file.content):
        try:
            names = objects.get(folder.content or "").decode().splitlines()
        except IntegrityError:
            continue
        found += [f"{folder.path}/{name}" for name in names]
    return found
