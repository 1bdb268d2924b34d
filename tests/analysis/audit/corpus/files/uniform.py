"""Draws uniformly until the budget is spent."""


def search(session):
    """Evaluates uniform draws."""
    while not session.finished:
        session.evaluate(session.space.sample(session.rng))
