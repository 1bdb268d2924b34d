"""Objects: content-addressed blobs, each in a file named by its digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.foundation.digest import canonical_bytes, digest_bytes
from assay.foundation.errors import CorruptError, IntegrityError
from assay.foundation.files import write_atomic

T = TypeVar("T")


class Objects:
    """The objects of one store. Equal content is stored once; any number of processes may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: set[str] = set()

    def path(self, digest: str) -> Path:
        """Return where the object with this digest lies."""
        return self.folder / digest[:2] / digest[2:]

    def put(self, data: bytes) -> str:
        """Store bytes durably and return their digest."""
        digest = digest_bytes(data)
        if digest in self._known:
            return digest
        path = self.path(digest)
        if not path.exists():
            write_atomic(path, data)
        self._known.add(digest)
        return digest

    def put_value(self, value: Any) -> str:
        """Store a typed value in canonical form; the digest is that of `digest_value`."""
        return self.put(canonical_bytes(value))

    def get(self, digest: str) -> bytes:
        """Return the bytes with this digest, checked."""
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise IntegrityError("an object is missing from the store", where=str(path)) from None
        if digest_bytes(data) != digest:
            raise CorruptError("an object was changed after it was written", where=str(path))
        return data

    def get_value(self, digest: str, kind: type[T]) -> T:
        """Return a stored value as `kind`; raises `CorruptError` for an object of another kind."""
        try:
            return msgspec.json.decode(self.get(digest), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CorruptError(
                "an object is not what it is used as", where=str(self.path(digest)), why=str(error)
            ) from None
