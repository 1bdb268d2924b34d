"""Whose code a file is, and which line of the user's is running."""

from __future__ import annotations

import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
# `python -c`, and a program that is read from the standard input
_TYPED = ("<string>", "<stdin>")

_first_party: dict[str, bool] = {}
_absolute: dict[str, str] = {}
_prefixes: tuple[str, ...] = ()
_start_folder = ""


def set_installed(prefixes: tuple[str, ...]) -> None:
    """Say which folders hold installed code; they, and where links there lead, are not first-party."""
    global _prefixes, _start_folder  # noqa: PLW0603  settled once, when the process starts
    folders = {os.path.join(os.path.abspath(folder), "") for folder in prefixes if folder}
    folders |= {os.path.join(os.path.realpath(folder), "") for folder in folders}
    _prefixes = tuple(sorted(folders - {"/"}))
    _first_party.clear()
    _absolute.clear()
    try:
        _start_folder = os.getcwd()
    except OSError:
        _start_folder = ""


def is_first_party(filename: str) -> bool:
    """Say whether a file of code is the user's: a file, and under no folder of installed code."""
    known = _first_party.get(filename)
    if known is None:
        known = _first_party[filename] = _judge(filename)
    return known


def _judge(filename: str) -> bool:
    if filename.startswith("<"):
        return filename.startswith("<ipython-input-")
    return not is_installed(absolute(filename))


def is_installed(path: str) -> bool:
    """Say whether a full path lies in a folder of installed code, or is the recorder's own."""
    return path.startswith((*_prefixes, HERE)) or "/site-packages/" in path or "/dist-packages/" in path


def absolute(filename: str) -> str:
    """Return a file's full path, seen from where the process started."""
    known = _absolute.get(filename)
    if known is None:
        known = filename
        if not filename.startswith("<"):
            known = os.path.normpath(os.path.join(_start_folder, filename))
        _absolute[filename] = known
    return known


def where(skip: int = 0) -> str:
    """Return 'file:line' of the innermost line of the user's code that is running; '' if there is none.

    `skip` leaves out that many frames above the caller.
    """
    try:
        frame = sys._getframe(1 + skip)
    except ValueError:
        return ""
    first_party = _first_party
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        known = first_party.get(name)
        if known is None:
            known = is_first_party(name)
        if known or (name in _TYPED and frame.f_globals.get("__name__") == "__main__"):
            return f"{absolute(name)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
