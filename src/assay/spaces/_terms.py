"""Derivations of a grammar as text and as graphs: terms, string trees, and what combinators connect.

Nothing here recurses: a tree may be as deep as memory allows.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assay.contracts.space import Graph
from assay.foundation.errors import UnknownNameError, UsageError
from assay.spaces.productions import Derivation, Grammar

Edges = tuple[tuple[int, int], ...]

_TOKEN = re.compile(r"\s*([(),]|[^\s(),]+)")


class Term(NamedTuple):
    """A tree as read, its nodes in preorder: functions, their symbols where the text names them, children."""

    heads: list[str]
    labels: list[str | None]
    children: list[list[int]]


class Unreadable(Exception):  # noqa: N818  it is the reason, and never leaves the spaces
    """Why a text is no term, or a term is none of the grammar."""


def read_term(text: str) -> Term:
    """Return the tree of a term 'f(g(x), y)' or of a string tree '(S f (A g (B x)) y)'."""
    words = _TOKEN.findall(text)
    if not words:
        raise Unreadable("it is empty")
    return _read_tree(words) if words[0] == "(" else _read_calls(words)


def _read_calls(words: Sequence[str]) -> Term:
    """Read functions and their arguments in brackets."""
    term = Term([], [], [])
    opened: list[int] = []
    before = "("
    for place, word in enumerate(words):
        closed = before not in {"(", ","}  # a node stands complete before this word
        if word == "(":
            if not closed or before == ")":
                raise Unreadable("a bracket opens without a name before it")
            opened.append(len(term.heads) - 1)
        elif word in {")", ","}:
            if not closed or not opened:
                raise Unreadable(f"the {place + 1}th word, '{word}', is out of place")
            if word == ")":
                opened.pop()
        else:
            if closed or (term.heads and not opened):
                raise Unreadable(f"'{word[:40]}' stands where a comma or a bracket should")
            _add(term, opened, word, None)
        before = word
    if opened or before in {"(", ","}:
        raise Unreadable("a bracket is not closed")
    return term


def _read_tree(words: Sequence[str]) -> Term:
    """Read the string tree of a derivation: '(symbol function argument argument ...)'."""
    term = Term([], [], [])
    opened: list[int] = []
    for place, word in enumerate(words):
        if place and not opened:
            raise Unreadable("there is more after the last bracket")
        begun = opened and (term.labels[opened[-1]] == "" or term.heads[opened[-1]] == "")
        if word == ",":
            raise Unreadable("a string tree has no commas")
        if word in {"(", ")"} and begun:
            raise Unreadable("a bracket begins with a symbol and a function")
        if word == "(":
            opened.append(_add(term, opened, "", ""))
        elif word == ")":
            opened.pop()
        elif not begun:
            _add(term, opened, word, None)
        elif term.labels[opened[-1]] == "":
            term.labels[opened[-1]] = word
        else:
            term.heads[opened[-1]] = word
    if opened:
        raise Unreadable("a bracket is not closed")
    return term


def _add(term: Term, opened: Sequence[int], head: str, label: str | None) -> int:
    """Add a node to a term, below the node that was opened last, and return its number."""
    number = len(term.heads)
    term.heads.append(head)
    term.labels.append(label)
    term.children.append([])
    if opened:
        term.children[opened[-1]].append(number)
    return number


def derivation(grammar: Grammar, term: Term) -> Derivation:
    """Return the derivation of a term, which is the only one: see `Grammar`.

    Raises `Unreadable`, or `UnknownNameError` for a function that the grammar does not have.
    """
    forms: dict[tuple[str, int], list[int]] = {}
    for number, production in enumerate(grammar.productions):
        forms.setdefault((production.head, len(production.arguments)), []).append(number)
    found = _productions(grammar, term, forms)
    if 0 not in found[0]:
        raise _misfit(grammar, term, forms, found)
    numbers: list[int] = []
    pending = [(0, 0)]
    while pending:
        node, symbol = pending.pop()
        number = found[node][symbol]
        numbers.append(number)
        placed = zip(term.children[node], grammar.productions[number].arguments, strict=True)
        pending += [(child, arg) for child, arg in placed if isinstance(arg, int)][::-1]
    return tuple(numbers)


def _productions(
    grammar: Grammar, term: Term, forms: Mapping[tuple[str, int], Sequence[int]]
) -> list[dict[int, int]]:
    """Return for each node the symbols that derive it, each with its production."""
    found: list[dict[int, int]] = [{} for _ in term.heads]

    def fits(child: int, argument: int | str) -> bool:
        if isinstance(argument, int):
            return argument in found[child]
        return term.heads[child] == argument and not term.children[child] and term.labels[child] is None

    for node in reversed(range(len(term.heads))):
        children, label = term.children[node], term.labels[node]
        for number in forms.get((term.heads[node], len(children)), ()):
            production = grammar.productions[number]
            if label in {None, grammar.symbols[production.symbol]} and all(
                map(fits, children, production.arguments)
            ):
                found[node][production.symbol] = number
    return found


def _misfit(
    grammar: Grammar,
    term: Term,
    forms: Mapping[tuple[str, int], Sequence[int]],
    found: Sequence[Mapping[int, int]],
) -> Exception:
    """Return why a term is none of the grammar: the first unknown name, else the deepest misfit."""
    terminals = {
        arg for production in grammar.productions for arg in production.arguments if isinstance(arg, str)
    }
    known = {head for head, _ in forms} | terminals
    for head, children in zip(term.heads, term.children, strict=True):
        if head not in known:
            return UnknownNameError(f"function of {grammar.where}", head[:40], known)
        if (head, len(children)) not in forms and (children or head not in terminals):
            arities = sorted({arity for name, arity in forms if name == head})
            return Unreadable(
                f"'{head}' has {len(children)} arguments, and not {' or '.join(map(str, arities))}"
            )
    for node in reversed(range(len(term.heads))):
        head, children, label = term.heads[node], term.children[node], term.labels[node]
        if not found[node] and (children or head not in terminals or label is not None):
            shown = f"{head}({', '.join(term.heads[child] for child in children)})" if children else head
            return Unreadable(f"no rule{f' of {label}' if label else ''} gives {shown[:80]}")
    names = " or ".join(grammar.symbols[symbol] for symbol in found[0])
    return Unreadable(f"it is no {grammar.symbols[0]}{f' but a {names}' if names else ''}")


class Writer:
    """Writes derivations: as terms, or, with `labelled`, as string trees that name the symbols."""

    def __init__(self, grammar: Grammar, *, labelled: bool) -> None:
        self._templates: list[list[str | None]] = []
        for production in grammar.productions:
            label = grammar.symbols[production.symbol]
            opening = f"({label} {production.head}" if labelled else production.head
            before = [" " if labelled else ", "] * len(production.arguments)
            if before and not labelled:
                opening, before[0] = f"{opening}(", ""
            template: list[str | None] = [opening]
            for text, argument in zip(before, production.arguments, strict=True):
                template += [text, None] if isinstance(argument, int) else [text + argument]
            closing = ")" if labelled or production.arguments else ""
            self._templates.append([*template, closing][::-1])

    def write(self, derivation: Derivation) -> str:
        """Return the text of a derivation."""
        numbers = iter(derivation)
        pending: list[str | None] = [None]
        written: list[str] = []
        while pending:
            piece = pending.pop()
            if piece is None:
                pending += self._templates[next(numbers)]
            else:
                written.append(piece)
        return "".join(written)


def combinator_edges(grammar: Grammar, combinators: Mapping[str, Edges | str]) -> list[Edges]:
    """Return for each production the edges between points on which its arguments stand.

    Raises `UsageError` where a function with arguments has no combinator, or one that does not fit.
    """
    found: list[Edges] = []
    for production in grammar.productions:
        head, arity = production.head, len(production.arguments)
        kind = combinators.get(head, ()) if arity else ()
        if kind == "chain":
            kind = tuple((i, i + 1) for i in range(arity))
        elif kind == "parallel":
            kind = ((0, 1),) * arity
        if isinstance(kind, str) or len(kind) != arity or not _connects(kind):
            raise UsageError(
                f"the combinator '{head}' cannot connect {arity} arguments",
                where=grammar.where,
                why=f"it is {combinators.get(head, 'not given')}",
                hint="give 'chain', 'parallel', or for each argument an edge (i, j) of points, from 0 on",
            )
        found.append(kind)
    return found


def _connects(edges: Edges) -> bool:
    """Say whether edges go forward and leave no point but the first and the last without in and out."""
    last = max((target for _, target in edges), default=0)
    sources, targets = {source for source, _ in edges}, {target for _, target in edges}
    return all(a < b for a, b in edges) and sources == set(range(last)) and targets == set(range(1, last + 1))


def graph(grammar: Grammar, edges: Sequence[Edges], derivation: Derivation) -> Graph:
    """Return the graph of a derivation: its operations as nodes, between the nodes 'input' and 'output'.

    Points are where operations meet: an operation reads all that end where it begins. The operations are
    in the order of the term as far as each comes after what it reads.
    """
    operations: list[tuple[str, int, int]] = []
    points = 2
    pending: list[tuple[int | str, int, int]] = [(0, 0, 1)]
    numbers = iter(derivation)
    while pending:
        part, source, target = pending.pop()
        if isinstance(part, str):
            operations.append((part, source, target))
            continue
        number = next(numbers)
        production, places = grammar.productions[number], edges[number]
        if not places:
            operations.append((production.head, source, target))
            continue
        last = max(end for _, end in places)
        own = [source, *range(points, points + last - 1), target]
        points += last - 1
        parts = zip(production.arguments, places, strict=True)
        pending += [(argument, own[a], own[b]) for argument, (a, b) in parts][::-1]
    return _joined(operations, points)


def _joined(operations: Sequence[tuple[str, int, int]], points: int) -> Graph:
    """Return the graph of operations between points, of which 0 is the input and 1 the output."""
    reading: list[list[int]] = [[] for _ in range(points)]
    missing = [0] * points
    for number, (_, source, target) in enumerate(operations):
        reading[source].append(number)
        missing[target] += 1
    made: list[list[int]] = [[] for _ in range(points)]
    made[0] = [0]
    labels, edges = ["input"], []
    ready = list(reading[0])
    while ready:
        label, source, target = operations[heapq.heappop(ready)]
        node = len(labels)
        labels.append(label)
        edges += [(before, node) for before in made[source]]
        made[target].append(node)
        missing[target] -= 1
        if not missing[target]:
            for number in reading[target]:
                heapq.heappush(ready, number)
    edges += [(before, len(labels)) for before in made[1]]
    return Graph((*labels, "output"), tuple(edges))
