"""A cell of a study: one method on one benchmark in one replicate, as a worker runs it."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.tabular import TableBenchmark
from assay.capture.code import code_identity, command_identity, load_component
from assay.capture.environment import environment
from assay.capture.secrets import scrub
from assay.contracts.evaluation import Fidelity, Level
from assay.contracts.problem import Budget, Problem
from assay.foundation import clock
from assay.foundation.digest import digest_value, short
from assay.foundation.errors import AssayError, CodeError
from assay.foundation.seeding import SeedTree
from assay.provenance.components import CodeIdentity, ComponentDigests
from assay.records.journal import Journal
from assay.records.record import (
    COMPLETED,
    FAILED,
    Circumstances,
    Record,
    Result,
    RunError,
    SearchOf,
)
from assay.records.store import Store
from assay.strategies.catalogue import STRATEGIES, make
from assay.studies.command import run_command
from assay.studies.drive import drive, recommendation
from assay.studies.meter import Evaluator, Meter
from assay.studies.session import BudgetSpent, Session

WORKER = "assay.studies.cell:CellWorker"


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """How a method is started: a strategy, a loop, or a command.

    `target` is the registered name or 'file.py:Name'; `code` is the digest of the identity that
    the plan found, which a worker checks again before it runs anything.
    """

    kind: str
    target: str
    folder: str
    command: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    code: str


class CellSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs to run one cell."""

    run: str
    door: Door
    hyperparameters: dict[str, Any]
    defaults: tuple[str, ...]
    benchmark: str
    table: str
    signal: str
    policy: str
    fidelity: str
    budget: Budget
    simulated_workers: int
    seed: int
    replicate: int
    attempt: int
    components: ComponentDigests
    evidence: str
    plan: str


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told once. Without `keep`, records are answered and not written."""

    store: str
    cache: str
    keep: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of one cell; the whole record only where it was not kept."""

    run: str
    status: str
    error: RunError | None
    evaluations: int
    record: Record | None = None


class CellWorker:
    """Runs cells one by one in a worker process and keeps their records in a journal of its own."""

    def __init__(self, setup: bytes) -> None:
        told = msgspec.msgpack.decode(setup, type=Setup)
        store = Store(Path(told.store))
        self._cache = Path(told.cache)
        self._journal = Journal(store.journals) if told.keep else None
        self._writer = self._journal.writer if self._journal else "verifier"
        found = environment()
        if told.keep:
            self._environment = store.objects.put_value(found)
            self._arithmetic = store.objects.put_value(found.arithmetic)
        else:
            self._environment, self._arithmetic = digest_value(found), digest_value(found.arithmetic)
        self._benchmarks: dict[tuple[str, str], TableBenchmark] = {}
        self._checked: set[str] = set()

    def do(self, job: bytes) -> bytes:
        """Run the cell that `job` describes and return the encoded answer."""
        spec = msgspec.msgpack.decode(job, type=CellSpec)
        record = self._run(spec)
        if self._journal:
            self._journal.append(msgspec.msgpack.encode(record))
        answer = Answer(
            run=record.run,
            status=record.result.status,
            error=record.circumstances.error,
            evaluations=len(record.result.trajectory),
            record=None if self._journal else record,
        )
        return msgspec.msgpack.encode(answer)

    def close(self) -> None:
        """Seal the journal."""
        if self._journal:
            self._journal.seal()

    def _run(self, spec: CellSpec) -> Record:
        benchmark = self._benchmark(spec)
        self._check_code(spec.door)
        started, began = clock.now(), clock.monotonic()
        tree = SeedTree(spec.seed)
        meter = Meter(
            benchmark.space,
            benchmark.evaluator(spec.signal, spec.policy),
            spec.budget,
            level=Level(spec.signal, benchmark.default_fidelity),
            evaluator=partial(_evaluator, benchmark, spec.policy),
            crossing=benchmark.card.crossing,
            seconds=benchmark.charges_seconds,
        )
        error: RunError | None = None
        thinking, recommended = 0.0, tuple[str, ...]()
        try:
            with opened(spec.door) as entry:
                thinking, recommended = _search(spec, entry, benchmark, meter, tree)
        except (Exception, SystemExit) as raised:  # noqa: BLE001  user code may do anything; a record it is
            error = run_error(raised, Path(spec.door.folder))
        result = Result(
            status=FAILED if error else COMPLETED,
            trajectory=meter.trajectory(),
            recommendation=recommended,
            streams=tree.used(),
            budget_read=meter.view.was_read,
        )
        wall = clock.monotonic() - began
        circumstances = Circumstances(
            writer=self._writer,
            attempt=spec.attempt,
            started=started,
            ended=clock.now(),
            wall_seconds=wall,
            thinking_seconds=thinking,
            host=os.uname().nodename,
            environment=self._environment,
            arithmetic=self._arithmetic,
            evidence=spec.evidence,
            plan=spec.plan,
            defaults=spec.defaults,
            error=error,
        )
        return make_record(spec, result, circumstances)

    def _benchmark(self, spec: CellSpec) -> TableBenchmark:
        key = spec.benchmark, spec.fidelity
        found = self._benchmarks.get(key) or open_benchmark(spec.benchmark, self._cache).at(spec.fidelity)
        if found.table_digest != spec.table:
            raise CodeError(
                f"the table of {spec.benchmark} is not the one that was planned",
                why="it was imported again in between, from other data",
                hint="run the same command again",
            )
        if key not in self._benchmarks:
            # What a space and a table make on first use is charged to no method's thinking.
            space = found.space
            found.evaluator(spec.signal, spec.policy)(space.parse(space.format(space.at(0))))
            self._benchmarks[key] = found
        return found

    def _check_code(self, door: Door) -> None:
        """Refuse to run other code than was planned; looked at once, and after each cell (`opened`)."""
        if door.code in self._checked:
            return
        if digest_value(door_identity(door)) != door.code:
            raise _code_changed(door)
        self._checked.add(door.code)


