"""Context-free grammars of terms: rules read from text and checked, and derivations as flat tuples.

The notation is that of NLTK, which hierarchical search spaces are published in (Schrodi et al.,
"Construction of Hierarchical Neural Architecture Search Spaces based on Context-free Grammars", NeurIPS
2023): a line for each symbol, alternatives separated by bars, terminals in quotes. Each alternative begins
with a terminal, the function; what follows are its arguments:

    NET -> "Sequential" NET NET [0.3] | "Residual" OP OP "id" [0.2] | "Wrap" OP
    OP -> "conv" | "id"

A number in brackets is the relative weight of an alternative, 1 where there is none. Equal alternatives
are one, and their weights add up.

A *derivation* is the tuple of the productions' numbers in the order of the leftmost derivation, which is
the tree in preorder. It is flat, so that no depth of a tree meets a limit of recursion.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, combinations
from typing import NamedTuple

import numpy as np

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream

Derivation = tuple[int, ...]

_RULE = re.compile(r"^[ \t]*([A-Za-z_]\w*)[ \t]*->", re.MULTILINE)
_TOKEN = re.compile(
    r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z_]\w*)|(\|)|\[\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*\])"""
)
_TERMINAL = re.compile(r"""[^\s(),"'|]+""")
_FORM = 'write rules as \'NET -> "Sequential" NET NET | "conv"\', terminals in quotes, one symbol a line'
# A product of draws below 2^64 is exact.
_LARGEST_WEIGHT = 2**63


class Production(NamedTuple):
    """One alternative of a rule. An argument is a terminal, or the number of a symbol."""

    symbol: int
    head: str
    arguments: tuple[int | str, ...]
    weight: int

    @property
    def children(self) -> tuple[int, ...]:
        """The symbols among the arguments."""
        return tuple(argument for argument in self.arguments if isinstance(argument, int))


class _Choice(NamedTuple):
    """Productions to draw from, and their weights added up."""

    numbers: tuple[int, ...]
    until: tuple[int, ...]

    def draw(self, rng: Stream) -> int:
        return self.numbers[bisect_right(self.until, rng.below(self.until[-1]))]


