"""Least squares by descent in NumPy: a table, a split by a generator, mini-batches, a decaying rate."""

import sys

import assay
import numpy as np

DECAY = 0.97
PENALTY = 0.01


def read(path):
    """Return standardised inputs and the target."""
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    inputs = table[:, :-1]
    inputs = (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-8)
    return inputs, 50.0 * np.power(table[:, -1].astype(np.float32), np.float32(-1))


def descend(inputs, target, draws, rate):
    """Return weights after some steps, and print the loss now and then."""
    weights = np.zeros(inputs.shape[1])
    for step in range(60):
        chosen = draws.integers(0, len(inputs), size=32)
        error = inputs[chosen] @ weights - target[chosen]
        gradient = inputs[chosen].T @ error / len(error) + PENALTY * weights
        weights = weights - rate * DECAY**step * gradient
        if step % 10 == 0:
            print("step", step, "loss", float(np.mean(error**2)))
    return weights


def main():
    """Fit and assess."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 0.2
    inputs, target = read("data/diabetes.csv")
    draws = np.random.default_rng(7)
    order = draws.permutation(len(inputs))
    train, held = order[:330], order[330:]
    weights = descend(inputs[train], target[train], draws, rate)
    loss = float(np.mean(np.abs(inputs[held] @ weights - target[held]) ** 1.5))
    print("held out", loss)
    assay.log(loss=loss)
    with open("result.bin", "wb") as file:
        file.write(weights.tobytes())


main()
