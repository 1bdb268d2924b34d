"""The files of a run: what it read as data, and what it wrote."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from assay.capture.contents import Contents
from assay.capture.recording.rows import Rows
from assay.capture.recording.scrubbed import scrub_file
from assay.capture.recording.scrubbing import SECRET_FILE, Scrubber, secret_values
from assay.capture.trees import keep_tree, written_name
from assay.foundation.errors import AssayError, UsageError, nearest
from assay.provenance.commands import CodeFile, DataFile, Output
from assay.records.objects import Objects

MOST_OUTPUTS = 10_000
KEPT_FILE = 256 * 1024  # bytes; with the two limits below, what makes a change of data reproducible
KEPT_FILES = 256
KEPT_BYTES = 32 * 2**20
CONFIGURATION = frozenset({".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".gin"})
CONFIGURATION_SIZE = 2**20
NOTEBOOK = ".ipynb"

# Files of the system say nothing about a run that the environment does not say.
_SYSTEM = re.compile(
    r"/(?:proc|sys|dev(?!/shm/[^/]+/)|run|etc|lib|lib64|bin|sbin)/|/usr/(?:local/)?(?:lib|lib64|bin|sbin|include|libexec)/"
    r"|/usr/share/(?:zoneinfo|locale|mime|fonts|fontconfig|ca-certificates|i18n|icons)/"
    # Caches of programs, and what belongs to version control.
    r"|.*/(?:__pycache__|\.git|\.cache/(?:matplotlib|fontconfig|pip|torch_extensions)|torchinductor_[^/]*"
    r"|\.triton|\.ipython|\.jupyter)/|.*/pyvenv\.cfg$"
)
# Formats that hold data and no words of people: only these are kept as content.
_DATA = frozenset(
    (
        *(".npy", ".npz", ".csv", ".tsv", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
        *(".wav", ".flac", ".parquet", ".feather", ".arrow", ".h5", ".hdf5", ".mat", ".idx", ".ubyte"),
        *(".jsonl", ".pgm", ".ppm", ".svmlight", ".arff"),
    )
)
_TEXT = frozenset((".csv", ".tsv", ".jsonl", ".arff", ".svmlight"))

Shown = Callable[[Path], str]


class Opened(NamedTuple):
    """Real paths in the order in which they were first opened: read first, and written first.

    What was opened for both is read where it is as it was; of `changed`, which are among the written, nobody
    knows what stood in them.
    """

    read: tuple[Path, ...]
    written: tuple[Path, ...]
    changed: tuple[Path, ...]


def opened_files(rows: Rows, apart: Sequence[Path]) -> Opened:
    """Return the files that the processes opened, but for the system's and those below `apart`."""
    parents: dict[str, str] = {}
    modes: dict[str, str] = {}
    before: dict[str, set[tuple[int, int]]] = {}
    for _, row in rows.of("before"):
        state = (int(row["modified"]), int(row["size"]))
        before.setdefault(_real(str(row["file"]), parents), set()).add(state)
    for _, row in rows.of("opened"):
        for path, mode in row.get("files") or ():
            place = _real(str(path), parents)
            if mode == "u":
                mode = "r" if before.get(place) == {_state(place)} else "c"  # noqa: PLW2901  what it proved to be
            # What any process wrote first is no input, whichever row comes first.
            if modes.get(place, "r") == "r":
                modes[place] = str(mode)
    below = tuple(f"{os.path.realpath(folder)}{os.sep}" for folder in apart)
    kept = {
        place: mode
        for place, mode in modes.items()
        if not place.startswith(below) and not _SYSTEM.match(place)
    }
    return Opened(
        tuple(Path(place) for place, mode in kept.items() if mode == "r"),
        tuple(Path(place) for place, mode in kept.items() if mode != "r"),
        tuple(Path(place) for place, mode in kept.items() if mode == "c"),
    )


def unknown_before(opened: Opened, shown: Shown) -> list[str]:
    """Return a sentence about the files that were changed and perhaps read before that."""
    if not opened.changed:
        return []
    more = f" and {len(opened.changed) - 3:,} more" if len(opened.changed) > 3 else ""
    names = ", ".join(shown(path) for path in opened.changed[:3])
    return [f"what the run read of what it opened to change, before it changed it: {names}{more}"]


