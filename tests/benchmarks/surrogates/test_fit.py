"""Fitting on a real table: reproducible, honest about what is held out, and used without LightGBM."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from assay.benchmarks.surrogates import fit
from assay.benchmarks.surrogates.fit import Encoder, Recipe, default_encodings, fit_ensemble, mean_of, predict
from assay.benchmarks.surrogates.observations import Observations
from assay.benchmarks.surrogates.report import Fitted, Subject, fit_surrogate
from assay.foundation.errors import CapabilityError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.testing.toy_space import ToySpace

FEW = Recipe(encodings=("one-hot",), members=2, rounds=5)


def _some(observed: Observations, count: int) -> Observations:
    return observed.take(np.arange(0, len(observed.archs), len(observed.archs) // count))


def test_an_encoder_is_made_again_from_its_reference(observed: Observations) -> None:
    """A few architectures have every column, and give the same rows for all others."""
    encoder = Encoder(observed.space, ("one-hot", "path"), observed.archs[:3_000])
    again = Encoder(observed.space, encoder.names, encoder.reference)
    assert len(encoder.reference) < 200
    assert again.columns == encoder.columns
    assert np.array_equal(encoder(observed.archs[::97]), again(observed.archs[::97]))


def test_encodings_are_those_that_a_space_can_have() -> None:
    """Choices and paths for a cell; a grid of hyperparameters has no graph."""
    assert default_encodings(get_space("nas-bench-201")) == ("one-hot", "path")
    assert default_encodings(get_space("fcnet")) in {("one-hot",), ("parameters",)}
    with pytest.raises(UnknownNameError, match="encoding"):
        Encoder(get_space("nas-bench-201"), ("one-hut",), [(0,) * 6])


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_bits_on_one_thread_or_two(
    observed: Observations, threads: int, lightgbm: Any
) -> None:
    """The arrays of all trees and the predictions are equal byte by byte, and another seed's are not."""
    part = _some(observed, 3_000)
    rows = Encoder(part.space, ("one-hot",), part.archs)(part.archs)
    recipe = Recipe(encodings=("one-hot",), members=2, rounds=20)
    first = fit_ensemble(recipe, rows, part.values, part.classes, Stream(0, ("fit",)))
    again = fit_ensemble(recipe, rows, part.values, part.classes, Stream(0, ("fit",)), threads)
    other = fit_ensemble(recipe, rows, part.values, part.classes, Stream(1, ("fit",)), threads)
    for one, two in zip(first.members, again.members, strict=True):
        assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(one, two, strict=True))
    assert first.out_of_fold.tobytes() == again.out_of_fold.tobytes()
    assert first.out_of_fold.tobytes() != other.out_of_fold.tobytes()


def test_the_arrays_predict_what_lightgbm_predicts(observed: Observations, lightgbm: Any) -> None:
    """A member is the booster that was trained: its predictions are LightGBM's, to the bit."""
    part = _some(observed, 1_000)
    rows = Encoder(part.space, ("one-hot", "path"), part.archs)(part.archs)
    data = lightgbm.Dataset(rows, label=part.values)
    booster = lightgbm.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, data, 50)
    forest = fit.read_lightgbm(booster.model_to_string())
    assert forest.predict(rows).tobytes() == booster.predict(rows).tobytes()


def test_out_of_fold_predictions_know_nothing_of_what_they_predict(
    observed: Observations, lightgbm: Any
) -> None:
    """Values without any pattern are predicted no better than by their mean."""
    part = _some(observed, 1_500)
    rng = Stream(0, ("pattern",))
    values = np.array([rng.normal() for _ in part.archs])
    rows = Encoder(part.space, ("one-hot",), part.archs)(part.archs)
    found = fit_ensemble(FEW, rows, values, part.classes, Stream(0, ("fit",)))
    assert abs(np.corrcoef(found.out_of_fold, values)[0, 1]) < 0.1
    assert np.corrcoef(mean_of(predict(found.members, rows)), values)[0, 1] > 0.2


def test_the_report_is_of_what_was_held_out(fitted: Fitted, observed: Observations) -> None:
    """A fifth is held out, no class on both sides; a small recipe ranks with tau above 0.7."""
    report = fitted.report
    assert report.fitted_on + report.held_out == report.architectures == 15_625
    assert report.held_out == report.scores.n == sum(region.n for region in report.regions)
    assert 0.2 <= report.held_out / report.architectures < 0.22
    assert report.scores.kendall is not None
    assert report.scores.kendall > 0.7
    assert report.cross_validated.n == report.fitted_on
    assert report.curve[-1].scores == report.scores
    assert report.curve[0].scores.rmse > report.scores.rmse
    assert report.cost is not None
    assert report.cost.r2 is not None
    assert report.cost.r2 > 0.9


def test_a_naive_split_looks_better(fitted: Fitted) -> None:
    """Most architectures held out one by one have an equivalent one that was fitted on."""
    report = fitted.report
    assert report.naive is not None
    assert report.naive_shared is not None
    assert report.naive_shared > 0.5
    assert report.naive.rmse < report.scores.rmse


def test_the_noise_of_training_is_told_from_the_error_of_the_surrogate(fitted: Fitted) -> None:
    """Intervals of the noise alone cover too few trainings; their width is the smallest."""
    noise, _, both = fitted.report.coverages
    assert fitted.report.knows_noise
    assert noise.share < 0.9
    assert noise.share < both.share
    assert noise.mean_width < both.mean_width


def test_every_method_is_left_out_once(observed: Observations, subject: Subject, lightgbm: Any) -> None:
    """What one method visited is predicted from what the others did."""
    part = _some(observed, 900)
    visits = {"low": part.archs[:400], "mid": part.archs[300:700], "high": part.archs[600:]}
    report = fit_surrogate(part, subject, "left-out", recipe=FEW, visits=visits).report
    found = {one.method: (one.fitted_on, one.scores.n) for one in report.methods}
    rest = len(part.archs)
    assert found == {"low": (rest - 400, 400), "mid": (rest - 400, 400), "high": (600, rest - 600)}


def test_too_little_to_fit_on_is_refused(observed: Observations, subject: Subject) -> None:
    """The message says how much there is, and how much is needed."""
    with pytest.raises(UsageError, match="too little"):
        fit_surrogate(observed.take(np.arange(40)), subject, "few", recipe=FEW)


def test_without_lightgbm_the_command_that_brings_it_is_named(
    monkeypatch: pytest.MonkeyPatch, observed: Observations, subject: Subject
) -> None:
    """Fitting needs the extra; the message says that using does not."""
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(UsageError, match=r"assay\[surrogates\]"):
        fit_surrogate(_some(observed, 200), subject, "none", recipe=FEW)


def test_a_space_without_encoding_is_refused() -> None:
    """What is neither a product of choices nor a graph cannot be encoded."""

    class Bare:
        name = "bare"

    with pytest.raises(CapabilityError, match="bare"):
        default_encodings(Bare())  # type: ignore[arg-type]
    assert default_encodings(ToySpace())
