"""Files that survive: atomic replacement, synced folders, exclusive locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from assay.foundation.errors import StoreError


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at `path` with `data`, whole or not at all, and sync it to disk."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses while writing `path` into a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise store_error(path, error) from error


def store_error(path: Path, error: OSError) -> StoreError:
    """Return the message that a person needs when `path` cannot be written."""
    hints = {
        errno.ENOSPC: "free some space and run the same command again; nothing that is sealed was lost",
        errno.EDQUOT: "free some of your quota and run the same command again",
        errno.EACCES: "make the folder writable, or name another with --store",
        errno.EPERM: "make the folder writable, or name another with --store",
        errno.EROFS: "the file system is read-only; name another folder with --store",
    }
    return StoreError(
        "cannot write",
        where=str(path),
        why=error.strerror or str(error),
        hint=hints.get(error.errno or 0),
    )


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file at `path`, waiting for whoever has it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
