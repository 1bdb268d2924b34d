"""Products of categorical factors that are too large for an index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from assay.contracts.space import Factor
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign

Choices = tuple[int, ...]


class ProductSpace:
    """A product of factors. An architecture is a tuple with the position of each factor's choice.

    The mutation 'factor' draws one factor and another of its choices; neighbours differ in one factor.
    A subclass gives the published form: `parse`, `format`, and an example of it. `size` says how many
    architectures there are; nobody walks through them, and so there is no index.
    """

    name: ClassVar[str]
    revision: ClassVar[int]
    factors: ClassVar[tuple[Factor, ...]]
    mutations = ("factor",)

    @cached_property
    def size(self) -> int:
        """How many architectures there are."""
        return math.prod(self._sizes)

    def contains(self, arch: Any) -> bool:
        """Say whether a value is an architecture."""
        return (
            isinstance(arch, tuple)
            and len(arch) == len(self._sizes)
            and all(type(i) is int and 0 <= i < n for i, n in zip(arch, self._sizes, strict=True))
        )

    def sample(self, rng: Stream) -> Choices:
        """Return an architecture, each with equal probability."""
        return tuple([rng.below(n) for n in self._sizes])

    def mutate(self, arch: Choices, rng: Stream, kind: str) -> Choices:
        """Return a copy with another choice, uniform over the others, of one factor."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        place = rng.below(len(self._sizes))
        choice = rng.below(self._sizes[place] - 1)
        choice += choice >= arch[place]
        return (*arch[:place], choice, *arch[place + 1 :])

    def neighbours(self, arch: Choices) -> list[Choices]:
        """Return the architectures that differ in one factor, by factor, then by choice."""
        arch = self._own(arch)
        return [
            (*arch[:place], choice, *arch[place + 1 :])
            for place, n in enumerate(self._sizes)
            for choice in range(n)
            if choice != arch[place]
        ]

    def crossover(self, first: Choices, second: Choices, rng: Stream) -> Choices:
        """Return a child that has each choice from either parent with equal probability."""
        pairs = zip(self._own(first), self._own(second), strict=True)
        return tuple([pair[rng.below(2)] for pair in pairs])

    def compose(self, indices: Sequence[int]) -> Choices:
        """Return the architecture of one choice index for each factor."""
        check_choices(self.name, indices, self._sizes)
        return tuple(indices)

    def decompose(self, arch: Choices) -> tuple[int, ...]:
        """Return the choice index of each factor."""
        return self._own(arch)

    @property
    def _example(self) -> str:
        raise NotImplementedError

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(len(factor.choices) for factor in self.factors)

    def _own(self, arch: Choices) -> Choices:
        if not self.contains(arch):
            raise foreign(self.name, arch, self._example)
        return arch
