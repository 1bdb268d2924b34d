"""Objects: content-addressed blobs, each in a file named by its digest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.foundation.digest import canonical_bytes, digest_bytes
from assay.foundation.errors import CorruptError, IntegrityError
from assay.foundation.files import sync_folder, writing

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
            self._write(path, data)
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
        """Return a stored value as `kind`."""
        return msgspec.json.decode(self.get(digest), type=kind)

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name[:16]}.{os.getpid()}.tmp")
            try:
                with open(temporary, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            sync_folder(path.parent)
