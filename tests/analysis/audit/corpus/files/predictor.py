"""A linear predictor of ranks that is fitted once, from a file."""

import json
from pathlib import Path

import numpy as np


def search(session, *, training: str = "training.json", ridge: float = 1.0):
    """Evaluates, in an order of its own, the eighty that the predictor ranks first."""
    pairs = json.loads(Path(__file__).with_name(training).read_text())
    archs = [session.space.parse(text) for text, _ in pairs]
    x = np.array([_features(session.space, arch) for arch in archs])
    y = np.argsort(np.argsort([value for _, value in pairs], kind="stable")).astype(float)
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    order = np.argsort(-(x @ weights), kind="stable")
    shortlist = order[:80].tolist()
    session.rng.shuffle(shortlist)
    for i in shortlist:
        session.evaluate(archs[i])


def _features(space, arch):
    places, sizes = space.decompose(arch), [len(factor.choices) for factor in space.factors]
    return [float(place == i) for place, size in zip(places, sizes, strict=True) for i in range(size)]
