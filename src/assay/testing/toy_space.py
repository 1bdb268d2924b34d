"""A small space with every capability, for tests of strategies without any data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from assay.contracts.space import Categorical, Factor, Graph, Value
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream

Toy = tuple[int, int, int, int]


class ToySpace:
    """256 chains of four operations out of four, with every capability that a strategy may require.

    A small space for tests, with the capabilities of `assay.contracts.space`. An architecture is
    four operation indices; its string form is four letters of 'abcd'.
    """

    name = "toy"
    revision = 1
    size = 4**4
    mutations = ("one-operation",)
    factors = tuple(Factor(f"operation {i}", tuple("abcd")) for i in range(4))
    parameters = tuple(Categorical(f"operation {i}", tuple("abcd")) for i in range(4))

    def contains(self, arch: Any) -> bool:
        """Say whether a value is a toy architecture."""
        return (
            isinstance(arch, tuple)
            and len(arch) == 4
            and all(type(choice) is int and 0 <= choice < 4 for choice in arch)
        )

    def sample(self, rng: Stream) -> Toy:
        """Return a uniform draw."""
        return self.at(rng.below(self.size))

    def parse(self, text: str) -> Toy:
        """Return the architecture of four letters; raises `UsageError` otherwise."""
        if len(text) != 4 or set(text) - set("abcd"):
            raise UsageError(f"'{text}' is not a toy architecture", hint="write four letters of abcd")
        return self._arch("abcd".index(letter) for letter in text)

    def format(self, arch: Toy) -> str:
        """Return the four letters of an architecture."""
        return "".join("abcd"[choice] for choice in arch)

    def index(self, arch: Toy) -> int:
        """Return the position of an architecture, its first operation counting least."""
        return sum(choice * 4**i for i, choice in enumerate(arch))

    def at(self, index: int) -> Toy:
        """Return the architecture at a position."""
        return self._arch(index // 4**i % 4 for i in range(4))

    def mutate(self, arch: Toy, rng: Stream, kind: str) -> Toy:  # noqa: ARG002  there is one kind
        """Return a uniform draw from the neighbours."""
        return rng.choice(self.neighbours(arch))

    def neighbours(self, arch: Toy) -> list[Toy]:
        """Return the 12 architectures that differ in one operation."""
        return [
            self._arch([*arch[:i], choice, *arch[i + 1 :]])
            for i, choice in product(range(4), range(4))
            if choice != arch[i]
        ]

    def crossover(self, first: Toy, second: Toy, rng: Stream) -> Toy:
        """Return an architecture that takes each operation from either parent."""
        return self._arch(rng.choice(pair) for pair in zip(first, second, strict=True))

    def graph(self, arch: Toy) -> Graph:
        """Return the chain of operations."""
        return Graph(tuple("abcd"[choice] for choice in arch), ((0, 1), (1, 2), (2, 3)))

    def compose(self, indices: Sequence[int]) -> Toy | None:
        """Return the architecture of one choice for each operation."""
        return self._arch(indices)

    def decompose(self, arch: Toy) -> tuple[int, ...]:
        """Return the choice for each operation."""
        return arch

    def values(self, arch: Toy) -> dict[str, Value]:
        """Return the letter of each operation."""
        return {parameter.name: "abcd"[i] for parameter, i in zip(self.parameters, arch, strict=True)}

    def build(self, values: Mapping[str, Value]) -> Toy:
        """Return the architecture of a letter for each operation; raises `UsageError` otherwise."""
        names = [parameter.name for parameter in self.parameters]
        for name in {*names, *values}:
            if name not in names or values.get(name) not in tuple("abcd"):
                raise UsageError(f"'{name}' cannot be {values.get(name)!r}", hint="set four letters of abcd")
        return self._arch("abcd".index(str(values[name])) for name in names)

    def _arch(self, choices: Iterable[int]) -> Toy:
        a, b, c, d = choices
        return a, b, c, d


def toy_score(arch: Toy) -> float:
    """Return a rugged score of a toy architecture in (0, 100), without ties."""
    index = ToySpace().index(arch)
    return 10.0 * sum(arch[:3]) + (index * 97 % 256) / 256 + index / 2**16
