"""The cause of repeats that agree with each other and not with their record: which setting it is.

A cause counts as located in two cases, and in no other:

proved       what is set otherwise here and can be set as recorded is set so, and the repeat then gives what
             the record has where the others part from it, twice; the smallest such set is the cause
arithmetic   the inputs of the moment that differs first are equal, all before it was recorded and is equal,
             and a library, processor or kernel that computes it is another one, which no setting undoes

Another value alone is no cause: a program may follow the date. Nor is a first difference without another
value, or one in a printed line, which any kind of difference can bring about.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from assay.capture.recording.launch import HookSettings
from assay.capture.recording.settings import variables_of
from assay.foundation.errors import AssayError, UsageError
from assay.provenance.commands import CommandProvenance
from assay.provenance.components import Plain
from assay.verification.commands.attribute import Outcome, attribute
from assay.verification.commands.candidates_launch import number_changes, variable_changes
from assay.verification.commands.change import Change, arrow
from assay.verification.commands.changes import is_arithmetic
from assay.verification.commands.repeat import ITS_OWN, Repeated, Repeater, settable
from assay.verification.commands.seen import COMPUTED, Seen, unequal
from assay.verification.commands.traces import TraceDifference

LIMIT = 10  # repeats of the search; most repeats differ in no setting or in one
_SHOWN = 4
# Facts about a process that decide no number by themselves.
_ASIDE = frozenset({"process.processors", "process.hash_randomization", "process.optimize"})
_EVERYWHERE = ("process.", "mkl.", "openmp.")
_COMPUTED_BY = {
    "fit": ("numpy.", "scipy.", "sklearn.", "openblas.", "blis.", "joblib.", *_EVERYWHERE),
    "": ("torch.", "cuda.", "triton.", *_EVERYWHERE),
}


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """The cause of a difference: `differences` are recorded values and those here, in words.

    `proved` says that the recorded values gave the record's result again; else it is the arithmetic, which
    was not tried.
    """

    differences: tuple[str, ...]
    proved: bool

    def text(self) -> str:
        """Return the cause in words."""
        more = len(self.differences) - _SHOWN
        named = "; ".join(self.differences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        if self.proved:
            whose = "the recorded value" if len(self.differences) == 1 else "the recorded values"
            return f"{named} (with {whose} a repeat gives what the record has there)"
        return f"{named} (the inputs are equal and what computes is not; nothing here undoes it)"


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a search for the cause found: a cause or none, what else to tell, and its repeats."""

    cause: Located | None
    note: str = ""
    runs: int = 0


def locate(
    repeater: Repeater,
    record: Seen,
    repeated: Repeated,
    *,
    first: TraceDifference | None,
    numerics: Mapping[str, Plain],
    hook: HookSettings,
) -> Search:
    """Look for the cause of repeats that all came out as `repeated`, and not as the record.

    `first` is where they part from it, `numerics` what was in force in them, and `hook` says how far a
    repeat goes to show the difference again. Makes at most `LIMIT` + 2 repeats, and none where nothing that
    can be set is set otherwise.
    """
    trials = _Trials(repeater, record, repeated.seen(), hook)
    changes = _settings(repeater, repeated, numerics)
    every = frozenset(change.id for change in changes)
    note = ""
    if changes:
        trials.changes = changes
        outcome = trials.outcome(every)
        if outcome == "b":
            return _proved(trials, every)
        numerics = trials.numerics  # what still differs was not undone
        ends = "cannot be made" if outcome == "broken" else "differs all the same"
        note = f"what is set otherwise here was set as recorded, and a repeat {ends}"
    cause = _arithmetic(repeater.provenance.numerics, numerics, record, first)
    return Search(cause=cause, note="" if cause else note, runs=trials.runs)


