"""Checks declared parameters, with the place of what is wrong, and makes the domains of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from assay.contracts.space import Categorical, Condition, Integer, Ordinal, Parameter, Real, Value
from assay.foundation.errors import UsageError, nearest
from assay.spaces._parameters import Domain, Grid, Listed, LogIntegers, Reals, complaint, plain, text_of
from assay.spaces._refuse import shown

# Integers up to here are exact as floats, in which scales are computed.
_EXACT = 2**53
_MOST = 1e300
_NAME = re.compile(r'[^\s=,"]+( [^\s=,"]+)*')

Activation = tuple[int, frozenset[Value]]
"""The place of the parent, and those of its values that make a parameter active."""


class Declared(NamedTuple):
    """Checked parameters in plain types, the values of each, and when it is active (None: always)."""

    parameters: tuple[Parameter, ...]
    domains: tuple[Domain, ...]
    activations: tuple[Activation | None, ...]


def declare(parameters: Sequence[Parameter]) -> Declared:
    """Return parameters once they are sound.

    Raises `UsageError`, whose place is such as 'parameters.momentum.high', for a name, a bound, a choice
    or a condition that cannot be.
    """
    settled: list[Parameter] = []
    domains: dict[str, Domain] = {}
    activations: list[Activation | None] = []
    for given in parameters:
        parameter, domain = domain_of(given)
        name = parameter.name
        if name in domains:
            raise wrong(name, "", f"two parameters are named '{name}'")
        activation = None
        if parameter.when is not None:
            when = _plain_condition(name, parameter.when, domains)
            parameter = msgspec.structs.replace(parameter, when=when)
            activation = (list(domains).index(when.parent), frozenset(when.values))
        settled.append(parameter)
        domains[name] = domain
        activations.append(activation)
    if not any(domain.varies for domain in domains.values()):
        raise UsageError("a space needs a parameter with more than one value", where="parameters")
    return Declared(tuple(settled), tuple(domains.values()), tuple(activations))


def domain_of(parameter: Parameter) -> tuple[Parameter, Domain]:
    """Return a parameter in plain types, its condition as it is, and the domain of its values."""
    if not isinstance(parameter, Categorical | Ordinal | Integer | Real):
        why = f"got {shown(parameter)}"
        raise UsageError("a parameter is Categorical, Ordinal, Integer or Real", where="parameters", why=why)
    name: Any = parameter.name
    if not isinstance(name, str) or not name.isprintable() or _NAME.fullmatch(name) is None:
        hint = "use printable characters without comma, quote, equals sign, or blanks at the ends"
        raise UsageError(f"{shown(name)} cannot name a parameter", where="parameters", hint=hint)
    if isinstance(parameter, Integer | Real):
        return _with_numbers(parameter)
    choices = _plain_choices(name, parameter.choices)
    domain = Listed(choices, ordered=isinstance(parameter, Ordinal))
    return msgspec.structs.replace(parameter, choices=choices), domain


def wrong(name: str, key: str, what: str, why: str | None = None, hint: str | None = None) -> UsageError:
    """Return the error for one key of a parameter."""
    return UsageError(what, where=f"parameters.{name}{'.' if key else ''}{key}", why=why, hint=hint)


def _plain_choices(name: str, given: Any) -> tuple[Value, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        why, hint = f"got {shown(given)}", 'choices = ["sgd", "adam"]'
        raise wrong(name, "choices", "a parameter needs a list of choices", why, hint)
    choices = tuple(plain(choice) for choice in given)
    for choice in choices:
        if type(choice) not in (str, bool, int, float):
            why = f"got {shown(choice)}"
            raise wrong(name, "choices", "a choice is a text, a number, true or false", why)
        if type(choice) in (int, float) and not abs(choice) <= (_EXACT if type(choice) is int else _MOST):
            raise wrong(name, "choices", "a number must be finite, and exact as a float", f"got {choice}")
    seen: dict[Value, Value] = {}
    for choice in choices:
        for key in {choice, text_of(choice)}:
            if key in seen:
                why = f"{seen[key]!r} and {choice!r} are equal, or are written alike"
                raise wrong(name, "choices", "choices must be told apart", why)
        seen |= {choice: choice, text_of(choice): choice}
    return choices


def _with_numbers(parameter: Integer | Real) -> tuple[Integer | Real, Domain]:
    """Return numbers in plain types, and their domain."""
    whole, name = isinstance(parameter, Integer), parameter.name
    for key in ("low", "high", "step"):
        value = plain(getattr(parameter, key))
        if value is None and key == "step" and not whole:
            continue
        if type(value) is not int and (whole or type(value) is not float):
            kind = "a whole number" if whole else "a number"
            raise wrong(name, key, f"'{key}' must be {kind}", f"got {shown(value)}")
        if not abs(value) <= (_EXACT if whole else _MOST):
            raise wrong(name, key, f"'{key}' must be finite, and exact as a float", f"got {shown(value)}")
        parameter = msgspec.structs.replace(parameter, **{key: value if whole else float(value) + 0.0})
    low, high, step = parameter.low, parameter.high, parameter.step
    if low > high or (low == high and not whole):
        raise wrong(name, "high", "'high' must be above 'low'", f"low = {low}, high = {high}")
    if parameter.log and low <= 0:
        raise wrong(name, "low", "a logarithm needs a positive 'low'", f"low = {low}")
    if parameter.log and step not in (None, 1):
        why = "evenly spaced numbers are not even in the logarithm"
        raise wrong(name, "step", "'step' and 'log' exclude each other", why, "an ordinal lists its values")
    if step is None:
        return parameter, Reals(low, high, log=parameter.log)
    if parameter.log and whole and low < high:
        return parameter, LogIntegers(int(low), int(high))
    _check_step(name, low, high, step)
    return parameter, Grid(low, high, step)


def _check_step(name: str, low: float, high: float, step: float) -> None:
    """Refuse steps that do not lead from `low` to `high`, and steps that floats cannot make."""
    if step <= 0 or step < math.ulp(max(abs(low), abs(high))):
        raise wrong(name, "step", "'step' must be positive, and not below the precision", f"step = {step}")
    least, width = Decimal(repr(low)), Decimal(repr(step))
    steps = (Decimal(repr(high)) - least) / width
    if steps != int(steps):
        last = text_of(type(high)(least + int(steps) * width))
        why = f"({text_of(high)} - {text_of(low)}) / {text_of(step)} is no whole number"
        raise wrong(name, "high", "the steps from 'low' do not meet 'high'", why, f"high = {last}")


def _plain_condition(name: str, when: Condition, domains: dict[str, Domain]) -> Condition:
    """Return a condition with values of its parent, which comes before."""
    if not isinstance(when, Condition):
        hint = 'when=Condition("optimizer", ("sgd",))'
        raise wrong(name, "when", "a condition names a parent and its values", f"got {shown(when)}", hint)
    if when.parent not in domains:
        near = nearest(str(when.parent), domains)
        hint = f"did you mean '{near}'?" if near else "a parent comes before what depends on it"
        why = f"no parameter before it is named '{when.parent}'"
        raise wrong(name, "when", f"'{name}' depends on what is not there", why, hint)
    domain = domains[when.parent]
    if isinstance(domain, Reals) or (isinstance(domain, Grid) and not domain.whole):
        why = f"'{when.parent}' is a real number, whose digits depend on who computed it"
        raise wrong(name, "when", "a condition needs a parent with choices or whole numbers", why)
    listed: Any = when.values
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not listed:
        why = f"got {shown(listed)}"
        raise wrong(name, "when", "a condition lists the parent's values", why)
    values = []
    for given in listed:
        value = domain.take(given)
        if value is None:
            what = f"'{when.parent}' is never {shown(plain(given))}"
            raise wrong(name, "when", what, complaint(domain, given), domain.nearest(given))
        values.append(value)
    return Condition(when.parent, tuple(dict.fromkeys(values)))
