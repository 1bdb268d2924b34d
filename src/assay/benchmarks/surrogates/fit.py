"""Fitting a surrogate: an ensemble of boosted trees over an encoding of the architectures.

LightGBM (Ke et al., NeurIPS 2017) grows the trees: deterministic and with row-wise histograms, so that
one seed gives the same trees on one thread or on more. The
members leave out one fold each, so that every architecture has a prediction of a model that has not seen
it; folds hold whole classes of equivalent architectures. What comes out are plain arrays (`forest`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import msgspec
import numpy as np

from assay.benchmarks.surrogates.forest import Forest
from assay.benchmarks.surrogates.lightgbm_text import read_lightgbm
from assay.contracts.space import AsGraph, Factorised, Parametric, SearchSpace
from assay.foundation.errors import CapabilityError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.encodings import (
    Encoding,
    adjacency_encoding,
    one_hot_encoding,
    parameter_encoding,
    path_encoding,
    weisfeiler_lehman_encoding,
)

ENCODINGS = ("one-hot", "parameters", "adjacency", "path", "weisfeiler-lehman")
_OF_GRAPHS = {
    "adjacency": adjacency_encoding,
    "path": path_encoding,
    "weisfeiler-lehman": weisfeiler_lehman_encoding,
}


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a surrogate is fitted; with the seed and the observations it decides the trees.

    The numbers are one choice for all tables, not tuned to any: what is held out would be used up.
    """

    encodings: tuple[str, ...]
    members: int = 5
    rounds: int = 500
    learning_rate: float = 0.1
    leaves: int = 31
    smallest_leaf: int = 5
    feature_share: float = 0.8


class Encoder:
    """Architectures as rows, in one or more encodings side by side.

    Encodings of graphs have the columns of reference architectures. `reference` is a small set of these
    that has every column, so that it can be stored, and the encoder made again from it.
    """

    def __init__(self, space: SearchSpace[Any], names: Sequence[str], reference: Sequence[Hashable]) -> None:
        self.names: tuple[str, ...] = tuple(names)
        self._parts = [_encoding(space, name, reference) for name in names]
        self.columns = tuple(column for part in self._parts for column in part.columns)
        self.reference: tuple[Hashable, ...] = (
            self._covering(reference) if set(names) & set(_OF_GRAPHS) else ()
        )

    def __call__(self, archs: Sequence[Hashable]) -> np.ndarray:
        """Return one row of float64 for each architecture."""
        return np.concatenate([part(archs) for part in self._parts], axis=1)

    def _covering(self, reference: Sequence[Hashable]) -> tuple[Hashable, ...]:
        rows = self(reference) != 0
        chosen, seen = [], np.zeros(rows.shape[1], dtype=bool)
        for i in np.argsort(-rows.sum(axis=1), kind="stable").tolist():
            if np.any(rows[i] & ~seen):
                chosen.append(reference[i])
                seen |= rows[i]
        return tuple(chosen)


class Ensemble(NamedTuple):
    """Members fitted on different folds, and for each row the prediction of the one that left it out."""

    members: tuple[Forest, ...]
    out_of_fold: np.ndarray


def default_encodings(space: SearchSpace[Any]) -> tuple[str, ...]:
    """Return what a space is encoded with unless another is asked for: its choices, and its paths."""
    found = ["parameters"] if isinstance(space, Parametric) else []
    if isinstance(space, Factorised) and not found:
        found.append("one-hot")
    if isinstance(space, AsGraph):
        found.append("path")
    if not found:
        raise CapabilityError(
            f"no encoding can be made for the space {space.name}",
            why="it is neither Factorised nor Parametric, and has no graph",
        )
    return tuple(found)


def fit_ensemble(
    recipe: Recipe, rows: np.ndarray, values: np.ndarray, classes: np.ndarray, rng: Stream, threads: int = 1
) -> Ensemble:
    """Fit the members on encoded rows. Raises `UsageError` where there are fewer classes than members."""
    folds = _folds(classes, recipe.members, rng.child("folds"))
    out_of_fold = np.full(len(values), np.nan)
    members = []
    for fold in range(recipe.members):
        left_out = folds == fold
        seed = rng.child("member", fold).seed32() >> 1  # LightGBM's seeds are signed
        member = _grow(recipe, rows[~left_out], values[~left_out], seed, threads)
        out_of_fold[left_out] = member.predict(rows[left_out])
        members.append(member)
    return Ensemble(tuple(members), out_of_fold)


def predict(members: Sequence[Forest], rows: np.ndarray) -> np.ndarray:
    """Return the predictions of the members, shape (members, rows)."""
    return np.stack([member.predict(rows) for member in members])


def mean_of(predictions: np.ndarray) -> np.ndarray:
    """Return the mean over members, added member by member, so that its bits are always the same."""
    total = np.add.accumulate(predictions, axis=0)[-1]
    mean: np.ndarray = total / len(predictions)
    return mean


def _encoding(space: SearchSpace[Any], name: str, reference: Sequence[Hashable]) -> Encoding:
    if name == "one-hot":
        return one_hot_encoding(space)
    if name == "parameters":
        return parameter_encoding(space)
    if name not in _OF_GRAPHS:
        raise UnknownNameError("encoding", name, ENCODINGS)
    return _OF_GRAPHS[name](space, reference)


def _folds(classes: np.ndarray, count: int, rng: Stream) -> np.ndarray:
    """Return the fold of each row: classes are dealt out in random order."""
    present = np.unique(classes)
    if count < 2 or len(present) < count:
        raise UsageError(
            "there is too little to fit a surrogate on",
            why=f"{len(present):,} different architectures for {count} members, at least 2",
        )
    order = present.tolist()
    rng.shuffle(order)
    fold_of = {number: i % count for i, number in enumerate(order)}
    return np.array([fold_of[number] for number in classes.tolist()])


def _grow(recipe: Recipe, rows: np.ndarray, values: np.ndarray, seed: int, threads: int) -> Forest:
    lightgbm = _lightgbm()
    parameters = {
        "objective": "regression",
        "learning_rate": recipe.learning_rate,
        "num_leaves": recipe.leaves,
        "min_data_in_leaf": recipe.smallest_leaf,
        "feature_fraction": recipe.feature_share,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(rows, label=values, params={"verbosity": -1, "num_threads": threads})
    booster = lightgbm.train(parameters, data, num_boost_round=recipe.rounds)
    return read_lightgbm(booster.model_to_string())


def _lightgbm() -> Any:
    """Import LightGBM, which brings no types; raises `UsageError`, with the command that installs it."""
    try:
        return import_module("lightgbm")
    except ImportError:
        raise UsageError(
            "fitting a surrogate needs LightGBM",
            why="it is not installed; a fitted surrogate is used without it",
            hint="pip install 'assay[surrogates]'",
        ) from None
