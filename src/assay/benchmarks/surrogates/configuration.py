"""Genotypes of DARTS as NAS-Bench-301 gives them to its boosted trees: the vector of ConfigSpace 0.4.12.

Source: `nasbench301/configspace.json`, `fixed_hyperparameters` of `api.py` and `ConfigLoader` of
`surrogate_models/utils.py` in automl/nasbench301 (Apache-2.0), which pins ConfigSpace 0.4.12 (BSD-3).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from assay.spaces.darts import OPERATIONS, DartsSpace

ENCODING = "nas-bench-301"
_INACTIVE = -1.0
_DARTS = "NetworkSelectorDatasetInfo:darts:"
_SCHEDULER = "SimpleLearningrateSchedulerSelector:"
_CELLS = ("normal", "reduce")
_PAIRS = {node: [f"{a}_{b}" for a in range(node) for b in range(a + 1, node)] for node in (3, 4, 5)}


def _unit(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low)


def _whole(value: int, low: int, high: int) -> float:
    """Return where a whole number lies between bounds that ConfigSpace widens by 0.49999 on each side."""
    return _unit(value, low - 0.49999, high + 0.49999)


def _columns() -> dict[str, float]:
    """Return the numbers that ConfigSpace 0.4.12 gives the training's hyperparameters, in its order.

    They are those of `fixed_hyperparameters` in `api.py`, and the same for every architecture. First come
    the parameters without a condition, then those with one, both by name.
    """
    fixed = {
        "CreateImageDataLoader:batch_size": _unit(
            math.log(96), math.log(64 - 0.49999), math.log(128 + 0.49999)
        ),
        "ImageAugmentation:augment": 0.0,
        "ImageAugmentation:autoaugment": 0.0,
        "ImageAugmentation:cutout": 0.0,
        "ImageAugmentation:cutout_holes": _whole(1, 1, 3),
        "ImageAugmentation:cutout_length": _whole(16, 1, 50),
        "ImageAugmentation:fastautoaugment": 0.0,
        "LossModuleSelectorIndices:loss_module": 0.0,
        f"{_DARTS}auxiliary": 0.0,
        f"{_DARTS}drop_path_prob": 0.0,
        f"{_DARTS}init_channels": _whole(32, 1, 10_000),
        f"{_DARTS}layers": _whole(8, 1, 10_000),
        "NetworkSelectorDatasetInfo:network": 0.0,
        "OptimizerSelector:optimizer": 0.0,
        "OptimizerSelector:sgd:learning_rate": math.log(0.025),
        "OptimizerSelector:sgd:momentum": _unit(0.9, 0.1, 0.99),
        "OptimizerSelector:sgd:weight_decay": math.log(0.0003),
        f"{_SCHEDULER}cosine_annealing:T_max": _whole(100, 1, 10_000),
        f"{_SCHEDULER}cosine_annealing:eta_min": _unit(1e-8, 0, 10_000),
        f"{_SCHEDULER}lr_scheduler": 0.0,
        "SimpleTrainNode:batch_loss_computation_technique": 0.0,
        "SimpleTrainNode:mixup:alpha": _unit(math.log(0.2), math.log(0.01), math.log(0.7)),
    }
    edges = [f"{_DARTS}edge_{cell}_{edge}" for cell in _CELLS for edge in range(14)]
    inputs = [f"{_DARTS}inputs_node_{cell}_{node}" for cell in _CELLS for node in _PAIRS]
    always = [name for name in edges if name.endswith(("_0", "_1"))]
    first = sorted([*fixed, *always, *inputs])
    then = sorted(set(edges) - set(always))
    return {name: fixed.get(name, _INACTIVE) for name in (*first, *then)}


class ConfigurationRows:
    """Genotypes as NAS-Bench-301 gives them to its boosted trees; what is inactive is -1."""

    names: tuple[str, ...] = (ENCODING,)
    reference: tuple[Hashable, ...] = ()

    def __init__(self) -> None:
        self._space = DartsSpace()
        self._template = _columns()
        self.columns = tuple(self._template)

    def __call__(self, archs: Sequence[Hashable]) -> np.ndarray:
        """Return one row of float64 for each genotype, shape (len(archs), 56)."""
        return np.array([list(self._row(arch).values()) for arch in archs]).reshape(-1, len(self.columns))

    def _row(self, arch: Any) -> dict[str, float]:
        row = dict(self._template)
        for name, value in self._space.configuration(arch).items():
            node = int(name.rsplit("_", 1)[1])
            choices: Sequence[str] = OPERATIONS if "edge" in name else _PAIRS[node]
            row[name] = float(choices.index(value))
        return row
