"""The body of `assay run`."""

from __future__ import annotations

import shlex
import signal
from collections import Counter
from pathlib import Path

import msgspec

from assay.capture.environment import usable_cores
from assay.cli.output import give, give_json, say, table, visible
from assay.cli.progress import StudyProgress, plan_line, reasons
from assay.foundation.digest import short
from assay.foundation.errors import UsageError, nearest
from assay.foundation.places import cache_folder, store_folder
from assay.provenance.components import Arithmetic
from assay.provenance.difference import explain_arithmetic_change
from assay.records.store import Store
from assay.studies.failures import causes
from assay.studies.load import load_study
from assay.studies.plan import Plan, make_plan
from assay.studies.raced import gap_lines, without_raced
from assay.studies.run import RunSummary, other_arithmetic, run_study, worker_arithmetic
from assay.studies.tuned import Settled, settle
from assay.studies.tuning import TUNED_DEFAULT, configuration_text


def run(
    path: Path,
    store_path: Path | None,
    workers: int | None,
    *,
    dry_run: bool,
    rerun_on: str | None,
    json: bool,
) -> int:
    """Run a study, or say what running it would do; return the exit status."""
    if rerun_on not in (None, "arithmetic"):
        near = nearest(rerun_on, ["arithmetic"])
        raise UsageError(f"cannot rerun on '{rerun_on}'", hint=f"--rerun-on {near or 'arithmetic'}")
    loaded = load_study(path)
    folder = store_path or store_folder()
    if dry_run:
        store = Store(folder, create=False) if (folder / "format.json").exists() else None
        rerun = other_arithmetic(store) if store and rerun_on else frozenset[str]()
        found = settle(loaded, store, cache_folder(), rerun=rerun)
        plan = make_plan(found.loaded, store, cache_folder(), rerun=rerun)
        plan = without_raced(plan, store.runs() if store else {})
        if json:
            give_json({**_plan_facts(plan), **_tuning_facts(found)})
        else:
            _show_tuning(found)
            _show_plan(plan, store)
        return 0
    progress = StudyProgress()
    # To be asked to end is to be interrupted: workers finish what they have.
    # Where the interrupt key is ignored, as for what a script starts in the background, this still ends it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        summary = run_study(
            loaded,
            Store(folder),
            cache_folder(),
            workers=usable_cores() or 1 if workers is None else workers,
            watcher=progress,
            rerun_on_arithmetic=rerun_on is not None,
        )
    except KeyboardInterrupt:
        progress.close()
        say("interrupted; finished runs stay. To go on:")
        say(f"  {_command(path, store_path, workers)}")
        return 130
    finally:
        progress.close()
    give_json(summary) if json else _show_summary(summary, path, store_path)
    return 0 if summary.holds else 1


def _command(path: Path, store_path: Path | None, workers: int | None) -> str:
    parts = ["assay", "run", str(path)]
    parts += ["--store", str(store_path)] if store_path else []
    parts += ["--workers", str(workers)] if workers else []
    return shlex.join(parts)


def _show_summary(summary: RunSummary, path: Path, store_path: Path | None) -> None:
    store = f" --store {shlex.quote(str(store_path))}" if store_path else ""
    if summary.tuning_done:
        give(f"{visible(summary.study)}: {summary.tuning_done:,} runs done to tune it")
    _show_choices(summary)
    if not summary.done and not summary.cells and summary.failed:
        give(
            f"{visible(summary.study)}: {len(summary.failed):,} tuning runs failed, so that nothing is chosen"
        )
    elif not summary.done and not summary.failed and summary.holds:
        give(f"{visible(summary.study)}: nothing to do, all {summary.cells:,} runs stand")
    else:
        give(
            f"{visible(summary.study)}: {summary.done:,} runs done in {summary.seconds:.1f} s, "
            f"{summary.standing:,} stood, {len(summary.failed):,} failed"
        )
    for out in summary.dropped:
        give(
            f"dropped by the race: {visible(out.method)} on {out.benchmark} after {out.after:,} replicates, "
            f"worse than {visible(out.by)} by {-out.high:.3g} at least"
        )
    if summary.extended:
        give(f"{summary.extended:,} runs extend earlier ones, each beginning as the shorter one did")
    if summary.restarted:
        give(
            f"{summary.restarted:,} runs with a longer budget are other searches: their method depends on it"
        )
    _show_failures(summary, store)
    for run in summary.conflicts[:10]:
        give(f"conflict: attempts of run {run[:12]} disagree, and no result of it is used")
        give(f"  assay show {run[:12]}{store}")
    for line in summary.unassessed[:10]:
        give(f"not assessed: {visible(line)}")
    say(f"next: assay verify {shlex.quote(str(path))}{store}   assay report {shlex.quote(str(path))}{store}")


