"""A climb with a random generator of its own."""

import random


def search(session, *, seed: int = 1337):
    """Climbs; all draws come from `seed`."""
    rng = random.Random(seed)  # noqa: S311  nothing is secret here
    arch = session.space.at(rng.randrange(session.space.size))
    score = session.evaluate(arch)
    while not session.finished:
        near = rng.choice(session.space.neighbours(arch))
        found = session.evaluate(near)
        if found >= score:
            arch, score = near, found
