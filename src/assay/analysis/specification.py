"""The specification curve of a comparison: one estimate under every choice of protocol that runs allow.

Estimates only (Simonsohn, Simmons and Nelson, Nature Human Behaviour 2020, without their inference): the
specifications share their runs, so that how many agree is no evidence of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from assay.analysis.cells import SEARCH_SEEDS, SIGNAL, TEST, Cells, unit_of
from assay.analysis.model import BenchmarkFacts
from assay.analysis.protocols import Reader
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.text import one_line
from assay.records.record import Record
from assay.records.store import Run
from assay.statistics.basis import Basis, Result
from assay.statistics.table import Table
from assay.studies.plan import Plan

BUDGETS = (1.0, 0.5, 0.25)
MEAN, MEDIAN, IQM = AGGREGATIONS = ("mean", "median", "IQM")
ALL_TASKS = "all"


class Specified(msgspec.Struct, frozen=True, kw_only=True):
    """The estimate under one set of choices; None where runs or values that it needs are missing."""

    choices: dict[str, str]
    estimate: float | None


class SpecificationCurve(Result, frozen=True, kw_only=True):
    """The estimate of a comparison under all choices of protocol; larger favours the first method.

    `what` says what is estimated, `null` is its value without a difference, and `chosen` are the choices
    of the study as it was run. A factor that does not apply to a specification is not in its choices.
    """

    specifications: tuple[Specified, ...]
    what: str
    null: float
    chosen: dict[str, str]

    @property
    def estimates(self) -> tuple[float, ...]:
        """The estimates, the least first."""
        return tuple(sorted(one.estimate for one in self.specifications if one.estimate is not None))

    def sentence(self) -> str:
        """Return how many specifications favour the first method, and the range of the estimates."""
        known = self.estimates
        if not known:
            return f"{self.what}: no specification has an estimate"
        above = sum(value > self.null for value in known)
        own = next((one.estimate for one in self.specifications if one.choices == self.chosen), None)
        as_run = "no estimate" if own is None else f"{own:.4g}"
        return (
            f"{self.what} is above {self.null:g} in {above:,} of {len(known):,} specifications, from "
            f"{known[0]:.4g} to {known[-1]:.4g}; as the study was run, {as_run}"
        )

    def table(self) -> Table:
        """Return one row for each specification, the least estimate first."""
        factors = list(dict.fromkeys(name for one in self.specifications for name in one.choices))
        rows = [
            (*(one.choices.get(name, "") for name in factors), one.estimate, str(one.choices == self.chosen))
            for one in sorted(self.specifications, key=_place)
        ]
        return Table((*factors, "estimate", "chosen"), [tuple(row) for row in rows])


def specification_curve(
    plan: Plan,
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    runs: Mapping[str, Run],
    a: str,
    b: str,
    *,
    budgets: Sequence[float] = BUDGETS,
) -> SpecificationCurve:
    """Return the estimate of a against b under every choice of protocol that the records can answer.

    The choices: the metric; the seed policy that recommendations are scored under; a shorter budget, as a
    prefix of the trajectory, where no run of either method read the budget and time has one worker; the
    aggregation; each task left out. The searches themselves saw the signal of the protocol as it was run.
    A search that is cut short recommends the best that it has seen, and has no test value.

    Where all tasks and metrics have one declared unit the estimate is the difference of aggregates over
    runs, averaged within families and then over them, and None where a run is lost. Otherwise it is
    P(a > b), aggregated over families, and a lost run loses. Raises `UnknownNameError` for an unknown
    method and `UsageError` for one method given twice and for shares of a budget outside (0, 1].
    """
    methods = [method.name for method in plan.methods]
    _check(a, b, methods, budgets)
    records = _records(plan, runs, (a, b))
    reader = Reader(plan, cells, facts, records)
    tested = [name for name in plan.benchmarks if reader.tested(name, methods)]
    unit = _one_unit(facts, tested)
    compare = _difference if unit else _probability
    found = []
    for choices, read, tasks in _specifications(plan, reader, tested, (a, b), budgets):
        for how in AGGREGATIONS:
            estimate = _estimate(compare, how, [(facts[t].family, read(t, a), read(t, b)) for t in tasks])
            found.append(Specified(choices={**choices, "aggregation": how}, estimate=estimate))
    return SpecificationCurve(
        basis=_basis(plan, cells, (a, b), budgets, unit),
        specifications=tuple(found),
        what=_what(a, b, unit),
        null=0.0 if unit else 0.5,
        chosen=_chosen(plan, tested),
    )


_Read = Callable[[str, str], np.ndarray]


class _Policy(msgspec.Struct, frozen=True):
    """What a choice of seed policy is called, and the policy of each benchmark (None: as it was run)."""

    label: str
    of: dict[str, str | None]


def _check(a: str, b: str, methods: Sequence[str], budgets: Sequence[float]) -> None:
    for name in (a, b):
        if name not in methods:
            raise UnknownNameError("method", name, methods)
    if a == b:
        raise UsageError("a comparison is of two methods", why=f"got '{one_line(a)}' twice")
    if 1.0 not in budgets or not all(0.0 < share <= 1.0 for share in budgets):
        raise UsageError("shares of a budget lie in (0, 1], and 1 is one of them", why=f"got {list(budgets)}")


def _records(plan: Plan, runs: Mapping[str, Run], pair: tuple[str, str]) -> dict[str, Record]:
    """Return the records of both methods' runs that stand."""
    found = {}
    for cell in plan.cells:
        run = runs.get(cell.spec.run)
        if cell.method in pair and run is not None and run.stands:
            found[cell.spec.run] = run.record
    return found


