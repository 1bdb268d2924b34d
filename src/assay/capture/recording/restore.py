"""Makes a recorded command's files again in a new folder, so that it runs there as it ran.

    FOLDER/NAME/        the root, by its own name: the commit, with what was loaded or changed over it
    FOLDER/outside/N/   the other folders that code was loaded from
    FOLDER/run.sh       starts the command; FOLDER/RESTORED.md tells what this is and what is missing

A record may come from somebody else: no path of it leads out of the folder, and nothing of it is run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.capture.contents import Contents
from assay.capture.recording.inputs import restore_data
from assay.capture.recording.places import OUTSIDE, Places, split
from assay.capture.recording.telling import Restored, describe, script
from assay.capture.repository import check_out
from assay.capture.trees import real_name
from assay.foundation.digest import short
from assay.foundation.errors import IntegrityError, UsageError
from assay.foundation.files import writing
from assay.foundation.places import cache_folder
from assay.provenance.commands import CodeFile, CommandProvenance
from assay.records.commands import CommandRecord, provenance_of_command
from assay.records.objects import Objects
from assay.records.store import Store

__all__ = ["Restored", "restore"]

_TAKEN = frozenset((OUTSIDE, "run.sh", "RESTORED.md", "cells", "", ".", ".."))
_CELLS = "cells"
_STAYING = frozenset(("configuration", "notebook"))  # what a run reads may lie anywhere


def restore(
    store: Store,
    record: CommandRecord,
    folder: Path,
    *,
    link_data: bool = True,
    cache: Path | None = None,
) -> Restored:
    """Make the files of a recorded command again in `folder`, which must be new or empty.

    Data is linked to where it was if it still has the recorded digest, or copied with `link_data` off.
    Raises `UsageError` for a folder that is not empty, and `IntegrityError` for a record with a path that
    leads out of its folder; then nothing is left behind.
    """
    found = provenance_of_command(store, record)
    _check(found)
    with _new(folder):
        work = _Work(store.objects, found, folder.resolve())
        work.code()
        kept = Contents(cache or cache_folder())
        outputs = [output.path for output in record.result.outputs]
        data = restore_data(store.objects, found, work.target, outputs, kept, link=link_data)
        work.missing += data.missing
        work.notes += data.notes
        restored = work.restored()
        _write(folder / "run.sh", script(restored), executable=True)
        _write(folder / "RESTORED.md", describe(record, found, restored).encode())
    return restored


def _check(found: CommandProvenance) -> None:
    """Refuse a record with a path that leads out of its folder, before anything is written."""
    for file in found.code:
        if file.path.startswith("/") and file.role not in _STAYING:
            raise IntegrityError("a record names a file outside of its folder", where=file.path)
    for path in (*(file.path for file in found.code), *(data.path for data in found.data), found.folder):
        if not path.startswith(("/", "<")):
            number, _ = split(path)
            if number is not None and number >= len(found.outside):
                raise IntegrityError("a record names a folder that it does not list", where=path)


@contextlib.contextmanager
def _new(folder: Path) -> Iterator[None]:
    """Give a new or empty folder, which is so again if what is done in it fails."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(
            "the folder is not empty", where=str(folder), hint="name a new one; nothing is ever overwritten"
        )
    existed = folder.exists()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            if existed:
                folder.mkdir(exist_ok=True)
            raise


