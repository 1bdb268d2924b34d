"""Verifies a recorded command: repeats it from its record and gives a verdict of the design's table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.foundation.errors import UsageError
from assay.provenance.components import Plain
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.records.trace import Trace
from assay.verification.commands.intact import check_intact
from assay.verification.commands.located import Located, Search, locate
from assay.verification.commands.repeat import Repeated, Repeater, recorded_steps
from assay.verification.commands.seen import (
    COMPUTED,
    Seen,
    Unequal,
    computed,
    ending,
    judged,
    recorded,
    unequal,
)
from assay.verification.commands.traces import TraceDifference
from assay.verification.commands.verdict import ENOUGH, Margin, OneRepeat, Verdict, check_margin, judge
from assay.verification.commands.wording import what_differs

__all__ = ["COMPUTED", "CommandVerification", "judged", "place_of", "verify_command"]

LEAST = 3  # repeats, where one differs


class CommandVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What `assay verify RUN` found.

    `first` is where the first repeat that differs parts from the record. `other_outputs` says what differs
    though all that was computed is equal, such as logs that hold durations and what was printed.
    `arithmetic` lists what is set otherwise here, by name: the recorded value and the one in force.
    `cause` is what makes the difference, where that was located (see `located`).
    """

    run: str
    id: str
    verdict: Verdict
    as_recorded: bool
    first: TraceDifference | None = None
    other_outputs: tuple[str, ...] = ()
    arithmetic: dict[str, tuple[Plain, Plain]] = {}
    cause: Located | None = None
    repeats: tuple[OneRepeat, ...] = ()
    notes: tuple[str, ...] = ()


