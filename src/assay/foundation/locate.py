"""Where a key of a TOML file stands, so that an error can name its line."""

from __future__ import annotations

import re

_TABLE = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """Return the line (from 1) that defines the key `path`, or the nearest table around it.

    Array elements are counted: `("claims", 1, "better")` is in the second `[[claims]]`.
    """
    wanted = tuple(str(part) for part in path)
    best: tuple[int, int] | None = None
    for number, key in _keys(text):
        depth = len(key)
        if key == wanted[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _keys(text: str) -> list[tuple[int, tuple[str, ...]]]:
    found: list[tuple[int, tuple[str, ...]]] = []
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE.match(line):
            table = _parts(match[1])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            found.append((number, table))
        elif match := _KEY.match(line):
            found.append((number, (*table, *_parts(match[1]))))
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(double or single or bare for double, single, bare in _PART.findall(text))
