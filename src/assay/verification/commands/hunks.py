"""The difference of two texts as hunks that can be applied each alone and in any company.

A hunk is as small as it can be: a run of changed lines with as many on both sides is taken line by line.
In a Python file that parses, hunks are joined with a neighbour until each alone, and all others without
it, still give a file that parses. Hunks that leave the syntax tree as it is are no hunks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

from assay.capture.secrets import scrub
from assay.capture.syntax import syntax_digest
from assay.verification.commands.change import Edit, arrow

# Beyond this a file is compared as a whole: the comparison of lines takes quadratic time.
LINES_LIMIT = 20_000
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_PIECES = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,()\[\]{};]+|[\s,()\[\]{};]")
_SHOWN = 60


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends, split at line feeds alone, so that joining gives the text."""
    return _LINE.findall(text)


def hunks(a: str, b: str, *, python: bool) -> list[Edit]:
    """Return the edits of A's lines that give B, in order; `start` and `end` count lines from 0.

    With `python`, each alone and all others without it parse, where both texts do, and what changes
    nothing but comments, layout or docstrings is left out.
    """
    before, after = lines_of(a), lines_of(b)
    if max(len(before), len(after)) > LINES_LIMIT:
        return [Edit(start=0, end=len(before), text=b)] if a != b else []
    blocks = list(_blocks(before, after))
    if python and _parses(a) and _parses(b):
        blocks = _joined(before, after, blocks)
        found = _edits(after, blocks)
        return [one for one in found if not _idle(a, one)]
    return _edits(after, blocks)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Return A's text with some of its hunks made, from the last to the first.

    Raises `ValueError` for edits that overlap or lie outside of the text.
    """
    lines = lines_of(text)
    last = len(lines)
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        if not 0 <= edit.start <= edit.end <= last:
            raise ValueError("an edit lies outside of the text, or two of them overlap")
        lines[edit.start : edit.end] = [edit.text]
        last = edit.start
    return "".join(lines)


def described(a: str, edit: Edit) -> tuple[str, str, str]:
    """Return where a hunk is and both sides as people read them, without secrets.

    Such as ('line 14', 'momentum=0.9', 'momentum=0.8') or ('lines 3 to 9', '7 lines', '2 lines').
    """
    before, after = lines_of(a)[edit.start : edit.end], lines_of(edit.text)
    count = len(before)
    if count > 1:
        place = f"lines {edit.start + 1} to {edit.end}"
    else:
        place = f"line {edit.start + 1}" if count else f"after line {edit.start}"
    old, new = (_first_line(side) for side in (before, after))
    if len(before) <= 1 and len(after) <= 1:
        return place, *_trimmed(old, new)
    return place, _counted(before, old), _counted(after, new)


def _counted(lines: Sequence[str], first: str) -> str:
    if len(lines) <= 1:
        return first
    return f"{len(lines)} lines ({first if len(first) <= _SHOWN else first[: _SHOWN - 3] + '...'})"


def _first_line(lines: Sequence[str]) -> str:
    filled = [line.strip() for line in scrub("".join(lines), code=True).splitlines() if line.strip()]
    return filled[0] if filled else ""


def _trimmed(old: str, new: str) -> tuple[str, str]:
    """Return two lines without the words that they begin and end with in common."""
    a, b = _PIECES.findall(old), _PIECES.findall(new)
    if not old or not new or len(old) + len(new) <= _SHOWN:
        return old, new
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    left, right = ("".join(side[head : len(side) - tail]).strip() for side in (a, b))
    return (left, right) if left and right else (old, new)


def sentence(place: str, old: str, new: str) -> str:
    """Return a hunk on one line, such as 'line 14: momentum=0.9 -> momentum=0.8'."""
    return f"{place}: {arrow(old or None, new or None)}"


Block = tuple[int, int, int, int]


def _blocks(before: Sequence[str], after: Sequence[str]) -> Iterator[Block]:
    """Yield the runs of lines that differ. Lines are matched without their indentation, empty ones last."""
    left, right = ([line.strip(" \t") for line in side] for side in (before, after))
    matcher = SequenceMatcher(lambda line: not line.strip(), left, right, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            yield from _lines_apart(before, after, (i, j, k, m))
            continue
        start = i
        for n in range(i, j + 1):
            if n == j or before[n] == after[k + n - i]:
                if start < n:
                    yield start, n, k + start - i, k + n - i
                start = n + 1


def _lines_apart(before: Sequence[str], after: Sequence[str], block: Block) -> list[Block]:
    """Return a run of changed lines line by line, where as many stand on both sides and look alike."""
    i, j, k, m = block
    if j - i != m - k or j - i == 1:
        return [block]
    pairs = list(zip(before[i:j], after[k:m], strict=True))
    if not all(SequenceMatcher(None, old.strip(), new.strip()).ratio() > 0.5 for old, new in pairs):
        return [block]
    return [(i + n, i + n + 1, k + n, k + n + 1) for n in range(j - i)]


def _edits(after: Sequence[str], blocks: Sequence[Block]) -> list[Edit]:
    return [Edit(start=i, end=j, text="".join(after[k:m])) for i, j, k, m in blocks]


def _joined(before: Sequence[str], after: Sequence[str], blocks: list[Block]) -> list[Block]:
    """Join blocks with a neighbour until each alone, and the others without it, give code that parses."""
    text = "".join(before)

    def fits(some: Sequence[Block]) -> bool:
        return _parses(apply_edits(text, _edits(after, some)))

    place = 0
    while place < len(blocks) and len(blocks) > 1:
        others = blocks[:place] + blocks[place + 1 :]
        if fits([blocks[place]]) and fits(others):
            place += 1
            continue
        first = _partner(blocks, place, fits)
        (i, _, k, _), (_, j, _, m) = blocks[first : first + 2]
        blocks = [*blocks[:first], (i, j, k, m), *blocks[first + 2 :]]
        place = max(first - 1, 0)
    return blocks


def _partner(blocks: Sequence[Block], place: int, fits: Callable[[Sequence[Block]], bool]) -> int:
    """Return the first of the two blocks to join: with the neighbour that mends it, else the nearer one."""
    neighbours = [first for first in (place, place - 1) if 0 <= first < len(blocks) - 1]
    mending = [first for first in neighbours if fits(blocks[first : first + 2])]
    return min(mending or neighbours, key=lambda first: blocks[first + 1][0] - blocks[first][1])


def _idle(text: str, edit: Edit) -> bool:
    """Say whether an edit alone leaves the program what it is: comments, layout, docstrings."""
    edited = apply_edits(text, [edit])
    try:
        return _syntax(text) == _syntax(edited)
    except SyntaxError:
        return False


def _syntax(text: str) -> str:
    return syntax_digest(text.encode("utf-8", "surrogateescape"))


def _parses(text: str) -> bool:
    try:
        ast.parse(text.encode("utf-8", "surrogateescape"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
