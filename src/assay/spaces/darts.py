"""DARTS: a normal and a reduction cell of four nodes, each of which adds up two operations.

Source: Liu, Simonyan and Yang, "DARTS", ICLR 2019; genotypes as in `cnn/genotypes.py` and
`cnn/model_search.py` of quark0/darts (Apache-2.0). Configurations as NAS-Bench-301 reads them: Zela et
al., "Surrogate NAS Benchmarks", ICLR 2022; `nasbench301/representations.py` and
`nasbench301/configspace.json` of automl/nasbench301 (Apache-2.0).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from typing import Any, NamedTuple

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, unreadable

Pair = tuple[str, int]
Cell = tuple[Pair, ...]

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
CELLS = ("normal", "reduce")
NODES = (2, 3, 4, 5)
"""The nodes of a cell; 0 and 1 are the outputs of the two cells before it."""

_PAIRS = 2 * len(NODES)
_INPUTS = {node: tuple(combinations(range(node), 2)) for node in NODES}
_PREFIX = "NetworkSelectorDatasetInfo:darts:"
_FIRST_EDGE = {2: 0, 3: 2, 4: 5, 5: 9}  # edges are counted node by node, then input by input
_EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ...], normal_concat=range(2, 6), "
    "reduce=[...], reduce_concat=range(2, 6))"
)

_PAIR = re.compile(r"""\(\s*(?:'(\w+)'|"(\w+)")\s*,\s*([0-9]{1,3})\s*\)""")
_VALUE = r"\[[^\[\]]*\]|\([0-9,\s]*\)|range\(\s*[0-9]\s*,\s*[0-9]\s*\)|None"
_FIELD = re.compile(rf"(\w+)\s*=\s*({_VALUE})")
_GENOTYPE = re.compile(
    rf"\s*(?:\w+\s*=\s*)?Genotype\(\s*(\w+\s*=\s*(?:{_VALUE})(?:\s*,\s*\w+\s*=\s*(?:{_VALUE}))*)\s*,?\s*\)\s*"
)
_FLAT = re.compile("P(,P)*,?")
_NESTED = re.compile(r"\(P,P\)(,\(P,P\))*,?")  # as D-X-Y/AutoDL-Projects writes genotypes


class Genotype(NamedTuple):
    """A normal and a reduction cell: for each node two pairs of an operation and the node that it reads.

    The nodes are 2 to 5, in this order; of a node, the pair that reads the earlier node comes first.
    """

    normal: Cell
    reduce: Cell


class DartsSpace:
    """The 1,076,746,950,455,072,400 genotypes of DARTS, about 10^18.

    Each of the four nodes of each cell reads two different nodes before it, each through one of seven
    operations: 'none' is searched over but stands in no genotype. The two pairs of a node have no order,
    and `Genotype` puts the earlier input first; `parse` reads them in any order, and `arrange` makes
    genotypes of pairs. All four nodes are concatenated.

    The published form is what the code of DARTS prints: 'Genotype(normal=[('sep_conv_3x3', 0), ...],
    normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))'. `parse` also reads lists as the
    concatenation, pairs that are grouped by nodes, and a name before it; other spaces' genotypes, such as
    NASNet's, are refused. `configuration` and `from_configuration` convert to and from the dictionaries
    of NAS-Bench-301.

    The space is not enumerable: no order of it is published, and nobody walks through it.

    The mutation 'operation-or-input' draws one of the two cells, one of its eight pairs, the operation or
    the input, and a new value of it, until that is a change: one edit of the evolution of BANANAS
    (White et al., AAAI 2021; `bananas_src/darts/arch.py` in automl/nasbench301), whose inputs change more
    seldom. Neighbours are what it can reach. Crossover takes each node, with its two pairs, from either
    parent.
    """

    name = "darts"
    revision = 1
    size = math.prod(len(_INPUTS[node]) * len(OPERATIONS) ** 2 for node in NODES) ** len(CELLS)
    mutations = ("operation-or-input",)
    factors = tuple(
        factor
        for cell in CELLS
        for node in NODES
        for factor in (
            Factor(f"inputs_node_{cell}_{node}", tuple(f"{a}_{b}" for a, b in _INPUTS[node])),
            Factor(f"operation_{cell}_{node}_first", OPERATIONS),
            Factor(f"operation_{cell}_{node}_second", OPERATIONS),
        )
    )

    def contains(self, arch: Any) -> bool:
        """Say whether a value is (equal to) a genotype, its pairs in canonical order."""
        return isinstance(arch, tuple) and len(arch) == len(CELLS) and _is_cell(arch[0]) and _is_cell(arch[1])

    def sample(self, rng: Stream) -> Genotype:
        """Return a genotype, each with equal probability."""
        normal = [rng.choice(nodes) for nodes in _nodes()]
        reduce = [rng.choice(nodes) for nodes in _nodes()]
        return Genotype(_joined(normal), _joined(reduce))

    def parse(self, text: str) -> Genotype:
        """Return the genotype of a printed one; strings are read as data, and nothing is evaluated.

        Raises `UsageError` for anything else, `UnknownNameError` for an operation that is none.
        """
        match = _GENOTYPE.fullmatch(text)
        if match is None:
            raise unreadable(self.name, text, "it is no genotype as DARTS prints it", _EXAMPLE)
        fields = dict(found := _FIELD.findall(match[1]))
        wanted = [*CELLS, *[f"{cell}_concat" for cell in CELLS]]
        ignored = {"connectN", "connects"}  # always None in AutoDL-Projects
        if len(found) > len(fields) or not set(wanted) <= set(fields) <= {*wanted, *ignored}:
            why = f"its fields are {', '.join(name for name, _ in found)}, and not {', '.join(wanted)}"
            raise unreadable(self.name, text, why, _EXAMPLE)
        for cell in CELLS:
            concat = fields[f"{cell}_concat"]
            if not _is_all(concat):
                why = f"{cell}_concat is {concat[:40]}, where all nodes, 2 to 5, are concatenated"
                raise unreadable(self.name, text, why, _EXAMPLE)
        return self.arrange(*[self._pairs(text, cell, fields[cell]) for cell in CELLS])

    def format(self, arch: Genotype) -> str:
        """Return the genotype as DARTS prints it."""
        normal, reduce = map(list, self._own(arch))
        concat = f"range({NODES[0]}, {NODES[-1] + 1})"
        return f"Genotype(normal={normal}, normal_concat={concat}, reduce={reduce}, reduce_concat={concat})"

    def arrange(self, normal: Iterable[Pair], reduce: Iterable[Pair]) -> Genotype:
        """Return the genotype of two lists of eight pairs, those of a node in any order.

        Raises `UsageError` where they are no cells of the space, `UnknownNameError` for an operation that
        is none.
        """
        return Genotype(self._cell("normal", normal), self._cell("reduce", reduce))

    def configuration(self, arch: Genotype) -> dict[str, str]:
        """Return the genotype as NAS-Bench-301's dictionary of 22 entries, without its hyperparameters."""
        config: dict[str, str] = {}
        for cell, pairs in zip(CELLS, self._own(arch), strict=True):
            for place, node in enumerate(NODES):
                (first, a), (second, b) = pairs[2 * place : 2 * place + 2]
                config[f"{_PREFIX}edge_{cell}_{_FIRST_EDGE[node] + a}"] = first
                config[f"{_PREFIX}edge_{cell}_{_FIRST_EDGE[node] + b}"] = second
                if node != NODES[0]:
                    config[f"{_PREFIX}inputs_node_{cell}_{node}"] = f"{a}_{b}"
        return config

    def from_configuration(self, config: Mapping[str, Any]) -> Genotype:
        """Return the genotype of NAS-Bench-301's dictionary; what else stands in it is passed over.

        Raises `UsageError` for an entry that is missing, wrong, or of an edge that no node reads.
        """
        ours = {
            key: value
            for key, value in config.items()
            if key.startswith((f"{_PREFIX}edge_", f"{_PREFIX}inputs_node_"))
        }
        cells = []
        for cell in CELLS:
            pairs = []
            for node in NODES:
                spelled = "0_1" if node == NODES[0] else self._entry(ours, f"inputs_node_{cell}_{node}")
                inputs = {f"{a}_{b}": (a, b) for a, b in _INPUTS[node]}
                if spelled not in inputs:
                    what = f"input pair of node {node} in the {cell} cell"
                    raise UnknownNameError(what, spelled[:20], inputs, where=self.name)
                for source in inputs[spelled]:
                    edge = f"edge_{cell}_{_FIRST_EDGE[node] + source}"
                    pairs.append((self._entry(ours, edge), source))
            cells.append(pairs)
        if ours:
            why = f"no node reads {min(ours)}"
            raise UsageError("the configuration sets an edge that is not in use", where=self.name, why=why)
        return self.arrange(*cells)

    def mutate(self, arch: Genotype, rng: Stream, kind: str) -> Genotype:
        """Return a copy with another operation, or another input, of one pair."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        while True:
            cell, pair = rng.below(len(CELLS)), rng.below(_PAIRS)
            operation, source = arch[cell][pair]
            if rng.below(2):
                drawn = OPERATIONS[rng.below(len(OPERATIONS))]
                if drawn != operation:
                    return _changed(arch, cell, pair, (drawn, source))
            else:
                read = rng.below(NODES[pair // 2])
                if read not in {source, arch[cell][pair ^ 1][1]}:
                    return _changed(arch, cell, pair, (operation, read))

    def neighbours(self, arch: Genotype) -> list[Genotype]:
        """Return the 120 genotypes with one other operation (96) or one other input (24)."""
        arch = self._own(arch)
        found = []
        for cell, pair in product(range(len(CELLS)), range(_PAIRS)):
            operation, source = arch[cell][pair]
            taken = {source, arch[cell][pair ^ 1][1]}
            changes = [(other, source) for other in OPERATIONS if other != operation]
            changes += [(operation, other) for other in range(NODES[pair // 2]) if other not in taken]
            found += [_changed(arch, cell, pair, change) for change in changes]
        return found

    def crossover(self, first: Genotype, second: Genotype, rng: Stream) -> Genotype:
        """Return a child that has each node of each cell from either parent with equal probability."""
        cells = []
        for pairs in zip(self._own(first), self._own(second), strict=True):
            drawn = [pairs[rng.below(2)][2 * place : 2 * place + 2] for place in range(len(NODES))]
            cells.append(_joined(drawn))
        return Genotype(*cells)

    def graph(self, arch: Genotype) -> Graph:
        """Return the two cells side by side, their operations as nodes, named 'normal sep_conv_3x3'.

        Each has two inputs, 'c_{k-2}' and 'c_{k-1}', eight operations and an output, which reads them all.
        An operation on a node reads both operations that the node adds up.
        """
        labels: list[str] = []
        edges: list[tuple[int, int]] = []
        for cell, pairs in zip(CELLS, self._own(arch), strict=True):
            start = len(labels)
            labels += [
                f"{cell} {label}" for label in ("c_{k-2}", "c_{k-1}", *[op for op, _ in pairs], "output")
            ]
            made = {0: [start], 1: [start + 1]}
            made |= {node: [start + 2 + 2 * i, start + 3 + 2 * i] for i, node in enumerate(NODES)}
            for place, (_, source) in enumerate(pairs):
                edges += [(before, start + 2 + place) for before in made[source]]
            edges += [(start + 2 + place, len(labels) - 1) for place in range(_PAIRS)]
        return Graph(tuple(labels), tuple(edges))

    def compose(self, indices: Sequence[int]) -> Genotype:
        """Return the genotype of the inputs and the two operations of each node."""
        check_choices(self.name, indices, [len(factor.choices) for factor in self.factors])
        blocks = []
        for place in range(len(CELLS) * len(NODES)):
            inputs, first, second = indices[3 * place : 3 * place + 3]
            a, b = _INPUTS[NODES[place % len(NODES)]][inputs]
            blocks.append(((OPERATIONS[first], a), (OPERATIONS[second], b)))
        return Genotype(_joined(blocks[: len(NODES)]), _joined(blocks[len(NODES) :]))

    def decompose(self, arch: Genotype) -> tuple[int, ...]:
        """Return the inputs and the two operations of each node, as choice indices."""
        indices: list[int] = []
        for pairs in self._own(arch):
            for place, node in enumerate(NODES):
                (first, a), (second, b) = pairs[2 * place : 2 * place + 2]
                indices += [_INPUTS[node].index((a, b)), OPERATIONS.index(first), OPERATIONS.index(second)]
        return tuple(indices)

    def _own(self, arch: Genotype) -> Genotype:
        """Return the genotype of an equal value; refuses what is not in the space."""
        if not self.contains(arch):
            raise foreign(self.name, arch, _EXAMPLE)
        return Genotype(*arch)

    def _pairs(self, text: str, cell: str, value: str) -> list[Pair]:
        """Return the pairs of a printed list, in its order."""
        body = value[1:-1]
        form = "".join(_PAIR.sub("P", body).split())
        if not value.startswith("[") or not (_FLAT.fullmatch(form) or _NESTED.fullmatch(form)):
            why = f"{cell} is no list of pairs such as ('skip_connect', 0)"
            raise unreadable(self.name, text, why, _EXAMPLE)
        return [(single or double, int(source)) for single, double, source in _PAIR.findall(body)]

    def _cell(self, cell: str, pairs: Iterable[Pair]) -> Cell:
        """Return eight pairs in canonical order; refuses what is no cell."""
        pairs = [(operation, source) for operation, source in pairs]
        if len(pairs) != _PAIRS:
            raise self._no_cell(cell, f"it has {len(pairs)} pairs, where a cell has {_PAIRS}")
        for operation, _ in pairs:
            if operation == "none":
                raise self._no_cell(cell, "a genotype has no operation 'none'")
            if operation not in OPERATIONS:
                raise UnknownNameError(f"operation of {self.name}", str(operation)[:40], OPERATIONS)
        blocks = []
        for place, node in enumerate(NODES):
            first, second = pairs[2 * place : 2 * place + 2]
            if first[1] == second[1]:
                raise self._no_cell(cell, f"node {node} reads node {first[1]} twice")
            block = (first, second) if first[1] < second[1] else (second, first)
            if block not in _known()[place]:
                raise self._no_cell(cell, f"node {node} reads what is not before it")
            blocks.append(block)
        return _joined(blocks)

    def _entry(self, config: dict[str, Any], key: str) -> str:
        """Take an entry out of a configuration; refuses one that is missing."""
        if _PREFIX + key not in config:
            why = f"it lacks {_PREFIX}{key}"
            raise UsageError("the configuration is incomplete", where=self.name, why=why)
        return str(config.pop(_PREFIX + key))

    def _no_cell(self, cell: str, why: str) -> UsageError:
        return UsageError(f"this is no {cell} cell of DARTS", where=self.name, why=why)


@cache
def _nodes() -> tuple[tuple[Cell, ...], ...]:
    """Return for each node every two pairs that it can have."""
    return tuple(
        tuple(
            ((first, a), (second, b))
            for (a, b), first, second in product(_INPUTS[node], OPERATIONS, OPERATIONS)
        )
        for node in NODES
    )


@cache
def _known() -> tuple[frozenset[Cell], ...]:
    return tuple(map(frozenset, _nodes()))


def _is_cell(pairs: Any) -> bool:
    try:
        return (
            isinstance(pairs, tuple)
            and len(pairs) == _PAIRS
            and all(pairs[2 * i : 2 * i + 2] in known for i, known in enumerate(_known()))
        )
    except TypeError:  # not hashable
        return False


def _is_all(value: str) -> bool:
    """Say whether a printed concatenation is that of all nodes."""
    numbers = [int(number[:3]) for number in re.findall("[0-9]+", value)]
    return numbers == [2, 6] if value.startswith("range") else sorted(numbers) == list(NODES)


def _joined(blocks: Iterable[Cell]) -> Cell:
    return tuple(pair for block in blocks for pair in block)


def _changed(arch: Genotype, cell: int, pair: int, new: Pair) -> Genotype:
    """Return a genotype with one pair replaced, the earlier input of its node first."""
    pairs, start = arch[cell], pair - pair % 2
    other = pairs[pair ^ 1]
    block = (new, other) if new[1] < other[1] else (other, new)
    changed = (*pairs[:start], *block, *pairs[start + 2 :])
    return Genotype(arch.normal, changed) if cell else Genotype(changed, arch.reduce)
