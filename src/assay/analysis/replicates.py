"""How many replicates a study needs for a wanted effect, before it has data that could tempt it.

Of the pilot only the spread is used. The difference that a pilot shows is not: a number of replicates
that was planned from a seen difference is a stopping rule, and a small pilot overstates what it finds
(Kraemer et al., Archives of General Psychiatry 2006).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from assay.analysis.power import ALPHA, POWER, ClaimedPair, has_mean, mean_spread, spread
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.problem import Budget
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result
from assay.statistics.families import FAMILIES_NEEDED
from assay.statistics.permutation import least_exchange_p
from assay.statistics.power import detectable_effect, noether_n, plan_replicates, t_power_n
from assay.statistics.scores import Scores
from assay.statistics.table import Table

SIMULATED = 100
GAMMA = 0.75
MOST_COMPARISONS = 400
RECORDS, SIMULATION = "records", "simulated"
_SPREAD_ALONE = (
    "only the spread of the pilot is used: planning from the difference that it shows is a stopping rule "
    "that no fixed test accounts for, and is not offered"
)


class Pilot(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the spread of two methods on one task: values of each, and where they are from."""

    claim: str
    task: str
    a: str
    b: str
    unit: str
    values_a: np.ndarray
    values_b: np.ndarray
    source: str


class PlannedTask(msgspec.Struct, frozen=True, kw_only=True):
    """The replicates of each method that show the effect on one task (empty: the mean over tasks).

    `alone` is for one comparison at `alpha`, `corrected` for the strictest step of Holm's correction,
    `cautious` the same for a spread at the upper end of what the pilot allows. `detectable` is the effect
    that the planned number shows, None where that shows none. `least_p` is that of a permutation test of so
    many runs; where `least_adjusted`, its Bonferroni multiple, is above `alpha`, such a test can never be
    significant.
    """

    claim: str
    task: str
    a: str
    b: str
    unit: str
    pilot: str
    pilot_n: int
    sd_a: float
    sd_b: float
    alone: int | None
    corrected: int | None
    cautious: int | None
    planned: int | None
    detectable: float | None
    least_p: float | None
    least_adjusted: float | None
    never: bool


class ReplicatePlanning(Result, frozen=True, kw_only=True):
    """The replicates that a wanted effect needs, task by task and for the mean over the tasks.

    `tests` is the number of comparisons that are corrected for, `level` the strictest level among them,
    `noether` the replicates that show P(A > B) = `gamma` whatever the unit. `families` counts the
    independent families of tasks, and `decides_tasks` says whether any number of replicates could decide
    a claim about tasks beyond these.
    """

    effect: float
    power: float
    alpha: float
    tests: int
    level: float
    rows: tuple[PlannedTask, ...]
    gamma: float
    noether: int
    families: int
    decides_tasks: bool

    @property
    def recommended(self) -> int | None:
        """The replicates that show the effect on every task, corrected; None where no pilot varies."""
        return max((row.corrected for row in self.rows if row.task and row.corrected), default=None)

    def sentence(self) -> str:
        """Return the number for every task, and for the mean over tasks where there is one."""
        if self.recommended is None:
            return "No number of replicates can be planned: the runs of the pilot do not vary"
        over = [row.corrected for row in self.rows if not row.task and row.corrected]
        mean = f"; {max(over):,} for the mean over the tasks of a claim" if over else ""
        return (
            f"{self.recommended:,} replicates of each method show a difference of {self.effect:g} on every "
            f"task with a power of {100 * self.power:g} % at {100 * self.alpha:g} %, corrected for "
            f"{self.tests:,} {'comparison' if self.tests == 1 else 'comparisons'}{mean}"
        )

    def table(self) -> Table:
        """Return the rows."""
        names = tuple(field.name for field in msgspec.structs.fields(PlannedTask))
        rows = []
        for row in self.rows:
            values = [getattr(row, name) for name in names]
            rows.append(tuple(str(one) if isinstance(one, bool) else one for one in values))
        return Table(names, rows)


def pairs_of(methods: Sequence[str], pair: tuple[str, str] | None) -> tuple[ClaimedPair, ...]:
    """Return the asked pair, or every pair of methods, each a comparison of its own."""
    if pair is None:
        listed = list(itertools.combinations(methods, 2))
    else:
        for name in pair:
            if name not in methods:
                raise UnknownNameError("method", name, methods)
        if pair[0] == pair[1]:
            raise UsageError("a pair is of two methods", why=f"got '{pair[0]}' twice")
        listed = [pair]
    return tuple(ClaimedPair(claim=f"pair-{i}", a=a, b=b) for i, (a, b) in enumerate(listed, start=1))


