"""Explains why two recorded commands differ: where they part, what differed there, and what does it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.foundation.errors import AssayError, UsageError
from assay.records.commands import CommandRecord
from assay.records.store import Store
from assay.records.trace import Trace
from assay.verification.commands.attribute import Attribution, Outcome, attribute, worst_case
from assay.verification.commands.change import Change
from assay.verification.commands.changes import changes_between, informed, prepare
from assay.verification.commands.explanation import (
    CHANCE,
    EXPLAINED,
    PARTLY,
    REPEATABLE,
    Explanation,
    Listed,
    Proof,
    Repeatability,
    paragraph,
)
from assay.verification.commands.intact import check_intact
from assay.verification.commands.operators import OperatorDifference, first_operator
from assay.verification.commands.proof import prove
from assay.verification.commands.repeat import Repeated, Repeater, recorded_steps
from assay.verification.commands.repeatability import repeatability
from assay.verification.commands.seen import (
    COMPUTED,
    Seen,
    Unequal,
    judged,
    recorded,
    trace_only,
    unequal,
    until,
)
from assay.verification.commands.traces import first_difference

Told = Callable[[str], None]
LIMIT = 60  # re-runs of an attribution, unless another number is asked for


class _Investigation:
    """One pair of records, and what has been found out about it."""

    def __init__(
        self, store: Store, a: CommandRecord, b: CommandRecord, *, cache: Path, scratch: Path, told: Told
    ) -> None:
        self.a, self.b = a, b
        self._cache = cache
        self.told = told
        self.seen_a, self.seen_b = recorded(store, a), recorded(store, b)
        self.notes: list[str] = []
        self.untraced = self.seen_a.trace is None or self.seen_b.trace is None
        self.changes: list[Change] = sorted(
            changes_between(store, a, b), key=lambda change: (change.likelihood, change.id)
        )
        differs = self._differs()
        self.first = differs.first
        self.results = (*differs.counted, *_unequal_final(self.seen_a, self.seen_b, a, b))
        self._store = store
        self._scratch = scratch
        self._repeaters: dict[str, Repeater] = {}

    @property
    def differ(self) -> bool:
        return self.first is not None or bool(self.results)

    @property
    def deciding(self) -> int | None:
        """The step after which a repeat can be left; None where it must run to its end."""
        first = self.first
        if first is None or first.kind not in (*COMPUTED, "start") or first.kind == "fit":
            return None
        return max(first.step, 0)

    @property
    def runs(self) -> int:
        return sum(one.runs for one in self._repeaters.values())

    def repeater(self, side: str) -> Repeater:
        """Return what repeats side 'A' or 'B', made at its first use."""
        if side not in self._repeaters:
            record = self.a if side == "A" else self.b
            self._repeaters[side] = Repeater(self._store, record, self._scratch / side, as_recorded=True)
        return self._repeaters[side]

    def obstacles(self) -> tuple[str, ...]:
        """Return what stands in the way of repeating A or B, each with its side."""
        return tuple(f"{side}: {one}" for side in "AB" for one in self.repeater(side).obstacles)

    def hook(self, *, every: bool = True) -> HookSettings:
        """Return how far and how densely a repeat is traced."""
        step = self.deciding
        strides = [recorded_steps(self.seen_a.trace), recorded_steps(self.seen_b.trace)]
        return HookSettings(
            every=max(strides) if every else None,
            windows=((step, step),) if step is not None else (),
            stop_after=step,
        )

    def narrow(self) -> None:
        """Find the exact step where only a bracket is known: both sides are run again, densely in it."""
        first = self.first
        if first is None or first.exact or first.kind not in COMPUTED or first.last_equal is None:
            return
        self.told(f"narrowing steps {first.last_equal} to {first.step}")
        hook = msgspec.structs.replace(self.hook(), windows=((first.last_equal + 1, first.step),))
        traces = [self.repeater(side).run(hook=hook).trace for side in "AB"]
        found = first_difference(*map(judged, traces))
        if found is not None:
            self.first = found
            self.seen_a, self.seen_b = (
                msgspec.structs.replace(seen, trace=trace)
                for seen, trace in zip((self.seen_a, self.seen_b), traces, strict=True)
            )

    def locate(self) -> tuple[OperatorDifference | None, str]:
        """Return the first operator that parts the runs, or why none can be named."""
        first = self.first
        if first is None:
            return None, "the traces do not differ"
        step = self.deciding or 0
        self.told(f"logging the operators of step {step} on both sides")
        hook = msgspec.structs.replace(
            self.hook(), operators=(step, step), windows=((step, step),), stop_after=self.deciding
        )
        one, two = (self.repeater(side).run(hook=hook, keep=f"operators-{side}") for side in "AB")
        for side, found, before in (("A", one, self.seen_a), ("B", two, self.seen_b)):
            parted = unequal(self.view(before), trace_only(found.seen())).first
            if parted is not None and parted.kind in COMPUTED:
                return None, (
                    f"logging operators changed what {side} computes (as with compiled code), so that its "
                    "operators say nothing about the recorded run"
                )
        operator = first_operator(one.trace, two.trace)
        return operator, "" if operator else "the operators that were logged are equal"

    def prepare(self) -> None:
        """Order the changes by what differs first, and get the packages that stand among them."""
        if any(change.packages and change.possible for change in self.changes):
            self.told("getting other versions of packages into the cache")
        sides = {side.lower(): self.repeater(side).provenance for side in "AB"}
        field = self.first.field if self.first else ""
        self.changes = informed(prepare(self.changes, self._cache, a=sides["a"], b=sides["b"]), field)

    def outcome(self, ids: frozenset[str]) -> Outcome:
        """Say what A becomes with some of the changes."""
        chosen = [change for change in self.changes if change.id in ids]
        self.told(f"re-run with: {'; '.join(change.text for change in chosen) or 'nothing changed'}")
        try:
            repeated = self.repeater("A").run(chosen, hook=self.hook())
        except AssayError as error:
            self.notes.append(error.one_line())
            return "broken"
        if self._is(repeated, self.seen_b):
            return "b"
        if self._is(repeated, self.seen_a):
            return "a"
        failed = repeated.ended.exit_status != self.a.result.exit_status and not repeated.stopped
        return (
            "broken"
            if failed and repeated.ended.exit_status not in (0, self.b.result.exit_status)
            else "other"
        )

    def view(self, seen: Seen) -> Seen:
        """Return what of a run is to be explained: its trace up to the difference, or unequal results."""
        if self.first is not None:
            return trace_only(until(seen, self.deciding))
        differs = " ".join(self.results)
        return msgspec.structs.replace(
            seen,
            trace=None if self.untraced else seen.trace,
            ends=seen.ends if "ended with " in differs else (0, None),
            files={path: digest for path, digest in seen.files.items() if f"{path} differs" in self.results},
            metrics={name: value for name, value in seen.metrics.items() if f"{name} is " in differs},
            printed=seen.printed if "of what it prints" in differs else [],
        )

    def confirmed(self, attribution: Attribution) -> bool:
        """Say whether A and A with each cause come out as before when they are run once more."""
        if self.outcome(frozenset()) != "a":
            return False
        return all(self.outcome(frozenset(cause.ids)) == cause.outcome for cause in attribution.causes)

    def _is(self, repeated: Repeated, wanted: Seen) -> bool:
        """Say whether a repeat did the same as a record, in what is to be explained."""
        one, two = self.view(wanted), self.view(repeated.seen())
        if one.trace is not None and two.trace is not None and not _reaches(two.trace, one.trace):
            return False
        try:
            return not unequal(one, two, strict=True)
        except UsageError:  # other digests: another interpreter, which the other record has
            return False

    def _differs(self) -> Unequal:
        try:
            return unequal(self.seen_a, self.seen_b, strict=True)
        except UsageError as error:
            self.notes.append(error.one_line())
            self.untraced = True
            return unequal(
                *(msgspec.structs.replace(seen, trace=None) for seen in (self.seen_a, self.seen_b)),
                strict=True,
            )


def explain(
    store: Store,
    a: CommandRecord,
    b: CommandRecord,
    *,
    cache: Path,
    locate: bool = False,
    attributed: bool = False,
    limit: int = LIMIT,
    told: Told = lambda _: None,
) -> Explanation:
    """Say why two records differ.

    Without re-runs: what differs in how they came to be, likely causes first, and the first step that
    differs. With `locate` the first operator, and with `attributed` the smallest sets of differences that
    turn A's result into B's; both repeat A twice first, and what does not repeat is never blamed on a
    difference. `limit` bounds the re-runs of the attribution; `told` gets what is being done.
    Raises `IntegrityError` for a record that is not what was written.
    """
    if limit < 1:
        raise UsageError("an attribution makes at least one re-run", why=f"asked for {limit}")
    for record in (a, b):
        check_intact(store, record)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="assay-explain-") as folder:
        found = _Investigation(store, a, b, cache=cache, scratch=Path(folder), told=told)
        explanation = _investigated(found, locate=locate, attributed=attributed, limit=limit)
        done = msgspec.structs.replace(
            explanation, runs=found.runs, seconds=time.monotonic() - started, notes=tuple(found.notes)
        )
    return msgspec.structs.replace(done, paragraph=paragraph(done))


def _investigated(found: _Investigation, *, locate: bool, attributed: bool, limit: int) -> Explanation:
    made = Explanation(
        a=found.a.id,
        b=found.b.id,
        answer="located" if found.differ else "identical",
        paragraph="",
        differences=tuple(_listed(change) for change in found.changes),
        first=found.first,
        results=found.results,
        untraced=found.untraced,
    )
    if not found.differ or not (locate or attributed):
        return made
    obstacles = found.obstacles()
    if obstacles:
        return msgspec.structs.replace(made, obstacles=obstacles)
    checked = _check(found)
    made = msgspec.structs.replace(made, repeatability=checked)
    loose = next((one for one in checked if one.kind != REPEATABLE), None)
    if loose is not None:
        answer = "unexplained" if loose.kind == "elsewhere" else loose.kind
        return msgspec.structs.replace(made, answer=answer)
    found.narrow()
    operator, why_not = found.locate() if locate else (None, "")
    made = msgspec.structs.replace(made, first=found.first, operator=operator, operator_why_not=why_not)
    if not attributed:
        return made
    return _attributed(found, made, limit)


def _check(found: _Investigation) -> tuple[Repeatability, ...]:
    """Repeat both sides before anything is blamed."""
    checked = []
    for side, seen in (("A", found.seen_a), ("B", found.seen_b)):
        found.told(f"repeating {side} twice with its own settings")
        checked.append(repeatability(found.repeater(side), seen, found.hook(), side, view=found.view))
        if checked[-1].kind != REPEATABLE:
            break
    return tuple(checked)


def _attributed(found: _Investigation, made: Explanation, limit: int) -> Explanation:
    found.prepare()
    made = msgspec.structs.replace(made, differences=tuple(map(_listed, found.changes)))
    usable = [change for change in found.changes if change.possible]
    bound = min(limit, worst_case(len(usable), 2))
    bound = min(bound, 2 ** min(len(usable), 20) - 1)
    found.told(f"differences that can be tried: {len(usable)}; re-runs for one cause of two: at most {bound}")
    attribution = attribute(usable, found.outcome, limit=limit)
    if attribution.causes:
        found.told(
            "running A once more as it was and with what was found, so that chance is not blamed on it"
        )
        if not found.confirmed(attribution):
            return msgspec.structs.replace(made, answer=CHANCE, attribution=attribution, bound=bound)
    proof = _proof(found, made.operator, attribution)
    return msgspec.structs.replace(
        made,
        answer=_answer(attribution),
        attribution=attribution,
        proof=proof,
        bound=bound,
        differences=tuple(_part(one, attribution) for one in made.differences),
    )


def _proof(
    found: _Investigation, operator: OperatorDifference | None, attribution: Attribution
) -> Proof | None:
    if operator is None or operator.kind != "operator" or operator.operator == "line":
        return None
    ids = next((cause.ids for cause in attribution.causes if cause.outcome == "b"), ())
    if not ids:
        return None
    chosen = [change for change in found.changes if change.id in ids]
    if any(change.kind not in ("variable", "threads", "package", "hash seed") for change in chosen):
        return None
    found.told(f"running {operator.operator} alone under both settings")
    return prove(found.repeater("A"), found.hook(), operator, chosen)


def _listed(change: Change) -> Listed:
    part = "" if change.possible else "not applicable"
    return Listed(id=change.id, kind=change.kind, text=change.text, part=part, why=change.why_not)


def _answer(attribution: Attribution) -> str:
    if any(cause.outcome == "b" for cause in attribution.causes):
        return EXPLAINED
    return PARTLY if attribution.causes else "unexplained"


def _part(one: Listed, attribution: Attribution) -> Listed:
    outcomes = {cause.outcome for cause in attribution.causes if one.id in cause.ids}
    if outcomes:
        return msgspec.structs.replace(one, part="cause" if "b" in outcomes else "partial")
    if one.id in attribution.innocent:
        return msgspec.structs.replace(one, part="innocent")
    if one.id in attribution.undecided:
        return msgspec.structs.replace(one, part="undecided")
    return one


def _reaches(found: Trace, wanted: Trace) -> bool:
    """Say whether a trace goes as far as another: one that broke off early is not equal to it."""
    last = max((row["step"] for row in wanted.steps if row["kind"] in COMPUTED), default=-1)
    return any(row["step"] >= last for row in found.steps) if last >= 0 else True


def _unequal_final(one: Seen, two: Seen, a: CommandRecord, b: CommandRecord) -> tuple[str, ...]:
    """Return the last fingerprints that differ, where one digest made both."""
    if one.trace is None or two.trace is None or one.trace.algorithm != two.trace.algorithm:
        return ()
    first, second = a.result.final, b.result.final
    return tuple(
        f"{name} {first[name]} and {second[name]}"
        for name in sorted(first.keys() & second.keys())
        if first[name] != second[name]
    )
