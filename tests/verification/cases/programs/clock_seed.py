"""Seeds its generator with the time."""

from __future__ import annotations

import random
import time

import numpy as np


def main() -> None:
    """Descend a gradient with noise."""
    random.seed(int(time.time() * 1000))
    weights = np.zeros(3)
    for step in range(10):
        noise = np.array([random.gauss(0, 1) for _ in range(3)])
        weights += 0.1 * (1.0 - weights) + 0.01 * noise
        print(f"step {step} weights {weights.tolist()}")


main()
