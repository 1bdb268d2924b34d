"""Strategies by name, their hyperparameters, and what they want of a space."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from assay.contracts.problem import Problem, Strategy, StrategyFactory
from assay.contracts.space import SearchSpace
from assay.foundation.errors import CapabilityError, CodeError, UnknownNameError, UsageError
from assay.foundation.registry import Registry
from assay.foundation.seeding import Stream

_BUILTIN = {
    "asha": "assay.strategies.asha:Asha",
    "bananas": "assay.strategies.bananas:Bananas",
    "bohb": "assay.strategies.bohb:Bohb",
    "dehb": "assay.strategies.dehb:Dehb",
    "genetic-algorithm": "assay.strategies.genetic_algorithm:GeneticAlgorithm",
    "grid": "assay.strategies.grid:GridSearch",
    "hyperband": "assay.strategies.hyperband:Hyperband",
    "local-search": "assay.strategies.local_search:LocalSearch",
    "nas-bowl": "assay.strategies.nas_bowl:NasBowl",
    "npenas": "assay.strategies.npenas:Npenas",
    "optuna-tpe": "assay.strategies.optuna_tpe:OptunaTPE",
    "random-search": "assay.strategies.random_search:RandomSearch",
    "regularized-evolution": "assay.strategies.regularized_evolution:RegularizedEvolution",
    "reinforce": "assay.strategies.reinforce:Reinforce",
    "simulated-annealing": "assay.strategies.simulated_annealing:SimulatedAnnealing",
    "successive-halving": "assay.strategies.hyperband:SuccessiveHalving",
    "zero-cost-filter": "assay.strategies.zero_cost_filter:ZeroCostFilter",
}

STRATEGIES = Registry("strategy", "assay.strategies", _BUILTIN)


def name_of(cls: StrategyFactory) -> str:
    """Return the name of a strategy, or of the class or function of a user that gives itself none."""
    return str(getattr(cls, "name", getattr(cls, "__name__", cls)))


def required(cls: StrategyFactory) -> tuple[type, ...]:
    """Return the capabilities that a strategy requires; none where it names none."""
    return tuple(getattr(cls, "requires", ()))


class Parameter(NamedTuple):
    """One hyperparameter of a strategy, as its signature declares it."""

    name: str
    annotation: Any
    default: Any


def parameters(cls: StrategyFactory) -> tuple[Parameter, ...]:
    """Return the hyperparameters of a strategy: its keyword-only parameters, in their order.

    Raises `CodeError` for a signature that does not follow the contract: more positional parameters
    than the problem and the stream, `**kwargs`, or a hyperparameter without annotation or default.
    """
    if not callable(cls):
        raise CodeError(
            "a strategy is a class, and a loop a function",
            why=f"got {_shown(cls)}",
            hint="name the class or function, such as 'search.py:Evolution'",
        )
    found = []
    for position, parameter in enumerate(inspect.signature(cls).parameters.values()):
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            if position < 2:
                continue
            raise _contract(cls, f"'{parameter.name}' is not keyword-only", "write `*,` after the stream")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise _contract(
                cls, f"'{parameter}' hides the names of hyperparameters", "name each one, with its default"
            )
        if parameter.default is parameter.empty or parameter.annotation is parameter.empty:
            lack = "default" if parameter.default is parameter.empty else "annotation"
            raise _contract(
                cls,
                f"the hyperparameter '{parameter.name}' has no {lack}",
                f"write it as `{parameter.name}: int = 10`",
            )
        found.append(Parameter(parameter.name, _annotation(cls, parameter), parameter.default))
    return tuple(found)


def resolve(
    cls: StrategyFactory, given: Mapping[str, Any], where: str
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return all hyperparameters with their values, and the names of those left at their default.

    `where` is the file and key path that `given` comes from. Values are converted strictly, an
    integer to a float where a float is asked for; only values of JSON are allowed, and finite ones.
    Raises `UnknownNameError` for a name that the strategy does not have, `UsageError` for a value
    of another type.
    """
    declared = parameters(cls)
    names = [parameter.name for parameter in declared]
    for name in given:
        if name not in names:
            raise UnknownNameError(f"hyperparameter of {name_of(cls)}", name, names, where=where)
    resolved = {}
    for name, annotation, default in declared:
        if name in given:
            resolved[name] = _convert(cls, name, annotation, given[name], where)
        elif _is_plain(default):
            resolved[name] = default
        else:
            raise _contract(
                cls,
                f"the default of '{name}' is {_type(default)}, which a record cannot hold",
                "only null, booleans, finite numbers, strings, lists and tables can be hyperparameters",
            )
    return resolved, frozenset(names) - frozenset(given)


