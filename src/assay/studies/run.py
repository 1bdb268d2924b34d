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
from assay.execution.local import LocalWorkers, worker_settings
from assay.foundation import clock
from assay.foundation.digest import digest_value
from assay.foundation.errors import UsageError
from assay.foundation.files import exclusive
from assay.provenance.components import Arithmetic
from assay.records.journal import Journal
from assay.records.record import FAILED, Circumstances, Record, Result, RunError
from assay.records.store import Run, Store
from assay.studies.cell import WORKER, Answer, CellSpec, Setup, make_record
from assay.studies.choosing import TunedMethod
from assay.studies.failures import Failed
from assay.studies.history import note_plan, plan_facts
from assay.studies.load import LoadedStudy
from assay.studies.meter import empty_trajectory
from assay.studies.plan import Due, Plan, make_plan
from assay.studies.raced import keep_race, race, without_raced
from assay.studies.racing import Dropped
from assay.studies.reasons import save_snapshot
from assay.studies.tuned import freeze_choices, plan_tuning, settle, together
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

    def interrupted(self, running: int) -> None:
        """Hear that an interrupt came, and how many runs are being finished."""
        ...


class Silent:
    """A watcher that says nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def finished(self, due: Due, answer: Answer) -> None:
        """Say nothing."""

    def assessing(self, seals: int) -> None:
        """Say nothing."""

    def interrupted(self, running: int) -> None:
        """Say nothing."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one `run` of a study did.

    `extended` runs with a longer budget begin as the shorter ones did; `restarted` ones do not, for
    their method depends on the budget: they are other searches. `conflicts` are runs whose completed
    attempts disagree, `unassessed` runs without the test value that the study requires. `tuned` says
    what was chosen for each tuned method, and `tuning_done` counts the runs that were made for it now.
    """

    study: str
    cells: int
    standing: int
    done: int
    failed: tuple[Failed, ...]
    assessed: int
    extended: int
    restarted: int
    seconds: float
    conflicts: tuple[str, ...] = ()
    unassessed: tuple[str, ...] = ()
    tuned: tuple[TunedMethod, ...] = ()
    tuning_done: int = 0
    dropped: tuple[Dropped, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every run has one result and every assessment that was asked for its answer."""
        return not (self.failed or self.conflicts or self.unassessed)


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
    if workers < 1:
        raise UsageError("there must be at least one worker", why=f"asked for {workers}", hint="--workers 2")
    watcher = watcher or Silent()
    began = clock.monotonic()
    with exclusive(store.study_folder(loaded.study.name) / "lock"):
        rerun = other_arithmetic(store) if rerun_on_arithmetic else frozenset[str]()
        tuned = _tune(loaded, store, cache, workers, watcher, rerun)
        if tuned.failed:
            return _untuned(loaded, tuned, clock.monotonic() - began)
        plan = make_plan(settle(loaded, store, cache).loaded, store, cache, rerun=rerun)
        watcher.planned(without_raced(plan, store.runs()) if plan.loaded.study.racing else plan)
        _keep(plan, store)
        failed = _execute_all(plan, store, cache, workers, watcher)
        runs = store.runs()
        plan = without_raced(plan, runs)
        keep_race(plan, store)
        assessed, unassessed = assess(plan, runs, store, cache, watcher)
        extended, restarted = _extensions(plan, runs)
    return RunSummary(
        study=loaded.study.name,
        cells=len(plan.cells),
        standing=plan.standing,
        done=len(plan.due) - len(failed),
        failed=tuple(failed),
        assessed=assessed,
        extended=extended,
        restarted=restarted,
        seconds=clock.monotonic() - began,
        conflicts=tuple(
            sorted({c.spec.run for c in plan.cells if c.spec.run in runs and runs[c.spec.run].conflict})
        ),
        unassessed=unassessed,
        tuned=tuned.choices,
        tuning_done=tuned.done,
        dropped=plan.race.dropped() if plan.race else (),
    )


class _Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """What the tuning stage of one `run` did."""

    done: int = 0
    failed: tuple[Failed, ...] = ()
    choices: tuple[TunedMethod, ...] = ()


def _tune(
    loaded: LoadedStudy,
    store: Store,
    cache: Path,
    workers: int,
    watcher: Watcher,
    rerun: frozenset[str],
) -> _Tuned:
    """Run what is due of the tuning and freeze what it chooses, before anything else runs."""
    tunings = plan_tuning(loaded, store, cache, rerun=rerun)
    if not tunings:
        return _Tuned()
    # What the study itself cannot do is refused before its tuning has cost anything.
    make_plan(settle(loaded, store, cache).loaded, None, cache)
    for one in tunings:
        _keep(one.plan, store)
    whole = together(loaded, tunings)
    if whole.due:
        watcher.planned(whole)
    failed = _execute(whole, store, cache, workers, watcher)
    choices = freeze_choices(loaded, tunings, store) if not failed else ()
    done = len(whole.due) - len(failed)
    return _Tuned(done=done, failed=tuple(failed), choices=choices)


