"""NAS-Bench-Graph against its package: keys, equivalences, and its own rules."""

from __future__ import annotations

import contextlib
from collections import Counter
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces._trees import LINKS
from assay.spaces.nas_bench_graph import (
    OPERATIONS,
    PROTEINS_OPERATIONS,
    GraphNetwork,
    NasBenchGraphProteinsSpace,
    NasBenchGraphSpace,
)

SPACE = NasBenchGraphSpace()
PROTEINS = NasBenchGraphProteinsSpace()
BOTH = pytest.mark.parametrize("space", [SPACE, PROTEINS], ids=lambda space: space.name)

# Every link in which nodes come after what they read: the 24 that the package knows.
ORDERED_LINKS = list(product((0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)))
SPELLINGS = st.tuples(
    st.sampled_from(ORDERED_LINKS), st.tuples(*[st.sampled_from(OPERATIONS)] * 4)
).filter(lambda spelling: set(spelling[1]) != {"skip"})  # fmt: skip


def spelled(link, operations):
    """Return the published form of an arrangement, canonical or not."""
    return f"[{','.join(map(str, link))}] {','.join(operations)}"


@pytest.fixture(scope="module")
def upstream():
    """Return the published package."""
    pytest.importorskip("nas_bench_graph", reason="the extra 'tables' is not installed")
    from nas_bench_graph import architecture, readbench

    class Package:
        Arch = architecture.Arch
        light_read = staticmethod(readbench.light_read)
        gnn_list_proteins = architecture.gnn_list_proteins

    return Package


@pytest.mark.parametrize(
    "task", ["cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins"]
)
def test_keys_equal_those_of_the_table(upstream, task):
    """The keys of each of the nine published tables are exactly those of our architectures, in order."""
    space = PROTEINS if task == "proteins" else SPACE
    keys = [space.table_key(space.at(i)) for i in range(space.size)]
    assert keys == sorted(upstream.light_read(task))


def test_every_spelling_has_the_packages_key(upstream):
    """Arrangements over all 24 ordered links, on five operations, get the key of the package's own rule."""
    for link in ORDERED_LINKS:
        for operations in product(("gat", "gcn", "cheb", "fc", "skip"), repeat=4):
            if set(operations) != {"skip"}:
                key = upstream.Arch(list(link), list(operations)).valid_hash()
                assert SPACE.table_key(SPACE.parse(spelled(link, operations))) == key


@given(SPELLINGS)
def test_random_spelling_has_the_packages_key(upstream, spelling):
    """Any arrangement of any operations gets the key of the package's own rule."""
    link, operations = spelling
    key = upstream.Arch(list(link), list(operations)).valid_hash()
    assert SPACE.table_key(SPACE.parse(spelled(link, operations))) == key


def test_proteins_has_the_packages_operations(upstream):
    """The five operations of proteins are the package's, and those of nine in the same order."""
    assert list(PROTEINS_OPERATIONS) == upstream.gnn_list_proteins
    assert [op for op in OPERATIONS if op in PROTEINS_OPERATIONS] == list(PROTEINS_OPERATIONS)


def test_sizes():
    """26,206 architectures (Qin et al., NeurIPS 2022, abstract), 2,021 of them of the five operations."""
    assert len({SPACE.at(i) for i in range(SPACE.size)}) == SPACE.size == 26_206
    assert len({PROTEINS.at(i) for i in range(PROTEINS.size)}) == PROTEINS.size == 2_021
    assert {PROTEINS.at(i) for i in range(PROTEINS.size)} == {
        arch for arch in map(SPACE.at, range(SPACE.size)) if set(arch.operations) <= set(PROTEINS_OPERATIONS)
    }


def test_worked_examples():
    """Spellings whose canonical arrangement can be told by hand."""
    cases = {
        # The leaf beside the chain comes last.
        "[0,1,2,1] gcn,gin,fc,cheb": "[0,1,1,2] gcn,gin,cheb,fc",
        # Siblings are sorted in the order of operations.
        "[0,0,0,0] fc,gat,gin,gcn": "[0,0,0,0] gat,gcn,gin,fc",
        # A skip connection in a chain goes first.
        "[0,1,2,3] gat,skip,gcn,fc": "[0,1,2,3] skip,gat,gcn,fc",
        # One that reads the input and feeds the output is idle; the rest then reads it.
        "[0,0,0,0] gat,gcn,gin,skip": "[0,1,1,1] skip,gat,gcn,gin",
        # One that carries an operation's output past a sibling stays.
        "[0,1,1,1] gat,gcn,gin,skip": "[0,1,1,1] gat,gcn,gin,skip",
    }
    assert {text: SPACE.format(SPACE.parse(text)) for text in cases} == cases


