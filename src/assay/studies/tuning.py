"""Tuning as a study file declares it: the choices, their number, and what they may cost.

A tuned method is one whose hyperparameters were chosen by runs. Those runs are a budget like any
other: a comparison in which one method was tuned and another was not says who had it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from assay.contracts.problem import Budget
from assay.foundation.digest import digest_value
from assay.foundation.seeding import Stream
from assay.provenance.hyperparameters import encode_hyperparameters

EQUAL, DECLARED = TUNING_BUDGETS = ("equal", "declared")
# What is added to the name of a tuned method for the same method with its defaults.
TUNED_DEFAULT = "@default"
MOST_COMBINATIONS = 1_000_000

Configuration = dict[str, Any]


class Tuning(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How a method is tuned: `configurations` settings, each run `replicates` times on each benchmark.

    `space` lists the values of each tuned hyperparameter. The default configuration is always among
    those that are run. `budget` is that of one run, None for the study's.
    """

    space: dict[str, tuple[Any, ...]]
    configurations: int
    replicates: int
    suite: str | None = None
    benchmarks: tuple[str, ...] = ()
    budget: Budget | None = None


class Problem(NamedTuple):
    """What is wrong with a tuning block, and at which key of it."""

    what: str
    key: tuple[str, ...]
    why: str | None = None
    hint: str | None = None


def problems(tuning: Tuning) -> Iterator[Problem]:
    """Yield what is wrong with a block as written, before any strategy or card is looked at."""
    if bool(tuning.benchmarks) == (tuning.suite is not None):
        yield Problem(
            "name either benchmarks or a suite to tune on", ("benchmarks",), hint='suite = "development-v1"'
        )
    if tuning.configurations < 2:
        yield Problem(
            "tuning compares two configurations at least",
            ("configurations",),
            why=f"got {tuning.configurations}, the default included",
        )
    if tuning.replicates < 1:
        yield Problem("there must be at least one replicate", ("replicates",), why=f"got {tuning.replicates}")
    if not tuning.space:
        yield Problem("there is nothing to choose", ("space",), hint="population = [10, 20, 50]")
    for name, values in tuning.space.items():
        if not values:
            yield Problem(f"'{name}' has no value to choose", ("space", name))
    combinations = math.prod(max(len(values), 1) for values in tuning.space.values())
    if combinations > MOST_COMBINATIONS:
        yield Problem(
            f"there can be at most {MOST_COMBINATIONS:,} combinations",
            ("space",),
            why=f"the lists have {combinations:,}",
        )
    yield from _of_budget(tuning.budget)


def _of_budget(budget: Budget | None) -> Iterator[Problem]:
    if budget is None:
        return
    amount = budget.evaluations if budget.evaluations is not None else budget.table_seconds
    if (budget.evaluations is None) == (budget.table_seconds is None) or amount is None:
        yield Problem("a budget is either evaluations or table_seconds", ("budget",))
    elif not (math.isfinite(amount) and amount > 0):
        yield Problem("a budget must be positive and finite", ("budget",), why=f"got {amount}")


def tuning_root(seed: int) -> int:
    """Return the root of the seeds of tuning runs, made by name from that of the study."""
    return Stream(seed, ("tuning", "root")).bits() >> 11


def choose_configurations(
    space: Mapping[str, Sequence[Any]], default: Configuration, number: int, root: int
) -> list[Configuration]:
    """Return the configurations to run: the default first, then the grid, or a sample of it.

    `default` gives the default of each key of `space`. Keys are taken in alphabetical order and values
    as written. A grid that has more than `number` combinations, the default included, is sampled
    without replacement from a stream that is named by the choices alone; a larger number keeps what
    a smaller one drew.
    """
    keys = sorted(space)
    own = encode_hyperparameters(default)
    total = math.prod(len(space[key]) for key in keys)
    order: Sequence[int] = range(total)
    if total > number - 1:
        written = {key: [encode_hyperparameters({key: value}) for value in space[key]] for key in keys}
        rng = Stream(root, ("tuning", "configurations", digest_value(written)))
        order = rng.sample(range(total), min(number, total))
    drawn = [(i, _combination(space, keys, i)) for i in order]
    others = [(i, one) for i, one in drawn if encode_hyperparameters(one) != own][: number - 1]
    return [dict(default), *(one for _, one in sorted(others, key=lambda item: item[0]))]


def _combination(space: Mapping[str, Sequence[Any]], keys: Sequence[str], index: int) -> Configuration:
    """Return the combination of this number; the last key varies fastest."""
    values = {}
    for key in reversed(keys):
        index, place = divmod(index, len(space[key]))
        values[key] = space[key][place]
    return {key: values[key] for key in keys}


def configuration_text(configuration: Mapping[str, Any]) -> str:
    """Return a configuration as people read it, such as 'population=20, tournament=5'."""
    texts = encode_hyperparameters(configuration)
    return ", ".join(f"{key}={text}" for key, text in texts.items()) or "as declared"
