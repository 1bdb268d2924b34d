"""Claims as a report tells them: verdict with its scope and n, what was measured, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from assay.analysis.cells import TEST
from assay.analysis.model import ClaimResult
from assay.publishing.document import ReportDocument
from assay.publishing.words import counted, labels, plain, sentence, told_at, with_interval
from assay.statistics.coverage import coverage_text
from assay.statistics.interval import Interval
from assay.statistics.intervals import SMALL
from assay.statistics.table import Table

_LACKS = {
    "seeds": "More replicates can decide it.",
    "tasks": "More independent families of tasks are missing: no number of replicates decides it.",
    "published": "The number of runs behind the published number, or their spread, is missing.",
}
_RULES = {"always-valid": "decided by bounds that hold at every look"}


class ClaimView(NamedTuple):
    """A claim, arranged: `scope` follows the verdict, `measured` is the number that it rests on.

    `apart` has a row for each comparison or benchmark, None where there is one number alone.
    """

    id: str
    text: str
    verdict: str
    scope: str
    why: str
    measured: str
    lacks: str
    size: str
    validity: tuple[str, ...]
    apart: Table | None


def claim_views(document: ReportDocument) -> list[ClaimView]:
    """Return the claims in the order of the study, whatever their verdicts."""
    names = labels(document)
    replicates = document.components.seeds.replicates
    at = told_at(document)
    return [_view(claim, names, replicates, at) for claim in document.analysis.claims]


def verdict_scope(claim: ClaimResult, replicates: int) -> str:
    """Return what a verdict is limited to: 'on these 3 tasks, 50 replicates'."""
    n = len(claim.benchmarks)
    if claim.scope == "tasks":
        where = f"on tasks like {'this one' if n == 1 else f'these {n}'}"
    else:
        where = "on this task" if n == 1 else f"on these {n} tasks"
    return f"{where}, {counted(replicates, 'replicate')}"


def coverage_note(document: ReportDocument) -> str:
    """Return how often intervals of differences of so few runs hold the truth, where runs are few."""
    sizes = [claim.overall.n for claim in document.analysis.claims if claim.overall is not None]
    few = [n for n in sizes if 1 < n < SMALL]
    return sentence(coverage_text(min(few), paired=False)) if few else ""


def _view(claim: ClaimResult, names: Mapping[str, str], replicates: int, at: str) -> ClaimView:
    return ClaimView(
        id=claim.id,
        text=claim.text,
        verdict=claim.verdict,
        scope=verdict_scope(claim, replicates),
        why=sentence(claim.why),
        measured=_measured(claim, at),
        lacks=_LACKS.get(claim.lacks, ""),
        size=sentence(claim.size),
        validity=claim.validity,
        apart=_apart(claim, names),
    )


def _measured(claim: ClaimResult, at: str) -> str:
    """Return the number of a claim with its interval, n and margin; a signal says what it is told `at`."""
    found = told(claim, claim.overall) if claim.overall is not None else "not computed"
    parts = [f"{_what(claim, at)}: {found}" if claim.overall is not None or not claim.parts else ""]
    if claim.kind != "reaches":
        parts.append(f"margin {plain(claim.margin)}{_unit(claim)}")
    parts.append(
        f"smallest effect of interest {plain(claim.smallest)}{_unit(claim)}" if claim.smallest else ""
    )
    parts.append(f"published: {claim.source}" if claim.source else "")
    parts.append(_RULES.get(claim.rule, ""))
    return sentence("; ".join(part for part in parts if part))


def told(claim: ClaimResult, interval: Interval) -> str:
    """Return an interval of a claim: a share for a target, a signed difference for all else."""
    return with_interval(interval, sign=claim.kind != "reaches")


def _what(claim: ClaimResult, at: str) -> str:
    at = "" if claim.metric == TEST else at
    benchmarks = counted(len(claim.benchmarks), "benchmark")
    if claim.kind == "reaches":
        return f"Share of searches that reach the target{at}, over {benchmarks}"
    unit = f" ({claim.unit})" if claim.unit else ""
    if claim.kind == "replicates-number":
        return f"Ours minus the published number, in the mean {claim.metric} metric{at}{unit}"
    over = "" if len(claim.benchmarks) == 1 else f" over {benchmarks}"
    return f"Mean difference{over} in the mean {claim.metric} metric{at}{unit}"


def _unit(claim: ClaimResult) -> str:
    return f" {claim.unit}" if claim.unit else ""


def _apart(claim: ClaimResult, names: Mapping[str, str]) -> Table | None:
    if claim.parts:
        rows = [(part, told(claim, interval)) for part, interval in claim.parts.items()]
        return Table(("comparison", "mean difference"), [tuple(row) for row in rows])
    if len(claim.per_benchmark) < 2:
        return None
    better, than = names.get(claim.better, claim.better), names.get(claim.than, claim.than)
    head = {"reaches": "share of searches", "replicates-number": "ours minus published"}
    column = head.get(claim.kind, f"{better} minus {than}" if claim.than else "difference")
    rows = [(benchmark, told(claim, interval)) for benchmark, interval in claim.per_benchmark.items()]
    return Table(("benchmark", column), [tuple(row) for row in rows])
