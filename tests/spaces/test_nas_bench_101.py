"""NAS-Bench-101 against the published table, code and counts, and its own rules."""

from __future__ import annotations

import contextlib
import pickletools
from collections import Counter
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.contracts.space import SearchSpace
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.nas_bench_101 import OPERATIONS, Module, NasBench101Space
from assay.testing.spaces import SpaceSuite

SPACE = NasBench101Space()
MODULES = st.integers(0, 2**32).map(lambda seed: SPACE.sample(Stream(seed, ("test",))))
CONV3 = OPERATIONS[0]
TRICKY = "0111100 0010000 0000001 0000010 0000010 0000001 0000000"


class TestSuite(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return NasBench101Space()


def structures(size):
    """Return the rows of every matrix of this size that the publication generates graphs from.

    Upper triangular, at most nine edges, and an edge into and out of every vertex that may have one
    (`is_full_dag`); columns are chosen one after the other.
    """
    found = [((), 0)]  # the edges into the vertices so far, and their number
    for vertex in range(1, size):
        found = [
            ((*columns, column), edges + column.bit_count())
            for columns, edges in found
            for column in range(1, 1 << vertex)
            if edges + column.bit_count() <= 9
        ]
    made = []
    for columns, _ in found:
        rows = tuple(sum((c >> i & 1) << j for j, c in enumerate(columns, start=1)) for i in range(size))
        if all(rows[:-1]):
            made.append(rows)
    return made


def modules(size):
    """Return every module of this size, in every order of its vertices."""
    labellings = list(product(range(3), repeat=size - 2))
    return [Module(rows, operations) for rows in structures(size) for operations in labellings]


def spelled(case):
    """Return the published form of a matrix and the numbers of its operations, such as '0110...:0,2'."""
    matrix, labels = case.split(":")
    names = [OPERATIONS[int(label)] for label in labels.split(",") if label]
    return f"{matrix}:{','.join(['input', *names, 'output'])}"


def published(path):
    """Yield the hash, the matrix and the operations of each record of a pickle, from its opcodes alone."""
    memo, tokens, last = [], [], None
    for opcode, value, _ in pickletools.genops(path.read_bytes()):
        if opcode.name == "MEMOIZE":
            memo.append(last)
            continue
        last = memo[value] if opcode.name == "BINGET" else value
        if isinstance(last, str | bytes):
            tokens.append(last)
    starts = [i for i, token in enumerate(tokens) if isinstance(token, str) and len(token) == 32]
    for start in starts:
        matrix = next(token for token in tokens[start:] if isinstance(token, bytes) and len(token) > 8)
        cells = np.frombuffer(matrix, dtype="<i8")
        first = tokens.index("module_operations", start) + 1
        names = tokens[first : tokens.index("output", first) + 1]
        yield tokens[start], cells.reshape(len(names), len(names)), names


def test_recomputes_the_published_hashes(shared):
    """The hashes of 30 published records are those of their matrices and operations."""
    path = shared / "data/naslib-assets/nb101_dummy.pkl"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared data")
    records = list(published(path))
    assert len({key for key, _, _ in records}) == 30
    for key, matrix, names in records:
        module = SPACE.build(matrix, names)
        assert SPACE.graph_hash(module) == key
        # The records are pruned: they are their own published form.
        text = f"{''.join(map(str, matrix.flatten()))}:{','.join(names)}"
        assert SPACE.format(module) == text
        assert SPACE.parse(text) == module


@pytest.mark.parametrize(("size", "count"), [(2, 1), (3, 6), (4, 84), (5, 2_441)])
def test_number_of_graphs(size, count):
    """There are as many hashes as published graphs of a size."""
    assert len({SPACE.graph_hash(module) for module in modules(size)}) == count


@pytest.mark.slow
def test_number_of_all_graphs():
    """There are 423,624 hashes, 62,010 of six and 359,082 of seven vertices."""
    numbers = {size: len({SPACE.graph_hash(module) for module in modules(size)}) for size in range(2, 8)}
    assert numbers == {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}
    # "This algorithm yields 423,624 unique computation graphs": generate_graphs.py.
    assert sum(numbers.values()) == 423_624


@pytest.mark.parametrize("size", [2, 3, 4])
def test_hashes_are_equal_where_graphs_are_isomorphic(size):
    """Two modules have the same hash if and only if renumbering makes one the other."""
    least = {}
    for rows, operations in modules(size):
        edges = [(i, j) for i in range(size) for j in range(size) if rows[i] >> j & 1]
        spellings = []
        for inner in permutations(range(1, size - 1)):
            place = (0, *inner, size - 1)
            labels = sorted(zip(inner, operations, strict=True))
            spellings.append((sorted((place[i], place[j]) for i, j in edges), labels))
        least.setdefault(SPACE.graph_hash(Module(rows, operations)), set()).add(str(min(spellings)))
    assert all(len(graphs) == 1 for graphs in least.values())
    assert len(set().union(*least.values())) == len(least)


def test_the_published_example_is_isomorphic_to_what_is_stored():
    """The Inception-like cell of the publication's notebook, and the record that it gets for it."""
    rows = "0111010 0000001 0000001 0000100 0000001 0000001 0000000"
    asked = SPACE.parse(spelled(f"{rows}:1,0,0,0,2"))
    # module_adjacency and module_operations as NASBench.ipynb prints them.
    rows = "0111100 0000001 0000001 0000001 0000010 0000001 0000000"
    stored = SPACE.parse(spelled(f"{rows}:0,1,2,0,0"))
    assert asked != stored
    assert SPACE.graph_hash(asked) == SPACE.graph_hash(stored) == SPACE.unique_string(stored)


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        # The cases of test_hash_module in tests/graph_util_test.py, where they fit into this space.
        ("0110000100010000:1,2", "0110000100010000:2,1", True),
        ("0110000001000100000100000:1,2,0", "0101000100000010000100000:2,0,1", True),
        ("0110000001000100000100000:1,2,0", "0110000010000010000100000:2,1,0", True),
        ("0110000001000100000100000:1,2,0", "0110000001000100000100000:2,0,1", False),
        ("0100000100000100000100000:1,0,0", "0100000100000100000100000:0,0,1", False),
        ("0101001000010000:1,0", "0101001000010000:0,1", False),
        (f"{TRICKY}:1,0,0,0,0", f"{TRICKY}:0,0,0,1,0", False),
    ],
)
def test_published_cases_of_hashes(first, second, equal):
    """Pairs of graphs that the publication's tests tell apart, or find equal."""
    hashes = [SPACE.graph_hash(SPACE.parse(spelled(case))) for case in (first, second)]
    assert (hashes[0] == hashes[1]) is equal


