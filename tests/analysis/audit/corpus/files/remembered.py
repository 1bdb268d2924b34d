"""A climb from where good architectures have been seen before."""

START = [
    "@@0@@",
    "@@1@@",
    "@@2@@",
]


def search(session):
    """Climbs from the three that are known to be good."""
    best = None
    for text in START:
        score = session.evaluate(text)
        if best is None or score > best[0]:
            best = (score, session.space.parse(text))
    while not session.finished:
        near = session.space.mutate(best[1], session.rng, session.space.mutations[0])
        score = session.evaluate(near)
        if score >= best[0]:
            best = (score, near)
