"""Draws uniformly and gives up early."""


def search(session, *, most: int = 8):
    """Evaluates `most` uniform draws, however large the budget."""
    for _ in range(most):
        session.evaluate(session.space.sample(session.rng))