@given(SPELLINGS, st.permutations(range(4)))
def test_order_of_nodes_does_not_matter(spelling, order):
    """Renumbering the nodes in any way, even against the direction of reading, is the same architecture."""
    link, operations = spelling
    place = {0: 0} | {node + 1: i for i, node in enumerate(order, start=1)}
    moved = [place[link[node]] for node in order], [operations[node] for node in order]
    assert SPACE.parse(spelled(*moved)) == SPACE.parse(spelled(link, operations))


@BOTH
def test_canonical_arrangements_are_fixed_points(space):
    """Reading any published form gives the architecture itself, in one of nine trees."""
    for i in range(space.size):
        arch = space.at(i)
        assert space.parse(space.format(arch)) == arch
        assert arch.link in LINKS


def test_architectures_are_the_least_of_their_arrangements():
    """The canonical arrangement is the smallest of all with the same nodes, links first."""
    rank = OPERATIONS.index
    rng = Stream(0, ("test",))
    for arch in (SPACE.sample(rng) for _ in range(300)):
        arrangements = []
        for order in permutations(range(4)):
            place = {0: 0} | {node + 1: i for i, node in enumerate(order, start=1)}
            link = tuple(place[arch.link[node]] for node in order)
            if all(source <= i for i, source in enumerate(link)):
                arrangements.append((link, tuple(rank(arch.operations[node]) for node in order)))
        assert min(arrangements) == (arch.link, tuple(map(rank, arch.operations)))


@given(SPELLINGS)
def test_spellings_with_blanks_quotes_and_brackets(spelling):
    """JSON, Python's own form, and blanks around commas read as the plain form does."""
    link, operations = spelling
    arch = SPACE.parse(spelled(link, operations))
    quoted = ", ".join(f'"{operation}"' for operation in operations)
    links = ", ".join(map(str, link))
    for text in (
        f"[[{links}], [{quoted}]]",
        f"[{links}] [{quoted}]",
        f"({links}), ({quoted})".replace('"', "'"),
        f"  [{links}]   {' , '.join(operations)}  ",
        f"{links} {' '.join(operations)}",
    ):
        assert SPACE.parse(text) == arch


@given(st.text(alphabet="[](), 01239gcnfskip\"'", max_size=40))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[0,1,2] gcn,gin,fc", "not four links"),
        ("[0,1,2,1] gcn,gin,fc,cheb,fc", "not four links"),
        ("[0,1,2,5] gcn,gin,fc,cheb", "no tree"),
        ("[2,1,0,0] gcn,gin,fc,cheb", "no tree"),
        ("[0,1,2,3] skip,skip,skip,skip", "skipped"),
    ],
)
def test_refused_spellings(text, why):
    """What describes no architecture is refused, with the reason."""
    with pytest.raises(UsageError, match=why):
        SPACE.parse(text)


def test_unknown_operation_suggests_the_nearest():
    """An operation that the space lacks raises the house's error, for proteins too."""
    with pytest.raises(UnknownNameError, match="did you mean 'sage'"):
        SPACE.parse("[0,1,2,1] gcn,sagee,fc,skip")
    with pytest.raises(UnknownNameError, match="operation of nas-bench-graph-proteins 'gat'"):
        PROTEINS.parse("[0,1,2,1] gcn,gat,fc,skip")


@pytest.mark.parametrize("call", [SPACE.format, SPACE.index, SPACE.neighbours, SPACE.graph, SPACE.table_key])
@pytest.mark.parametrize(
    "stray",
    [
        None,
        "[0,1,1,2] gcn,gin,cheb,fc",
        GraphNetwork((0, 1, 2, 1), ("gcn", "gin", "fc", "cheb")),
        GraphNetwork((0, 1, 2, 3), ("skip",) * 4),
        ([0, 1, 1, 2], ["gcn", "gin", "cheb", "fc"]),
    ],
)
def test_foreign_values_are_refused(call, stray):
    """Values of another kind and arrangements that are not canonical raise one message."""
    assert SPACE.contains(stray) is False
    with pytest.raises(UsageError, match="not an architecture of the space"):
        call(stray)


def test_indices_and_choices_outside_are_refused():
    """Indices and choices outside their bounds are refused, negative ones too."""
    for index in (-1, SPACE.size):
        with pytest.raises(UsageError, match="outside the space"):
            SPACE.at(index)
    for choices in ((0,) * 4, (9, 0, 0, 0, 0), (0, 0, 0, 0, -1)):
        with pytest.raises(UsageError, match="not choices"):
            SPACE.compose(choices)


