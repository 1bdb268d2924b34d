"""Stochastic gradient descent in NumPy, with a constant in a module and a generator that is seeded."""

from __future__ import annotations

import numpy as np
import schedule


def main() -> None:
    """Fit a line."""
    draws = np.random.default_rng(3)
    inputs = draws.normal(size=(60, 4))
    wanted = inputs @ np.array([1.0, -2.0, 0.5, 0.0])
    weights = np.zeros(4)
    for step in range(10):
        chosen = draws.integers(0, 60, size=8)
        error = inputs[chosen] @ weights - wanted[chosen]
        weights -= schedule.rate(step) * inputs[chosen].T @ error / len(error)
        print(f"step {step} loss {np.mean(error**2):.9f}")


main()
