"""A search space of your own: multilayer perceptrons of one to three layers.

The core is `contains`, `sample`, `parse` and `format`. `size`, `index` and `at` make it enumerable,
`mutations` and `mutate` open it to evolution, `graph` gives it all graph encodings. Register it in the
`pyproject.toml` of your distribution:

    [project.entry-points."assay.spaces"]
    perceptrons = "my_package.my_module:PerceptronSpace"
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

from assay.contracts.space import Graph
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream

Widths = tuple[int, ...]

WIDTHS = (16, 32, 64, 128)


class PerceptronSpace:
    """One to three layers with 16, 32, 64 or 128 units each, written like '64-16'."""

    name = "perceptrons"
    revision = 1  # raise it whenever the same stream would give other architectures
    mutations = ("one-layer",)

    def __init__(self) -> None:
        self._archs = [widths for depth in (1, 2, 3) for widths in product(WIDTHS, repeat=depth)]
        self._index = {arch: i for i, arch in enumerate(self._archs)}
        self.size = len(self._archs)

    def contains(self, arch: Any) -> bool:
        return isinstance(arch, tuple) and arch in self._index

    def sample(self, rng: Stream) -> Widths:
        return rng.choice(self._archs)

    def parse(self, text: str) -> Widths:
        arch = tuple(int(width) for width in text.split("-") if width.isdecimal())
        if text != self.format(arch) or arch not in self._index:
            raise UsageError(f"'{text}' is no perceptron", hint="write one to three widths, such as 64-16")
        return arch

    def format(self, arch: Widths) -> str:
        return "-".join(map(str, arch))

    def index(self, arch: Widths) -> int:
        return self._index[arch]

    def at(self, index: int) -> Widths:
        return self._archs[index]

    def mutate(self, arch: Widths, rng: Stream, kind: str) -> Widths:  # noqa: ARG002  there is one kind
        """Return a copy with one layer replaced by none, another, or two."""
        while True:
            layer = rng.below(len(arch))
            new = rng.choice([(), *[(width,) for width in WIDTHS], *product(WIDTHS, repeat=2)])
            mutant = (*arch[:layer], *new, *arch[layer + 1 :])
            if mutant != arch and mutant in self._index:
                return mutant

    def graph(self, arch: Widths) -> Graph:
        labels = ("input", *[f"dense {width}" for width in arch], "output")
        return Graph(labels, tuple(pairwise(range(len(labels)))))