def _one_unit(facts: Mapping[str, BenchmarkFacts], tested: Sequence[str]) -> str:
    """Return the one declared unit of all signals and test metrics, empty where there is none."""
    units = {unit_of(benchmark, SIGNAL) for benchmark in facts.values()}
    units |= {unit_of(facts[name], TEST) for name in tested}
    return units.pop() if len(units) == 1 else ""


def _specifications(
    plan: Plan, reader: Reader, tested: Sequence[str], pair: tuple[str, str], budgets: Sequence[float]
) -> Iterator[tuple[dict[str, str], _Read, list[str]]]:
    """Yield the choices, how they are read, and the tasks, of each specification but for the aggregation."""
    names = list(plan.benchmarks)
    if tested:
        test = {(t, m): reader.test(t, m) for t in tested for m in pair}
        for left, tasks in _task_sets(list(tested)):
            yield {"metric": TEST, "budget": _share(1.0), "tasks": left}, _reading(test), tasks
    whole = plan.loaded.study.protocol.simulated_workers > 1 or reader.reads_budget()
    for policy, share in itertools.product(_policies(plan), [1.0] if whole else budgets):
        seen = {(t, m): reader.signal(t, m, policy.of[t], share) for t in names for m in pair}
        for left, tasks in _task_sets(names):
            choices = {
                "metric": SIGNAL,
                "seed policy": policy.label,
                "budget": _share(share),
                "tasks": left,
            }
            yield choices, _reading(seen), tasks


def _reading(values: Mapping[tuple[str, str], np.ndarray]) -> _Read:
    return lambda task, method: values[task, method]


