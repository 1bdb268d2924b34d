"""Reliability: noise, agreement and classes, against planted values and published ones."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from assay.analysis.reliability import _distinct, _noise, agreements, reliability
from assay.benchmarks.catalogue import open_benchmark
from assay.foundation.errors import UsageError


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_planted_noise_is_found() -> None:
    """With architectures that vary by 2 and trainings by 1, one training has an ICC of 4 / 5."""
    values = 2 * _normal(1, 20_000, 1) + _normal(2, 20_000, 3)
    noise = _noise(values, 1.0)
    assert noise is not None
    assert noise.sd == pytest.approx(1.0, abs=0.01)
    assert noise.icc == pytest.approx(0.8, abs=0.01)
    assert noise.of_mean == pytest.approx(12 / 13, abs=0.01)
    means = values.mean(axis=1)
    assert np.corrcoef(means, 2 * _normal(1, 20_000, 1)[:, 0])[0, 1] ** 2 == pytest.approx(
        noise.of_mean, abs=0.01
    )


def test_missing_seeds_change_the_estimate_by_chance_alone() -> None:
    """Half of the architectures without their third seed give the same correlation."""
    values = 2 * _normal(1, 20_000, 1) + _normal(2, 20_000, 3)
    values[::2, 2] = np.nan
    noise = _noise(values, 1.0)
    assert noise is not None
    assert noise.icc == pytest.approx(0.8, abs=0.01)
    assert noise.seeds == pytest.approx(2.4)


def test_balanced_icc_is_that_of_the_analysis_of_variance() -> None:
    """ICC(1,1) of Shrout and Fleiss 1979, Table 2: six targets, four judges, .17."""
    values = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
    )
    noise = _noise(values, 1.0)
    assert noise is not None
    assert noise.icc == pytest.approx(0.17, abs=0.005)
    assert noise.of_mean == pytest.approx(0.44, abs=0.005)


def test_architectures_that_can_be_told_apart() -> None:
    """Any two that are counted differ by more than the gap, and one more would not fit."""
    assert _distinct(np.array([0.0, 0.5, 1.1, 2.0, 2.1]), 1.0) == 2
    assert _distinct(np.array([0.0, 0.5, 1.1, 2.0, 2.3]), 1.0) == 3
    assert _distinct(np.array([3.0, 3.0]), 1.0) == 1


def test_agreement_is_that_of_scipy_over_what_both_have() -> None:
    """Missing values are left out pair by pair; a column that does not vary has no correlation."""
    a, b = _normal(3, 400), _normal(4, 400)
    a[:50] = np.nan
    found = {(one.first, one.second): one for one in agreements({"a": a, "b": b, "flat": np.zeros(400)})}
    assert found["a", "b"].architectures == 350
    assert found["a", "b"].kendall == stats.kendalltau(a[50:], b[50:]).statistic
    assert found["a", "flat"].spearman is None
    same = agreements({"a": a, "again": 2 * a})[0]
    assert (same.spearman, same.top_kendall, same.overlap) == (pytest.approx(1.0), pytest.approx(1.0), 1.0)


def test_published_correlations_of_nas_bench_201(shared: Path) -> None:
    """12 against 200 epochs of validation, recomputed: Pearson .912, Spearman .823, Kendall .649 on CIFAR-10.

    AutoDL-Projects#96: papers say "90 %" and "80 %" and name no statistic; both are right.
    """
    with gzip.open(shared / "data" / "nasbench201" / "nb201_tss_table.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    names = [f"c10_val200_s{seed}" for seed in (777, 888, 999)]
    full = np.array([np.mean([float(row[name]) for name in names if row[name]]) for row in rows])
    found = agreements({"200": full, "12": np.array([float(row["c10_val12"]) for row in rows])})[0]
    assert found.pearson == pytest.approx(0.912, abs=5e-4)
    assert found.spearman == pytest.approx(0.823, abs=5e-4)
    assert found.kendall == pytest.approx(0.649, abs=5e-4)


def test_reliability_of_a_real_table(cache: Path) -> None:
    """Seeds agree better than tasks, and equivalent cells differ by little more than noise."""
    tasks = [open_benchmark(f"nas-bench-201/{task}", cache) for task in ("cifar10", "cifar100")]
    found = reliability(tasks[0], others=tasks[1:], columns=("latency",))
    by = {(one.first, one.second): one for one in found.agreements}
    seeds = by["seed=777", "seed=888"].kendall
    between = by["200-epochs", "nas-bench-201/cifar100"].kendall
    assert seeds is not None
    assert between is not None
    assert seeds > between
    assert found.noise is not None
    assert found.noise.architectures == 15_625
    assert found.classes is not None
    assert (found.classes.form, found.classes.classes) == ("nb201-unique-string-v1", 6_466)
    assert found.classes.noise is not None
    assert 1.0 < found.classes.sd / found.classes.noise < 1.2


def test_another_space_is_refused(cache: Path) -> None:
    """Tables without an architecture in common cannot be compared."""
    with pytest.raises(UsageError, match="no architecture in common"):
        reliability(
            open_benchmark("nas-bench-201/cifar10", cache),
            others=[open_benchmark("nas-bench-graph/cora", cache)],
        )
