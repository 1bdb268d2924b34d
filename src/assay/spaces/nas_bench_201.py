"""NAS-Bench-201: cells of four nodes, with one of five operations on each of their six edges.

Source: Dong and Yang, "NAS-Bench-201", ICLR 2020; the same cells are the topology search space of
Dong et al., "NATS-Bench", IEEE TPAMI 2021. Checked against `nats_bench/genotype_utils.py` of
D-X-Y/NATS-Bench (MIT).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import product
from typing import Any

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UnknownNameError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, outside, unreadable

Cell = tuple[int, ...]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
# (target, source) of each edge, in the order in which the published form lists them.
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))

_FIRST_EDGE = (0, 1, 3)  # of the nodes 1, 2 and 3
_SIZES = (len(OPERATIONS),) * len(EDGES)
_NODE = re.compile(r"\|([^|~+]+~\d\|)+")
_EXAMPLE = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def _graph_edges() -> tuple[tuple[int, int], ...]:
    """Return the edges between the cell's input, its six operations as nodes, and its output."""
    into = {node: [i + 1 for i, edge in enumerate(EDGES) if edge[0] == node] for node in (1, 2, 3)}
    into[0] = [0]
    edges = [(before, i + 1) for i, (_, source) in enumerate(EDGES) for before in into[source]]
    return tuple(edges + [(before, len(EDGES) + 1) for before in into[3]])


_GRAPH_EDGES = _graph_edges()


