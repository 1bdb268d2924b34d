"""Progress of an import or a download: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from assay.benchmarks.watching import watched_by
from assay.cli.output import say
from assay.foundation import clock

QUIET_SECONDS = 10.0


@contextlib.contextmanager
def watched(unit: str = "") -> Iterator[None]:
    """Show the progress of what is imported or downloaded inside, on standard error."""
    if sys.stderr.isatty():
        with _bar():
            yield
    else:
        with watched_by(_Lines(unit)):
            yield


@contextlib.contextmanager
def _bar() -> Iterator[None]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done, total=total or None)

        with watched_by(watch):
            yield


class _Lines:
    """Says how far things are, every ten seconds."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._what = ""
        self._began = self._spoke = clock.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = clock.monotonic()
        if what != self._what:
            self._what, self._began, self._spoke = what, now, now
        if now - self._spoke < QUIET_SECONDS:
            return
        self._spoke = now
        left = (total - done) * (now - self._began) / done if 0 < done <= total else None
        about = "" if left is None else f", about {left:,.0f} s left"
        say(f"{what}: {done:,}{f' of {total:,}' if total else ''}{self._unit}{about}")
