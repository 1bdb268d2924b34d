"""Verifies a recorded command: repeats it from its record and gives a verdict of the design's table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.foundation.digest import digest_value
from assay.foundation.errors import UsageError
from assay.provenance.components import Plain
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.records.trace import Trace, load_trace
from assay.verification.commands.repeat import Repeated, Repeater, recorded_steps
from assay.verification.commands.traces import TraceDifference, first_difference
from assay.verification.commands.verdict import ENOUGH, Margin, OneRepeat, Verdict, judge
from assay.verification.commands.wording import what_differs

# Rows that a look inside the computation made; without one, output and files are all there is to judge.
COMPUTED = ("step", "backward", "forward", "fit")


class CommandVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What `assay verify RUN` found.

    `first` is where the first repeat that differs parts from the record. `other_outputs` are files that
    differ though all that was computed is equal, such as logs that hold durations. `arithmetic` lists what
    is set otherwise here, by name: the recorded value and the one in force.
    """

    run: str
    id: str
    verdict: Verdict
    as_recorded: bool
    first: TraceDifference | None = None
    other_outputs: tuple[str, ...] = ()
    arithmetic: dict[str, tuple[Plain, Plain]] = {}
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
) -> CommandVerification:
    """Repeat a command and judge it.

    Bits are not judged from one pair: after a repeat that differs there are at least three, and with
    `until_decided` up to 29 that are each left at the step that decides. `margin` must have been fixed
    before. Raises `UsageError` for a number of repeats below one.
    """
    if repeats < 1:
        raise UsageError("a verification repeats the run at least once", why=f"asked for {repeats}")
    trace = load_trace(store, record)
    with tempfile.TemporaryDirectory(prefix="assay-verify-") as folder:
        repeater = Repeater(store, record, Path(folder), as_recorded=as_recorded)
        if repeater.obstacles:
            verdict = judge([], recorded={}, obstacles=repeater.obstacles)
            return CommandVerification(run=record.run, id=record.id, verdict=verdict, as_recorded=as_recorded)
        found = _Found(record, trace)
        for number in range(repeats if repeats > 1 else 3):
            one = found.add(repeater.run(hook=_hook(repeater, trace)))
            if on_repeat:
                on_repeat(number + 1, one)
            if repeats == 1 and one.same:
                break
        while until_decided and found.may_be_decided():
            one = found.add(repeater.run(hook=_hook(repeater, trace, stop_after=found.deciding)))
            if on_repeat:
                on_repeat(len(found.repeats), one)
        return _verification(found, repeater, margin)


class _Found:
    """What the repeats of one verification showed so far."""

    def __init__(self, record: CommandRecord, trace: Trace | None) -> None:
        self.record = record
        self.trace = trace
        self.repeats: list[OneRepeat] = []
        self.first: TraceDifference | None = None
        self.other_outputs: tuple[str, ...] = ()
        self.numerics: dict[str, Any] = {}

    @property
    def deciding(self) -> int | None:
        """The step after which nothing more is needed to see the difference again."""
        decided = self.first is not None and self.first.kind in COMPUTED
        return self.first.step if decided and self.first else None

    def may_be_decided(self) -> bool:
        """Say whether more repeats can lead to `diverged`: they differ, all in the same way, and are few."""
        alike = len({one.outcome for one in self.repeats}) == 1 and not any(one.same for one in self.repeats)
        return alike and len(self.repeats) < ENOUGH

    def add(self, repeated: Repeated) -> OneRepeat:
        """Compare one repeat with the record and remember what it showed."""
        difference = first_difference(judged(self.trace), judged(repeated.trace)) if self.trace else None
        if self.first is None and difference is not None:
            self.first = difference
        for _, row in repeated.rows.of("numerics"):
            self.numerics.update(row["values"])
        files = _unequal_outputs(self.record, repeated)
        computed = _computed(self.trace)
        declared = {output.path for output in self.record.result.outputs if output.declared}
        counted = [path for path in files if path in declared or not computed]
        if computed:
            self.other_outputs = tuple(path for path in files if path not in declared)
        one = self._judged(repeated, difference, counted)
        self.repeats.append(one)
        return one

    def _judged(self, repeated: Repeated, difference: TraceDifference | None, files: list[str]) -> OneRepeat:
        result, ended = self.record.result, repeated.ended
        ends = repeated.stopped or (ended.exit_status, ended.signal) == (result.exit_status, result.signal)
        details = []
        if difference is not None:
            details.append(place_of(difference))
        if not ends and not repeated.stopped:
            details.append(f"the repeat ended with {_ending(ended.exit_status, ended.signal)}")
        if not repeated.stopped:
            details += [f"{path} differs" for path in files]
        same = not details
        # A repeat that was left at the deciding step says no more than where it parts.
        outcome = (
            [difference, ends] if self.deciding is not None else [difference, ends, _outcome(repeated, files)]
        )
        return OneRepeat(
            same=same,
            outcome="record" if same else digest_value(outcome),
            detail="; ".join(details[:3]),
            metrics=repeated.metrics,
        )


def judged(trace: Trace) -> Trace:
    """Return a trace without the lines that a program printed, where more was seen than these."""
    if not _computed(trace):
        return trace
    return msgspec.structs.replace(trace, steps=[row for row in trace.steps if row["kind"] != "print"])


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


def _verification(found: _Found, repeater: Repeater, margin: Margin | None) -> CommandVerification:
    record = found.record
    arithmetic = differing_numerics(repeater.provenance.numerics, found.numerics)
    foreign = [f"{name} {a} -> {b}" for name, (a, b) in arithmetic.items()]
    recorded = {k: float(v) for k, v in record.result.metrics.items() if isinstance(v, int | float)}
    verdict = judge(found.repeats, recorded=recorded, margin=margin, foreign=foreign)
    notes = list(repeater.restored.notes)
    if found.trace is None or not _computed(found.trace):
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
        repeats=tuple(found.repeats),
        notes=tuple(notes),
    )


def _hook(repeater: Repeater, trace: Trace | None, stop_after: int | None = None) -> HookSettings:
    """Return how a repeat is traced: at the steps that the record has."""
    level = repeater.provenance.level
    return HookSettings(
        level="steps" if level == "operators" else level,
        every=recorded_steps(trace) if trace else None,
        windows=((stop_after, stop_after),) if stop_after is not None else (),
        stop_after=stop_after,
    )


def _computed(trace: Trace | None) -> bool:
    return trace is not None and any(row["kind"] in COMPUTED for row in trace.steps)


def _unequal_outputs(record: CommandRecord, repeated: Repeated) -> list[str]:
    return [
        output.path
        for output in record.result.outputs
        if output.digest is not None and repeated.outputs.get(output.path) != output.digest
    ]


def _outcome(repeated: Repeated, files: list[str]) -> Any:
    """Return all by which two repeats can be told apart: their last fingerprints and counted outputs."""
    ends = [row for row in judged(repeated.trace).steps if row["kind"] == "end"]
    kept = [{key: value for key, value in row.items() if isinstance(value, str)} for row in ends]
    return [kept, {path: repeated.outputs.get(path) for path in files}]


def _ending(status: int | None, signal: int | None) -> str:
    return f"signal {signal}" if signal else f"exit status {status}"