def verify_command(
    store: Store,
    record: CommandRecord,
    *,
    repeats: int = 3,
    as_recorded: bool = False,
    margin: Margin | None = None,
    until_decided: bool = False,
    on_repeat: Callable[[int, OneRepeat], None] | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> CommandVerification:
    """Repeat a command and judge it.

    Bits are not judged from one pair: with a repeat that differs there are at least three, and with
    `until_decided` up to 29, of which those after the first three are left at the step that decides.
    Where all agree and none is the record, the cause is looked for with a few more, told to `told`.
    `margin` must have been fixed before. Raises `UsageError` for a number of repeats below one, and
    `IntegrityError` for a record that is not what was written.
    """
    if repeats < 1:
        raise UsageError("a verification repeats the run at least once", why=f"asked for {repeats}")
    check_intact(store, record)
    if margin:
        check_margin(margin, _numbers(record))
    with tempfile.TemporaryDirectory(prefix="assay-verify-") as folder:
        repeater = Repeater(store, record, Path(folder), as_recorded=as_recorded)
        if repeater.obstacles:
            verdict = judge([], recorded={}, obstacles=repeater.obstacles)
            return CommandVerification(run=record.run, id=record.id, verdict=verdict, as_recorded=as_recorded)
        found = _Found(recorded(store, record))
        while found.wants_more(repeats, until_decided=until_decided):
            # A margin is about what is logged, which a repeat that is left early lacks.
            early = margin is None and len(found.repeats) >= max(repeats, LEAST)
            if early and found.cause_in(repeater, told):
                break
            hook = _hook(repeater, found.record.trace, stop_after=found.deciding if early else None)
            one = found.add(repeater.run(hook=hook))
            if on_repeat:
                on_repeat(len(found.repeats), one)
            if found.obstacle:
                break
        return _verification(record, found, repeater, margin, told)


class _Found:
    """What the repeats of one verification showed so far."""

    def __init__(self, record: Seen) -> None:
        self.record = record
        self.repeats: list[OneRepeat] = []
        self.first: TraceDifference | None = None
        self.other_outputs: tuple[str, ...] = ()
        self.numerics: dict[str, Any] = {}
        self.obstacle = ""
        self.search = Search(cause=None)
        # One repeat of each outcome, all of it where one was not left early.
        self._outcomes: list[Repeated] = []
        self._searched = False

    @property
    def deciding(self) -> int | None:
        """The step after which nothing more is needed to see the difference again."""
        decided = self.first is not None and self.first.kind in COMPUTED
        return self.first.step if decided and self.first else None

    @property
    def _same_way(self) -> bool:
        """Whether all repeats differ from the record, and none from another."""
        return len(self._outcomes) == 1 and not any(one.same for one in self.repeats)

    def wants_more(self, repeats: int, *, until_decided: bool) -> bool:
        """Say whether one more repeat is needed: as many as asked for, three where one differs, or 29."""
        made = len(self.repeats)
        if made < repeats:
            return True
        alike = all(one.same for one in self.repeats)
        if not alike and made < LEAST:
            return True
        # More repeats can lead to `diverged` where all differ, and in the same way.
        return until_decided and self._same_way and made < ENOUGH

    def add(self, repeated: Repeated) -> OneRepeat:
        """Compare one repeat with the record and remember what it showed."""
        seen = repeated.seen()
        for _, row in repeated.rows.of("numerics"):
            self.numerics.update(row["values"])
        try:
            differs = unequal(self.record, seen)
        except UsageError as error:
            self.obstacle = error.one_line()
            differs = Unequal(first=None, counted=(self.obstacle,), aside=())
        self.first = self.first or differs.first
        self.other_outputs = tuple(dict.fromkeys((*self.other_outputs, *differs.aside)))
        details = [] if differs.first is None else [place_of(differs.first)]
        complaint = f", saying: {repeated.complaint}" if repeated.complaint and not seen.stopped else ""
        if self.record.ends != seen.ends and not seen.stopped:
            details.append(f"the repeat ended with {ending(seen.ends)}{complaint}")
        elif complaint and differs:
            details.append(f"it failed as the record did{complaint}")
        details += [text for text in differs.counted if not text.startswith("ended with ")]
        same = not differs and not seen.stopped
        one = OneRepeat(
            same=same,
            outcome="record" if same else f"outcome {self._outcome(repeated)}",
            detail="; ".join(details[:3]) or "the repeat was left early, and nothing differs until there",
            metrics=repeated.metrics,
            ended=seen.stopped or self.record.ends == seen.ends,
        )
        self.repeats.append(one)
        return one

    def _outcome(self, repeated: Repeated) -> int:
        """Return which outcome this is: that of an earlier repeat, or a new one.

        Repeats are compared with each other and not by where they part from the record, for each records
        other steps than the next.
        """
        for number, other in enumerate(self._outcomes):
            if not self.obstacle and not unequal(other.seen(), repeated.seen()):
                return number + 1
        self._outcomes.append(repeated)
        return len(self._outcomes)

    def cause_in(self, repeater: Repeater, told: Callable[[str], None]) -> Located | None:
        """Return the cause where all repeats agree and none is the record; it is looked for once."""
        if not self._searched and self._same_way and len(self.repeats) >= LEAST and not self.obstacle:
            self._searched = True
            told("looking for the cause among what is set otherwise here")
            self.search = locate(
                repeater,
                self.record,
                self._outcomes[0],
                first=self.first,
                numerics=self.numerics,
                hook=_hook(repeater, self.record.trace, stop_after=self.deciding),
            )
        return self.search.cause


def place_of(difference: TraceDifference) -> str:
    """Return where two traces part, in words such as 'step 12: weights of SGD#0'."""
    what = what_differs(difference)
    if difference.kind == "start":
        return f"before the first step: {what} differ"
    if difference.kind == "print":
        return f"line {difference.step + 1} of the output differs"
    between = (
        "" if difference.exact or difference.last_equal is None else f" (equal until {difference.last_equal})"
    )
    return f"step {difference.step}{between}: {what} differ"


def differing_numerics(recorded: dict[str, Plain], here: dict[str, Plain]) -> dict[str, tuple[Plain, Plain]]:
    """Return the settings in force that are others here, by name."""
    return {
        name: (recorded[name], here[name])
        for name in sorted(recorded.keys() & here.keys())
        if recorded[name] != here[name]
    }


def _verification(
    record: CommandRecord,
    found: _Found,
    repeater: Repeater,
    margin: Margin | None,
    told: Callable[[str], None],
) -> CommandVerification:
    arithmetic = differing_numerics(repeater.provenance.numerics, found.numerics)
    foreign = [f"{name} {a} -> {b}" for name, (a, b) in arithmetic.items()]
    metrics = _numbers(record)
    obstacles = (found.obstacle,) if found.obstacle else ()
    decide = partial(
        judge, found.repeats, recorded=metrics, obstacles=obstacles, margin=margin, foreign=foreign
    )
    verdict = decide()
    cause = found.cause_in(repeater, told) if verdict.word == "undecided" else found.search.cause
    if cause is not None:
        verdict = decide(located=cause.text())
    notes = list(repeater.notes)
    notes += [found.search.note] if found.search.note else []
    if not computed(found.record.trace):
        notes.append("no computation was seen inside the program: its output and files were compared")
    if foreign and not repeater.as_recorded and verdict.word != "identical":
        notes.append("--as-recorded repeats it with the recorded threads and processor capability")
    return CommandVerification(
        run=record.run,
        id=record.id,
        verdict=verdict,
        as_recorded=repeater.as_recorded,
        first=found.first,
        other_outputs=found.other_outputs,
        arithmetic=arithmetic,
        cause=cause,
        repeats=tuple(found.repeats),
        notes=tuple(notes),
    )


def _numbers(record: CommandRecord) -> dict[str, float]:
    return {k: float(v) for k, v in record.result.metrics.items() if isinstance(v, int | float)}


def _hook(repeater: Repeater, trace: Trace | None, stop_after: int | None = None) -> HookSettings:
    """Return how a repeat is traced: at the steps that the record has."""
    level = repeater.provenance.level
    return HookSettings(
        level="steps" if level == "operators" else level,
        every=recorded_steps(trace) if trace else None,
        windows=((stop_after, stop_after),) if stop_after is not None else (),
        stop_after=stop_after,
    )