def recorded_pilots(scores: Scores, pairs: Sequence[ClaimedPair]) -> list[Pilot]:
    """Return the pilots that scores hold; lost runs have no value and take no part in a spread."""
    found = []
    for pair in pairs:
        for t, task in enumerate(scores.tasks):
            if pair.on and task not in pair.on:
                continue
            a, b = (scores.sample(t, scores.methods.index(name)) for name in (pair.a, pair.b))
            found.append(_pilot(pair, task, scores.units[t], a, b, RECORDS))
    return found


def simulated_pilot(
    pair: ClaimedPair, benchmark: TableBenchmark, signal: str, policy: str | None, budget: Budget, seed: int
) -> Pilot:
    """Return a pilot of random searches of the same budget, drawn from the table with replacement.

    Each reports the signal of the best that it saw. The test metric is not touched.
    """
    rng = Stream(seed, ("plan-replicates", benchmark.name))
    values = random_searches(benchmark, signal, policy, budget, rng, 2 * SIMULATED)
    unit = benchmark.signal(signal).unit
    return _pilot(pair, benchmark.name, unit, values[:SIMULATED], values[SIMULATED:], SIMULATION)


def random_searches(
    benchmark: TableBenchmark, signal: str, policy: str | None, budget: Budget, rng: Stream, runs: int
) -> np.ndarray:
    """Return the best signal of each of `runs` random searches (float64), in the card's unit.

    With a budget in seconds the evaluation that crosses it is the last one. Searches that saw no value
    are left out.
    """
    sign = 1.0 if benchmark.signal(signal).maximize else -1.0
    best = []
    for _ in range(runs):
        scores = _one_search(benchmark, signal, policy, budget, rng)
        known = scores[np.isfinite(scores)]
        if known.size:
            best.append(sign * float(known.max()))
    return np.array(best, dtype=np.float64)


def _one_search(
    benchmark: TableBenchmark, signal: str, policy: str | None, budget: Budget, rng: Stream
) -> np.ndarray:
    size = benchmark.space.size
    if budget.table_seconds is None:
        drawn = rng.indices(size, (budget.evaluations or 1,))
        return benchmark.lookup(drawn, signal, policy).scores
    parts, spent = [], 0.0
    while spent < budget.table_seconds:
        columns = benchmark.lookup(rng.indices(size, (64,)), signal, policy)
        ends = spent + np.cumsum(columns.costs)
        last = int(np.searchsorted(ends, budget.table_seconds)) + 1
        parts.append(columns.scores[:last])
        spent = float(ends[-1])
    return np.concatenate(parts)


def _pilot(pair: ClaimedPair, task: str, unit: str, a: np.ndarray, b: np.ndarray, source: str) -> Pilot:
    return Pilot(
        claim=pair.claim, task=task, a=pair.a, b=pair.b, unit=unit, values_a=a, values_b=b, source=source
    )


def plan(
    pilots: Sequence[Pilot],
    *,
    effect: float,
    families: Mapping[str, str],
    tests: int,
    planned: int | None = None,
    power: float = POWER,
    alpha: float = ALPHA,
    cautions: Sequence[str] = (),
) -> ReplicatePlanning:
    """Return how many replicates of each method show `effect`, in the unit of each task.

    `families` gives the family of each task, `tests` is the number of comparisons to correct for,
    `planned` the replicates that the study has now. Raises `UsageError` without a pilot, and for an
    effect, a power or a level that is out of range.
    """
    _check(effect, power, alpha)
    if not pilots:
        raise UsageError("there is nothing to plan", why="no two methods, or no task")
    if len(pilots) > MOST_COMPARISONS:
        raise UsageError(
            f"{len(pilots):,} comparisons are too many to plan at once",
            why="the power of few runs is found by simulation, up to a second for each",
            hint="choose with --pair A,B and --task T",
        )
    level = alpha / max(tests, 1)
    rows = [_planned(pilot, effect, power, alpha, level, tests, planned) for pilot in pilots]
    over = []
    for claim in dict.fromkeys(row.claim for row in rows):
        for sides in dict.fromkeys((row.a, row.b) for row in rows if row.claim == claim):
            own = [row for row in rows if row.claim == claim and (row.a, row.b) == sides]
            if has_mean([row.unit for row in own]):
                over.append(_over(own, effect, power, alpha, level, planned))
    kinds = len({families.get(pilot.task, pilot.task) for pilot in pilots})
    return ReplicatePlanning(
        effect=effect,
        power=power,
        alpha=alpha,
        tests=tests,
        level=level,
        rows=(*rows, *over),
        gamma=GAMMA,
        noether=noether_n(GAMMA, alpha, 1.0 - power),
        families=kinds,
        decides_tasks=kinds >= FAMILIES_NEEDED,
        basis=_basis(pilots, level, tests, cautions),
    )


