"""What differing cards do to numbers, in sentences that need no knowledge of the cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from assay.contracts.card import ProtocolCard
from assay.contracts.problem import Signal

NO_DATA = "no data"
"""The split of a signal that is measured on no data, such as a latency."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one benchmark; costs in `cost_unit`, of one evaluation and of the whole space.

    `lacking` is what its table says of architectures that have no value, and what brings them.
    """

    benchmark: str
    policy: str
    fidelity: str
    architectures: int
    with_value: int
    unit: str
    best: float
    best_architecture: str
    cost_unit: str
    cost_median: float
    cost_total: float
    lacking: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """How an architecture stands in a benchmark: its rank, 1 for the best, and its value."""

    rank: int
    value: float


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two benchmarks over the architectures that have a value in both.

    The mean absolute difference and the number of unequal values are None where the units differ, a
    correlation where one side does not vary, a standing where there is no value. The `top_` correlations
    are over the best tenth under the first.
    """

    first: str
    second: str
    common: int
    mean_absolute_difference: float | None
    unequal: int | None
    spearman: float | None
    kendall: float | None
    top: int
    top_spearman: float | None
    top_kendall: float | None
    best_of_first_in_second: Standing | None
    best_of_second_in_first: Standing | None


_Names = tuple[str, str]
_Cards = tuple[ProtocolCard, ProtocolCard]
_POLICIES = {
    "mean-of-available": "the mean of the seeds that exist",
    "require": "the mean where all seeds exist",
}


def quarrels(
    cards: Mapping[str, ProtocolCard], facts: Sequence[Facts], pairs: Sequence[Pair]
) -> dict[str, tuple[str, ...]]:
    """Return, for each benchmark but the first, in what it differs from the first and what follows.

    Where all are readings of the first, it is called Assay and they are called by their systems.
    """
    first, *others = cards
    are_readings = all(other.startswith(f"{first}@") for other in others)
    numbers = {one.benchmark: one for one in facts}
    paired = {(pair.first, pair.second): pair for pair in pairs}
    found = {}
    for other in others:
        names = ("Assay", other.removeprefix(f"{first}@")) if are_readings else (first, other)
        both = (cards[first], cards[other])
        sentences = _of_cards(names, both)
        if (first, other) in paired:
            pair, two = paired[first, other], (numbers[first], numbers[other])
            sentences += [
                *_of_coverage(names, two, pair),
                *_of_values(names, both, pair),
                *_of_best(names, both, two, pair),
                *_of_cost(names, two),
            ]
        found[other] = tuple(sentences)
    return found


def _of_cards(names: _Names, cards: _Cards) -> list[str]:
    (first, other), (a, b), said = names, cards, []
    if a.signals[0].split != b.signals[0].split:
        if NO_DATA in (a.signals[0].split, b.signals[0].split):
            said.append(f"{other} answers {metric_text(b.signals[0])}, {first} {metric_text(a.signals[0])}.")
        else:
            said.append(
                f"{other} answers {b.signals[0].metric} on {b.signals[0].split}, where {first} answers it on "
                f"{a.signals[0].split}: these are different images."
            )
    if b.selection_on_test and not a.selection_on_test:
        said.append(
            f"A search under {other} sees test images ({b.selection_on_test}), so that its result is no "
            "estimate of how well a method generalises."
        )
    elif a.test and b.test is None:
        said.append(f"{other} has no test metric: {b.no_test_because}.")
    if a.fidelities[0] != b.fidelities[0]:
        apart = "" if a.prefix and b.prefix else ", and the schedules are trained apart"
        default, ours = b.fidelities[0].text(), a.fidelities[0].text()
        said.append(f"{other} answers '{default}' unless told otherwise, {first} '{ours}'{apart}.")
    return said


def metric_text(signal: Signal) -> str:
    """Return what a signal measures, on which data if on any, and its unit."""
    return f"{signal.metric}{'' if signal.split == NO_DATA else f' on {signal.split}'} [{signal.unit}]"