def _task_sets(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    yield ALL_TASKS, names
    if len(names) > 1:
        for left in names:
            yield f"without {left}", [name for name in names if name != left]


def _share(share: float) -> str:
    return "whole" if share == 1.0 else f"{share:g} of it"


def _policies(plan: Plan) -> list[_Policy]:
    """Return the seed policies as run, and each other that some table has; tables without it keep theirs."""
    own = {name: _own_policy(plan, one) for name, one in plan.benchmarks.items()}
    found = [_Policy(_as_run(plan), dict.fromkeys(own))]
    listed = [p for one in plan.benchmarks.values() for p in one.card.seeds.policies]
    for policy in dict.fromkeys(listed):
        of = {
            name: policy if policy in one.card.seeds.policies and policy != own[name] else None
            for name, one in plan.benchmarks.items()
        }
        if any(of.values()):
            found.append(_Policy(policy, of))
    return found


def _own_policy(plan: Plan, benchmark: TableBenchmark) -> str:
    return plan.loaded.study.protocol.seeds or benchmark.default_policy


def _as_run(plan: Plan) -> str:
    names = sorted({_own_policy(plan, one) for one in plan.benchmarks.values()})
    return f"as run ({', '.join(names)})"


def _chosen(plan: Plan, tested: Sequence[str]) -> dict[str, str]:
    """Return the choices of the study as it was run: the test metric where all its benchmarks have it."""
    common = {"budget": _share(1.0), "tasks": ALL_TASKS, "aggregation": MEAN}
    if len(tested) == len(plan.benchmarks):
        return {"metric": TEST, **common}
    return {"metric": SIGNAL, "seed policy": _as_run(plan), **common}


_Tasks = list[tuple[str, np.ndarray, np.ndarray]]


def _estimate(compare: Callable[[str, _Tasks], float], how: str, tasks: _Tasks) -> float | None:
    if any(not len(values) or np.isnan(values).any() for _, *both in tasks for values in both):
        return None
    found = compare(how, tasks)
    return found if math.isfinite(found) else None


def _difference(how: str, tasks: _Tasks) -> float:
    """Return the difference of aggregates over runs, averaged within families and over them."""
    if any(np.isinf(values).any() for _, *both in tasks for values in both):
        return math.nan
    families: dict[str, list[float]] = {}
    for family, a, b in tasks:
        families.setdefault(family, []).append(_aggregate(a, how) - _aggregate(b, how))
    return _aggregate(np.array([math.fsum(own) / len(own) for own in families.values()]), MEAN)


def _probability(how: str, tasks: _Tasks) -> float:
    """Return P(a > b), ties half, averaged within families and aggregated over them."""
    families: dict[str, list[float]] = {}
    for family, a, b in tasks:
        above = int((a[:, None] > b[None, :]).sum()) + int((a[:, None] == b[None, :]).sum()) / 2
        families.setdefault(family, []).append(above / (len(a) * len(b)))
    return _aggregate(np.array([math.fsum(own) / len(own) for own in families.values()]), how)


def _aggregate(values: np.ndarray, how: str) -> float:
    """Return the mean, the median, or the mean of the middle half: a quarter is cut off at either end."""
    ordered = np.sort(values)
    if how == MEDIAN:
        return float(np.median(ordered))
    cut = len(ordered) // 4 if how == IQM else 0
    kept = ordered[cut : len(ordered) - cut]
    return math.fsum(kept) / len(kept)


def _what(a: str, b: str, unit: str) -> str:
    a, b = one_line(a), one_line(b)
    return f"{a} minus {b} [{unit}]" if unit else f"P({a} > {b})"


def _place(one: Specified) -> tuple[bool, float, list[tuple[str, str]]]:
    known = one.estimate is not None
    return not known, one.estimate if one.estimate is not None else 0.0, sorted(one.choices.items())


def _basis(plan: Plan, cells: Cells, pair: tuple[str, str], budgets: Sequence[float], unit: str) -> Basis:
    lost = sum(not run.completed for t in plan.benchmarks for m in pair for run in cells[t, m].runs)
    rule = "each specification that needs one has no estimate" if unit else "each loses against any result"
    cautions = (
        "estimates only: the specifications share their runs, so that how many agree is no test",
        "searches saw the signal of the protocol as run: other policies only score what they recommend",
        "a search that is cut short recommends the best that it has seen"
        if any(share < 1.0 for share in budgets)
        else "",
        f"{lost} runs failed: {rule}" if lost else "",
    )
    scale = "difference of aggregates over runs" if unit else "P(A > B), ties half"
    return Basis(
        procedure=f"specification curve of the {scale}, families averaged first",
        source="Simonsohn, Simmons and Nelson, Nature Human Behaviour 2020",
        n={
            "tasks": len(plan.benchmarks),
            "families": len({one.card.task.family for one in plan.benchmarks.values()}),
            "runs": sum(len(cells[t, m].runs) for t in plan.benchmarks for m in pair),
        },
        varied=SEARCH_SEEDS,
        ties="half" if not unit else "",
        cautions=tuple(text for text in cautions if text),
    )