def _show_failures(summary: RunSummary, store: str) -> None:
    """Say what ended runs: each cause once, with how many it ended and one of them to look at."""
    for cause in causes(summary.failed)[:10]:
        one, *others = cause.failed
        runs = f"{len(cause.failed):,} {'runs' if others else 'run'}"
        give(f"failed: {runs}: {visible(cause.what)}")
        for label, text in (("why:", cause.why), ("hint:", cause.hint)):
            if text:
                give(f"  {label:<6} {visible(text)}")
        first = "the first is " if others else ""
        give(f"  {first}{visible(one.method)} on {one.benchmark}, replicate {one.replicate}")
        give(f"  assay show {one.run[:12]}{store}")


def _plan_facts(plan: Plan) -> dict[str, object]:
    return {
        "study": plan.loaded.study.name,
        "cells": len(plan.cells),
        "standing": plan.standing,
        "due": [
            {
                "method": due.cell.method,
                "benchmark": due.cell.benchmark,
                "replicate": due.cell.replicate,
                "run": due.cell.spec.run,
                "reason": due.reason,
            }
            for due in plan.due
        ],
        "budget": msgspec.to_builtins(plan.loaded.study.budget),
        "evaluations": _evaluations(plan),
    }


def _tuning_facts(found: Settled) -> dict[str, object]:
    """Return the tuning that a study plans; nothing for a study without."""
    if not found.tunings:
        return {}
    return {
        "tuning": [
            {
                "method": one.method,
                "benchmarks": list(one.plan.benchmarks),
                "configurations": list(one.configurations),
                "replicates": one.tuning.replicates,
                "budget": msgspec.to_builtins(one.plan.loaded.study.budget),
                "cost": one.text(),
                "standing": one.plan.standing,
                "due": [due.cell.spec.run for due in one.plan.due],
            }
            for one in found.tunings
        ],
        "pending": list(found.pending),
        "defaults": _untuned(found),
    }


def _untuned(found: Settled) -> list[str]:
    """Return the methods that have no tuning and run with the defaults that the study declares."""
    tuned = {one.method for one in found.tunings}
    mine = {name for name in found.loaded.study.methods if name.removesuffix(TUNED_DEFAULT) in tuned}
    return [name for name in found.loaded.study.methods if name not in mine]


def _show_tuning(found: Settled) -> None:
    """Say what the tuning costs, what it waits for, and which methods have none."""
    for one in found.tunings:
        give(f"tuning of {visible(one.method)}: {one.text()}")
        give(f"  on {', '.join(one.plan.benchmarks)}")
        give(f"  {len(one.plan.cells):,} runs, {one.plan.standing:,} stand, {len(one.plan.due):,} due")
    for name in found.pending:
        runs = found.loaded.study.replicates
        give(f"  {visible(name)} itself, {runs:,} runs a benchmark, is planned once it is tuned")
    if found.tunings and (untuned := _untuned(found)):
        give(f"not tuned, with declared defaults: {visible(', '.join(untuned))}")


def _show_choices(summary: RunSummary) -> None:
    """Say what was chosen for each tuned method."""
    for one in summary.tuned:
        what = configuration_text(one.choice.values)
        same = ", the same configuration as its default" if one.same else ""
        give(
            f"{visible(one.method)} is tuned: {visible(what)}{same} "
            f"(best of {len(one.configurations):,}, digest {short(one.choice.digest)})"
        )


def _show_arithmetic(plan: Plan, store: Store) -> None:
    """Say which standing runs were made in another arithmetic, and how it differs."""
    cells = {cell.spec.run for cell in plan.cells}
    runs = store.runs()
    kinds = Counter(
        runs[run].record.circumstances.arithmetic for run in other_arithmetic(store) if run in cells
    )
    for digest, count in kinds.most_common():
        change = explain_arithmetic_change(store.objects.get_value(digest, Arithmetic), worker_arithmetic())
        give(f"arithmetic differs: {count:,} standing runs were made in another: {visible(change)}")
    if kinds:
        give("  --rerun-on arithmetic repeats them")


def _evaluations(plan: Plan) -> int | None:
    per_run = plan.loaded.study.budget.evaluations
    return None if per_run is None else per_run * len(plan.due)


def _show_plan(plan: Plan, store: Store | None) -> None:
    give(plan_line(plan))
    groups = Counter((due.cell.method, due.cell.benchmark, due.reason) for due in plan.due)
    rows = [[method, benchmark, str(count), reason] for (method, benchmark, reason), count in groups.items()]
    if rows:
        give(table(["method", "benchmark", "runs", "reason"], rows, right=(2,)))
        give("reasons:")
        for reason, count in reasons(plan):
            give(f"  {count:,}  {visible(reason)}")
        budget = plan.loaded.study.budget.text()
        evaluations = _evaluations(plan)
        total = f", {evaluations:,} evaluations in all" if evaluations else ""
        give(f"cost to come: {len(plan.due):,} runs of {budget}{total}; time on a table is virtual")
    for line in gap_lines(plan):
        give(line)
    if store is not None:
        _show_arithmetic(plan, store)
