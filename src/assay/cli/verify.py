"""The body of `assay verify`, for a study and for a recorded command."""

from __future__ import annotations

from pathlib import Path

from assay.capture.environment import usable_cores
from assay.cli.output import give, give_json, say, visible
from assay.foundation.errors import StoreError, UsageError
from assay.foundation.places import cache_folder, store_folder
from assay.records.commands import CommandRecord, find_command
from assay.records.store import Store
from assay.studies.load import load_study
from assay.verification.commands.verdict import Margin, OneRepeat, check_word
from assay.verification.commands.verify import CommandVerification, place_of, verify_command
from assay.verification.verify import IDENTICAL, Verification, keep_verification, verify_study


def verify(
    path: Path, store_path: Path | None, workers: int | None, *, sample: int, seed: int | None, json: bool
) -> int:
    """Verify a study and return the exit status: 0 only if every repeat is identical."""
    loaded = load_study(path)
    store = Store(store_path or store_folder(), create=False)
    say("repeating runs in fresh processes")
    found = verify_study(
        loaded,
        store,
        cache_folder(),
        sample=sample,
        seed=seed,
        workers=usable_cores() or 1 if workers is None else workers,
    )
    give_json(found) if json else _show(found)
    try:
        keep_verification(store, found)
    except StoreError as error:
        say(f"the verdict is not kept for the report: {error.one_line()}")
    return 0 if found.holds else 1


def recorded_command(text: str, store_path: Path | None) -> CommandRecord | None:
    """Return the recorded command that `text` names, or None where it is to be read as a study file.

    A recorded command is called by its script unless it was given a name: `train.py` is no study.
    """
    folder = store_path or store_folder()
    if Path(text).suffix == ".toml":
        return None
    has_store = (folder / "format.json").exists()
    found = find_command(Store(folder, create=False), text) if has_store else None
    if found is None and not Path(text).exists():
        raise UsageError(
            f"no recorded command is called '{text}', and no study file",
            where=str(folder),
            hint="assay ls lists the recorded commands; assay init FILE writes a study",
        )
    return found


def verify_recorded(
    record: CommandRecord,
    store_path: Path | None,
    *,
    repeats: int,
    as_recorded: bool,
    until_decided: bool,
    margin: str | None,
    at_least: str,
    json: bool,
) -> int:
    """Repeat a recorded command; 0 only if the verdict is at least as good as asked."""
    check_word(at_least)
    fixed = _margin(margin)
    store = Store(store_path or store_folder(), create=False)
    say(f"repeating {visible(record.name)} ({record.id[:8]}) in a restored copy")
    found = verify_command(
        store,
        record,
        repeats=repeats,
        as_recorded=as_recorded,
        margin=fixed,
        until_decided=until_decided,
        on_repeat=_told,
        told=say,
    )
    give_json(found) if json else _show_command(found)
    return 0 if found.verdict.reaches(at_least) else 1


def _told(number: int, one: OneRepeat) -> None:
    say(f"repeat {number}: {'identical' if one.same else visible(one.detail)}")


def _margin(text: str | None) -> Margin | None:
    if text is None:
        return None
    metric, _, width = text.partition("=")
    try:
        number = float(width)
    except ValueError:
        number = -1.0
    if not metric or not 0 < number < float("inf"):
        raise UsageError(f"'{text}' is no margin", hint="--margin accuracy=0.01")
    return Margin(metric=metric, width=number)


def _show_command(found: CommandVerification) -> None:
    give(f"verdict: {found.verdict.text()}")
    give(f"  {visible(found.verdict.sentence)}")
    if found.first is not None:
        where = f" ({visible(found.first.where)})" if found.first.where else ""
        give(f"first difference: {visible(place_of(found.first))}{where}")
    if found.arithmetic and found.verdict.word != IDENTICAL:
        give("set otherwise here:")
        for name, (a, b) in list(found.arithmetic.items())[:12]:
            give(f"  {name}: {visible(str(a))} -> {visible(str(b))}")
    if found.other_outputs:
        give(f"though the computation is equal: {visible('; '.join(found.other_outputs))}")
    for note in found.notes:
        give(f"note: {visible(note)}")
    if found.verdict.word not in (IDENTICAL, "incomparable"):
        say(f"assay explain {found.id[:8]} --locate says where a repeat parts and why")


def _show(found: Verification) -> None:
    summary = found.summary
    give(f"verdict: {summary.verdict}")
    give(f"  {summary.sentence}")
    if summary.claim_runs and summary.population > len(found.runs):
        both = summary.sampled + summary.claim_runs - len(found.runs)
        shared = f"; {both:,} of them {'is' if both == 1 else 'are'} in the sample too" if both else ""
        give(f"  repeated besides: all {summary.claim_runs:,} runs that carry a claim, counted apart{shared}")
    give(f"  arithmetic of the records: {found.arithmetic}; sample drawn with --seed {found.seed}")
    for run in found.runs:
        if run.verdict != IDENTICAL:
            give(f"{run.verdict}: {visible(run.method)} on {run.benchmark}, replicate {run.replicate}")
            give(f"  {visible(run.detail)}")
            if not run.same_arithmetic:
                give("  the arithmetic here is not that of the record; assay doctor says what is in force")
    for finding in summary.findings:
        give(f"not intact: {visible(finding)}")
