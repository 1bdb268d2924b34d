"""What analysis finds in a study: the typed content of a report."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from assay.statistics.interval import Interval


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    """One run as analysis sees it.

    `values` (published unit, NaN where not OK), `costs` (charge of each evaluation) and `times`
    (virtual moments, non-decreasing) are float64 arrays of one length, in the order of telling.
    `test` is the mean assessed test metric of the recommendation, None where there is none.
    """

    run: str
    method: str
    benchmark: str
    replicate: int
    completed: bool
    values: np.ndarray
    costs: np.ndarray
    times: np.ndarray
    recommended_value: float | None
    test: float | None
    wall_seconds: float
    thinking_seconds: float


class BenchmarkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What analysis needs of a benchmark: direction, unit, and the ends of the regret scale.

    Normalised regret of a value v is (best - v) / (best - reference): `best` is the best signal in
    the space and `reference` the median architecture's. `seconds` tells whether costs are seconds.
    """

    name: str
    family: str
    metric: str
    split: str
    unit: str
    maximize: bool
    best: float
    reference: float
    seconds: bool
    test_metric: str | None
    test_unit: str | None
    test_maximize: bool
    no_test_because: str | None


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the results table: a method on a benchmark.

    `reported` is 'test' or 'signal'; `leads` marks the best mean, `with_leader` the methods whose
    difference from it has an interval that contains zero.
    """

    method: str
    benchmark: str
    family: str
    reported: str
    metric: str
    unit: str
    planned: int
    completed: int
    interval: Interval | None
    text: str
    leads: bool
    with_leader: bool


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Mean normalised regret of one method on one benchmark, as a right-continuous step function.

    `x` are evaluations or table seconds; value i holds on [x[i], x[i+1]).
    """

    method: str
    benchmark: str
    axis: str
    x: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]
    runs: int
    band: str


class RankRow(msgspec.Struct, frozen=True, kw_only=True):
    """A method's average rank: for each family over its tasks, and over the families. 1 is best."""

    method: str
    by_family: dict[str, float]
    overall: float


class RankTable(msgspec.Struct, frozen=True, kw_only=True):
    """Average ranks over tasks; tasks of one family are averaged first. `note` says what they hold."""

    rows: tuple[RankRow, ...]
    tasks: int
    families: dict[str, tuple[str, ...]]
    note: str


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """An assertion and what the study says of it.

    `verdict` is 'supported', 'refuted', 'undecided' or 'untested'; `per_benchmark` holds the
    interval of (better - than), turned so that positive favours `better`.
    """

    id: str
    text: str
    better: str
    than: str
    metric: str
    margin: float
    unit: str
    benchmarks: tuple[str, ...]
    verdict: str
    why: str
    overall: Interval | None
    per_benchmark: dict[str, Interval]


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one method spent: charged (by identity) and measured (on this machine)."""

    method: str
    runs: int
    evaluations: int
    table_seconds: float | None
    wall_seconds: float
    thinking_seconds: float
    ranking_with_measured: str


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """All that is computed from the runs of a study."""

    results: tuple[ResultRow, ...]
    curves: tuple[Curve, ...]
    ranks: RankTable | None
    claims: tuple[ClaimResult, ...]
    costs: tuple[CostRow, ...]


class ClaimSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as written in a study: `better` beats `than` by more than `margin` on `on`."""

    id: str
    better: str
    than: str
    metric: str
    margin: float
    benchmarks: tuple[str, ...]
    confidence: float = 0.95


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the study's lifecycle. `state`: 'met', 'not met', 'not recorded', 'not applicable'."""

    id: str
    title: str
    state: str
    summary: str
    evidence: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs were planned, attempted, completed, failed, and stand in the report."""

    planned: int
    attempted: int
    completed: int
    failed: int
    reported: int


class MethodInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A method as named in the study. `hyperparameters` are rows of name, value and default."""

    name: str
    label: str
    strategy: str
    code: str
    hyperparameters: tuple[dict[str, Any], ...]


class VerificationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the latest `assay verify` of this study found."""

    verdict: str
    sentence: str
    sampled: int
    identical: int
    population: int
    bound: float | None
    claim_runs: int
    when: str
    findings: tuple[str, ...] = ()


class Mileage(msgspec.Struct, frozen=True, kw_only=True):
    """How often the test labels of a benchmark were asked in this store, by this study and in all."""

    benchmark: str
    this_study: int
    in_store: int
    status: str