def check_declared(paths: Sequence[Path], option: str) -> None:
    """Raise `UsageError` for a declared path that is not there."""
    for path in paths:
        if not path.exists():
            if path.is_symlink():
                raise UsageError(
                    f"the path after {option} is a link that leads nowhere",
                    where=str(path),
                    hint="mend the link, or name what it should lead to",
                )
            near = nearest(path.name, (entry.name for entry in path.parent.glob("*")))
            hint = f"did you mean '{near}'?" if near else "paths are relative to the working folder"
            raise UsageError(f"the path after {option} is not there", where=str(path), hint=hint)


class Inputs:
    """Digests the data of a run, keeps what is small, and says in `missed` what could not be read.

    `began` is the moment from which a change of a file counts as one during the run, in seconds of the
    Unix epoch.
    """

    def __init__(
        self, contents: Contents, objects: Objects, scrubber: Scrubber, shown: Shown, *, began: float
    ) -> None:
        self.missed: list[str] = []
        self._contents = contents
        self._objects = objects
        self._scrubber = scrubber
        self._shown = shown
        self._began = began
        self._files = 0
        self._bytes = 0

    def of(
        self, read: Sequence[Path], declared: Sequence[Path], code: AbstractSet[Path]
    ) -> tuple[DataFile, ...]:
        """Return declared data first, then the files that were read, in order; code is no data."""
        found = [self._declared(path, read) for path in declared]
        within = [path.resolve() for path in declared if path.is_dir()]
        named = {path.resolve() for path in declared}
        order = {path: number for number, path in enumerate(path for path in read if path not in code)}
        single = [
            path
            for path in order
            if path not in named and not any(path.is_relative_to(one) for one in within)
        ]
        digests = self._digests(path for path in single if path.is_file())
        found += [self._file(path, digests[path], order=order[path]) for path in single if path in digests]
        self._tell_of_gone(path for path in single if not path.exists())
        return tuple(one for one in found if one is not None)

    def _declared(self, path: Path, read: Sequence[Path]) -> DataFile | None:
        try:
            if path.is_dir():
                tree = keep_tree(self._objects, path, self._contents)
                self._tell_left_out(path, tree.left_out)
                return DataFile(
                    path=self._shown(path.resolve()),
                    digest=tree.digest,
                    size=tree.size,
                    declared=True,
                    folder=True,
                    content=self._sequence(path.resolve(), read),
                )
            return self._file(path.resolve(), self._contents.digest(path), declared=True)
        except AssayError as error:
            self.missed.append(error.one_line())
        except OSError as error:
            self.missed.append(
                f"declared data that could not be read: {self._shown(path)} ({error.strerror})"
            )
        return None

    def _tell_left_out(self, folder: Path, left_out: Sequence[str]) -> None:
        if left_out:
            more = f" and {len(left_out) - 3:,} more" if len(left_out) > 3 else ""
            self.missed.append(f"of {self._shown(folder)}: {', '.join(left_out[:3])}{more}")

    def _sequence(self, folder: Path, read: Sequence[Path]) -> str | None:
        """Keep the order in which the files of a folder were opened, one written name a line."""
        names = [written_name(str(path.relative_to(folder))) for path in read if path.is_relative_to(folder)]
        text = "".join(f"{name}\n" for name in names)
        return self._objects.put(self._scrubber.known(text).encode()) if names else None

    def _digests(self, paths: Iterable[Path]) -> dict[Path, str]:
        def on_problem(path: Path, reason: str) -> None:
            self.missed.append(f"data that could not be read again: {self._shown(path)} ({reason})")

        return self._contents.digests(paths, on_problem=on_problem)

    def _file(self, path: Path, digest: str, *, declared: bool = False, order: int | None = None) -> DataFile:
        state = path.stat()
        if state.st_mtime > self._began:
            self.missed.append(f"what was read of {self._shown(path)}: it was changed during the run")
        return DataFile(
            path=self._shown(path),
            digest=digest,
            size=state.st_size,
            declared=declared,
            order=order,
            content=self._keep(path, digest, state.st_size),
        )

    def _keep(self, path: Path, digest: str, size: int) -> str | None:
        if path.suffix.lower() not in _DATA or size > KEPT_FILE:
            return None
        if self._files >= KEPT_FILES or self._bytes + size > KEPT_BYTES:
            return None
        data = path.read_bytes()
        if path.suffix.lower() in _TEXT and self._scrubber.text_bytes(data) != data:
            return None
        kept = self._objects.put(data)
        self._files, self._bytes = self._files + 1, self._bytes + size
        return kept if kept == digest else None

    def _tell_of_gone(self, paths: Iterable[Path]) -> None:
        gone = [self._shown(path) for path in paths]
        if gone:
            more = f" and {len(gone) - 3:,} more" if len(gone) > 3 else ""
            self.missed.append(f"data that were gone at the end: {', '.join(gone[:3])}{more}")


