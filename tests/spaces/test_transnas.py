"""TransNAS-Bench-101's two search spaces: published strings and counts, and their own rules."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import SearchSpace
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.nas_bench_201 import NasBench201Space
from assay.spaces.transnas import TransNasMacroSpace, TransNasMicroSpace
from assay.testing.spaces import SpaceSuite

MICRO = TransNasMicroSpace()
MACRO = TransNasMacroSpace()
CELLS = st.tuples(*[st.integers(0, 3)] * 6)
STACKS = st.integers(0, MACRO.size - 1).map(MACRO.at)


class TestMicro(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return TransNasMicroSpace()


class TestMacro(SpaceSuite):
    def make_space(self) -> SearchSpace[Any]:
        return TransNasMacroSpace()


def counts(arch):
    """Return the numbers of modules, of halvings of the resolution, and of doublings of the channels."""
    return len(arch), sum(digit in (3, 4) for digit in arch), sum(digit in (2, 4) for digit in arch)


def test_sizes_as_published():
    """4,096 cells and 3,256 stacks: README.md of yawen-d/TransNASBench."""
    assert len({MICRO.format(MICRO.at(i)) for i in range(MICRO.size)}) == MICRO.size == 4_096
    assert len({MACRO.format(MACRO.at(i)) for i in range(MACRO.size)}) == MACRO.size == 3_256


@pytest.mark.parametrize(
    ("space", "text", "arch"),
    [
        # Strings in README.md and api/example.py of yawen-d/TransNASBench.
        (MICRO, "64-41414-1_02_333", (1, 0, 2, 3, 3, 3)),
        (MACRO, "64-1234-basic", (1, 2, 3, 4)),
        (MACRO, "64-2311-basic", (2, 3, 1, 1)),
        (MACRO, "64-4111-basic", (4, 1, 1, 1)),
    ],
)
def test_published_strings(space, text, arch):
    """The strings that the publication shows read as what it says of them."""
    assert space.parse(text) == arch
    assert space.format(arch) == text


@given(CELLS)
def test_micro_round_trip(arch):
    """Every tuple of six operations is a cell; its index is its digits to base 4."""
    assert MICRO.parse(MICRO.format(arch)) == arch
    assert MICRO.index(arch) == int("".join(map(str, arch)), 4)


@given(st.text(alphabet="64-1_023basic", max_size=18))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns an architecture or raises `UsageError`."""
    for space in (MICRO, MACRO):
        with contextlib.suppress(UsageError):
            assert space.contains(space.parse(text))


@pytest.mark.parametrize(
    ("space", "text", "why"),
    [
        (MICRO, "64-41414-1_02_334", "six operations 0 to 3"),
        (MICRO, "32-41414-1_02_333", "six operations 0 to 3"),
        (MICRO, "64-1234-basic", "six operations 0 to 3"),
        (MACRO, "64-41414-1_02_333", "four to six digits"),
        (MACRO, "64-123-basic", "four to six digits"),
        (MACRO, "64-1111111-basic", "four to six digits"),
        (MACRO, "64-1111-basic", "halves the resolution 0 times and doubles the channels 0 times"),
        (MACRO, "64-33333-basic", "halves the resolution 5 times"),
        (MACRO, "64-22223-basic", "doubles the channels 4 times"),
    ],
)
def test_refused_spellings(space, text, why):
    """A spelling that is not in the space is refused, with the reason."""
    with pytest.raises(UsageError, match=why):
        space.parse(text)


def test_macro_bounds():
    """A stack is in the space if and only if its three numbers are in their bounds."""
    for depth in range(3, 8):
        for arch in product((1, 2, 3, 4), repeat=depth):
            n, halved, doubled = counts(arch)
            assert MACRO.contains(arch) == (4 <= n <= 6 and 1 <= halved <= 4 and 1 <= doubled <= 3)


def test_micro_graph_has_the_cells_ways():
    """The graph has the ways of NAS-Bench-201's cell, which has the same nodes and edges."""
    cell = NasBench201Space()
    assert set(MICRO.graph(MICRO.at(0)).edges) == set(cell.graph(cell.at(0)).edges)
    assert MICRO.graph((1, 0, 2, 3, 3, 3)).labels == (
        "input", "skip_connect", "none", "conv_1x1", "conv_3x3", "conv_3x3", "conv_3x3", "output",
    )  # fmt: skip


def test_macro_graph_is_the_chain_of_modules():
    """The graph is the chain of modules, with what the publication says of each digit."""
    graph = MACRO.graph((1, 2, 3, 4))
    # README.md of yawen-d/TransNASBench, on 64-1234-basic.
    assert graph.labels == (
        "input", "normal", "channel x2", "resolution /2", "channel x2 & resolution /2", "output",
    )  # fmt: skip
    assert graph.edges == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5))


@given(STACKS)
def test_macro_neighbours_are_one_module_away(arch):
    """Neighbours are exactly the stacks in the space with one module removed, replaced or inserted."""
    removed = {(*arch[:i], *arch[i + 1 :]) for i in range(len(arch))}
    replaced = {(*arch[:i], d, *arch[i + 1 :]) for i in range(len(arch)) for d in range(1, 5)}
    inserted = {(*arch[:i], d, *arch[i:]) for i in range(len(arch) + 1) for d in range(1, 5)}
    expected = set(filter(MACRO.contains, removed | replaced | inserted)) - {arch}
    assert set(MACRO.neighbours(arch)) == expected


