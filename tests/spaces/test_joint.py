"""Joint spaces: tuples of parts with the capabilities that all parts have."""

from __future__ import annotations

import copy
import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    SearchSpace,
)
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.encodings import one_hot_encoding, path_encoding
from assay.spaces.grid import GridSpace, MlpSpace
from assay.spaces.joint import JointSpace
from assay.spaces.listed import ListedSpace
from assay.spaces.nas_bench_201 import NasBench201Space
from assay.spaces.parametric import ParametricSpace
from assay.testing.spaces import SpaceSuite
from assay.testing.toy_space import ToySpace

ALL = (Enumerable, Mutable, Neighbours, Crossable, AsGraph, Factorised, Parametric)
TRAINING = ParametricSpace(
    "training",
    (
        Categorical("optimizer", ("sgd", "adam")),
        Real("lr", 1e-4, 1.0, log=True),
        Real("momentum", 0.0, 0.9, when=Condition("optimizer", ("sgd",))),
    ),
)
SMALL = ParametricSpace("small", (Ordinal("depth", (1, 2, 3)), Integer("width", 1, 4)))


class TestToys(SpaceSuite):
    """Every capability."""

    def make_space(self):
        return JointSpace("toys", {"cell": ToySpace(), "head": ToySpace()})


class TestNetworkAndGrid(SpaceSuite):
    """A product of 15,625 cells and 30,000 settings."""

    def make_space(self):
        return JointSpace("grid", {"arch": NasBench201Space(), "hyper": MlpSpace()})


class TestNetworkAndTraining(SpaceSuite):
    """An enumerable part and one that is not."""

    def make_space(self):
        return JointSpace("training", {"arch": NasBench201Space(), "hyper": TRAINING})


class TestParameters(SpaceSuite):
    """Three parts, one of them a joint space with conditions."""

    def make_space(self):
        inner = JointSpace("inner", {"train": TRAINING, "net": SMALL})
        return JointSpace("outer", {"a": SMALL, "b": inner, "c": SMALL})


@pytest.mark.parametrize(
    ("parts", "capabilities"),
    [
        ((ToySpace(), ToySpace()), ALL),
        ((NasBench201Space(), ToySpace()), ALL[:6]),
        ((NasBench201Space(), MlpSpace()), (Enumerable, Mutable, Neighbours, Crossable, Factorised)),
        ((NasBench201Space(), TRAINING), (Mutable, Crossable)),
        ((TRAINING, SMALL), (Mutable, Crossable, Parametric)),
        ((SMALL, MlpSpace()), (Enumerable, Mutable, Neighbours, Crossable, Factorised)),
        ((ListedSpace("listed", ["a", "b"]), ToySpace()), (Enumerable,)),
        ((ListedSpace("listed", ["a", "b"]), TRAINING), ()),
    ],
)
def test_a_joint_space_offers_what_all_parts_offer(parts, capabilities):
    """`isinstance` tells what a joint space can do: what each of its parts can."""
    space = JointSpace("joint", {"a": parts[0], "b": parts[1]})
    assert isinstance(space, SearchSpace)
    assert isinstance(space, JointSpace)
    for capability in ALL:
        assert isinstance(space, capability) == (capability in capabilities), capability


