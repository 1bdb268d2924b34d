"""Spaces of named parameters: draws, changes, enumeration and the published form."""

from __future__ import annotations

import copy
import math
import pickle
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.contracts.space import (
    AsGraph,
    Categorical,
    Condition,
    Crossable,
    Enumerable,
    Factorised,
    Integer,
    Mutable,
    Neighbours,
    Ordinal,
    Parametric,
    Real,
)
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces.parametric import (
    FactorisedParametricSpace,
    FiniteParametricSpace,
    NeighbouringParametricSpace,
    ParametricSpace,
)
from assay.testing.spaces import SpaceSuite

SGD = Condition("optimizer", ("sgd",))
MIXED = (
    Categorical("optimizer", ("sgd", "adam", "a, b=c", "")),
    Real("lr", 1e-5, 1.0, log=True),
    Real("momentum", 0.0, 0.9, step=0.1, when=SGD),
    Categorical("nesterov", (True, False), when=SGD),
    Integer("width", 1, 1024, log=True),
    Ordinal("depth", (1, 2, 4, 8)),
    Real("offset", -1.0, 1.0, when=Condition("nesterov", (True,))),
    Integer("steps", -10, 90, step=10),
)
FINITE = tuple(parameter for parameter in MIXED if parameter.name not in ("lr", "width", "offset"))
PRODUCT = (
    Categorical("act", ("relu", "tanh")),
    Ordinal("width", (16, 32, 64)),
    Real("rate", 0, 0.5, step=0.25),
)
# 2 x 10^45 settings, most of them below a condition.
LARGE = (
    Categorical("kind", ("a", "b")),
    *[Integer(f"n{i}", 1, 10**15, when=Condition("kind", ("b",))) for i in range(3)],
    Categorical("x", (1, 2)),
)


def mixed():
    return ParametricSpace("mixed", MIXED)


def finite():
    return ParametricSpace("finite", FINITE)


def chain(length):
    """Return a space in which each parameter is active for one of three values of the one before."""
    names = [f"p{i}" for i in range(length)]
    conditions = [None, *[Condition(name, (1,)) for name in names]]
    return ParametricSpace(
        "chain", [Integer(n, 0, 2, when=c) for n, c in zip(names, conditions, strict=False)]
    )


class TestMixed(SpaceSuite):
    def make_space(self):
        return mixed()


class TestFinite(SpaceSuite):
    def make_space(self):
        return finite()


class TestProduct(SpaceSuite):
    def make_space(self):
        return ParametricSpace("product", PRODUCT)


class TestDeep(SpaceSuite):
    def make_space(self):
        return chain(12)


class TestBeyondAnyWord(SpaceSuite):
    """An index of 64 bits does not reach all settings."""

    def make_space(self):
        return ParametricSpace("large", LARGE)


@pytest.mark.parametrize(
    ("parameters", "kind", "capabilities"),
    [
        (MIXED, ParametricSpace, ()),
        ((Real("x", 0.0, 1.0),), ParametricSpace, ()),
        ((Integer("n", 1, 9, log=True),), ParametricSpace, ()),
        (LARGE, FiniteParametricSpace, (Enumerable,)),
        (FINITE, NeighbouringParametricSpace, (Enumerable, Neighbours)),
        ((Integer("n", 0, 1000),), NeighbouringParametricSpace, (Enumerable, Neighbours)),
        (PRODUCT, FactorisedParametricSpace, (Enumerable, Neighbours, Factorised)),
        ((Integer("n", 0, 999),), FactorisedParametricSpace, (Enumerable, Neighbours, Factorised)),
    ],
)
def test_what_a_space_offers_depends_on_its_parameters(parameters, kind, capabilities):
    """The class of a space has the capabilities that its parameters allow, and no others."""
    space = ParametricSpace("space", parameters)
    assert type(space) is kind
    always = (Parametric, Mutable, Crossable)
    for capability in (*always, Enumerable, Neighbours, Factorised, AsGraph):
        assert isinstance(space, capability) == (capability in (*always, *capabilities)), capability


def test_a_class_that_promises_more_than_its_parameters_allow_is_refused():
    """What is not finite cannot be made a finite space, nor conditions factors."""
    with pytest.raises(UsageError, match="'lr' have no ranks"):
        FiniteParametricSpace("mixed", MIXED)
    with pytest.raises(UsageError, match="1,000 settings hang on one value"):
        NeighbouringParametricSpace("large", LARGE)
    with pytest.raises(UsageError, match="a parameter is conditional"):
        FactorisedParametricSpace("finite", FINITE)


