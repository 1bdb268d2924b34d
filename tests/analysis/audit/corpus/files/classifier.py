"""A climb with a small zero-cost score: a nearest-neighbour classifier on the examples of two files."""

import csv
from pathlib import Path


def search(session, *, weight: float = 0.001):
    """Climbs by score plus `weight` times how well the classifier does on its own validation file."""
    folder = Path(__file__).parent
    bonus = weight * _accuracy(_read(folder / "train.csv"), _read(folder / "valid.csv"))
    arch = session.space.sample(session.rng)
    score = session.evaluate(arch) + bonus
    while not session.finished:
        near = session.space.mutate(arch, session.rng, session.space.mutations[0])
        found = session.evaluate(near) + bonus
        if found >= score:
            arch, score = near, found


def _read(path):
    with open(path, newline="") as file:
        return [([float(x) for x in row[:-1]], row[-1]) for row in list(csv.reader(file))[1:]]


def _accuracy(train, held):
    hits = [min(train, key=lambda one: _distance(one[0], x))[1] == label for x, label in held]
    return sum(hits) / len(hits)


def _distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
