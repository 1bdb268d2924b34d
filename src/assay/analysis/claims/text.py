"""Claims as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from assay.analysis.claims.verdict import measured, place, with_unit
from assay.analysis.model import BenchmarkFacts, ClaimSpec
from assay.studies.study import TASKS

Facts = Mapping[str, BenchmarkFacts]


def sentence(claim: ClaimSpec, facts: Facts, units: Sequence[str]) -> str:
    """Return a claim as a sentence, with its margin, metric and where it holds."""
    said = _SENTENCES[claim.kind](claim, measured(claim, facts), units)
    if claim.scope == TASKS and len(claim.benchmarks) > 1:
        return f"{said}, on tasks like these {len(claim.benchmarks)}"
    return f"{said}, on {'tasks like ' if claim.scope == TASKS else ''}{place(claim)}"


def _margin(claim: ClaimSpec, units: Sequence[str]) -> str:
    return f" by more than {with_unit(f'{claim.margin:g}', units)}" if claim.margin else ""


def _better(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    return f"{claim.better} beats {claim.than} in mean {metric}{_margin(claim, units)}"


def _equivalent(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    margin = with_unit(f"{claim.margin:g}", units)
    return f"{claim.better} and {claim.than} differ by less than {margin} in mean {metric}"


def _non_inferior(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    margin = with_unit(f"{claim.margin:g}", units)
    return f"{claim.better} is less than {margin} worse than {claim.than} in mean {metric}"


def _best_of_set(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    return f"{claim.better} beats each of {', '.join(claim.others)} in mean {metric}{_margin(claim, units)}"


def _ranking(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    return f"{' > '.join(claim.methods)} in mean {metric}{_margin(claim, units)}"


def _reaches(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    within = f" within {claim.within.text()}" if claim.within else ""
    target = with_unit(f"{claim.target:g}", units)
    return f"{claim.better} reaches {target} in {metric}{within} in {100 * claim.share:g} % of searches"


def _replicates_number(claim: ClaimSpec, metric: str, units: Sequence[str]) -> str:
    published = claim.published
    value = with_unit(f"{published.value:g}" if published else "a number", units)
    spread = [f"n = {published.n:,}"] if published and published.n is not None else []
    spread += [f"{published.spread} {published.sd:g}"] if published and published.sd is not None else []
    told = "; ".join([", ".join(spread)] if spread else []) + ("; " if spread else "")
    source = published.source if published else ""
    margin = with_unit(f"{claim.margin:g}", units)
    return f"{claim.better} replicates {value} ({told}{source}) in mean {metric}, within {margin}"


_SENTENCES: dict[str, Callable[[ClaimSpec, str, Sequence[str]], str]] = {
    "better": _better,
    "equivalent": _equivalent,
    "non-inferior": _non_inferior,
    "best-of-set": _best_of_set,
    "ranking": _ranking,
    "reaches": _reaches,
    "replicates-number": _replicates_number,
}
