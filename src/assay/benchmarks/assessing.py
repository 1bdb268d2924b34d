"""Vaults by the name of a benchmark: for the test gate, and for the luck of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.benchmarks.catalogue import card_of, open_benchmark, vault_file
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.problem import Budget
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.luck import Luck, luck_by_cost, luck_of
from assay.tasks.gate import NoTest, Vaults
from assay.tasks.vault import Vault, open_vault


def vaults(cache: Path | None = None) -> Vaults:
    """Return what `tasks.gate.assess` asks for test values: a vault, or why there is none."""

    def find(benchmark: str) -> Vault | NoTest:
        card = card_of(benchmark, cache)
        if card.test is None:
            return NoTest(card.no_test_because or "its card names no test metric")
        space = open_benchmark(benchmark, cache).space
        return open_vault(
            vault_file(benchmark, cache),
            benchmark=benchmark,
            card_digest=card.meaning(),
            index=lambda text: space.index(space.parse(text)),
        )

    return find


def luck_of_search(
    benchmark: TableBenchmark,
    found: Sequence[float],
    *,
    reported: str,
    signal: str,
    policy: str | None,
    budget: Budget,
    varied: tuple[str, ...],
    rng: Stream | None,
    reported_at: str | None = None,
    cache: Path | None = None,
) -> Luck | None:
    """Return how often random search of equal budget does at least as well as each found value.

    `found` is what the runs report: the 'test' metric that the gate has told, or the 'signal' of their
    recommendations, at the fidelity `reported_at` (None: the one that was searched at); NaN where a run
    failed. Random search chooses by the same signal under the same seed policy; `rng` is needed for a
    budget in seconds alone, and for `random_wins`. None where the benchmark has no vault for a test metric.
    """
    facts = benchmark.signal(signal)
    column = benchmark.column(signal, policy)
    costs = None if budget.evaluations is not None else benchmark.costs
    crossing = benchmark.card.crossing == "counted"
    size = budget.evaluations if budget.evaluations is not None else budget.table_seconds or 0.0
    if reported == "test":
        vault = vaults(cache)(benchmark.name)
        if not isinstance(vault, Vault):
            return None
        return vault.luck(
            found,
            signal=column,
            maximize_signal=facts.maximize,
            budget=size,
            costs=costs,
            crossing=crossing,
            varied=varied,
            rng=rng,
        )
    shown = benchmark.at(reported_at).column(signal, policy)
    if costs is None:
        return luck_of(column, shown, int(size), found, varied=varied, maximize=facts.maximize, rng=rng)
    if rng is None:
        raise UsageError("luck within a budget of cost is simulated, and needs a stream")
    return luck_by_cost(
        column,
        shown,
        costs,
        float(size),
        found,
        varied=varied,
        rng=rng,
        crossing=crossing,
        maximize=facts.maximize,
    )
