"""A linear predictor that learns from the evaluations of its own run, and from nothing else."""

import numpy as np


def search(session, *, warmup: int = 20, pool: int = 30, ridge: float = 1.0):
    """Evaluates the most promising of `pool` draws that it has not seen; refits after each."""
    x, y, seen = [], [], set()
    while not session.finished:
        drawn = [session.space.sample(session.rng) for _ in range(pool)]
        fresh = [arch for arch in drawn if arch not in seen] or drawn
        arch = fresh[0] if len(y) < warmup else _most_promising(session.space, fresh, x, y, ridge)
        seen.add(arch)
        x.append(_features(session.space, arch))
        y.append(session.evaluate(arch))


def _most_promising(space, archs, x, y, ridge):
    known, values = np.array(x), np.array(y)
    gram = known.T @ known + ridge * np.eye(known.shape[1])
    weights = np.linalg.solve(gram, known.T @ (values - values.mean()))
    return max(archs, key=lambda arch: float(np.dot(_features(space, arch), weights)))


def _features(space, arch):
    places, sizes = space.decompose(arch), [len(factor.choices) for factor in space.factors]
    return [float(place == i) for place, size in zip(places, sizes, strict=True) for i in range(size)]
