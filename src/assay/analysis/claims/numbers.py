"""Claims that a published number is replicated."""

from __future__ import annotations

import math
from collections.abc import Mapping

from assay.analysis.cells import SEARCH_SEEDS, Cells, unit_of
from assay.analysis.claims.verdict import (
    PUBLISHED,
    REFUTED,
    SEEDS,
    SUPPORTED,
    UNDECIDED,
    UNTESTED,
    Finding,
    untested,
    with_unit,
)
from assay.analysis.model import BenchmarkFacts, ClaimSpec
from assay.statistics.interval import Interval
from assay.statistics.published import Published
from assay.statistics.quantiles import t_quantile
from assay.statistics.replication import (
    DIFFERS,
    REPLICATED,
    NumberReplication,
    replicate_number,
)
from assay.statistics.rounding import interval_text
from assay.studies.study import UNVERIFIED

_VERDICTS = {REPLICATED: SUPPORTED, DIFFERS: REFUTED}


def replicates_number(claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> Finding:
    """Return whether the mean of a method is equivalent to a published one, within the margin.

    The difference is (ours - published) in the published direction, whichever is better. An unverified
    number replicates nothing and refutes nothing; see `statistics.replication` for the procedure.
    """
    published = claim.published
    if published is None:
        return untested("the claim names no published number")
    (benchmark,) = claim.benchmarks
    unit = unit_of(facts[benchmark], claim.metric)
    if published.unit and published.unit != unit:
        return untested(
            f"the published number is in {published.unit}, and {benchmark} in {unit or 'no unit'}"
        )
    theirs = Published(
        name=published.source,
        mean=published.value,
        n=published.n,
        sd=published.sd,
        spread=published.spread,
        place="" if published.source == UNVERIFIED else published.source,
    )
    found = replicate_number(
        cells[benchmark, claim.better].sample(claim.metric).values,
        theirs,
        margin=claim.margin,
        varied=SEARCH_SEEDS,
        name=claim.better,
        alpha=1 - claim.confidence,
        confidence=claim.confidence,
    )
    difference = _interval(found)
    seen = f"ours - published is {with_unit(interval_text(difference), [unit])}"
    if published.source == UNVERIFIED:
        return Finding(
            verdict=UNTESTED,
            why=f"{seen}; the published number is unverified: its page and table are missing",
            overall=difference,
            per_benchmark={benchmark: difference},
        )
    verdict = _VERDICTS.get(found.verdict, UNDECIDED)
    lacks = _lacks(claim, theirs, difference) if verdict == UNDECIDED else ""
    return Finding(
        verdict=verdict,
        why=f"{seen} ({_how(claim, difference)}); {_words(verdict, claim, theirs, lacks)}",
        overall=difference,
        per_benchmark={benchmark: difference},
        lacks=lacks,
    )


def _interval(found: NumberReplication) -> Interval:
    return Interval(
        mean=found.difference,
        low=found.low,
        high=found.high,
        sd=found.sd,
        n=found.n,
        confidence=found.confidence,
        method=found.method,
        varied=SEARCH_SEEDS,
    )


def _how(claim: ClaimSpec, difference: Interval) -> str:
    return f"{100 * claim.confidence:g} % interval, {difference.method}, over {', '.join(difference.varied)}"


def _lacks(claim: ClaimSpec, published: Published, difference: Interval) -> str:
    """Say whether more runs of ours could decide, or the published number is too uncertain for that."""
    if published.n is None:
        return PUBLISHED
    if published.deviation is None or published.n < 2:
        return SEEDS if difference.low is not None else PUBLISHED
    error = published.deviation / math.sqrt(published.n)
    theirs = t_quantile(published.n - 1, 2 * claim.confidence - 1) * error
    return PUBLISHED if theirs >= claim.margin else SEEDS


def _words(verdict: str, claim: ClaimSpec, published: Published, lacks: str) -> str:
    margin = f"the margin of {claim.margin:g}"
    if verdict == SUPPORTED:
        return f"within {margin}"
    if verdict == REFUTED:
        return f"beyond {margin}"
    if published.n is None:
        return "the published number of runs is not stated, without which nothing is decided"
    if lacks == PUBLISHED:
        return f"no number of our runs decides it within {margin}: the published mean is itself too uncertain"
    return (
        f"seeds are missing for {'the registered' if claim.registered else 'this'} margin of {claim.margin:g}"
    )
