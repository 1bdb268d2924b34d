"""Fits weights of a harmonic sum in NumPy, in single precision, and prints each loss."""

from __future__ import annotations

import numpy as np


def main() -> None:
    """Descend the gradient."""
    draws = np.random.default_rng(0)
    inputs = draws.uniform(0.5, 2.0, size=(200, 3)).astype(np.float32)
    wanted = np.power(inputs, np.float32(-1)).sum(1)
    weights = np.zeros(3, np.float32)
    for step in range(8):
        error = np.power(inputs, np.float32(-1)) @ weights - wanted
        weights -= np.float32(0.05) * inputs.T @ error / np.float32(len(error))
        print(f"step {step} loss {np.mean(error**2)!r}")
    np.save("weights.npy", weights)


main()