def _planned(
    pilot: Pilot,
    effect: float,
    power: float,
    alpha: float,
    level: float,
    tests: int,
    planned: int | None,
) -> PlannedTask:
    a, b = spread(pilot.values_a), spread(pilot.values_b)
    if a is None or b is None:
        raise UsageError(
            "the pilot has no spread",
            where=f"{pilot.a} and {pilot.b} on {pilot.task}",
            why="a method has fewer than two results there",
        )
    varies = bool(a or b)
    alone, corrected = (
        plan_replicates(pilot.values_a, pilot.values_b, effect=effect, power=power, alpha=one)
        if varies
        else None
        for one in (alpha, level)
    )
    least = least_exchange_p(planned, planned, level) if planned else None
    adjusted = min(least * max(tests, 1), 1.0) if least is not None else None
    return PlannedTask(
        claim=pilot.claim,
        task=pilot.task,
        a=pilot.a,
        b=pilot.b,
        unit=pilot.unit,
        pilot=pilot.source,
        pilot_n=min(len(pilot.values_a), len(pilot.values_b)),
        sd_a=a,
        sd_b=b,
        alone=alone.recommended if alone else None,
        corrected=corrected.recommended if corrected else None,
        cautious=corrected.cautious if corrected else None,
        planned=planned,
        detectable=_seen(a, b, planned, power, level),
        least_p=least,
        least_adjusted=adjusted,
        never=adjusted is not None and adjusted > alpha,
    )


def _over(
    rows: Sequence[PlannedTask], effect: float, power: float, alpha: float, level: float, planned: int | None
) -> PlannedTask:
    """Return the row of the mean over tasks: its spread is that of the mean of independent differences."""
    a, b = mean_spread([row.sd_a for row in rows]), mean_spread([row.sd_b for row in rows])
    if a is None or b is None:
        raise UsageError("a mean over tasks needs a spread on each")
    return msgspec.structs.replace(
        rows[0],
        task="",
        pilot=" and ".join(dict.fromkeys(row.pilot for row in rows)),
        pilot_n=min(row.pilot_n for row in rows),
        sd_a=a,
        sd_b=b,
        alone=_needed(a, b, effect, power, alpha),
        corrected=_needed(a, b, effect, power, level),
        cautious=None,
        detectable=_seen(a, b, planned, power, level, tasks=len(rows)),
        least_p=None,
        least_adjusted=None,
        never=False,
    )


def _needed(a: float, b: float, effect: float, power: float, alpha: float) -> int | None:
    """Return the n that shows the effect, for two spreads; None where nothing varies."""
    spread_of_both = math.hypot(a, b) / math.sqrt(2.0)
    if not spread_of_both:
        return None
    return math.ceil(t_power_n(effect / spread_of_both, power=power, alpha=alpha))


def _seen(
    a: float, b: float, planned: int | None, power: float, level: float, tasks: int = 1
) -> float | None:
    effect = detectable_effect(a, b, planned, power, alpha=level, tasks=tasks) if planned else math.inf
    return effect if math.isfinite(effect) else None


def _check(effect: float, power: float, alpha: float) -> None:
    if not (math.isfinite(effect) and effect > 0):
        raise UsageError(
            "an effect is a positive number, in the unit of the metric",
            why=f"got {effect}",
            hint="--effect 0.5",
        )
    for name, value, low, high in (("a power", power, 0.5, 1.0), ("alpha", alpha, 0.0, 0.5)):
        if not low < value < high:
            raise UsageError(f"{name} lies between {low:g} and {high:g}", why=f"got {value}")


def _basis(pilots: Sequence[Pilot], level: float, tests: int, cautions: Sequence[str]) -> Basis:
    told = [_SPREAD_ALONE, *cautions]
    if any(pilot.source == SIMULATION for pilot in pilots):
        told.append(
            f"where nothing is recorded, the spread is that of {SIMULATED:,} random searches for each "
            "method, by the signal; a method that searches otherwise may vary more or less"
        )
    units = {pilot.unit for pilot in pilots}
    if len({pilot.task for pilot in pilots}) > 1 and (len(units) > 1 or units == {""}):
        told.append("the tasks have no one declared unit: the effect is in the unit of each, without a mean")
    return Basis(
        procedure="power of the larger of Welch's and the permutation p for two means, equal n",
        source="simulated below ten runs; from there Cohen 1988, chapter 2, by the noncentral t; "
        "P(A > B): Noether, JASA 1987",
        n={
            "pilot runs of each method, at least": min(
                min(len(pilot.values_a), len(pilot.values_b)) for pilot in pilots
            ),
            "comparisons": tests,
        },
        varied=("search seeds",),
        assumptions=("runs are independent", "the spread stays what it is in the pilot"),
        correction=f"Holm, its strictest step: {100 * level:.3g} % a comparison",
        cautions=tuple(told),
    )
