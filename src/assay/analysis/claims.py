"""Claims: what a study says of an assertion that one method beats another by more than a margin.

The two methods search with different seeds, so that their runs are independent and the intervals
are Welch's. They speak of repeated searches on these tasks, and not of other tasks.

Where the benchmarks of a claim share a unit, the claim is about the mean of their differences.
Where units differ there is no such mean: then `better` must be ahead on each benchmark. That is an
intersection-union test (Berger, Technometrics 1982), which needs no correction to support the
claim; to refute it one benchmark suffices, tested with the correction of Bonferroni.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assay.analysis.cells import SEARCH_SEEDS, SIGNAL, TEST, Cells, metric_of, sign_of, unit_of
from assay.analysis.model import BenchmarkFacts, ClaimResult, ClaimSpec
from assay.foundation.errors import UnknownNameError
from assay.statistics.interval import Interval
from assay.statistics.intervals import combine, welch_interval
from assay.statistics.rounding import interval_text

SUPPORTED = "supported"
REFUTED = "refuted"
UNDECIDED = "undecided"
UNTESTED = "untested"

Pairs = Mapping[str, tuple[np.ndarray, np.ndarray]]


def claim_result(
    claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts], planned: int
) -> ClaimResult:
    """Return the verdict on a claim.

    'supported' if the interval of the difference lies above the margin, 'refuted' if below,
    'undecided' if it contains the margin, and 'untested' where a planned run is missing, failed or
    has no such metric: runs that fail do not fail by chance. Raises `UnknownNameError` for a
    method, benchmark or metric that the study does not have.
    """
    _check(claim, cells, facts)
    pairs = {b: _pair(claim, cells, facts[b]) for b in claim.benchmarks}
    units = sorted({unit_of(facts[b], claim.metric) for b in claim.benchmarks})
    missing = _missing(claim, cells, facts, planned)
    whole = {b: pair for b, pair in pairs.items() if b not in missing}
    apart = {
        b: welch_interval(better, than, varied=SEARCH_SEEDS, confidence=claim.confidence)
        for b, (better, than) in whole.items()
    }
    overall = None
    if not claim.benchmarks:
        verdict, why = UNTESTED, f"no benchmark of the study has a {claim.metric} metric"
    elif missing:
        verdict, why = UNTESTED, "; ".join(missing.values())
    elif len(units) == 1:
        # The mean over the benchmarks of the differences; the variances of all cells are summed.
        overall = combine(list(whole.values()), varied=SEARCH_SEEDS, confidence=claim.confidence)
        verdict, why = _of_mean(claim, overall, units[0])
    else:
        verdict, why = _of_each(claim, whole, apart, units)
    return ClaimResult(
        id=claim.id,
        text=_text(claim, facts, units),
        better=claim.better,
        than=claim.than,
        metric=claim.metric,
        margin=claim.margin,
        unit=units[0] if len(units) == 1 else "",
        benchmarks=claim.benchmarks,
        verdict=verdict,
        why=why,
        overall=overall,
        per_benchmark=apart,
    )


def _check(claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> None:
    if claim.metric not in (TEST, SIGNAL):
        raise UnknownNameError("metric", claim.metric, (TEST, SIGNAL), where=claim.id)
    for benchmark in claim.benchmarks:
        if benchmark not in facts:
            raise UnknownNameError("benchmark", benchmark, facts, where=claim.id)
    methods = {method for _, method in cells}
    for method in (claim.better, claim.than):
        if method not in methods:
            raise UnknownNameError("method", method, methods, where=claim.id)


def _pair(claim: ClaimSpec, cells: Cells, facts: BenchmarkFacts) -> tuple[np.ndarray, np.ndarray]:
    """Return what the runs of both methods report, turned so that larger is better."""
    sign = sign_of(facts, claim.metric)
    better, than = (cells[facts.name, m].sample(claim.metric).values for m in (claim.better, claim.than))
    return sign * better, sign * than


def _missing(
    claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts], planned: int
) -> dict[str, str]:
    """Return, for each benchmark on which the claim cannot be tested, what is missing."""
    found = {}
    for benchmark in claim.benchmarks:
        if claim.metric == TEST and facts[benchmark].test_metric is None:
            because = facts[benchmark].no_test_because
            found[benchmark] = f"{benchmark} has no test metric{f': {because}' if because else ''}"
            continue
        gaps = []
        for method in (claim.better, claim.than):
            cell = cells[benchmark, method]
            sample = cell.sample(claim.metric)
            absent = max(planned - len(cell.runs), 0)
            failed = len(cell.runs) - len(cell.completed)
            words = (
                (absent, "not run"),
                (failed, "failed"),
                (sample.lost - failed, f"without a {claim.metric} metric"),
            )
            told = ", ".join(f"{count} {word}" for count, word in words if count)
            if told:
                gaps.append(f"{told} of {planned} runs of {method}")
        if gaps:
            found[benchmark] = f"{benchmark}: {' and '.join(gaps)}"
    return found


def _of_mean(claim: ClaimSpec, overall: Interval, unit: str) -> tuple[str, str]:
    """Return the verdict where there is one mean difference, and why."""
    of = "the difference" if len(claim.benchmarks) == 1 else f"the mean difference over {_tasks(claim)}"
    if overall.low is None or overall.high is None:
        return UNDECIDED, f"{of} has no interval, for a method has a single run; two replicates at least"
    written = f"{interval_text(overall)}{f' {unit}' if unit else ''}"
    seen = f"{of} is {written} ({100 * claim.confidence:g} % interval over search seeds, on these tasks)"
    margin = f"the margin of {claim.margin:g}" if claim.margin else "zero"
    if overall.low > claim.margin:
        return SUPPORTED, f"{seen} and lies above {margin}"
    if overall.high < claim.margin:
        return REFUTED, f"{seen} and lies below {margin}"
    return UNDECIDED, f"{seen} and does not exclude {margin}; {_seen(overall)}"


def _seen(overall: Interval) -> str:
    """Say how wide the interval is, and not how many more seeds would make a claim true.

    Planning replicates from the difference that was seen, and looking again, is a stopping rule that
    a fixed-size interval does not account for.
    """
    half = (overall.high - overall.low) / 2 if overall.high is not None and overall.low is not None else 0.0
    return (
        f"seeds are missing for this margin: {overall.n:,} replicates a method give an interval of "
        f"{half:.2g} to either side"
    )


def _of_each(
    claim: ClaimSpec, pairs: Pairs, apart: Mapping[str, Interval], units: Sequence[str]
) -> tuple[str, str]:
    """Return the verdict where units differ, and why; see the module's docstring."""
    mixed = f"the benchmarks have different units ({', '.join(unit or 'none' for unit in units)})"
    if claim.margin:
        return UNTESTED, f"{mixed}, in which one margin has no meaning; split the claim with 'on'"
    rule = f"{mixed}, so that the claim is held against each of {_tasks(claim)} by itself"
    if any(interval.low is None for interval in apart.values()):
        return UNDECIDED, f"{rule}; a method has a single run, which gives no interval"
    ahead = [b for b, interval in apart.items() if interval.low is not None and interval.low > 0.0]
    if len(ahead) == len(apart):
        return SUPPORTED, f"{rule}; the interval over search seeds lies above zero on every one"
    strict = 1.0 - (1.0 - claim.confidence) / len(pairs)
    behind = [
        b
        for b, (better, than) in pairs.items()
        if (high := welch_interval(better, than, varied=SEARCH_SEEDS, confidence=strict).high) is not None
        and high < 0.0
    ]
    if behind:
        return REFUTED, f"{rule}; below zero with Bonferroni's correction on {', '.join(behind)}"
    return (
        UNDECIDED,
        f"{rule}; above zero on {len(ahead)} (each at its own level), below on none (with Bonferroni's)",
    )


def _tasks(claim: ClaimSpec) -> str:
    return f"{len(claim.benchmarks)} {'task' if len(claim.benchmarks) == 1 else 'tasks'}"


def _text(claim: ClaimSpec, facts: Mapping[str, BenchmarkFacts], units: Sequence[str]) -> str:
    """Return the claim as a sentence."""
    metrics = {metric_of(facts[b], claim.metric) for b in claim.benchmarks}
    splits = {"test" if claim.metric == TEST else facts[b].split for b in claim.benchmarks}
    split = splits.pop() if len(splits) == 1 else claim.metric
    metric = metrics.pop() if len(metrics) == 1 else "metric"
    unit = f" {units[0]}" if len(units) == 1 and units[0] else ""
    margin = f" by more than {claim.margin:g}{unit}" if claim.margin else ""
    where = claim.benchmarks[0] if len(claim.benchmarks) == 1 else _tasks(claim)
    return f"{claim.better} beats {claim.than} in mean {split} {metric}{margin}, on {where}"
