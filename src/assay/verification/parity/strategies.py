"""Compares two implementations of a search strategy by how they behave on a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assay.benchmarks.catalogue import open_benchmark
from assay.benchmarks.tabular import TableBenchmark
from assay.contracts.evaluation import Level
from assay.contracts.problem import Budget, Problem
from assay.foundation.errors import UsageError
from assay.foundation.seeding import SeedTree, Stream
from assay.records.record import Trajectory
from assay.strategies.catalogue import check_capabilities, make, resolve
from assay.studies.cell import Door, opened
from assay.studies.drive import drive, recommendation
from assay.studies.meter import Meter
from assay.verification.parity.behaviour import BehaviourTest, compare_behaviour

_QUARTERS = (0.25, 0.5, 0.75)


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two: a registered name or 'file.py:Class', and its hyperparameters."""

    target: str
    hyperparameters: dict[str, Any] = {}
    folder: Path = Path()


class StrategyParity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether two strategies behave alike on a benchmark, and which of their settings differ."""

    a: str
    b: str
    benchmark: str
    evaluations: int
    settings: dict[str, tuple[Any, Any]]
    test: BehaviourTest


def compare_strategies(
    a: Side,
    b: Side,
    *,
    benchmark: str,
    cache: Path,
    replicates: int = 200,
    evaluations: int = 200,
    seed: int = 0,
    alpha: float = 0.05,
    on_run: Callable[[int, int], None] = lambda _done, _all: None,
) -> StrategyParity:
    """Run both strategies `replicates` times on a table, with streams of their own, and test their behaviour.

    The two sides share no draws, whatever their names. Raises what loading and resolving a strategy raise,
    and `UsageError` for a search that recommends nothing.
    """
    table = open_benchmark(benchmark, cache)
    samples, resolved = [], []
    for place, side in enumerate((a, b)):
        found = _Runner(table, side, evaluations)
        resolved.append(found.settings)
        rows = []
        for replicate in range(replicates):
            rows.append(found.features(SeedTree(seed), place, replicate))
            on_run(place * replicates + replicate + 1, 2 * replicates)
        samples.append(np.array(rows))
    names = feature_names(table)
    test = compare_behaviour(
        samples[0], samples[1], names, rng=Stream(seed, ("parity", "exchange")), alpha=alpha
    )
    return StrategyParity(
        a=a.target,
        b=b.target,
        benchmark=benchmark,
        evaluations=evaluations,
        settings=_unequal(*resolved),
        test=test,
    )


def feature_names(table: TableBenchmark) -> list[str]:
    """Return the names of the features of a run, in their order."""
    decisions = len(_coded(table, table.space.at(0)))
    return [
        "value of what is recommended",
        *[f"best value after {100 * share:.0f} % of the evaluations" for share in _QUARTERS],
        "mean value of the evaluations",
        "share of different architectures",
        "mean number of decisions changed between evaluations",
        *[f"share of changes at decision {i + 1}" for i in range(decisions)],
    ]


class _Runner:
    """Runs one strategy on a table, again and again."""

    def __init__(self, table: TableBenchmark, side: Side, evaluations: int) -> None:
        self._table = table
        self._door = Door(kind="strategy", target=side.target, folder=str(side.folder.resolve()), code="")
        self._budget = Budget(evaluations=evaluations)
        self._signal = table.card.signals[0].name
        self._codes: dict[str, tuple[Any, ...]] = {}
        with opened(self._door) as entry:
            check_capabilities(entry, table.space)
            self.settings, _ = resolve(entry, side.hyperparameters, side.target)

    def features(self, tree: SeedTree, place: int, replicate: int) -> list[float]:
        """Return the features of one run."""
        table = self._table
        meter = Meter(
            table.space,
            table.evaluator(self._signal, table.card.seeds.policies[0]),
            self._budget,
            level=Level(self._signal, table.default_fidelity),
            evaluator=lambda signal, fidelity, continues: table.evaluator(signal, None, fidelity, continues),
            crossing=table.card.crossing,
            seconds=table.charges_seconds,
        )
        problem = Problem(
            space=table.space,
            fidelities=table.card.fidelities,
            signals=table.card.signals,
            objectives=(self._signal,),
            budget=meter.view,
            simulated_workers=1,
            fidelity=table.default_fidelity,
            prefix=table.card.prefix,
        )
        with opened(self._door) as entry:
            strategy = make(entry, problem, tree.stream("parity", place, replicate), self.settings)
            drive(strategy, meter)
            recommended = recommendation(strategy, meter)
        if not recommended:
            raise UsageError(f"{self._door.target} recommends nothing, so that it cannot be compared")
        return self._row(meter.trajectory(), recommended[0])

    def _row(self, trajectory: Trajectory, recommended: str) -> list[float]:
        values = trajectory.own_values().astype(float)
        archs = trajectory.strings()
        sign = 1.0 if self._table.card.signals[0].maximize else -1.0
        best = np.maximum.accumulate(np.nan_to_num(sign * values, nan=-np.inf)) * sign
        at = [float(best[max(0, round(share * len(best)) - 1)]) for share in _QUARTERS]
        known = dict(zip(archs, values.tolist(), strict=True))
        changed = np.array([self._changed(one, two) for one, two in pairwise(archs)], dtype=float)
        moves = changed.sum(axis=0)
        return [
            float(known.get(recommended, np.nan_to_num(best[-1]))),
            *at,
            float(np.nanmean(values)),
            len(set(archs)) / len(archs),
            float(changed.sum(axis=1).mean()),
            *(moves / max(1.0, moves.sum())).tolist(),
        ]

    def _changed(self, one: str, two: str) -> list[bool]:
        return [x != y for x, y in zip(self._code(one), self._code(two), strict=True)]

    def _code(self, text: str) -> tuple[Any, ...]:
        if text not in self._codes:
            self._codes[text] = _coded(self._table, self._table.space.parse(text))
        return self._codes[text]


def _coded(table: TableBenchmark, arch: Any) -> tuple[Any, ...]:
    """Return an architecture as its decisions; one that is no sequence of them counts as one decision."""
    space: Any = table.space
    if hasattr(space, "decompose"):
        return tuple(space.decompose(arch))
    return tuple(arch) if isinstance(arch, tuple) else (arch,)


def _unequal(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    def pairs() -> Iterator[tuple[str, tuple[Any, Any]]]:
        for name in sorted({*one, *two}):
            if one.get(name) != two.get(name):
                yield name, (one.get(name), two.get(name))

    return dict(pairs())
