"""What a planted cause is: a program, how the second run differs from the first, and what must be named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """How one of the two runs is made.

    `edits` are replacements (file, old, new) in the project; `arguments` follow the program; `variables` are
    set in the environment, or taken away where the value is None; `arrange` makes data in the project.
    """

    arguments: tuple[str, ...] = ()
    variables: dict[str, str | None] = {}
    edits: tuple[tuple[str, str, str], ...] = ()
    arrange: Callable[[Path], None] | None = None
    packages: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One planted cause.

    `causes` are the sets that must be named and no others: each member is a part of the text of one
    difference. `first` is (kind, step, field) of the first difference, where it is known without Assay, and
    `operator` the part of the name of the operator. `listed` are parts of differences that must be listed
    though they cannot be tried. `where` must be in the paragraph. `moved` says that B is run in a
    copy of the project, as on another disk; `tmpfs` that both lie in memory, where a folder lists its files
    as they came. `processor` is a feature that the processor must have.
    """

    name: str
    title: str
    program: str
    answer: tuple[str, ...]
    a: Side = Side()
    b: Side = Side()
    modules: tuple[str, ...] = ()
    files: dict[str, str] = {}
    data: tuple[str, ...] = ()
    causes: tuple[tuple[str, ...], ...] = ()
    kind: str = "single"
    first: tuple[str, int, str] | None = None
    operator: str = ""
    listed: tuple[str, ...] = ()
    where: str = ""
    processor: str = ""
    moved: bool = False
    tmpfs: bool = False
    slow: bool = True

    def write(self, folder: Path) -> None:
        """Put the program of this case with its modules and files into a folder."""
        folder.mkdir(parents=True)
        shutil.copy(PROGRAMS / f"{self.program}.py", folder / "train.py")
        for name in self.modules:
            shutil.copy(PROGRAMS / f"{name}.py", folder / f"{name}.py")
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def edit(folder: Path, edits: tuple[tuple[str, str, str], ...]) -> None:
    """Make replacements in the files of a project; each must fit exactly once."""
    for name, old, new in edits:
        path = folder / name
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{name}: {old!r} stands there {text.count(old)} times")
        path.write_text(text.replace(old, new))
