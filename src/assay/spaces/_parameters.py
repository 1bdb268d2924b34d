"""The values of one parameter: drawn, changed, scaled, written and read."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from assay.contracts.space import Value
from assay.foundation.errors import nearest
from assay.foundation.seeding import Stream
from assay.spaces._refuse import shown

# The standard deviation, in unit scale, of a small change: as ConfigSpace's one-exchange neighbours.
_SPREAD = 0.2
# Numbers of tables are read within this much of a listed value, or of a step.
_CLOSE = 1e-6
_MOST = 2.0**1000


class Domain(ABC):
    """The values of one parameter; `span` says in words which they are."""

    span: str

    @property
    def varies(self) -> bool:
        """Whether there is more than one value."""
        return True

    @abstractmethod
    def draw(self, rng: Stream) -> Value:
        """Return a value that is uniform in the parameter's scale."""

    @abstractmethod
    def change(self, value: Any, rng: Stream) -> Value:
        """Return another value: near by where there is an order, else any."""

    @abstractmethod
    def has(self, value: Any) -> bool:
        """Say whether this is a value, of exactly the right type."""

    @abstractmethod
    def take(self, value: Any) -> Value | None:
        """Return the value that a number of any type, or a text, stands for; None where there is none."""

    @abstractmethod
    def unit(self, value: Any) -> float:
        """Return where a value is in [0, 1], in the parameter's scale."""

    @abstractmethod
    def nearest(self, value: Any) -> str:
        """Return a hint for what is no value: the nearest one, or what there is."""

    def redraw(self, value: Any, rng: Stream) -> Value:
        """Return another value, drawn anew."""
        while (drawn := self.draw(rng)) == value:
            pass
        return drawn

    def read(self, text: str) -> Value | None:
        """Return the value that a text spells, None where it spells none."""
        return self.take(as_number(text))


class Ranked(Domain):
    """Values that can be counted, each drawn with the same probability."""

    size: int

    @property
    def varies(self) -> bool:
        """Whether there is more than one value."""
        return self.size > 1

    @abstractmethod
    def at(self, rank: int) -> Value:
        """Return the value of a rank in [0, size)."""

    @abstractmethod
    def rank(self, value: Any) -> int:
        """Return the rank of a value."""

    def draw(self, rng: Stream) -> Value:
        """Return a value, each with equal probability."""
        return self.at(rng.below(self.size))

    def change(self, value: Any, rng: Stream) -> Value:
        """Return another value: a Gaussian step over the ranks, at least one rank wide."""
        rank, last = self.rank(value), self.size - 1
        unit, spread = rank / last, max(_SPREAD, 1 / last)
        while (moved := round(_step(unit, spread, rng) * last)) == rank:
            pass
        return self.at(moved)

    def every(self) -> list[Value]:
        """Return all values in their order."""
        return [self.at(rank) for rank in range(self.size)]

    def beside(self, value: Any) -> list[Value]:
        """Return the values next to one, the lower first."""
        rank = self.rank(value)
        return [self.at(other) for other in (rank - 1, rank + 1) if 0 <= other < self.size]

    def unit(self, value: Any) -> float:
        """Return the rank in [0, 1]; 0 for an only value."""
        return self.rank(value) / (self.size - 1) if self.varies else 0.0


