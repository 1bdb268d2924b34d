"""Spaces of grammars: published strings, graphs, draws, and the three grammars that come with Assay."""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import AsGraph, Crossable, Enumerable, Mutable, Neighbours
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.grammar import (
    EinspaceGrammarSpace,
    FiniteGrammarSpace,
    GrammarSpace,
    HierarchicalNasBench201Space,
    NasBench201GrammarSpace,
)
from assay.spaces.nas_bench_201 import NasBench201Space
from assay.testing.spaces import SpaceSuite

CELLS, HIERARCHICAL, EINSPACE = (
    NasBench201GrammarSpace(),
    HierarchicalNasBench201Space(),
    EinspaceGrammarSpace(),
)
SEEDS = st.integers(0, 2**32)

# The example of Schrodi et al. in ml4aad.org/construction-of-hierarchical-neural-architecture-search-spaces-
# based-on-context-free-grammars, in a grammar of its functions.
PAPER = GrammarSpace(
    "paper",
    {
        "S": ['"Sequential" S S S [0.2]', '"Residual" S S S [0.1]', '"conv"', '"id"', '"linear"'],
    },
    "S",
    {"Sequential": "chain", "Residual": ((0, 1), (0, 2), (1, 2))},
)
EXAMPLE = "Sequential(Residual(conv, id, conv), Residual(conv, id, conv), linear)"


class TestCells(SpaceSuite):
    def make_space(self):
        return NasBench201GrammarSpace()


class TestHierarchical(SpaceSuite):
    draws = 100

    def make_space(self):
        return HierarchicalNasBench201Space()


class TestEinspace(SpaceSuite):
    def make_space(self):
        return EinspaceGrammarSpace()


class TestPaper(SpaceSuite):
    def make_space(self):
        return PAPER


def test_capabilities():
    """Every grammar can be searched by evolution; an index and neighbours come with finiteness."""
    for space in (CELLS, HIERARCHICAL, EINSPACE, PAPER):
        for capability in (Mutable, Crossable, AsGraph):
            assert isinstance(space, capability)
        finite = space is CELLS
        assert isinstance(space, Enumerable) is isinstance(space, Neighbours) is finite


def test_cells_are_those_of_nas_bench_201():
    """The 15,625 derivations are the cells of NAS-Bench-201: the same graphs, the same neighbours."""
    # Dong and Yang, ICLR 2020, abstract: 15,625 cells.
    assert CELLS.size == CELLS.architectures == 15_625
    names = {"id": "skip_connect", "zero": "none", "conv3x3": "nor_conv_3x3", "conv1x1": "nor_conv_1x1",
             "avg_pool": "avg_pool_3x3"}  # fmt: skip
    theirs = NasBench201Space()
    cells = {theirs.graph(theirs.at(i)).labels: theirs.graph(theirs.at(i)) for i in range(theirs.size)}
    seen = set()
    for arch in map(CELLS.at, range(CELLS.size)):
        graph = CELLS.graph(arch)
        labels = tuple(names.get(label, label) for label in graph.labels)
        assert set(graph.edges) == set(cells[labels].edges)
        seen.add(labels)
    assert seen == set(cells)
    assert len(CELLS.neighbours(CELLS.at(1_234))) == 24


def test_cells_in_the_form_of_the_publication():
    """The string trees of NePS are read and written, and name the same cell as the term."""
    # benchmarks/objectives/hierarchical_nb201.py of automl/hierarchical_nas_construction, "seed 777".
    text = "(CELL Cell (OPS conv3x3) (OPS conv3x3) (OPS conv3x3) (OPS id) (OPS conv3x3) (OPS conv1x1))"
    arch = CELLS.parse(text)
    assert CELLS.string_tree(arch) == text
    assert CELLS.format(arch) == "Cell(conv3x3, conv3x3, conv3x3, id, conv3x3, conv1x1)"
    assert CELLS.parse(CELLS.format(arch)) == arch