def _untuned(loaded: LoadedStudy, tuned: _Tuned, seconds: float) -> RunSummary:
    """Return the summary of a run that ended with failures in its tuning: nothing was chosen."""
    return RunSummary(
        study=loaded.study.name,
        cells=0,
        standing=0,
        done=0,
        failed=tuned.failed,
        assessed=0,
        extended=0,
        restarted=0,
        seconds=seconds,
        tuning_done=tuned.done,
    )


def other_arithmetic(store: Store) -> frozenset[str]:
    """Return the completed runs of which no attempt was made in the arithmetic of workers here."""
    here = digest_value(worker_arithmetic())
    return frozenset(
        run for run, merged in store.runs().items() if merged.completed and here not in merged.arithmetics
    )


def worker_arithmetic() -> Arithmetic:
    """Return the arithmetic that worker processes started here have."""
    found = arithmetic()
    return msgspec.structs.replace(
        found, settings=dict(sorted({**found.settings, **worker_settings()}.items()))
    )


def assess(
    plan: Plan, runs: Mapping[str, Run], store: Store, cache: Path, watcher: Watcher
) -> tuple[int, tuple[str, ...]]:
    """Exchange the seals of completed runs for test metrics.

    Returns how many were new, and which runs lack the test value that the study requires. Only
    this, the coordinator's process, opens a vault; workers and strategies are never given one.
    """
    mode = plan.loaded.study.protocol.assessment
    if mode == "none":
        return 0, ()
    seals = [
        runs[cell.spec.run].record.seal()
        for cell in plan.cells
        if cell.spec.run in runs and runs[cell.spec.run].stands and plan.benchmarks[cell.benchmark].card.test
    ]
    ledger = Ledger(store.folder)
    known = {entry.seal for entry in ledger.entries()}
    new = sum(seal.digest() not in known for seal in seals)
    if new:
        watcher.assessing(new)
    answers = ask_gate(seals, vaults(cache), ledger)
    lacking = [
        f"{seal.run[:12]} on {seal.benchmark}: {answer.reason}"
        for seal, answer in zip(seals, answers, strict=True)
        if isinstance(answer, Unavailable)
    ]
    return new, tuple(lacking) if mode == "required" else ()


def _keep(plan: Plan, store: Store) -> None:
    """Store what the records of this plan refer to, before anything runs."""
    study = plan.loaded.study
    if plan.due:
        for document in plan.documents.values():
            store.objects.put_value(document)
        for content in plan.blobs.values():
            store.objects.put(content)
    save_snapshot(store, study.name, {cell.place: cell.spec.components for cell in plan.cells})
    note_plan(store, study.name, plan_facts(study, plan.benchmarks))


def _execute_all(plan: Plan, store: Store, cache: Path, workers: int, watcher: Watcher) -> list[Failed]:
    """Run what is due: at once, or batch after batch as a race admits it.

    What a race admits is derived from the records, so that no number of workers and no interrupt
    changes which cells are run.
    """
    failed: list[Failed] = []
    tried: set[str] = set()
    while True:
        found = race(plan, store.runs()) if plan.loaded.study.racing is not None else None
        due = [
            one
            for one in plan.due
            if one.cell.spec.run not in tried and (found is None or found.admits(*one.cell.place))
        ]
        if not due:
            return failed
        tried.update(one.cell.spec.run for one in due)
        stage = msgspec.structs.replace(plan, due=tuple(due))
        failed += _execute(stage, store, cache, workers, watcher)


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
    pool.run(jobs, on_answer, on_death, watcher.interrupted)
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
            plan=spec.plan,
            defaults=spec.defaults,
            error=error,
        )
        record = make_record(spec, result, circumstances)
        journal.append(msgspec.msgpack.encode(record))
    return record


def _extensions(plan: Plan, runs: Mapping[str, Run]) -> tuple[int, int]:
    """Return how many runs with a longer budget begin as the shorter ones did, and how many do not."""
    pairs = [(runs.get(due.extends or ""), runs.get(due.cell.spec.run)) for due in plan.due]
    known = [(old, new) for old, new in pairs if old and new and old.stands and new.stands]
    extended = sum(is_prefix(old.record, new.record) for old, new in known)
    return extended, len(known) - extended


def is_prefix(shorter: Record, longer: Record) -> bool:
    """Say whether the evaluations that `shorter` asked for are the first that `longer` asked for.

    In the order of asking: with several simulated workers, what the longer run asks for next ends
    before the last evaluations of the shorter one.
    """
    first, second = (_as_asked(record) for record in (shorter, longer))
    return first == second[: len(first)]


def _as_asked(record: Record) -> list[tuple[str, bytes, int]]:
    trajectory = record.result.trajectory
    archs, values = trajectory.strings(), trajectory.column("value")
    order = trajectory.column("asked").argsort()
    return [(archs[i], values[i].tobytes(), trajectory.status[i]) for i in order.tolist()]


def claim_runs(plan: Plan) -> Sequence[str]:
    """Return the runs that carry claims: those of all methods that a claim names, on its benchmarks."""
    carried = []
    for cell in plan.cells:
        for claim in plan.loaded.study.claims:
            if cell.method in claim.named() and (not claim.on or cell.benchmark in claim.on):
                carried.append(cell.spec.run)
                break
    return carried
