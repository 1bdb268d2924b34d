"""Files of code without their secrets: Python by its syntax tree, notebooks cell by cell, others as text."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from assay.capture.literals import scrub_source
from assay.capture.secrets import REMOVED, is_named_secret, scrub, scrub_shapes

_CODE = frozenset((".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".jl", ".pyx", ".r", ".rs"))
_PYTHON = frozenset((".py", ".pyi"))


def scrub_file(name: str, data: bytes) -> bytes | None:
    """Return what a file holds without secrets: `data` itself where there is none.

    None for a binary file that holds one, which cannot be taken out of it.
    """
    coding = "utf-8" if _is_utf8(data) else "latin-1"  # a text in another encoding is read byte by byte
    text = data.decode(coding)
    if coding == "latin-1" and "\0" in text:
        return data if scrub_shapes(text) == text else None
    clean = _text(name, text)
    return data if clean == text else clean.encode(coding, "replace")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(name: str, text: str) -> str:
    suffix = PurePath(name).suffix.lower()
    if suffix == ".ipynb":
        return _notebook(text)
    if suffix in _PYTHON or (text.startswith("#!") and "python" in text[:100].partition("\n")[0]):
        return scrub_source(text)
    return scrub(text, code=suffix in _CODE)


def _notebook(text: str) -> str:
    """Return a notebook with the secrets taken out of its cells, outputs and metadata."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return scrub(text)
    cells = found.get("cells") if isinstance(found, dict) else None
    code = [cell for cell in cells or () if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    sources = {id(cell): _joined(cell.get("source")) for cell in code}
    clean = _value(found, "", sources)
    return text if clean == found else json.dumps(clean, indent=1, ensure_ascii=False) + "\n"


def _value(value: Any, name: str, sources: dict[int, str | None]) -> Any:
    if isinstance(value, dict):
        clean = {scrub(key): _value(inner, key, sources) for key, inner in value.items()}
        source = sources.get(id(value))
        if source is not None:
            clean["source"] = _like(scrub_source(source), value["source"])
        return clean
    if isinstance(value, list):
        joined = _joined(value)
        if joined is not None:
            return _like(_plain(joined, name), value)
        return [_value(inner, name, sources) for inner in value]
    return _plain(value, name) if isinstance(value, str) else value


def _plain(text: str, name: str) -> str:
    """Return the text under a name; a picture is not text, and keeps its bytes."""
    if name.startswith(("image/", "application/pdf")):
        return text
    return REMOVED if is_named_secret(name, text) else scrub(text)


def _joined(value: Any) -> str | None:
    """Return a text that a notebook may write as a list of its lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "".join(value)
    return None


def _like(text: str, before: Any) -> Any:
    """Return a text written as it was before: itself, or a list of its lines."""
    if isinstance(before, str):
        return text
    return before if text == "".join(before) else text.splitlines(keepends=True)
