"""Arrays over architectures, fidelities and seeds, without the axes over which they do not vary."""

from __future__ import annotations

import numpy as np

Axes = tuple[tuple[str, ...], np.ndarray]
"""The names of the axes of an array, and the array."""


def reduced(values: np.ndarray) -> Axes:
    """Return (architecture, fidelity, seed) without the seeds, then the fidelities, if equal over them.

    What is absent, NaN, is equal to anything.
    """
    axes = ["architecture", "fidelity", "seed"]
    for place in (2, 1):
        known = first_known(values, place)
        if (np.isnan(values) | (values == np.expand_dims(known, place))).all():
            values = known
            del axes[place]
    return tuple(axes), values


def first_known(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the first number along an axis that is one, NaN where none is."""
    place = np.expand_dims(np.argmax(~np.isnan(values), axis=axis), axis)
    found: np.ndarray = np.take_along_axis(values, place, axis).squeeze(axis)
    return found


def over_seeds(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is there, float64; that of equal numbers is that number."""
    known = ~np.isnan(values)
    total = np.zeros(values.shape[:-1])
    # Added seed by seed, as the policies of a table do it.
    for k in range(values.shape[-1]):
        total += np.where(known[..., k], values[..., k], 0.0)
    count = known.sum(axis=-1)
    means = np.full(total.shape, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    first = first_known(values, values.ndim - 1)
    same = (~known | (values == first[..., None])).all(axis=-1)
    return np.where(same, first, means)