def _evaluator(
    benchmark: TableBenchmark, policy: str, signal: str, fidelity: Fidelity, continues: Fidelity | None
) -> Evaluator:
    """Return the evaluator of another level than the study's own, under the study's seed policy."""
    return benchmark.evaluator(signal, policy, fidelity, continues)


@contextlib.contextmanager
def opened(door: Door) -> Iterator[Any]:
    """Give the strategy class, the loop function, or None for a command.

    A user's file is loaded anew for each cell, so that nothing it keeps at the level of its modules
    passes from one run to the next: a result must not depend on which runs shared a process.
    """
    if door.kind == "command":
        yield None
    elif ":" not in door.target:
        yield STRATEGIES.find(door.target).load()
    else:
        loaded = load_component(door.target, Path(door.folder), fresh=True)
        yield loaded.value
        if loaded.changed():
            raise _code_changed(door)


def door_identity(door: Door) -> CodeIdentity:
    """Return the identity of what a door opens: its role, its code, and its declared files."""
    folder = Path(door.folder)
    if door.kind == "command":
        return command_identity(door.command, door.files, folder)
    if door.kind == "strategy" and ":" not in door.target:
        return code_identity("strategy", STRATEGIES.find(door.target), folder, files=door.files)
    return code_identity(door.kind, door.target, folder, files=door.files)


def _code_changed(door: Door) -> CodeError:
    return CodeError(
        f"the code of '{door.target}' changed while the study ran",
        where=door.folder,
        hint="run the same command again; finished runs stand where their code did not change",
    )


def _search(
    spec: CellSpec, entry: Any, benchmark: TableBenchmark, meter: Meter, tree: SeedTree
) -> tuple[float, tuple[str, ...]]:
    """Search, and return the seconds of thinking and what is recommended."""
    # The hyperparameters are in the path: two settings of one strategy are independent samples, as the
    # intervals of their difference take them to be.
    settings = short(spec.components.hyperparameters)
    rng = tree.stream("strategy", spec.door.target, settings, spec.benchmark, spec.replicate)
    if spec.door.kind == "strategy":
        problem = Problem(
            space=benchmark.space,
            fidelities=benchmark.card.fidelities,
            signals=benchmark.card.signals,
            objectives=(spec.signal,),
            budget=meter.view,
            simulated_workers=spec.simulated_workers,
            fidelity=benchmark.default_fidelity,
            prefix=benchmark.card.prefix,
        )
        strategy = make(entry, problem, rng, spec.hyperparameters)
        thinking = drive(strategy, meter, workers=spec.simulated_workers)
        return thinking, _something(recommendation(strategy, meter), meter)
    session = Session(meter, rng)
    began = clock.monotonic()
    if spec.door.kind == "loop":
        _loop(entry, session, spec.hyperparameters)
    else:
        signal = next(signal for signal in benchmark.card.signals if signal.name == spec.signal)
        facts = {
            "benchmark": spec.benchmark,
            "signal": spec.signal,
            "maximize": signal.maximize,
            "budget": msgspec.to_builtins(spec.budget),
        }
        run_command(session, spec.door.command, Path(spec.door.folder), facts, spec.hyperparameters)
        meter.view.was_read = True  # the command was told its budget
    return clock.monotonic() - began, _something(session.recommendation(), meter)


def _something(recommended: tuple[str, ...], meter: Meter) -> tuple[str, ...]:
    """Refuse a search that recommends nothing: there would be nothing to seal."""
    if not recommended:
        raise CodeError(
            "the search recommends nothing",
            where=meter.space.name,
            why=f"it made {meter.evaluations:,} evaluations",
        )
    return recommended


def _loop(function: Callable[..., object], session: Session, hyperparameters: dict[str, Any]) -> None:
    with contextlib.suppress(BudgetSpent):  # the usual way for a loop to end
        function(session, **hyperparameters)


def make_record(spec: CellSpec, result: Result, circumstances: Circumstances) -> Record:
    """Return the record of a cell."""
    return Record(
        run=spec.run,
        about=SearchOf(strategy=spec.door.target, benchmark=spec.benchmark, replicate=spec.replicate),
        components=spec.components,
        result=result,
        result_digest=result.digest(),
        circumstances=circumstances,
    )


def run_error(raised: BaseException, folder: Path) -> RunError:
    """Return why a run failed, without secrets: the frames are those of the user's own files."""
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(raised.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    message = str(raised) if isinstance(raised, AssayError) else f"{raised}"
    return RunError(kind=type(raised).__name__, message=scrub(message)[:2000], frames=tuple(frames[-8:]))
