"""Costs of FBNet's networks, summed from those of their blocks."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.importers.fbnet_costs import FBNET_METRICS, FbnetCosts
from assay.benchmarks.importers.hw_nas_bench import FILE
from assay.contracts.evaluation import Evaluation
from assay.foundation.errors import AssayError, CorruptError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.fbnet import DATASETS, FbnetSpace

SPACE = FbnetSpace()


def lookup(change: float = 0.0) -> dict[str, float]:
    """Return a cost for every part of every network of both data sets, and of a part that none has."""
    same = [(block,) * 22 for block in range(9)]
    keys = sorted({key for arch in same for dataset in DATASETS for key in SPACE.block_keys(arch, dataset)})
    return {"ConvBlock_of_another_space": 7.0, **{key: 1 + change + 2.0**-k for k, key in enumerate(keys)}}


def place(folder: Path, tables: Any) -> Path:
    """Write a pickle in the layout of the official one."""
    (folder / FILE).write_bytes(pickle.dumps({"nasbench201": {}, "fbnet": tables}))
    return folder


def whole() -> dict[str, dict[str, float]]:
    """Return the lookup tables of all metrics."""
    return {metric.column: lookup(change=k) for k, metric in enumerate(FBNET_METRICS)}


def official_sum(arch: list[int], dataset: str, table: dict[str, float]) -> float:
    """Return what `fbnet_get_metrics` is described to give: stem, 22 layers, head, pooling, classifier."""
    side, strides, head, classes, stem_stride = {
        "cifar100": (32, (1, 1, 2, 2, 1, 2, 1), 1504, 100, 1),
        "ImageNet": (224, (1, 2, 2, 2, 1, 2, 1), 1984, 1000, 2),
    }[dataset]
    shapes = [(1, 3, 1), (1, 3, 2), (3, 3, 1), (6, 3, 1), (1, 5, 1), (1, 5, 2), (3, 5, 1), (6, 5, 1)]
    total = table[f"ConvNorm_H{side}_W{side}_Cin3_Cout16_kernel3_stride{stem_stride}_group1"]
    side, before, layer = side // stem_stride, 16, 0
    for depth, channels, first in zip(
        (1, 4, 4, 4, 4, 4, 1), (16, 24, 32, 64, 112, 184, 352), strides, strict=True
    ):
        for i in range(depth):
            stride = first if i == 0 else 1
            shape = f"H{side}_W{side}_Cin{before}_Cout{channels}"
            if arch[layer] == 8:
                total += table[f"Skip_{shape}_stride{stride}"]
            else:
                expansion, kernel, group = shapes[arch[layer]]
                key = f"ConvBlock_{shape}_exp{expansion}_kernel{kernel}_stride{stride}_group{group}"
                total += table[key]
            side, before, layer = side // stride, channels, layer + 1
    total += table[f"ConvNorm_H{side}_W{side}_Cin352_Cout{head}_kernel1_stride1_group1"]
    total += table[f"AvgP_H{side}_W{side}_Cin{head}_Cout{head}_kernel{side}_stride1"]
    return total + table[f"FC_Cin{head}_Cout{classes}"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_costs_are_the_sums_of_the_official_rule(dataset: str, tmp_path: Path) -> None:
    """Random networks and the examples of the README cost what the published loop over layers adds up."""
    costs = FbnetCosts(dataset, place(tmp_path, whole()), blob=None)
    rng = Stream(3, "networks")
    archs = [SPACE.sample(rng) for _ in range(50)] + [(0,) * 22, (0,) * 21 + (1,), (8,) * 22]
    for metric, table in whole().items():
        wanted = [official_sum(list(arch), dataset, table) for arch in archs]
        assert costs.costs(archs, metric).tolist() == wanted


def test_an_evaluator_is_that_of_a_table(tmp_path: Path) -> None:
    """It gives evaluations whose score is better when the metric is lower, and refuses what is no network."""
    costs = FbnetCosts("cifar100", place(tmp_path, whole()), blob=None)
    evaluate = costs.evaluator("fpga_latency")
    outcome = evaluate((0,) * 22)
    assert isinstance(outcome, Evaluation)
    assert outcome.value == -outcome.score == costs.cost((0,) * 22, "fpga_latency")
    assert outcome.cost == 1.0
    for foreign in ((0,) * 21, "[0]", (9,) * 22):
        with pytest.raises(UsageError):
            evaluate(foreign)
    with pytest.raises(UnknownNameError, match="edgetpu_latency"):
        costs.evaluator("edgetpu_latency")  # published for cells alone
    assert {signal.maximize for signal in costs.signals} == {False}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (None, "has no 'fbnet'"),
        ({}, "no such table"),
        ({**whole(), "fpga_energy": [1.0]}, "no such table"),
        ({**whole(), "fpga_energy": {}}, "have no cost"),
        ({**whole(), "fpga_energy": dict.fromkeys(lookup(), "a")}, "is no number"),
        ({**whole(), "fpga_energy": dict.fromkeys(lookup(), -1.0)}, "negative or not finite"),
        ({**whole(), "fpga_energy": dict.fromkeys(lookup(), float("nan"))}, "negative or not finite"),
    ],
    ids=["nothing", "empty", "list", "no-keys", "word", "negative", "nan"],
)
def test_other_layouts_are_refused(tables: Any, message: str, tmp_path: Path) -> None:
    """A lookup table that lacks a block or a number gives a clear error."""
    with pytest.raises(CorruptError, match=message):
        FbnetCosts("cifar100", place(tmp_path, tables), blob=None)


def test_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    """The nearest data set is named."""
    with pytest.raises(UnknownNameError, match="cifar100"):
        FbnetCosts("cifar10", tmp_path)
    with pytest.raises(AssayError, match=FILE):
        FbnetCosts("cifar100", tmp_path)
