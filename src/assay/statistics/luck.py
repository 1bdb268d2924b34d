"""How often random search of equal budget does at least as well as what was found.

Random search draws architectures uniformly, chooses the one with the best signal (ties at random), and
reports the metric of its choice. On a space of which every signal and metric is known its distribution
is exact: with T(s) the chance that no drawn signal is above s, the choice has signal s with chance
T(s) - T(next below), and is then any architecture of that signal with equal chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.basis import Basis, Result, seed_text
from assay.statistics.interval import Interval
from assay.statistics.intervals import mean_interval
from assay.statistics.search_effort import log_shares
from assay.statistics.table import Table

Numbers = Sequence[float] | np.ndarray
_BLOCK = 1 << 20
_NOTHING = -1


class Luck(Result, frozen=True, kw_only=True):
    """For each run, the probability that random search of its budget reports at least as good a value.

    `values` and `budgets` are one a run (NaN: the run failed, and all random search does as well).
    `at_least` and `better` are P(>= value) and P(> value) for the random search that `replacement`
    names; `with_replacement` and `without_replacement` are P(>= value) under each, None where not
    computed. `standard_error` is that of `at_least`, None where it is exact. `random_wins` is the mean
    over runs of P(> value) + P(= value) / 2, the probability that random search wins against the
    method; None without `rng`. `space` counts the architectures, or their outcomes under all seeds.
    """

    values: tuple[float, ...]
    budgets: tuple[float, ...]
    unit: str
    at_least: tuple[float, ...]
    better: tuple[float, ...]
    replacement: bool
    with_replacement: tuple[float, ...] | None
    without_replacement: tuple[float, ...] | None
    standard_error: tuple[float, ...] | None
    random_wins: Interval | None
    space: int
    exact: bool
    maximize: bool

    def percentiles(self) -> tuple[float, ...]:
        """Return the luck percentile of each run: how many of 100 random searches do worse than it."""
        return tuple(100.0 * (1.0 - p) for p in self.at_least)

    def sentence(self) -> str:
        """Return the median over runs, and under which random search."""
        ordered = sorted(self.at_least)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        how = "with" if self.replacement else "without"
        median = "" if len(ordered) == 1 else f" in the median of {len(ordered):,} runs"
        found = "" if self.exact else f" (± {max(self.standard_error or (0.0,)):.2g}, by simulation)"
        return (
            f"Random search of equal budget, drawing {how} replacement, does at least as well "
            f"with probability {middle:.3g}{found}{median}."
        )

    def table(self) -> Table:
        """Return one row for each run."""
        nothing: tuple[None, ...] = (None,) * len(self.values)
        columns = (
            [None if math.isnan(value) else value for value in self.values],
            self.budgets,
            self.at_least,
            self.better,
            self.with_replacement or nothing,
            self.without_replacement or nothing,
            self.standard_error or nothing,
        )
        return Table(
            (
                "value",
                f"budget in {self.unit}",
                "P at least",
                "P better",
                "P with replacement",
                "P without replacement",
                "standard error",
            ),
            list(zip(*columns, strict=True)),
        )


class _Space(NamedTuple):
    """Outcomes, turned so that larger is better: signal groups, and metrics in increasing order.

    `group` is the dense rank of each outcome's signal, -1 without one; `bounds` the number of outcomes
    up to each group, that of no signal first. `order` sorts the metrics, missing ones first.
    """

    group: np.ndarray
    bounds: np.ndarray
    metric: np.ndarray
    order: np.ndarray


def luck_of(
    signal: Numbers,
    metric: Numbers,
    budget: int | Sequence[int],
    values: float | Numbers,
    *,
    varied: tuple[str, ...],
    replacement: bool = True,
    maximize: bool = True,
    maximize_signal: bool | None = None,
    rng: Stream | None = None,
    confidence: float = 0.95,
) -> Luck:
    """Return the exact probability that random search of this budget reports at least each value.

    `signal` and `metric` are one an architecture, (N,), or one for each of its seeds, (N, seeds), of
    which each evaluation draws one; NaN is an evaluation that fails: it costs, and is never chosen, and a
    choice without a metric is never as good. `budget` is a number of evaluations, one for all runs or one
    each; `values` is what the runs reported, NaN for a run that failed. `maximize` is the direction of
    the metric, and of the signal unless `maximize_signal` says otherwise.

    With replacement the chance that n draws are all among the c worst is (c / N)^n; without, C(c, n) /
    C(N, n), which is given for (N,) and budgets up to N. Where the metric is the signal the answer is
    1 - (1 - q)^n, q the share of the space that is at least as good (Yu et al., ICLR 2020).
    Raises `UsageError` for arrays that do not fit, and budgets below 1 (or above N without replacement).
    """
    upward = maximize if maximize_signal is None else maximize_signal
    space = _space(signal, metric, maximize, upward)
    found, spent = _runs(values, budget)
    seeds = np.ndim(signal) > 1 or np.ndim(metric) > 1
    size = len(space.metric)
    possible = not seeds and max(spent) <= size
    if not replacement and not possible:
        raise UsageError(
            f"{max(spent):,} different architectures cannot be drawn" + (" over seeds" if seeds else ""),
            why="seeds make equal draws differ" if seeds else f"the space has {size:,}",
            hint="replacement=True",
        )
    turned = found if maximize else -found
    chances = {
        drawn_again: _exact(space, turned, spent, replacement=drawn_again)
        for drawn_again in ((True, False) if possible else (True,))
    }
    at_least, better = chances[replacement]
    return Luck(
        basis=_basis(
            "exact distribution of random search that chooses by the signal",
            space,
            len(found),
            varied,
            replacement,
            "" if rng is None else seed_text(rng),
        ),
        values=tuple(found.tolist()),
        budgets=tuple(map(float, spent)),
        unit="evaluations",
        at_least=_tuple(at_least),
        better=_tuple(better),
        replacement=replacement,
        with_replacement=_tuple(chances[True][0]),
        without_replacement=_tuple(chances[False][0]) if possible else None,
        standard_error=None,
        random_wins=_wins(at_least, better, rng, varied, confidence),
        space=size,
        exact=True,
        maximize=maximize,
    )


def luck_by_cost(
    signal: Numbers,
    metric: Numbers,
    costs: Numbers,
    budget: float,
    values: float | Numbers,
    *,
    varied: tuple[str, ...],
    rng: Stream,
    crossing: bool = False,
    maximize: bool = True,
    maximize_signal: bool | None = None,
    draws: int = 10_000,
    unit: str = "table seconds",
    confidence: float = 0.95,
) -> Luck:
    """Return the probability that random search within a budget of cost reports at least each value.

    As `luck_of`, with what each evaluation costs: `costs` fits `signal`. Random search draws with
    replacement until the next evaluation would cross the budget, which counts if `crossing`. The
    probability is a share of `draws` simulated searches, and its standard error sqrt(p (1 - p) / draws),
    in which p is kept half a search off 0 and 1.
    Raises `UsageError` for costs that are not finite, not positive in sum, or negative.
    """
    upward = maximize if maximize_signal is None else maximize_signal
    space = _space(signal, metric, maximize, upward)
    price = np.broadcast_to(np.asarray(costs, np.float64), _shape(signal, metric)).ravel()
    if not np.isfinite(price).all() or (price <= 0).any() or not 0.0 < budget < math.inf:
        raise UsageError(
            "costs and the budget must be positive and finite",
            why="an evaluation without a cost can be repeated for ever",
        )
    found, _ = _runs(values, 1)
    results = np.sort(_simulated(space, price, budget, rng, draws, crossing=crossing))
    turned = found if maximize else -found
    at_least, better = (_share_above(results, turned, side) / draws for side in ("left", "right"))
    at_least, better = (np.where(np.isnan(turned), 1.0, p) for p in (at_least, better))
    kept = np.clip(at_least, 0.5 / draws, 1.0 - 0.5 / draws)
    error = np.where(np.isnan(turned), 0.0, np.sqrt(kept * (1.0 - kept) / draws))
    crossed = "counts" if crossing else "does not count"
    return Luck(
        basis=_basis(
            f"simulation of random search; the evaluation that crosses the budget {crossed}",
            space,
            len(found),
            varied,
            replacement=True,
            seed=seed_text(rng, draws),
        ),
        values=tuple(found.tolist()),
        budgets=(float(budget),) * len(found),
        unit=unit,
        at_least=_tuple(at_least),
        better=_tuple(better),
        replacement=True,
        with_replacement=_tuple(at_least),
        without_replacement=None,
        standard_error=_tuple(error),
        random_wins=_wins(at_least, better, rng, varied, confidence),
        space=len(space.metric),
        exact=False,
        maximize=maximize,
    )


def choice_weights(signal: np.ndarray, n: int, *, replacement: bool = True) -> np.ndarray:
    """Return the chance of each outcome to be the choice of random search with n draws: shape (N,).

    The largest signal is chosen, ties at random; NaN is never chosen, so that the chances sum to less
    than 1 where all draws may fail.
    """
    group, bounds = _groups(np.asarray(signal, dtype=np.float64))
    chosen = _group_chances(bounds, n, replacement=replacement) / np.maximum(np.diff(bounds), 1)
    return np.asarray(np.append(chosen, 0.0)[group])  # group -1, without a signal, is the last


def _exact(
    space: _Space, values: np.ndarray, budgets: Sequence[int], *, replacement: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return P(>= value) and P(> value) of each run."""
    at_least, better = np.ones(len(values)), np.ones(len(values))
    spent, ordered = np.asarray(budgets), space.metric[space.order]
    counts = np.maximum(np.diff(space.bounds), 1)
    missing = int(np.isnan(space.metric).sum())
    for n in sorted(set(budgets)):
        chosen = _group_chances(space.bounds, n, replacement=replacement) / counts
        weights = np.append(chosen, 0.0)[space.group[space.order]]  # group -1, without a signal, is the last
        # What random search reports is at least the value for these outcomes: sums from the best down.
        above = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
        mine = (spent == n) & ~np.isnan(values)
        for chance, side in ((at_least, "left"), (better, "right")):
            places = missing + np.searchsorted(ordered[missing:], values[mine], side=side)  # type: ignore[call-overload]  # both are sides
            chance[mine] = np.minimum(above[places], 1.0)
    return at_least, better