class Listed(Ranked):
    """Values that are listed, with or without an order."""

    def __init__(self, choices: Sequence[Value], *, ordered: bool) -> None:
        self.size = len(choices)
        self.span = shown_choices(choices)
        self._choices = tuple(choices)
        self._ordered = ordered
        self._types = frozenset(map(type, choices))
        self._ranks = {choice: i for i, choice in enumerate(choices)}
        self._texts = {text_of(choice): choice for choice in choices}

    def at(self, rank: int) -> Value:
        """Return the value of a rank."""
        return self._choices[rank]

    def rank(self, value: Any) -> int:
        """Return the place in the list."""
        return self._ranks[value]

    def has(self, value: Any) -> bool:
        """Say whether this is a value; True is not 1, and 1 is not 1.0."""
        if type(value) not in self._types or value not in self._ranks:
            return False
        return type(self._choices[self._ranks[value]]) is type(value)

    def take(self, value: Any) -> Value | None:
        """Return the value that is equal, or for a number the one that is as good as equal."""
        if self.has(value):
            return self._choices[self._ranks[value]]
        value = plain(value)
        if self.has(value):
            return self._choices[self._ranks[value]]
        found = self._closest(value)
        return found if found is not None and math.isclose(found, value, rel_tol=_CLOSE) else None

    def read(self, text: str) -> Value | None:
        """Return the value that is written so, or the number that is spelt so."""
        found = self._texts.get(text)
        return super().read(text) if found is None else found

    def change(self, value: Any, rng: Stream) -> Value:
        """Return another value: near by in an ordered list, else any."""
        if self._ordered:
            return super().change(value, rng)
        rank = rng.below(self.size - 1)
        return self._choices[rank + (rank >= self._ranks[value])]

    def beside(self, value: Any) -> list[Value]:
        """Return the values next to one; all others where there is no order."""
        if self._ordered:
            return super().beside(value)
        return [choice for choice in self._choices if choice != value]

    def nearest(self, value: Any) -> str:
        """Return the nearest choice, by number or by spelling, or the list."""
        found = self._closest(plain(value))
        near = nearest(str(value), self._texts) if found is None else text_of(found)
        return f"known: {self.span}" if near is None else f"did you mean {near}?"

    def _closest(self, value: Any) -> Any:
        numbers = [choice for choice in self._choices if _is_number(choice)]
        if not numbers or not _is_number(value) or not abs(value) <= _MOST:
            return None
        return min(numbers, key=lambda choice: abs(float(choice) - float(value)))


class Numbers(Domain):
    """Numbers between two bounds."""

    low: float
    high: float
    whole = False

    def nearest(self, value: Any) -> str:
        """Return the nearest number, or the bounds where no number was given."""
        value = plain(value)
        if not _is_number(value) or math.isnan(value):
            return f"it takes a {'whole ' if self.whole else ''}number {self.span}"
        inside = min(max(value, self.low), self.high)
        taken = self.round(inside)
        return f"the nearest is {text_of(taken)}"

    @abstractmethod
    def round(self, value: float) -> Value:
        """Return the value nearest to a number between the bounds."""


