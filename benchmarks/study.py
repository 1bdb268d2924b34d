"""What a large study costs: 4 methods x 12 tasks x 100 replicates x 200 evaluations = 960,000.

It runs as `assay run` runs it: plan, two workers, records, test gate. Then the same searches run on
the same workers without records, which shows what the record costs. Peers are asked for random
search on one table in memory, on one process. Targets: at most 20 s on 2 cores; below 500 MB a
worker.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from _measure import ONE_THREAD, ROOT, duration, peer, ratio, table, target, title

os.environ.update(ONE_THREAD)
# Workers import `_bare.py` of this folder.
os.environ["PYTHONPATH"] = str(ROOT / "benchmarks")

import msgspec

from assay.benchmarks.catalogue import import_family, open_benchmark
from assay.contracts.problem import Budget
from assay.execution.local import LocalWorkers
from assay.records.store import Store
from assay.studies.cell import Setup
from assay.studies.load import LoadedStudy, check_study
from assay.studies.plan import make_plan
from assay.studies.run import RunSummary, run_study
from assay.studies.study import Method, Protocol, Study

METHODS = ("random-search", "regularized-evolution", "local-search", "reinforce")
TASKS = 12
WORKERS = 2
EVALUATIONS = 200
REPLICATES = 100
LIMIT, MEMORY = 20.0, 500e6
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Measured(NamedTuple):
    """What one run of the study cost: seconds, bytes, and how much was done."""

    summary: RunSummary
    evaluations: int
    whole: float
    again: float
    bare: float
    loop: float
    journals: int
    rest: int
    worker: float
    coordinator: float
    methods: dict[str, float]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=REPLICATES)
    replicates = options.parse_args().replicates
    planned = len(METHODS) * TASKS * replicates * EVALUATIONS
    title(
        f"A study: {len(METHODS)} methods x {TASKS} tasks x {replicates} replicates = {planned:,} evaluations"
    )
    with tempfile.TemporaryDirectory() as folder:
        found = measure(replicates, Path(folder))
    if found.summary.failed or found.evaluations != planned:
        sys.exit(f"{found.evaluations:,} evaluations, {len(found.summary.failed):,} cells failed: no numbers")
    show(found)
    if replicates == REPLICATES:
        target(f"at most {duration(LIMIT)}: {found.whole:.1f} s", met=found.whole <= LIMIT)
    worker = found.worker / 1e6
    target(f"below {MEMORY / 1e6:.0f} MB a worker: {worker:.0f} MB", met=found.worker < MEMORY)


def show(found: Measured) -> None:
    """Print the table and what the record costs."""
    each = found.whole / found.evaluations
    optuna, syne = peer("optuna_random.py", 3000) or {}, peer("syne_tune_simulator.py", 300) or {}
    rows = {
        "assay run, recorded, 2 workers": each,
        "the same searches without records": found.bare / found.evaluations,
        "random search as a bare loop, 1 process": found.loop,
        f"Optuna {optuna.get('version', '')} random, 1 process": optuna.get("trial"),
        f"Syne Tune {syne.get('version', '')} simulator, 1 process": syne.get("trial"),
    }
    table(
        ["", "an evaluation", "of assay run"],
        [[name, duration(value), ratio(value, each)] for name, value in rows.items()],
    )
    journals, rest = found.journals / found.evaluations, found.rest / found.evaluations
    print(f"\n  {found.summary.cells:,} cells in {found.whole:.1f} s, {found.summary.assessed:,} assessed")
    print(f"  run again, nothing being due: {found.again:.1f} s")
    print(f"  the record: {found.whole - found.bare:.1f} s of it, with assessment;", end=" ")
    print(f"{journals:.1f} bytes an evaluation in journals, {rest:.1f} in the rest of the store")
    worker, coordinator = found.worker / 1e6, found.coordinator / 1e6
    print(f"  memory: {worker:.0f} MB a worker at most, {coordinator:.0f} MB the coordinator")
    shares = ", ".join(f"{name} {duration(value)}" for name, value in found.methods.items())
    print(f"  an evaluation inside a worker, by method: {shares}")


def measure(replicates: int, folder: Path) -> Measured:
    """Run the study with records, again, and without; every part in this one process and its workers."""
    study = check_study(
        Study(
            name="benchmark",
            methods={name: Method(strategy=name) for name in METHODS},
            suite="embedded-v1",
            replicates=replicates,
            budget=Budget(evaluations=EVALUATIONS),
            protocol=Protocol(assessment="where-available"),
        )
    )
    cache, store = folder / "cache", Store(folder / "store")
    for family in ("nas-bench-graph", "nas-bench-201"):
        import_family(family, cache)
    start = time.perf_counter()
    summary = run_study(study, store, cache, workers=WORKERS)
    whole = time.perf_counter() - start
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * RSS_UNIT
    coordinator = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    journals = _bytes(store.journals)
    spent, counted = dict.fromkeys(METHODS, 0.0), dict.fromkeys(METHODS, 0)
    for record in store.records():
        spent[record.strategy] += record.circumstances.wall_seconds
        counted[record.strategy] += len(record.result.trajectory)
    return Measured(
        summary=summary,
        evaluations=sum(counted.values()),
        methods={name: spent[name] / counted[name] for name in METHODS},
        whole=whole,
        again=_again(study, store, cache),
        bare=without_records(study, folder / "empty", cache),
        loop=bare_loop(cache),
        journals=journals,
        rest=_bytes(store.folder) - journals,
        worker=worker,
        coordinator=coordinator,
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _again(study: LoadedStudy, store: Store, cache: Path) -> float:
    """Return how long a second run takes, which finds every cell standing."""
    start = time.perf_counter()
    if run_study(study, store, cache, workers=WORKERS).done:
        sys.exit("a finished study ran again: the numbers would mean nothing")
    return time.perf_counter() - start


def without_records(study: LoadedStudy, folder: Path, cache: Path) -> float:
    """Return the seconds of the same plan and searches, from which nothing is kept."""
    start = time.perf_counter()
    store = Store(folder)
    plan = make_plan(study, store, cache)
    jobs = [msgspec.msgpack.encode(due.cell.spec) for due in plan.due]
    setup = Setup(store=str(folder), cache=str(cache), keep=False)
    dead: list[int] = []
    pool = LocalWorkers("_bare:BareWorker", msgspec.msgpack.encode(setup), workers=WORKERS)
    pool.run(jobs, lambda *_: None, lambda number, _: dead.append(number))
    if dead:
        sys.exit(f"{len(dead)} cells died without records")
    return time.perf_counter() - start


def bare_loop(cache: Path, count: int = 200_000) -> float:
    """Return the seconds of an evaluation in a loop that draws a cell, looks it up and keeps the best."""
    bench = open_benchmark("nas-bench-201/cifar10", cache)
    values = dict(zip(map(bench.space.at, range(bench.space.size)), bench.column("validation"), strict=True))
    choose = random.Random(0).choices
    best, start = -1.0, time.perf_counter()
    for _ in range(count):
        best = max(best, values[tuple(choose(range(5), k=6))])
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
