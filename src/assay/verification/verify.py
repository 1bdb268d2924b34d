"""Verifies a study: intact on disk, and the same again when its runs are repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from assay.analysis.model import VerificationSummary
from assay.execution.local import LocalWorkers
from assay.foundation import clock
from assay.foundation.digest import digest_value
from assay.foundation.documents import read_document, write_document
from assay.foundation.errors import IntegrityError, UsageError
from assay.records.record import Record, RunError
from assay.records.store import Run, Store, check
from assay.statistics.sampling import differing_bound, sentence
from assay.studies.cell import WORKER, Answer, Setup
from assay.studies.load import LoadedStudy
from assay.studies.plan import Cell, Plan, make_plan
from assay.studies.raced import without_raced
from assay.studies.reasons import load_snapshot
from assay.studies.run import claim_runs
from assay.studies.tuned import differing_choices, settled
from assay.verification.compare import first_difference
from assay.verification.integrity import (
    check_assessments,
    check_history,
    check_ledger,
    check_objects,
    check_sources,
)
from assay.verification.sample import Drawn, draw

IDENTICAL = "identical"
RETRIES = 2
CONFIDENCE = 0.95


class RunVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the repeats of one run showed; `verdict` is a word of the design's table."""

    run: str
    method: str
    benchmark: str
    replicate: int
    verdict: str
    detail: str = ""
    same_arithmetic: bool = True


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What `assay verify` found; format 1, in `studies/NAME/verification.json` of the store.

    `plan` is the digest of the runs and results that were verified: a report says so when they have
    changed since. `ledger_lines` is the longest that the ledger was seen to be. `findings` name what is
    not intact.
    """

    study: str
    summary: VerificationSummary
    runs: tuple[RunVerdict, ...]
    seed: int
    plan: str
    arithmetic: str
    ledger_lines: int = 0
    format: int = 1

    @property
    def holds(self) -> bool:
        """Whether every repeat was identical and everything on disk is intact."""
        return not self.summary.findings and all(run.verdict == IDENTICAL for run in self.runs)


def verify_study(
    loaded: LoadedStudy,
    store: Store,
    cache: Path,
    *,
    sample: int = 30,
    seed: int | None = None,
    workers: int = 2,
) -> Verification:
    """Repeat a sample of a study's runs in fresh processes and check everything that it stands on."""
    if sample < 1:
        raise UsageError("a sample has at least one run", why=f"asked for {sample}", hint="--sample 30")
    findings: list[str] = []
    found = settled(loaded, store, cache)
    plan = make_plan(found.loaded, None, cache)
    runs = store.runs(lambda error: findings.append(error.one_line()))
    plan = without_raced(plan, runs)
    plans = [plan, *(one.plan for one in found.tunings)]
    cells = {cell.spec.run: cell for one in plans for cell in one.cells}
    population = [cell for run, cell in cells.items() if run in runs and runs[run].stands]
    for one in plans:
        findings += _missing(one, runs, store)
        findings += _altered(one, runs)
        findings += check_objects(one, runs, store)
        findings += check_history(one, runs, store)
        findings += check_sources(one, runs, store)
    findings += [f"damaged records are set aside in {path}" for path in store.damaged()]
    findings += differing_choices(found, runs, store)
    lines, damage = check_ledger(store, load_verification(store, loaded.study.name))
    findings += damage
    drawn = draw([cell.spec.run for cell in population], claim_runs(plan), sample, seed)
    chosen = [population[i] for i in drawn.all()]
    own = {cell.spec.run for cell in plan.cells}
    findings += check_assessments(plan, [c for c in chosen if c.spec.run in own], runs, store, cache)
    verdicts = _repeat(chosen, runs, store, cache, workers)
    return Verification(
        study=loaded.study.name,
        summary=_summary(drawn, population, verdicts, findings),
        runs=tuple(verdicts),
        seed=drawn.seed,
        plan=results_digest(plan, runs),
        arithmetic=_arithmetic_note(population, runs),
        ledger_lines=lines,
    )


def keep_verification(store: Store, verification: Verification) -> None:
    """Keep a verification under its study's name, for the report; raises `StoreError`."""
    write_document(store.study_folder(verification.study) / "verification.json", verification)


def load_verification(store: Store, name: str) -> Verification | None:
    """Return the latest verification under a study's name, or None."""
    path = store.study_folder(name) / "verification.json"
    return read_document(path, Verification, 1, "a verification")


def results_digest(plan: Plan, runs: Mapping[str, Run]) -> str:
    """Return the digest of a plan's runs and their results, as they stand."""
    results = {cell.spec.run: runs.get(cell.spec.run) for cell in plan.cells}
    return digest_value(
        [
            [run, found.record.result_digest if found else None, list(found.conflict) if found else []]
            for run, found in sorted(results.items())
        ]
    )