def test_size_of_the_hierarchical_space():
    """The number of architectures follows from the rules; with a doubled alternative it is 10^446."""

    def count(operations):
        cell = operations**6
        c, down = cell**2 + 2 * cell**3, 2 * cell + cell**2
        d1, d0 = (c**2 * down + c**3 * down + c**2 * down**2), (c**2 * cell + c**3 * cell + c**2 * cell**2)
        return 2 * d1**2 * d0 + d1**2 * d0**2

    # id, zero, avg_pool and the 27 blocks of activation, convolution and normalisation
    assert HIERARCHICAL.architectures == count(3 + 27)
    assert int(math.log10(count(3 + 27))) == 375
    # cell_flexible.cfg has the alternative "Linear1" CONVBLOCK twice.
    assert int(math.log10(count(3 + 27 + 27))) == 446


def test_hierarchical_architectures_in_the_form_of_the_publication():
    """Bare terminals of string trees are arguments without a symbol of their own."""
    rng = Stream(0, ("test",))
    for arch in (HIERARCHICAL.sample(rng) for _ in range(20)):
        tree = HIERARCHICAL.string_tree(arch)
        assert tree.startswith("(D2 Linear")
        assert re.search(r"\(DOWN (Linear2|Linear3|Residual2) .* resBlock\)", tree)
        assert HIERARCHICAL.parse(tree) == HIERARCHICAL.parse(HIERARCHICAL.format(arch)) == arch


def test_the_example_of_the_paper():
    """Functions and arguments read as in the paper, with its computational graph."""
    arch = PAPER.parse(EXAMPLE)
    assert PAPER.format(arch) == EXAMPLE
    assert PAPER.parse(EXAMPLE.replace(" ", "").replace("(", " ( ")) == arch
    graph = PAPER.graph(arch)
    assert graph.labels == ("input", "conv", "id", "conv", "conv", "id", "conv", "linear", "output")
    assert set(graph.edges) == {
        (0, 1), (0, 2), (1, 3), (2, 4), (3, 4), (2, 5), (3, 5), (4, 6), (5, 7), (6, 7), (7, 8),
    }  # fmt: skip


def test_branches_of_einspace():
    """Both branches read what the branching function gives, and the joining function reads both."""
    left = "computation_module(norm)"
    right = "sequential_module(computation_module(linear64), computation_module(leakyrelu))"
    graph = EINSPACE.graph(
        EINSPACE.parse(f"branching_module_2(clone_tensor2, {left}, {right}, scaled_dot_product)")
    )
    assert graph.labels == (
        "input", "clone_tensor2", "norm", "linear64", "leakyrelu", "scaled_dot_product", "output",
    )  # fmt: skip
    assert set(graph.edges) == {(0, 1), (1, 2), (1, 3), (2, 5), (3, 4), (4, 5), (5, 6)}


def test_einspace_as_published():
    """The functions, and the growth that a computation module with probability 0.32 leaves below 1."""
    # einspace/search_spaces.py of linusericsson/einspace: 14 prerouting, 8 postrouting and 13 computation
    # functions, 4 that branch for each of 2, 4 and 8; aggregation by the number of branches.
    grammar = EINSPACE._grammar
    sizes = {name: len(grammar.of[i]) for i, name in enumerate(grammar.symbols)}
    assert sizes == {
        "S": 5, "M": 6, "B2": 4, "B4": 4, "B8": 4, "A2": 6, "A4": 4, "A8": 4, "PRE": 14, "POST": 8, "C": 13,
    }  # fmt: skip
    # A sequential module has two modules in it, a branching one two, one or one, a routing one one.
    assert grammar.growth() == pytest.approx(0.68 * (2 / 3 + (2 + 1 + 1) / 9 + 1 / 3))
    rng = Stream(0, ("test",))
    roots = Counter(EINSPACE.format(EINSPACE.sample(rng)).partition("(")[0] for _ in range(1_800))
    expected = {"sequential_module": 600, "branching_module_2": 200, "branching_module_4": 200,
                "branching_module_8": 200, "routing_module": 600}  # fmt: skip
    assert set(roots) == set(expected)
    assert all(abs(roots[name] - times) < 6 * times**0.5 for name, times in expected.items())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("Sequential(conv, id)", "'Sequential' has 2 arguments, and not 3"),
        ("conv()", "out of place"),
        ("conv(id)", "'conv' has 1 arguments, and not 0"),
        ("Sequential(conv, id, conv", "a bracket is not closed"),
        ("Sequential(conv, id, conv))", "out of place"),
        ("Sequential(conv id, conv)", "'id' stands where a comma or a bracket should"),
        ("Sequential(conv, , conv)", "out of place"),
        ("conv, id", "out of place"),
        ("conv id", "stands where a comma"),
        ("id(conv)(conv)", "a bracket opens without a name"),
        ("(S Sequential (S conv) (S id) (S conv)", "a bracket is not closed"),
        ("(S conv) (S id)", "more after the last bracket"),
        ("(S (S conv))", "a bracket begins with a symbol and a function"),
        ("(S Sequential, (S conv) (S id) (S conv))", "no commas"),
        ("(T conv)", "no rule of T gives conv"),
        ("()", "a bracket begins with a symbol"),
    ],
)
def test_refused_texts(text, why):
    """What is no term of the grammar is refused, with the reason."""
    with pytest.raises(UsageError, match=re.escape(why)):
        PAPER.parse(text)


