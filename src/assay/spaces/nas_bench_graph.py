"""NAS-Bench-Graph: graph neural networks of four operations that form a tree.

Source: Qin, Zhang, Wang, Zhang and Zhu, "NAS-Bench-Graph: Benchmarking Graph Neural Architecture
Search", NeurIPS 2022, Datasets and Benchmarks; keys as in the package nas-bench-graph 1.4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UnknownNameError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, outside, unreadable
from assay.spaces._trees import LINKS, NODES, Link, canonical_codes, is_tree, plan

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
PROTEINS_OPERATIONS = ("gcn", "sage", "arma", "fc", "skip")

_KEY_BASE = 10
_NONE = -1  # where no architecture answers to a code
_SPELLING = re.compile(
    r"[\s([]*" + r"[\s,]+".join([r"(\d)"] * NODES) + r"[\s,)\]([\"']+" + r"[\s,\"']+".join([r"(\w+)"] * NODES)
    + r"[\s\"')\]]*"
)  # fmt: skip


class GraphNetwork(NamedTuple):
    """An architecture of NAS-Bench-Graph in canonical arrangement.

    `link` gives for each of the nodes 1 to 4 the node that it reads, 0 being the input; `operations`
    are theirs.
    """

    link: Link
    operations: tuple[str, ...]


class _Table(NamedTuple):
    """The space in its order, and the index of the architecture of every code (see `canonical_codes`)."""

    archs: list[GraphNetwork]
    codes: list[int]
    names: list[str]
    index_of_arch: dict[GraphNetwork, int]
    index_of_code: list[int]


class NasBenchGraphSpace:
    """The 26,206 architectures of NAS-Bench-Graph: nine trees, nine operations.

    Arrangements that compute the same thing, as the publication sees it, are one architecture: the
    order of nodes does not matter, and skip connections that change nothing go first. `parse` and
    `compose` accept any arrangement. All four skipped is no architecture.

    The order is that of the published keys: by tree, then by operations.

    Mutations: 'factor' draws one of the five factors (the tree and four operations) of the canonical
    arrangement and another choice for it; 'operation' draws one of the four operations. Both repeat
    until a different architecture results. Neighbours are those that 'factor' can reach, and those
    from which it can reach the architecture.
    """

    name = "nas-bench-graph"
    revision = 1
    size = 26_206
    operations: ClassVar[tuple[str, ...]] = OPERATIONS
    mutations = ("factor", "operation")
    canonical_form = "nas-bench-graph-valid-hash-v1"

    def __init__(self) -> None:
        self._sizes = (len(LINKS), *[len(self.operations)] * NODES)
        self._strides = (*[len(self.operations) ** (NODES - i) for i in range(NODES)], 1)
        links = tuple(",".join(map(str, link)) for link in LINKS)
        operations = [Factor(f"operation {i}", self.operations) for i in range(1, NODES + 1)]
        self.factors = (Factor("link", links), *operations)

    def contains(self, arch: Any) -> bool:
        """Say whether a value is (equal to) an architecture, in canonical arrangement."""
        try:
            return arch in self._table.index_of_arch
        except TypeError:  # not hashable
            return False

    def sample(self, rng: Stream) -> GraphNetwork:
        """Return an architecture, each with equal probability."""
        return self._table.archs[rng.below(self.size)]

    def parse(self, text: str) -> GraphNetwork:
        """Return the architecture of any arrangement, such as '[0,1,2,1] gcn,gin,fc,cheb'.

        Nodes may be in any order; blanks, quotes and brackets, as in JSON, are accepted. Raises
        `UsageError` for anything else, `UnknownNameError` for an operation that the space lacks.
        """
        match = _SPELLING.fullmatch(text)
        if match is None:
            raise unreadable(self.name, text, "it is not four links and four operations", self._example)
        link = tuple(map(int, match.groups()[:NODES]))
        for operation in match.groups()[NODES:]:
            if operation not in self.operations:
                raise UnknownNameError(f"operation of {self.name}", operation, self.operations, where=text)
        if not is_tree(link):
            raise unreadable(self.name, text, "its links are no tree rooted at the input, 0", self._example)
        chosen = tuple(map(self.operations.index, match.groups()[NODES:]))
        arranged = plan(link, tuple(self.operations[i] == "skip" for i in chosen))
        smallest = min(tuple(chosen[i] for i in order) for order in arranged.orders)
        arch = self.compose((LINKS.index(arranged.link), *smallest))
        if arch is None:
            raise unreadable(self.name, text, "all four operations are skipped", self._example)
        return arch

    def format(self, arch: GraphNetwork) -> str:
        """Return the canonical arrangement, such as '[0,1,1,2] gcn,gin,cheb,fc'."""
        return self._table.names[self.index(arch)]

    def index(self, arch: GraphNetwork) -> int:
        """Return the index in the order of the published keys."""
        try:
            return self._table.index_of_arch[arch]
        except (KeyError, TypeError):
            raise foreign(self.name, arch, self._example) from None

    def at(self, index: int) -> GraphNetwork:
        """Return the architecture of an index in the order of the published keys."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        return self._table.archs[index]

    def table_key(self, arch: GraphNetwork) -> int:
        """Return the key of an architecture in the published tables (`Arch.valid_hash()`).

        Its decimal digits are the tree and the operations among all nine, for proteins too.
        """
        own = self._table.archs[self.index(arch)]
        key = LINKS.index(own.link)
        for operation in own.operations:
            key = key * _KEY_BASE + OPERATIONS.index(operation)
        return key

    def mutate(self, arch: GraphNetwork, rng: Stream, kind: str) -> GraphNetwork:
        """Return an architecture with one factor redrawn, never the same one."""
        check_mutation(self.name, kind, self.mutations)
        index = self.index(arch)
        code, reached = self._table.codes[index], index
        while reached in (index, _NONE):
            factor = 1 + rng.below(NODES) if kind == "operation" else rng.below(1 + NODES)
            size, stride = self._sizes[factor], self._strides[factor]
            digit = code // stride % size
            choice = rng.below(size - 1)
            choice += choice >= digit
            reached = self._table.index_of_code[code + (choice - digit) * stride]
        return self._table.archs[reached]

    def neighbours(self, arch: GraphNetwork) -> list[GraphNetwork]:
        """Return the architectures one factor away from or towards this one, in the space's order."""
        table, index = self._table, self.index(arch)
        found = {table.index_of_code[code] for code in self._changed(table.codes[index])}
        for spelling in self._spellings[index]:
            for code in self._changed(spelling):
                source = table.index_of_code[code]
                # Only a canonical arrangement is what its own architecture's mutations start from.
                if source != _NONE and table.codes[source] == code:
                    found.add(source)
        return [table.archs[i] for i in sorted(found - {index, _NONE})]

    def crossover(self, first: GraphNetwork, second: GraphNetwork, rng: Stream) -> GraphNetwork:
        """Return a child that has each factor from either parent with equal probability."""
        pairs = list(zip(self.decompose(first), self.decompose(second), strict=True))
        while True:
            child = self.compose([pair[rng.below(2)] for pair in pairs])
            if child is not None:  # all four skipped: draw again
                return child

    def graph(self, arch: GraphNetwork) -> Graph:
        """Return the tree between the nodes 'input' and 'output', which reads what no operation reads."""
        link, operations = self._table.archs[self.index(arch)]
        edges = [(source, node) for node, source in enumerate(link, start=1)]
        leaves = [(node, NODES + 1) for node in range(1, NODES + 1) if node not in link]
        return Graph(("input", *operations, "output"), tuple(edges + leaves))

    def compose(self, indices: Sequence[int]) -> GraphNetwork | None:
        """Return the architecture of a tree and four operations, or None when all are skipped."""
        check_choices(self.name, indices, self._sizes)
        code = sum(choice * stride for choice, stride in zip(indices, self._strides, strict=True))
        index = self._table.index_of_code[code]
        return None if index == _NONE else self._table.archs[index]

    def decompose(self, arch: GraphNetwork) -> tuple[int, ...]:
        """Return the tree and the operations of the canonical arrangement, as choice indices."""
        code = self._table.codes[self.index(arch)]
        return tuple([code // stride % size for stride, size in zip(self._strides, self._sizes, strict=True)])

    @cached_property
    def _table(self) -> _Table:
        canonical = canonical_codes(len(self.operations))
        every = np.arange(len(canonical))
        skipped = every % len(self.operations) ** NODES == len(self.operations) ** NODES - 1
        codes = np.flatnonzero((canonical == every) & ~skipped)
        index_of_code = np.where(skipped, _NONE, np.searchsorted(codes, canonical))
        spelled = list(product(LINKS, product(self.operations, repeat=NODES)))
        archs = [GraphNetwork(*spelled[code]) for code in codes.tolist()]
        return _Table(
            archs=archs,
            codes=codes.tolist(),
            names=[f"[{','.join(map(str, link))}] {','.join(operations)}" for link, operations in archs],
            index_of_arch={arch: i for i, arch in enumerate(archs)},
            index_of_code=index_of_code.tolist(),
        )

    @cached_property
    def _spellings(self) -> list[list[int]]:
        """The codes of every arrangement of each architecture."""
        spellings: list[list[int]] = [[] for _ in range(self.size)]
        for code, index in enumerate(self._table.index_of_code):
            if index != _NONE:
                spellings[index].append(code)
        return spellings

    def _changed(self, code: int) -> Iterator[int]:
        """Yield the codes with one factor changed."""
        for size, stride in zip(self._sizes, self._strides, strict=True):
            digit = code // stride % size
            for choice in range(size):
                if choice != digit:
                    yield code + (choice - digit) * stride

    @property
    def _example(self) -> str:
        return f"[0,1,2,1] {','.join(self.operations[1:5])}"


class NasBenchGraphProteinsSpace(NasBenchGraphSpace):
    """The 2,021 architectures of five operations that NAS-Bench-Graph trained on ogbn-proteins.

    The five are those of the published table, and of `gnn_list_proteins` in the package.
    """

    name = "nas-bench-graph-proteins"
    size = 2_021
    operations: ClassVar[tuple[str, ...]] = PROTEINS_OPERATIONS
