"""Claims about differences of means: better, equivalent, non-inferior, best of a set, and rankings.

A claim to be ahead of several methods, or in a ranking of each before the next, or on benchmarks of
different units, consists of parts that must all hold. That is an intersection-union test (Berger,
Technometrics 1982), which needs no correction to support the claim; to refute it one part suffices,
tested with the correction of Bonferroni.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.analysis.claims.contrast import Contrast
from assay.analysis.claims.families import least_families
from assay.analysis.claims.verdict import (
    FAMILIES,
    REFUTED,
    SEEDS,
    SUPPORTED,
    UNDECIDED,
    Finding,
    tasks,
    untested,
    with_unit,
)
from assay.analysis.model import ClaimSpec
from assay.statistics.families import FAMILIES_NEEDED
from assay.statistics.interval import Interval
from assay.statistics.rounding import interval_text
from assay.studies.study import ALWAYS_VALID, TASKS

Parts = Mapping[str, Contrast]


def above(claim: ClaimSpec, contrasts: Sequence[Contrast], floor: float) -> Finding:
    """Return whether every one of these contrasts lies above `floor`."""
    units = _units(contrasts)
    refused = _cannot_be_averaged(claim, units, floor) or _too_few_families(claim, contrasts)
    if refused:
        return refused
    parts = _parts(contrasts, mixed=len(units) > 1)
    if len(parts) == 1:
        (only,) = parts.values()
        return _of_one(claim, only, floor, units)
    return _of_each(claim, parts, floor, _rule(claim, contrasts, units))


def within(claim: ClaimSpec, between: Contrast) -> Finding:
    """Return whether a contrast lies within the margin, either way.

    Two one-sided tests support it (Schuirmann 1987): the interval at 1 - 2 alpha lies inside the
    margin. The interval at 1 - alpha, wholly beyond it, refutes.
    """
    units = _units([between])
    refused = _cannot_be_averaged(claim, units, claim.margin) or _too_few_families(claim, [between])
    if refused:
        return refused
    narrow = between.interval(claim, 2 * claim.confidence - 1)
    wide = between.interval(claim, claim.confidence)
    if narrow.low is None or narrow.high is None or wide.low is None or wide.high is None:
        return _without_interval(claim, narrow)
    seen = _seen(claim, narrow, units)
    margin = f"the margin of {claim.margin:g} on either side of zero"
    if -claim.margin < narrow.low and narrow.high < claim.margin:
        return Finding(verdict=SUPPORTED, why=f"{seen} and lies within {margin}", overall=narrow)
    if wide.low > claim.margin or wide.high < -claim.margin:
        why = f"{seen}, and at {100 * claim.confidence:g} % it lies wholly beyond {margin}"
        return Finding(verdict=REFUTED, why=why, overall=narrow)
    why = f"{seen} and does not lie within {margin}; {_lacking(claim, narrow)}"
    return Finding(verdict=UNDECIDED, why=why, overall=narrow, lacks=_lacks(claim))


def _units(contrasts: Sequence[Contrast]) -> list[str]:
    return sorted({unit for contrast in contrasts for unit in contrast.kinds()})


def _mixed(units: Sequence[str]) -> str:
    return f"the benchmarks have different units ({', '.join(unit or 'none' for unit in units)})"


def _cannot_be_averaged(claim: ClaimSpec, units: Sequence[str], floor: float) -> Finding | None:
    if len(units) == 1:
        return None
    if floor:
        return untested(f"{_mixed(units)}, in which one margin has no meaning; split the claim with 'on'")
    if claim.scope == TASKS:
        return untested(f"{_mixed(units)}, over which tasks have no mean; split the claim with 'on'")
    return None


def _too_few_families(claim: ClaimSpec, contrasts: Sequence[Contrast]) -> Finding | None:
    if claim.scope != TASKS:
        return None
    families = len({family for contrast in contrasts for family in contrast.families.values()})
    needed = max(FAMILIES_NEEDED, least_families(claim.confidence))
    if families >= needed:
        return None
    why = (
        f"tasks are missing: the claim is about tasks, and {families} independent "
        f"{'family' if families == 1 else 'families'} of them cannot decide it at "
        f"{100 * claim.confidence:g} %; {needed} are needed at least, and no number of replicates "
        "decides a claim about tasks"
    )
    return Finding(verdict=UNDECIDED, why=why, lacks=FAMILIES)


def _parts(contrasts: Sequence[Contrast], *, mixed: bool) -> Parts:
    if not mixed:
        return {contrast.name: contrast for contrast in contrasts}
    if len(contrasts) == 1:
        return contrasts[0].apart()
    return {f"{c.name} on {b}": part for c in contrasts for b, part in c.apart().items()}


def _rule(claim: ClaimSpec, contrasts: Sequence[Contrast], units: Sequence[str]) -> str:
    """Say why there are several parts, and that each must hold."""
    over = f"each of {tasks(claim)}"
    if len(contrasts) == 1:
        return f"{_mixed(units)}, so that the claim is held against {over} by itself"
    each = f"the claim is held against each of its {len(contrasts)} comparisons by itself"
    return f"{each}, on {over} ({_mixed(units)})" if len(units) > 1 else each


def _of_one(claim: ClaimSpec, only: Contrast, floor: float, units: Sequence[str]) -> Finding:
    overall = only.interval(claim, claim.confidence)
    if overall.low is None or overall.high is None:
        return _without_interval(claim, overall)
    seen, line = _seen(claim, overall, units), _line(floor)
    if overall.low > floor:
        size = _size(claim, overall)
        why = f"{seen} and lies above {line}{f'; {size}' if size else ''}"
        return Finding(verdict=SUPPORTED, why=why, overall=overall, size=size)
    if overall.high < floor:
        return Finding(verdict=REFUTED, why=f"{seen} and lies below {line}", overall=overall)
    why = f"{seen} and does not exclude {line}; {_lacking(claim, overall)}"
    return Finding(verdict=UNDECIDED, why=why, overall=overall, lacks=_lacks(claim))


def _of_each(claim: ClaimSpec, parts: Parts, floor: float, rule: str) -> Finding:
    found = {name: part.interval(claim, claim.confidence) for name, part in parts.items()}
    line = _line(floor)

    def finding(verdict: str, why: str, *, size: str = "") -> Finding:
        lacks = _lacks(claim) if verdict == UNDECIDED else ""
        return Finding(verdict=verdict, why=f"{rule}; {why}", parts=found, lacks=lacks, size=size)

    if any(interval.low is None for interval in found.values()):
        return finding(UNDECIDED, _no_interval(claim))
    ahead = [name for name, interval in found.items() if interval.low is not None and interval.low > floor]
    if len(ahead) == len(parts):
        size = _size(claim, min(found.values(), key=lambda interval: interval.mean))
        over = next(iter(found.values())).varied
        why = f"the interval over {', '.join(over)} lies above {line} on every one"
        return finding(SUPPORTED, f"{why}{f'; {size}' if size else ''}", size=size)
    strict = 1.0 - (1.0 - claim.confidence) / len(parts)
    behind = [
        name
        for name, part in parts.items()
        if (high := part.interval(claim, strict).high) is not None and high < floor
    ]
    if behind:
        return finding(REFUTED, f"below {line} with Bonferroni's correction on {', '.join(behind)}")
    why = f"above {line} on {len(ahead)} (each at its own level), below on none (with Bonferroni's)"
    if claim.scope == TASKS:
        why += "; tasks are missing, and no number of replicates decides a claim about tasks"
    return finding(UNDECIDED, why)


def _line(floor: float) -> str:
    """Return the value that a difference is held against, in words."""
    return f"{'minus ' if floor < 0 else ''}the margin of {abs(floor):g}" if floor else "zero"


def _seen(claim: ClaimSpec, overall: Interval, units: Sequence[str]) -> str:
    of = "the difference" if len(claim.benchmarks) == 1 else f"the mean difference over {tasks(claim)}"
    over = f"{100 * overall.confidence:g} % interval over {', '.join(overall.varied)}"
    if claim.scope != TASKS:
        over += ", on these tasks"
    if claim.rule == ALWAYS_VALID:
        over += ", valid at any number of looks"
    return f"{of} is {with_unit(interval_text(overall), units)} ({over})"


def _without_interval(claim: ClaimSpec, overall: Interval) -> Finding:
    of = "the difference" if len(claim.benchmarks) == 1 else f"the mean difference over {tasks(claim)}"
    why = f"{of} has no interval, for {_no_interval(claim)}"
    return Finding(verdict=UNDECIDED, why=why, overall=overall, lacks=_lacks(claim))


def _no_interval(claim: ClaimSpec) -> str:
    if claim.rule == ALWAYS_VALID:
        return "there are too few replicates for an always-valid one yet"
    return "a method has a single run, which gives no interval; two replicates at least"


def _lacks(claim: ClaimSpec) -> str:
    return FAMILIES if claim.scope == TASKS else SEEDS


def _lacking(claim: ClaimSpec, overall: Interval) -> str:
    """Say how wide the interval is, and not how many more seeds would make a claim true.

    Planning replicates from the difference that was seen, and looking again, is a stopping rule that
    a fixed-size interval does not account for.
    """
    half = (overall.high - overall.low) / 2 if overall.high is not None and overall.low is not None else 0.0
    margin = "the registered margin" if claim.registered else "this margin"
    if claim.scope == TASKS:
        return (
            f"tasks are missing for {margin}: {overall.n:,} families give an interval of {half:.2g} to "
            "either side, and no number of replicates decides a claim about tasks"
        )
    return (
        f"seeds are missing for {margin}: {overall.n:,} replicates a method give an interval of "
        f"{half:.2g} to either side"
    )


def _size(claim: ClaimSpec, overall: Interval) -> str:
    """Compare a supported difference with the smallest effect of interest."""
    if not claim.smallest or overall.low is None or overall.high is None:
        return ""
    interest = f"the smallest effect of interest, {claim.smallest:g}"
    if overall.high < claim.smallest:
        return f"it is smaller than {interest}"
    if overall.low < claim.smallest:
        return f"it may be smaller than {interest}"
    return f"it is not smaller than {interest}"
