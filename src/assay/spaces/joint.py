"""Joint spaces: an architecture of each of several spaces, such as a network and its hyperparameters.

Sources of the idea: Klein and Hutter, "Tabular Benchmarks for Joint Architecture and Hyperparameter
Optimization", arXiv:1905.04970; Zela et al., "Towards Automated Deep Learning", AutoML workshop 2018.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Self

import msgspec

from assay.contracts.space import (
    AsGraph,
    Crossable,
    Enumerable,
    Factor,
    Factorised,
    Graph,
    Mutable,
    Neighbours,
    Parameter,
    Parametric,
    SearchSpace,
    Value,
)
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_choices, check_mutation, foreign, outside, shown, unreadable
from assay.spaces.parametric import ParametricSpace

Joint = tuple[Any, ...]

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class JointSpace:
    """Tuples with an architecture of each part, in the order of the parts.

    A space offers what all of its parts offer, and `isinstance` tells: the class of what
    `JointSpace(...)` returns is made for its parts. Names of factors, parameters and mutations are
    those of the part with the part's name before a dot, as in 'hyper.momentum'.

    The published form is a JSON object with the published form of each part under its name, in the
    order of the parts, so that it can be read whatever those strings contain; `parse` takes the keys in
    any order. A draw takes each part from its own `sample`.

    The index counts the last part fastest. The mutation 'one-part', the default, draws one part, each
    with equal probability, and applies that part's default mutation; any other, such as
    'arch.uniform-edge', is a mutation of one part. Neighbours differ in one part. A child of a crossover
    has each part from the part's own crossover. The graph is that of the parts side by side.

    `revision` rises with that of any part.
    """

    def __new__(
        cls,
        name: str = "",  # noqa: ARG004  for __init__
        parts: Mapping[str, SearchSpace[Any]] | None = None,
        revision: int = 1,  # noqa: ARG004  the same
    ) -> Self:
        """Return a space of the class that has the capabilities of all parts."""
        kind: type[Any] = cls
        if cls is JointSpace and parts:
            spaces = list(parts.values())
            kind = _kind(
                tuple(one for need, one in _CAPABILITIES if all(isinstance(s, need) for s in spaces))
            )
        made: Self = object.__new__(kind)
        return made

    def __init__(self, name: str, parts: Mapping[str, SearchSpace[Any]], revision: int = 1) -> None:
        if len(parts) < 2:
            hint = 'JointSpace("joint", {"arch": space, "hyper": other})'
            raise UsageError("a joint space has at least two parts", where=name, hint=hint)
        self.parts: dict[str, Any] = dict(parts)
        for part, space in dict[Any, Any](parts).items():
            if not isinstance(part, str) or _NAME.fullmatch(part) is None:
                why = f"got {shown(part)}"
                raise UsageError("a part is named by letters, digits, - and _", where=name, why=why)
            if not isinstance(space, SearchSpace):
                why = f"got {shown(space)}"
                raise UsageError(f"the part '{part}' is no search space", where=name, why=why)
        self.name = name
        self.revision = revision + sum(space.revision - 1 for space in parts.values())
        self._own_revision = revision
        self._spaces: tuple[Any, ...] = tuple(parts.values())

    def __reduce__(self) -> tuple[Any, ...]:
        return JointSpace, (self.name, self.parts, self._own_revision)

    def contains(self, arch: Any) -> bool:
        """Say whether a value is a tuple with an architecture of each part."""
        return (
            isinstance(arch, tuple)
            and len(arch) == len(self._spaces)
            and all(space.contains(part) for space, part in zip(self._spaces, arch, strict=True))
        )

    def sample(self, rng: Stream) -> Joint:
        """Return a draw of each part: uniform where those of all parts are."""
        return tuple([space.sample(rng) for space in self._spaces])

    def parse(self, text: str) -> Joint:
        """Return the architecture of a JSON object; raises `UsageError` for anything else."""
        try:
            pairs = json.loads(text, object_pairs_hook=list)
        except (ValueError, RecursionError):
            raise unreadable(self.name, text, "it is no JSON", self._example) from None
        found: dict[str, str] = {}
        for pair in pairs if isinstance(pairs, list) else ():
            if not (isinstance(pair, tuple) and isinstance(pair[1], str)):
                raise unreadable(self.name, text, "it has something else than a text", self._example)
            if pair[0] not in self.parts:
                raise UnknownNameError(f"part of {self.name}", pair[0], self.parts)
            if pair[0] in found:
                raise unreadable(self.name, text, f"it has '{pair[0]}' twice", self._example)
            found[pair[0]] = pair[1]
        missing = [part for part in self.parts if part not in found]
        if missing:
            raise unreadable(self.name, text, f"it lacks {', '.join(missing)}", self._example)
        return tuple([space.parse(found[part]) for part, space in self.parts.items()])

    def format(self, arch: Joint) -> str:
        """Return the published form, such as '{"arch": "...", "hyper": "lr=0.1"}'."""
        pairs = zip(self.parts.items(), self._own(arch), strict=True)
        texts = {part: space.format(value) for (part, space), value in pairs}
        return json.dumps(texts, ensure_ascii=False)

    @property
    def _example(self) -> str:
        return self.format(self.sample(Stream(0, ("example",))))

    def _own(self, arch: Joint) -> Joint:
        if not self.contains(arch):
            raise foreign(self.name, arch, self._example)
        return arch


class _Enumerable(JointSpace):
    @cached_property
    def size(self) -> int:
        """How many architectures there are."""
        return math.prod(space.size for space in self._spaces)

    def index(self, arch: Joint) -> int:
        """Return the index: those of the parts as digits of mixed base, the last the least."""
        place = 0
        for space, part in zip(self._spaces, self._own(arch), strict=True):
            place = place * space.size + space.index(part)
        return place

    def at(self, index: int) -> Joint:
        """Return the architecture of an index."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        parts = []
        for space in reversed(self._spaces):
            index, place = divmod(index, space.size)
            parts.append(space.at(place))
        return tuple(reversed(parts))


