"""The verdict on a claim, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from assay.analysis.cells import SIGNAL, TEST, Cells, unit_of
from assay.analysis.claims.contrast import Contrast, contrast
from assay.analysis.claims.differences import above, within
from assay.analysis.claims.numbers import replicates_number
from assay.analysis.claims.reaches import reaches
from assay.analysis.claims.text import sentence
from assay.analysis.claims.validity import problems
from assay.analysis.claims.verdict import Finding, untested
from assay.analysis.model import BenchmarkFacts, ClaimResult, ClaimSpec, Conduct
from assay.foundation.errors import UnknownNameError
from assay.statistics.interval import Interval
from assay.studies.study import CLAIMS, THESE_TASKS

_NOT_DIFFERENCES = ("reaches", "replicates-number")


def claim_result(
    claim: ClaimSpec,
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    planned: int,
    conduct: Conduct | None = None,
) -> ClaimResult:
    """Return the verdict on a claim, and apart from it what is wrong with the protocol.

    'supported' and 'refuted' are decided by an interval against the margin, 'undecided' if it
    contains the margin, and 'untested' where a planned run is missing, failed or has no such metric:
    runs that fail do not fail by chance. Raises `UnknownNameError` for a kind, method, benchmark or
    metric that the study does not have.
    """
    _check(claim, cells, facts)
    missing = _missing(claim, cells, facts, planned)
    contrasts = _contrasts(claim, cells, facts)
    apart = _apart(claim, contrasts, missing)
    if not claim.benchmarks:
        found = untested(f"no benchmark of the study has a {claim.metric} metric")
    elif missing:
        found = untested("; ".join(missing.values()), apart)
    else:
        found = _found(claim, contrasts, cells, facts)
    units = sorted({unit_of(facts[b], claim.metric) for b in claim.benchmarks})
    return ClaimResult(
        id=claim.id,
        text=sentence(claim, facts, units),
        better=claim.better,
        than=claim.than,
        metric=claim.metric,
        margin=claim.margin,
        unit=units[0] if len(units) == 1 else "",
        benchmarks=claim.benchmarks,
        verdict=found.verdict,
        why=found.why,
        overall=found.overall,
        per_benchmark=dict(found.per_benchmark) or apart,
        kind=claim.kind,
        methods=claim.methods,
        parts=dict(found.parts) if len(contrasts) > 1 else {},
        lacks=found.lacks,
        smallest=claim.smallest,
        size=found.size,
        rule=claim.rule,
        scope=claim.scope,
        source=claim.published.source if claim.published else "",
        validity=problems(claim, cells, facts, planned, conduct or Conduct()),
    )


def _check(claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> None:
    if claim.kind not in CLAIMS:
        raise UnknownNameError("kind of claim", claim.kind, CLAIMS, where=claim.id)
    if claim.metric not in (TEST, SIGNAL):
        raise UnknownNameError("metric", claim.metric, (TEST, SIGNAL), where=claim.id)
    for benchmark in claim.benchmarks:
        if benchmark not in facts:
            raise UnknownNameError("benchmark", benchmark, facts, where=claim.id)
    methods = {method for _, method in cells}
    for method in claim.methods:
        if method not in methods:
            raise UnknownNameError("method", method, methods, where=claim.id)


def _contrasts(claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> list[Contrast]:
    """Return the comparisons of methods that a claim consists of."""
    if claim.kind in _NOT_DIFFERENCES:
        return []
    if claim.kind == "ranking":
        sides = list(zip(claim.methods, claim.methods[1:], strict=False))
    else:
        sides = [(claim.better, rival) for rival in claim.methods[1:]]
    return [contrast(better, than, claim, cells, facts) for better, than in sides]


def _apart(claim: ClaimSpec, contrasts: list[Contrast], missing: Mapping[str, str]) -> dict[str, Interval]:
    """Return the difference on each benchmark that is not missing, for a claim of two methods."""
    if len(contrasts) != 1:
        return {}
    on_task = msgspec.structs.replace(claim, scope=THESE_TASKS)
    return {
        benchmark: part.interval(on_task, claim.confidence)
        for benchmark, part in contrasts[0].apart().items()
        if benchmark not in missing
    }


def _found(
    claim: ClaimSpec, contrasts: list[Contrast], cells: Cells, facts: Mapping[str, BenchmarkFacts]
) -> Finding:
    if claim.kind == "reaches":
        return reaches(claim, cells, facts)
    if claim.kind == "replicates-number":
        return replicates_number(claim, cells, facts)
    if claim.kind == "equivalent":
        return within(claim, contrasts[0])
    return above(claim, contrasts, -claim.margin if claim.kind == "non-inferior" else claim.margin)


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
        gaps = [
            told
            for method in claim.methods
            if (told := _gaps(claim, cells, benchmark, method, facts[benchmark].planned_of(method, planned)))
        ]
        if gaps:
            found[benchmark] = f"{benchmark}: {' and '.join(gaps)}"
    return found


def _gaps(claim: ClaimSpec, cells: Cells, benchmark: str, method: str, planned: int) -> str:
    """Return which runs of a cell give the claim nothing to go by, in words."""
    cell = cells[benchmark, method]
    failed = len(cell.runs) - len(cell.completed)
    without = cell.sample(claim.metric).lost - failed
    if claim.kind == "reaches":
        # A search that failed, or has no value, did not reach the target: it counts as such.
        failed, without = 0, without if claim.metric == TEST else 0
    words = (
        (max(planned - len(cell.runs), 0), "not run"),
        (failed, "failed"),
        (without, f"without a {claim.metric} metric"),
    )
    told = ", ".join(f"{count} {word}" for count, word in words if count)
    return f"{told} of {planned} runs of {method}" if told else ""
