"""TransNAS-Bench-101: cells of four nodes (micro), and stacks of four to six modules (macro).

Source: Duan et al., "TransNAS-Bench-101: Improving Transferability and Generalizability of Cross-Task
Neural Architecture Search", CVPR 2021; strings as in README.md, `lib/models/net_infer/net_macro.py` and
`cell_micro.py` of yawen-d/TransNASBench (MIT).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, ClassVar

from assay.contracts.space import Factor, Graph
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, outside, unreadable
from assay.spaces.grid import GridSpace, Setting

Modules = tuple[int, ...]

OPERATIONS = ("none", "skip_connect", "conv_1x1", "conv_3x3")
# (target, source) of each edge of a cell, in the order in which the published form lists them.
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
# A cell's operations as nodes 1 to 6: each reads the operations on the edges into its source.
_CELL_EDGES = ((0, 1), (0, 2), (1, 3), (0, 4), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))
_CELL = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")

MODULES = ("normal", "channel x2", "resolution /2", "channel x2 & resolution /2")
"""What a module of the macro space does, for the digits 1 to 4."""
DEPTHS = (4, 5, 6)
DOWNSAMPLINGS = (1, 2, 3, 4)
DOUBLINGS = (1, 2, 3)

_DIGITS = (1, 2, 3, 4)
_STACK = re.compile(r"64-([1-4]{4,6})-basic")
_ABSENT = "absent"
_BOUNDS = f"{DOWNSAMPLINGS[0]} to {DOWNSAMPLINGS[-1]} and {DOUBLINGS[0]} to {DOUBLINGS[-1]} are in the space"


class TransNasMicroSpace(GridSpace):
    """The 4,096 cells of TransNAS-Bench-101's cell-level search space, on the fixed skeleton 41414.

    An architecture is a tuple of six integers: for each edge 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2, the
    position of its operation in `OPERATIONS`. The published form is '64-41414-1_02_333'.

    The index reads these as digits to base 4, edge 1<-0 the most significant. *This order is Assay's.*

    The mutation 'factor' draws one of the six edges and another of its operations, as NASLib's
    `TransBench101SearchSpaceMicro.mutate` does.
    """

    name = "transnas-micro"
    revision = 1
    factors: ClassVar[tuple[Factor, ...]] = tuple(
        Factor(f"{target}<-{source}", OPERATIONS) for target, source in EDGES
    )

    def parse(self, text: str) -> Setting:
        """Return the cell of a published string; raises `UsageError` for anything else."""
        match = _CELL.fullmatch(text)
        if match is None:
            why = "it is not six operations 0 to 3 on the skeleton 64-41414"
            raise unreadable(self.name, text, why, self._example)
        return tuple(map(int, match.groups()))

    def format(self, arch: Setting) -> str:
        """Return the published string, such as '64-41414-1_02_333'."""
        return "64-41414-{}_{}{}_{}{}{}".format(*self._own(arch))

    def graph(self, arch: Setting) -> Graph:
        """Return the cell with its operations as nodes 1 to 6, between the nodes 'input' and 'output'.

        An edge without operation is the node 'none', so that the edges are the same for every cell.
        """
        return Graph(("input", *[OPERATIONS[i] for i in self._own(arch)], "output"), _CELL_EDGES)

    @cached_property
    def _example(self) -> str:
        return "64-41414-1_02_333"


class TransNasMacroSpace:
    """The 3,256 stacks of modules of TransNAS-Bench-101's macro-level search space.

    An architecture is a tuple of four to six digits: 1 keeps channels and resolution, 2 doubles the
    channels, 3 halves the resolution, 4 does both. The resolution is halved one to four times and the
    channels are doubled one to three times. The published form is '64-1234-basic'.

    The order is by number of modules, then by digits. *This order is Assay's.*

    Mutations: 'module' replaces, inserts or removes one module, drawn uniformly from all such changes
    until the result is in the space; a change that several insertions or removals make is drawn
    accordingly more often. 'counts' is NASLib's (`TransBench101SearchSpaceMacro.mutate`): it draws one
    of the numbers of modules, halvings and doublings, and another value for it, and stacks modules with
    these numbers in random order, as many as possible of them doing both. It forgets the parent's order,
    and never reaches a stack in which fewer modules do both. Neighbours are those that 'module' reaches.
    """

    name = "transnas-macro"
    revision = 1
    size = 3_256
    mutations = ("module", "counts")
    factors: ClassVar[tuple[Factor, ...]] = tuple(
        Factor(f"module {i}", tuple(map(str, _DIGITS)) if i <= DEPTHS[0] else (_ABSENT, *map(str, _DIGITS)))
        for i in range(1, DEPTHS[-1] + 1)
    )
    _sizes = tuple(len(factor.choices) for factor in factors)

    def contains(self, arch: Any) -> bool:
        """Say whether a value is (equal to) an architecture."""
        try:
            return arch in self._index
        except TypeError:  # not hashable
            return False

    def sample(self, rng: Stream) -> Modules:
        """Return an architecture, each with equal probability."""
        return self._archs[rng.below(self.size)]

    def parse(self, text: str) -> Modules:
        """Return the stack of a published string; raises `UsageError` for anything else."""
        match = _STACK.fullmatch(text)
        if match is None:
            why = "it is not four to six digits 1 to 4 between '64-' and '-basic'"
            raise unreadable(self.name, text, why, self._example)
        arch = tuple(map(int, match[1]))
        if arch not in self._index:
            halved, doubled = _counts(arch)
            why = (
                f"it halves the resolution {halved} times and doubles the channels {doubled} times; "
                + _BOUNDS
            )
            raise unreadable(self.name, text, why, self._example)
        return arch

    def format(self, arch: Modules) -> str:
        """Return the published string, such as '64-1234-basic'."""
        return f"64-{''.join(map(str, self._own(arch)))}-basic"

    def index(self, arch: Modules) -> int:
        """Return the index in Assay's order."""
        try:
            return self._index[arch]
        except (KeyError, TypeError):
            raise foreign(self.name, arch, self._example) from None

    def at(self, index: int) -> Modules:
        """Return the architecture of an index in Assay's order."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        return self._archs[index]

    def mutate(self, arch: Modules, rng: Stream, kind: str) -> Modules:
        """Return another architecture, as the kind of mutation draws it."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        if kind == "counts":
            return _restacked(arch, rng)
        n = len(arch)
        while True:
            # n removals, 3 n replacements, and 4 digits at n + 1 places.
            place = rng.below(n + 3 * n + 4 * (n + 1))
            mutant = _changed(arch, place)
            if mutant in self._index:
                return mutant

    def neighbours(self, arch: Modules) -> list[Modules]:
        """Return the stacks with one module removed, replaced or inserted, each once, in this order."""
        arch = self._own(arch)
        changed = (_changed(arch, place) for place in range(8 * len(arch) + 4))
        return [other for other in dict.fromkeys(changed) if other in self._index]

    def crossover(self, first: Modules, second: Modules, rng: Stream) -> Modules:
        """Return a child that has each module from either parent with equal probability.

        A parent's absent fifth or sixth module counts as one; children outside the space are drawn again.
        """
        pairs = list(zip(self.decompose(first), self.decompose(second), strict=True))
        while True:
            child = self.compose([pair[rng.below(2)] for pair in pairs])
            if child is not None:
                return child

    def graph(self, arch: Modules) -> Graph:
        """Return the chain of modules between the nodes 'input' and 'output'."""
        arch = self._own(arch)
        edges = tuple((node, node + 1) for node in range(len(arch) + 1))
        return Graph(("input", *[MODULES[digit - 1] for digit in arch], "output"), edges)

    def compose(self, indices: Sequence[int]) -> Modules | None:
        """Return the stack of the modules that are not absent, or None where it is not in the space."""
        check_choices(self.name, indices, self._sizes)
        always, perhaps = indices[: DEPTHS[0]], indices[DEPTHS[0] :]
        arch = (*[i + 1 for i in always], *[i for i in perhaps if i > 0])
        return arch if arch in self._index else None

    def decompose(self, arch: Modules) -> tuple[int, ...]:
        """Return the choice index of each module, the absent ones last."""
        arch = self._own(arch)
        missing = (0,) * (DEPTHS[-1] - len(arch))
        return (*[digit - 1 for digit in arch[: DEPTHS[0]]], *arch[DEPTHS[0] :], *missing)

    @cached_property
    def _archs(self) -> list[Modules]:
        return list(_every())

    @cached_property
    def _index(self) -> dict[Modules, int]:
        return {arch: i for i, arch in enumerate(self._archs)}

    @cached_property
    def _example(self) -> str:
        return "64-1234-basic"

    def _own(self, arch: Modules) -> Modules:
        """Return the space's own value of an equal one; refuses what is not in the space."""
        return self._archs[self.index(arch)]