class _Mutable(JointSpace):
    @cached_property
    def mutations(self) -> tuple[str, ...]:
        """'one-part', and each mutation of each part."""
        return "one-part", *self._kinds

    def mutate(self, arch: Joint, rng: Stream, kind: str) -> Joint:
        """Return a copy in which one part is a mutant."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        if kind == "one-part":
            place = rng.below(len(arch))
            own = self._spaces[place].mutations[0]
        else:
            place, own = self._kinds[kind]
        mutant = self._spaces[place].mutate(arch[place], rng, own)
        return (*arch[:place], mutant, *arch[place + 1 :])

    @cached_property
    def _kinds(self) -> dict[str, tuple[int, str]]:
        parts = enumerate(self.parts.items())
        return {f"{part}.{kind}": (i, kind) for i, (part, space) in parts for kind in space.mutations}


class _Neighbours(JointSpace):
    def neighbours(self, arch: Joint) -> list[Joint]:
        """Return the architectures in which one part is a neighbour, by part."""
        arch = self._own(arch)
        return [
            (*arch[:place], near, *arch[place + 1 :])
            for place, space in enumerate(self._spaces)
            for near in space.neighbours(arch[place])
        ]


class _Crossable(JointSpace):
    def crossover(self, first: Joint, second: Joint, rng: Stream) -> Joint:
        """Return a child that has each part from the part's crossover."""
        triples = zip(self._spaces, self._own(first), self._own(second), strict=True)
        return tuple([space.crossover(one, other, rng) for space, one, other in triples])


class _AsGraph(JointSpace):
    def graph(self, arch: Joint) -> Graph:
        """Return the graphs of the parts side by side; a label begins with its part's name."""
        labels: list[str] = []
        edges: list[tuple[int, int]] = []
        for (part, space), value in zip(self.parts.items(), self._own(arch), strict=True):
            graph, first = space.graph(value), len(labels)
            labels += [f"{part}.{label}" for label in graph.labels]
            edges += [(first + source, first + target) for source, target in graph.edges]
        return Graph(tuple(labels), tuple(edges))


class _Factorised(JointSpace):
    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The factors of all parts."""
        return tuple(
            Factor(f"{part}.{factor.name}", factor.choices)
            for part, space in self.parts.items()
            for factor in space.factors
        )

    def compose(self, indices: Sequence[int]) -> Joint | None:
        """Return the architecture of one choice for each factor, None where a part has none."""
        check_choices(self.name, indices, self._sizes)
        made, first = [], 0
        for space in self._spaces:
            made.append(space.compose(indices[first : first + len(space.factors)]))
            first += len(space.factors)
        return None if None in made else tuple(made)

    def decompose(self, arch: Joint) -> tuple[int, ...]:
        """Return the choice index of each factor."""
        pairs = zip(self._spaces, self._own(arch), strict=True)
        return tuple([i for space, part in pairs for i in space.decompose(part)])

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(len(factor.choices) for factor in self.factors)


class _Parametric(JointSpace):
    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of all parts."""
        return tuple(
            _renamed(part, parameter) for part, space in self.parts.items() for parameter in space.parameters
        )

    def values(self, arch: Joint) -> dict[str, Value]:
        """Return the values of the active parameters by name."""
        triples = zip(self.parts.items(), self._own(arch), strict=True)
        return {
            f"{part}.{name}": setting
            for (part, space), value in triples
            for name, setting in space.values(value).items()
        }

    def build(self, values: Mapping[str, Value]) -> Joint:
        """Return the architecture of these values; raises `UsageError` for what does not fit."""
        whole = self._whole
        split: dict[str, dict[str, Value]] = {part: {} for part in self.parts}
        for name, value in whole.values(whole.build(values)).items():
            part, _, own = name.partition(".")
            split[part][own] = value
        return tuple([space.build(split[part]) for part, space in self.parts.items()])

    @cached_property
    def _whole(self) -> ParametricSpace:
        """The space of all parameters, which tells what is wrong by the names that were given."""
        return ParametricSpace(self.name, self.parameters)


_CAPABILITIES: tuple[tuple[type, type[JointSpace]], ...] = (
    (Enumerable, _Enumerable),
    (Mutable, _Mutable),
    (Neighbours, _Neighbours),
    (Crossable, _Crossable),
    (AsGraph, _AsGraph),
    (Factorised, _Factorised),
    (Parametric, _Parametric),
)


@cache
def _kind(capable: tuple[type[JointSpace], ...]) -> type[JointSpace]:
    """Return the class with these capabilities, always the same."""
    return type("JointSpace", capable, {"__doc__": JointSpace.__doc__}) if capable else JointSpace


def _renamed(part: str, parameter: Parameter) -> Parameter:
    """Return a parameter under the part's name, and its parent too."""
    when = parameter.when
    if when is not None:
        when = msgspec.structs.replace(when, parent=f"{part}.{when.parent}")
    return msgspec.structs.replace(parameter, name=f"{part}.{parameter.name}", when=when)
