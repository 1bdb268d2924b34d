"""Claims that at least a share of the searches reach a target within a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.special import betaincinv

from assay.analysis.cells import SEARCH_SEEDS, SIGNAL, Cells, sign_of, unit_of, value_of
from assay.analysis.claims.always_valid import always_valid_interval
from assay.analysis.claims.verdict import REFUTED, SEEDS, SUPPORTED, UNDECIDED, Finding, tasks, untested
from assay.analysis.model import BenchmarkFacts, ClaimSpec, RunData
from assay.contracts.problem import Budget
from assay.statistics.interval import Interval
from assay.studies.study import ALWAYS_VALID

Reached = Mapping[str, np.ndarray]


def reaches(claim: ClaimSpec, cells: Cells, facts: Mapping[str, BenchmarkFacts]) -> Finding:
    """Return whether the share of runs that reach the target is at least that of the claim.

    The interval of a share is exact (Clopper & Pearson, Biometrika 1934). A run that failed has not
    reached the target. On several benchmarks the claim must hold on each: an intersection-union
    test, in which Bonferroni's correction stands before refuting.
    """
    units = sorted({unit_of(facts[b], claim.metric) for b in claim.benchmarks})
    if len(units) > 1:
        named = ", ".join(unit or "none" for unit in units)
        return untested(
            f"the benchmarks have different units ({named}), in which one target has no meaning; "
            "split the claim with 'on'"
        )
    if claim.within is not None and claim.within.table_seconds is not None:
        costless = [b for b in claim.benchmarks if not facts[b].seconds]
        if costless:
            return untested(f"no cost column, which 'within' asks for: {', '.join(costless)}")
    reached = {b: _reached(claim, cells[b, claim.better].runs, facts[b]) for b in claim.benchmarks}
    found = _judged(claim, reached)
    beyond = [b for b in claim.benchmarks if _beyond(claim, facts[b])]
    if not beyond:
        return found
    why = f"{found.why}; no architecture of the space reaches it on {', '.join(beyond)}"
    return msgspec.structs.replace(found, why=why)


def share_interval(reached: np.ndarray, confidence: float) -> Interval:
    """Return the share of true values in a sample, with the interval of Clopper and Pearson."""
    n, k = len(reached), int(np.count_nonzero(reached))
    tail = (1 - confidence) / 2
    return Interval(
        mean=k / n,
        low=float(betaincinv(k, n - k + 1, tail)) if k else 0.0,
        high=float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0,
        sd=None,
        n=n,
        confidence=confidence,
        method="Clopper-Pearson",
        varied=SEARCH_SEEDS,
    )


def _beyond(claim: ClaimSpec, facts: BenchmarkFacts) -> bool:
    """Say whether a target on the signal lies beyond the best of the space."""
    sign = sign_of(facts, claim.metric)
    return claim.metric == SIGNAL and sign * claim.target > sign * facts.best


def _reached(claim: ClaimSpec, runs: Sequence[RunData], facts: BenchmarkFacts) -> np.ndarray:
    """Say of each run, in the order of the replicates, whether it reached the target in time."""
    sign = sign_of(facts, claim.metric)
    return np.array([_best(run, claim, sign) >= sign * claim.target for run in runs], dtype=bool)


def _best(run: RunData, claim: ClaimSpec, sign: float) -> float:
    """Return the best that a run has within the claim's budget, turned so that larger is better."""
    if not run.completed:
        return -np.inf
    if claim.metric != SIGNAL:
        value = value_of(run, claim.metric)
        return -np.inf if value is None else sign * value
    seen = sign * run.values[_inside(run, claim.within)]
    known = seen[np.isfinite(seen)]
    return float(known.max()) if known.size else -np.inf


def _inside(run: RunData, within: Budget | None) -> np.ndarray:
    """Say of each evaluation whether it ended within a budget."""
    if within is None:
        return np.ones(len(run.values), dtype=bool)
    if within.evaluations is not None:
        return np.arange(len(run.values)) < within.evaluations
    return np.asarray(run.times <= within.table_seconds)


def _judged(claim: ClaimSpec, reached: Reached) -> Finding:
    found = {b: _interval(claim, runs, claim.confidence) for b, runs in reached.items()}
    seen = ", ".join(
        f"{np.count_nonzero(runs):,} of {len(runs):,} searches reach the target"
        f"{f' on {b}' if len(reached) > 1 else ''} ({_percent(found[b])})"
        for b, runs in reached.items()
    )
    share = f"{100 * claim.share:g} %"
    overall = next(iter(found.values())) if len(found) == 1 else None

    def finding(verdict: str, why: str) -> Finding:
        lacks = SEEDS if verdict == UNDECIDED else ""
        return Finding(
            verdict=verdict, why=f"{seen}; {why}", overall=overall, per_benchmark=found, lacks=lacks
        )

    if all(interval.low is not None and interval.low >= claim.share for interval in found.values()):
        return finding(SUPPORTED, f"the share lies above {share}{' on each' if len(found) > 1 else ''}")
    strict = 1.0 - (1.0 - claim.confidence) / len(found)
    below = [
        b
        for b, runs in reached.items()
        if (high := _interval(claim, runs, strict).high) is not None and high < claim.share
    ]
    if below:
        if len(found) == 1:
            return finding(REFUTED, f"the share lies below {share}")
        corrected = f"below {share} with Bonferroni's correction for {tasks(claim)}"
        return finding(REFUTED, f"{corrected} on {', '.join(below)}")
    return finding(UNDECIDED, f"{share} is not excluded; seeds are missing for this share")


def _interval(claim: ClaimSpec, reached: np.ndarray, confidence: float) -> Interval:
    if claim.rule == ALWAYS_VALID:
        return always_valid_interval(reached.astype(np.float64), confidence, (0.0, 1.0))
    return share_interval(reached, confidence)


def _percent(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return "no interval yet"
    return (
        f"{100 * interval.confidence:g} % interval of the share from {100 * interval.low:.3g} "
        f"to {100 * interval.high:.3g} %"
    )