def _counts(arch: Modules) -> tuple[int, int]:
    """Return how often a stack halves the resolution, and how often it doubles the channels."""
    return sum(digit > 2 for digit in arch), sum(digit % 2 == 0 for digit in arch)


def _every() -> Iterator[Modules]:
    """Yield the architectures of the macro space in its order.

    The bounds are those that NASLib's `TransBench101SearchSpaceMacro.sample_random_architecture` draws
    from; with them the number of architectures is the published one.
    """
    for depth in DEPTHS:
        for arch in product(_DIGITS, repeat=depth):
            halved, doubled = _counts(arch)
            if halved in DOWNSAMPLINGS and doubled in DOUBLINGS:
                yield arch


def _changed(arch: Modules, place: int) -> Modules:
    """Return a stack with the change of this number: the removals, then replacements, then insertions."""
    n = len(arch)
    if place < n:
        return (*arch[:place], *arch[place + 1 :])
    if place < 4 * n:
        where, digit = divmod(place - n, 3)
        digit += 1
        digit += digit >= arch[where]
        return (*arch[:where], digit, *arch[where + 1 :])
    where, digit = divmod(place - 4 * n, 4)
    return (*arch[:where], digit + 1, *arch[where:])


def _restacked(arch: Modules, rng: Stream) -> Modules:
    """Return the modules of one changed count, in random order, as NASLib's mutation does."""
    numbers = [len(arch), *_counts(arch)]
    which = rng.below(3)
    numbers[which] = rng.choice([n for n in (DEPTHS, DOWNSAMPLINGS, DOUBLINGS)[which] if n != numbers[which]])
    depth, halved, doubled = numbers
    stack = [1 + 2 * (i < halved) + (i < doubled) for i in range(depth)]
    rng.shuffle(stack)
    return tuple(stack)