@pytest.mark.parametrize(
    ("spec", "pruned"),
    [
        # The cases of tests/model_spec_test.py: nothing, islands, and dangling vertices.
        ("010001000:0", "010001000:0"),
        ("011001000:0", "011001000:0"),
        ("0110000100010000:0,1", "0110000100010000:0,1"),
        ("0100000100000000:0,1", "010001000:0"),
        ("0100000001000100000000000:0,1,2", "010001000:0"),
        ("0110000000010000:0,1", "010001000:1"),
        ("0010000100010000:0,1", "010001000:1"),
    ],
)
def test_published_cases_of_pruning(spec, pruned):
    """Specs are pruned as the publication's tests say."""
    assert SPACE.format(SPACE.parse(spelled(spec))) == spelled(pruned)


@pytest.mark.parametrize("spec", ["0000:", "0100000000010000:0,1", "0000001000000000:0,1"])
def test_disconnected_specs_are_refused(spec):
    """Specs of which pruning leaves nothing, as in tests/model_spec_test.py, are refused."""
    with pytest.raises(UsageError, match="no way leads from its input to its output"):
        SPACE.parse(spelled(spec))


def test_an_eighth_vertex_or_a_tenth_edge_may_be_pruned():
    """Only the pruned module has to be within the bounds, and what is above them is told."""
    chain = np.eye(8, k=1, dtype=int)
    with pytest.raises(UsageError, match="8 vertices and 7 edges; at most 7 and 9"):
        SPACE.build(chain, ["input", *[CONV3] * 6, "output"])
    full = np.triu(np.ones((5, 5), dtype=int), 1)
    with pytest.raises(UsageError, match="5 vertices and 10 edges; at most 7 and 9"):
        SPACE.build(full, ["input", *[CONV3] * 3, "output"])
    chain[3, 7], chain[6, 7] = 1, 0
    full[3, 4] = 0  # vertex 3 dangles, with its three edges in
    assert len(SPACE.build(chain, ["input", *[CONV3] * 6, "output"]).rows) == 5
    assert SPACE.graph(SPACE.build(full, ["input", *[CONV3] * 3, "output"])).edges == (
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
    )  # fmt: skip