class Grammar:
    """Rules that are read and checked; the first of `symbols` is the start.

    `where` names the grammar in errors. Raises `UsageError` for rules that cannot be read, a symbol that
    nothing can end or that the start does not reach, and rules that give one term in two ways: then equal
    architectures would have two derivations. `UnknownNameError` names a symbol without a rule.
    """

    def __init__(self, rules: str, start: str, where: str) -> None:
        self.where = where
        alternatives = _read(rules, where)
        if start not in alternatives:
            raise UnknownNameError("symbol of the grammar", start, alternatives, where=where)
        self.symbols = (start, *[name for name in alternatives if name != start])
        self.productions = tuple(self._numbered(alternatives))
        self.symbol_of = tuple(production.symbol for production in self.productions)
        self.children = tuple(production.children for production in self.productions)
        self.of = tuple(
            tuple(n for n, symbol in enumerate(self.symbol_of) if symbol == wanted)
            for wanted in range(len(self.symbols))
        )
        self._check_reach()
        self._heights = self._shortest()
        self._check_ambiguity()
        self._choices = tuple(self._choice(numbers) for numbers in self.of)
        self._short = tuple(self._choice(self._lowest(symbol)) for symbol in range(len(self.symbols)))
        self.counts = self._counted()

    def draw(self, symbol: int, depth: int, deepest: int | None, rng: Stream) -> list[int]:
        """Return a derivation of a symbol that stands at a depth, drawn by the weights.

        From the depth `deepest` on, only the productions that end soonest are drawn.
        """
        drawn: list[int] = []
        pending = [(symbol, depth)]
        while pending:
            symbol, depth = pending.pop()
            choices = self._choices if deepest is None or depth < deepest else self._short
            number = choices[symbol].draw(rng)
            drawn.append(number)
            pending += [(child, depth + 1) for child in reversed(self.children[number])]
        return drawn

    def derives(self, derivation: Sequence[object]) -> bool:
        """Say whether a sequence is a derivation from the start."""
        pending, known = [0], len(self.productions)
        for number in derivation:
            if type(number) is not int or not 0 <= number < known or not pending:
                return False
            if self.symbol_of[number] != pending.pop():
                return False
            pending += self.children[number][::-1]
        return not pending

    def end(self, derivation: Derivation, place: int) -> int:
        """Return where the subtree that begins at a place ends."""
        missing = 1
        while missing:
            missing += len(self.children[derivation[place]]) - 1
            place += 1
        return place

    def depth(self, derivation: Derivation, place: int) -> int:
        """Return how many symbols stand above a place."""
        missing: list[int] = []
        for number in derivation[:place]:
            missing.append(len(self.children[number]))
            while missing and not missing[-1]:
                missing.pop()
                if missing:
                    missing[-1] -= 1
        return len(missing)

    def growth(self) -> float:
        """Return the factor by which the expected number of symbols grows from one depth to the next.

        It is the largest eigenvalue of the matrix of expected children. Below 1, derivations end with
        probability 1 and have a finite expected size (Booth and Thompson, IEEE Transactions on Computers
        C-22, 1973).
        """
        expected = np.zeros((len(self.symbols), len(self.symbols)))
        for symbol, numbers in enumerate(self.of):
            total = sum(self.productions[n].weight for n in numbers)
            for n in numbers:
                for child in self.children[n]:
                    expected[symbol, child] += self.productions[n].weight / total
        return float(np.abs(np.linalg.eigvals(expected)).max())

    def _numbered(
        self, alternatives: dict[str, dict[tuple[tuple[bool, str], ...], Fraction]]
    ) -> Iterator[Production]:
        """Yield the productions, those of the start first, with integer weights."""
        place = {name: i for i, name in enumerate(self.symbols)}
        for name in self.symbols:
            weights = alternatives[name]
            scale = math.lcm(*[weight.denominator for weight in weights.values()])
            if sum(weights.values()) * scale > _LARGEST_WEIGHT:
                raise _wrong(self.where, f"the weights of {name} are too large or too fine")
            for words, weight in weights.items():
                for is_symbol, word in words:
                    if is_symbol and word not in place:
                        raise UnknownNameError("symbol of the grammar", word, place, where=self.where)
                arguments = tuple(place[word] if is_symbol else word for is_symbol, word in words[1:])
                yield Production(place[name], words[0][1], arguments, int(weight * scale))

    def _check_reach(self) -> None:
        reached = {0}
        pending = [0]
        while pending:
            for number in self.of[pending.pop()]:
                new = set(self.children[number]) - reached
                reached |= new
                pending += new
        lost = [name for i, name in enumerate(self.symbols) if i not in reached]
        if lost:
            raise _wrong(self.where, f"{self.symbols[0]} does not lead to {', '.join(lost)}")

    def _shortest(self) -> list[int]:
        """Return for each production the least height of a tree with it at the root."""
        endless = len(self.symbols) + 1
        heights = [endless] * len(self.symbols)
        for _ in self.symbols:
            for symbol, children in zip(self.symbol_of, self.children, strict=True):
                height = 1 + max((heights[child] for child in children), default=0)
                heights[symbol] = min(heights[symbol], height)
        never = [name for name, height in zip(self.symbols, heights, strict=True) if height == endless]
        if never:
            raise _wrong(self.where, f"no derivation of {', '.join(never)} ends")
        return [1 + max((heights[child] for child in children), default=0) for children in self.children]

    def _lowest(self, symbol: int) -> tuple[int, ...]:
        least = min(self._heights[n] for n in self.of[symbol])
        return tuple(n for n in self.of[symbol] if self._heights[n] == least)

    def _choice(self, numbers: tuple[int, ...]) -> _Choice:
        return _Choice(numbers, tuple(accumulate(self.productions[n].weight for n in numbers)))

    def _counted(self) -> list[int] | None:
        """Return how many derivations each symbol has, or None where a symbol leads back to itself."""
        counts: list[int | None] = [None] * len(self.symbols)
        for _ in self.symbols:
            for symbol, numbers in enumerate(self.of):
                parts = [[counts[child] for child in self.children[n]] for n in numbers]
                if counts[symbol] is None and not any(None in part for part in parts):
                    counts[symbol] = sum(math.prod(n for n in part if n is not None) for part in parts)
        known = [count for count in counts if count is not None]
        return known if len(known) == len(counts) else None

    def _check_ambiguity(self) -> None:
        """Refuse two productions of one symbol that give the same term.

        Two symbols overlap when they have a term in common, which is the least fixed point of: two of
        their productions have the same head and arguments that overlap one by one.
        """
        leaves = {(p.symbol, p.head) for p in self.productions if not p.arguments}
        overlap = {(i, i) for i in range(len(self.symbols))}

        def agree(one: int | str, other: int | str) -> bool:
            if isinstance(one, int) and isinstance(other, int):
                return (one, other) in overlap
            if isinstance(one, int):
                return (one, other) in leaves
            return one == other if isinstance(other, str) else (other, one) in leaves

        alike = [
            (p, q)
            for p, q in combinations(self.productions, 2)
            if p.head == q.head and len(p.arguments) == len(q.arguments)
        ]
        grows = True
        while grows:
            before = len(overlap)
            for p, q in alike:
                if all(map(agree, p.arguments, q.arguments)):
                    overlap |= {(p.symbol, q.symbol), (q.symbol, p.symbol)}
            grows = len(overlap) > before
        for p, q in alike:
            if p.symbol == q.symbol and all(map(agree, p.arguments, q.arguments)):
                raise _wrong(
                    self.where, f"two alternatives of {self.symbols[p.symbol]} give one '{p.head}(...)'"
                )


