"""Search spaces: a small core, and the capabilities that a strategy may require.

An architecture is a hashable value; its published string form is its identity. Spaces are
immutable and safe to share between threads; every method is pure but for the stream it is given.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

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


Value = str | bool | int | float
"""What a parameter can be set to."""


class Condition(msgspec.Struct, frozen=True):
    """A parameter is active where its parent, which is no `Real`, is active and has one of these values."""

    parent: str
    values: tuple[Value, ...]


class Categorical(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="categorical"):
    """A choice without order."""

    name: str
    choices: tuple[Value, ...]
    when: Condition | None = None


class Ordinal(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="ordinal"):
    """A choice from a list in its order, such as "small", "medium", "large"."""

    name: str
    choices: tuple[Value, ...]
    when: Condition | None = None


class Integer(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="integer"):
    """A whole number from `low` to `high`, both included; `low + k * step` where a step is given."""

    name: str
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Condition | None = None


class Real(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="real"):
    """A number from `low` to `high`, both included; `low + k * step` where a step is given."""

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: Condition | None = None


Parameter = Categorical | Ordinal | Integer | Real
"""One named parameter; `log` is the scale in which it is drawn and changed."""


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


@runtime_checkable
class Parametric(SearchSpace[A], Protocol[A]):
    """A space whose architectures are settings of named parameters.

    A parent comes before what depends on it. `values` gives the active parameters in their order, with
    values of the declared type. `build(values(a)) == a`; `build` takes a mapping in any order and
    numbers of any type, and raises `UsageError`, with the parameter's name, for a value that it cannot
    have, for one that is missing, and for one that is set without being active.
    """

    parameters: tuple[Parameter, ...]

    def values(self, arch: A) -> dict[str, Value]: ...
    def build(self, values: Mapping[str, Value]) -> A: ...