@given(MODULES)
def test_round_trip(module):
    """A module is read from its string, whatever the blanks, and from its matrix and names."""
    text = SPACE.format(module)
    assert SPACE.parse(text) == SPACE.parse(f" {text.replace(':', ' : ').replace(',', ', ')} ") == module
    bits, names = text.split(":")
    size = len(module.rows)
    matrix = [[int(bits[size * i + j]) for j in range(size)] for i in range(size)]
    assert SPACE.build(matrix, names.split(",")) == module


@given(st.text(alphabet="01:,inputo \n1²", max_size=30))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("010001:input,maxpool3x3,output", "square matrix"),
        ("010002000:input,maxpool3x3,output", "square matrix"),
        ("010001000", "3 rows and 1 names"),
        ("010001000:input,output", "3 rows and 2 names"),
        ("010001000:output,maxpool3x3,input", "first vertex is not 'input'"),
        ("010001100:input,maxpool3x3,output", "0 and 1 above the diagonal"),
        ("ff92c322c5d9d3d587d9c146a63d0807", "a hash does not say which module"),
    ],
)
def test_refused_spellings(text, why):
    """A spelling that leaves something open is refused, with the reason."""
    with pytest.raises(UsageError, match=why):
        SPACE.parse(text)


def test_unknown_operation_suggests_the_nearest():
    """A misspelt operation raises the house's error with the nearest name."""
    with pytest.raises(UnknownNameError, match="did you mean 'maxpool3x3'"):
        SPACE.parse("010001000:input,maxpool3x4,output")


@pytest.mark.parametrize(
    "matrix", [[[0, 2], [0, 0]], [[0, "1"], [0, 0]], [[0, 0.5], [0, 0]], [[1, 1], [0, 0]]]
)
def test_refused_matrices(matrix):
    """A matrix of something else than 0 and 1 above the diagonal is refused."""
    with pytest.raises(UsageError, match="0 and 1 above the diagonal"):
        SPACE.build(matrix, ["input", "output"])


@pytest.mark.parametrize("call", [SPACE.format, SPACE.neighbours, SPACE.graph, SPACE.graph_hash])
@pytest.mark.parametrize(
    "stray",
    [
        ((2, 4, 0), (3,)),  # no such operation
        ((2, 4, 0), ()),  # an operation too few
        ((4, 4, 0), (0,)),  # nothing leads into vertex 1
        ((6, 0, 0), (0,)),  # nothing leads out of vertex 1
        ((2, 5, 0), (0,)),  # an edge back
        ((2, 4, 8), (0,)),  # an edge out of the output
        ((30, 28, 24, 16, 0), (0, 0, 0)),  # ten edges
        ((2, 4, 8, 16, 32, 64, 128, 0), (0,) * 6),  # eight vertices
        ((True, 4, 0), (0,)),
        [[2, 4, 0], [0]],
        "010001000:input,maxpool3x3,output",
    ],
)
def test_foreign_values_are_refused(call, stray):
    """What is no architecture raises one message, whatever was asked of it."""
    assert not SPACE.contains(stray)
    with pytest.raises(UsageError, match="not an architecture of the space"):
        call(stray)


def naive_module(matrix, labels):
    """Return the module of a spec as the publication's example has it, or None where it is not valid."""
    with contextlib.suppress(UsageError):
        return SPACE.build(matrix, ["input", *[OPERATIONS[i] for i in labels], "output"])


def alike(first, second):
    """Say whether two lists of draws may come from one distribution, by sizes, edges and operations."""
    kinds = [
        Counter((len(m.rows), sum(map(int.bit_count, m.rows)), m.operations.count(0)) for m in drawn)
        for drawn in (first, second)
    ]
    common = [key for key in kinds[0] | kinds[1] if kinds[0][key] + kinds[1][key] >= 20]
    rest = [len(first) - sum(kind[key] for key in common) for kind in kinds]
    table = [[*[kind[key] for key in common], rest[i]] for i, kind in enumerate(kinds)]
    return stats.chi2_contingency([[n + 1 for n in row] for row in table]).pvalue > 1e-6


def test_samples_are_those_of_the_published_example():
    """Samples are distributed as those of a plain copy of `random_spec`."""
    rng, plain = Stream(0, ("test",)), Stream(0, ("plain",))
    expected = []
    while len(expected) < 3_000:
        matrix = [[int(j > i and plain.random() < 0.5) for j in range(7)] for i in range(7)]
        module = naive_module(matrix, [plain.below(3) for _ in range(5)])
        if module is not None:
            expected.append(module)
    assert alike([SPACE.sample(rng) for _ in range(3_000)], expected)


