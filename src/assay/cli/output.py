"""Printing: data to standard output, talk to standard error, errors as one message."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import msgspec


def say(text: str = "") -> None:
    """Tell a person something, on standard error."""
    print(text, file=sys.stderr)


def give(text: str) -> None:
    """Print data on standard output."""
    print(text)


def give_json(value: Any) -> None:
    """Print a typed value as JSON on standard output."""
    print(msgspec.json.format(msgspec.json.encode(value, order="deterministic")).decode())


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return an aligned table in plain text; the columns in `right` are set to the right."""
    lines = [list(head), *[[visible(cell) for cell in row] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = []
    for number, line in enumerate(lines):
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        out.append("  ".join(cells).rstrip())
        if number == 0:
            out.append("  ".join("-" * width for width in widths))
    return "\n".join(out)


def visible(text: str) -> str:
    """Return text on one line that cannot command a terminal: control characters are shown, not sent."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return {"\n": "\\n", "\t": "\\t"}.get(character, f"\\x{ord(character):02x}")


def colour() -> bool:
    """Say whether standard error takes colour: a terminal, and NO_COLOR not set."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def fail(error: Exception) -> None:
    """Print an error as people read it: one message, no traceback."""
    text = "\n".join(visible(line) for line in str(error).split("\n"))
    head = "\x1b[1;31merror:\x1b[0m" if colour() else "error:"
    say(f"{head} {text}")
