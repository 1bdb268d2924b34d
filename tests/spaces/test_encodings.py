"""Encodings on graphs that can be told by hand, and on the built-in spaces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import Categorical, Condition, Graph, Integer, Ordinal, Real
from assay.foundation.errors import CapabilityError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space
from assay.spaces.encodings import (
    adjacency_encoding,
    one_hot_encoding,
    parameter_encoding,
    path_encoding,
    weisfeiler_lehman_encoding,
)
from assay.spaces.joint import JointSpace
from assay.spaces.parametric import ParametricSpace


class Drawn:
    """A space whose architectures are graphs themselves."""

    name = "drawn"
    revision = 1

    def contains(self, arch):
        return isinstance(arch, Graph)

    def sample(self, rng):
        raise NotImplementedError

    def parse(self, text):
        raise NotImplementedError

    def format(self, arch):
        return repr(arch)

    def graph(self, arch):
        return arch


# An input, two operations side by side of which the second reads the first too, and an output.
DIAMOND = Graph(("in", "a", "b", "out"), ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3)))
CHAIN = Graph(("in", "a", "a", "out"), ((0, 1), (1, 2), (2, 3)))


def bag(encoding, arch):
    """Return the features of one architecture that are not zero."""
    [row] = encoding([arch])
    return {name: count for name, count in zip(encoding.columns, row, strict=True) if count}


def test_adjacency_flags_edges_and_operations():
    """The adjacency encoding flags each edge, and the operation at each node."""
    found = bag(adjacency_encoding(Drawn(), [DIAMOND]), DIAMOND)
    assert found == dict.fromkeys(["0>1", "0>2", "1>2", "1>3", "2>3", "0=in", "1=a", "2=b", "3=out"], 1)


def test_paths_are_the_ways_from_input_to_output():
    """The path encoding flags each sequence of operations from an input to an output."""
    encoding = path_encoding(Drawn(), [DIAMOND, CHAIN])
    assert bag(encoding, DIAMOND) == dict.fromkeys(["in>a>out", "in>b>out", "in>a>b>out"], 1)
    assert bag(encoding, CHAIN) == {"in>a>a>out": 1}


def test_weisfeiler_lehman_counts_labels_at_each_depth():
    """Labels grow by what each node reads, one step a depth, and are counted."""
    encoding = weisfeiler_lehman_encoding(Drawn(), [CHAIN, DIAMOND], depth=1)
    assert bag(encoding, CHAIN) == {
        "0:in": 1, "0:a": 2, "0:out": 1, "1:in()": 1, "1:a(in)": 1, "1:a(a)": 1, "1:out(a)": 1,
    }  # fmt: skip
    assert bag(encoding, DIAMOND)["1:b(a,in)"] == 1
    deeper = weisfeiler_lehman_encoding(Drawn(), [CHAIN], depth=2)
    assert bag(deeper, CHAIN)["2:a(a(in))"] == 1
    flat = weisfeiler_lehman_encoding(Drawn(), [CHAIN], depth=0)
    assert bag(flat, CHAIN) == {"0:in": 1, "0:a": 2, "0:out": 1}


@st.composite
def graphs(draw):
    """Return a random graph and the same one with its nodes in another order."""
    size = draw(st.integers(2, 6))
    labels = draw(st.lists(st.sampled_from("abc"), min_size=size, max_size=size))
    pairs = [(i, j) for j in range(size) for i in range(j)]
    edges = [pair for pair in pairs if draw(st.booleans())]
    # Any order in which nodes come after what they read.
    order: list[int] = []
    while len(order) < size:
        ready = [
            node
            for node in range(size)
            if node not in order and all(source in order for source, target in edges if target == node)
        ]
        order.append(draw(st.sampled_from(ready)))
    place = {node: i for i, node in enumerate(order)}
    moved = Graph(
        tuple(labels[node] for node in order), tuple(sorted((place[a], place[b]) for a, b in edges))
    )
    return Graph(tuple(labels), tuple(edges)), moved


@given(graphs())
def test_paths_and_labels_do_not_depend_on_the_order_of_nodes(pair):
    """The path and Weisfeiler-Lehman encodings are equal for isomorphic graphs."""
    first, second = pair
    for make in (path_encoding, weisfeiler_lehman_encoding):
        rows = make(Drawn(), [first])([first, second])
        assert np.array_equal(rows[0], rows[1])
        assert make(Drawn(), [second]).columns == make(Drawn(), [first]).columns


@given(graphs(), graphs())
def test_the_dot_product_is_the_subtree_kernel(one, other):
    """Rows multiply to the number of pairs of nodes with equal subtrees (Shervashidze et al., 2011)."""
    first, second, depth = one[0], other[0], 2
    rows = weisfeiler_lehman_encoding(Drawn(), [first, second], depth)([first, second])

    def subtree(graph, node, h):
        reads = sorted(subtree(graph, a, h - 1) for a, b in graph.edges if b == node) if h else []
        return (graph.labels[node], tuple(reads))

    pairs = sum(
        subtree(first, i, h) == subtree(second, j, h)
        for h in range(depth + 1)
        for i in range(len(first.labels))
        for j in range(len(second.labels))
    )
    assert rows[0] @ rows[1] == pairs


def test_one_hot_of_nas_bench_201():
    """Six factors of five choices give thirty columns, in their order."""
    encoding = one_hot_encoding(get_space("nas-bench-201"))
    assert len(encoding.columns) == 30
    assert encoding.columns[:2] == ("1<-0=none", "1<-0=skip_connect")
    rows = encoding([(0, 1, 2, 3, 4, 0), (4, 4, 4, 4, 4, 4)])
    assert rows.shape == (2, 30)
    assert rows.dtype == np.float64
    assert np.array_equal(rows[0].reshape(6, 5).argmax(axis=1), [0, 1, 2, 3, 4, 0])
    assert np.array_equal(rows.sum(axis=1), [6, 6])


def test_paths_of_nas_bench_201():
    """A cell has ways of one, two, two and three operations: 5 + 25 + 125 paths over the space."""
    space = get_space("nas-bench-201")
    encoding = path_encoding(space, [space.at(i) for i in range(0, space.size, 3)])
    assert len(encoding.columns) == 5 + 5**2 + 5**3


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins"])
def test_encodings_tell_architectures_apart(name):
    """One-hot, adjacency and deep Weisfeiler-Lehman rows differ for different architectures."""
    space, rng = get_space(name), Stream(0, ("test",))
    archs = list(dict.fromkeys(space.sample(rng) for _ in range(400)))
    for encoding in (one_hot_encoding(space), adjacency_encoding(space, archs)):
        assert len(np.unique(encoding(archs), axis=0)) == len(archs)
    deep = weisfeiler_lehman_encoding(space, archs, depth=5)(archs)
    if name != "nas-bench-201":  # where cells may be isomorphic
        assert len(np.unique(deep, axis=0)) == len(archs)


def test_encodings_repeat():
    """The same reference gives the same columns and rows, whatever its order."""
    space, rng = get_space("nas-bench-graph"), Stream(0, ("test",))
    archs = [space.sample(rng) for _ in range(50)]
    for make in (adjacency_encoding, path_encoding, weisfeiler_lehman_encoding):
        first, second = make(space, archs), make(space, archs[::-1])
        assert first.columns == second.columns
        assert np.array_equal(first(archs), second(archs))


def test_what_no_reference_has_is_left_out():
    """Features outside the reference add no column and change no other."""
    encoding = path_encoding(Drawn(), [CHAIN])
    assert encoding.columns == ("in>a>a>out",)
    assert np.array_equal(encoding([DIAMOND, CHAIN]), [[0.0], [1.0]])


def test_no_architectures_give_no_rows():
    """Nothing to encode is a table without rows."""
    assert path_encoding(Drawn(), [CHAIN])([]).shape == (0, 1)


def test_a_space_without_the_capability_is_refused():
    """An encoding says which capability of the space it needs."""
    with pytest.raises(CapabilityError, match="does not offer Factorised"):
        one_hot_encoding(Drawn())

    class Hidden:
        """A space that cannot draw its graph."""

        name, revision = "hidden", 1
        contains, sample, parse, format = Drawn.contains, Drawn.sample, Drawn.parse, Drawn.format

    for make in (adjacency_encoding, path_encoding, weisfeiler_lehman_encoding):
        with pytest.raises(CapabilityError, match="does not offer AsGraph"):
            make(Hidden(), [CHAIN])


def test_bad_arguments_are_refused():
    """No reference, or a negative depth, is a usage error."""
    with pytest.raises(UsageError, match="at least one reference"):
        path_encoding(Drawn(), [])
    with pytest.raises(UsageError, match="depth = -1"):
        weisfeiler_lehman_encoding(Drawn(), [CHAIN], depth=-1)


def test_parameters_are_numbers_in_their_scale():
    """Numbers and ordinals lie in [0, 1], categories have a flag a choice, and what is inactive a flag."""
    space = ParametricSpace(
        "training",
        (
            Categorical("optimizer", ("sgd", "adam")),
            Real("lr", 1e-4, 1.0, log=True),
            Real("momentum", 0.5, 0.9, when=Condition("optimizer", ("sgd",))),
            Integer("width", 1, 256, log=True),
            Ordinal("depth", (1, 2, 8)),
            Categorical("nesterov", (True, False), when=Condition("optimizer", ("sgd",))),
        ),
    )
    encoding = parameter_encoding(space)
    assert encoding.columns == (
        "optimizer=sgd", "optimizer=adam", "lr", "momentum", "momentum=", "width", "depth", "nesterov=true",
        "nesterov=false", "nesterov=",
    )  # fmt: skip
    rows = encoding([("sgd", 0.01, 0.6, 16, 2, False), ("adam", 1.0, None, 256, 1, None)])
    assert rows == pytest.approx(
        np.array([[1, 0, 0.5, 0.25, 0, 0.5, 0.5, 0, 1, 0], [0, 1, 1, 0, 1, 1, 0, 0, 0, 1]])
    )


def test_parameters_of_a_joint_space_are_encoded():
    """The columns of a joint space are those of its parts under their names."""
    part = ParametricSpace("part", (Integer("n", 0, 4), Categorical("c", ("a", "b"))))
    encoding = parameter_encoding(JointSpace("joint", {"x": part, "y": part}))
    assert encoding.columns == ("x.n", "x.c=a", "x.c=b", "y.n", "y.c=a", "y.c=b")
    assert np.array_equal(encoding([((1, "a"), (4, "b"))]), [[0.25, 1, 0, 1, 0, 1]])


def test_parameters_are_encoded_without_a_reference():
    """Every setting of a space has its own row."""
    space = ParametricSpace(
        "finite", (Integer("n", 0, 9), Ordinal("o", ("s", "m"), when=Condition("n", (3, 4))))
    )
    archs = [space.at(i) for i in range(space.size)]
    assert len(np.unique(parameter_encoding(space)(archs), axis=0)) == len(archs)
    with pytest.raises(CapabilityError, match="does not offer Parametric"):
        parameter_encoding(get_space("nas-bench-201"))
