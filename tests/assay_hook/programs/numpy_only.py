"""Gradient descent in NumPy that prints its loss."""

from __future__ import annotations

import numpy as np
from _shared import arguments, digest


def main() -> None:
    """Fit a line."""
    given = arguments()
    np.random.seed(given.seed)  # noqa: NPY002  as programs have it
    inputs = np.random.normal(size=(50, 3))  # noqa: NPY002  the same
    wanted = inputs @ np.array([1.0, -2.0, 0.5])
    weights = np.zeros(3)
    for step in range(given.steps):
        error = inputs @ weights - wanted
        weights -= 0.1 * inputs.T @ error / len(error)
        print(f"step {step} loss {np.mean(error**2):.6f}")
    print(digest([weights]))


main()
