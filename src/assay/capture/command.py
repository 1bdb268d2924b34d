"""What an external command is made of: its program, its arguments, and the files that they name."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.capture.closure import closure, shown_path
from assay.capture.secrets import scrub_arguments
from assay.foundation.errors import CodeError, nearest

_MOST_FILES = 10_000


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


def arguments_of(argv: Sequence[str], folder: Path) -> str:
    """Return a command as one line: paths in the folder made relative, secrets replaced.

    A program outside the folder goes by its name, for where it is installed is no part of identity.
    """
    shown = [_relative(argument, folder) for argument in argv]
    if (folder / argv[0]).resolve() not in _files(argv[0], folder):
        shown[0] = Path(argv[0]).name
    return shlex.join(scrub_arguments(shown))


def files_of(argv: Sequence[str], declared: Sequence[str], folder: Path) -> dict[str, Path]:
    """Return the files of a command by posix path relative to `folder`, sorted."""
    found: set[Path] = set()
    for path in _named(argv, folder):
        found |= set(closure(path, folder).values()) if path.suffix == ".py" else {path}
    for name in declared:
        found |= set(_declared(name, folder))
    return dict(sorted((shown_path(path, folder), path) for path in found))


def _named(argv: Sequence[str], folder: Path) -> Iterator[Path]:
    """Yield the files of the folder that the arguments name: `FILE`, `--flag=FILE`, `-m module`."""
    for position, argument in enumerate(argv):
        if position == 0 and os.sep not in argument:
            continue  # found on PATH, whatever lies in the folder
        if position and argv[position - 1] == "-m":
            module = folder.joinpath(*argument.split("."))
            yield from (
                path for path in (module.with_suffix(".py"), module / "__main__.py") if path.is_file()
            )
        yield from _files(argument, folder)
        if argument.startswith("-") and "=" in argument:
            yield from _files(argument.partition("=")[2], folder)


def _files(argument: str, folder: Path) -> list[Path]:
    """Return the file that an argument names, if it is one of the folder."""
    try:
        path = (folder / argument).resolve()
        return [path] if argument and path.is_relative_to(folder) and path.is_file() else []
    except (OSError, ValueError):  # a name that is too long, or with a null byte
        return []


def _relative(argument: str, folder: Path) -> str:
    flag, equals, value = argument.partition("=")
    if argument.startswith("-") and equals and Path(value).is_absolute() and _files(value, folder):
        return f"{flag}={shown_path(Path(value).resolve(), folder)}"
    if Path(argument).is_absolute() and _files(argument, folder):
        return shown_path(Path(argument).resolve(), folder)
    return argument


def _declared(name: str, folder: Path) -> list[Path]:
    path = folder / name
    if path.is_file():
        return [path.resolve()]
    if path.is_dir():
        return _listing(path)
    near = nearest(name, (shown_path(entry, folder) for entry in path.parent.glob("*")))
    raise CodeError(
        f"the declared file '{name}' is not there",
        where=str(folder),
        hint=f"did you mean '{near}'?" if near else "paths are relative to the folder of the study file",
    )


def _listing(folder: Path) -> list[Path]:
    """Return all files of a folder but hidden ones and Python's caches."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        found += [Path(root, name).resolve() for name in sorted(names) if not name.startswith(".")]
        if len(found) > _MOST_FILES:
            raise CodeError(
                f"the declared folder holds more than {_MOST_FILES:,} files",
                where=str(folder),
                hint="declare the files that the command is made of, not its data",
            )
    return found