def _settings(repeater: Repeater, repeated: Repeated, numerics: Mapping[str, Plain]) -> list[Change]:
    """Return what makes of this environment the recorded one: variables, threads, kernels to be taken."""
    there, here = repeater.restored.variables, variables_of(repeated.rows, repeater.variables())
    names = [name for name in settable({**there, **here}) if name not in ITS_OWN]
    a, b = (
        CommandProvenance(
            argv=(),
            variables={name: found[name] for name in names if name in found},
            numerics=dict(values),
        )
        for found, values in ((here, numerics), (there, repeater.provenance.numerics))
    )
    return [one for one in (*variable_changes(a, b), *number_changes(a, b)) if one.possible]


class _Trials:
    """Repeats with some settings as recorded, each set tried once; `numerics` are those of the last one."""

    def __init__(self, repeater: Repeater, record: Seen, repeated: Seen, hook: HookSettings) -> None:
        self.changes: list[Change] = []
        self.runs = 0
        self.numerics: dict[str, Plain] = {}
        self._repeater, self._record, self._repeated, self._hook = repeater, record, repeated, hook
        self._known: dict[frozenset[str], Outcome] = {}

    def outcome(self, ids: frozenset[str]) -> Outcome:
        """Say what a repeat gives: 'a' what it gave before, 'b' what the record has, or something else."""
        if ids not in self._known:
            self._known[ids] = self.again(ids)
        return self._known[ids]

    def again(self, ids: frozenset[str]) -> Outcome:
        """Say what one more repeat gives."""
        self.runs += 1
        try:
            found = self._repeater.run([one for one in self.changes if one.id in ids], hook=self._hook)
            self.numerics = {}
            for _, row in found.rows.of("numerics"):
                self.numerics.update(row["values"])
            seen = found.seen()
            if not unequal(self._record, seen):
                return "b"
            return "other" if unequal(self._repeated, seen) else "a"
        except UsageError:  # a trace of another digest, which compares with nothing
            return "other"
        except AssayError:
            return "broken"


def _proved(trials: _Trials, every: frozenset[str]) -> Search:
    """Find the smallest set of settings that gives the record's result, and try it once more."""
    found = attribute(trials.changes, trials.outcome, limit=LIMIT)
    smallest = found.causes[0].ids if found.causes else found.smallest
    ids = frozenset(smallest) or every
    if trials.again(ids) != "b":
        note = "with the recorded settings a repeat once gave what the record has, and once it did not"
        return Search(cause=None, note=note, runs=trials.runs)
    # A change leads from here to the record; people read it the other way round.
    texts = tuple(f"{one.path}: {arrow(one.b, one.a)}" for one in trials.changes if one.id in ids)
    return Search(cause=Located(differences=texts, proved=True), runs=trials.runs)


def _arithmetic(
    there: Mapping[str, Plain], here: Mapping[str, Plain], record: Seen, first: TraceDifference | None
) -> Located | None:
    """Return another arithmetic as the cause of a difference that arose between equal inputs and a result."""
    if first is None or not first.exact or not is_arithmetic(first.field):
        return None
    if first.kind not in (*COMPUTED, "start") or not (first.kind == "start" or _inputs_seen(record, first)):
        return None
    computing = _COMPUTED_BY.get(first.kind, _COMPUTED_BY[""])
    names = [
        name
        for name in sorted(there.keys() & here.keys())
        if there[name] != here[name] and name.startswith(computing) and name not in _ASIDE
    ]
    names.sort(key=lambda name: not name.endswith(".version"))
    texts = tuple(f"{name}: {arrow(there[name], here[name])}" for name in names)
    return Located(differences=texts, proved=False) if texts else None


def _inputs_seen(record: Seen, first: TraceDifference) -> bool:
    """Say whether the inputs of the moment that differs are in the trace, and so are known to be equal."""
    rows = record.trace.steps if record.trace is not None else []
    return any(
        row.get("batch") or row.get("inputs")
        for row in rows
        if (row["process"], row["step"]) == (first.process, first.step)
    )
