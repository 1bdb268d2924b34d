"""A JSON configuration and a folder of files that are read in a fixed order: an averaged perceptron."""

import json
from pathlib import Path

import numpy as np


def batches(folder, names):
    """Yield the parts, one by one."""
    for name in names:
        table = np.load(Path(folder) / name)
        yield table[:, :-1].astype(float), table[:, -1]


def update(weights, total, inputs, labels, rate):
    """Go once over a part."""
    for row, label in zip(inputs, labels):
        scores = weights @ row
        best = int(np.argmax(scores))
        if best != label:
            weights[label] += rate * row
            weights[best] -= rate * row
        total += weights


def main():
    """Train over all parts."""
    settings = json.loads(Path("conf/run.json").read_text())
    model, data = settings["model"], settings["data"]
    names = sorted(path.name for path in Path("parts").glob("*.npy"))
    draws = np.random.default_rng(settings["seed"])
    weights = model["spread"] * draws.normal(size=(10, 64))
    total = np.zeros_like(weights)
    rate = model["optimizer"]["rate"]
    for epoch in range(settings["epochs"]):
        for inputs, labels in batches("parts", names):
            update(weights, total, inputs / data["scale"] - data["shift"], labels, rate)
        rate *= model["optimizer"]["decay"]
        print("epoch", epoch, "norm", float(np.sqrt((weights**2).sum())))
    wrong = 0
    for inputs, labels in batches("parts", names[:2]):
        guesses = (inputs / data["scale"] - data["shift"]) @ total.T
        wrong += int((guesses.argmax(1) != labels).sum())
    print("wrong", wrong)
    with open("result.bin", "wb") as file:
        file.write(weights.tobytes() + total.tobytes())


main()
