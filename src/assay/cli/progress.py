"""Progress of a running study: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from assay.cli.output import say, visible
from assay.foundation import clock
from assay.studies.cell import Answer
from assay.studies.plan import Due, Plan
from assay.studies.raced import gap_lines

QUIET_SECONDS = 10.0


class StudyProgress:
    """Watches a run. On standard error; quiet and readable without a terminal or colour."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._began = self._spoke = clock.monotonic()
        self._done = self._failed = self._total = 0

    def planned(self, plan: Plan) -> None:
        """Say what stands and what is due, with the reasons."""
        self._total, self._done, self._failed = len(plan.due), 0, 0
        self._began = self._spoke = clock.monotonic()
        say(plan_line(plan))
        for reason, count in reasons(plan):
            say(f"  {count:,} {'run' if count == 1 else 'runs'}: {visible(reason)}")
        for line in gap_lines(plan) if self._total else ():
            say(visible(line))
        if self._total and sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}", markup=False),
                TimeRemainingColumn(),
                TextColumn("{task.fields[last]}", markup=False),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("runs", total=self._total, rate="", last="")

    def finished(self, due: Due, answer: Answer) -> None:
        """Count one cell, and say at once that there are failures; the summary says what caused them."""
        self._done += 1
        if answer.error is not None:
            self._failed += 1
            if self._failed == 1:
                say(f"failed: {cell_name(due)}; failures are counted, and their causes told at the end")
                say(f"  until then: assay show {due.cell.spec.run[:12]}")
        now = clock.monotonic()
        rate = self._done / max(now - self._began, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, advance=1, rate=f"{rate:,.0f}/s", last=cell_name(due))
            if self._done == self._total:
                self.close()
        elif now - self._spoke > QUIET_SECONDS:
            self._spoke = now
            left = (self._total - self._done) / rate
            say(f"{self._done:,}/{self._total:,} runs, {rate:,.0f}/s, about {left:,.0f} s left")

    def assessing(self, seals: int) -> None:
        """Say that sealed searches go through the test gate."""
        say(f"assessing {seals:,} sealed {'search' if seals == 1 else 'searches'}")

    def interrupted(self, running: int) -> None:
        """Say what is waited for, and how to end at once."""
        self.close()
        if running:
            runs = "run" if running == 1 else "runs"
            say(f"finishing {running} {runs} in hand; press the key again to abandon them")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def plan_line(plan: Plan) -> str:
    """Return a plan in one line: how many runs there are, stand, and are due."""
    name, cells = visible(plan.loaded.study.name), len(plan.cells)
    return f"{name}: {cells:,} runs, {plan.standing:,} stand, {len(plan.due):,} due"


def reasons(plan: Plan) -> list[tuple[str, int]]:
    """Return why cells are due, each reason with its number of cells, the most frequent first."""
    methods: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for due in plan.due:
        counts[due.reason] += 1
        methods.setdefault(due.reason, set()).add(due.cell.method)
    whole = set(plan.loaded.study.methods)
    named = {
        reason: reason if methods[reason] == whole else f"{reason} ({', '.join(sorted(methods[reason]))})"
        for reason in counts
    }
    return [(named[reason], count) for reason, count in counts.most_common()]


def cell_name(due: Due) -> str:
    """Return a cell in words."""
    cell = due.cell
    return visible(f"{cell.method} on {cell.benchmark}, replicate {cell.replicate}")
