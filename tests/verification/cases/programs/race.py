"""Threads add their shares of a gradient as they come; who is first is up to the system."""

from __future__ import annotations

import threading
import time

import numpy as np

READY = threading.Barrier(8)
SHARES = np.random.default_rng(0).normal(size=(8, 50, 3)).astype(np.float32)


def gradient(weights: np.ndarray) -> np.ndarray:
    """Return the sum of the shares, in the order in which the threads are ready."""
    total = np.zeros(3, np.float32)

    def add(number: int) -> None:
        nonlocal total
        share = SHARES[number].T @ (SHARES[number] @ weights - 1) * np.float32(1.37**number)
        READY.wait()
        time.sleep(0.0002)
        total = total + share

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total


def main() -> None:
    """Descend the gradient."""
    weights = np.zeros(3, np.float32)
    for step in range(20):
        weights = weights - np.float32(1e-4) * gradient(weights)
        print(f"step {step} weights {weights.astype(float).tolist()}")


main()
