"""Text of others made safe to show: nothing in it commands a terminal, a browser or a spreadsheet."""

from __future__ import annotations

import unicodedata

# Cc: control characters, such as the escape that a terminal obeys. Cf: invisible marks, such as the
# overrides that reverse a line. Zl and Zp break lines in some programs. Cs and Co have no glyph.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Joiners that scripts and emoji need, and the soft hyphen, do no harm.
_HARMLESS = {"\n", "\t", "\u200c", "\u200d", "\u00ad"}


def visible(text: str) -> str:
    """Return text with every control character written out, so that no reader's program obeys it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _written(c) if unicodedata.category(c) in _INVISIBLE and c not in _HARMLESS else c for c in text
    )


def one_line(text: str) -> str:
    """Return visible text on one line."""
    return " ".join(visible(text).split())


def shortened(text: str, length: int) -> str:
    """Return one line of at most `length` characters, cut in the middle of a long word's end."""
    line = one_line(text)
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
