"""The suite for spaces passes a sound space and catches each planted defect."""

# ruff: noqa: ARG002  arguments that a defect ignores
# ruff: noqa: NPY002, S311  the process-wide generators are what is tested

from __future__ import annotations

import random
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest

from assay.contracts.space import Factor, Graph, SearchSpace
from assay.foundation.errors import AssayError
from assay.testing.spaces import SpaceSuite
from assay.testing.toy_space import ToySpace

# Their defects are planted in test_parametric_suite.py.
PARAMETRIC = {
    "test_build_refuses_what_does_not_fit",
    "test_build_undoes_values",
    "test_parameters_are_declared_in_order",
    "test_values_are_those_of_the_active_parameters",
}
TESTS = sorted(name for name in dir(SpaceSuite) if name.startswith("test_") and name not in PARAMETRIC)


class NoRevision(ToySpace):
    revision = 0


class NoName(ToySpace):
    name = ""


class SampleIsOutside(ToySpace):
    def sample(self, rng):
        return (*super().sample(rng)[:3], 4)


class SampleIsAList(ToySpace):
    def sample(self, rng):
        return list(super().sample(rng))


class SampleFavoursTheFirstHalf(ToySpace):
    def sample(self, rng):
        return self.at(min(rng.below(self.size), rng.below(self.size)))