def test_terms_that_no_rule_gives():
    """The deepest part that fits nowhere is named, a part of the wrong symbol, and an unknown function."""
    with pytest.raises(UsageError, match=r"no rule gives Linear2\(resBlock, resBlock\)"):
        HIERARCHICAL.parse("Linear3(Linear2(resBlock, resBlock), id, id)")
    with pytest.raises(UsageError, match="it is no D2 but a CELL"):
        HIERARCHICAL.parse("Cell(id, id, id, id, id, id)")
    with pytest.raises(UnknownNameError, match="did you mean 'conv3x3'"):
        CELLS.parse("Cell(conv3x4, id, id, id, id, id)")


@given(st.text(alphabet="(S), Residualconv", max_size=60))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert PAPER.contains(PAPER.parse(text))


@given(SEEDS)
def test_round_trips(seed):
    """Terms and string trees read back, and the graph has the leaves of the term as nodes."""
    arch = EINSPACE.sample(Stream(seed, ("test",)))
    term = EINSPACE.format(arch)
    assert EINSPACE.parse(term) == EINSPACE.parse(EINSPACE.string_tree(arch)) == arch
    leaves = re.findall(r"([\w]+)(?![\w(])", term)
    assert sorted(EINSPACE.graph(arch).labels[1:-1]) == sorted(leaves)


@given(SEEDS)
def test_mutants_differ_in_one_subtree(seed):
    """A mutant has the parent's derivation before and after one subtree of the same symbol."""
    rng = Stream(seed, ("test",))
    arch = HIERARCHICAL.sample(rng)
    mutant = HIERARCHICAL.mutate(arch, rng, "subtree")
    grammar = HIERARCHICAL._grammar
    assert any(
        arch[:place] == mutant[:place]
        and grammar.symbol_of[arch[place]] == grammar.symbol_of[mutant[place]]
        and arch[grammar.end(arch, place) :] == mutant[grammar.end(mutant, place) :]
        for place in range(min(len(arch), len(mutant)))
    )


@given(SEEDS)
def test_children_are_grafted(seed):
    """A child is the first parent but for one subtree, which the second has."""
    rng = Stream(seed, ("test",))
    first, second = EINSPACE.sample(rng), EINSPACE.sample(rng)
    child = EINSPACE.crossover(first, second, rng)
    grammar = EINSPACE._grammar
    subtrees = {second[place : grammar.end(second, place)] for place in range(len(second))}
    assert any(
        child[:place] == first[:place]
        and child[grammar.end(child, place) :] == first[grammar.end(first, place) :]
        and child[place : grammar.end(child, place)] in subtrees
        for place in range(min(len(first), len(child)))
    )


def test_deep_trees_meet_no_limit():
    """A tree of twenty thousand levels is read, printed, changed and drawn as a graph."""
    levels = 20_000
    text = "Sequential(conv, id, " * levels + "conv" + ")" * levels
    arch = PAPER.parse(text)
    assert PAPER.format(arch) == text
    assert PAPER.parse(PAPER.string_tree(arch)) == arch
    assert hash(arch) == hash(PAPER.parse(text))
    graph = PAPER.graph(arch)
    assert len(graph.labels) == 2 * levels + 3
    assert graph.edges[-1] == (2 * levels + 1, 2 * levels + 2)
    rng = Stream(0, ("test",))
    assert PAPER.contains(PAPER.mutate(arch, rng, "subtree"))
    assert PAPER.contains(PAPER.crossover(arch, arch, rng))


