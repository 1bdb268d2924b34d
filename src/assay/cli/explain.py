"""The body of `assay explain`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from assay.cli.output import give, give_json, say, visible
from assay.foundation.errors import UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.publishing.words import counted
from assay.records.commands import CommandRecord, find_command
from assay.records.store import Store
from assay.verification.commands.explain import explain
from assay.verification.commands.explanation import PARTLY, Explanation
from assay.verification.commands.repeat_now import repeat_now

_SHOWN = 12
_FINGERPRINTS = re.compile(r"(\d+)\.(\w+) [0-9a-f]{16,} and [0-9a-f]{16,}")
_PARTS = {
    "cause": "cause",
    "partial": "changes A",
    "innocent": "no part",
    "undecided": "not decided",
    "not applicable": "not tried",
    "": "",
}


def explain_runs(
    first: str,
    second: str | None,
    store_path: Path | None,
    *,
    locate: bool,
    attribute: bool,
    limit: int,
    json: bool,
) -> int:
    """Say why two runs differ, or a run and its repeat now; 0 where the answer stands, else 1."""
    store = Store(store_path or store_folder(), create=False)
    a = _record(store, first)
    b = _record(store, second) if second else _now(store, a)
    found = explain(
        store, a, b, cache=cache_folder(), locate=locate, attributed=attribute, limit=limit, told=say
    )
    give_json(found) if json else _show(found)
    open_answers = ("unexplained", "located", "chance", PARTLY) if attribute else ("unexplained",)
    return 1 if found.answer in open_answers else 0


def _record(store: Store, text: str) -> CommandRecord:
    record = find_command(store, text)
    if record is None:
        raise UsageError(
            f"no recorded command is called '{text}'",
            where=str(store.folder),
            why="explain compares commands that `assay exec` recorded",
            hint="assay ls lists the runs; assay diff compares the records of searches",
        )
    return record


def _now(store: Store, record: CommandRecord) -> CommandRecord:
    say("repeating the run here and now")
    with tempfile.TemporaryDirectory(prefix="assay-repeat-") as folder:
        return repeat_now(store, record, Path(folder), cache_folder())


def _show(found: Explanation) -> None:
    give(visible(found.paragraph))
    give("")
    _show_differences(found)
    if found.results:
        give("results that differ:")
        for text in found.results[:_SHOWN]:
            give(f"  {visible(_result(text))}")
    for checked in found.repeatability:
        give(f"{checked.side} repeated {checked.repeats} times here: {checked.kind}")
        for source in checked.sources[:_SHOWN]:
            give(f"  {source.kind}: {source.generator} {visible(source.where)}")
    if found.operator_why_not:
        give(f"no operator is named: {found.operator_why_not}")
    if found.attribution is not None and not found.attribution.complete:
        give("the search ended at its limit before all causes were sure: --limit raises it")
    for note in found.notes:
        give(f"note: {visible(note)}")
    if found.runs:
        say(f"{counted(found.runs, 're-run')}, {found.seconds:.0f} s")


def _result(text: str) -> str:
    """Return a result that differs in words: fingerprints say nothing to people."""
    found = _FINGERPRINTS.fullmatch(text)
    return f"the last {found[2]} of process {found[1]}" if found else text


def _show_differences(found: Explanation) -> None:
    if not found.differences:
        give("nothing that was recorded about how they came to be differs")
        return
    places = counted(len(found.differences), "place")
    give(f"how they came to be differs in {places}, likely causes first:")
    shown = sorted(found.differences, key=lambda one: one.part not in ("cause", "partial"))[:_SHOWN]
    width = max(len(_PARTS[one.part]) for one in shown)
    for one in shown:
        part = f"{_PARTS[one.part]:<{width}}  " if width else ""
        why = f" ({one.why})" if one.why else ""
        give(f"  {part}{visible(one.text)}{visible(why)}")
    if len(found.differences) > len(shown):
        give(f"  and {len(found.differences) - len(shown)} more: --json lists all")
