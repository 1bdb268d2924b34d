"""Which runs to repeat: a random sample of all, and every run that carries a claim."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from assay.foundation.seeding import Stream

T = TypeVar("T")


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A sample drawn by the verifier; `seed` repeats the draw.

    Only `random` speaks about the rest of the runs: those that carry claims were not drawn by
    chance, so that they are repeated and counted apart.
    """

    seed: int
    random: tuple[int, ...]
    claims: tuple[int, ...]

    def all(self) -> list[int]:
        """Return every position to repeat, each once, in order."""
        return sorted({*self.random, *self.claims})


def draw(population: Sequence[str], claim_runs: Sequence[str], size: int, seed: int | None) -> Drawn:
    """Draw `size` of the runs by chance (all of them if there are fewer), and add the claims' runs.

    Without a `seed` the operating system's randomness makes one: whoever made the records cannot
    know which will be repeated.
    """
    chosen = secrets.randbits(32) if seed is None else seed
    rng = Stream(chosen, ("verification", "sample"))
    places = sorted(range(len(population)), key=population.__getitem__)
    random = rng.sample(places, min(size, len(places)))
    carried = set(claim_runs)
    claims = [i for i, run in enumerate(population) if run in carried]
    return Drawn(seed=chosen, random=tuple(sorted(random)), claims=tuple(claims))
