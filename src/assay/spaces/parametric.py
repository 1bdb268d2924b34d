"""Spaces of named parameters: categorical, ordinal, integer, real, logarithmic, conditional.

The model is that of ConfigSpace (Lindauer et al., arXiv:1908.06756) and of Optuna's define-by-run
interface (Akiba et al., KDD 2019), with one parent for each conditional parameter.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

from assay.contracts.space import Factor, Parameter, Value
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces._branches import below, branches
from assay.spaces._declared import Activation, Declared, declare
from assay.spaces._parameters import Ranked, as_number, complaint, text_of
from assay.spaces._refuse import check_choices, check_mutation, foreign, outside, unreadable

Setting = tuple[Value | None, ...]

MOST_CHOICES = 1_000
"""A parameter with more values than this is a number, and no choice of a factorised space."""

MOST_BELOW = 1_000
"""Neighbours are listed where a value has at most so many settings of what depends on it."""

# One part of the published form; the quantifiers never give back, so that no text is slow to refuse.
_PART = re.compile(r'([^=,"]++)=\s*+("(?:[^"\\]|\\.)*+"\s*+|[^",]*+)(,|\Z)')
_BARE = re.compile(r'[^\s=,"]+( [^\s=,"]+)*')


class ParametricSpace:
    """A space whose architectures are settings of named parameters, some of them conditional.

    An architecture is a tuple with the value of each parameter in their order, None where a parameter
    is inactive: an int for an integer, a float for a real number. Equal values are equal architectures.
    The published form is 'name=value' of the active parameters, joined by commas; numbers have the
    shortest digits that read back; a text with a comma, an equals sign, a quote or blanks at its ends is
    written as in JSON. `parse` takes them in any order, and numbers in any spelling.

    What a space offers depends on its parameters, and `isinstance` tells. `ParametricSpace(...)` is a
    `FiniteParametricSpace`, with an index, where every parameter has finitely many, equally likely values
    (no real numbers without a step, no logarithms of integers); a `NeighbouringParametricSpace` where
    moreover at most 1,000 settings hang on any one value; and a `FactorisedParametricSpace` where no
    parameter is conditional and none has more than 1,000 values. A subclass has what its own base has.

    A draw is hierarchical: each parameter that is active, parents first, is uniform in its (log) scale.
    Where conditions hang on a choice, architectures are therefore not equally likely; in a
    `FiniteParametricSpace` they are.

    Mutations draw one active parameter of several values, each with equal probability. 'one-parameter'
    gives numbers and ordinals a Gaussian step in unit scale (standard deviation 0.2, as in ConfigSpace's
    one-exchange neighbours; drawn again outside the bounds) and categories another choice; 'resample'
    draws another value in the parameter's scale. What becomes active is drawn, what becomes inactive is
    dropped. A child of a crossover has the value of either parent, each with equal probability, and the
    value of the only one where one of them has it.
    """

    mutations = ("one-parameter", "resample")

    def __new__(cls, name: str = "", parameters: Sequence[Parameter] = (), revision: int = 1) -> Self:  # noqa: ARG004  for __init__
        """Return a space of the class that has all capabilities of the parameters."""
        kind: type[Any] = cls
        if cls is ParametricSpace:
            declared = declare(parameters)
            kind = _kind(declared)
        made: Self = object.__new__(kind)
        return made

    def __init__(self, name: str, parameters: Sequence[Parameter], revision: int = 1) -> None:
        declared = declare(parameters)
        self.name = name
        self.revision = revision
        self.parameters = declared.parameters
        self._domains = declared.domains
        self._activations = declared.activations
        self._plan = tuple(zip(declared.domains, declared.activations, strict=True))
        self._names = tuple(parameter.name for parameter in declared.parameters)
        self._place = {name: i for i, name in enumerate(self._names)}
        self._varied = tuple(i for i, domain in enumerate(declared.domains) if domain.varies)
        self._parents = frozenset(when[0] for when in declared.activations if when)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.name, self.parameters, self.revision

    def contains(self, arch: Any) -> bool:
        """Say whether a value is a setting: active values of the right types, None for the others."""
        if not isinstance(arch, tuple) or len(arch) != len(self._plan):
            return False
        for value, (domain, when) in zip(arch, self._plan, strict=True):
            if when is None or arch[when[0]] in when[1]:
                if not domain.has(value):
                    return False
            elif value is not None:
                return False
        return True

    def sample(self, rng: Stream) -> Setting:
        """Return a setting: each active parameter is uniform in its scale, parents first."""
        arch: list[Value | None] = []
        for domain, when in self._plan:
            active = when is None or arch[when[0]] in when[1]
            arch.append(domain.draw(rng) if active else None)
        return tuple(arch)

    def values(self, arch: Setting) -> dict[str, Value]:
        """Return the values of the active parameters by name."""
        pairs = zip(self._names, self._own(arch), strict=True)
        return {name: value for name, value in pairs if value is not None}

    def build(self, values: Mapping[str, Value]) -> Setting:
        """Return the setting of these values; raises `UsageError` for what does not fit."""
        for name in values:
            if name not in self._place:
                raise UnknownNameError(f"parameter of the space {self.name}", str(name), self._names)
        arch: list[Value | None] = []
        for i, (domain, when) in enumerate(self._plan):
            name = self._names[i]
            active = when is None or arch[when[0]] in when[1]
            if active != (name in values):
                raise self._misplaced(i, arch)
            if not active:
                arch.append(None)
                continue
            taken = domain.take(values[name])
            if taken is None:
                raise self._no_value(i, values[name])
            arch.append(taken)
        return tuple(arch)

    def parse(self, text: str) -> Setting:
        """Return the setting of a text such as 'optimizer=sgd,lr=0.1'; raises `UsageError` otherwise."""
        found: dict[str, Value] = {}
        place = 0
        while place < len(text) or not found:
            match = _PART.match(text, place)
            if match is None:
                raise unreadable(self.name, text, "it is not name=value,name=value", self._example)
            name, written = match[1].strip(), match[2].strip()
            if name in found:
                raise unreadable(self.name, text, f"it has '{name}' twice", self._example)
            if name not in self._place:
                raise UnknownNameError(f"parameter of the space {self.name}", name, self._names)
            found[name] = self._read(name, written)
            place = match.end()
            if match[3] and place == len(text):
                raise unreadable(self.name, text, "it ends with a comma", self._example)
        return self.build(found)

    def format(self, arch: Setting) -> str:
        """Return the published form."""
        pairs = zip(self._names, self._own(arch), strict=True)
        return ",".join([f"{name}={_written(value)}" for name, value in pairs if value is not None])

    def mutate(self, arch: Setting, rng: Stream, kind: str) -> Setting:
        """Return a copy with another value of one active parameter, and of what depends on it."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        place = rng.choice([i for i in self._varied if arch[i] is not None])
        domain = self._domains[place]
        value = (domain.change if kind == "one-parameter" else domain.redraw)(arch[place], rng)
        changed = [*arch[:place], value, *arch[place + 1 :]]
        if place in self._parents:
            for i, (below, when) in enumerate(self._plan):
                if when is not None:
                    active = changed[when[0]] in when[1]
                    kept = below.draw(rng) if active and changed[i] is None else changed[i]
                    changed[i] = kept if active else None
        return tuple(changed)

    def crossover(self, first: Setting, second: Setting, rng: Stream) -> Setting:
        """Return a child that has each active value from a parent which has one."""
        child: list[Value | None] = []
        pairs = zip(self._own(first), self._own(second), strict=True)
        for pair, when in zip(pairs, self._activations, strict=True):
            if when is not None and child[when[0]] not in when[1]:
                child.append(None)
            elif pair[0] is None or pair[1] is None:
                child.append(pair[1] if pair[0] is None else pair[0])
            else:
                child.append(pair[rng.below(2)])
        return tuple(child)

    @property
    def _example(self) -> str:
        arch = self.sample(Stream(0, ("example",)))
        return self.format(arch)

    def _own(self, arch: Setting) -> Setting:
        if not self.contains(arch):
            raise foreign(self.name, arch, self._example)
        return arch

    def _read(self, name: str, written: str) -> Value:
        """Return the value that a text spells, which may be quoted as in JSON."""
        try:
            text = json.loads(written) if written.startswith('"') else written
        except ValueError:
            raise self._no_value(self._place[name], written) from None
        value = self._domains[self._place[name]].read(text)
        if value is None:
            raise self._no_value(self._place[name], as_number(text))
        return value

    def _no_value(self, place: int, value: Any) -> UsageError:
        domain = self._domains[place]
        return UsageError(
            f"this is no value of '{self._names[place]}'",
            where=f"{self.name}, {self._names[place]}",
            why=complaint(domain, value),
            hint=domain.nearest(value),
        )

    def _misplaced(self, place: int, arch: Sequence[Value | None]) -> UsageError:
        """Return the error for a value that is missing, or given where its parameter is inactive."""
        name, when = self._names[place], self._activations[place]
        where = f"{self.name}, {name}"
        if when is None:
            hint = f"it takes {self._domains[place].span}"
            return UsageError(f"the value of '{name}' is missing", where=where, hint=hint)
        parent, given = self._names[when[0]], arch[when[0]]
        wanted = " or ".join(sorted(text_of(value) for value in when[1]))
        state = "inactive" if given is None else text_of(given)
        if given in when[1]:
            why = f"'{parent}' is {state}, which makes it active"
            return UsageError(f"the value of '{name}' is missing", where=where, why=why)
        return UsageError(
            f"'{name}' is set, and is not active",
            where=where,
            why=f"'{parent}' is {state}; it would have to be {wanted}",
            hint=f"leave '{name}' out",
        )