class SampleOfEvenIndicesOnly(ToySpace):
    def sample(self, rng):
        return self.at(2 * rng.below(self.size // 2))


class SampleIsConstant(ToySpace):
    def sample(self, rng):
        return (0, 1, 2, 3)


class SampleUsesRandom(ToySpace):
    def sample(self, rng):
        return self.at(random.randrange(self.size))


class MutateUsesNumpy(ToySpace):
    def mutate(self, arch, rng, kind):
        near = self.neighbours(arch)
        return near[np.random.randint(len(near))]


class MutateReadsEntropy(ToySpace):
    def mutate(self, arch, rng, kind):
        return random.SystemRandom().choice(self.neighbours(arch))


class ContainsEverything(ToySpace):
    def contains(self, arch):
        return True


class ContainsRaises(ToySpace):
    def contains(self, arch):
        return len(arch) == 4


class FormatForgets(ToySpace):
    def format(self, arch):
        return "".join("abca"[choice] for choice in arch)


class FormatHasTwoLines(ToySpace):
    def format(self, arch):
        return super().format(arch) + "\n"

    def parse(self, text):
        return super().parse(text.strip("\n"))


class ParseReverses(ToySpace):
    def parse(self, text):
        return super().parse(text[::-1])


class ParseReturnsNone(ToySpace):
    def parse(self, text):
        try:
            return super().parse(text)
        except AssayError:
            return None


class ParseRaisesIndexError(ToySpace):
    def parse(self, text):
        if len(text) != 4:
            raise IndexError(text)
        return super().parse(text)


class RemembersWhatWasAsked(ToySpace):
    formatted = 0

    def format(self, arch):
        self.formatted += 1
        return super().format(arch)

    def sample(self, rng):
        arch = super().sample(rng)
        return arch[::-1] if self.formatted else arch


class IndexFromOne(ToySpace):
    def index(self, arch):
        return super().index(arch) + 1


class IndexRepeats(ToySpace):
    def at(self, index):
        return super().at(index // 2 * 2)


class SizeTooSmall(ToySpace):
    size = 4**4 // 2

    def sample(self, rng):
        return self.at(rng.below(4**4))


class MutateCanBeIdentity(ToySpace):
    def mutate(self, arch, rng, kind):
        return (rng.below(4), *arch[1:])


class MutateLeaves(ToySpace):
    def mutate(self, arch, rng, kind):
        return (arch[0] + 1, *arch[1:])


class MutateIsConstant(ToySpace):
    def sample(self, rng):
        return self.at(1 + rng.below(self.size - 1))

    def mutate(self, arch, rng, kind):
        return (0, 0, 0, 0)


class MutationsUnnamed(ToySpace):
    mutations = ()


class NeighbourTwice(ToySpace):
    def neighbours(self, arch):
        near = super().neighbours(arch)
        return [*near, near[0]]


class NeighbourOfItself(ToySpace):
    def neighbours(self, arch):
        return [*super().neighbours(arch), arch]


class NeighboursOneWay(ToySpace):
    def neighbours(self, arch):
        return [other for other in super().neighbours(arch) if sum(other) > sum(arch)]


class NeighboursOutside(ToySpace):
    def neighbours(self, arch):
        return [(*arch[:3], 7)]


class NeighboursInAnyOrder(ToySpace):
    def neighbours(self, arch):
        near = super().neighbours(arch)
        random.SystemRandom().shuffle(near)
        return near


class ChildOutside(ToySpace):
    def crossover(self, first, second, rng):
        return (*first[:2], *second[:1])


class ChildIsTheFirst(ToySpace):
    def crossover(self, first, second, rng):
        return first


class EdgeGoesBack(ToySpace):
    def graph(self, arch):
        return Graph(super().graph(arch).labels, ((1, 0), (1, 2), (2, 3)))


class EdgeLeavesTheGraph(ToySpace):
    def graph(self, arch):
        return Graph(super().graph(arch).labels, ((0, 1), (1, 2), (2, 4)))


class EdgeTwice(ToySpace):
    def graph(self, arch):
        return Graph(super().graph(arch).labels, ((0, 1), (0, 1), (1, 2), (2, 3)))


class LabelsAreNumbers(ToySpace):
    def graph(self, arch):
        return Graph(arch, super().graph(arch).edges)


class ComposeReverses(ToySpace):
    def compose(self, indices):
        return super().compose(tuple(indices)[::-1])


class DecomposeOutOfBounds(ToySpace):
    def decompose(self, arch):
        return tuple(choice + 1 for choice in arch)


class ComposeLeaves(ToySpace):
    def compose(self, indices):
        arch = super().compose(indices)
        return arch if arch != (1, *arch[1:]) else (4, *arch[1:])

    def decompose(self, arch):
        return arch

    def sample(self, rng):
        return (0, *super().sample(rng)[1:])


class FactorsShareAName(ToySpace):
    factors = (Factor("operation", tuple("abcd")),) * 4


class ChoiceTwice(ToySpace):
    factors = tuple(Factor(f"operation {i}", tuple("abca")) for i in range(4))


# Each defect, and the test that is made to catch it.
DEFECTS: list[tuple[type, str]] = [
    (NoRevision, "test_is_named_and_versioned"),
    (NoName, "test_is_named_and_versioned"),
    (SampleIsOutside, "test_samples_are_inside"),
    (SampleIsAList, "test_samples_are_inside"),
    (SampleFavoursTheFirstHalf, "test_samples_are_uniform"),
    (SampleOfEvenIndicesOnly, "test_samples_are_uniform"),
    (SampleIsConstant, "test_draws_come_from_the_stream"),
    (SampleUsesRandom, "test_draws_come_from_the_stream"),
    (MutateUsesNumpy, "test_draws_come_from_the_stream"),
    (MutateReadsEntropy, "test_draws_come_from_the_stream"),
    (ContainsEverything, "test_contains_refuses_strays"),
    (ContainsRaises, "test_contains_refuses_strays"),
    (FormatForgets, "test_format_and_parse_are_inverse"),
    (FormatHasTwoLines, "test_format_and_parse_are_inverse"),
    (ParseReverses, "test_format_and_parse_are_inverse"),
    (ParseReturnsNone, "test_parse_refuses_nonsense"),
    (ParseRaisesIndexError, "test_parse_refuses_nonsense"),
    (RemembersWhatWasAsked, "test_instances_agree"),
    (IndexFromOne, "test_index_is_a_bijection"),
    (IndexRepeats, "test_index_is_a_bijection"),
    (SizeTooSmall, "test_index_is_a_bijection"),
    (MutateCanBeIdentity, "test_mutants_differ_and_are_inside"),
    (MutateLeaves, "test_mutants_differ_and_are_inside"),
    (MutateIsConstant, "test_mutants_differ_and_are_inside"),
    (MutationsUnnamed, "test_mutants_differ_and_are_inside"),
    (NeighbourTwice, "test_neighbours_are_distinct_and_mutual"),
    (NeighbourOfItself, "test_neighbours_are_distinct_and_mutual"),
    (NeighboursOneWay, "test_neighbours_are_distinct_and_mutual"),
    (NeighboursOutside, "test_neighbours_are_distinct_and_mutual"),
    (NeighboursInAnyOrder, "test_neighbours_are_distinct_and_mutual"),
    (ChildOutside, "test_children_are_inside"),
    (ChildIsTheFirst, "test_children_are_inside"),
    (EdgeGoesBack, "test_graphs_are_topological"),
    (EdgeLeavesTheGraph, "test_graphs_are_topological"),
    (EdgeTwice, "test_graphs_are_topological"),
    (LabelsAreNumbers, "test_graphs_are_topological"),
    (ComposeReverses, "test_compose_undoes_decompose"),
    (DecomposeOutOfBounds, "test_compose_undoes_decompose"),
    (FactorsShareAName, "test_compose_undoes_decompose"),
    (ChoiceTwice, "test_compose_undoes_decompose"),
    (ComposeLeaves, "test_composed_is_inside_or_none"),
]


def suite(space: type) -> SpaceSuite:
    """Return the suite on a space."""

    class Suite(SpaceSuite):
        def make_space(self) -> SearchSpace[Any]:
            return space()

    return Suite()


@pytest.fixture(autouse=True)
def _generators_restored():
    """Put the process-wide generators back, which some defects draw from."""
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.mark.parametrize("test", TESTS)
def test_sound_space_passes(test):
    """A space without a defect passes every test of the suite, and skips none."""
    getattr(suite(ToySpace), test)()


@pytest.mark.parametrize(("defect", "test"), DEFECTS, ids=lambda value: getattr(value, "__name__", value))
def test_planted_defect_is_caught(defect, test):
    """Each defect fails the test that is made for it, with a message of its own."""
    with pytest.raises((AssertionError, TypeError)) as caught:
        getattr(suite(defect), test)()
    assert str(caught.value)


def test_every_test_of_the_suite_has_a_defect():
    """No test of the suite is one that cannot fail."""
    assert {test for _, test in DEFECTS} == set(TESTS)


def test_missing_member_of_the_core_is_caught():
    """A class that lacks a method of the core is named as no search space."""

    class Bare:
        name, revision = "bare", 1

    with pytest.raises(AssertionError, match="member of SearchSpace"):
        suite(Bare).test_is_named_and_versioned()


def test_tests_of_absent_capabilities_are_skipped():
    """A space with the core alone passes, and skips the tests of what it cannot do, with the reason."""

    class Core:
        name, revision = "core", 1
        contains, sample, parse, format = ToySpace.contains, ToySpace.sample, ToySpace.parse, ToySpace.format
        size, at, _arch = ToySpace.size, ToySpace.at, ToySpace._arch

    skipped = []
    for test in TESTS:
        try:
            getattr(suite(Core), test)()
        except SkipTest as skip:
            skipped.append(str(skip))
    assert sorted({reason.rsplit(" ", 1)[1] for reason in skipped}) == [
        "AsGraph", "Crossable", "Enumerable", "Factorised", "Mutable", "Neighbours",
    ]  # fmt: skip
    assert all(reason.startswith("the space core is not ") for reason in skipped)


def test_make_space_must_be_defined():
    """A suite without a space says what to define."""
    with pytest.raises(NotImplementedError, match="define make_space"):
        SpaceSuite().test_is_named_and_versioned()