def test_macro_neighbours_connect_the_space():
    """Every stack can be reached from every other through neighbours, and neighbours are mutual."""
    around = {MACRO.at(i): set(MACRO.neighbours(MACRO.at(i))) for i in range(MACRO.size)}
    assert all(arch in around[other] for arch, others in around.items() for other in others)
    reached, front = {MACRO.at(0)}, [MACRO.at(0)]
    while front:
        found = around[front.pop()] - reached
        reached |= found
        front += found
    assert len(reached) == MACRO.size


def test_macro_module_mutation_draws_all_changes_alike():
    """Each change of 'module' that stays in the space is drawn equally often."""
    arch, rng, draws = (1, 2, 3, 4, 1), Stream(0, ("test",)), 20_000
    ways: Counter[tuple[int, ...]] = Counter()
    for i in range(len(arch)):
        ways[(*arch[:i], *arch[i + 1 :])] += 1
        ways.update((*arch[:i], d, *arch[i + 1 :]) for d in range(1, 5) if d != arch[i])
    ways.update((*arch[:i], d, *arch[i:]) for i in range(len(arch) + 1) for d in range(1, 5))
    ways = Counter({other: n for other, n in ways.items() if MACRO.contains(other)})
    drawn = Counter(MACRO.mutate(arch, rng, "module") for _ in range(draws))
    assert set(drawn) == set(ways)
    for other, n in ways.items():
        expected = draws * n / ways.total()
        # Six standard deviations of a count.
        assert abs(drawn[other] - expected) < 6 * expected**0.5


@given(STACKS, st.integers(0, 2**32))
def test_macro_counts_mutation_changes_one_number(arch, seed):
    """'counts' changes one of the three numbers, and as many modules as possible do both."""
    mutant = MACRO.mutate(arch, Stream(seed, ("test",)), "counts")
    before, after = counts(arch), counts(mutant)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert mutant.count(4) == min(after[1:])


def test_macro_counts_mutation_draws_numbers_alike():
    """'counts' draws the three numbers equally often, and each other value alike, in random order."""
    arch, rng, draws = (1, 2, 3, 4, 1), Stream(0, ("test",)), 24_000
    drawn: Counter[tuple[int, ...]] = Counter()
    orders = defaultdict(set)
    for _ in range(draws):
        mutant = MACRO.mutate(arch, rng, "counts")
        drawn[counts(mutant)] += 1
        orders[counts(mutant)].add(mutant)
    values = [[(n, 2, 2) for n in (4, 6)], [(5, n, 2) for n in (1, 3, 4)], [(5, 2, n) for n in (1, 3)]]
    for number in values:
        expected = draws / 3 / len(number)
        assert all(abs(drawn[value] - expected) < 6 * expected**0.5 for value in number)
    assert sum(drawn.values()) == sum(drawn[value] for number in values for value in number)
    assert len(orders[4, 2, 2]) == 6  # two modules that do both, among four


def test_macro_absent_modules_may_stand_anywhere():
    """Choices that leave out the fifth or the sixth module compose to the same stack."""
    assert MACRO.compose((0, 1, 2, 3, 0, 3)) == MACRO.compose((0, 1, 2, 3, 3, 0)) == (1, 2, 3, 4, 3)
    assert MACRO.decompose((1, 2, 3, 4, 3)) == (0, 1, 2, 3, 3, 0)
    assert MACRO.compose((0, 0, 0, 0, 0, 0)) is None


@given(STACKS, STACKS, st.integers(0, 2**32))
def test_macro_children_have_each_module_from_a_parent(first, second, seed):
    """A child is composed of choices of which each is one of its parents'."""
    pairs = zip(MACRO.decompose(first), MACRO.decompose(second), strict=True)
    possible = {MACRO.compose(choices) for choices in product(*pairs)}
    assert MACRO.crossover(first, second, Stream(seed, ("test",))) in possible


@pytest.mark.parametrize("stray", [(1, 2, 3), (1, 1, 1, 1), (1, 2, 3, 5), "64-1234-basic", [1, 2, 3, 4]])
@pytest.mark.parametrize("call", [MACRO.format, MACRO.index, MACRO.neighbours, MACRO.graph, MACRO.decompose])
def test_foreign_values_are_refused(call, stray):
    """What is no architecture raises one message, whatever was asked of it."""
    with pytest.raises(UsageError, match="not an architecture of the space"):
        call(stray)


def test_indices_choices_and_kinds_outside_are_refused():
    """Indices and choices outside their bounds, and unknown mutations, are refused."""
    for index in (-1, MACRO.size):
        with pytest.raises(UsageError, match="outside the space"):
            MACRO.at(index)
    for choices in ((0,) * 5, (4, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 5)):
        with pytest.raises(UsageError, match="not choices"):
            MACRO.compose(choices)
    with pytest.raises(UnknownNameError, match="did you mean 'module'"):
        MACRO.mutate(MACRO.at(0), Stream(0, ("test",)), "modules")
