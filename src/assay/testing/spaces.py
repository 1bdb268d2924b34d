"""What every search space owes its users, as a suite of tests to subclass.

    from assay.testing.spaces import SpaceSuite

    class TestMySpace(SpaceSuite):
        def make_space(self):
            return MySpace()

Runs under pytest and needs no data. A capability is tested where the space has it, and skipped
otherwise. The contract itself is in `assay.contracts.space`.
"""

# ruff: noqa: PT018  two halves of one condition
# ruff: noqa: NPY002  the process-wide generators are what is watched

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
from scipy import stats

from assay.contracts.space import (
    AsGraph,
    Categorical,
    Crossable,
    Enumerable,
    Factorised,
    Graph,
    Integer,
    Mutable,
    Neighbours,
    Ordinal,
    Parametric,
    SearchSpace,
)
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream

_STRAYS: tuple[Any, ...] = (None, 0, -1, "", "no architecture", (), [], {}, object(), float("nan"))
_NONSENSE = ("", " ", "no architecture", "\0", "()", "-1")
_CLASSES = 16
# A sound space fails the test of uniformity once in a million streams; the stream is always the same.
_IMPLAUSIBLE = 1e-6


class SpaceSuite:
    """The tests that every space passes; subclass it as `Test...` and define `make_space`.

    `draws` is how many random architectures each test looks at; enumerable spaces of up to
    `exhaustive` architectures are also walked through from end to end.
    """

    draws: ClassVar[int] = 300
    exhaustive: ClassVar[int] = 50_000

    def make_space(self) -> SearchSpace[Any]:
        """Return a new instance of the space."""
        raise NotImplementedError("define make_space to return the space that is tested")

    def having(self, capability: type) -> Any:
        """Return the space if it has a capability; skips the test otherwise."""
        space = self.make_space()
        if not isinstance(space, capability):
            raise SkipTest(f"the space {space.name} is not {capability.__name__}")
        return space

    def archs(self, space: SearchSpace[Any], *, stream: int = 0) -> list[Any]:
        """Return random architectures of the space, the same for the same stream."""
        rng = Stream(0, ("suite", stream))
        return [space.sample(rng) for _ in range(self.draws)]

    def test_is_named_and_versioned(self) -> None:
        """A space has the core methods, a name and a revision."""
        space: Any = self.make_space()
        assert isinstance(space, SearchSpace), "a member of SearchSpace is missing"
        assert type(space.name) is str and space.name, "`name` is the registered name"
        assert type(space.revision) is int and space.revision >= 1, "`revision` is an integer from 1"

    def test_samples_are_inside(self) -> None:
        """Every draw is a hashable value that the space contains."""
        space = self.make_space()
        for arch in self.archs(space):
            hash(arch)
            self._is_inside(space, arch, "sample")

    def test_draws_come_from_the_stream(self) -> None:
        """Equal streams give equal draws, other streams others, and process-wide generators rest."""
        runs = []
        for seed in (1, 2):
            with _seeded(seed) as state:
                before = state()
                runs.append(self._all_draws(self.make_space()))
                assert state() == before, "the space used a process-wide generator"
        assert runs[0] == runs[1], "equal streams gave different draws"
        space = self.make_space()
        assert self.archs(space) != self.archs(space, stream=1), "different streams gave the same draws"

    def test_samples_are_uniform(self) -> None:
        """Draws from an enumerable space fall evenly into sixteen ranges, and into sixteen remainders."""
        space = self.having(Enumerable)
        rng = Stream(0, ("suite", "uniform"))
        size, indices = space.size, [space.index(space.sample(rng)) for _ in range(20 * self.draws)]
        # Counted in Python's integers, as a space may have any size.
        starts = [-(-i * size // _CLASSES) for i in range(_CLASSES + 1)]
        ranges = [after - before for before, after in pairwise(starts)]
        remainders = [(size + _CLASSES - 1 - i) // _CLASSES for i in range(_CLASSES)]
        for name, sizes, classes in (
            ("range", ranges, [index * _CLASSES // size for index in indices]),
            ("remainder", remainders, [index % _CLASSES for index in indices]),
        ):
            expected = np.array([count / size for count in sizes]) * len(indices)
            observed = np.bincount(classes, minlength=_CLASSES)
            here = expected > 0
            if here.sum() < 2:
                continue
            p = stats.chisquare(observed[here], expected[here]).pvalue
            assert p > _IMPLAUSIBLE, f"samples are not uniform over each {name} of indices (p = {p:.1g})"

    def test_contains_refuses_strays(self) -> None:
        """A value of another kind is not in the space, and asking does no harm."""
        space = self.make_space()
        for stray in _STRAYS:
            assert space.contains(stray) is False, f"contains({stray!r}) is not False"

    def test_format_and_parse_are_inverse(self) -> None:
        """The published form is one line, reads back as the same value, and differs between values."""
        space: Any = self.make_space()
        names: dict[str, Any] = {}
        for arch in self._every(space):
            text = space.format(arch)
            assert isinstance(text, str) and text.isprintable() and text, f"format gave {text!r}"
            again = space.parse(text)
            assert again == arch, f"'{text}' reads back as another architecture: {again!r}"
            assert hash(again) == hash(arch), f"'{text}' reads back with another hash"
            assert names.setdefault(text, arch) == arch, f"two architectures are written '{text}'"

    def test_parse_refuses_nonsense(self) -> None:
        """What is no architecture raises `UsageError`."""
        space = self.make_space()
        for text in _NONSENSE:
            try:
                answer = f"returned {space.parse(text)!r}"
            except UsageError:
                continue
            except Exception as error:  # noqa: BLE001  whatever a space may raise in its place
                answer = f"raised {type(error).__name__}"
            raise AssertionError(f"parse({text!r}) {answer}, and not UsageError")

    def test_instances_agree(self) -> None:
        """Two instances of the space are the same space: nothing depends on what was asked before."""
        first, second = self.make_space(), self.make_space()
        fresh = self._all_draws(first)
        for arch in fresh:
            text = first.format(arch)
            assert second.format(second.parse(text)) == text, f"'{text}' has two forms in two instances"
        assert self._all_draws(second) == fresh, "what was asked before changes the draws"

    def test_index_is_a_bijection(self) -> None:
        """`index` and `at` are inverse, over all of [0, size)."""
        space = self.having(Enumerable)
        assert type(space.size) is int and space.size >= 1, "`size` is a positive integer"
        if space.size <= self.exhaustive:
            archs = [space.at(i) for i in range(space.size)]
            assert len(set(archs)) == space.size, "`at` gives one architecture for two indices"
            for i, arch in enumerate(archs):
                self._is_inside(space, arch, "at")
                assert space.index(arch) == i, f"index(at({i})) is {space.index(arch)}"
        for arch in self.archs(space):
            index = space.index(arch)
            assert 0 <= index < space.size, f"the index {index} is outside [0, {space.size})"
            assert space.at(index) == arch, f"at(index({space.format(arch)})) is another architecture"

    def test_mutants_differ_and_are_inside(self) -> None:
        """Every kind of mutation gives a different architecture of the space, and not always the same."""
        space = self.having(Mutable)
        kinds = space.mutations
        assert kinds and len(set(kinds)) == len(kinds), "`mutations` names each kind once, at least one"
        rng = Stream(0, ("suite", "mutate"))
        for kind in kinds:
            mutants = set()
            for arch in self.archs(space):
                mutant = space.mutate(arch, rng, kind)
                self._is_inside(space, mutant, f"mutate '{kind}'")
                assert mutant != arch, f"mutate '{kind}' returned the architecture it was given"
                mutants.add(mutant)
            assert len(mutants) > 1, f"mutate '{kind}' always returned the same architecture"

    def test_neighbours_are_distinct_and_mutual(self) -> None:
        """Neighbours are inside, distinct, others, in a fixed order, and each has the other as neighbour."""
        space = self.having(Neighbours)
        for arch in self.archs(space)[: max(1, self.draws // 10)]:
            name = space.format(arch)
            found = list(space.neighbours(arch))
            assert len(set(found)) == len(found), f"{name} has a neighbour twice"
            assert arch not in found, f"{name} is its own neighbour"
            assert list(space.neighbours(arch)) == found, f"the neighbours of {name} change their order"
            for other in found:
                self._is_inside(space, other, "neighbours")
                assert arch in space.neighbours(other), f"{space.format(other)} does not know {name}"

    def test_children_are_inside(self) -> None:
        """Crossing two architectures gives one of the space, and both parents have a say."""
        space = self.having(Crossable)
        rng = Stream(0, ("suite", "crossover"))
        unlike_first = unlike_second = 0
        for first, second in zip(self.archs(space), self.archs(space, stream=1), strict=True):
            child = space.crossover(first, second, rng)
            self._is_inside(space, child, "crossover")
            unlike_first += child != first
            unlike_second += child != second
        assert unlike_first and unlike_second, "crossover always returns the same one of its parents"

    def test_graphs_are_topological(self) -> None:
        """Graphs have labelled nodes, and distinct edges that all go forward, the same at each call."""
        space = self.having(AsGraph)
        for arch in self.archs(space):
            graph, name = space.graph(arch), space.format(arch)
            assert isinstance(graph, Graph) and graph == space.graph(arch), f"{name} has no fixed graph"
            assert all(type(label) is str for label in graph.labels), f"a label of {name} is no text"
            assert len(set(graph.edges)) == len(graph.edges), f"the graph of {name} has an edge twice"
            for source, target in graph.edges:
                forward = 0 <= source < target < len(graph.labels)
                assert forward, f"the edge {source}>{target} of {name} does not go forward"

    def test_compose_undoes_decompose(self) -> None:
        """Every architecture has choices that compose to it."""
        space = self.having(Factorised)
        sizes = self._factor_sizes(space)
        for arch in self.archs(space):
            indices = space.decompose(arch)
            assert len(indices) == len(sizes), f"{len(indices)} choices for {len(sizes)} factors"
            assert all(0 <= i < n for i, n in zip(indices, sizes, strict=True)), f"no such choices: {indices}"
            assert space.compose(indices) == arch, f"compose(decompose({space.format(arch)})) differs"

    def test_composed_is_inside_or_none(self) -> None:
        """Any choices compose to an architecture of the space, or to None."""
        space = self.having(Factorised)
        sizes = self._factor_sizes(space)
        rng = Stream(0, ("suite", "compose"))
        for _ in range(self.draws):
            arch = space.compose([rng.below(size) for size in sizes])
            if arch is not None:
                self._is_inside(space, arch, "compose")

    def test_parameters_are_declared_in_order(self) -> None:
        """Parameters have different names, and a parent of listed values before what depends on it."""
        space = self.having(Parametric)
        seen: dict[str, Any] = {}
        for parameter in space.parameters:
            name, when = parameter.name, parameter.when
            assert name not in seen, f"two parameters are named '{name}'"
            if when is not None:
                assert when.parent in seen, f"'{name}' depends on '{when.parent}', which is not before it"
                parent = seen[when.parent]
                assert when.values, f"the condition of '{name}' never holds"
                for value in when.values:
                    assert _is_value(parent, value), f"'{when.parent}' is never {value!r}, as '{name}' wants"
            seen[name] = parameter

    def test_values_are_those_of_the_active_parameters(self) -> None:
        """The values of an architecture are of the active parameters, in their order, type and bounds."""
        space = self.having(Parametric)
        for arch in self.archs(space):
            values, name = space.values(arch), space.format(arch)
            active = [one for one in space.parameters if _is_active(one, values)]
            assert list(values) == [one.name for one in active], f"{name} has values for {list(values)}"
            for parameter in active:
                value = values[parameter.name]
                assert _is_value(parameter, value), f"{name}: {value!r} is no value of '{parameter.name}'"

    def test_build_undoes_values(self) -> None:
        """The values of an architecture build it, in any order."""
        space = self.having(Parametric)
        for arch in self.archs(space):
            values = space.values(arch)
            for given in (values, dict(reversed(values.items()))):
                assert space.build(given) == arch, f"the values of {space.format(arch)} build another"

    def test_build_refuses_what_does_not_fit(self) -> None:
        """A value that is missing, unknown, outside or inactive raises `UsageError` with its name."""
        space = self.having(Parametric)
        for arch in self.archs(space)[: max(1, self.draws // 10)]:
            values = space.values(arch)
            self._build_refuses(space, {**values, "no parameter": 0}, "no parameter")
            for parameter in space.parameters:
                name = parameter.name
                self._build_refuses(space, {**values, name: object()}, name)
                if name in values:
                    left = {key: value for key, value in values.items() if key != name}
                    self._build_refuses(space, left, name)

    def _build_refuses(self, space: Any, values: dict[str, Any], name: str) -> None:
        try:
            answer = f"returned {space.build(values)!r}"
        except UsageError as error:
            if name in str(error):
                return
            answer = f"does not name '{name}': {error}"
        except Exception as error:  # noqa: BLE001  whatever a space may raise in its place
            answer = f"raised {type(error).__name__}"
        raise AssertionError(f"build({values!r}) {answer}, and no UsageError that names '{name}'")

    def _every(self, space: SearchSpace[Any]) -> list[Any]:
        """Return all architectures of a space that is enumerable and not too large, else random ones."""
        if isinstance(space, Enumerable) and space.size <= self.exhaustive:
            return [space.at(i) for i in range(space.size)]
        return self.archs(space)

    def _all_draws(self, space: SearchSpace[Any]) -> list[Any]:
        """Return what everything that takes a stream gives on a fixed one."""
        rng = Stream(0, ("suite", "draws"))
        archs = self.archs(space)
        drawn = list(archs)
        if isinstance(space, Mutable):
            drawn += [space.mutate(arch, rng, kind) for kind in space.mutations for arch in archs]
        if isinstance(space, Crossable):
            drawn += [space.crossover(a, b, rng) for a, b in pairwise(archs)]
        return drawn

    def _factor_sizes(self, space: Any) -> list[int]:
        """Return the number of choices of each factor; names and choices must be told apart."""
        repeated = [name for name, times in Counter(f.name for f in space.factors).items() if times > 1]
        assert not repeated, f"two factors are named {repeated}"
        for factor in space.factors:
            assert factor.choices, f"the factor '{factor.name}' has no choices"
            assert len(set(factor.choices)) == len(factor.choices), f"'{factor.name}' has a choice twice"
        return [len(factor.choices) for factor in space.factors]

    def _is_inside(self, space: SearchSpace[Any], arch: Any, maker: str) -> None:
        assert space.contains(arch) is True, f"{maker} gave {arch!r}, which is not in {space.name}"


def _is_active(parameter: Any, values: dict[str, Any]) -> bool:
    """Say whether the condition of a parameter holds for the values of the others."""
    when = parameter.when
    return when is None or (when.parent in values and values[when.parent] in when.values)


def _is_value(parameter: Any, value: Any) -> bool:
    """Say whether a value is of the declared type, and among the choices or between the bounds."""
    if isinstance(parameter, Categorical | Ordinal):
        return any(type(choice) is type(value) and choice == value for choice in parameter.choices)
    kind = int if isinstance(parameter, Integer) else float
    return type(value) is kind and parameter.low <= value <= parameter.high


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[Callable[[], tuple[Any, ...]]]:
    """Seed the process-wide generators for a while; yields what reads their state."""

    def state() -> tuple[Any, ...]:
        kind, keys, *rest = np.random.get_state()
        return random.getstate(), kind, np.asarray(keys).tobytes(), *rest

    saved = random.getstate(), np.random.get_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        yield state
    finally:
        random.setstate(saved[0])
        np.random.set_state(saved[1])
