"""Counts the settings below a parameter: its values, each with the settings of what it makes active."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, cast

from assay.contracts.space import Value
from assay.foundation.seeding import Stream
from assay.spaces._declared import Activation
from assay.spaces._parameters import Domain, Ranked

_WORD = 1 << 64


class Branch:
    """The settings of one active parameter and of all that may depend on it, numbered from 0 to `size`.

    Most values have nothing that depends on them and count one; only the others are listed, so that a
    parameter may have any number of values. `most` is what hangs on any one value at most.
    """

    size: int
    most: int

    def __init__(self, domain: Ranked, below: dict[int, tuple[Branch, frozenset[Value]]]) -> None:
        self._domain = domain
        self._below = below
        heavy = {domain.rank(value) for _, values in below.values() for value in values}
        self._ranks = sorted(heavy)
        weights = [
            math.prod(branch.size for branch, values in below.values() if domain.at(rank) in values)
            for rank in self._ranks
        ]
        # How many settings the heavy values before each have beyond one.
        self._extra = [0, *accumulate(weight - 1 for weight in weights)]
        self._starts = [rank + extra for rank, extra in zip(self._ranks, self._extra, strict=False)]
        self.size = domain.size + self._extra[-1]
        self.most = max(weights, default=1)

    def code(self, value: Any, codes: Mapping[int, int]) -> int:
        """Return the number of the setting with this value, and these numbers of what depends on it."""
        rank, rest = self._domain.rank(value), 0
        for place, (branch, values) in self._below.items():
            if value in values:
                rest = rest * branch.size + codes[place]
        return rank + self._extra[bisect_left(self._ranks, rank)] + rest

    def value(self, code: int, codes: dict[int, int]) -> Value:
        """Return the value of a number, and put the numbers of what depends on it into `codes`."""
        k = bisect_right(self._starts, code)
        if k == 0 or code - self._starts[k - 1] > self._extra[k] - self._extra[k - 1]:
            return self._domain.at(code - self._extra[k])
        value, rest = self._domain.at(self._ranks[k - 1]), code - self._starts[k - 1]
        for place, (branch, values) in reversed(self._below.items()):
            if value in values:
                rest, codes[place] = divmod(rest, branch.size)
        return value


def branches(domains: Sequence[Domain], activations: Sequence[Activation | None]) -> list[Branch]:
    """Return the branch of every parameter; parents come before what depends on them."""
    found: dict[int, Branch] = {}
    hanging: dict[int, dict[int, tuple[Branch, frozenset[Value]]]] = {}
    for place in reversed(range(len(domains))):
        # What comes later is found first, and must be listed last.
        below = dict(reversed(hanging.get(place, {}).items()))
        found[place] = Branch(cast("Ranked", domains[place]), below)
        when = activations[place]
        if when is not None:
            hanging.setdefault(when[0], {})[place] = (found[place], when[1])
    return [found[place] for place in range(len(domains))]


def below(rng: Stream, n: int) -> int:
    """Return an integer that is uniform on [0, n), for bounds beyond the 64 bits of `Stream.below` too."""
    if n <= _WORD:
        return rng.below(n)
    words = -(-n.bit_length() // 64)
    while True:
        drawn = 0
        for _ in range(words):
            drawn = drawn << 64 | rng.bits()
        drawn >>= 64 * words - n.bit_length()
        if drawn < n:
            return drawn