def _group_chances(bounds: np.ndarray, n: int, *, replacement: bool) -> np.ndarray:
    """Return the chance that the best of n drawn signals is that of each group, in increasing order.

    T(c) - T(c') = T(c) (1 - T(c') / T(c)), in logs, so that small chances keep their digits.
    """
    total = int(bounds[-1])
    if replacement:
        with np.errstate(divide="ignore"):
            logs = n * np.log(bounds / total)
    else:
        logs = log_shares(total, n)[bounds]
    upper, lower = logs[1:], logs[:-1]
    possible = np.isfinite(upper)
    steps = np.where(possible, lower - np.where(possible, upper, 0.0), 0.0)
    return np.where(possible, np.exp(upper) * -np.expm1(steps), 0.0)


def _simulated(
    space: _Space, price: np.ndarray, budget: float, rng: Stream, draws: int, *, crossing: bool
) -> np.ndarray:
    """Return the metric that each simulated search reports; -inf where it has nothing to report."""
    size = len(price)
    # As many draws at once as a search is expected to make, and some more.
    width = int(min(max(4.0, 1.25 * budget / float(np.mean(price)) + 4.0), 4096.0))
    step = max(1, _BLOCK // width)
    results = []
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        spent, best = np.zeros(rows), np.full(rows, -np.inf)
        choice = np.full(rows, -1, dtype=np.intp)
        open_rows = np.arange(rows)
        while len(open_rows):
            drawn = rng.indices(size, (len(open_rows), width))
            # A fraction beside the rank breaks ties of the signal at random.
            keys = space.group[drawn] + rng.indices(1 << 32, drawn.shape) / 2.0**32
            ends = spent[open_rows, None] + np.cumsum(price[drawn], axis=1)
            starts = np.concatenate([spent[open_rows, None], ends[:, :-1]], axis=1)
            counted = (starts < budget) if crossing else (ends <= budget)
            keys = np.where(counted & (space.group[drawn] != _NOTHING), keys, -np.inf)
            place = keys.argmax(axis=1)
            key = keys[np.arange(len(open_rows)), place]
            won = key > best[open_rows]
            best[open_rows[won]] = key[won]
            choice[open_rows[won]] = drawn[won, place[won]]
            spent[open_rows] = ends[:, -1]
            open_rows = open_rows[ends[:, -1] < budget]
        metric = np.where(choice < 0, np.nan, space.metric[choice])
        results.append(np.where(np.isnan(metric), -np.inf, metric))
    return np.concatenate(results)


def _share_above(ordered: np.ndarray, values: np.ndarray, side: str) -> np.ndarray:
    return np.asarray(len(ordered) - np.searchsorted(ordered, values, side=side))  # type: ignore[call-overload]


def _space(signal: Numbers, metric: Numbers, maximize: bool, upward: bool) -> _Space:
    shape = _shape(signal, metric)
    turned = (np.asarray(signal, np.float64) * (1 if upward else -1), np.asarray(metric, np.float64))
    chosen, reported = (np.broadcast_to(_columns(a, len(shape)), shape).ravel() for a in turned)
    reported = reported * (1.0 if maximize else -1.0)
    group, bounds = _groups(chosen)
    order = np.argsort(np.where(np.isnan(reported), -np.inf, reported), kind="stable")
    return _Space(group, bounds, reported, order)


def _groups(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    missing = np.isnan(signal)
    group = np.full(len(signal), _NOTHING, dtype=np.intp)
    levels, group[~missing], counts = np.unique(signal[~missing], return_inverse=True, return_counts=True)
    bounds = int(missing.sum()) + np.concatenate([[0], np.cumsum(counts)])
    return group, bounds.astype(np.intp)[: len(levels) + 1]


def _shape(signal: Numbers, metric: Numbers) -> tuple[int, ...]:
    arrays = [np.asarray(signal, np.float64), np.asarray(metric, np.float64)]
    deepest = max(a.ndim for a in arrays)
    try:
        shape = np.broadcast_shapes(*(_columns(a, deepest).shape for a in arrays))
    except ValueError:
        shape = ()
    fits = len(shape) in {1, 2} and all(len(a) == shape[0] for a in arrays if a.ndim)
    if not fits or not math.prod(shape) or any(np.isinf(a).any() for a in arrays):
        raise UsageError(
            "signal and metric are one number an architecture, or one for each of its seeds",
            why=f"their shapes are {arrays[0].shape} and {arrays[1].shape}",
        )
    return shape


def _columns(array: np.ndarray, deepest: int) -> np.ndarray:
    return array[:, None] if array.ndim == 1 and deepest > 1 else array


def _runs(values: float | Numbers, budget: int | Sequence[int]) -> tuple[np.ndarray, list[int]]:
    found = np.atleast_1d(np.asarray(values, dtype=np.float64))
    spent = [budget] * len(found) if isinstance(budget, int | np.integer) else list(budget)
    if found.ndim != 1 or not len(found) or np.isinf(found).any() or len(spent) != len(found):
        raise UsageError(f"{found.size} values of runs do not fit {len(spent)} budgets")
    if min(spent) < 1:
        raise UsageError(f"a budget is one evaluation at least, got {min(spent)}")
    return found, [int(one) for one in spent]


def _wins(
    at_least: np.ndarray, better: np.ndarray, rng: Stream | None, varied: tuple[str, ...], confidence: float
) -> Interval | None:
    if rng is None:
        return None
    return mean_interval((at_least + better) / 2, rng=rng, varied=varied, confidence=confidence)


def _tuple(values: np.ndarray) -> tuple[float, ...]:
    return tuple(values.tolist())


def _basis(
    procedure: str, space: _Space, runs: int, varied: tuple[str, ...], replacement: bool, seed: str
) -> Basis:
    failing = int((space.group == _NOTHING).sum())
    return Basis(
        procedure=procedure,
        source="the random policy of Yu et al., ICLR 2020, on a space that is wholly known",
        n={"runs": runs, "outcomes": len(space.metric)},
        varied=varied,
        assumptions=(
            f"random search draws uniformly, {'with' if replacement else 'without'} replacement",
            "it chooses by the signal and reports the metric of its choice",
        ),
        ties="equal signals: one at random; equal metrics count as at least as good",
        seed=seed,
        cautions=(f"{failing:,} outcomes have no signal: they cost, and are never chosen",)
        if failing
        else (),
    )
