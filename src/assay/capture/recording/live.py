"""The folder of a run that is going on, `live/ID` in the store; its recorder holds a lock on it."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from pathlib import Path

from assay.foundation.files import store_error

LIVE = "live"
LOCK = "lock"
_USUAL = b'{"format":"assay-store","version":1}'


class LiveFolder:
    """What a run that is going on writes; held by a lock as long as its recorder lives."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self._lock = lock

    @classmethod
    def make(cls, store: Path) -> LiveFolder:
        """Make a new folder that nobody else has, locked before anybody can see it."""
        _check_store(store)
        name = f"{time.time_ns():x}-{os.getpid():x}-{threading.get_ident() & 0xFFFF:x}"
        hidden = store / LIVE / f".{name}"
        try:
            (hidden / "rows").mkdir(parents=True)
            lock = os.open(hidden / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder = hidden.with_name(name)
            hidden.rename(folder)
        except OSError as error:
            raise store_error(hidden, error) from error
        return cls(folder, lock)

    @classmethod
    def take(cls, folder: Path) -> LiveFolder | None:
        """Take over a folder whose recorder is dead; None while somebody has it."""
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        if not folder.exists():  # somebody sealed it while we asked
            os.close(lock)
            return None
        return cls(folder, lock)

    def remove(self) -> None:
        """Remove the folder, and let go of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let go of the folder, which stays."""
        os.close(self._lock)


def _check_store(folder: Path) -> None:
    """Raise what opening the store would raise; where it is a usual one, without opening it."""
    try:
        text = (folder / "format.json").read_bytes()
    except OSError:  # a new one
        return
    if text != _USUAL:
        from assay.records.store import Store

        Store(folder, create=False)


def live_folders(store: Path) -> list[Path]:
    """Return the folders of runs that go on or whose recorder is dead; a hidden one is not ready yet."""
    folder = store / LIVE
    return sorted(path for path in folder.glob("[!.]*") if path.is_dir()) if folder.is_dir() else []


def any_dead(store: Path) -> bool:
    """Say whether the store holds a folder whose recorder is dead."""
    for path in live_folders(store):
        live = LiveFolder.take(path)
        if live is not None:
            live.release()
            return True
    return False
