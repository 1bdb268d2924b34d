"""The luck percentile."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.luck import Luck, choice_weights, luck_by_cost, luck_of

NAN = math.nan
SMALL = st.sampled_from([0.0, 1.0, 2.0, NAN])
SPACE = st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=4)


def stream(name: str | int = "test") -> Stream:
    return Stream(0, ("luck", name))


def luck(signal: object, metric: object, budget: Any, values: Any, **more: Any) -> Luck:
    return luck_of(signal, metric, budget, values, varied=("search seeds",), **more)  # type: ignore[arg-type]


def reports(
    signal: list[float], metric: list[float], drawn: tuple[int, ...]
) -> Iterator[tuple[float, Fraction]]:
    """Yield what random search may report after these draws, with the chance of each: ties are equal."""
    told = [i for i in drawn if not math.isnan(signal[i])]
    best = [i for i in told if signal[i] == max(signal[j] for j in told)]
    for i in best:
        yield metric[i], Fraction(1, len(best))


def enumerated(
    signal: list[float], metric: list[float], n: int, value: float, *, replacement: bool
) -> tuple[float, float]:
    """Return P(>= value) and P(> value) by going through every sequence of draws."""
    size = range(len(signal))
    sequences = list(itertools.product(size, repeat=n) if replacement else itertools.permutations(size, n))
    at_least = better = Fraction(0)
    for drawn in sequences:
        for reported, chance in reports(signal, metric, drawn):
            at_least += chance * (reported >= value)
            better += chance * (reported > value)
    return float(at_least / len(sequences)), float(better / len(sequences))


@given(SPACE, st.integers(1, 4), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]))
@settings(max_examples=150)
def test_it_is_what_enumeration_gives(space: list[tuple[float, float]], n: int, value: float) -> None:
    """With and without replacement, with ties and failures, the chance is that of all sequences of draws."""
    signal, metric = (list(column) for column in zip(*space, strict=True))
    found = luck(signal, metric, n, value)
    at_least, better = enumerated(signal, metric, n, value, replacement=True)
    assert (found.at_least[0], found.better[0]) == pytest.approx((at_least, better), abs=1e-12)
    assert found.with_replacement == found.at_least
    if n > len(space):
        assert found.without_replacement is None
        return
    at_least, better = enumerated(signal, metric, n, value, replacement=False)
    other = luck(signal, metric, n, value, replacement=False)
    assert (other.at_least[0], other.better[0]) == pytest.approx((at_least, better), abs=1e-12)
    assert found.without_replacement == other.without_replacement == other.at_least


@given(SPACE, st.integers(1, 4), SMALL)
@settings(max_examples=60)
def test_the_order_and_scale_of_the_space_play_no_part(
    space: list[tuple[float, float]], n: int, value: float
) -> None:
    """Permuted architectures, a rescaled signal, and everything minimised give the same chance."""
    signal, metric = (np.array(column) for column in zip(*space, strict=True))
    found = luck(signal, metric, n, value).at_least
    assert luck(signal[::-1], metric[::-1], n, value).at_least == pytest.approx(found, abs=1e-12)
    assert luck(signal**3 + 7, metric, n, value).at_least == pytest.approx(found, abs=1e-12)
    down = luck(-signal, -metric, n, -value, maximize=False).at_least
    assert down == pytest.approx(found, abs=1e-12)
    mixed = luck(-signal, metric, n, value, maximize_signal=False).at_least
    assert mixed == pytest.approx(found, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 50), st.floats(0, 1))
@settings(max_examples=60)
def test_a_signal_that_is_the_metric_gives_the_known_formula(
    metric: list[float], n: int, value: float
) -> None:
    """Choosing by what is reported, the chance is 1 - (1 - q)^n, q the share at least as good."""
    q = np.mean(np.array(metric) >= value)
    assert luck(metric, metric, n, value).at_least[0] == pytest.approx(1 - (1 - q) ** n, abs=1e-12)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30), st.integers(1, 20), st.floats(0, 1), st.floats(0, 1)
)
@settings(max_examples=60)
def test_better_values_and_smaller_budgets_are_harder(
    metric: list[float], n: int, a: float, b: float
) -> None:
    """The chance falls with the value, and with a true signal rises with the budget."""
    low, high = luck(metric, metric, n, sorted((a, b))).at_least
    assert low >= high
    assert luck(metric, metric, n + 1, a).at_least[0] >= luck(metric, metric, n, a).at_least[0] - 1e-12


def test_many_architectures_and_runs_at_once() -> None:
    """On 50,000 architectures, 500 runs of different budgets agree with simulation, and weights sum to 1."""
    rng = stream("large")
    size = 50_000
    metric = rng.indices(1 << 32, (size,)) / 2.0**32
    signal = np.round(metric + 0.3 * rng.indices(1 << 32, (size,)) / 2.0**32, 3)
    values = 0.5 + 0.5 * rng.indices(1 << 32, (500,)) / 2.0**32
    budgets = [10 if i % 2 else 300 for i in range(500)]
    found = luck(signal, metric, budgets, values)
    assert math.fsum(choice_weights(signal, 300).tolist()) == pytest.approx(1.0, abs=1e-10)
    for n, place in ((10, 1), (300, 0)):
        keys = signal + 1e-6 * rng.indices(1 << 32, (size,)) / 2.0**32
        drawn = rng.indices(size, (10_000, n))
        reported = metric[drawn[np.arange(10_000), keys[drawn].argmax(axis=1)]]
        p = found.at_least[place]
        share = np.mean(reported >= values[place])
        assert abs(share - p) < 5 * math.sqrt(max(p * (1 - p), 1e-4) / 10_000)


def test_a_small_chance_keeps_its_digits() -> None:
    """The chance of the single best of 10^5 in one draw is 10^-5, and not rounded away."""
    metric = np.arange(1e5)
    assert luck(metric, metric, 1, 99_999.0).at_least[0] == pytest.approx(1e-5, rel=1e-12)
    found = luck(metric, metric, 3, 99_999.0, replacement=False)
    assert found.at_least[0] == pytest.approx(3e-5, rel=1e-12)
    assert found.percentiles()[0] == pytest.approx(100 - 3e-3)


def test_seeds_of_the_table_are_drawn_too() -> None:
    """With one signal for each seed, each evaluation draws a seed: the space is of all outcomes."""
    signal, metric = [[0.1, 0.9], [0.5, 0.5]], [1.0, 2.0]
    found = luck(signal, metric, 1, 2.0)
    assert found.at_least == pytest.approx((0.5,))
    assert found.without_replacement is None
    assert found.space == 4
    # By hand: the choice after two draws is the outcome 0.9 with chance 1 - (3/4)^2, else mostly 0.5.
    expected = (3 / 4) ** 2 - (1 / 4) ** 2
    assert luck(signal, metric, 2, 2.0).at_least == pytest.approx((expected,))
    with pytest.raises(UsageError, match="over seeds"):
        luck(signal, metric, 1, 2.0, replacement=False)


def test_a_failed_run_is_never_lucky() -> None:
    """A run without a value is beaten or met by every random search."""
    found = luck([1.0, 2.0], [1.0, 2.0], 1, [NAN, 2.0])
    assert found.at_least == (1.0, 0.5)
    assert found.table().rows[0][0] is None


def test_random_search_against_itself_wins_half() -> None:
    """The mean over runs of random search is 1/2 within its interval, and its chances are uniform."""
    rng = stream("self")
    metric = rng.indices(1 << 32, (200,)) / 2.0**32
    values = metric[rng.indices(200, (400, 5))].max(axis=1)
    found = luck(metric, metric, 5, values, rng=stream("interval"))
    assert found.random_wins is not None
    assert abs(found.random_wins.mean - 0.5) < 4 * (found.random_wins.sd or 0) / math.sqrt(400)
    assert np.mean(np.array(found.at_least) <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert "in the median of 400 runs" in found.sentence()
    assert luck(metric, metric, 5, values).random_wins is None


def by_cost(costs: object, budget: float, values: Any, **more: Any) -> Luck:
    signal, metric = [1.0, 2.0, 3.0, NAN], [1.0, 3.0, 2.0, 9.0]
    more = {"rng": stream("cost"), "varied": ("search seeds",)} | more
    return luck_by_cost(signal, metric, costs, budget, values, **more)  # type: ignore[arg-type]


def test_equal_costs_give_the_exact_answer() -> None:
    """Where each evaluation costs one second, simulation agrees with the exact chance within its error."""
    values = [1.0, 2.0, 2.5, NAN]
    exact = luck([1.0, 2.0, 3.0, NAN], [1.0, 3.0, 2.0, 9.0], 3, values)
    for budget, crossing in ((3.5, False), (3.0, False), (2.5, True), (3.0, True)):
        found = by_cost([1.0] * 4, budget, values, crossing=crossing)
        assert found.standard_error is not None
        assert not found.exact
        for p, q, error in zip(exact.at_least, found.at_least, found.standard_error, strict=True):
            assert abs(p - q) <= 4 * error
    assert found.at_least[3] == 1.0


def enumerated_by_cost(costs: list[float], budget: float, value: float, *, crossing: bool) -> float:
    """Return P(>= value) on the small space of `by_cost`, by following every sequence until it ends."""
    signal, metric = [1.0, 2.0, 3.0, NAN], [1.0, 3.0, 2.0, 9.0]

    def follow(spent: float, drawn: tuple[int, ...]) -> Fraction:
        total = Fraction(0)
        for i, cost in enumerate(costs):
            now, more = spent + cost, (*drawn, i)
            if now >= budget:
                counted = more if crossing or now == budget else drawn
                found = reports(signal, metric, counted)
                total += sum((chance for reported, chance in found if reported >= value), Fraction(0))
            else:
                total += follow(now, more)
        return total / len(costs)

    return float(follow(0.0, ()))


@pytest.mark.parametrize("crossing", [False, True])
@pytest.mark.parametrize("value", [1.0, 2.0, 3.0])
def test_unequal_costs_agree_with_enumeration(crossing: bool, value: float) -> None:
    """Where dear architectures use the budget up, simulation agrees with all sequences within its error."""
    costs = [1.0, 3.0, 2.0, 1.0]
    found = by_cost(costs, 4.0, value, crossing=crossing, draws=20_000)
    expected = enumerated_by_cost(costs, 4.0, value, crossing=crossing)
    assert found.standard_error is not None
    assert abs(found.at_least[0] - expected) <= 4 * found.standard_error[0]


def test_a_simulation_repeats_and_says_its_error() -> None:
    """Equal streams give equal chances; no error is zero, and what is too dear reports nothing."""
    found = by_cost([1.0, 2.0, 3.0, 1.0], 10.0, [2.0, 9.5])
    assert by_cost([1.0, 2.0, 3.0, 1.0], 10.0, [2.0, 9.5]) == found
    assert by_cost([1.0, 2.0, 3.0, 1.0], 10.0, [2.0, 9.5], rng=stream("other")) != found
    assert found.at_least[1] == 0.0
    assert found.standard_error is not None
    assert min(found.standard_error) > 0
    assert "by simulation" in found.sentence()
    assert by_cost([10.0] * 4, 9.0, 0.0).at_least == (0.0,)


def test_a_long_search_goes_on_in_blocks() -> None:
    """A budget of many evaluations is followed to its end, also where one block does not reach it."""
    metric = np.arange(1000.0)
    costs = np.where(np.arange(1000) < 500, 1e-3, 1.0)
    more: dict[str, Any] = {"varied": (), "rng": stream("long"), "draws": 200}
    found = luck_by_cost(metric, metric, costs, 6_000.0, 999.0, **more)
    # About 12,000 draws of 1,000 architectures: the best is missed with a chance below 1e-5.
    assert found.at_least == (1.0,)


@pytest.mark.parametrize(
    ("signal", "metric", "budget", "values"),
    [
        ([], [], 1, 0.0),
        ([1.0], [1.0, 2.0], 1, 0.0),
        ([1.0, math.inf], [1.0, 2.0], 1, 0.0),
        ([1.0], [1.0], 0, 0.0),
        ([1.0], [1.0], [1, 2], 0.0),
        ([1.0], [1.0], 1, [math.inf]),
        ([1.0], [1.0], 1, []),
        ([[[1.0]]], [1.0], 1, 0.0),
    ],
)
def test_what_makes_no_space_is_refused(signal: Any, metric: Any, budget: Any, values: Any) -> None:
    """Arrays and budgets that do not fit are the caller's mistakes."""
    with pytest.raises(UsageError):
        luck(signal, metric, budget, values)


@pytest.mark.parametrize(("costs", "budget"), [([1, 1, 1, 0], 5.0), ([1, 1, 1, NAN], 5.0), ([1] * 4, 0.0)])
def test_costs_that_never_end_are_refused(costs: list[float], budget: float) -> None:
    """A cost of zero or without a number, and no budget, are the caller's mistakes."""
    with pytest.raises(UsageError, match="positive and finite"):
        by_cost(costs, budget, 1.0)


def test_more_draws_than_architectures_are_refused_without_replacement() -> None:
    """Three different ones of two cannot be drawn."""
    with pytest.raises(UsageError, match="3 different architectures cannot be drawn"):
        luck([1.0, 2.0], [1.0, 2.0], 3, 1.0, replacement=False)