class _Work:
    """One restoration: where things go, and what is to be told of it."""

    def __init__(self, objects: Objects, found: CommandProvenance, folder: Path) -> None:
        self.missing: list[str] = []
        self.notes: list[str] = []
        self._objects = objects
        self._found = found
        self._folder = folder
        name = Path(real_name(found.root)).name
        self._tree = folder / ("root" if name in _TAKEN else name)
        self._places = Places(Path(real_name(found.root)), found.outside)

    def target(self, written: str) -> Path | None:
        """Return where a written path goes; None for one that is neither in the root nor an outside folder.

        Raises `IntegrityError` where a link on the way leads out of the folder.
        """
        if written.startswith("/"):
            return None
        number, inner = split(written)
        base = self._tree if number is None else self._folder / OUTSIDE / str(number)
        path = base if inner == "." else base / inner
        leads = Path(os.path.realpath(path.parent))
        if not leads.is_relative_to(self._folder):
            raise IntegrityError(
                "a record names a file behind a link", where=written, why=f"it leads to {leads}"
            )
        return path

    def code(self) -> None:
        """Write the commit, and over it what the record holds."""
        self._tree.mkdir()
        for number in range(len(self._found.outside)):
            (self._folder / OUTSIDE / str(number)).mkdir(parents=True)
        self._commit()
        for number, file in enumerate(self._found.code):
            if file.path.startswith("<"):
                _write(self._folder / _CELLS / f"{number}.py", self._objects.get(file.content or ""))
            else:
                self._file(file)
        self.notes += [f"not recorded: {text}" for text in self._found.left_out]

    def _commit(self) -> None:
        state = self._found.repository
        if state is None or state.commit is None:
            self.notes.append("the program was in no repository: here is what was loaded or named")
            return
        for source in (self._places.root, Path.cwd()):
            if check_out(source, state.commit, self._tree):
                break
        else:
            self.notes.append(
                f"commit {short(state.commit)} is in no repository here: files that were neither loaded"
                " nor changed are not here; run this inside a clone of the repository to have them"
            )
        attributes = self._tree / ".gitattributes"
        if attributes.is_file() and b"filter=" in attributes.read_bytes():
            self.notes.append("filters of the repository, such as Git LFS, were not run on the files")

    def _file(self, file: CodeFile) -> None:
        path = self.target(file.path)
        if path is None:
            self._stays(file)
            return
        if path.is_file() and not path.is_symlink() and _sha256(path) == file.digest:
            return
        if file.role == "changed" and not file.digest:  # a tracked file that was gone
            path.unlink(missing_ok=True)
            return
        if file.content is None:
            self.missing.append(f"{file.path}: not kept in the record (SHA-256 {short(file.digest)})")
            return
        data = self._objects.get(file.content)
        path.unlink(missing_ok=True)
        _write(path, data, executable=data.startswith(b"#!"))
        if file.scrubbed:
            self.notes.append(f"{file.path}: secrets were removed from it")
        if file.changed_later:
            self.missing.append(
                f"{file.path}: it was changed before it could be copied; what ran was SHA-256"
                f" {short(file.digest)}, here is {short(_sha256(path))}"
            )

    def _stays(self, file: CodeFile) -> None:
        """Check a configuration that the run finds by an absolute path, where it is."""
        real = self._places.real(file.path)
        if not real.is_file() or real.stat().st_size != file.size or _sha256(real) != file.digest:
            what = "it is another one now" if real.is_file() else "it is gone"
            self.missing.append(f"{file.path}: {what} (recorded SHA-256 {short(file.digest)})")

    def restored(self) -> Restored:
        """Return what was made."""
        found = self._found
        working = self.target(found.folder) or self._tree
        working.mkdir(parents=True, exist_ok=True)
        moves = self._moves()
        argv = self._argv(moves, working)
        variables = {
            name: _moved(value, moves)
            for name, value in sorted(found.variables.items())
            if not name.startswith("ASSAY_")
        }
        return Restored(
            folder=self._folder,
            tree=self._tree,
            working=working,
            argv=argv,
            paths=moves,
            variables=variables,
            missing=tuple(self.missing),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _moves(self) -> tuple[tuple[str, str], ...]:
        """Return old and new prefixes, longest first; the interpreter's environment stays where it is."""
        found = self._found
        moves = {real_name(found.root): str(self._tree)} if found.root else {}
        for number, base in enumerate(found.outside):
            moves.setdefault(real_name(base), str(self._folder / OUTSIDE / str(number)))
        environment = Path(found.interpreter).parent.parent
        if found.interpreter and (environment / "pyvenv.cfg").is_file():
            moves[str(environment)] = str(environment)
        return tuple(sorted(moves.items(), key=lambda move: (-len(move[0]), move)))

    def _argv(self, moves: Sequence[tuple[str, str]], working: Path) -> tuple[str, ...]:
        found = self._found
        for place in found.removed:
            self.missing.append(f"argument {place}: a secret was removed from it")
        if not found.argv:
            return ()
        return (self._program(moves, working), *(_moved(argument, moves) for argument in found.argv[1:]))

    def _program(self, moves: Sequence[tuple[str, str]], working: Path) -> str:
        """Return the program: what was restored, else the recorded interpreter, else what has the name."""
        program = self._found.argv[0]
        moved = _moved(program, moves)
        if "/" in program and (working / moved).exists():
            return moved
        interpreter = self._found.interpreter
        if interpreter and re.match(r"(python|pypy)", Path(program).name):
            if os.access(interpreter, os.X_OK):
                return interpreter
            self.notes.append(f"the interpreter is not here any more: {self._found.interpreter}")
            return program if "/" not in program else Path(program).name
        original = self._places.real(self._found.folder) / program
        if "/" in program and original.exists():
            return str(original)
        if shutil.which(program) is None:
            self.notes.append(f"the program is not here: {self._found.argv[0]}")
        return program


def _moved(text: str, moves: Sequence[tuple[str, str]]) -> str:
    """Return a text in which every whole path below an old prefix is below the new one."""
    new = dict(moves)
    old = "|".join(re.escape(prefix.rstrip("/")) for prefix, _ in moves if len(prefix) > 1)
    if not old:
        return text
    pattern = rf"(?<![\w./-])(?:{old})(?=[/:,;\"'\s]|$)"
    return re.sub(pattern, lambda match: new[match[0]], text)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Write a new file; a link in its place would not be followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o755 if executable else 0o644), "wb") as file:
        file.write(data)