def _of_coverage(names: _Names, facts: tuple[Facts, Facts], pair: Pair) -> list[str]:
    """Say on how many architectures the comparison rests, where they are not all, and what is lacking."""
    said = [
        f"{name} has a value for {one.with_value:,} of {one.architectures:,} architectures"
        for name, one in zip(names, facts, strict=True)
        if one.with_value < one.architectures
    ]
    if not said:
        return []
    what = f"{' and '.join(said)}: what follows rests on the {pair.common:,} that have one in both"
    lacking = [f"{text[:1].upper()}{text[1:]}." for one in facts for text in one.lacking]
    return [f"{what}, a 'best' on those that have one in it.", *lacking]


def _of_values(names: _Names, cards: _Cards, pair: Pair) -> list[str]:
    (first, other), (a, b) = names, cards
    same_data = a.signals[0].split == b.signals[0].split and a.fidelities[0] == b.fidelities[0]
    if not same_data or pair.unequal is None:
        return []
    if not pair.unequal:
        return [f"{other} and {first} give the same number for every one of {pair.common:,} architectures."]
    differ = (
        f"{pair.unequal:,} of {pair.common:,} architectures get another number although the data are the same"
    )
    return [f"{differ}: {first} gives {_policy(a)}, {other} {_policy(b)}."]


def _of_best(names: _Names, cards: _Cards, facts: tuple[Facts, Facts], pair: Pair) -> list[str]:
    first, other = names
    why = _aspects(*cards)
    values = [_value(one.best, one.unit) for one in facts]
    says = [f"{value} ({aspect})" if aspect else value for value, aspect in zip(values, why, strict=True)]
    best = f"'best' is {says[0]} for {first} and {says[1]} for {other}"
    there, here = pair.best_of_first_in_second, pair.best_of_second_in_first
    if facts[0].best_architecture == facts[1].best_architecture:
        return [f"{best}; the same architecture is best for both."]
    theirs = f"the best of {first} {_stands(there, facts[1].unit)} for {other}"
    ours = f"the best of {other} {_stands(here, facts[0].unit)} for {first}"
    return [f"{best}; {theirs} and {ours}."]


def _stands(standing: Standing | None, unit: str) -> str:
    if standing is None:
        return "has no value"
    place = "shares the first place" if standing.rank == 1 else f"is number {standing.rank:,}"
    return f"{place} with {_value(standing.value, unit)}"


def _value(value: float, unit: str) -> str:
    return f"{value:.3f} %" if unit == "%" else f"{value:,.6g} {unit}"


def _aspects(a: ProtocolCard, b: ProtocolCard) -> tuple[str, str]:
    """Return in what the numbers of two cards differ, each in its own words."""
    parts: list[tuple[str, str]] = []
    if a.signals[0].split != b.signals[0].split:
        parts.append((a.signals[0].split.partition(":")[0], b.signals[0].split.partition(":")[0]))
    if a.fidelities[0] != b.fidelities[0]:
        parts.append((a.fidelities[0].text(), b.fidelities[0].text()))
    if _policy(a) != _policy(b):
        parts.append((_policy(a), _policy(b)))
    return ", ".join(one for one, _ in parts), ", ".join(two for _, two in parts)


def _policy(card: ProtocolCard) -> str:
    policy = card.seeds.policies[0]
    if policy.startswith("seed="):
        return f"seed {policy.removeprefix('seed=')} alone"
    if policy.startswith("filled-from="):
        source = policy.removeprefix("filled-from=")
        return f"the mean of all seeds once an absent one took the value of {source}"
    return _POLICIES.get(policy, policy)


def _of_cost(names: _Names, facts: tuple[Facts, Facts]) -> list[str]:
    (first, other), (a, b) = names, facts
    if a.cost_unit != b.cost_unit:
        return [f"{first} charges in {a.cost_unit}, {other} in {b.cost_unit}."]
    ratio = b.cost_median / a.cost_median if a.cost_median else 1.0
    if 0.999 < ratio < 1.001:
        return []
    times = f"{ratio:.3g} times that" if ratio > 1 else f"1/{1 / ratio:.3g} of that"
    medians = f"median {_amount(b.cost_median)} and {_amount(a.cost_median)} {a.cost_unit}"
    charged = f"An evaluation for {other} is charged {times} for {first} ({medians})"
    return [f"{charged}: a budget of one is not a budget of the other."]


def _amount(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 1_000 else f"{cost:.4g}"
