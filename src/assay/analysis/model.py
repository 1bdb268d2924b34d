"""What analysis finds in a study: the typed content of a report."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from assay.contracts.problem import Budget
from assay.statistics.interval import Interval
from assay.statistics.published import Spread


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    """One run as analysis sees it.

    `values` (published unit, NaN where not OK), `costs` (charge of each evaluation) and `times`
    (virtual moments, non-decreasing) are float64 arrays of one length, in the order of telling.
    Evaluations at another level than the study's own have NaN. `shown` is what the incumbent after each
    evaluation is reported at, where that is another fidelity than the one that was searched at.
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
    shown: np.ndarray | None = None


class BenchmarkFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What analysis needs of a benchmark: direction, unit, and the ends of the regret scale.

    Normalised regret of a value v is (best - v) / (best - reference): `best` is the best signal in
    the space and `reference` the median architecture's. `seconds` tells whether costs are seconds.
    `raced` says that methods raced here, and `kept` how many replicates each that was dropped has.
    `range` is that of the signal over the space, or as declared for a race, None where it is not known.
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
    raced: bool = False
    kept: dict[str, int] = {}
    range: tuple[float, float] | None = None

    def planned_of(self, method: str, planned: int) -> int:
        """Return how many of the planned replicates of a method were to run, as far as a race decided it."""
        return min(planned, self.kept.get(method, planned))


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


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An assertion and what the study says of it.

    `verdict` is 'supported', 'refuted', 'undecided' or 'untested'; `per_benchmark` holds the
    interval of (better - than), turned so that positive favours `better`. `kind` is that of the
    claim and `methods` are all that it names. `than` is empty where there is no single rival; `parts`
    then holds the interval of each comparison that the claim consists of. `overall` and `per_benchmark`
    hold shares of runs for the kind 'reaches', and (ours - published) for 'replicates-number'.

    `lacks` says what an undecided claim would need: 'seeds', 'tasks' (no number of seeds decides a
    claim about tasks), or the runs behind a 'published' number. `size` compares a supported effect with
    the smallest one of interest. `validity` lists what is wrong with the protocol, whatever the verdict.
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
    kind: str = "better"
    methods: tuple[str, ...] = ()
    parts: dict[str, Interval] = {}
    lacks: str = ""
    smallest: float = 0.0
    size: str = ""
    rule: str = "fixed"
    scope: str = "these-tasks"
    source: str = ""
    validity: tuple[str, ...] = ()


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


class PublishedMean(msgspec.Struct, frozen=True, kw_only=True):
    """A mean as published, over `n` runs with `sd` printed after it (what that is: `spread`), and where."""

    value: float
    n: int | None
    sd: float | None
    unit: str
    source: str
    spread: Spread = "sd"


class ClaimSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as written in a study, with the benchmarks that it speaks about.

    `better` is the method that it speaks for and `than` its rival; where there is another number of
    rivals, they are `others` (best-of-set: all rivals; ranking: those after the first, in order).
    `registered` says that the plan of the study was registered with this claim in it.
    """

    id: str
    better: str
    metric: str
    benchmarks: tuple[str, ...]
    than: str = ""
    others: tuple[str, ...] = ()
    margin: float = 0.0
    confidence: float = 0.95
    kind: str = "better"
    smallest: float = 0.0
    rule: str = "fixed"
    scope: str = "these-tasks"
    target: float = 0.0
    share: float = 0.5
    within: Budget | None = None
    published: PublishedMean | None = None
    registered: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the claim is about, the one that it speaks for first."""
        return (self.better, *([self.than] if self.than else []), *self.others)


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """How a study was conducted, as far as the validity of its claims is concerned.

    `budget` is that of every run; `arithmetics` gives the arithmetic of each run; `late` the day on
    which claims came that were not in the first plan, by id; `looks` say when replicates, and
    `new_tasks` when benchmarks, were added after a first look.
    """

    budget: Budget | None = None
    arithmetics: dict[str, str] = {}
    late: dict[str, str] = {}
    looks: tuple[str, ...] = ()
    new_tasks: tuple[str, ...] = ()


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
