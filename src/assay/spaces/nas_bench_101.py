"""NAS-Bench-101: modules of at most seven vertices and nine edges, with one of three operations a vertex.

Source: Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019. Checked
against `lib/model_spec.py`, `lib/graph_util.py`, `api.py` and NASBench.ipynb of google-research/nasbench
(Apache-2.0).

A *spec* is what the publication prunes to a module: seven vertices, five of them with an operation, and
any of 21 edges. Here its edges are a number: bit k is edge k, row by row of the matrix's upper triangle.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any, ClassVar, NamedTuple

from assay.contracts.space import Factor, Graph
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, shown, unreadable

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
INPUT, OUTPUT = "input", "output"
VERTICES = 7
MAX_EDGES = 9

_KINDS = len(OPERATIONS)
_INNER = VERTICES - 2
_EDGES = tuple(combinations(range(VERTICES), 2))
_BIT = {edge: 1 << k for k, edge in enumerate(_EDGES)}
_INTO = tuple(sum(bit for (_, end), bit in _BIT.items() if end == vertex) for vertex in range(VERTICES))
# Where each row starts in the number of a spec's edges, the mask of its length, and its first column.
_ROWS = tuple((i * (2 * VERTICES - 1 - i) // 2, (1 << VERTICES - 1 - i) - 1, i + 1) for i in range(VERTICES))
_LABELLINGS = tuple(product(range(_KINDS), repeat=_INNER))
# Which of three edges flip when each draws a number below seven: those that draw zero.
_FLIPS = tuple(
    sum(1 << k for k, number in enumerate(drawn) if number == 0)
    for drawn in product(range(VERTICES), repeat=3)
)
# For each number of vertices, the new vertex, its source, its target and its operation, renumbered.
_INSERTIONS = {
    size: tuple(
        (vertex, source, target, operation)
        for source, vertex, target in combinations(range(size + 1), 3)
        for operation in range(_KINDS)
    )
    for size in range(2, VERTICES)
}
_OPERATION, _EDGE, _VERTEX = _CHANGES = range(3)
_HASH = re.compile("[0-9a-f]{32}")
_EXAMPLE = "0110000100010000:input,conv3x3-bn-relu,maxpool3x3,output"


class Module(NamedTuple):
    """An architecture of NAS-Bench-101, pruned: every vertex is on a way from the input to the output.

    Bit j of `rows[i]` is the edge from vertex i to vertex j > i; vertex 0 is the input and the last one
    the output. `operations` gives those of the vertices between, as positions in `OPERATIONS`.
    """

    rows: tuple[int, ...]
    operations: tuple[int, ...]


class NasBench101Space:
    """The modules of NAS-Bench-101: 423,624 graphs, or 1,293,208 modules in every order of vertices.

    The published form is two fields of the published records, joined by a colon: the matrix row by row,
    and the vertices' names, as in '010001000:input,maxpool3x3,output'. Modules that differ only in the
    order of their vertices are different architectures with equal `graph_hash`; the published results
    are those of the hash.

    `sample` draws as the publication's example does (`random_spec`): a spec with each edge with
    probability 1/2 and any operations, again until its module is in the space. It is uniform over these
    specs and *not over modules or graphs*: 85 % of the graphs have seven vertices, of the samples 0.3 %.

    Mutations: 'spec' is the publication's (`mutate_spec`, rate 1): each edge of the spec flips with
    probability 1/7, and each operation becomes another with probability 1/5, again until the module is
    in the space, and here also another. The publication carries along what was pruned from the spec;
    here the missing vertices come without edges, at random places, with random operations. 'one-change'
    draws whether to change an operation, an edge or a vertex, each with probability 1/3, and one such
    change uniformly, again until the module is in the space.

    Neighbours are what 'one-change' reaches. No change prunes: an edge flips only where every vertex
    stays on a way, and a vertex comes or goes with one edge in and one out. So the relation is symmetric,
    and it still connects the whole space.

    Factors are those of NASCifar10A (automl/nas_benchmarks; HPOBench has them too), and compose to what
    `api.py` accepts, which prunes before it counts edges; NASCifar10A counts first.
    """

    name = "nas-bench-101"
    revision = 1
    mutations = ("spec", "one-change")
    factors: ClassVar[tuple[Factor, ...]] = (
        *[Factor(f"op_node_{i}", OPERATIONS) for i in range(_INNER)],
        *[Factor(f"edge_{k}", ("0", "1")) for k in range(len(_EDGES))],
    )
    canonical_form = "nb101-module-hash-v1"
    _sizes = tuple(len(factor.choices) for factor in factors)

    def contains(self, arch: Any) -> bool:
        """Say whether a value is (equal to) an architecture."""
        if not isinstance(arch, tuple) or len(arch) != 2:
            return False
        rows, operations = arch
        return (
            isinstance(rows, tuple)
            and isinstance(operations, tuple)
            and len(rows) == len(operations) + 2
            and all(type(i) is int and 0 <= i < _KINDS for i in operations)
            and all(type(row) is int and row >= 0 and not row & (2 << i) - 1 for i, row in enumerate(rows))
            and _is_valid(rows)
        )

    def sample(self, rng: Stream) -> Module:
        """Return the module of a random spec; this is not uniform over modules."""
        while True:
            edges = rng.below(1 << len(_EDGES))
            module = _pruned(_rows(edges), _LABELLINGS[rng.below(len(_LABELLINGS))])
            if module is not None:
                return module

    def parse(self, text: str) -> Module:
        """Return the module of a published string, which is pruned if need be.

        Raises `UsageError` for anything else, `UnknownNameError` for an operation that is none.
        """
        if _HASH.fullmatch(text):
            raise self._unreadable(text, "a hash does not say which module it is the hash of")
        bits, _, names = ("".join(part.split()) for part in text.partition(":"))
        size = math.isqrt(len(bits))
        if size**2 != len(bits) or not set(bits) <= {"0", "1"}:
            raise self._unreadable(text, "it does not start with a square matrix of 0 and 1")
        rows = [bits[start : start + size] for start in range(0, len(bits), size or 1)]
        return self._checked([[int(bit) for bit in row] for row in rows], names.split(","), text)

    def build(self, matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> Module:
        """Return the module of a matrix and its vertices' names, pruned as by the published `ModelSpec`.

        `matrix` has shape (V, V), 0 and 1, zero on and below the diagonal; `operations` has V names, the
        first 'input' and the last 'output'. Raises `UsageError` where the module is not in the space.
        """
        rows = [list(row) for row in matrix]
        return self._checked(rows, list(operations), (rows, operations))

    def format(self, arch: Module) -> str:
        """Return the published fields, such as '010001000:input,maxpool3x3,output'."""
        rows, operations = self._own(arch)
        matrix = "".join([f"{row:0{len(rows)}b}"[::-1] for row in rows])
        return f"{matrix}:{','.join([INPUT, *[OPERATIONS[i] for i in operations], OUTPUT])}"

    def mutate(self, arch: Module, rng: Stream, kind: str) -> Module:
        """Return another module, as the kind of mutation draws it."""
        check_mutation(self.name, kind, self.mutations)
        module = self._own(arch)
        return _mutated_spec(module, rng) if kind == "spec" else _one_change(module, rng)

    def neighbours(self, arch: Module) -> list[Module]:
        """Return the modules one change away, each once: of an operation, then an edge, then a vertex."""
        module = self._own(arch)
        changed = (_changed(module, what, i) for what in _CHANGES for i in range(_choices(module, what)))
        return list(dict.fromkeys(other for other in changed if other is not None))

    def crossover(self, first: Module, second: Module, rng: Stream) -> Module:
        """Return a child that has each vertex, with the edges into it, from either parent alike.

        Of a parent with fewer than seven vertices, those just before the output are missing. Children
        that are not in the space are drawn again.
        """
        parents = [_spread(own, _leading(own)) for own in (self._own(first), self._own(second))]
        while True:
            turns = [parents[rng.below(2)] for _ in range(1, VERTICES)]
            edges = sum(turn[0] & _INTO[vertex] for vertex, turn in enumerate(turns, start=1))
            child = _pruned(_rows(edges), [turn[1][i] for i, turn in enumerate(turns[:_INNER])])
            if child is not None:
                return child

    def graph(self, arch: Module) -> Graph:
        """Return the module itself, from the node 'input' to the node 'output'."""
        rows, operations = self._own(arch)
        edges = tuple([(i, j) for i, j in _PAIRS[len(rows)] if rows[i] >> j & 1])
        return Graph((INPUT, *[OPERATIONS[i] for i in operations], OUTPUT), edges)

    def compose(self, indices: Sequence[int]) -> Module | None:
        """Return the module of a spec's five operations and 21 edges, None where it is not in the space."""
        check_choices(self.name, indices, self._sizes)
        edges = sum(bit << k for k, bit in enumerate(indices[_INNER:]))
        return _pruned(_rows(edges), indices[:_INNER])

    def decompose(self, arch: Module) -> tuple[int, ...]:
        """Return the operations and edges of the spec that lacks the last vertices before the output."""
        own = self._own(arch)
        edges, operations = _spread(own, _leading(own))
        return (*operations, *[edges >> k & 1 for k in range(len(_EDGES))])

    def graph_hash(self, arch: Module) -> str:
        """Return the MD5 hash that isomorphic modules share (canonical form v1; 423,624 classes).

        It is the published `hash_module`, by which the published table and those made from it are keyed:
        each vertex starts from its degrees and operation, takes in its neighbours' hashes as often as
        there are vertices, and the sorted hashes are hashed.
        """
        rows, operations = self._own(arch)
        size = range(len(rows))
        out = [[j for j in size if row >> j & 1] for row in rows]
        into = [[i for i in size if rows[i] >> j & 1] for j in size]
        labels = zip(out, into, (-1, *operations, -2), strict=True)
        hashes = [_md5(f"({len(after)}, {len(before)}, {label})") for after, before, label in labels]
        for _ in size:
            parts = [
                ("".join(sorted([hashes[i] for i in into[v]])), "".join(sorted([hashes[j] for j in out[v]])))
                for v in size
            ]
            hashes = [_md5(f"{before}|{after}|{hashes[v]}") for v, (before, after) in enumerate(parts)]
        return _md5(str(sorted(hashes)))

    unique_string = graph_hash

    def _own(self, arch: Module) -> Module:
        """Return an equal value as `Module`; refuses what is not in the space."""
        if not self.contains(arch):
            raise foreign(self.name, arch, _EXAMPLE)
        return Module(*arch)

    def _checked(self, matrix: list[list[int]], names: list[str], given: Any) -> Module:
        """Return the pruned module of what was given, or say why the space has none."""
        size = len(matrix)
        if size < 2 or len(names) != size or any(len(row) != size for row in matrix):
            raise self._unreadable(given, f"it has {size} rows and {len(names)} names; two or more of both")
        if (names[0], names[-1]) != (INPUT, OUTPUT):
            raise self._unreadable(given, f"its first vertex is not '{INPUT}', or its last not '{OUTPUT}'")
        for name in names[1:-1]:
            if name not in OPERATIONS:
                raise UnknownNameError(f"operation of {self.name}", name, OPERATIONS, where=shown(given))
        if any(bit not in (0, int(j > i)) for i, row in enumerate(matrix) for j, bit in enumerate(row)):
            raise self._unreadable(given, "its matrix has more than 0 and 1 above the diagonal")
        rows = [sum(int(bit) << j for j, bit in enumerate(row)) for row in matrix]
        kept, operations = _kept(rows, [OPERATIONS.index(name) for name in names[1:-1]])
        if not kept:
            raise self._unreadable(given, "no way leads from its input to its output")
        edges = sum(row.bit_count() for row in kept)
        if len(kept) > VERTICES or edges > MAX_EDGES:
            why = f"it has {len(kept)} vertices and {edges} edges; at most {VERTICES} and {MAX_EDGES}"
            raise self._unreadable(given, why)
        return Module(kept, operations)

    def _unreadable(self, given: Any, why: str) -> UsageError:
        return unreadable(self.name, given, why, _EXAMPLE)


