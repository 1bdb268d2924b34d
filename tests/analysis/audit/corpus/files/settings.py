"""A climb whose settings stand in a file."""

import json
from pathlib import Path


def search(session, *, source: str = "settings.json"):
    """Draws `start` architectures and climbs from the best, with `kind` of mutation."""
    told = json.loads(Path(__file__).with_name(source).read_text())
    best = None
    for _ in range(told["start"]):
        arch = session.space.sample(session.rng)
        score = session.evaluate(arch)
        if best is None or score > best[0]:
            best = (score, arch)
    while not session.finished:
        near = session.space.mutate(best[1], session.rng, session.space.mutations[told["kind"]])
        score = session.evaluate(near)
        if score >= best[0]:
            best = (score, near)
