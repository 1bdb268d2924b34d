"""The cells of a study: the runs of one method on one benchmark, and the numbers that they report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from assay.analysis.model import BenchmarkFacts, RunData
from assay.foundation.errors import UsageError

TEST = "test"
SIGNAL = "signal"
SEARCH_SEEDS = ("search seeds",)

# Metrics that are shares of a whole, by whatever name, and cannot leave 0 and 1.
_SHARES = frozenset({"accuracy", "error", "errorrate", "auc", "auroc", "rocauc", "f1", "precision", "recall"})
_WHOLES = {"%": 100.0, "": 1.0}

Cells = Mapping[tuple[str, str], "Cell"]


class Sample(msgspec.Struct, frozen=True):
    """What the completed runs of a cell report (float64), and how many attempted runs report nothing."""

    values: np.ndarray
    lost: int


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The attempted runs of a method on a benchmark, in the order of their replicates."""

    method: str
    benchmark: str
    runs: tuple[RunData, ...]

    @property
    def completed(self) -> tuple[RunData, ...]:
        """The runs that completed."""
        return tuple(run for run in self.runs if run.completed)

    def sample(self, reported: str) -> Sample:
        """Return the 'test' metric or the 'signal' of the recommendations.

        Failed runs, and runs without such a number, are counted as lost: their absence may have to
        do with how good they would have been.
        """
        values = [value_of(run, reported) for run in self.completed]
        present = np.array([value for value in values if value is not None], dtype=np.float64)
        return Sample(present, len(self.runs) - len(present))


def value_of(run: RunData, reported: str) -> float | None:
    """Return what a run reports, None where it has no finite number."""
    value = run.test if reported == TEST else run.recommended_value
    return value if value is not None and np.isfinite(value) else None


def make_cells(
    runs: Iterable[RunData], facts: Mapping[str, BenchmarkFacts], methods: Sequence[str]
) -> dict[tuple[str, str], Cell]:
    """Return the cell of each (benchmark, method), empty ones too, in the order of `facts` and `methods`.

    Runs of other methods and benchmarks are left out. Raises `UsageError` for a run that is given twice.
    """
    found: dict[tuple[str, str], list[RunData]] = {(b, m): [] for b in facts for m in methods}
    for run in runs:
        if (run.benchmark, run.method) in found:
            found[run.benchmark, run.method].append(run)
    cells = {}
    for (benchmark, method), own in found.items():
        ordered = tuple(sorted(own, key=lambda run: (run.replicate, run.run)))
        if len({run.replicate for run in ordered}) < len(ordered):
            raise UsageError("a replicate is given twice", where=f"{method} on {benchmark}")
        cells[benchmark, method] = Cell(method=method, benchmark=benchmark, runs=ordered)
    return cells


def reported_on(cells: Cells, facts: BenchmarkFacts, methods: Sequence[str]) -> str:
    """Return what a benchmark reports: 'test' where every completed run has it, else 'signal'.

    Decided once for a benchmark, so that its methods are compared in one metric.
    """
    completed = [run for m in methods for run in cells[facts.name, m].completed]
    tested = facts.test_metric is not None and bool(completed)
    return TEST if tested and all(value_of(run, TEST) is not None for run in completed) else SIGNAL


def unit_of(facts: BenchmarkFacts, reported: str) -> str:
    """Return the unit of what is reported."""
    return (facts.test_unit or "") if reported == TEST else facts.unit


def metric_of(facts: BenchmarkFacts, reported: str) -> str:
    """Return the name of the metric that is reported."""
    return (facts.test_metric or "") if reported == TEST else facts.metric


def sign_of(facts: BenchmarkFacts, reported: str) -> float:
    """Return the factor that turns what is reported so that larger is better."""
    return 1.0 if (facts.test_maximize if reported == TEST else facts.maximize) else -1.0


def range_of(facts: BenchmarkFacts, reported: str) -> tuple[float, float] | None:
    """Return the range that what is reported cannot leave, in its unit; None where it is not known.

    That of the signal is the table's, or the one that was declared for a race. A metric that is a share
    lies within 0 and 100 %.
    """
    if reported == SIGNAL and facts.range is not None:
        return facts.range
    name = "".join(c for c in metric_of(facts, reported).lower() if c.isalnum())
    whole = _WHOLES.get(unit_of(facts, reported))
    return (0.0, whole) if name in _SHARES and whole else None
