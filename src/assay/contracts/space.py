"""Search spaces: a small core, and the capabilities that a strategy may require.

An architecture is a hashable value; its published string form is its identity. Spaces are
immutable and safe to share between threads; every method is pure but for the stream it is given.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from assay.foundation.seeding import Stream

A = TypeVar("A", bound=Hashable)


class Graph(NamedTuple):
    """A labelled directed acyclic graph, nodes in topological order.

    `labels[i]` is the operation of node i; `edges` are (source, target) pairs with source < target.
    Where the publication puts operations on edges, each becomes a node (as in NAS-Bench-101).
    """

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]


class Factor(NamedTuple):
    """One categorical choice of a factorised space."""

    name: str
    choices: tuple[str, ...]


@runtime_checkable
class SearchSpace(Protocol[A]):
    """The core of every space.

    `revision` rises with any change of behaviour, and is part of the identity of a run.
    `parse` accepts every published spelling of an architecture and raises `UsageError` otherwise;
    `parse(format(a)) == a`. `sample` is uniform over architectures.
    """

    name: str
    revision: int

    def contains(self, arch: Any) -> bool: ...
    def sample(self, rng: Stream) -> A: ...
    def parse(self, text: str) -> A: ...
    def format(self, arch: A) -> str: ...


@runtime_checkable
class Enumerable(SearchSpace[A], Protocol[A]):
    """A finite space with a published order: `at(index(a)) == a` for index in [0, size)."""

    size: int

    def index(self, arch: A) -> int: ...
    def at(self, index: int) -> A: ...


@runtime_checkable
class Mutable(SearchSpace[A], Protocol[A]):
    """Small random changes. `mutations` names the kinds, the default first.

    `mutate` never returns the architecture it was given.
    """

    mutations: tuple[str, ...]

    def mutate(self, arch: A, rng: Stream, kind: str) -> A: ...


@runtime_checkable
class Neighbours(SearchSpace[A], Protocol[A]):
    """All architectures one change away, distinct, in a fixed order; a symmetric relation."""

    def neighbours(self, arch: A) -> Sequence[A]: ...


@runtime_checkable
class Crossable(SearchSpace[A], Protocol[A]):
    """Recombination of two parents."""

    def crossover(self, first: A, second: A, rng: Stream) -> A: ...


@runtime_checkable
class AsGraph(SearchSpace[A], Protocol[A]):
    """The computational graph, from which all graph encodings are derived."""

    def graph(self, arch: A) -> Graph: ...


@runtime_checkable
class Factorised(SearchSpace[A], Protocol[A]):
    """A space that is a product of categorical choices, perhaps with holes.

    `compose` takes one choice index for each factor and returns None where no architecture
    answers; several index tuples may compose to one architecture. `compose(decompose(a)) == a`.
    """

    factors: tuple[Factor, ...]

    def compose(self, indices: Sequence[int]) -> A | None: ...
    def decompose(self, arch: A) -> tuple[int, ...]: ...
