"""JSON files of a known type and version: written whole, read with a check of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.foundation.errors import CorruptError, VersionError
from assay.foundation.files import write_atomic

T = TypeVar("T")


class Format(msgspec.Struct, frozen=True):
    """The one field that every versioned document has."""

    format: int = 1


def write_document(path: Path, document: Any) -> None:
    """Write a document as readable JSON, whole or not at all."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read_document(path: Path, kind: type[T], version: int, what: str, hint: str | None = None) -> T | None:
    """Return the document at `path`, or None where there is none.

    Raises `VersionError` for a newer format and `CorruptError` for what is not a document of `kind`.
    """
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        refuse_newer(msgspec.json.decode(data, type=Format).format, version, what, path)
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError(f"{what} cannot be read", where=str(path), why=str(error), hint=hint) from None


def refuse_newer(found: int, known: int, what: str, path: Path) -> None:
    """Raise `VersionError`, with both versions, for a format that is newer than this Assay."""
    if found > known:
        raise VersionError(
            f"{what} of a newer format",
            where=str(path),
            why=f"it has version {found}, this Assay reads up to {known}",
            hint="upgrade Assay",
        )
