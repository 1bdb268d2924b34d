"""Runs a study: plan, workers, records, assessment. Running again does only what is due."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from assay.benchmarks.assessing import vaults
from assay.capture.arithmetic import arithmetic
from assay.capture.environment import environment
from assay.contracts.seal import Unavailable
from assay.execution.local import LocalWorkers
from assay.foundation import clock
from assay.foundation.digest import digest_value
from assay.foundation.errors import IntegrityError, UnavailableError
from assay.foundation.files import exclusive
from assay.records.journal import Journal
from assay.records.record import FAILED, Circumstances, Record, Result, RunError
from assay.records.store import Run, Store
from assay.studies.cell import WORKER, Answer, CellSpec, Setup, make_record
from assay.studies.history import note_plan
from assay.studies.load import LoadedStudy
from assay.studies.meter import empty_trajectory
from assay.studies.plan import Due, Plan, make_plan
from assay.studies.reasons import save_snapshot
from assay.tasks.gate import assess as ask_gate
from assay.tasks.ledger import Ledger


class Watcher(Protocol):
    """Is told how a study goes on; every method may do nothing."""

    def planned(self, plan: Plan) -> None:
        """Hear the plan before anything runs."""
        ...

    def finished(self, due: Due, answer: Answer) -> None:
        """Hear that a cell ended."""
        ...

    def assessing(self, seals: int) -> None:
        """Hear that sealed searches go through the test gate."""
        ...


class Silent:
    """A watcher that says nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def finished(self, due: Due, answer: Answer) -> None:
        """Say nothing."""

    def assessing(self, seals: int) -> None:
        """Say nothing."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that failed, and why."""

    run: str
    method: str
    benchmark: str
    replicate: int
    error: RunError | None


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one `run` of a study did."""

    study: str
    cells: int
    standing: int
    done: int
    failed: tuple[Failed, ...]
    assessed: int
    extended: int
    seconds: float


def run_study(
    loaded: LoadedStudy,
    store: Store,
    cache: Path,
    *,
    workers: int,
    watcher: Watcher | None = None,
    rerun_on_arithmetic: bool = False,
) -> RunSummary:
    """Run what is due of a study and assess what is sealed.

    A second `run` of the same study in the same store waits for the first and then finds what is
    left; correctness does not depend on it, for equal results of one run merge.
    """
    watcher = watcher or Silent()
    began = clock.monotonic()
    with exclusive(store.study_folder(loaded.study.name) / "lock"):
        rerun = other_arithmetic(store) if rerun_on_arithmetic else frozenset[str]()
        plan = make_plan(loaded, store, cache, rerun=rerun)
        watcher.planned(plan)
        _keep(plan, store)
        failed = _execute(plan, store, cache, workers, watcher)
        runs = store.runs()
        assessed = assess(plan, runs, store, cache, watcher)
        extended = _check_extensions(plan, runs)
    return RunSummary(
        study=loaded.study.name,
        cells=len(plan.cells),
        standing=plan.standing,
        done=len(plan.due) - len(failed),
        failed=tuple(failed),
        assessed=assessed,
        extended=extended,
        seconds=clock.monotonic() - began,
    )


def other_arithmetic(store: Store) -> frozenset[str]:
    """Return the runs that were made in another arithmetic than this process has."""
    here = digest_value(arithmetic())
    return frozenset(
        run for run, merged in store.runs().items() if merged.record.circumstances.arithmetic != here
    )


def assess(plan: Plan, runs: Mapping[str, Run], store: Store, cache: Path, watcher: Watcher) -> int:
    """Exchange the seals of completed runs for test metrics; return how many were new.

    Only this, the coordinator's process, opens a vault; workers and strategies never do.
    """
    mode = plan.loaded.study.protocol.assessment
    if mode == "none":
        return 0
    seals = [
        runs[cell.spec.run].record.seal()
        for cell in plan.cells
        if cell.spec.run in runs
        and runs[cell.spec.run].completed
        and plan.benchmarks[cell.benchmark].card.test
    ]
    ledger = Ledger(store.folder)
    known = {entry.seal for entry in ledger.entries()}
    new = [seal for seal in seals if seal.digest() not in known]
    if new:
        watcher.assessing(len(new))
        answers = ask_gate(new, vaults(cache), ledger)
        refused = next((answer for answer in answers if isinstance(answer, Unavailable)), None)
        if refused is not None and mode == "required":
            raise UnavailableError(f"a search on {refused.benchmark} cannot be assessed", why=refused.reason)
    return len(new)


def _keep(plan: Plan, store: Store) -> None:
    """Store what the records of this plan refer to, before anything runs."""
    study = plan.loaded.study
    if plan.due:
        for document in plan.documents.values():
            store.objects.put_value(document)
        for content in plan.blobs.values():
            store.objects.put(content)
    save_snapshot(store, study.name, {cell.place: cell.spec.components for cell in plan.cells})
    note_plan(
        store,
        study.name,
        replicates=study.replicates,
        budget=study.budget,
        methods=tuple(study.methods),
        benchmarks=tuple(plan.benchmarks),
        claims=digest_value(study.claims),
    )


def _execute(plan: Plan, store: Store, cache: Path, workers: int, watcher: Watcher) -> list[Failed]:
    failed: list[Failed] = []
    jobs = [msgspec.msgpack.encode(due.cell.spec) for due in plan.due]

    def on_answer(number: int, message: bytes) -> None:
        answer = msgspec.msgpack.decode(message, type=Answer)
        due = plan.due[number]
        if answer.status == FAILED:
            failed.append(_failed(due, answer.error))
        watcher.finished(due, answer)

    def on_death(number: int, status: int) -> None:
        due = plan.due[number]
        cause = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
        error = RunError(kind="WorkerDied", message=f"its worker process died each time ({cause})")
        record_failure(due.cell.spec, error, store)
        failed.append(_failed(due, error))
        watcher.finished(due, Answer(run=due.cell.spec.run, status=FAILED, error=error, evaluations=0))

    setup = Setup(store=str(store.folder.resolve()), cache=str(cache.resolve()), keep=True)
    pool = LocalWorkers(WORKER, msgspec.msgpack.encode(setup), workers=workers)
    pool.run(jobs, on_answer, on_death)
    return failed


def _failed(due: Due, error: RunError | None) -> Failed:
    cell = due.cell
    return Failed(
        run=cell.spec.run,
        method=cell.method,
        benchmark=cell.benchmark,
        replicate=cell.replicate,
        error=error,
    )


def record_failure(spec: CellSpec, error: RunError, store: Store) -> Record:
    """Keep a record of a cell whose worker could not write one itself."""
    found = environment()
    now = clock.now()
    result = Result(
        status=FAILED, trajectory=empty_trajectory(), recommendation=(), streams=(), budget_read=False
    )
    with Journal(store.journals) as journal:
        circumstances = Circumstances(
            writer=journal.writer,
            attempt=spec.attempt,
            started=now,
            ended=now,
            wall_seconds=0.0,
            thinking_seconds=0.0,
            host=os.uname().nodename,
            environment=store.objects.put_value(found),
            arithmetic=store.objects.put_value(found.arithmetic),
            evidence=spec.evidence,
            defaults=spec.defaults,
            error=error,
        )
        record = make_record(spec, result, circumstances)
        journal.append(msgspec.msgpack.encode(record))
    return record


def _check_extensions(plan: Plan, runs: Mapping[str, Run]) -> int:
    """Check that a run with a longer budget begins as the shorter one did; return how many do."""
    count = 0
    for due in plan.due:
        before, after = runs.get(due.extends or ""), runs.get(due.cell.spec.run)
        if before is None or after is None or not (before.completed and after.completed):
            continue
        if before.record.result.budget_read:
            continue  # its strategy looked at the budget, so that a longer one is another search
        if not is_prefix(before.record, after.record):
            raise IntegrityError(
                "a run with a longer budget does not begin as the shorter one did",
                where=f"{due.cell.method} on {due.cell.benchmark}, replicate {due.cell.replicate}",
                why="the strategy is not deterministic, or its arithmetic changed",
                hint="assay verify tells which",
            )
        count += 1
    return count


def is_prefix(shorter: Record, longer: Record) -> bool:
    """Say whether the asked evaluations of `shorter` begin those of `longer`."""
    first, second = shorter.result.trajectory, longer.result.trajectory
    n = len(first)
    return first.strings() == second.strings()[:n] and first.value == second.value[: len(first.value)]


def claim_runs(plan: Plan) -> Sequence[str]:
    """Return the runs that carry claims: those of both sides, on the claim's benchmarks."""
    carried = []
    for cell in plan.cells:
        for claim in plan.loaded.study.claims:
            if cell.method in (claim.better, claim.than) and (not claim.on or cell.benchmark in claim.on):
                carried.append(cell.spec.run)
                break
    return carried
