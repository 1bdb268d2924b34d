"""All that was seen of one run, recorded or repeated, and in what two runs differ.

One comparison for a verdict, for whether a run can be repeated at all, and for what a change makes of it:
what counts in one counts in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from assay.provenance.components import Plain
from assay.records.commands import CommandRecord, provenance_of_command
from assay.records.store import Store
from assay.records.trace import Trace, load_trace
from assay.verification.commands.printed import first_other_line, is_duration, lines_of, without_times
from assay.verification.commands.traces import TraceDifference, first_difference

# Rows that a look inside the computation made; without one, output and files are all there is to judge.
COMPUTED = ("step", "backward", "forward", "fit")


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did, as far as it was looked at.

    `files` are the digests of what the record lists as outputs, None where one is not there; `declared`
    those that `--output` named. `printed` are the lines of the standard output without times. `stopped`
    says that the run was left at a step, so that only its trace can be compared.
    """

    trace: Trace | None
    ends: tuple[int | None, int | None]
    files: dict[str, str | None]
    declared: frozenset[str] = frozenset()
    metrics: dict[str, Plain] = {}
    printed: list[str] = []
    stopped: bool = False


class Unequal(msgspec.Struct, frozen=True, kw_only=True):
    """In what two runs differ.

    `counted` are results that differ, in words; `aside` what differs and may, where all that was computed
    is equal: logs with durations, and what was printed.
    """

    first: TraceDifference | None
    counted: tuple[str, ...]
    aside: tuple[str, ...]

    def __bool__(self) -> bool:
        """Say whether they differ in what counts."""
        return self.first is not None or bool(self.counted)


def recorded(store: Store, record: CommandRecord) -> Seen:
    """Return what a record shows of its run."""
    stdout = record.circumstances.stdout
    printed = store.objects.get(stdout) if stdout else b""
    places = {provenance_of_command(store, record).root: "<root>"}
    trace = load_trace(store, record)
    return Seen(
        trace=without_times(trace, printed, places) if trace else None,
        ends=(record.result.exit_status, record.result.signal),
        files={one.path: one.digest for one in record.result.outputs if one.digest is not None},
        declared=frozenset(one.path for one in record.result.outputs if one.declared),
        metrics=record.result.metrics,
        printed=lines_of(printed, places),
    )


def unequal(a: Seen, b: Seen, *, strict: bool = False) -> Unequal:
    """Return in what two runs differ; of one that was stopped, only where its trace parts.

    With `strict`, every file counts. Raises `UsageError` for traces that cannot be compared.
    """
    first = _parting(a, b)
    if a.stopped or b.stopped:
        return Unequal(first=first, counted=(), aside=())
    counted = []
    if a.ends != b.ends:
        counted.append(f"ended with {ending(a.ends)} and {ending(b.ends)}")
    metrics = [name for name in sorted(a.metrics.keys() | b.metrics.keys()) if not is_duration(name)]
    counted += [
        f"{name} is {a.metrics.get(name, 'not logged')} and {b.metrics.get(name, 'not logged')}"
        for name in metrics
        if a.metrics.get(name) != b.metrics.get(name)
    ]
    aside: list[str] = []
    for path in sorted(path for path in a.files.keys() | b.files.keys() if _other_file(a, b, path)):
        counts = strict or path in a.declared or not computed(a.trace)
        (counted if counts else aside).append(f"{path} differs")
    line = first_other_line(a.printed, b.printed)
    if line is not None:
        (aside if computed(a.trace) else counted).append(f"line {line} of what it prints differs")
    return Unequal(first=first, counted=tuple(counted), aside=tuple(aside))


def judged(trace: Trace) -> Trace:
    """Return a trace without the lines that a program printed, where more was seen than these."""
    if not computed(trace):
        return trace
    return msgspec.structs.replace(trace, steps=[row for row in trace.steps if row["kind"] != "print"])


def computed(trace: Trace | None) -> bool:
    """Say whether the trace holds what the program computed, and not only what it printed."""
    return trace is not None and any(row["kind"] in COMPUTED for row in trace.steps)


def until(seen: Seen, step: int | None) -> Seen:
    """Return what was seen up to and with a step, as of a run that was left there; all of it without one."""
    if step is None:
        return seen
    return msgspec.structs.replace(
        seen, trace=seen.trace and trace_until(judged(seen.trace), step), stopped=True
    )


def trace_only(seen: Seen) -> Seen:
    """Return what was seen without all that comes of it, as of a run that was left early."""
    return msgspec.structs.replace(seen, stopped=True)


def trace_until(trace: Trace, step: int) -> Trace:
    """Return a trace up to and with a step, without its end."""
    return msgspec.structs.replace(
        trace, steps=[row for row in trace.steps if row["step"] <= step and row["kind"] != "end"]
    )


def places_of(folder: Path) -> Mapping[str, str]:
    """Return how the folder of a repeat is called in what it prints."""
    return {str(folder): "<root>"}


def ending(ends: tuple[int | None, int | None]) -> str:
    """Return how a run ended, in words."""
    return f"signal {ends[1]}" if ends[1] else f"exit status {ends[0]}"


def _parting(a: Seen, b: Seen) -> TraceDifference | None:
    if a.trace is None or b.trace is None:
        return None
    one, two = judged(a.trace), judged(b.trace)
    # A row of logged values has one fingerprint: with a duration among them it is another each time, and
    # the values are compared by name.
    if any(is_duration(name) for name in (*a.metrics, *b.metrics)):
        one, two = (
            msgspec.structs.replace(trace, steps=[row for row in trace.steps if row["kind"] != "log"])
            for trace in (one, two)
        )
    return first_difference(one, two)


def _other_file(a: Seen, b: Seen, path: str) -> bool:
    return a.files.get(path) != b.files.get(path)
