"""What every kind of claim is answered with, and the words that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from assay.analysis.cells import TEST, metric_of
from assay.analysis.model import BenchmarkFacts, ClaimSpec
from assay.statistics.interval import Interval

SUPPORTED = "supported"
REFUTED = "refuted"
UNDECIDED = "undecided"
UNTESTED = "untested"

SEEDS, FAMILIES, PUBLISHED = "seeds", "tasks", "published"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with its reason and the intervals that it rests on; see `ClaimResult` for the fields."""

    verdict: str
    why: str
    overall: Interval | None = None
    per_benchmark: Mapping[str, Interval] = {}
    parts: Mapping[str, Interval] = {}
    lacks: str = ""
    size: str = ""


def untested(why: str, per_benchmark: Mapping[str, Interval] | None = None) -> Finding:
    """Return that a claim was not tested, and what is missing."""
    return Finding(verdict=UNTESTED, why=why, per_benchmark=per_benchmark or {})


def tasks(claim: ClaimSpec) -> str:
    """Return the number of benchmarks of a claim in words."""
    return f"{len(claim.benchmarks)} {'task' if len(claim.benchmarks) == 1 else 'tasks'}"


def place(claim: ClaimSpec) -> str:
    """Return where a claim holds: the one benchmark, or how many there are."""
    return claim.benchmarks[0] if len(claim.benchmarks) == 1 else tasks(claim)


def measured(claim: ClaimSpec, facts: Mapping[str, BenchmarkFacts]) -> str:
    """Return what a claim is measured by, such as 'test accuracy'."""
    metrics = {metric_of(facts[b], claim.metric) for b in claim.benchmarks}
    splits = {"test" if claim.metric == TEST else facts[b].split for b in claim.benchmarks}
    split = splits.pop() if len(splits) == 1 else claim.metric
    metric = metrics.pop() if len(metrics) == 1 else "metric"
    return f"{split} {metric}"


def with_unit(text: str, units: Sequence[str]) -> str:
    """Return a number with its unit, where there is one unit."""
    return f"{text} {units[0]}" if len(units) == 1 and units[0] else text