def _read(rules: str, where: str) -> dict[str, dict[tuple[tuple[bool, str], ...], Fraction]]:
    """Return for each symbol its alternatives with their weights; a word is (is it a symbol, text)."""
    lines = (line for line in rules.splitlines() if not line.lstrip().startswith("#"))
    first, *rest = _RULE.split("\n".join(lines))
    if first.strip() or not rest:
        raise _wrong(where, f"{first.strip()[:40]!r} is no rule")
    found: dict[str, dict[tuple[tuple[bool, str], ...], Fraction]] = {}
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        weights = found.setdefault(name, {})
        for words, weight in _alternatives(name, body.strip(), where):
            weights[words] = weights.get(words, Fraction(0)) + weight
    return found


def _alternatives(
    name: str, body: str, where: str
) -> Iterator[tuple[tuple[tuple[bool, str], ...], Fraction]]:
    """Yield the alternatives of one rule."""
    words: list[tuple[bool, str]] = []
    weight: Fraction | None = None
    place = 0
    while place <= len(body):
        match = _TOKEN.match(body, place)
        if place == len(body) or (match and match[4]):
            if not words or words[0][0]:
                raise _wrong(where, f"an alternative of {name} does not begin with a terminal")
            yield tuple(words), Fraction(1) if weight is None else weight
            words, weight = [], None
            place = match.end() if match else place + 1
            continue
        if match is None or weight is not None:
            raise _wrong(where, f"{name}: cannot read {body[place : place + 40].strip()!r}")
        double, single, symbol, _, number = match.groups()
        terminal = double if double is not None else single
        if number is not None:
            weight = Fraction(number)
            if not weight:
                raise _wrong(where, f"{name}: a weight is 0")
        elif symbol is not None:
            words.append((True, symbol))
        elif _TERMINAL.fullmatch(terminal):
            words.append((False, terminal))
        else:
            raise _wrong(where, f"{name}: the terminal {terminal!r} has blanks, commas, quotes or brackets")
        place = match.end()


def _wrong(where: str, why: str) -> UsageError:
    return UsageError("the grammar cannot be used", where=where, why=why, hint=_FORM)
