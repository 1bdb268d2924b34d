"""Claims about differences of means: better, equivalent, non-inferior, best of a set, and rankings.

A claim to be ahead of several methods, or in a ranking of each before the next, or on benchmarks of
different units, consists of parts that must all hold. That is an intersection-union test (Berger,
Technometrics 1982), which needs no correction to support the claim; to refute it one part suffices,
tested with the correction of Bonferroni.

On these tasks a bound is excluded where both the interval of Welch and exchanging the runs of the two
methods exclude it: few runs far from normal make the interval too narrow.
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
from assay.studies.study import ALWAYS_VALID, FIXED, TASKS

Parts = Mapping[str, Contrast]
_BY_CHANCE = "excludes it, but runs that are so few fall so by chance too often: exchanging them does not"


def above(claim: ClaimSpec, contrasts: Sequence[Contrast], floor: float) -> Finding:
    """Return whether every one of these contrasts lies above `floor`."""
    units = _units(contrasts)
    refused = _cannot_be_averaged(claim, units, floor) or _too_few_families(claim, contrasts)
    if refused:
        return refused
    mixed = _have_no_mean(claim, units)
    parts = _parts(contrasts, mixed=mixed)
    if len(parts) == 1:
        (only,) = parts.values()
        return _of_one(claim, only, floor, units)
    return _of_each(claim, parts, floor, _rule(claim, contrasts, units, mixed=mixed))


def within(claim: ClaimSpec, between: Contrast) -> Finding:
    """Return whether a contrast lies within the margin, either way.

    Two one-sided tests support it (Schuirmann 1987): the interval at 1 - 2 alpha lies inside the
    margin. The interval at 1 - alpha, wholly beyond it, refutes. Each bound as `_agreed` says.
    """
    units = _units([between])
    refused = _cannot_be_averaged(claim, units, claim.margin) or _too_few_families(claim, [between])
    if refused:
        return refused
    twice = 2 * claim.confidence - 1
    narrow = between.interval(claim, twice)
    wide = between.interval(claim, claim.confidence)
    if narrow.low is None or narrow.high is None or wide.low is None or wide.high is None:
        return _without_interval(claim, narrow)
    seen = _seen(claim, narrow, units)
    margin = f"the margin of {claim.margin:g} on either side of zero"
    inside = -claim.margin < narrow.low and narrow.high < claim.margin
    if inside and all(_agreed(claim, between, bound, twice) for bound in (-claim.margin, claim.margin)):
        return Finding(verdict=SUPPORTED, why=f"{seen} and lies within {margin}", overall=narrow)
    beyond = claim.margin if wide.low > claim.margin else -claim.margin if wide.high < -claim.margin else None
    if beyond is not None and _agreed(claim, between, beyond, claim.confidence):
        why = f"{seen}, and at {100 * claim.confidence:g} % it lies wholly beyond {margin}"
        return Finding(verdict=REFUTED, why=why, overall=narrow)
    where = _BY_CHANCE if inside or beyond is not None else f"does not lie within {margin}"
    why = f"{seen} and {where}; {_lacking(claim, narrow)}"
    return Finding(verdict=UNDECIDED, why=why, overall=narrow, lacks=_lacks(claim))


def _units(contrasts: Sequence[Contrast]) -> list[str]:
    return sorted({unit for contrast in contrasts for unit in contrast.kinds()})


def _mixed(units: Sequence[str]) -> str:
    if len(units) == 1:
        return "the benchmarks have no declared unit"
    return f"the benchmarks have different units ({', '.join(unit or 'none' for unit in units)})"


def _have_no_mean(claim: ClaimSpec, units: Sequence[str]) -> bool:
    """Say whether scores have no mean over the benchmarks: several of these, and not one declared unit."""
    return len(claim.benchmarks) > 1 and (len(units) > 1 or not units[0])


def _cannot_be_averaged(claim: ClaimSpec, units: Sequence[str], floor: float) -> Finding | None:
    if not _have_no_mean(claim, units):
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


def _rule(claim: ClaimSpec, contrasts: Sequence[Contrast], units: Sequence[str], *, mixed: bool) -> str:
    """Say why there are several parts, and that each must hold."""
    over = f"each of {tasks(claim)}"
    if len(contrasts) == 1:
        return f"{_mixed(units)}, so that the claim is held against {over} by itself"
    each = f"the claim is held against each of its {len(contrasts)} comparisons by itself"
    return f"{each}, on {over} ({_mixed(units)})" if mixed else each


def _of_one(claim: ClaimSpec, only: Contrast, floor: float, units: Sequence[str]) -> Finding:
    overall = only.interval(claim, claim.confidence)
    if overall.low is None or overall.high is None:
        return _without_interval(claim, overall)
    seen, line = _seen(claim, overall, units), _line(floor)
    apart = not overall.low <= floor <= overall.high
    agreed = apart and _agreed(claim, only, floor, claim.confidence)
    if agreed and overall.low > floor:
        size = _size(claim, overall)
        why = f"{seen} and lies above {line}{f'; {size}' if size else ''}"
        return Finding(verdict=SUPPORTED, why=why, overall=overall, size=size)
    if agreed:
        return Finding(verdict=REFUTED, why=f"{seen} and lies below {line}", overall=overall)
    where = _BY_CHANCE if apart else f"does not exclude {line}"
    why = f"{seen} and {where}; {_lacking(claim, overall)}"
    return Finding(verdict=UNDECIDED, why=why, overall=overall, lacks=_lacks(claim))


def _of_each(claim: ClaimSpec, parts: Parts, floor: float, rule: str) -> Finding:
    found = {name: part.interval(claim, claim.confidence) for name, part in parts.items()}
    line = _line(floor)

    def finding(verdict: str, why: str, *, size: str = "") -> Finding:
        lacks = _lacks(claim) if verdict == UNDECIDED else ""
        return Finding(verdict=verdict, why=f"{rule}; {why}", parts=found, lacks=lacks, size=size)

    without = [interval for interval in found.values() if interval.low is None]
    if without:
        return finding(UNDECIDED, _no_interval(claim, without[0]))
    ahead = [
        name
        for name, part in parts.items()
        if (low := found[name].low) is not None
        and low > floor
        and _agreed(claim, part, floor, claim.confidence)
    ]
    if len(ahead) == len(parts):
        size = _size(claim, min(found.values(), key=lambda interval: interval.mean))
        over = next(iter(found.values())).varied
        why = f"the interval over {', '.join(over)} lies above {line} on every one"
        return finding(SUPPORTED, f"{why}{f'; {size}' if size else ''}", size=size)
    strict = 1.0 - (1.0 - claim.confidence) / len(parts)
    behind = [
        name
        for name, part in parts.items()
        if (high := part.interval(claim, strict).high) is not None
        and high < floor
        and _agreed(claim, part, floor, strict)
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


def _agreed(claim: ClaimSpec, part: Contrast, bound: float, confidence: float) -> bool:
    """Say whether exchanging runs excludes a bound at this confidence too, where that is asked for."""
    level = round(1.0 - confidence, 12)
    p = part.exchange_p(claim, bound, level)
    return p is None or p <= level


def _without_interval(claim: ClaimSpec, overall: Interval) -> Finding:
    of = "the difference" if len(claim.benchmarks) == 1 else f"the mean difference over {tasks(claim)}"
    why = f"{of} has no interval, for {_no_interval(claim, overall)}"
    return Finding(verdict=UNDECIDED, why=why, overall=overall, lacks=_lacks(claim))


def _no_interval(claim: ClaimSpec, overall: Interval) -> str:
    if claim.rule == ALWAYS_VALID:
        return (
            "the range of the metric is not known, without which no interval holds at every look; "
            f'a rule of "{FIXED}" needs none'
        )
    if overall.sd is None:
        return "a method has a single run, which gives no interval; two replicates at least"
    return "no run varies, and what was not seen to vary may yet; more replicates"


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