def test_a_grammar_that_need_not_end():
    """Weights under which samples grow are refused, unless a depth bounds them."""
    rules = 'S -> "f" S S | "a"'
    with pytest.raises(UsageError, match="multiplied by 1 in expectation") as raised:
        GrammarSpace("mine", rules, "S", {"f": "parallel"})
    assert "max_depth" in raised.value.hint
    space = GrammarSpace("mine", rules, "S", {"f": "parallel"}, max_depth=4)
    assert space.architectures is None
    rng = Stream(0, ("test",))
    archs = [space.sample(rng) for _ in range(500)]
    archs += [space.mutate(arch, rng, "subtree") for arch in archs]
    # At depth 4 there are leaves only: at most 2^5 - 1 productions.
    assert max(map(len, archs)) == 31
    assert space.contains(space.parse("f(" * 9 + "a" + ", a)" * 9))


class TestSmall(SpaceSuite):
    """A finite grammar whose symbols have more derivations than neighbours are made of."""

    def make_space(self):
        letters = " | ".join(f'"{letter}"' for letter in "abcdefghijk")
        rules = f'S -> "f" P P | "g" P P | "h" P\nP -> "p" L L | "q" L L | "r" L\nL -> {letters}'
        return FiniteGrammarSpace("small", rules, "S", dict.fromkeys("fghpqr", "chain"))


def test_neighbours_of_a_finite_grammar():
    """A symbol with many derivations changes its root's function only, one with few changes altogether."""
    space = TestSmall().make_space()
    assert space.size == 2 * 253**2 + 253
    assert [space.format(other) for other in space.neighbours(space.parse("h(r(a))"))] == [
        f"h(r({letter}))" for letter in "bcdefghijk"
    ]
    near = [space.format(other) for other in space.neighbours(space.parse("f(p(a, b), r(c))"))]
    assert len(near) == 2 + 3 * 10
    assert {"g(p(a, b), r(c))", "f(q(a, b), r(c))"} < set(near)


def test_what_has_no_index_is_refused():
    """A grammar without bound, and one with more architectures than an index counts, need the other class."""
    with pytest.raises(UsageError, match="they are without bound"):
        FiniteGrammarSpace("mine", 'S -> "f" S S | "a"', "S", {"f": "chain"})
    many = " ".join(["A"] * 70)
    with pytest.raises(UsageError, match=r"they are 1\.2e\+21"):
        FiniteGrammarSpace("mine", f'S -> "f" {many}\nA -> "a" | "b"', "S", {"f": "chain"})
    with pytest.raises(UsageError, match="one architecture cannot be searched"):
        GrammarSpace("mine", 'S -> "f" A\nA -> "a"', "S", {"f": "chain"})
    for index in (-1, CELLS.size):
        with pytest.raises(UsageError, match="outside the space"):
            CELLS.at(index)


@pytest.mark.parametrize(
    ("combinators", "why"),
    [
        ({}, "not given"),
        ({"f": "ring"}, "it is ring"),
        ({"f": ((0, 1),)}, "cannot connect 2 arguments"),
        ({"f": ((0, 1), (1, 0))}, "cannot connect 2 arguments"),
        ({"f": ((0, 1), (0, 2))}, "cannot connect 2 arguments"),
        ({"f": ((1, 2), (0, 2))}, "cannot connect 2 arguments"),
    ],
)
def test_combinators_that_do_not_fit(combinators, why):
    """A function with arguments needs edges for them that lead from the input to the output."""
    with pytest.raises(UsageError, match=re.escape(why)):
        GrammarSpace("mine", 'S -> "f" A A\nA -> "a" | "b"', "S", combinators)


@pytest.mark.parametrize("stray", [None, "conv", [2], (), (0,), (2, 2), (99,), (True,), (2.0,)])
def test_foreign_values_are_refused(stray):
    """Values of another kind, and sequences that are no derivation, raise one message."""
    assert PAPER.contains(stray) is False
    for call in (PAPER.format, PAPER.graph, PAPER.string_tree):
        with pytest.raises(UsageError, match="not an architecture of the space"):
            call(stray)
