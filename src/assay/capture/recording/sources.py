"""Keeps the code of a recorded command: what it loaded, what its arguments name, what is not committed.

`Sources.keep_code` is called again and again while the run lasts, so that a file is copied soon after
it was loaded. Digests are SHA-256, as the hook makes them, of the bytes that ran; what is stored has its
secrets taken out. A tracked file that is gone has the role 'changed' and no digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import msgspec

from assay.capture.recording.places import Places, cell_name
from assay.capture.recording.scrubbed import scrub_file
from assay.capture.repository import SOURCES, WorkTree, work_tree
from assay.capture.syntax import syntax_digest
from assay.capture.trees import written_name
from assay.provenance.commands import CodeFile
from assay.provenance.components import Repository
from assay.records.objects import Objects

PROGRAM, MODULE, ARGUMENT, CONFIGURATION = "program", "module", "argument", "configuration"
NOTEBOOK, CHANGED, UNTRACKED = "notebook", "changed", "untracked"
_LOADED = frozenset((PROGRAM, MODULE))
_ROLES = (PROGRAM, MODULE, NOTEBOOK, CONFIGURATION, ARGUMENT, CHANGED, UNTRACKED)
_RANK = {role: rank for rank, role in enumerate(_ROLES)}
_CONFIGURATIONS = frozenset((".cfg", ".ini", ".json", ".toml", ".yaml", ".yml"))
_MIB = 1 << 20
_NAMED = 20  # files left out that are named one by one; the others are counted


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept at most. Bytes; `loaded` is for a file that was really loaded; `seconds` for the rest."""

    file: int = _MIB
    loaded: int = 16 * _MIB
    total: int = 32 * _MIB
    files: int = 2_000
    seconds: float = 20.0


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The code of a command, for `CommandProvenance`: `outside` are its other folders, in their order."""

    code: tuple[CodeFile, ...]
    outside: tuple[str, ...]
    left_out: tuple[str, ...]
    repository: Repository | None


class Sources:
    """What was kept so far of the code of one command.

    `places` knows the root; `folder` is the working folder, `argv` the command line as it was given. What
    lies below `apart`, such as the store, is never kept.
    """

    def __init__(
        self,
        objects: Objects,
        places: Places,
        folder: Path,
        argv: Sequence[str],
        *,
        limits: Limits | None = None,
        apart: Sequence[Path] = (),
    ) -> None:
        self.places = places
        self._apart = tuple(apart)
        self._objects = objects
        self._folder = folder
        self._argv = tuple(argv)
        self._limits = limits or Limits()
        self._code: dict[str, CodeFile] = {}
        self._left_out: list[tuple[int, str]] = []
        self._tree: WorkTree | None = None
        self._done: set[str] = set()

    def keep_code(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Copy the files that the hook's 'code' and 'cell' rows name; those known already cost nothing."""
        for row in rows:
            if row.get("k") == "cell":
                self._cell(str(row["name"]), str(row["source"]))
            else:
                self._loaded(str(row["file"]), row.get("module"), str(row["digest"]), int(row["size"]))

    def keep_arguments(self) -> None:
        """Copy the files that the command line names: scripts, configurations and notebooks."""
        self._done.add("arguments")
        for path in _named_files(self._argv, self._folder):
            role = _role(path)
            if role is None:
                continue
            shown = self.places.code(path)
            if self._is_better(shown, role):
                self._add(shown, path, role, self._limits.file)

    def keep_repository(self) -> None:
        """Copy changed tracked files and untracked sources of the root's repository, within the limits."""
        self._done.add("repository")
        started = time.monotonic()
        tree = self._tree = work_tree(self.places.root, self._apart)
        if tree is None:
            return
        for name, commit in tree.submodules.items():
            why = f"a submodule at {commit[:12]}; only what is loaded from it is kept"
            self._left_out.append((0, f"{written_name(name)}: {why}"))
        wanted = [(name, CHANGED) for name in tree.changed]
        wanted += [(name, UNTRACKED) for name in tree.untracked if PurePath(name).suffix.lower() in SOURCES]
        budget = _Budget(self._limits, started)
        sized = sorted((_size(tree.top / name), name, role) for name, role in wanted)
        for size, name, role in sized:  # the small ones first: they are the sources
            self._uncommitted(tree.top / name, size, role, budget)

    def finish(self) -> Kept:
        """Return all that was kept; does first what was not asked for yet."""
        if "arguments" not in self._done:
            self.keep_arguments()
        if "repository" not in self._done:
            self.keep_repository()
        left_out = [text for _, text in sorted(self._left_out, key=lambda one: (-one[0], one[1]))]
        if len(left_out) > _NAMED:
            left_out[_NAMED:] = [f"{len(left_out) - _NAMED:,} more files, all smaller"]
        return Kept(
            code=tuple(self._code[shown] for shown in sorted(self._code)),
            outside=tuple(self.places.outside),
            left_out=tuple(left_out),
            repository=None if self._tree is None else self._tree.repository,
        )

    def _cell(self, name: str, source: str) -> None:
        """Keep a cell of a notebook; the hook sends it without its secrets."""
        data = source.encode("utf-8", "replace")
        clean = scrub_file("cell.py", data) or b""
        shown = cell_name(name)
        self._code[shown] = CodeFile(
            path=shown,
            role=NOTEBOOK,
            digest=hashlib.sha256(data).hexdigest(),
            size=len(data),
            content=self._objects.put(clean),
            syntax=_syntax("cell.py", data),
            scrubbed=clean != data,
        )

    def _loaded(self, file: str, module: str | None, digest: str, size: int) -> None:
        shown = self.places.code(file, module)
        role = PROGRAM if module in (None, "__main__", "__mp_main__") else MODULE
        before = self._code.get(shown)
        if before is not None and before.role in _LOADED:
            if role == PROGRAM and before.role == MODULE:
                self._code[shown] = msgspec.structs.replace(before, role=PROGRAM)
            return
        self._add(shown, Path(file), role, self._limits.loaded, module=module, ran=(digest, size))

    def _uncommitted(self, path: Path, size: int, role: str, budget: _Budget) -> None:
        shown = self.places.code(path)
        if not self._is_better(shown, role):
            return
        if not os.path.lexists(path):
            if role == CHANGED:
                self._code[shown] = CodeFile(path=shown, role=CHANGED, digest="", size=0)
            return
        why = budget.refuses(size) if path.is_file() and not path.is_symlink() else "a link or no file"
        if why:
            self._leave_out(shown, size, why)
        else:
            self._add(shown, path, role, self._limits.file)

    def _add(
        self,
        shown: str,
        path: Path,
        role: str,
        limit: int,
        *,
        module: str | None = None,
        ran: tuple[str, int] | None = None,
    ) -> None:
        """Copy a file; `ran` is the digest and size of what was loaded, which may be another by now."""
        data, why = _read(path, limit)
        digest = hashlib.sha256(data).hexdigest() if data is not None else None
        clean = scrub_file(path.name, data) if data is not None else None
        if data is not None and clean is None:
            why = "a binary file that holds a secret"
        if why:
            self._leave_out(shown, ran[1] if ran else _size(path), why)
        if digest is None and ran is None:
            return
        ran_digest, ran_size = ran or (digest or "", len(data or b""))
        changed_later = digest is not None and digest != ran_digest
        self._code[shown] = CodeFile(
            path=shown,
            role=role,
            digest=ran_digest,
            size=ran_size,
            content=None if clean is None else self._objects.put(clean),
            syntax=_syntax(path.name, data) if data is not None and not changed_later else None,
            module=module,
            scrubbed=clean is not None and clean != data,
            changed_later=changed_later,
        )

    def _is_better(self, shown: str, role: str) -> bool:
        """Say whether a file is not kept yet, or only for a lesser reason."""
        before = self._code.get(shown)
        return before is None or _RANK[role] < _RANK[before.role]

    def _leave_out(self, shown: str, size: int, why: str) -> None:
        self._left_out.append((size, f"{shown} ({people_size(size)}): {why}"))