def outputs_of(
    written: Sequence[Path], declared: Sequence[Path], contents: Contents, shown: Shown
) -> tuple[tuple[Output, ...], list[str]]:
    """Return what the run wrote and is still there, with declared outputs, and what was missed."""
    missed: list[str] = []
    named = {path: True for one in declared for path in _files_below(one.resolve())}
    chosen = {**{path: False for path in written if path.is_file()}, **named}
    if len(chosen) > MOST_OUTPUTS:
        missed.append(f"outputs: {len(chosen) - MOST_OUTPUTS:,} of {len(chosen):,} files are not recorded")
        chosen = dict(list(chosen.items())[:MOST_OUTPUTS])
    digests = contents.digests(
        chosen, on_problem=lambda path, why: missed.append(f"an output: {shown(path)} ({why})")
    )
    found = [
        Output(path=shown(path), digest=digests.get(path), size=_size(path), declared=named)
        for path, named in chosen.items()
    ]
    absent = [one for one in declared if not one.exists()]
    found += [Output(path=shown(one.absolute()), digest=None, size=0, declared=True) for one in absent]
    missed += [f"a declared output was not written: {shown(one.absolute())}" for one in absent]
    return tuple(sorted(found, key=lambda one: one.path)), missed


def configurations(read: Iterable[Path]) -> Iterator[Path]:
    """Yield the configuration files and notebooks among those that were read, if not too large."""
    for path in read:
        if (
            path.suffix.lower() in {*CONFIGURATION, NOTEBOOK}
            and path.is_file()
            and _size(path) < CONFIGURATION_SIZE
        ):
            yield path


def learn_secrets(scrubber: Scrubber, rows: Rows) -> None:
    """Let a scrubber know the secrets in configurations that a run read, and in files named after them."""
    names = {str(path) for _, row in rows.of("opened") for path, mode in row["files"] if mode == "r"}
    for path in map(Path, sorted(names)):
        if path.suffix.lower() not in CONFIGURATION and not SECRET_FILE.search(path.name):
            continue
        if _SYSTEM.match(str(path)) or not path.is_file() or _size(path) >= CONFIGURATION_SIZE:
            continue
        with contextlib.suppress(OSError):
            scrubber.learn(secret_values(path.name, path.read_text("utf-8", "surrogateescape")))


def configuration_file(path: Path, shown: str, objects: Objects) -> CodeFile:
    """Keep a configuration file or notebook without its secrets; one that is named after them, not at all."""
    data = path.read_bytes()
    clean = None if SECRET_FILE.search(path.name) else scrub_file(path.name, data)
    return CodeFile(
        path=shown,
        role="notebook" if path.suffix.lower() == NOTEBOOK else "configuration",
        digest=hashlib.sha256(data).hexdigest(),
        size=len(data),
        content=None if clean is None else objects.put(clean),
        scrubbed=clean != data,
    )


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (inner for inner in sorted(path.rglob("*")) if inner.is_file())
    elif path.is_file():
        yield path


def _real(path: str, parents: dict[str, str]) -> str:
    """Return the real path; that of a folder is looked up once."""
    head, tail = os.path.split(path)
    if head not in parents:
        parents[head] = os.path.realpath(head)
    place = f"{parents[head].rstrip(os.sep)}{os.sep}{tail}"
    return os.path.realpath(place) if Path(place).is_symlink() else place


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
