"""What the records of a study report under another choice of protocol than the one that made them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from assay.analysis.cells import SIGNAL, TEST, Cells, reported_on, sign_of, value_of
from assay.analysis.model import BenchmarkFacts, RunData
from assay.analysis.trajectories import incumbent
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Evaluation
from assay.contracts.problem import Budget
from assay.records.record import Record
from assay.studies.plan import Plan


class Reader:
    """Reads what the runs of a method report on a benchmark under a choice of protocol.

    Values are turned so that larger is better: minus infinity for a run that failed, NaN where the table
    has no value.
    """

    def __init__(
        self,
        plan: Plan,
        cells: Cells,
        facts: Mapping[str, BenchmarkFacts],
        records: Mapping[str, Record],
    ) -> None:
        self.plan = plan
        self.cells = cells
        self.facts = facts
        self.records = records
        self._signal = plan.loaded.study.protocol.signal
        self._reported = plan.loaded.study.protocol.reported

    def tested(self, benchmark: str, methods: Sequence[str]) -> bool:
        """Say whether every completed run on a benchmark has its test value."""
        return reported_on(self.cells, self.facts[benchmark], methods) == TEST

    def reads_budget(self) -> bool:
        """Say whether some run knew its budget, so that a prefix of it is no shorter search."""
        return any(record.result.budget_read for record in self.records.values())

    def test(self, benchmark: str, method: str) -> np.ndarray:
        """Return the test metric of the recommendations."""
        return self._turned(benchmark, method, TEST, lambda run: value_of(run, TEST))

    def signal(self, benchmark: str, method: str, policy: str | None, share: float) -> np.ndarray:
        """Return the signal of what is recommended after a share of the budget, under a seed policy."""
        table = self.plan.benchmarks[benchmark].at(self._reported)

        def value(run: RunData) -> float | None:
            if share == 1.0 and policy is None:
                return value_of(run, SIGNAL)
            record = self.records[run.run]
            if share == 1.0:
                archs: Sequence[str] = record.result.recommendation
            else:
                done = prefix_length(record, self.plan.loaded.study.budget, share, table.card.crossing)
                place = _incumbent_at(record, done, self.facts[benchmark].maximize)
                if place is None:
                    return None
                if policy is None and self._reported is None:
                    return float(record.result.trajectory.column("value")[place])
                archs = [record.result.trajectory.strings()[place]]
            return _scored(table, archs, self._signal, policy)

        return self._turned(benchmark, method, SIGNAL, value)

    def _turned(
        self, benchmark: str, method: str, metric: str, value: Callable[[RunData], float | None]
    ) -> np.ndarray:
        sign = sign_of(self.facts[benchmark], metric)
        values = []
        for run in self.cells[benchmark, method].runs:
            if not run.completed:
                values.append(-math.inf)
                continue
            found = value(run)
            values.append(math.nan if found is None else sign * found)
        return np.array(values, dtype=np.float64)


def prefix_length(record: Record, budget: Budget, share: float, crossing: str) -> int:
    """Return how many evaluations a search had made after a share of its budget, one at least."""
    times = record.result.trajectory.column("time")
    if budget.table_seconds is None:
        return max(1, min(len(times), math.floor(share * (budget.evaluations or len(times)))))
    end = share * budget.table_seconds
    within = int(np.searchsorted(times, end, side="right"))
    # Where the evaluation that crosses the budget counts, it counts for a shorter one too; none crosses
    # where one ends with the budget.
    crosses = crossing == "counted" and not (within and times[within - 1] == end)
    return max(1, min(len(times), within + crosses))


def _incumbent_at(record: Record, done: int, maximize: bool) -> int | None:
    """Return the place of the best of the first evaluations, the earlier of equals; None without a value."""
    values = record.result.trajectory.own_values()[:done]
    if not np.isfinite(values).any():
        return None
    best = incumbent(values, maximize)[-1]
    return int(np.flatnonzero(values == best)[0])


def _scored(table: TableBenchmark, archs: Sequence[str], signal: str, policy: str | None) -> float | None:
    """Return the mean signal of architectures under a seed policy; None where one has no value."""
    if not archs:
        return None
    evaluate = table.evaluator(signal, policy)
    told = [evaluate(table.space.parse(arch)) for arch in archs]
    values = [one.value for one in told if isinstance(one, Evaluation)]
    return math.fsum(values) / len(values) if len(values) == len(told) else None
