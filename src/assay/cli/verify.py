"""The body of `assay verify`."""

from __future__ import annotations

from pathlib import Path

from assay.capture.environment import usable_cores
from assay.cli.output import give, give_json, say, visible
from assay.foundation.errors import StoreError
from assay.foundation.places import cache_folder, store_folder
from assay.records.store import Store
from assay.studies.load import load_study
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


def _show(found: Verification) -> None:
    summary = found.summary
    give(f"verdict: {summary.verdict}")
    give(f"  {summary.sentence}")
    if summary.claim_runs and summary.population > len(found.runs):
        give(f"  repeated besides: all {summary.claim_runs:,} runs that carry a claim, counted apart")
    give(f"  arithmetic of the records: {found.arithmetic}; sample drawn with --seed {found.seed}")
    for run in found.runs:
        if run.verdict != IDENTICAL:
            give(f"{run.verdict}: {visible(run.method)} on {run.benchmark}, replicate {run.replicate}")
            give(f"  {visible(run.detail)}")
            if not run.same_arithmetic:
                give("  the arithmetic here is not that of the record; assay doctor says what is in force")
    for finding in summary.findings:
        give(f"not intact: {visible(finding)}")
