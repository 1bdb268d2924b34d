"""Uniform draws from the architectures of a space that were not asked for yet."""

from __future__ import annotations

from collections.abc import Container
from itertools import repeat
from typing import Any

from assay.contracts.space import Enumerable, SearchSpace
from assay.foundation.seeding import Stream

# After so many rejections in a row, listing what is left of an enumerable space is cheaper.
_BEFORE_LISTING = 100
_BEFORE_GIVING_UP = 10_000


def draw_unseen(space: SearchSpace[Any], rng: Stream, seen: Container[Any]) -> Any | None:
    """Return an architecture that is not in `seen`, uniformly, or None when there is none left.

    By rejection; an enumerable space is listed once rejection becomes slow. Any other space counts
    as used up after 10,000 draws in a row that were all seen.
    """
    for _ in repeat(None, _BEFORE_LISTING):
        arch = space.sample(rng)
        if arch not in seen:
            return arch
    if isinstance(space, Enumerable):
        left = [arch for arch in map(space.at, range(space.size)) if arch not in seen]
        return rng.choice(left) if left else None
    for _ in repeat(None, _BEFORE_GIVING_UP - _BEFORE_LISTING):
        arch = space.sample(rng)
        if arch not in seen:
            return arch
    return None
