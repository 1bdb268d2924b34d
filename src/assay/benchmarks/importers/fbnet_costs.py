"""Costs of FBNet's networks in HW-NAS-Bench (Li et al., ICLR 2021): the sums of those of their blocks.

Source: ['fbnet'][metric] of the pickle that `hw_nas_bench` describes, a dictionary from the key of a block
to its cost; which blocks a network has is `spaces.fbnet`'s to say. The space has 9^22 networks, so that no
table holds them: this is a lookup table with the evaluators of one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from assay.benchmarks.importers.hw_nas_bench import BLOB, FILE, METRICS, SOURCE, Metric, load_official, signal
from assay.benchmarks.sources import OfficialFiles, find_official
from assay.contracts.evaluation import Evaluation, Outcome
from assay.foundation.errors import CorruptError, UnknownNameError
from assay.spaces.fbnet import BLOCKS, DATASETS, LAYERS, FbnetSpace

FBNET_METRICS = tuple(
    metric
    for metric in METRICS
    if metric.column not in ("edgetpu_latency", "eyeriss_arithmetic_intensity")  # published for cells alone
)


class FbnetCosts:
    """The hardware metrics of FBNet's networks for one data set, 'cifar100' or 'ImageNet'.

    `place` is the official file or its folder. The sum over a network's parts is the published cost of the
    network: additive by construction, it is no measurement of a whole network.

    Raises what `find_official` raises, `UnknownNameError` for another data set, and `CorruptError` where a
    block that the space has lacks a cost, or has one that is no number above or equal to zero.
    """

    def __init__(
        self, dataset: str, place: Path, source: OfficialFiles = SOURCE, blob: str | None = BLOB
    ) -> None:
        if dataset not in DATASETS:
            raise UnknownNameError("data set of fbnet", dataset, DATASETS)
        found = find_official(source, FILE, place)
        self.dataset = dataset
        self.space = FbnetSpace()
        self.sha256 = found.sha256
        self.signals = tuple(map(signal, FBNET_METRICS))
        published = load_official(found.path, blob)
        tables = published.get("fbnet") if isinstance(published, dict) else None
        if not isinstance(tables, dict):
            raise CorruptError("the pickle has no 'fbnet'", where=str(found.path))
        self._tables = {
            metric.column: _costs(tables.get(metric.column), metric, self._keys(), found.path)
            for metric in FBNET_METRICS
        }

    def cost(self, arch: tuple[int, ...], metric: str) -> float:
        """Return a metric of one network, in the unit of its signal, summed from input to output."""
        table = self._table(metric)
        return sum(table[key] for key in self.space.block_keys(arch, self.dataset))

    def costs(self, archs: Iterable[tuple[int, ...]], metric: str) -> np.ndarray:
        """Return a metric of many networks, as float64."""
        return np.array([self.cost(arch, metric) for arch in archs], dtype=np.float64)

    def evaluator(self, metric: str) -> Callable[[Hashable], Outcome]:
        """Return a function from a network to its outcome, as `TableBenchmark.evaluator` does.

        The function raises `UsageError` for what is not an architecture of the space.
        """
        self._table(metric)

        def evaluate(arch: Hashable) -> Outcome:
            network: Any = arch
            value = self.cost(network, metric)
            return Evaluation(value, -value, 1.0)  # every metric of FBNet's is better when lower

        return evaluate

    def _table(self, metric: str) -> dict[str, float]:
        if metric not in self._tables:
            raise UnknownNameError("metric of fbnet", metric, self._tables)
        return self._tables[metric]

    def _keys(self) -> set[str]:
        """Return the keys of all parts that networks have."""
        same = ((block,) * LAYERS for block in range(len(BLOCKS)))
        return {key for arch in same for key in self.space.block_keys(arch, self.dataset)}


def _costs(table: Any, metric: Metric, keys: set[str], path: Path) -> dict[str, float]:
    """Return the costs of the parts of networks, once each has one."""
    where = f"{path}, {metric.column} of fbnet"
    if not isinstance(table, dict):
        raise CorruptError("the pickle has no such table", where=where)
    absent = sorted(keys - table.keys())
    if absent:
        why = f"{len(absent)} of {len(keys)}, such as '{absent[0]}'"
        raise CorruptError("blocks of the search space have no cost", where=where, why=why)
    try:
        costs = {key: float(table[key]) for key in keys}
    except (TypeError, ValueError) as error:
        raise CorruptError("a cost is no number", where=where, why=str(error)) from None
    if not all(0 <= cost < float("inf") for cost in costs.values()):
        raise CorruptError("a cost is negative or not finite", where=where)
    return costs
