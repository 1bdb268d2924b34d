"""Encodings: architectures as rows of numbers, derived once for every space.

Each encoding is a bag of named features for one architecture; `Encoding` lays the bags out in
columns. Graph encodings come from `AsGraph`, so that a space which can draw its graph has them all:

    encode = path_encoding(space, seen)
    features = encode(candidates)          # shape (len(candidates), len(encode.columns))

The columns are the features of the *reference* architectures: the whole of a small space, or what
a predictor is trained on. What no reference architecture has is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.contracts.space import AsGraph, Categorical, Factorised, Graph, Parametric, SearchSpace
from assay.foundation.errors import CapabilityError, UsageError
from assay.spaces._declared import domain_of
from assay.spaces._parameters import text_of

Bag = Mapping[str, float]


class Encoding:
    """Turns architectures into rows; `columns` names what each number counts or flags."""

    def __init__(self, features: Callable[[Any], Bag], columns: Iterable[str]) -> None:
        self.columns = tuple(columns)
        self._features = features
        self._place = {name: i for i, name in enumerate(self.columns)}

    def __call__(self, archs: Sequence[Hashable]) -> np.ndarray:
        """Return one row of float64 for each architecture, shape (len(archs), len(columns))."""
        rows = np.zeros((len(archs), len(self.columns)))
        for row, arch in zip(rows, archs, strict=True):
            for name, count in self._features(arch).items():
                if name in self._place:
                    row[self._place[name]] = count
        return rows


def one_hot_encoding(space: SearchSpace[Any]) -> Encoding:
    """Return the encoding with a flag for every choice of every factor, in their order.

    Columns are named 'factor=choice'. Raises `CapabilityError` unless the space is `Factorised`.
    """
    if not isinstance(space, Factorised):
        raise _lacks(space, "Factorised", "the one-hot encoding")
    names = [[f"{factor.name}={choice}" for choice in factor.choices] for factor in space.factors]

    def features(arch: Any) -> Bag:
        return {names[i][choice]: 1 for i, choice in enumerate(space.decompose(arch))}

    return Encoding(features, [name for row in names for name in row])


def parameter_encoding(space: SearchSpace[Any]) -> Encoding:
    """Return the encoding of the parameters' values, in their order.

    A number has one column with its place in [0, 1], in the scale of its logarithm where it has one; an
    ordinal one with its rank in [0, 1]; a category a flag for each choice, named 'optimizer=sgd'. A
    conditional parameter has a further flag, named 'momentum=', for being inactive; its other columns are
    then 0. Raises `CapabilityError` unless the space is `Parametric`.
    """
    if not isinstance(space, Parametric):
        raise _lacks(space, "Parametric", "the encoding of parameters")
    columns: list[str] = []
    domains = {parameter.name: domain_of(parameter)[1] for parameter in space.parameters}
    for parameter in space.parameters:
        categories = parameter.choices if isinstance(parameter, Categorical) else ()
        columns += [f"{parameter.name}={text_of(choice)}" for choice in categories] or [parameter.name]
        columns += [f"{parameter.name}="] * (parameter.when is not None)

    def features(arch: Any) -> Bag:
        found: dict[str, float] = {}
        values = space.values(arch)
        for parameter in space.parameters:
            value = values.get(parameter.name)
            if value is None:
                found[f"{parameter.name}="] = 1
            elif isinstance(parameter, Categorical):
                found[f"{parameter.name}={text_of(value)}"] = 1
            else:
                found[parameter.name] = domains[parameter.name].unit(value)
        return found

    return Encoding(features, columns)


def adjacency_encoding(space: SearchSpace[Any], reference: Sequence[Hashable]) -> Encoding:
    """Return the encoding with a flag for every edge, and for every operation at every node.

    Columns are named '2>5' for an edge between nodes and '2=skip' for an operation at a node.
    Source: White et al., "A Study on Encodings for Neural Architecture Search", NeurIPS 2020, the
    one-hot adjacency matrix encoding.
    """
    return _of_graphs(space, reference, _adjacency, "the adjacency encoding")


def path_encoding(space: SearchSpace[Any], reference: Sequence[Hashable]) -> Encoding:
    """Return the encoding with a flag for every sequence of operations on a way through the graph.

    Columns are named 'input>gcn>skip>output'. A path counts once, however many ways have its
    operations. The number of paths can grow exponentially with the number of nodes.

    Source: White et al., "A Study on Encodings for Neural Architecture Search", NeurIPS 2020, the
    one-hot path encoding.
    """
    return _of_graphs(space, reference, _paths, "the path encoding")


def weisfeiler_lehman_encoding(
    space: SearchSpace[Any], reference: Sequence[Hashable], depth: int = 2
) -> Encoding:
    """Return the encoding that counts each node's label at every depth up to `depth`.

    The label at depth 0 is the operation; at depth h it is the operation with the sorted labels, at
    depth h - 1, of the nodes that it reads, as in '1:gcn(input,skip)'. The dot product of two rows is
    the Weisfeiler-Lehman subtree kernel. Labels follow the direction of the edges.

    Source: Shervashidze et al., JMLR 12, 2011, the subtree kernel; Ru et al., "Interpretable Neural
    Architecture Search via Bayesian Optimisation with Weisfeiler-Lehman Kernels", ICLR 2021, for its
    use on architectures. Reading incoming edges alone is the choice made here.
    """
    if depth < 0:
        raise UsageError("the Weisfeiler-Lehman encoding needs a depth of at least 0", why=f"depth = {depth}")

    def features(graph: Graph) -> Bag:
        return _subtrees(graph, depth)

    return _of_graphs(space, reference, features, "the Weisfeiler-Lehman encoding")


def _of_graphs(
    space: SearchSpace[Any], reference: Sequence[Hashable], features: Callable[[Graph], Bag], what: str
) -> Encoding:
    """Return the encoding by features of the graph, with those of the reference as sorted columns."""
    if not isinstance(space, AsGraph):
        raise _lacks(space, "AsGraph", what)
    columns: set[str] = set()
    for arch in reference:
        columns.update(features(space.graph(arch)))
    if not columns:
        raise UsageError(f"{what} needs at least one reference architecture", where=space.name)
    return Encoding(lambda arch: features(space.graph(arch)), sorted(columns))


def _adjacency(graph: Graph) -> Bag:
    edges = {f"{source}>{target}": 1 for source, target in graph.edges}
    return edges | {f"{node}={label}": 1 for node, label in enumerate(graph.labels)}


def _paths(graph: Graph) -> Bag:
    into = _sources(graph)
    read = {source for source, _ in graph.edges}
    until: list[set[str]] = []
    for node, label in enumerate(graph.labels):
        before = {path for source in into[node] for path in until[source]}
        until.append({f"{path}>{label}" for path in before} if into[node] else {label})
    ends = (until[node] for node in range(len(graph.labels)) if node not in read)
    return dict.fromkeys(set().union(*ends), 1)


def _subtrees(graph: Graph, depth: int) -> Bag:
    into = _sources(graph)
    labels = list(graph.labels)
    counts = Counter(f"0:{label}" for label in labels)
    for level in range(1, depth + 1):
        labels = [
            f"{label}({','.join(sorted(labels[source] for source in into[node]))})"
            for node, label in enumerate(graph.labels)
        ]
        counts.update(f"{level}:{label}" for label in labels)
    return counts


def _sources(graph: Graph) -> list[list[int]]:
    """Return for each node the nodes that it reads."""
    into: list[list[int]] = [[] for _ in graph.labels]
    for source, target in graph.edges:
        into[target].append(source)
    return into


def _lacks(space: SearchSpace[Any], capability: str, what: str) -> CapabilityError:
    return CapabilityError(
        f"{what} cannot be made for the space {space.name}", why=f"the space does not offer {capability}"
    )
