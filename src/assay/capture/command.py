"""What an external command is made of: its program, its arguments, and the files that they name.

Files go by names that hold on every machine: relative to the study's folder, with `..` for what lies
beside it; a file that is given by an absolute path outside goes as `.../name`.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from assay.capture.closure import closure, package_base, shown_path
from assay.capture.environment import is_installed_file
from assay.foundation.digest import digest_bytes
from assay.foundation.errors import CodeError, nearest

ARGUMENTS = "<arguments>"  # where the digest of a command line stands among the files of an identity

_MOST_FILES = 10_000
_ELSEWHERE = "..."
_SYSTEM = (Path("/usr"), Path("/bin"), Path("/sbin"))
_INTERPRETER = re.compile(
    r"(?:python|pypy|ruby|perl|lua|node|deno|bun|java|julia|R|Rscript|(?:ba|da|z|k|fi)?sh|env|uv)[\d.]*"
)


class Parts(NamedTuple):
    """A command line as it is on every machine, and the files that it is made of by shown path."""

    arguments: tuple[str, ...]
    files: dict[str, Path]


def program_of(argv: Sequence[str], folder: Path) -> Path:
    """Return the file of the program that `argv` starts; raises `CodeError` when there is none."""
    if not argv or not argv[0]:
        raise CodeError("the command is empty", hint="write the program and its arguments, as a list")
    if os.sep in argv[0]:
        path = folder / argv[0]
        found = str(path) if path.is_file() and os.access(path, os.X_OK) else None
    else:
        found = shutil.which(argv[0])
    if found is None:
        in_folder = (folder / argv[0]).is_file()
        raise CodeError(
            f"there is no program '{argv[0]}'",
            where=str(folder),
            why="it is not executable" if in_folder and os.sep in argv[0] else "it is not on PATH",
            hint=f"write ./{argv[0]} and make it executable"
            if in_folder
            else "install it, or write its path",
        )
    return Path(found)


def parts_of(argv: Sequence[str], declared: Sequence[str], folder: Path) -> Parts:
    """Return the arguments and the files of a command; `folder` is resolved, and where it runs.

    Every argument that names a regular file counts, wherever that lies: `FILE`, `@FILE`,
    `name=FILE`, `-m module`, a folder with a `__main__.py`; a Python file with its first-party
    imports. Absolute paths of files give way to the shown ones. The program counts by name alone
    where it is the machine's: found on PATH, of the system, of a virtual environment, or an
    interpreter outside the folder.
    """
    names = _Names(folder)
    arguments = [
        _argument(argument, argv[position - 1], names) if position else _program(argument, names)
        for position, argument in enumerate(argv)
    ]
    for name in declared:
        names.declare(name)
    return Parts(tuple(arguments), dict(sorted(names.files.items())))


def declared_files(declared: Sequence[str], folder: Path) -> dict[str, Path]:
    """Return declared files, and all files of declared folders, by shown path.

    Raises `CodeError` for one that is not there.
    """
    names = _Names(folder)
    for name in declared:
        names.declare(name)
    return dict(sorted(names.files.items()))


def arguments_digest(arguments: Sequence[str]) -> str:
    """Return the digest of a command line: each argument in UTF-8 with its length before it."""
    encoded = [argument.encode("utf-8", "surrogatepass") for argument in arguments]
    return digest_bytes(b"".join(len(one).to_bytes(8, "little") + one for one in encoded))


def _program(argument: str, names: _Names) -> str:
    if os.sep not in argument or _is_of_the_machine(names.folder / argument, names.folder):
        return Path(argument).name
    shown = names.add(argument)
    return shown if Path(argument).is_absolute() else argument


def _is_of_the_machine(path: Path, folder: Path) -> bool:
    """Say whether a program is the machine's rather than the user's, so that only its name counts."""
    if (path.parent.parent / "pyvenv.cfg").is_file():
        return True
    found = path.resolve()
    if found.is_relative_to(folder):
        return False
    return any(map(found.is_relative_to, _SYSTEM)) or _INTERPRETER.fullmatch(found.name) is not None


def _argument(argument: str, before: str, names: _Names) -> str:
    """Add the files that an argument names, and return it with an absolute path replaced."""
    if before == "-m" and all(part.isidentifier() for part in argument.split(".")):
        module = names.folder.joinpath(*argument.split("."))
        for path in (module.with_suffix(".py"), module / "__main__.py"):
            if _is_file(path):
                names.add(str(path))
    flag, equals, value = argument.partition("=")
    candidates = [("", argument), (f"{flag}{equals}", value), ("@", argument[1:])]
    for head, written in candidates:
        if not written or head + written != argument:
            continue
        path = names.folder / written
        if _is_file(path):
            shown = names.add(written)
            return f"{head}{shown}" if Path(written).is_absolute() else argument
        if _is_file(path / "__main__.py"):
            shown = names.add(str(Path(written, "__main__.py")))
            return f"{head}{posixpath.dirname(shown)}" if Path(written).is_absolute() else argument
    return argument


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or with a null byte
        return False


class _Names:
    """The files of a command or component, by names that hold on every machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Path] = {}

    def add(self, written: str) -> str:
        """Add a file, a Python file with its first-party imports, and return its shown path."""
        path = (self.folder / written).resolve()
        shown = self._add(written, path, package_base(path))
        if path.suffix == ".py" and not is_installed_file(path):
            for other in closure(path, self.folder).values():
                if other != path:
                    self.files[self._beside(other, path, shown)] = other
        return shown

    def declare(self, written: str) -> None:
        """Add a declared file, or all files of a declared folder, by their bytes alone."""
        path = Path(os.path.normpath(self.folder / written))
        if _is_file(path):
            self._add(written, path.resolve(), path.parent)
        elif path.is_dir():
            for inner in _listing(path):
                self._add(str(Path(written, inner)), (path / inner).resolve(), path.parent)
        else:
            near = nearest(written, (shown_path(entry, self.folder) for entry in path.parent.glob("*")))
            raise CodeError(
                f"the declared file '{written}' is not there",
                where=str(self.folder),
                hint=f"did you mean '{near}'?"
                if near
                else "paths are relative to the folder of the study file",
            )

    def _add(self, written: str, path: Path, base: Path) -> str:
        shown = self._shown(written, path, base)
        self.files[shown] = path
        return shown

    def _shown(self, written: str, path: Path, base: Path) -> str:
        """Return the name of a file; where links lead to is the machine's affair and not in it."""
        if path.is_relative_to(self.folder):
            return shown_path(path, self.folder)
        lexical = Path(os.path.normpath(self.folder / written))
        if lexical.is_relative_to(self.folder) or not Path(written).is_absolute():
            return shown_path(lexical, self.folder)
        inside = lexical if lexical.is_relative_to(base) else path.with_name(lexical.name)
        tail = shown_path(inside, base)
        shown, number = f"{_ELSEWHERE}/{tail}", 1
        while self.files.get(shown, path) != path:  # files of one name in two places
            number += 1
            shown = f"{_ELSEWHERE}{number}/{tail}"
        return shown

    def _beside(self, file: Path, script: Path, shown: str) -> str:
        """Return the name of a file that a script imports: by its place beside the script."""
        if file.is_relative_to(self.folder):
            return shown_path(file, self.folder)
        head, _, rest = shown.partition("/") if shown.startswith(_ELSEWHERE) else ("", "", shown)
        tail = posixpath.normpath(posixpath.join(posixpath.dirname(rest), shown_path(file, script.parent)))
        return posixpath.join(head, tail)


def _listing(folder: Path) -> list[Path]:
    """Return all files of a folder, relative to it, but hidden ones and Python's caches."""
    found = []
    for path in _walk(folder, frozenset()):
        found.append(path.relative_to(folder))
        if len(found) > _MOST_FILES:
            raise CodeError(
                f"the declared folder holds more than {_MOST_FILES:,} files",
                where=str(folder),
                hint="declare the files that are really read, or pack them into one",
            )
    return found


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield the files below a folder in order, through links too, but round no circle."""
    here = folder.resolve()
    if here in above:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise CodeError("a folder cannot be read", where=str(folder), why=error.strerror) from None
    if {"index.html", "report.json"} <= {entry.name for entry in entries}:
        return  # a report that was written here is no part of what the method reads
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {here})
        elif entry.is_file():
            yield entry
