"""NAS-Bench-201 against the official files of NATS-Bench, and its own rules."""

from __future__ import annotations

import contextlib
import csv
import gzip
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.nas_bench_201 import EDGES, OPERATIONS, NasBench201Space

SPACE = NasBench201Space()
CELLS = st.tuples(*[st.integers(0, 4)] * 6)


@pytest.fixture(scope="module")
def official(shared):
    """Return the rows of the official index, with its columns arch, ops and unique."""
    path = shared / "data/nasbench201/nb201_tss_table.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared data")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_equals_the_official_strings(official):
    """All 15,625 published strings and operation digits are ours, each once."""
    assert len(official) == SPACE.size
    for row in official:
        arch = SPACE.parse(row["arch"])
        assert SPACE.format(arch) == row["arch"]
        assert "".join(map(str, arch)) == row["ops"]
    assert len({row["arch"] for row in official}) == SPACE.size


def test_unique_strings_equal_the_official_ones(official):
    """The canonical form is NATS-Bench's isomorphism string, byte for byte, for every cell."""
    for row in official:
        assert SPACE.unique_string(SPACE.parse(row["arch"])) == row["unique"]


def test_unique_strings_make_6466_classes():
    """The canonical form has 6,466 classes."""
    # The number of different strings in the official files of NATS-Bench, which another test compares.
    assert len({SPACE.unique_string(SPACE.at(i)) for i in range(SPACE.size)}) == 6_466


def test_index_reads_the_operations_as_digits():
    """The order is Assay's: a number to base 5, edge 1<-0 first."""
    assert SPACE.at(0) == (0, 0, 0, 0, 0, 0)
    assert SPACE.at(15_624) == (4, 4, 4, 4, 4, 4)
    assert SPACE.index((1, 0, 0, 0, 0, 0)) == 5**5
    assert SPACE.index((4, 2, 1, 2, 1, 1)) == int("421211", 5)


@given(CELLS)
def test_round_trip(arch):
    """Every tuple of six operations is an architecture, and its string and index read back."""
    assert SPACE.contains(arch)
    assert SPACE.parse(SPACE.format(arch)) == arch
    assert SPACE.index(arch) == int("".join(map(str, arch)), 5)


@given(CELLS, st.permutations(range(3)), st.permutations(range(2)))
def test_inputs_may_be_in_any_order(arch, third, second):
    """A string with the inputs of a node in another order, or with blanks, is the same architecture."""
    parts = [f"{OPERATIONS[op]}~{source}" for op, (_, source) in zip(arch, EDGES, strict=True)]
    nodes = [parts[:1], [parts[1 + i] for i in second], [parts[3 + i] for i in third]]
    assert SPACE.parse(" + ".join(f"|{'|'.join(node)}|" for node in nodes)) == arch


@given(st.text(alphabet="|~+#01234 nonesk", max_size=40))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("421211", "published form"),
        ("|none~0|+|none~0|none~1|", "published form"),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "the edge 2<-0 twice"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "every earlier node"),
        ("|none~0|+|none~0|none~2|+|none~0|none~1|none~2|", "every earlier node"),
    ],
)
def test_refused_spellings(text, why):
    """A spelling that leaves something open is refused, with the reason."""
    with pytest.raises(UsageError, match=why):
        SPACE.parse(text)


def test_unknown_operation_suggests_the_nearest():
    """A misspelt operation raises the house's error with the nearest name."""
    with pytest.raises(UnknownNameError, match="did you mean 'nor_conv_3x3'"):
        SPACE.parse("|nor_conv_3x4~0|+|none~0|none~1|+|none~0|none~1|none~2|")


@pytest.mark.parametrize(
    "call", [SPACE.format, SPACE.index, SPACE.neighbours, SPACE.graph, SPACE.unique_string]
)
@pytest.mark.parametrize("stray", [(0, 0, 0, 0, 0, 5), "000000", [0] * 6, None])
def test_foreign_values_are_refused(call, stray):
    """What is no architecture raises one message, whatever was asked of it."""
    with pytest.raises(UsageError, match="not an architecture of the space"):
        call(stray)


def test_indices_and_choices_outside_are_refused():
    """Indices and choices outside their bounds are refused, negative ones too."""
    for index in (-1, SPACE.size):
        with pytest.raises(UsageError, match="outside the space"):
            SPACE.at(index)
    for choices in ((0,) * 5, (0,) * 5 + (5,), (-1,) + (0,) * 5):
        with pytest.raises(UsageError, match="not choices"):
            SPACE.compose(choices)


@pytest.mark.parametrize(
    ("kind", "shares"),
    [
        ("node-then-edge", [1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9]),
        ("uniform-edge", [1 / 6] * 6),
    ],
)
def test_mutations_change_one_edge_with_its_probability(kind, shares):
    """Each kind changes one edge, with the stated probability, to each other operation alike."""
    arch, rng, draws = (0, 1, 2, 3, 4, 0), Stream(0, ("test",)), 36_000
    changed: Counter[tuple[int, int]] = Counter()
    for _ in range(draws):
        mutant = SPACE.mutate(arch, rng, kind)
        [edge] = [i for i in range(6) if mutant[i] != arch[i]]
        changed[edge, mutant[edge]] += 1
    for edge, share in enumerate(shares):
        counts = [changed[edge, operation] for operation in range(5) if operation != arch[edge]]
        # Six standard deviations of a binomial count.
        margin = 6 * (draws * share / 4) ** 0.5
        assert all(abs(count - draws * share / 4) < margin for count in counts)


def test_unknown_mutation_is_refused():
    """A kind of mutation that the space lacks raises the house's error."""
    with pytest.raises(UnknownNameError, match="did you mean 'uniform-edge'"):
        SPACE.mutate(SPACE.at(0), Stream(0, ("test",)), "uniform-edges")


@given(CELLS)
def test_neighbours_are_the_24_with_one_edge_changed(arch):
    """The neighbours are exactly the architectures at Hamming distance one."""
    found = SPACE.neighbours(arch)
    assert len(found) == len(set(found)) == 24
    assert all(sum(a != b for a, b in zip(arch, other, strict=True)) == 1 for other in found)


@given(CELLS, CELLS, st.integers(0, 2**32))
def test_children_have_each_edge_from_a_parent(first, second, seed):
    """A child has no operation that neither parent has at that edge."""
    child = SPACE.crossover(first, second, Stream(seed, ("test",)))
    assert all(c in pair for c, pair in zip(child, zip(first, second, strict=True), strict=True))


def test_children_take_from_both_parents_alike():
    """Each edge comes from either parent half of the time, independently of the others."""
    rng = Stream(0, ("test",))
    children = Counter(SPACE.crossover((0,) * 6, (1,) * 6, rng) for _ in range(6_400))
    assert len(children) == 64
    # Six standard deviations of a count with expectation 100.
    assert all(abs(count - 100) < 60 for count in children.values())


def test_graph_has_the_cells_paths():
    """The graph has one way through for each of 3<-0, 3<-1<-0, 3<-2<-0 and 3<-2<-1<-0."""
    graph = SPACE.graph((0, 1, 2, 3, 4, 0))
    assert graph.labels == (
        "input", "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "none", "output",
    )  # fmt: skip
    reads = defaultdict(list)
    for source, target in graph.edges:
        reads[target].append(source)

    def ways(node):
        return [[node]] if node == 0 else [[*way, node] for source in reads[node] for way in ways(source)]

    # Node i + 1 is the operation on EDGES[i].
    assert sorted(ways(7)) == [[0, 1, 3, 6, 7], [0, 1, 5, 7], [0, 2, 6, 7], [0, 4, 7]]
