"""Scores of predictions, the noise of trainings, and the coverage of intervals."""

from __future__ import annotations

import numpy as np
import pytest

from assay.benchmarks.surrogates.noise import coverages, estimate_noise
from assay.benchmarks.surrogates.scores import by_region, score
from assay.foundation.seeding import Stream


def test_scores_by_hand() -> None:
    """R2 is 1 - 4 / 40, tau 8 of 10 pairs agreeing less 2 that do not, and MAE and RMSE as defined."""
    measured = np.array([0.0, 2.0, 4.0, 6.0, 8.0])
    predicted = np.array([1.0, 1.5, 3.5, 8.0, 7.0])
    found = score(measured, predicted, "", maximize=True)
    assert found.r2 == pytest.approx(1 - (1 + 0.25 + 0.25 + 4 + 1) / 40)
    assert found.kendall == pytest.approx((9 - 1) / 10)
    assert found.spearman == pytest.approx(0.9)
    assert found.mae == pytest.approx(1.0)
    assert found.rmse == pytest.approx(np.sqrt(6.5 / 5))
    assert found.sparse_kendall is None


def test_the_sparse_tau_rounds_predictions_to_a_tenth_of_a_percent() -> None:
    """Two predictions that differ by 0.04 % tie, and tau-b counts them as neither right nor wrong."""
    measured, predicted = np.array([90.0, 91.0, 92.0]), np.array([90.02, 89.98, 95.0])
    found = score(measured, predicted, "%", maximize=True)
    assert found.kendall == pytest.approx(1 / 3)
    # Two pairs agree and one ties in the predictions: 2 / sqrt(3 * 2).
    assert found.sparse_kendall == pytest.approx(2 / np.sqrt(6))
    as_fractions = score(measured / 100, predicted / 100, "fraction", maximize=True)
    assert as_fractions.sparse_kendall == pytest.approx(2 / np.sqrt(6))


def test_what_is_not_defined_is_none() -> None:
    """A constant has no rank correlation, and constant measurements no R2."""
    found = score(np.array([1.0, 2.0]), np.array([1.0, 1.0]), "%", maximize=True)
    assert (found.kendall, found.sparse_kendall, found.spearman) == (None, None, None)
    assert score(np.array([1.0, 1.0]), np.array([1.0, 2.0]), "%", maximize=True).r2 is None


def test_the_best_tenth_depends_on_what_is_better() -> None:
    """With losses the best tenth are the smallest measured values."""
    measured = np.arange(40.0)
    predicted = np.where(measured < 4, -measured, measured)
    assert score(measured, predicted, "", maximize=False).top_kendall == pytest.approx(-1.0)
    assert score(measured, predicted, "", maximize=True).top_kendall == pytest.approx(1.0)


def test_regions_are_tenths_of_the_measured_values() -> None:
    """A prediction that is 1 too high in the lowest tenth shows there and nowhere else."""
    measured = np.arange(100.0)
    regions = by_region(measured, np.where(measured < 10, measured + 1, measured))
    assert [region.n for region in regions] == [10] * 10
    assert [region.bias for region in regions] == [1.0] + [0.0] * 9
    assert (regions[0].low, regions[0].high) == (0.0, 9.0)


def _made(count: int, training: float, model: float) -> tuple[np.ndarray, np.ndarray]:
    """Return three trainings of each architecture, and predictions, with known normal errors."""
    rng = Stream(3, ("made",))
    truth = np.linspace(0, 100, count)
    predicted = truth + model * np.array([rng.normal() for _ in range(count)])
    noise = np.array([[rng.normal() for _ in range(3)] for _ in range(count)])
    return truth[:, None] + training * noise, predicted


def test_noise_and_error_are_told_apart() -> None:
    """Both standard deviations are found again from 4,000 architectures, within a tenth."""
    noise = estimate_noise(*_made(4_000, training=0.5, model=0.8))
    assert noise.training == pytest.approx(np.full(10, 0.5), rel=0.1)
    assert noise.model == pytest.approx(np.full(10, 0.8), rel=0.15)


def test_intervals_cover_what_they_promise_only_with_both_parts() -> None:
    """With noise and error 90 % of single trainings are covered, with the noise alone far fewer."""
    noise = estimate_noise(*_made(4_000, training=0.5, model=0.8))
    trainings, predicted = _made(2_000, training=0.5, model=0.8)
    alone, _, both = coverages(trainings, predicted, np.zeros(len(predicted)), noise)
    assert both.share == pytest.approx(0.9, abs=0.015)
    # P(|N(0, 0.5^2 + 0.8^2)| < 1.645 * 0.5) = 0.617
    assert alone.share == pytest.approx(0.617, abs=0.02)
    assert both.trainings == 6_000


def test_the_noise_of_single_trainings_is_unknown() -> None:
    """One training an architecture says nothing of noise: it is 0, and all error is the surrogate's."""
    trainings, predicted = _made(500, training=0.5, model=0.8)
    noise = estimate_noise(trainings[:, :1], predicted)
    assert noise.training.tolist() == [0.0] * 10
    assert noise.model == pytest.approx(np.full(10, np.hypot(0.5, 0.8)), rel=0.35)
    kinds = [one.interval for one in coverages(trainings[:, :1], predicted, np.ones(500), noise)]
    assert kinds == ["spread of the ensemble", "error of the surrogate"]
