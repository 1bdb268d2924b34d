"""Lines that a program prints, as the trace of one without torch and scikit-learn.

Only the write method of the one stream object is covered, by an attribute of that object: its type, its
buffer and its descriptor stay, and `print` finds the attribute as it finds the method.
"""

from __future__ import annotations

import hashlib
import re
import sys
from typing import Any

from . import rows

_LINES = 10_000
_LONGEST = 100_000  # characters of one line that are looked at
_TRACED = ("torch", "sklearn")  # programs with these have better steps than their lines

_stream: Any = None
_ours: Any = None
_NUMBER = re.compile(r"\d")
_parts: list[str] = []
_count = 0


def install() -> None:
    """Watch the standard output of the main process."""
    global _stream, _ours, _count  # noqa: PLW0603  one process, one standard output
    stream = sys.stdout
    if not rows.is_main() or any(name in sys.modules for name in _TRACED):
        return
    if "write" in getattr(stream, "__dict__", {"write": None}):  # no stream, or somebody covers it already
        return
    _parts.clear()
    _count = 0
    original: Any = stream.write

    def write(text: str) -> Any:
        try:
            result = original(text)
        except BaseException as error:
            rows.hide(error)
            raise
        _seen(text)
        return result

    try:
        stream.write = write  # type: ignore[method-assign]
    except AttributeError:  # a stream of a kind that takes no attributes
        return
    _stream, _ours = stream, write
    rows.fork_hooks.append(uninstall)


def uninstall() -> None:
    """Give the stream its own method back."""
    global _stream
    stream, _stream = _stream, None
    if stream is not None and stream.__dict__.get("write") is _ours:
        del stream.write


@rows.guarded
def _seen(text: str) -> None:
    if _stream is None or not isinstance(text, str):
        return
    _parts.append(text)
    if "\n" not in text:
        if len(_parts) > 1000:
            _parts[:] = ["".join(_parts)[:_LONGEST]]
        return
    with rows.spent:
        *lines, rest = "".join(_parts).split("\n")
        _parts[:] = [rest] if rest else []
        for line in lines:
            _tell(line)


def _tell(line: str) -> None:
    """Write the fingerprint of a line with a number in it."""
    global _count  # noqa: PLW0603
    if not _NUMBER.search(line):
        return
    if _count >= _LINES or any(name in sys.modules for name in _TRACED):
        uninstall()
        return
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    if rows.ready():
        rows.put(rows.trace_line("print", _count, rows.encode(rows.where(skip=3)), "null", digest))
    _count += 1
