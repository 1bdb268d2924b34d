"""Grammars: how rules are read, what is refused, and how derivations are drawn and counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.productions import Grammar

ARITHMETIC = """
    # the classical unambiguous grammar, its weights as NLTK writes probabilities
    SUM -> "plus" SUM TERM [0.25] | "only" TERM [0.75]
    TERM -> "times" TERM "x" [0.5] | "x" [0.25]
          | 'y' [0.25]
"""


def grammar(rules, start="S"):
    """Return a grammar called 'test'."""
    return Grammar(rules, start, "test")


def test_rules_are_read():
    """Symbols, heads, arguments and relative weights are those of the text, comments and breaks aside."""
    read = grammar(ARITHMETIC, "SUM")
    assert read.symbols == ("SUM", "TERM")
    assert [tuple(production) for production in read.productions] == [
        (0, "plus", (0, 1), 1),
        (0, "only", (1,), 3),
        (1, "times", (1, "x"), 2),
        (1, "x", (), 1),
        (1, "y", (), 1),
    ]
    assert [production.children for production in read.productions] == [(0, 1), (1,), (1,), (), ()]


def test_the_start_comes_first():
    """The start need not be the first rule, and a symbol may have several lines."""
    read = grammar('A -> "a"\nS -> "s" A\nA -> "b"')
    assert read.symbols == ("S", "A")
    assert [production.head for production in read.productions] == ["s", "a", "b"]


def test_equal_alternatives_are_one():
    """A doubled alternative has double weight, as published grammars use it."""
    read = grammar('S -> "a" | "f" S [0.5] | "a" | "f" S [0.25]')
    assert [(production.head, production.weight) for production in read.productions] == [("a", 8), ("f", 3)]


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("", "'' is no rule"),
        ("S = 'a'", "no rule"),
        ('"a" | "b"', "no rule"),
        ("S ->", "an alternative of S does not begin with a terminal"),
        ('S -> "a" |', "does not begin with a terminal"),
        ('S -> T "a"\nT -> "b"', "does not begin with a terminal"),
        ('S -> "a" [0.5] "b"', "cannot read '\"b\"'"),
        ('S -> "a" [x]', r"cannot read '\[x\]'"),
        ('S -> "a" [0]', "a weight is 0"),
        ('S -> "a" [999999999999.999999999999]', "too large or too fine"),
        ('S -> "a b"', "has blanks, commas, quotes or brackets"),
        ('S -> "f(x)"', "has blanks, commas, quotes or brackets"),
        ('S -> ""', "has blanks, commas, quotes or brackets"),
        ('S -> "a"\nT -> "b"', "S does not lead to T"),
        ('S -> "f" S', "no derivation of S ends"),
        ('S -> "a" | "f" T\nT -> "g" T T', "no derivation of T ends"),
    ],
)
def test_rules_that_cannot_be_used(rules, why):
    """What is wrong with a grammar is said, with the form that rules have."""
    with pytest.raises(UsageError, match=why) as raised:
        grammar(rules)
    assert raised.value.where == "test"
    assert "terminals in quotes" in raised.value.hint


def test_symbols_without_rules_are_named():
    """A symbol that is misspelt suggests the nearest."""
    with pytest.raises(UnknownNameError, match="did you mean 'CELL'"):
        grammar('S -> "f" CEL\nCELL -> "a"')
    with pytest.raises(UnknownNameError, match="unknown symbol of the grammar 'X'"):
        grammar('S -> "a"', start="X")


@pytest.mark.parametrize(
    "rules",
    [
        'S -> "f" A | "f" B\nA -> "x" | "y"\nB -> "y" | "z"',
        'S -> "f" A | "f" "x"\nA -> "x" | "y"',
        # A and B both give g(...g(x)), however deep.
        'S -> "f" A | "f" B\nA -> "g" A [0.5] | "x" | "a"\nB -> "g" B [0.5] | "x" | "b"',
    ],
)
def test_terms_with_two_derivations_are_refused(rules):
    """Two alternatives of a symbol that share a term are named by their function."""
    with pytest.raises(UsageError, match=r"two alternatives of S give one 'f\(\.\.\.\)'"):
        grammar(rules)


@pytest.mark.parametrize(
    "rules",
    [
        'S -> "f" A | "f" B\nA -> "x"\nB -> "y"',
        'S -> "f" A A | "f" A\nA -> "x"',
        # Both read g(...), but no term of A is one of B.
        'S -> "f" A | "f" B\nA -> "g" A [0.5] | "x"\nB -> "g" B [0.5] | "y"',
    ],
)
def test_alike_heads_are_told_apart_by_arguments(rules):
    """One function may stand in several alternatives whose arguments differ."""
    assert grammar(rules).symbols[0] == "S"


def test_counts():
    """Derivations are counted exactly, and not where a symbol leads back to itself."""
    assert grammar('S -> "f" A A | "g" A "x"\nA -> "a" | "b" | "c"').counts == [9 + 3, 3]
    assert grammar('S -> "f" A\nA -> "a" | "g" B\nB -> "b" [0.1] | "h" A').counts is None
    rules = "\n".join(f'N{i} -> "f{i}" N{i + 1} N{i + 1}' for i in range(9))
    assert grammar(f'{rules}\nN9 -> "a" | "b"', "N0").counts[0] == 2**512


def test_growth():
    """The growth of x -> x x with probability p, else an end, is 2 p; of a finite grammar, 0."""
    for weight in ("0.2", "0.5", "0.75"):
        rest = 1 - float(weight)
        assert grammar(f'S -> "f" S S [{weight}] | "a" [{rest}]').growth() == pytest.approx(2 * float(weight))
    # Two symbols that lead to each other: the eigenvalues of [[0, 1], [1/2, 0]] are plus and minus sqrt(1/2).
    assert grammar('S -> "f" T\nT -> "g" S | "a"').growth() == pytest.approx(np.sqrt(0.5))
    assert grammar('S -> "f" T T\nT -> "a"').growth() == 0


def test_draws_follow_the_weights():
    """Alternatives are drawn in proportion to their weights."""
    read, rng = grammar('S -> "a" [0.5] | "b" [0.3] | "c" [0.2]'), Stream(0, ("test",))
    counts = Counter(read.draw(0, 0, None, rng)[0] for _ in range(10_000))
    for number, expected in enumerate((5_000, 3_000, 2_000)):
        assert abs(counts[number] - expected) < 6 * expected**0.5


def test_from_the_greatest_depth_on_derivations_end_soonest():
    """Without bound by its weights, a grammar ends where only its shortest productions are drawn."""
    read, rng = grammar('S -> "f" S S [1000] | "g" T | "a"\nT -> "t"'), Stream(0, ("test",))
    for _ in range(100):
        drawn = tuple(read.draw(0, 0, 3, rng))
        assert read.derives(drawn)
        assert max(read.depth(drawn, place) for place in range(len(drawn))) <= 4
        below = [number for place, number in enumerate(drawn) if read.depth(drawn, place) == 3]
        assert set(below) <= {2, 3}  # 'a', or the 't' below a 'g' at depth 2


@given(st.integers(0, 2**32))
def test_subtrees_and_depths(seed):
    """Where subtrees end and how deep they stand agrees with a recursive walk."""
    read = grammar(ARITHMETIC, "SUM")
    drawn = tuple(read.draw(0, 0, None, Stream(seed, ("test",))))
    assert read.derives(drawn)

    def walk(place, depth):
        assert read.depth(drawn, place) == depth
        end = place + 1
        for child in read.children[drawn[place]]:
            assert read.symbol_of[drawn[end]] == child
            end = walk(end, depth + 1)
        assert read.end(drawn, place) == end
        return end

    assert walk(0, 0) == len(drawn)


@given(st.lists(st.integers(-1, 6), max_size=8))
def test_only_whole_derivations_are_derivations(numbers):
    """A sequence is a derivation just if a recursive walk from the start uses it up."""
    read = grammar(ARITHMETIC, "SUM")

    def walk(symbol, place):
        if place is None or place >= len(numbers) or not 0 <= numbers[place] < 5:
            return None
        if read.symbol_of[numbers[place]] != symbol:
            return None
        place, children = place + 1, read.children[numbers[place]]
        for child in children:
            place = walk(child, place)
        return place

    assert read.derives(numbers) is (walk(0, 0) == len(numbers))