def people_size(size: int) -> str:
    """Return a number of bytes as people read it."""
    value, unit = float(size), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1_000:
            break
        value, unit = value / 1_000, larger
    return f"{value:,.0f} {unit}" if value >= 10 or unit == "bytes" else f"{value:.1f} {unit}"


class _Budget:
    """What may still be kept of uncommitted files."""

    def __init__(self, limits: Limits, started: float) -> None:
        self._limits = limits
        self._end = started + limits.seconds
        self._files = self._bytes = 0

    def refuses(self, size: int) -> str:
        """Return why a file of this size is not kept, or nothing and count it."""
        limits = self._limits
        if size > limits.file:
            return f"larger than {_mib(limits.file)}; commit it or declare it with --data"
        if self._bytes + size > limits.total:
            return f"more than {_mib(limits.total)} are not committed; commit them"
        if self._files >= limits.files:
            return f"more than {limits.files:,} files are not committed; commit them"
        if time.monotonic() > self._end:
            return f"no time was left after {limits.seconds:g} s"
        self._files += 1
        self._bytes += size
        return ""


def _mib(size: int) -> str:
    return f"{size / _MIB:g} MiB"


def _named_files(argv: Sequence[str], folder: Path) -> list[Path]:
    """Return the files that arguments name: FILE, NAME=FILE, @FILE; the machine's programs are none."""
    found: dict[str, Path] = {}
    for position, argument in enumerate(argv):
        if position == 0 and "/" not in argument:
            continue
        for written in (argument, argument.partition("=")[2], argument[1:] if argument[:1] == "@" else ""):
            path = Path(os.path.normpath(folder / written)) if written and "\0" not in written else None
            if path is not None and _is_file(path) and not _is_of_an_environment(path):
                found.setdefault(str(path), path)
                break
    return list(found.values())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _is_of_an_environment(path: Path) -> bool:
    """Say whether a file is the system's or of a virtual environment."""
    if path.is_relative_to("/usr") or path.is_relative_to("/bin"):
        return True
    return any((above / "pyvenv.cfg").is_file() for above in list(path.parents)[:2])


def _role(path: Path) -> str | None:
    """Return the role of a file that an argument names, or None for data."""
    suffix = path.suffix.lower()
    if suffix == ".ipynb":
        return NOTEBOOK
    if suffix in _CONFIGURATIONS:
        return CONFIGURATION
    if suffix in SOURCES:
        return ARGUMENT
    try:
        with path.open("rb") as file:
            return ARGUMENT if file.read(2) == b"#!" else None
    except OSError:
        return None


def _read(path: Path, limit: int) -> tuple[bytes | None, str]:
    """Return what a regular file holds, or None and why not."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                return None, "it is not a regular file"
            data = file.read(limit + 1)
    except FileNotFoundError:
        return None, "it was gone when it was to be copied"
    except (OSError, ValueError) as error:
        return None, getattr(error, "strerror", None) or str(error)
    if len(data) > limit:
        return None, f"larger than {_mib(limit)}; commit it or declare it with --data"
    return data, ""


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _syntax(name: str, data: bytes) -> str | None:
    if not name.endswith(".py"):
        return None
    try:
        return syntax_digest(data)
    except SyntaxError:
        return None
