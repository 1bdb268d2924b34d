"""Where the files of a recorded command lie: as a record writes it, and back.

train.py, ./outside/x.py    below the root: the top of the repository of the program, or its folder
outside/N/lib/core.py       below the N-th other folder that code was loaded from
/datasets/images/1.png      data, output or configuration anywhere else
<cell 4288629935>           a cell of a notebook, by the number that its kernel makes of its content
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from pathlib import Path

from assay.capture.repository import top_of
from assay.capture.secrets import scrub_shapes
from assay.capture.trees import real_name, written_name
from assay.foundation.errors import IntegrityError

OUTSIDE = "outside"
_SHORTEST_TOKEN = 15  # characters of the shortest that has a shape
_CELL = re.compile(r"/.*/ipykernel_\d+/(\d+)\.py", re.DOTALL)
_NUMBERED = re.compile(r"outside/(\d{1,4})(?:/(.+))?", re.DOTALL)


def root_of(program: Path | None, folder: Path) -> Path:
    """Return the root of a command: the top of the repository of its program, else the working folder."""
    around = program.parent if program is not None and program.is_file() else folder
    return (top_of(around) or Path(os.path.realpath(folder))).absolute()


class Places:
    """The root and the other folders of one command; the latter are numbered as code is met in them."""

    def __init__(self, root: Path, outside: Sequence[str] = ()) -> None:
        self.root = root
        self.outside = list(outside)

    def code(self, path: str | Path, module: str | None = None) -> str:
        """Return how a file of code is written; the folder that holds its package becomes an outside one."""
        shown = self.data(path)
        if not shown.startswith("/"):
            return shown
        base = _import_folder(os.path.normpath(path), module)
        self.outside.append(written_name(base))
        return self.data(path)

    def folder(self, path: str | Path) -> str:
        """Return how the working folder is written; one that is not below the root becomes an outside one."""
        shown = self.data(path)
        if shown.startswith("/"):
            self.outside.append(shown)
            return f"{OUTSIDE}/{len(self.outside) - 1}"
        return shown

    def data(self, path: str | Path) -> str:
        """Return how any other file or folder is written: by its place, or as an absolute path.

        A token in a name is taken out: such a file is told of, and cannot be found again.
        """
        return _without_tokens(self._written(path))

    def _written(self, path: str | Path) -> str:
        if _CELL.fullmatch(str(path)):
            return cell_name(str(path))
        lexical = os.path.normpath(self.root / path)
        for place in dict.fromkeys((lexical, os.path.realpath(lexical))):
            inside = _below(place, str(self.root))
            if inside is not None:
                written = written_name(inside)
                return f"./{written}" if written.split("/")[0] == OUTSIDE else written
            for number, base in enumerate(self.outside):
                inside = _below(place, real_name(base))
                if inside is not None:
                    end = "" if inside == "." else f"/{written_name(inside)}"
                    return f"{OUTSIDE}/{number}{end}"
        return written_name(lexical)

    def real(self, written: str) -> Path:
        """Return where a written path was; raises `IntegrityError` for one that leads out of its folder."""
        if written.startswith("/"):
            return Path(real_name(written))
        number, rest = split(written)
        base = self.root if number is None else Path(real_name(self._outside(number, written)))
        return base / rest

    def _outside(self, number: int, written: str) -> str:
        if number >= len(self.outside):
            raise IntegrityError("a record names a folder that it does not list", where=written)
        return self.outside[number]


def cell_name(name: str) -> str:
    """Return what a cell is called: a kernel's name for it, without the number of the kernel's process."""
    return _CELL.sub(r"<cell \1>", name) if _CELL.fullmatch(name) else written_name(name)


def split(written: str) -> tuple[int | None, str]:
    """Return the number of the outside folder, None for the root, and the real path inside it.

    Raises `IntegrityError` for an absolute path and for one that leads out of its folder.
    """
    match = _NUMBERED.fullmatch(written)
    number, inner = (int(match[1]), match[2] or ".") if match else (None, written.removeprefix("./"))
    inner = real_name(inner) or "."
    parts = inner.split("/")
    if inner != "." and (not all(parts) or {".", ".."} & set(parts) or "\0" in inner):
        raise IntegrityError("a record names a file outside of its folder", where=written)
    return number, inner


def _without_tokens(written: str) -> str:
    head, slash, name = written.rpartition("/")
    if len(name) >= _SHORTEST_TOKEN:
        name = scrub_shapes(name)
    return f"{_clean_folder(head)}{slash}{name}"


@functools.lru_cache(maxsize=4096)
def _clean_folder(written: str) -> str:
    return scrub_shapes(written)


def _below(path: str, base: str) -> str | None:
    """Return a path relative to a folder that it is in, or None."""
    if path == base:
        return "."
    head = base.rstrip("/") + "/"
    return path[len(head) :] if path.startswith(head) else None


def _import_folder(path: str, module: str | None) -> str:
    """Return the folder that a module was found in by its dotted name; without one, that of the file."""
    parts = list(Path(path).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    names = (module or "").split(".")
    names[-1:] = [names[-1].partition("-")[0]] if names else []
    if module and len(parts) > len(names) and parts[-len(names) :] == names:
        return str(Path(*parts[: -len(names)]))
    return str(Path(path).parent)