class Grid(Numbers, Ranked):
    """Evenly spaced numbers: integers, or reals that are rounded as decimals to `low + k * step`."""

    def __init__(self, low: float, high: float, step: float) -> None:
        self.low, self.high, self.step = low, high, step
        self.whole = type(low) is int
        self._low, self._step = Decimal(repr(low)), Decimal(repr(step))
        self.size = int((Decimal(repr(high)) - self._low) / self._step) + 1
        steps = "" if self.whole and step == 1 else f" in steps of {text_of(step)}"
        self.span = f"from {text_of(low)} to {text_of(high)}{steps}"

    def at(self, rank: int) -> Value:
        """Return the number of a rank."""
        if self.whole:
            return int(self.low + rank * self.step)
        return float(self._low + rank * self._step) + 0.0  # no negative zero

    def rank(self, value: Any) -> int:
        """Return how many steps a number is above the lowest."""
        return int((value - self.low) // self.step) if self.whole else round((value - self.low) / self.step)

    def has(self, value: Any) -> bool:
        """Say whether this is one of the numbers."""
        if type(value) is not (int if self.whole else float) or not self.low <= value <= self.high:
            return False
        return self.at(self.rank(value)) == value

    def take(self, value: Any) -> Value | None:
        """Return the number, of any type; reals within a millionth of a step."""
        value = plain(value)
        if not _is_number(value) or not self.low - self.step / 2 < value < self.high + self.step / 2:
            return None
        found = self.round(min(max(value, self.low), self.high))
        near = 0.0 if self.whole else _CLOSE * self.step
        return found if abs(found - value) <= near else None

    def round(self, value: float) -> Any:
        """Return the number that is nearest."""
        return self.at(round((value - self.low) / self.step))


class LogIntegers(Numbers):
    """Integers that are uniform in the logarithm.

    A draw is uniform over the logarithms from `low - 0.5` to `high + 0.5`, and rounded.
    """

    whole = True

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.span = f"from {low} to {high} (log)"
        self._least, self._range = math.log(low), math.log(high) - math.log(low)
        self._edge = math.log(low - 0.5)
        self._edges = math.log(high + 0.5) - self._edge

    def draw(self, rng: Stream) -> Value:
        """Return an integer, uniform in the logarithm."""
        return self.round(math.exp(self._edge + rng.random() * self._edges))

    def change(self, value: Any, rng: Stream) -> Value:
        """Return another integer, by a Gaussian step in the logarithm, at least one integer wide."""
        unit = self.unit(value)
        other = value + 1 if value < self.high else value - 1
        spread = max(_SPREAD, abs(self.unit(other) - unit))
        while (moved := self._of(_step(unit, spread, rng))) == value:
            pass
        return moved

    def has(self, value: Any) -> bool:
        """Say whether this is one of the integers."""
        return type(value) is int and self.low <= value <= self.high

    def take(self, value: Any) -> Value | None:
        """Return the integer, from a number of any type."""
        value = plain(value)
        if not _is_number(value) or not self.low <= value <= self.high or value != int(value):
            return None
        return int(value)

    def unit(self, value: Any) -> float:
        """Return where the logarithm is, in [0, 1]."""
        return (math.log(value) - self._least) / self._range

    def round(self, value: float) -> Value:
        """Return the nearest integer."""
        return int(min(max(round(value), self.low), self.high))

    def _of(self, unit: float) -> Value:
        return self.round(math.exp(self._least + unit * self._range))


class Reals(Numbers):
    """All numbers between two bounds, uniform in the number or in its logarithm."""

    def __init__(self, low: float, high: float, *, log: bool) -> None:
        self.low, self.high = low, high
        self.span = f"from {text_of(low)} to {text_of(high)}{' (log)' if log else ''}"
        self._log = log
        self._least = math.log(low) if log else low
        self._range = (math.log(high) if log else high) - self._least

    def draw(self, rng: Stream) -> Value:
        """Return a number, uniform in its scale."""
        return self._of(rng.random())

    def change(self, value: Any, rng: Stream) -> Value:
        """Return another number, by a Gaussian step in its scale."""
        unit = self.unit(value)
        while (moved := self._of(_step(unit, _SPREAD, rng))) == value:
            pass
        return moved

    def has(self, value: Any) -> bool:
        """Say whether this is a float between the bounds."""
        return type(value) is float and self.low <= value <= self.high

    def take(self, value: Any) -> Value | None:
        """Return the number as a float."""
        value = plain(value)
        return float(value) + 0.0 if _is_number(value) and self.low <= value <= self.high else None

    def unit(self, value: Any) -> float:
        """Return where the number is in [0, 1], in its scale."""
        unit = ((math.log(value) if self._log else value) - self._least) / self._range
        return min(max(unit, 0.0), 1.0)

    def round(self, value: float) -> Value:
        """Return the number itself."""
        return float(value) + 0.0

    def _of(self, unit: float) -> float:
        value = self._least + unit * self._range
        return min(max(math.exp(value) if self._log else value, self.low), self.high)


def text_of(value: Value) -> str:
    """Return how a value is written: shortest digits that read back, true and false in small letters."""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return repr(value + 0.0)  # -0.0 is 0.0
    return str(value)


def shown_choices(choices: Sequence[Value]) -> str:
    """Return choices in a line, cut when there are many."""
    texts = [text_of(choice) for choice in choices]
    line = ", ".join(texts[:12])
    return line if len(texts) <= 12 else f"{line}, ... ({len(texts)} in all)"


def as_number(text: str) -> int | float | str:
    """Return the number that a text spells, or the text."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def plain(value: Any) -> Any:
    """Return a number or text of NumPy as Python's own, an integer that no float can hold as infinite."""
    if type(value) is int and abs(value) > _MOST:
        return math.inf if value > 0 else -math.inf
    return value.item() if isinstance(value, np.generic) else value


def complaint(domain: Domain, value: Any) -> str:
    """Return why something is no value of a parameter."""
    kind = "one of" if isinstance(domain, Listed) else "a number"
    return f"got {shown(plain(value))}; it takes {kind} {domain.span}"


def _step(unit: float, spread: float, rng: Stream) -> float:
    """Return a Gaussian step from a place in [0, 1], drawn again until it stays inside."""
    while True:
        moved = unit + spread * rng.normal()
        if 0.0 <= moved <= 1.0:
            return moved


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
