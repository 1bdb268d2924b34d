"""Climbs five times within one budget and gives the best of the five."""


def search(session, *, restarts: int = 5):
    """Each climb has its share of the budget; the best of all is what the session remembers."""
    share = max(int(session.left) // restarts, 1)
    while not session.finished:
        arch = session.space.sample(session.rng)
        score = session.evaluate(arch)
        for _ in range(share - 1):
            near = session.space.mutate(arch, session.rng, session.space.mutations[0])
            found = session.evaluate(near)
            if found >= score:
                arch, score = near, found