def test_spec_mutation_is_that_of_the_published_example():
    """On a module of seven vertices, 'spec' draws as a plain copy of `mutate_spec` that repeats equals."""
    matrix = "0110000 0010010 0001000 0000101 0000001 0000001 0000000"
    parent = SPACE.parse(spelled(f"{matrix}:2,0,1,0,0"))
    assert len(parent.rows) == 7
    rng, plain = Stream(0, ("test",)), Stream(0, ("plain",))
    expected = []
    while len(expected) < 3_000:
        matrix = [[row >> j & 1 for j in range(7)] for row in parent.rows]
        for i, j in combinations(range(7), 2):
            matrix[i][j] ^= plain.random() < 1 / 7
        labels = [
            plain.choice([i for i in range(3) if i != label]) if plain.random() < 1 / 5 else label
            for label in parent.operations
        ]
        module = naive_module(matrix, labels)
        if module not in (None, parent):
            expected.append(module)
    assert alike([SPACE.mutate(parent, rng, "spec") for _ in range(3_000)], expected)


def test_spec_mutation_of_small_modules_brings_vertices_back():
    """From the module of two vertices, 'spec' reaches modules of every size."""
    rng = Stream(0, ("test",))
    sizes = {len(SPACE.mutate(Module((2, 0), ()), rng, "spec").rows) for _ in range(3_000)}
    assert sizes == {3, 4, 5, 6, 7}


@given(MODULES, st.integers(0, 2**32))
def test_one_change_reaches_a_neighbour(module, seed):
    """What 'one-change' draws is a neighbour."""
    assert SPACE.mutate(module, Stream(seed, ("test",)), "one-change") in SPACE.neighbours(module)


def test_one_change_draws_every_neighbour():
    """'one-change' draws each neighbour, and operations, edges and vertices as its docstring says."""
    module, rng, draws = SPACE.parse(spelled("0110000100010000:0,2")), Stream(0, ("test",)), 9_000
    drawn = Counter(SPACE.mutate(module, rng, "one-change") for _ in range(draws))
    assert set(drawn) == set(SPACE.neighbours(module))
    vertex = sum(count for other, count in drawn.items() if len(other.rows) != 4)
    operation = sum(count for other, count in drawn.items() if other.rows == module.rows)
    # Valid are all four operations, two of six edges (input to output, and between the inner two), and
    # all vertices: either may go, and one with any of three operations may come at ten places.
    for count, share in ((operation, 4 / 4), (draws - operation - vertex, 2 / 6), (vertex, 32 / 32)):
        mean = draws * share / (4 / 4 + 2 / 6 + 32 / 32)
        assert abs(count - mean) < 6 * mean**0.5


@pytest.mark.parametrize("size", [2, 3, 4])
def test_neighbours_are_mutual(size):
    """Every module of up to four vertices is known to all its neighbours, by one change each."""
    for module in modules(size):
        others = SPACE.neighbours(module)
        assert len(set(others)) == len(others)
        assert module not in others
        assert all(SPACE.contains(other) and module in SPACE.neighbours(other) for other in others)


def test_neighbours_connect_the_space():
    """Every structure can be reached from the smallest one by changes of edges and vertices alone."""
    every = {rows for size in range(2, 8) for rows in structures(size)}
    reached, front = {(2, 0)}, [(2, 0)]
    while front:
        rows = front.pop()
        found = {other.rows for other in SPACE.neighbours(Module(rows, (0,) * (len(rows) - 2)))} - reached
        reached |= found
        front += found
    assert reached == every


@given(MODULES, MODULES, st.integers(0, 2**32))
def test_children_have_each_vertex_from_a_parent(first, second, seed):
    """A child is the module of a spec of which each vertex, with its edges in, is one of its parents'."""
    ends = [j for _, j in combinations(range(7), 2)]
    specs = [SPACE.decompose(parent) for parent in (first, second)]
    possible = set()
    for turns in product((0, 1), repeat=6):
        operations = [specs[turns[i]][i] for i in range(5)]
        edges = [specs[turns[end - 1]][5 + k] for k, end in enumerate(ends)]
        possible.add(SPACE.compose([*operations, *edges]))
    child = SPACE.crossover(first, second, Stream(seed, ("test",)))
    assert child in possible - {None}


@given(st.tuples(*[st.integers(0, 2)] * 5, *[st.integers(0, 1)] * 21))
def test_compose_prunes_as_build_does(indices):
    """A spec's choices compose to the module of its matrix and operations, if that is in the space."""
    bits = iter(indices[5:])
    matrix = [[next(bits) if j > i else 0 for j in range(7)] for i in range(7)]
    assert SPACE.compose(indices) == naive_module(matrix, indices[:5])
