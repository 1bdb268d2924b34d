"""Takes its samples in the order of a set of names."""

from __future__ import annotations

import numpy as np


def main() -> None:
    """Descend the gradient, sample by sample."""
    draws = np.random.default_rng(0)
    samples = {f"sample-{number}": draws.normal(size=3) for number in range(12)}
    weights = np.zeros(3)
    for step, name in enumerate({*samples}):
        sample = samples[name]
        weights += 0.1 * (1.0 - sample @ weights) * sample
        print(f"step {step} weights {weights.tolist()}")


main()
