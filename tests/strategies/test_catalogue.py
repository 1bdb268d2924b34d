"""Strategies by name, their hyperparameters and their requirements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest

from assay.contracts.problem import Budget, BudgetView, Problem, Strategy
from assay.foundation.errors import CapabilityError, CodeError, UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.strategies.catalogue import (
    STRATEGIES,
    Parameter,
    check_capabilities,
    make,
    parameters,
    resolve,
)
from assay.strategies.random_search import RandomSearch
from assay.strategies.regularized_evolution import RegularizedEvolution
from assay.testing.toy_space import ToySpace

if TYPE_CHECKING:
    from nowhere import Typed  # type: ignore[import-not-found]

BUILT_IN = ["local-search", "optuna-tpe", "random-search", "regularized-evolution", "reinforce"]


class Bare:
    """A space that can do nothing but what every space can."""

    name = "bare"
    revision = 1
    contains, sample = ToySpace.contains, ToySpace.sample
    parse, format = ToySpace.parse, ToySpace.format


class Several:
    name: ClassVar[str] = "several"
    revision: ClassVar[int] = 1
    requires: ClassVar[tuple[type, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        problem: Typed,  # noqa: ARG002  this class only has a signature
        rng: Typed,  # noqa: ARG002  the same
        *,
        count: int = 3,
        rate: float = 0.5,
        kind: str | None = None,
        rates: list[float] | None = None,
        mode: Literal["fast", "slow"] = "fast",
        flag: bool = False,
    ) -> None:
        self.given = (count, rate, kind, rates, mode, flag)


def _problem(space: Any) -> Problem:
    return Problem(
        space=space, fidelities=(), signals=(), objectives=(), budget=BudgetView(Budget(evaluations=10))
    )


def test_built_in_names_load_classes_of_that_name() -> None:
    """Each built-in name loads a class that carries it."""
    for name in BUILT_IN:
        registered = STRATEGIES.find(name)
        cls = registered.load()
        assert cls.name == name
        assert (registered.name, registered.distribution) == (name, "assay")
    assert set(BUILT_IN) <= set(STRATEGIES.names())


def test_an_unknown_strategy_suggests_the_nearest() -> None:
    """A misspelt strategy names the one that was meant."""
    with pytest.raises(UnknownNameError, match="did you mean 'regularized-evolution'"):
        STRATEGIES.find("regularised-evolution")


def test_parameters_are_read_from_the_signature() -> None:
    """Names, types and defaults come from the keyword-only parameters, in their order."""
    assert parameters(RegularizedEvolution) == (
        Parameter("population", int, 10),
        Parameter("tournament", int, 3),
        Parameter("mutation", str | None, None),
        Parameter("tournament_replacement", bool, default=True),
    )


def test_annotations_of_the_problem_need_not_resolve() -> None:
    """Only hyperparameters need annotations that exist at run time."""
    assert [parameter.name for parameter in parameters(Several)][:2] == ["count", "rate"]


def test_resolve_fills_in_the_defaults_and_names_them() -> None:
    """What is not given stands at its default, and is named as such."""
    resolved, defaults = resolve(RegularizedEvolution, {"population": 50}, "study.toml: methods.rea")
    assert resolved == {
        "population": 50,
        "tournament": 3,
        "mutation": None,
        "tournament_replacement": True,
    }
    assert defaults == {"tournament", "mutation", "tournament_replacement"}


def test_resolve_turns_an_integer_into_a_float() -> None:
    """A whole number is written as a float where a float is asked for, so that identities agree."""
    resolved, _ = resolve(Several, {"rate": 1, "rates": [1, 0.5]}, "")
    assert repr(resolved["rate"]) == "1.0"
    assert repr(resolved["rates"]) == "[1.0, 0.5]"


def test_an_unknown_hyperparameter_suggests_the_nearest() -> None:
    """A misspelt hyperparameter names the one that was meant, and the place in the file."""
    with pytest.raises(UnknownNameError) as caught:
        resolve(RegularizedEvolution, {"populaton": 5}, "study.toml: methods.rea")
    assert str(caught.value) == (
        "unknown hyperparameter of regularized-evolution 'populaton'\n"
        "  where: study.toml: methods.rea\n"
        "  hint:  did you mean 'population'?"
    )


@pytest.mark.parametrize(
    ("given", "expected", "got"),
    [
        ({"count": "3"}, "expected int", "'3' of type str"),
        ({"count": 3.5}, "expected int", "3.5 of type float"),
        ({"count": True}, "expected int", "True of type bool"),
        ({"flag": 1}, "expected bool", "1 of type int"),
        ({"kind": 1}, "expected str | None", "1 of type int"),
        ({"rates": [0.5, "x"]}, "expected list[float] | None", "[0.5, 'x'] of type list"),
        ({"mode": "slwo"}, "expected typing.Literal['fast', 'slow']", "'slwo' of type str"),
    ],
)
def test_a_value_of_another_type_is_refused(given: dict[str, Any], expected: str, got: str) -> None:
    """A value of the wrong type says what was expected, what came, and where."""
    with pytest.raises(UsageError) as caught:
        resolve(Several, given, "study.toml: methods.mine")
    message = str(caught.value)
    assert f"{expected}, got {got}" in message
    assert f"where: study.toml: methods.mine.{next(iter(given))}" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), (1, 2), {1: 2}, object()])
def test_a_value_that_a_record_cannot_hold_is_refused(value: Any) -> None:
    """Only finite values of JSON can be hyperparameters."""
    with pytest.raises(UsageError, match="a record cannot hold"):
        resolve(Several, {"rate": value}, "")


def _broken(*parameters_: str) -> type:
    namespace: dict[str, Any] = {}
    source = f"class Broken:\n    name = 'broken'\n    def __init__(self, {', '.join(parameters_)}): pass"
    exec(source, namespace)  # noqa: S102  signatures that no linter would let stand
    return namespace["Broken"]


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (("problem", "rng", "population"), "'population' is not keyword-only"),
        (("problem", "rng", "**options"), "hides the names of hyperparameters"),
        (("problem", "rng", "*", "rate=0.5"), "'rate' has no annotation"),
        (("problem", "rng", "*", "rate: float"), "'rate' has no default"),
        (("problem", "rng", "*", "rate: 'Flaot' = 0.5"), "'Flaot' is not defined"),
        (("problem", "rng", "*", "rates: tuple = ()"), "'rates' is of type tuple"),
        (("problem", "rng", "*", "rate: float = float('nan')"), "'rate' is nan"),
    ],
)
def test_a_signature_against_the_contract_is_refused(signature: tuple[str, ...], why: str) -> None:
    """A strategy whose hyperparameters cannot be named, typed or recorded is refused with the reason."""
    with pytest.raises(CodeError) as caught:
        resolve(_broken(*signature), {}, "")
    assert why in str(caught.value)


@pytest.mark.parametrize("annotation", ["tuple[int, ...] | None", "'tuple[int, ...]'", "3"])
def test_a_type_that_is_not_of_json_is_refused(annotation: str) -> None:
    """A hyperparameter annotated as a tuple cannot be given: a record would hold a list."""
    cls = _broken("problem", "rng", "*", f"rates: {annotation} = None")
    with pytest.raises(CodeError, match="is not a type of JSON"):
        resolve(cls, {"rates": [1, 2]}, "")


def test_a_space_that_lacks_a_capability_is_refused() -> None:
    """The message names the strategy, the space and what is missing, and what would work."""
    with pytest.raises(CapabilityError) as caught:
        check_capabilities(RegularizedEvolution, Bare())
    assert str(caught.value) == (
        "the strategy regularized-evolution cannot search the space bare\n"
        "  why:   it requires Mutable, which the space does not offer\n"
        "  hint:  strategies that can: asha, hyperband, random-search, successive-halving, zero-cost-filter"
    )


def test_every_built_in_strategy_fits_a_capable_space() -> None:
    """A space with all capabilities is refused by no built-in strategy."""
    for name in BUILT_IN:
        check_capabilities(STRATEGIES.find(name).load(), ToySpace())


def test_make_builds_a_strategy_and_checks_the_space() -> None:
    """A strategy is made from its resolved hyperparameters, for a space that can do what it requires."""
    strategy = make(RandomSearch, _problem(Bare()), Stream(0, ("a",)), {"replacement": False})
    assert isinstance(strategy, Strategy)
    with pytest.raises(CapabilityError):
        make(RegularizedEvolution, _problem(Bare()), Stream(0, ("a",)), {})