def test_spaces_are_copied_and_pickled_whole():
    """A copy and a pickled space are of the same class and give the same draws."""
    for space in (mixed(), finite()):
        for other in (copy.copy(space), copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
            assert type(other) is type(space)
            assert other.sample(Stream(0, ("x",))) == space.sample(Stream(0, ("x",)))


@pytest.mark.parametrize(
    ("space", "pinned"),
    [
        (
            ParametricSpace("pinned", [one for one in MIXED if one.name not in ("lr", "offset")]),
            [
                'optimizer="a, b=c",width=796,depth=8,steps=40',
                "optimizer=adam,width=144,depth=1,steps=20",
                'optimizer="a, b=c",width=796,depth=4,steps=40',
                'optimizer="a, b=c",width=480,depth=8,steps=40',
                'optimizer="a, b=c",width=144,depth=1,steps=20',
            ],
        ),
        (
            finite(),
            [
                "optimizer=sgd,momentum=0.5,nesterov=false,depth=8,steps=80",
                "optimizer=sgd,momentum=0.5,nesterov=true,depth=2,steps=70",
                'optimizer="a, b=c",depth=8,steps=80',
                "optimizer=sgd,momentum=0.5,nesterov=false,depth=4,steps=80",
                "optimizer=sgd,momentum=0.5,nesterov=true,depth=8,steps=70",
            ],
        ),
    ],
)
def test_draws_are_those_of_revision_one(space, pinned):
    """A stream gives the draws, changes and children that it has always given."""
    rng = Stream(0, ("pinned",))
    first, second = space.sample(rng), space.sample(rng)
    drawn = [first, second, *[space.mutate(first, rng, kind) for kind in space.mutations]]
    assert [space.format(arch) for arch in (*drawn, space.crossover(first, second, rng))] == pinned


def test_real_numbers_are_uniform_in_their_scale():
    """A real number and the logarithm of another are uniform between their bounds."""
    space = ParametricSpace("reals", (Real("a", -3.0, 5.0), Real("b", 1e-4, 10.0, log=True)))
    rng = Stream(0, ("test",))
    a, b = np.array([space.sample(rng) for _ in range(4000)]).T
    assert stats.kstest((a + 3) / 8, "uniform").pvalue > 1e-3
    assert stats.kstest(np.log(b / 1e-4) / np.log(1e5), "uniform").pvalue > 1e-3


def test_integers_are_uniform_in_their_logarithm():
    """An integer n has the probability of the logarithms from n - 0.5 to n + 0.5."""
    space = ParametricSpace("integers", (Integer("n", 1, 8, log=True),))
    rng = Stream(0, ("test",))
    counts = Counter(space.sample(rng)[0] for _ in range(8000))
    expected = np.array([math.log((n + 0.5) / (n - 0.5)) for n in range(1, 9)]) / math.log(8.5 / 0.5)
    assert stats.chisquare([counts[n] for n in range(1, 9)], 8000 * expected).pvalue > 1e-3


def test_draws_are_hierarchical_but_for_finite_spaces():
    """A choice with much below it is drawn as often as the others, in a finite space by its settings."""
    below = Integer("n", 0, 9, when=Condition("kind", ("b",)))
    share = {}
    for extra in (Real("x", 0.0, 1.0), Categorical("x", (0, 1))):
        space = ParametricSpace("space", (Categorical("kind", ("a", "b")), below, extra))
        rng = Stream(0, ("test",))
        share[type(extra)] = sum(space.sample(rng)[0] == "b" for _ in range(4000)) / 4000
    assert share[Real] == pytest.approx(1 / 2, abs=0.03)
    assert share[Categorical] == pytest.approx(10 / 11, abs=0.03)


def test_a_small_step_stays_near_and_resampling_does_not():
    """'one-parameter' moves a number by about a fifth of its scale; 'resample' draws it anew."""
    space = ParametricSpace("space", (Real("x", 1e-4, 1.0, log=True), Categorical("c", ("a", "b"))))
    moved = {kind: [] for kind in space.mutations}
    for kind, found in moved.items():
        rng = Stream(0, ("test", kind))
        for _ in range(4000):
            mutant = space.mutate((0.01, "a"), rng, kind)
            found.append(math.log10(mutant[0] / 0.01) / 4)
            assert (mutant[0] != 0.01) != (mutant[1] != "a")
    steps = {kind: np.array([x for x in found if x]) for kind, found in moved.items()}
    # A normal with deviation 0.2, cut at 2.5 deviations on both sides.
    wanted = stats.truncnorm(-2.5, 2.5, scale=0.2)
    assert stats.kstest(steps["one-parameter"], wanted.cdf).pvalue > 1e-3
    assert stats.kstest(steps["resample"] + 0.5, "uniform").pvalue > 1e-3
    assert len(steps["resample"]) == pytest.approx(2000, abs=150)


@pytest.mark.parametrize(
    "parameter",
    [
        Integer("n", 1, 2, log=True),
        Integer("n", 0, 1),
        Ordinal("n", (3, 1)),
        Integer("n", 1, 10**9, log=True),
    ],
)
def test_small_and_large_domains_move_at_once(parameter):
    """A number of two values changes to the other one without a long search, a large one near by."""
    space = ParametricSpace("space", (parameter,))
    rng = Stream(0, ("test",))
    arch = space.sample(rng)
    for _ in range(200):
        mutant = space.mutate(arch, rng, "one-parameter")
        assert mutant != arch
        arch = mutant
    assert rng.draws < 200 * 40


def test_what_a_change_makes_active_is_drawn_and_what_it_ends_is_dropped():
    """A mutation of a parent draws what becomes active and drops what does not stay so."""
    space, rng = mixed(), Stream(0, ("test",))
    born = gone = 0
    for _ in range(2000):
        arch = space.sample(rng)
        before, after = space.values(arch), space.values(space.mutate(arch, rng, "resample"))
        changed = {name for name in before if name in after and before[name] != after[name]}
        assert len(changed) == 1
        born += after.keys() > before.keys()
        gone += after.keys() < before.keys()
    assert born > 50
    assert gone > 50


def test_neighbours_differ_in_one_of_the_parameters_that_both_have():
    """Neighbours are the pairs with one difference, by one rank where there is an order."""
    space = ParametricSpace(
        "space",
        (
            Categorical("kind", ("a", "b", "c")),
            Integer("n", 0, 3, when=Condition("kind", ("b", "c"))),
            Ordinal("size", ("s", "m", "l"), when=Condition("n", (2,))),
            Categorical("flag", (True, False)),
        ),
    )
    every = [space.at(i) for i in range(space.size)]
    assert space.size == 2 * (1 + 2 * (3 + 3))
    ranks = {"n": [0, 1, 2, 3], "size": ["s", "m", "l"]}

    def near(one, other):
        first, second = space.values(one), space.values(other)
        changed = [name for name in first if name in second and first[name] != second[name]]
        if len(changed) != 1:
            return False
        order = ranks.get(changed[0])
        return not order or abs(order.index(first[changed[0]]) - order.index(second[changed[0]])) == 1

    for arch in every:
        assert set(space.neighbours(arch)) == {other for other in every if near(arch, other)}


def test_the_index_counts_what_depends_on_a_value_after_it():
    """The first parameter is the most significant, and what a value makes active comes directly after."""
    space = ParametricSpace(
        "space",
        (
            Categorical("kind", ("a", "b")),
            Categorical("flag", (True, False)),
            Integer("n", 0, 1, when=Condition("kind", ("a",))),
        ),
    )
    assert [space.format(space.at(i)) for i in range(space.size)] == [
        "kind=a,flag=true,n=0", "kind=a,flag=false,n=0", "kind=a,flag=true,n=1", "kind=a,flag=false,n=1",
        "kind=b,flag=true", "kind=b,flag=false",
    ]  # fmt: skip


def test_a_chain_of_conditions_has_any_length():
    """Counting and enumeration go no deeper with the conditions."""
    space = chain(3000)
    assert space.size == 2 * 3000 + 1
    for index in (0, 1, 2, 3000, 6000):
        assert space.index(space.at(index)) == index


def test_children_take_what_a_parent_has():
    """Each active value of a child is that of a parent, and both are followed."""
    space, rng = mixed(), Stream(0, ("test",))
    sides = Counter()
    for _ in range(500):
        first, second = space.sample(rng), space.sample(rng)
        child = space.crossover(first, second, rng)
        for value, pair in zip(child, zip(first, second, strict=True), strict=True):
            assert value is None or value in pair
            sides[value == pair[0], value == pair[1]] += 1
    assert sides[True, False] > 200
    assert sides[False, True] > 200


def test_factors_are_the_texts_of_the_values():
    """A product of choices has its values as texts, and composes to them."""
    space = ParametricSpace("product", PRODUCT)
    assert space.factors == (
        ("act", ("relu", "tanh")), ("width", ("16", "32", "64")), ("rate", ("0.0", "0.25", "0.5")),
    )  # fmt: skip
    assert space.compose((1, 2, 0)) == ("tanh", 64, 0.0)
    assert space.decompose(("tanh", 64, 0.0)) == (1, 2, 0)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.lists(st.integers(0, 3), min_size=1))
def test_sizes_are_those_of_a_count(first, second, third, values):
    """The size of a space with two parameters under a third is that of the list of its settings."""
    when = Condition("c", tuple(value % third for value in values))
    space = ParametricSpace(
        "space",
        (
            Integer("c", 0, third - 1),
            Integer("a", 1, first, when=when),
            Integer("b", 1, second, when=when),
            Categorical("free", (0, 1)),
        ),
    )
    every = {
        (c, a if c in when.values else None, b if c in when.values else None, free)
        for c, a, b, free in product(range(third), range(1, first + 1), range(1, second + 1), (0, 1))
    }
    assert {space.at(i) for i in range(space.size)} == every
    assert space.size == len(every)