class FiniteParametricSpace(ParametricSpace):
    """A parametric space with an index: each of its settings is drawn with equal probability.

    The index reads the ranks of the values as digits of mixed base: the first parameter that is always
    active is the most significant, and what depends on a value comes directly after it. *This order is
    Assay's.*
    """

    def __init__(self, name: str, parameters: Sequence[Parameter], revision: int = 1) -> None:
        super().__init__(name, parameters, revision)
        for parameter, domain in zip(self.parameters, self._domains, strict=True):
            if not isinstance(domain, Ranked):
                why = f"the values of '{parameter.name}' have no ranks, or are not equally likely"
                raise UsageError("this space is not finite", where=name, why=why, hint="use ParametricSpace")
        self._branches = branches(self._domains, self._activations)
        self._roots = [i for i, when in enumerate(self._activations) if when is None]
        self.size = math.prod(self._branches[i].size for i in self._roots)

    def sample(self, rng: Stream) -> Setting:
        """Return a setting, each with equal probability."""
        return self._of({i: below(rng, self._branches[i].size) for i in self._roots})

    def index(self, arch: Setting) -> int:
        """Return the index in Assay's order."""
        arch = self._own(arch)
        codes: dict[int, int] = {}
        for i in reversed(range(len(arch))):
            if arch[i] is not None:
                codes[i] = self._branches[i].code(arch[i], codes)
        place = 0
        for i in self._roots:
            place = place * self._branches[i].size + codes[i]
        return place

    def at(self, index: int) -> Setting:
        """Return the setting of an index."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        codes: dict[int, int] = {}
        for i in reversed(self._roots):
            index, codes[i] = divmod(index, self._branches[i].size)
        return self._of(codes)

    def _of(self, codes: dict[int, int]) -> Setting:
        """Return the setting of the codes of those parameters that are always active."""
        arch: list[Value | None] = []
        for i, branch in enumerate(self._branches):
            arch.append(branch.value(codes[i], codes) if i in codes else None)
        return tuple(arch)


class NeighbouringParametricSpace(FiniteParametricSpace):
    """A finite parametric space in which the settings one change away can be listed.

    Two settings are neighbours where exactly one of the parameters that are active in both differs: for
    a category by any choice, for ordinals and numbers by one rank. The values that a change makes active
    are all tried, so that the relation is mutual.
    """

    def __init__(self, name: str, parameters: Sequence[Parameter], revision: int = 1) -> None:
        super().__init__(name, parameters, revision)
        if any(branch.most > MOST_BELOW for branch in self._branches):
            why = f"more than {MOST_BELOW:,} settings hang on one value"
            raise UsageError("this space has too many neighbours", where=name, why=why)

    def neighbours(self, arch: Setting) -> list[Setting]:
        """Return the settings that differ in one parameter, by parameter, then by value."""
        arch = self._own(arch)
        found: list[Setting] = []
        for place, domain in enumerate(self._domains):
            if arch[place] is not None:
                for value in cast("Ranked", domain).beside(arch[place]):
                    found += self._completed((*arch[:place], value, *arch[place + 1 :]), place)
        return found

    def _completed(self, changed: Setting, place: int) -> list[Setting]:
        """Return the settings with one changed value, and every value of what it makes active."""
        if place not in self._parents:
            return [changed]
        made: list[Setting] = [()]
        for value, (domain, when) in zip(changed, self._plan, strict=True):
            longer: list[Setting] = []
            for begun in made:
                active = when is None or begun[when[0]] in when[1]
                every = cast("Ranked", domain).every() if active and value is None else [value]
                longer += [(*begun, one) for one in (every if active else [None])]
            made = longer
        return made


class FactorisedParametricSpace(NeighbouringParametricSpace):
    """A finite parametric space without conditions: a product of choices."""

    def __init__(self, name: str, parameters: Sequence[Parameter], revision: int = 1) -> None:
        super().__init__(name, parameters, revision)
        self._ranked = tuple(cast("Ranked", domain) for domain in self._domains)
        if not _are_factors(self._ranked, self._activations):
            why = f"a parameter is conditional, or has more than {MOST_CHOICES:,} values"
            raise UsageError("this space has no factors", where=name, why=why, hint="use ParametricSpace")
        self._sizes = tuple(domain.size for domain in self._ranked)
        texts = [tuple(map(text_of, domain.every())) for domain in self._ranked]
        self.factors = tuple(map(Factor, self._names, texts))

    def sample(self, rng: Stream) -> Setting:
        """Return a setting, each with equal probability."""
        return tuple([domain.draw(rng) for domain in self._ranked])

    def compose(self, indices: Sequence[int]) -> Setting:
        """Return the setting of one choice index for each factor."""
        check_choices(self.name, indices, self._sizes)
        return tuple([domain.at(i) for domain, i in zip(self._ranked, indices, strict=True)])

    def decompose(self, arch: Setting) -> tuple[int, ...]:
        """Return the choice index of each factor."""
        pairs = zip(self._ranked, self._own(arch), strict=True)
        return tuple([domain.rank(value) for domain, value in pairs])


def _kind(declared: Declared) -> type[ParametricSpace]:
    """Return the class that has all capabilities of the parameters."""
    ranked = [domain for domain in declared.domains if isinstance(domain, Ranked)]
    if len(ranked) < len(declared.domains):
        return ParametricSpace
    if _are_factors(ranked, declared.activations):
        return FactorisedParametricSpace
    few = all(branch.most <= MOST_BELOW for branch in branches(ranked, declared.activations))
    return NeighbouringParametricSpace if few else FiniteParametricSpace


def _are_factors(domains: Sequence[Ranked], activations: Sequence[Activation | None]) -> bool:
    return all(when is None for when in activations) and all(one.size <= MOST_CHOICES for one in domains)


def _written(value: Value) -> str:
    """Return a value as the published form has it."""
    text = text_of(value)
    return text if _BARE.fullmatch(text) and text.isprintable() else json.dumps(text)