def test_spaces_of_the_same_parts_have_the_same_class():
    """The class is made once for a set of capabilities, and copies and pickles keep it."""
    space = JointSpace("joint", {"a": NasBench201Space(), "b": TRAINING})
    other = JointSpace("other", {"x": NasBench201Space(), "y": TRAINING})
    assert type(space) is type(other)
    for again in (copy.copy(space), copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert type(again) is type(space)
        assert again.name == "joint"
        assert again.sample(Stream(0, ("x",))) == space.sample(Stream(0, ("x",)))


def test_the_index_counts_the_last_part_fastest():
    """The index of a pair is that of the first times the size of the second, and that of the second."""
    space = JointSpace("joint", {"arch": NasBench201Space(), "hyper": SMALL})
    arch = space.at(5 * 12 + 7)
    assert arch == (NasBench201Space().at(5), SMALL.at(7))
    assert space.index(arch) == 67
    assert space.size == 15_625 * 12


def test_the_published_form_names_each_part():
    """The form is a JSON object with the form of each part; keys come in any order."""
    space = JointSpace("joint", {"arch": NasBench201Space(), "hyper": TRAINING})
    arch = ((3, 0, 1, 1, 0, 4), ("sgd", 0.1, 0.5))
    text = (
        '{"arch": "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|", '
        '"hyper": "optimizer=sgd,lr=0.1,momentum=0.5"}'
    )
    assert space.format(arch) == text
    assert space.parse(text) == arch
    cell = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    assert space.parse('{"hyper":"lr=1e-1,optimizer=sgd,momentum=.5", "arch":"' + cell + '"}') == arch


@given(st.lists(st.text(min_size=1).filter(str.isprintable), min_size=2, max_size=5, unique=True))
def test_the_form_reads_back_whatever_the_parts_write(texts):
    """Quotes, commas, braces and backslashes in a part's form do not mislead."""
    listed = ListedSpace("listed", texts)
    space = JointSpace("outer", {"x": JointSpace("inner", {"a": listed, "b": listed}), "y": listed})
    for index in range(space.size):
        arch = space.at(index)
        text = space.format(arch)
        assert text.isprintable()
        assert space.parse(text) == arch


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("depth=1,width=1", UsageError, "it is no JSON"),
        ("[" * 100_000, UsageError, "it is no JSON"),
        ('{"a": "depth=1,width=1"}', UsageError, "it lacks b"),
        ("[]", UsageError, "it lacks a, b"),
        ('[["a", "depth=1,width=1"]]', UsageError, "something else than a text"),
        ('{"a": 1, "b": 2}', UsageError, "something else than a text"),
        ('{"a": "depth=1,width=1", "a": "depth=1,width=1"}', UsageError, "it has 'a' twice"),
        ('{"a": "depth=1,width=1", "c": ""}', UnknownNameError, "unknown part of joint 'c'"),
        ('{"a": "depth=1,width=1", "b": "depth=9,width=1"}', UsageError, "this is no value of 'depth'"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_why(text, kind, message):
    """A text that is no pair says what is wrong with it."""
    with pytest.raises(kind) as raised:
        JointSpace("joint", {"a": SMALL, "b": SMALL}).parse(text)
    assert message in str(raised.value)


def test_a_mutation_changes_one_part():
    """'one-part' changes either part as often; a part's own mutation changes that part."""
    space = JointSpace("joint", {"arch": NasBench201Space(), "hyper": TRAINING})
    assert space.mutations == (
        "one-part", "arch.node-then-edge", "arch.uniform-edge", "hyper.one-parameter", "hyper.resample",
    )  # fmt: skip
    rng, changed = Stream(0, ("test",)), Counter()
    for _ in range(1000):
        arch = space.sample(rng)
        for kind in space.mutations:
            mutant = space.mutate(arch, rng, kind)
            changed[kind, tuple(a != b for a, b in zip(arch, mutant, strict=True))] += 1
    assert changed["one-part", (True, False)] == pytest.approx(500, abs=60)
    assert changed["one-part", (True, False)] + changed["one-part", (False, True)] == 1000
    assert changed["arch.uniform-edge", (True, False)] == 1000
    assert changed["hyper.resample", (False, True)] == 1000


def test_neighbours_change_one_part():
    """The neighbours of a pair are those of the first part, then those of the second."""
    space = JointSpace("joint", {"arch": NasBench201Space(), "hyper": SMALL})
    arch = space.at(1000)
    near = space.neighbours(arch)
    assert len(near) == 24 + len(SMALL.neighbours(arch[1]))
    assert [one[1] for one in near[:24]] == [arch[1]] * 24
    assert [one[0] for one in near[24:]] == [arch[0]] * (len(near) - 24)


def test_graphs_stand_side_by_side():
    """The paths of a joint graph are those of its parts, told apart by their names."""
    space = JointSpace("joint", {"cell": ToySpace(), "head": ToySpace()})
    encoding = path_encoding(space, [((0, 1, 2, 3), (3, 3, 3, 3))])
    assert encoding.columns == ("cell.a>cell.b>cell.c>cell.d", "head.d>head.d>head.d>head.d")


def test_factors_and_holes_are_those_of_the_parts():
    """The factors are those of all parts under their names; a hole of a part is one of the joint space."""

    class Holes(GridSpace):
        name, revision = "holes", 1
        factors = SMALL.factors

        def compose(self, indices):
            return None if sum(indices) == 0 else super().compose(indices)

    space = JointSpace("joint", {"a": Holes(), "b": SMALL})
    assert [factor.name for factor in space.factors] == ["a.depth", "a.width", "b.depth", "b.width"]
    assert space.compose((0, 0, 1, 1)) is None
    assert space.compose((0, 1, 0, 0)) == ((0, 1), (1, 1))
    assert space.decompose(((0, 1), (1, 1))) == (0, 1, 0, 0)
    assert len(one_hot_encoding(space).columns) == 14
    with pytest.raises(UsageError, match="not choices"):
        space.compose((0, 0, 0))


def test_parameters_are_those_of_the_parts_under_their_names():
    """Names, parents and values carry the name of the part; what is wrong is said with both."""
    space = JointSpace("joint", {"net": SMALL, "train": TRAINING})
    assert [parameter.name for parameter in space.parameters] == [
        "net.depth", "net.width", "train.optimizer", "train.lr", "train.momentum",
    ]  # fmt: skip
    assert space.parameters[-1].when == Condition("train.optimizer", ("sgd",))
    values = {"net.depth": 2, "net.width": 1, "train.optimizer": "adam", "train.lr": 0.5}
    arch = space.build(values)
    assert space.values(arch) == values
    with pytest.raises(UnknownNameError, match=r"did you mean 'train\.lr'"):
        space.build({**values, "train.rl": 0.5})
    with pytest.raises(UsageError, match=r"'train\.momentum' is set, and is not active"):
        space.build({**values, "train.momentum": 0.5})


def test_the_revision_rises_with_that_of_a_part():
    """A part that behaves in another way makes the joint space another one."""

    class Later(ToySpace):
        revision = 3

    assert JointSpace("joint", {"a": ToySpace(), "b": ToySpace()}).revision == 1
    assert JointSpace("joint", {"a": ToySpace(), "b": Later()}, revision=2).revision == 4


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "at least two parts"),
        ({"a": SMALL}, "at least two parts"),
        ({"a": SMALL, "b.c": SMALL}, "got 'b.c'"),
        ({"a": SMALL, "": SMALL}, "got ''"),
        ({"a": SMALL, "b": "nas-bench-201"}, "the part 'b' is no search space"),
    ],
)
def test_parts_that_cannot_be_are_refused(parts, message):
    """Parts have plain names, are spaces, and are two at least."""
    with pytest.raises(UsageError) as raised:
        JointSpace("joint", parts)
    assert message in str(raised.value)


def test_what_is_no_tuple_of_parts_is_refused():
    """A value of another space is refused by what is asked of it."""
    space = JointSpace("joint", {"a": SMALL, "b": SMALL})
    for stray in ((SMALL.at(0),), (SMALL.at(0), (9, 9)), [SMALL.at(0), SMALL.at(0)]):
        assert not space.contains(stray)
        with pytest.raises(UsageError, match="not an architecture of the space"):
            space.format(stray)
    with pytest.raises(UsageError, match="outside the space"):
        space.at(space.size)