def check_capabilities(cls: StrategyFactory, space: SearchSpace[Any]) -> None:
    """Raise `CapabilityError` unless the space can do all that the strategy requires."""
    missing = [capability.__name__ for capability in required(cls) if not isinstance(space, capability)]
    if not missing:
        return
    fitting = [
        name
        for name in sorted(_BUILTIN)
        if all(isinstance(space, capability) for capability in required(STRATEGIES.find(name).load()))
    ]
    raise CapabilityError(
        f"the strategy {name_of(cls)} cannot search the space {space.name}",
        why=f"it requires {' and '.join(missing)}, which the space does not offer",
        hint=f"strategies that can: {', '.join(fitting)}",
    )


def make(cls: StrategyFactory, problem: Problem, rng: Stream, resolved: Mapping[str, Any]) -> Strategy:
    """Return a new strategy for a problem, once its space is known to be able to do what is required."""
    check_capabilities(cls, problem.space)
    return cls(problem, rng, **resolved)


def _annotation(cls: StrategyFactory, parameter: inspect.Parameter) -> Any:
    """Return the annotation of a hyperparameter as a type.

    Each is evaluated on its own: those of the problem and the stream may name what is imported for
    the type checker alone.
    """
    annotation = parameter.annotation
    scope = getattr(inspect.unwrap(typing.cast(Any, cls).__init__), "__globals__", {})
    try:
        for _ in range(2):  # under the future import, an annotation in quotes is text twice over
            if isinstance(annotation, str):
                # The text of the strategy's own module, which runs as code anyway.
                annotation = eval(annotation, scope)  # noqa: S307
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise _contract(
            cls,
            f"the annotation of '{parameter.name}', {parameter.annotation}, cannot be evaluated: {error}",
            "annotate hyperparameters with plain types, such as int, float, bool, str or list[int]",
        ) from None
    return annotation


def _convert(cls: StrategyFactory, name: str, annotation: Any, value: Any, where: str) -> Any:
    """Return a given value as the annotated type."""
    key = f"{where}.{name}" if where else name
    if not _is_plain(value):
        raise UsageError(
            f"the hyperparameter '{name}' of {name_of(cls)} has a value that a record cannot hold",
            where=key,
            why=f"got {_shown(value)}",
            hint="only null, booleans, finite numbers, strings, lists and tables can be hyperparameters",
        )
    try:
        converted = msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"the hyperparameter '{name}' of {name_of(cls)} has the wrong type",
            where=key,
            why=f"expected {_type_name(annotation)}, got {_shown(value)} ({error})",
        ) from None
    except TypeError:  # what msgspec says of an annotation that is no type of data
        converted = ...
    if not _is_plain(converted):
        raise _contract(
            cls,
            f"the annotation of '{name}', {_type_name(annotation)}, is not a type of JSON",
            "annotate it with a plain type, such as int, float, bool, str or list[int]",
        )
    return converted


def _is_plain(value: Any) -> bool:
    """Say whether a value is one of JSON: what a study file can hold and a record can repeat."""
    if value is None or type(value) in (bool, int, str):
        return True
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is list:
        return all(map(_is_plain, value))
    return type(value) is dict and all(type(key) is str and _is_plain(item) for key, item in value.items())


def _type(value: Any) -> str:
    return f"of type {type(value).__name__}" if not isinstance(value, float) else repr(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} of type {type(value).__name__}"


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _contract(cls: StrategyFactory, why: str, hint: str) -> CodeError:
    return CodeError(
        f"the strategy {name_of(cls)} does not follow the contract of strategies", why=why, hint=hint
    )