class NasBench201Space:
    """The 15,625 cells of NAS-Bench-201.

    An architecture is a tuple of six integers: for each edge 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2, the
    position of its operation in `OPERATIONS`.

    The index of an architecture reads these as digits to base 5, edge 1<-0 the most significant.
    *This order is Assay's*: the index of NATS-Bench is the order of its files, which follows no rule.

    Mutations: 'node-then-edge' draws one of the three nodes, one of its incoming edges, and another
    operation, as NATS-Bench's evolution does (`mutate_topology_func` in AutoDL-Projects,
    exps/NATS-algos/regularized_ea.py), so that edge 1<-0 changes three times as often as 3<-0;
    'uniform-edge' draws one of the six edges.

    Architectures with equal `unique_string` compute the same function but were trained apart, and are
    different architectures here.
    """

    name = "nas-bench-201"
    revision = 1
    size = len(OPERATIONS) ** len(EDGES)
    mutations = ("node-then-edge", "uniform-edge")
    factors = tuple(Factor(f"{target}<-{source}", OPERATIONS) for target, source in EDGES)
    canonical_form = "nb201-unique-string-v1"

    def contains(self, arch: Any) -> bool:
        """Say whether a value is (equal to) an architecture."""
        try:
            return arch in self._index
        except TypeError:  # not hashable
            return False

    def sample(self, rng: Stream) -> Cell:
        """Return an architecture, each with equal probability."""
        return self._archs[rng.below(self.size)]

    def parse(self, text: str) -> Cell:
        """Return the architecture of a published string; the inputs of a node may be in any order.

        Raises `UsageError` for anything else, `UnknownNameError` for an operation that is none.
        """
        found = self._by_name.get(text)
        return self._read(text) if found is None else found

    def format(self, arch: Cell) -> str:
        """Return the published string, such as '|nor_conv_3x3~0|+|none~0|none~1|+|...~0|...~1|...~2|'."""
        return self._names[self.index(arch)]

    def index(self, arch: Cell) -> int:
        """Return the index in Assay's order."""
        try:
            return self._index[arch]
        except (KeyError, TypeError):
            raise foreign(self.name, arch, _EXAMPLE) from None

    def at(self, index: int) -> Cell:
        """Return the architecture of an index in Assay's order."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        return self._archs[index]

    def mutate(self, arch: Cell, rng: Stream, kind: str) -> Cell:
        """Return a copy with another operation, uniform over the four others, on one edge."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        if kind == "uniform-edge":
            edge = rng.below(len(EDGES))
        else:
            node = rng.below(3)
            edge = _FIRST_EDGE[node] + rng.below(node + 1)
        operation = rng.below(len(OPERATIONS) - 1)
        operation += operation >= arch[edge]
        return (*arch[:edge], operation, *arch[edge + 1 :])

    def neighbours(self, arch: Cell) -> list[Cell]:
        """Return the 24 architectures with another operation on one edge, by edge, then by operation."""
        arch = self._own(arch)
        return [
            (*arch[:edge], operation, *arch[edge + 1 :])
            for edge, operation in product(range(len(EDGES)), range(len(OPERATIONS)))
            if operation != arch[edge]
        ]

    def crossover(self, first: Cell, second: Cell, rng: Stream) -> Cell:
        """Return a child that has each edge from either parent with equal probability."""
        pairs = zip(self._own(first), self._own(second), strict=True)
        return tuple([pair[rng.below(2)] for pair in pairs])

    def graph(self, arch: Cell) -> Graph:
        """Return the cell with its operations as nodes 1 to 6, between the nodes 'input' and 'output'.

        An edge without operation is the node 'none', so that the edges are the same for every cell.
        """
        return Graph(("input", *[OPERATIONS[i] for i in self._own(arch)], "output"), _GRAPH_EDGES)

    def compose(self, indices: Sequence[int]) -> Cell:
        """Return the architecture of one operation index for each edge."""
        check_choices(self.name, indices, _SIZES)
        return self._own(tuple(indices))

    def decompose(self, arch: Cell) -> tuple[int, ...]:
        """Return the operation index of each edge."""
        return self._own(arch)

    def unique_string(self, arch: Cell) -> str:
        """Return the string that cells with the same computation share (canonical form v1; 6,466 classes).

        It is `to_unique_str(consider_zero=True)` of NATS-Bench, byte for byte: a zeroed input is '#', an
        identity passes its source through, and the inputs of a node are sorted. A sum of zeros is
        *not* reduced to zero, so that some cells with the same computation remain in different classes.
        """
        nodes = ["0"]
        operations = iter(self._own(arch))
        for node in (1, 2, 3):
            inputs = [_term(nodes[source], next(operations)) for source in range(node)]
            nodes.append("+".join(sorted(inputs)))
        return nodes[3]

    @cached_property
    def _archs(self) -> list[Cell]:
        return list(product(range(len(OPERATIONS)), repeat=len(EDGES)))

    @cached_property
    def _index(self) -> dict[Cell, int]:
        return {arch: i for i, arch in enumerate(self._archs)}

    @cached_property
    def _names(self) -> list[str]:
        nodes = []
        for node in (1, 2, 3):
            spelled = [[f"{operation}~{source}" for operation in OPERATIONS] for source in range(node)]
            nodes.append([f"|{'|'.join(inputs)}|" for inputs in product(*spelled)])
        return ["+".join(parts) for parts in product(*nodes)]

    @cached_property
    def _by_name(self) -> dict[str, Cell]:
        return dict(zip(self._names, self._archs, strict=True))

    def _own(self, arch: Cell) -> Cell:
        """Return the space's own value of an equal one; refuses what is not in the space."""
        return self._archs[self.index(arch)]

    def _read(self, text: str) -> Cell:
        """Return the architecture of a spelling that is not the usual one."""
        nodes = "".join(text.split()).split("+")
        if len(nodes) != 3 or not all(map(_NODE.fullmatch, nodes)):
            raise unreadable(self.name, text, "it is not of the published form", _EXAMPLE)
        found: dict[tuple[int, int], int] = {}
        for target, node in enumerate(nodes, start=1):
            for part in node.strip("|").split("|"):
                operation, source = part.split("~")
                if operation not in OPERATIONS:
                    raise UnknownNameError(f"operation of {self.name}", operation, OPERATIONS, where=text)
                if (edge := (target, int(source))) in found:
                    raise unreadable(self.name, text, f"it has the edge {target}<-{source} twice", _EXAMPLE)
                found[edge] = OPERATIONS.index(operation)
        if set(found) != set(EDGES):
            raise unreadable(self.name, text, "each node must have every earlier node as an input", _EXAMPLE)
        return self._own(tuple(found[edge] for edge in EDGES))


def _term(source: str, operation: int) -> str:
    """Return what one edge adds to its target, in the unique string."""
    if operation == 0 or source == "#":
        return "#"
    return source if operation == 1 else f"({source})@{OPERATIONS[operation]}"
