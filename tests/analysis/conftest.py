"""Studies with generated numbers, for tests of analysis alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pytest

from assay.analysis.analyse import analyse
from assay.analysis.model import Analysis, BenchmarkFacts, ClaimSpec, RunData
from assay.foundation.seeding import Stream
from assay.statistics.scores import Row, Scores, make_scores


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """The input of `analyse`."""

    runs: tuple[RunData, ...]
    facts: dict[str, BenchmarkFacts]
    methods: tuple[str, ...]
    planned: int
    claims: tuple[ClaimSpec, ...]
    seed: int = 0

    def analyse(self) -> Analysis:
        return analyse(self.runs, self.facts, self.methods, self.planned, self.claims, self.seed)

    def but(self, **changes: object) -> Study:
        return msgspec.structs.replace(self, **changes)


def make_facts(name: str, **changes: object) -> BenchmarkFacts:
    """Return a benchmark of accuracies in percent, with a test metric and costs in seconds."""
    fields: dict[str, object] = {
        "name": name,
        "family": name.split("-", maxsplit=1)[0],
        "metric": "accuracy",
        "split": "validation",
        "unit": "%",
        "maximize": True,
        "best": 100.0,
        "reference": 50.0,
        "seconds": True,
        "test_metric": "accuracy",
        "test_unit": "%",
        "test_maximize": True,
        "no_test_because": None,
    }
    return BenchmarkFacts(**{**fields, **changes})


def make_run(
    values: object, *, method: str = "a", benchmark: str = "f-1", replicate: int = 0, **changes: object
) -> RunData:
    """Return a completed run in which each evaluation takes ten seconds."""
    column = np.asarray(values, dtype=np.float64)
    known = column[np.isfinite(column)]
    best = float(known.max()) if known.size else None
    fields: dict[str, object] = {
        "run": f"{benchmark}/{method}/{replicate}",
        "method": method,
        "benchmark": benchmark,
        "replicate": replicate,
        "completed": True,
        "values": column,
        "costs": np.full(len(column), 10.0),
        "times": np.arange(1, len(column) + 1) * 10.0,
        "recommended_value": best,
        "test": None if best is None else best - 1.0,
        "wall_seconds": 0.5,
        "thinking_seconds": 0.1,
    }
    return RunData(**{**fields, **changes})


def make_study(methods: int = 3, benchmarks: int = 4, replicates: int = 12, evaluations: int = 30) -> Study:
    """Return a study in which later methods are better; two benchmarks share each family."""
    names = tuple(f"method-{i}" for i in range(methods))
    facts = {name: make_facts(name) for name in (f"f{b // 2}-{b}" for b in range(benchmarks))}
    runs = []
    for benchmark in facts:
        for i, method in enumerate(names):
            for replicate in range(replicates):
                words = Stream(0, (benchmark, method, replicate)).indices(1 << 20, (2, evaluations))
                noise = words / float(1 << 20)
                costs = 5.0 + 10.0 * noise[1]
                run = make_run(
                    40.0 + 5.0 * i + 40.0 * noise[0],
                    method=method,
                    benchmark=benchmark,
                    replicate=replicate,
                    costs=costs,
                    times=np.cumsum(costs),
                )
                runs.append(run)
    claims = tuple(
        ClaimSpec(
            id=f"claim-{i}",
            better=names[-1],
            than=names[0],
            metric=metric,
            margin=1.0,
            benchmarks=tuple(facts),
        )
        for i, metric in enumerate(("test", "signal"))
    )
    return Study(runs=tuple(runs), facts=facts, methods=names, planned=replicates, claims=claims)


@pytest.fixture(scope="session")
def study() -> Study:
    """Return a finished study of three methods on four benchmarks."""
    return make_study()


@pytest.fixture(scope="session")
def studies() -> Callable[..., Study]:
    """Return the maker of studies."""
    return make_study


@pytest.fixture(scope="session")
def run() -> Callable[..., RunData]:
    """Return the maker of runs."""
    return make_run


@pytest.fixture(scope="session")
def facts() -> Callable[..., BenchmarkFacts]:
    """Return the maker of benchmarks' facts."""
    return make_facts


def make_table(
    means: Sequence[Sequence[float]],
    *,
    runs: int = 8,
    families: Sequence[str] = (),
    unit: str = "%",
    sd: float = 1.0,
    seed: int = 0,
    prefix: str = "task",
    **changes: object,
) -> Scores:
    """Return normal scores with these means: (tasks, methods); methods are called a, b, c and so on."""
    rng = Stream(seed, ("table", prefix))
    tasks = [f"{prefix}-{t}" for t in range(len(means))]
    rows = [
        Row(method=chr(97 + m), task=task, replicate=str(r), score=mean + sd * rng.normal())
        for task, row in zip(tasks, means, strict=True)
        for m, mean in enumerate(row)
        for r in range(runs)
    ]
    named = dict(zip(tasks, families, strict=True)) if families else None
    scores = make_scores(rows, families=named, units=dict.fromkeys(tasks, unit))
    return msgspec.structs.replace(scores, **changes)


@pytest.fixture(scope="session")
def tables() -> Callable[..., Scores]:
    """Return the maker of tables of scores."""
    return make_table
