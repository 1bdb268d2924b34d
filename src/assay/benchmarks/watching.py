"""Watching an import or a download: what is done, of how much. Nobody needs to watch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
"""Is told what is at work, how much of it is done, and of how much."""

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextlib.contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Have a function told of the progress of what is read inside."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def progress(what: str, done: int, total: int) -> None:
    """Tell whoever watches how far a piece of work is."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(what, done, total)