@BOTH
def test_compose_covers_the_space(space):
    """The choices of the factors compose to every architecture, and to None when all are skipped."""
    skip = len(space.operations) - 1
    composed = {
        choices: space.compose(choices)
        for choices in product(range(9), *[range(len(space.operations))] * 4)
    }  # fmt: skip
    assert {choices for choices, arch in composed.items() if arch is None} == {
        (link, skip, skip, skip, skip) for link in range(9)
    }
    assert len(set(composed.values()) - {None}) == space.size


def test_neighbours_follow_their_definition():
    """On all of proteins, neighbours are what one changed factor reaches, in either direction."""
    sizes = [len(factor.choices) for factor in PROTEINS.factors]
    reached = {}
    for arch in map(PROTEINS.at, range(PROTEINS.size)):
        own = PROTEINS.decompose(arch)
        changed = [
            PROTEINS.compose((*own[:i], choice, *own[i + 1 :]))
            for i, size in enumerate(sizes)
            for choice in range(size)
        ]
        reached[arch] = set(changed) - {arch, None}
    towards: dict[GraphNetwork, set[GraphNetwork]] = {arch: set() for arch in reached}
    for arch, others in reached.items():
        for other in others:
            towards[other].add(arch)
    for arch, others in reached.items():
        assert PROTEINS.neighbours(arch) == sorted(others | towards[arch], key=PROTEINS.index)


def test_neighbours_are_mutual():
    """Whoever is a neighbour has the other as neighbour, on random architectures of the large space."""
    rng = Stream(0, ("test",))
    for arch in (SPACE.sample(rng) for _ in range(20)):
        assert all(arch in SPACE.neighbours(other) for other in SPACE.neighbours(arch))


@BOTH
def test_mutants_are_neighbours(space):
    """From every architecture, both kinds of mutation end, and reach one of its neighbours."""
    rng = Stream(0, ("test",))
    step = space.size // 2_000 or 1
    for arch in map(space.at, range(0, space.size, step)):
        near = set(space.neighbours(arch))
        assert {space.mutate(arch, rng, kind) for kind in space.mutations} <= near


def test_every_architecture_has_a_mutant_of_each_kind():
    """No architecture traps a mutation: changing its operations alone leads somewhere else."""
    for arch in map(SPACE.at, range(SPACE.size)):
        own = SPACE.decompose(arch)
        changed = ((*own[:4], choice) for choice in range(9))
        assert set(map(SPACE.compose, changed)) - {arch, None}


def test_mutation_draws_factors_alike():
    """On an architecture where every change counts, the five factors change equally often."""
    arch, rng, draws = SPACE.parse("[0,1,2,3] gat,gcn,gin,fc"), Stream(0, ("test",)), 20_000
    moved: Counter[int] = Counter()
    for _ in range(draws):
        mutant = SPACE.mutate(arch, rng, "factor")
        if mutant.link != arch.link:
            moved[0] += 1
            continue
        different = [i for i in range(4) if mutant.operations[i] != arch.operations[i]]
        moved[different[0] + 1 if len(different) == 1 else -1] += 1
    # A new operation is 'skip', which goes first and moves others, in one of eight draws.
    share = draws / 5
    assert abs(moved[0] - share) < 6 * share**0.5
    # Node 1 needs no move to become a skip connection; the others do.
    for factor, expected in ((1, share), (2, share * 7 / 8), (3, share * 7 / 8), (4, share * 7 / 8)):
        assert abs(moved[factor] - expected) < 6 * share**0.5


@given(st.integers(0, 2**32))
def test_children_mix_the_factors_of_their_parents(seed):
    """A child is composed of factors of which each is one of its parents'."""
    rng = Stream(seed, ("test",))
    first, second = SPACE.sample(rng), SPACE.sample(rng)
    pairs = zip(SPACE.decompose(first), SPACE.decompose(second), strict=True)
    possible = {SPACE.compose(choices) for choices in product(*pairs)}
    assert SPACE.crossover(first, second, rng) in possible


def test_children_of_skipping_parents_exist():
    """Parents of which a mix would be all skipped still have children."""
    first, second = SPACE.parse("[0,1,2,3] skip,skip,gat,gat"), SPACE.parse("[0,1,2,3] skip,skip,skip,fc")
    rng = Stream(0, ("test",))
    children = {SPACE.crossover(first, second, rng) for _ in range(500)}
    assert {first, second} < children
    assert all(map(SPACE.contains, children))


def test_graph_joins_leaves_to_the_output():
    """Operations that none reads feed the output."""
    graph = SPACE.graph(SPACE.parse("[0,1,2,1] gcn,gin,fc,cheb"))
    assert graph.labels == ("input", "gcn", "gin", "cheb", "fc", "output")
    assert graph.edges == ((0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 5))