_PAIRS = {size: tuple(combinations(range(size), 2)) for size in range(2, VERTICES + 1)}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _is_valid(rows: tuple[int, ...]) -> bool:
    """Say whether upper triangular rows have every vertex on a way, and not too much of anything.

    As in the published `is_full_dag`: a vertex with an edge in and one out is on a way.
    """
    reached = edges = 0
    for row in rows[:-1]:
        if not row:
            return False
        reached |= row
        edges += row.bit_count()
    return reached == (1 << len(rows)) - 2 and edges <= MAX_EDGES and len(rows) <= VERTICES and not rows[-1]


def _rows(edges: int) -> tuple[int, ...]:
    """Return the rows of a spec."""
    return tuple([(edges >> start & mask) << column for start, mask, column in _ROWS])


def _kept(rows: Sequence[int], operations: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rows and operations of the vertices on a way from input to output; none if there is none."""
    last = len(rows) - 1
    ahead, behind = 1, 1 << last
    for i, row in enumerate(rows):
        if ahead >> i & 1:
            ahead |= row
    for i in range(last - 1, -1, -1):
        if rows[i] & behind:
            behind |= 1 << i
    on_a_way = ahead & behind
    if on_a_way == (2 << last) - 1:
        return tuple(rows), tuple(operations)
    kept = [i for i in range(last + 1) if on_a_way >> i & 1]
    shrunk = tuple([sum(1 << k for k, j in enumerate(kept) if rows[i] >> j & 1) for i in kept])
    return shrunk, tuple([operations[i - 1] for i in kept[1:-1]])


def _pruned(rows: tuple[int, ...], operations: Sequence[int]) -> Module | None:
    """Return the module of a spec, or None where it is not in the space."""
    module = Module(*_kept(rows, operations))
    return module if module.rows and sum(map(int.bit_count, module.rows)) <= MAX_EDGES else None


def _leading(module: Module) -> tuple[int, ...]:
    """Return the places in a spec that leave the last ones before the output empty."""
    return (*range(len(module.rows) - 1), VERTICES - 1)


def _spread(
    module: Module, places: Sequence[int], rest: Sequence[int] = (0,) * _INNER
) -> tuple[int, list[int]]:
    """Return the edges and operations of a spec with the module's vertices at these places.

    `rest` gives the operations of the places without a vertex.
    """
    pairs = _PAIRS[len(places)]
    edges = sum(_BIT[places[i], places[j]] for i, j in pairs if module.rows[i] >> j & 1)
    operations = list(rest)
    for place, operation in zip(places[1:-1], module.operations, strict=True):
        operations[place - 1] = operation
    return edges, operations


def _mutated_spec(module: Module, rng: Stream) -> Module:
    inner = sorted(rng.sample(range(1, VERTICES - 1), len(module.operations)))
    rest = _LABELLINGS[rng.below(len(_LABELLINGS))]
    edges, operations = _spread(module, (0, *inner, VERTICES - 1), rest)
    while True:
        flips = sum(_FLIPS[rng.below(len(_FLIPS))] << start for start in range(0, len(_EDGES), 3))
        # A number below ten: one of the two other operations with probability 1/10 each.
        steps = [rng.below(2 * _INNER) + 1 for _ in operations]
        drawn = [
            (i + step) % _KINDS if step < _KINDS else i for i, step in zip(operations, steps, strict=True)
        ]
        mutant = _pruned(_rows(edges ^ flips), drawn)
        if mutant is not None and mutant != module:
            return mutant


def _one_change(module: Module, rng: Stream) -> Module:
    while True:
        what = rng.below(len(_CHANGES))
        choices = _choices(module, what)
        changed = _changed(module, what, rng.below(choices)) if choices else None
        if changed is not None:
            return changed


def _choices(module: Module, what: int) -> int:
    """Return how many changes of a kind a module has, valid or not; none that give it too many edges."""
    size = len(module.rows)
    if what == _OPERATION:
        return (size - 2) * (_KINDS - 1)
    if what == _EDGE:
        return len(_PAIRS[size])
    room = size < VERTICES and sum(map(int.bit_count, module.rows)) <= MAX_EDGES - 2
    return size - 2 + (len(_INSERTIONS[size]) if room else 0)


def _changed(module: Module, what: int, choice: int) -> Module | None:
    """Return a module with one change, or None where the change leads out of the space."""
    rows, operations = module
    if what == _OPERATION:
        i, step = divmod(choice, _KINDS - 1)
        other = (operations[i] + step + 1) % _KINDS
        return Module(rows, (*operations[:i], other, *operations[i + 1 :]))
    if what == _EDGE:
        i, j = _PAIRS[len(rows)][choice]
        rows = (*rows[:i], rows[i] ^ 1 << j, *rows[i + 1 :])
    elif choice < len(operations):
        vertex = choice + 1
        if rows[vertex].bit_count() != 1 or sum(row >> vertex & 1 for row in rows) != 1:
            return None
        low = (1 << vertex) - 1
        rows = tuple(
            [row & low | (row >> vertex + 1) << vertex for row in (*rows[:vertex], *rows[vertex + 1 :])]
        )
        operations = (*operations[:choice], *operations[choice + 1 :])
    else:
        vertex, source, target, operation = _INSERTIONS[len(rows)][choice - len(operations)]
        low = (1 << vertex) - 1
        wide = [row & low | (row >> vertex) << vertex + 1 for row in rows]
        wide[source] |= 1 << vertex
        rows = (*wide[:vertex], 1 << target, *wide[vertex:])
        operations = (*operations[: vertex - 1], operation, *operations[vertex - 1 :])
    return Module(rows, operations) if _is_valid(rows) else None
