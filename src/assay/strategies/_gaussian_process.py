"""A Gaussian process over graphs with the Weisfeiler-Lehman kernel, its depth and noise by likelihood."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from assay.contracts.space import AsGraph, SearchSpace
from assay.spaces.encodings import weisfeiler_lehman_encoding
from assay.strategies._model_based import first_of_each

# Noise variances, as shares of the variance of the process; the largest is that of the authors of NAS-BOWL.
NOISES = (1e-4, 1e-3, 1e-2)
_LEAST_VARIANCE = 1e-12


class Posterior(NamedTuple):
    """What a process says of the candidates at `places`, in the unit of the targets."""

    places: list[int]
    mean: np.ndarray
    deviation: np.ndarray


class _Fit(NamedTuple):
    likelihood: float
    kernel: int
    variance: float
    factor: np.ndarray
    weights: np.ndarray


def wl_posterior(
    space: SearchSpace[Any], known: list[Any], targets: np.ndarray, pool: list[Any], depths: tuple[int, ...]
) -> Posterior:
    """Fit a process to the targets of known architectures and return its posterior for others.

    Of pool members with equal features, and of those that have the features of a known architecture, only
    the first counts, or none. Targets have mean 0. The kernel counts common subtrees and is divided by the
    root of its diagonals; among `depths` and NOISES, those of the largest marginal likelihood are
    taken, the variance being the most likely one of each pair.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, Algorithm 2.1; the
    kernel is that of `weisfeiler_lehman_encoding`.
    """
    archs = [*known, *pool]
    encoding = weisfeiler_lehman_encoding(cast("AsGraph[Any]", space), archs, max(depths))
    rows, n = encoding(archs), len(known)
    places = first_of_each(rows, n)
    rows = np.concatenate([rows[:n], rows[n:][places]])
    kernels = _kernels(rows, np.array([_depth(column) for column in encoding.columns]), depths)
    fit = max(
        (_fitted(kernel[:n, :n], targets, noise, i) for i, kernel in enumerate(kernels) for noise in NOISES),
        key=lambda one: one.likelihood,
    )
    across = kernels[fit.kernel][:n, n:]
    explained = solve_triangular(fit.factor, across, lower=True)
    variance = fit.variance * np.maximum(1.0 - (explained**2).sum(axis=0), _LEAST_VARIANCE)
    return Posterior(places, across.T @ fit.weights, np.sqrt(variance))


def _kernels(rows: np.ndarray, level: np.ndarray, depths: tuple[int, ...]) -> list[np.ndarray]:
    """Return the normalised kernel of each depth, which counts the labels of all levels up to it."""
    found, total, below = [], np.zeros((len(rows), len(rows))), -1
    for depth in depths:
        part = rows[:, (level > below) & (level <= depth)]
        total = total + part @ part.T
        root = np.sqrt(np.diagonal(total))
        found.append(total / root[:, None] / root)
        below = depth
    return found


def _fitted(kernel: np.ndarray, targets: np.ndarray, noise: float, place: int) -> _Fit:
    """Return the fit with this noise, and its log marginal likelihood up to a constant."""
    n = len(targets)
    factor = cholesky(kernel + noise * np.eye(n), lower=True)
    whitened = solve_triangular(factor, targets, lower=True)
    variance = max(float(whitened @ whitened) / n, _LEAST_VARIANCE)
    likelihood = -0.5 * n * np.log(variance) - np.log(np.diagonal(factor)).sum()
    return _Fit(float(likelihood), place, variance, factor, solve_triangular(factor.T, whitened))


def _depth(column: str) -> int:
    """Return the level of a column of the encoding, whose names are such as '1:gcn(input,skip)'."""
    return int(column.partition(":")[0])
