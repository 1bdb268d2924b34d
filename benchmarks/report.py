"""How long the whole analysis of a study takes, with its report and every figure, in one process.

12 tasks, 8 methods and 500 replicates of 150 evaluations: 48,000 runs. The tables are real, for luck is
computed on them; the runs are drawn: random search on the table, with a head start that differs between
methods, so that they need no quarter of an hour. Target: at most 20 s on two cores.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from _measure import duration, table, target, title

from assay.analysis.analyse import analyse
from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_claims, gather_conduct, gather_facts
from assay.analysis.judgement import judge
from assay.analysis.model import BenchmarkFacts, Counts, RunData
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.problem import Budget
from assay.foundation.places import cache_folder
from assay.foundation.seeding import Stream
from assay.publishing.assemble import assemble
from assay.publishing.document import ReportDocument
from assay.publishing.report import build
from assay.records.store import Store
from assay.studies.history import History
from assay.studies.load import LoadedStudy, check_study
from assay.studies.plan import Plan, make_plan
from assay.studies.study import Claim, Method, Protocol, Study

LIMIT = 20.0
REPLICATES, EVALUATIONS, METHODS = 500, 150, 8


def study() -> LoadedStudy:
    """Return a study of eight methods on the twelve embedded tables."""
    methods = {"random": Method(strategy="random-search")}
    for i in range(1, METHODS):
        values = {"population": 10 * i, "tournament": 5}
        methods[f"evolution-{i}"] = Method(strategy="regularized-evolution", hyperparameters=values)
    return check_study(
        Study(
            name="large",
            suite="embedded-v1",
            replicates=REPLICATES,
            budget=Budget(evaluations=EVALUATIONS),
            methods=methods,
            protocol=Protocol(assessment="where-available"),
            claims=tuple(Claim(better=f"evolution-{i}", than="random") for i in (1, 7)),
        )
    )


def drawn_runs(plan: Plan, facts: Mapping[str, BenchmarkFacts]) -> list[RunData]:
    """Return a run for each cell: values of its table, the i-th method the best of i + 1 at each draw."""
    names = list(plan.loaded.study.methods)
    found = []
    for name, benchmark in plan.benchmarks.items():
        values = signal(benchmark, plan)
        for m, method in enumerate(names):
            words = Stream(0, ("benchmark", name, method)).indices(
                len(values), (REPLICATES, EVALUATIONS, 1 + m // 3)
            )
            paths = values[words].max(axis=2) if facts[name].maximize else values[words].min(axis=2)
            for replicate, path in enumerate(paths):
                best = float(path.max() if facts[name].maximize else path.min())
                found.append(run(name, method, replicate, path, best, facts[name]))
    return found


def signal(benchmark: TableBenchmark, plan: Plan) -> np.ndarray:
    """Return the values of the signal over the whole table."""
    values = benchmark.column(plan.loaded.study.protocol.signal, plan.loaded.study.protocol.seeds)
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def run(
    name: str, method: str, replicate: int, path: np.ndarray, best: float, facts: BenchmarkFacts
) -> RunData:
    """Return one run as analysis sees it."""
    return RunData(
        run=f"{name}/{method}/{replicate}",
        method=method,
        benchmark=name,
        replicate=replicate,
        completed=True,
        values=path,
        costs=np.full(len(path), 10.0 if facts.seconds else 1.0),
        times=np.arange(1.0, len(path) + 1) * 10.0,
        recommended_value=best,
        test=best if facts.test_metric else None,
        wall_seconds=0.03,
        thinking_seconds=0.01,
    )


def report(plan: Plan, runs: list[RunData], frame: ReportDocument, folder: Path) -> dict[str, float]:
    """Analyse the runs, write the report, and return the seconds of each part."""
    loaded, moments = plan.loaded.study, [time.perf_counter()]
    facts, methods = gather_facts(plan), tuple(plan.loaded.study.methods)
    claims = gather_claims(plan)
    cells = make_cells(runs, facts, methods)
    judgement = judge(plan, cells, facts, claims, cache_folder())
    moments.append(time.perf_counter())
    conduct = gather_conduct(plan, {}, History())
    analysis = analyse(runs, facts, methods, REPLICATES, claims, loaded.seed, conduct, judgement.comparison)
    moments.append(time.perf_counter())
    n = len(runs)
    counts = Counts(planned=n, attempted=n, completed=n, failed=0, reported=n)
    document = msgspec.structs.replace(frame, analysis=analysis, judgement=judgement, counts=counts)
    build(document, folder)
    moments.append(time.perf_counter())
    parts = ("judgement", "results, curves, claims", "page, data and figures")
    return dict(zip(parts, np.diff(moments).tolist(), strict=True))


def main() -> None:
    """Measure and print; with --profile, print where the time goes."""
    title(f"analysis and report of {len(study().study.methods)} methods x 12 tasks x {REPLICATES} replicates")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        frame = assemble(study(), Store(folder / "store"), cache_folder())
        plan = make_plan(study(), None, cache_folder())
        runs = drawn_runs(plan, gather_facts(plan))
        profile = cProfile.Profile()
        if "--profile" in sys.argv:
            profile.enable()
        found = report(plan, runs, frame, folder / "report")
        profile.disable()
        if "--profile" in sys.argv:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
    table(["part", "seconds"], [[name, duration(taken)] for name, taken in found.items()])
    print()
    taken = sum(found.values())
    told = (
        f"the whole analysis with figures in {taken:.3g} s: {LIMIT / taken:.2f} times as fast as {LIMIT:g} s"
    )
    target(told, met=taken <= LIMIT)


if __name__ == "__main__":
    main()