def _repeat(
    chosen: Sequence[Cell], runs: Mapping[str, Run], store: Store, cache: Path, workers: int
) -> list[RunVerdict]:
    """Repeat runs once; those that differ twice more, to tell an unstable run from a changed one."""
    if not chosen:
        return []
    repeats = _execute(chosen, store, cache, workers)
    verdicts = []
    for cell, repeat in zip(chosen, repeats, strict=True):
        record = runs[cell.spec.run].record
        detail = _difference(record, repeat)
        if detail is None:
            verdicts.append(_verdict(cell, IDENTICAL, "", record, repeat))
            continue
        again = [_execute([cell], store, cache, 1)[0] for _ in range(RETRIES)]
        digests = {one.result_digest if isinstance(one, Record) else one.message for one in (repeat, *again)}
        word = "unstable" if len(digests) > 1 else "undecided"
        matches = sum(isinstance(one, Record) and one.result_digest == record.result_digest for one in again)
        note = f"{detail}; {matches} of {1 + RETRIES} repeats are identical with the record"
        verdicts.append(_verdict(cell, word, note, record, repeat))
    return verdicts


def _execute(cells: Sequence[Cell], store: Store, cache: Path, workers: int) -> list[Record | RunError]:
    """Run cells in fresh processes without writing to the store."""
    found: dict[int, Record | RunError] = {}

    def on_answer(number: int, message: bytes) -> None:
        answer = msgspec.msgpack.decode(message, type=Answer)
        found[number] = cast("Record", answer.record)  # it was not kept, so that it is here

    def on_death(number: int, status: int) -> None:
        found[number] = RunError(kind="WorkerDied", message=f"its worker process died (status {status})")

    setup = Setup(store=str(store.folder.resolve()), cache=str(cache.resolve()), keep=False)
    jobs = [msgspec.msgpack.encode(cell.spec) for cell in cells]
    LocalWorkers(WORKER, msgspec.msgpack.encode(setup), workers=workers).run(jobs, on_answer, on_death)
    return [found[number] for number in range(len(cells))]


def _difference(record: Record, repeat: Record | RunError) -> str | None:
    return repeat.message if isinstance(repeat, RunError) else first_difference(record, repeat)


def _verdict(cell: Cell, word: str, detail: str, record: Record, repeat: Record | RunError) -> RunVerdict:
    same = isinstance(repeat, Record) and repeat.circumstances.arithmetic == record.circumstances.arithmetic
    return RunVerdict(
        run=cell.spec.run,
        method=cell.method,
        benchmark=cell.benchmark,
        replicate=cell.replicate,
        verdict=word,
        detail=detail,
        same_arithmetic=same,
    )


def _summary(
    drawn: Drawn, population: Sequence[Cell], verdicts: Sequence[RunVerdict], findings: Sequence[str]
) -> VerificationSummary:
    by_run = {verdict.run: verdict.verdict == IDENTICAL for verdict in verdicts}
    random = [population[i].spec.run for i in drawn.random]
    identical = sum(by_run[run] for run in random)
    words = {verdict.verdict for verdict in verdicts}
    worst = next((word for word in ("unstable", "undecided") if word in words), None)
    total = sum(by_run.values())
    verdict = worst or (f"identical {total}/{len(verdicts)}" if verdicts else "nothing to verify")
    if not random:
        text, bound = "no run is complete, so that nothing was repeated", None
    else:
        whole = len(verdicts) == len(population)
        shown = (total, len(verdicts)) if whole else (identical, len(random))
        bound = differing_bound(*shown, len(population), CONFIDENCE)
        text = sentence(*shown, len(population), CONFIDENCE)
    return VerificationSummary(
        verdict=verdict,
        sentence=text,
        sampled=len(random),
        identical=identical,
        population=len(population),
        bound=bound,
        claim_runs=len(drawn.claims),
        when=clock.now(),
        findings=tuple(findings),
    )


def _missing(plan: Plan, runs: Mapping[str, Run], store: Store) -> list[str]:
    """Name the cells of the study that have no completed record, and why that may be."""
    absent = [cell for cell in plan.cells if cell.spec.run not in runs]
    failed = [cell for cell in plan.cells if cell.spec.run in runs and not runs[cell.spec.run].completed]
    findings = []
    if absent:
        before = load_snapshot(store, plan.loaded.study.name)
        planned = sum(before.get(cell.place) == cell.spec.components for cell in absent)
        if planned:
            findings.append(f"{planned} planned runs have no record in the store")
        if len(absent) > planned:
            findings.append(f"{len(absent) - planned} runs of the study as it stands were never run")
    if failed:
        findings.append(f"{len(failed)} runs failed")
    return findings


def _altered(plan: Plan, runs: Mapping[str, Run]) -> list[str]:
    findings = []
    for run in (runs[cell.spec.run] for cell in plan.cells if cell.spec.run in runs):
        try:
            check(run.record)
        except IntegrityError as error:
            findings.append(error.one_line())
        if run.conflict:
            findings.append(f"run {run.record.run[:12]} has {len(run.conflict)} unequal results: a conflict")
    return findings


def _arithmetic_note(population: Sequence[Cell], runs: Mapping[str, Run]) -> str:
    kinds = {runs[cell.spec.run].record.circumstances.arithmetic for cell in population}
    return "one arithmetic" if len(kinds) <= 1 else f"mixed: {len(kinds)} arithmetics"
