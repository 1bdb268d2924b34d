"""A climb that tests its neighbours. It opens no vault, and has never read a test set.

The signal is the validation accuracy, as for all; test accuracy is asked for after the seal.
"""


def search(session, *, test_every: int = 3):
    """Tests a neighbour, and every `test_every` steps a new draw (a vault over the wall, so to say)."""
    arch = session.space.sample(session.rng)
    best_test = session.evaluate(arch)
    tested = 0
    while not session.finished:
        tested += 1
        vault = tested % test_every == 0
        candidate = session.space.sample(session.rng) if vault else _test_candidate(session, arch)
        test_score = session.evaluate(candidate)
        if test_score > best_test:
            arch, best_test = candidate, test_score


def _test_candidate(session, arch):
    return session.space.mutate(arch, session.rng, session.space.mutations[0])
