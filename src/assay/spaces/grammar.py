"""Spaces that a context-free grammar generates: hierarchical, and without bound if the grammar recurs.

Source of the approach: Schrodi et al., "Construction of Hierarchical Neural Architecture Search Spaces
based on Context-free Grammars", NeurIPS 2023, whose grammar of NAS-Bench-201 is one of those that come with
Assay; Ericsson et al., "einspace: Searching for Neural Architectures from Fundamental Operations", NeurIPS
2024, for the other.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from assay.contracts.space import Graph
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces._refuse import check_mutation, foreign, outside, unreadable
from assay.spaces._terms import Edges, Unreadable, Writer, combinator_edges, derivation, graph, read_term
from assay.spaces.productions import Derivation, Grammar

_LARGEST = 2**63
_ROUNDING = 1e-9  # of eigenvalues
_SHOWN = 80
_MANY = 100


class GrammarSpace:
    """The terms of a context-free grammar, such as 'Sequential(Residual(conv, id), conv)'.

    An architecture is the tuple of the numbers of the productions in its leftmost derivation. It is flat:
    trees may be of any depth. The published form is the term, functions with their arguments, as in the
    papers; `parse` also reads the string tree that NePS writes, '(CELL Cell (OPS id) ...)', and
    `string_tree` gives it.

    `rules` are in the notation of `assay.spaces.productions`, or a mapping from symbols to alternatives.
    `combinators` says what each function with arguments connects: 'chain' (one after the other),
    'parallel' (all read the input, their outputs are added), or for each argument an edge (i, j) between
    points, of which 0 is the input and the last the output.

    *Samples are not uniform*: each production is drawn with its weight. They end with probability 1, and
    in finite expected size, as the expected number of symbols falls from one depth to the next; where it
    does not, `max_depth` is needed. From that depth on, only the productions that end soonest are drawn;
    a deeper tree that is read or crossed is still in the space.

    The mutation 'subtree' draws one node of the derivation, each with equal probability, and draws its
    subtree anew, until that is a change; crossover replaces one subtree of the first parent, not the
    whole where there is another, by one of the second with the same symbol. Moss et al., "BOSS", NeurIPS
    2020, search grammars so, but never draw the root anew. `FiniteGrammarSpace` adds an index
    and neighbours; without bound, the architectures one change away are too many to be listed.
    """

    mutations: tuple[str, ...] = ("subtree",)

    def __init__(
        self,
        name: str,
        rules: str | Mapping[str, Sequence[str]],
        start: str,
        combinators: Mapping[str, Edges | str],
        *,
        max_depth: int | None = None,
        revision: int = 1,
    ) -> None:
        if not isinstance(rules, str):
            rules = "\n".join(f"{symbol} -> {' | '.join(options)}" for symbol, options in rules.items())
        self.name = name
        self.revision = revision
        self._grammar = Grammar(rules, start, name)
        self._max_depth = max_depth
        self._edges = combinator_edges(self._grammar, combinators)
        self._terms = Writer(self._grammar, labelled=False)
        self._trees = Writer(self._grammar, labelled=True)
        if self.architectures == 1:
            raise UsageError("a space of one architecture cannot be searched", where=name)
        self._check_sampling()

    @property
    def architectures(self) -> int | None:
        """How many architectures there are, or None where they are without bound."""
        return None if self._grammar.counts is None else self._grammar.counts[0]

    def contains(self, arch: Any) -> bool:
        """Say whether a value is a derivation of the grammar."""
        return isinstance(arch, tuple) and self._grammar.derives(arch)

    def sample(self, rng: Stream) -> Derivation:
        """Return an architecture drawn by the weights of the productions, which is not uniform."""
        return tuple(self._grammar.draw(0, 0, self._max_depth, rng))

    def parse(self, text: str) -> Derivation:
        """Return the architecture of a term or of a string tree.

        Raises `UsageError` for anything else, `UnknownNameError` for a function that the grammar lacks.
        """
        try:
            return derivation(self._grammar, read_term(text))
        except Unreadable as error:
            raise unreadable(self.name, text, str(error), self._example) from None

    def format(self, arch: Derivation) -> str:
        """Return the term, such as 'Sequential(Residual(conv, id), conv)'."""
        return self._terms.write(self._own(arch))

    def string_tree(self, arch: Derivation) -> str:
        """Return the derivation as NePS writes it, such as '(CELL Cell (OPS id) ...)'."""
        return self._trees.write(self._own(arch))

    def mutate(self, arch: Derivation, rng: Stream, kind: str) -> Derivation:
        """Return a copy with one subtree drawn anew."""
        check_mutation(self.name, kind, self.mutations)
        arch = self._own(arch)
        while True:
            place = rng.below(len(arch))
            symbol = self._grammar.symbol_of[arch[place]]
            depth = 0 if self._max_depth is None else self._grammar.depth(arch, place)
            subtree = tuple(self._grammar.draw(symbol, depth, self._max_depth, rng))
            end = self._grammar.end(arch, place)
            if subtree != arch[place:end]:
                return (*arch[:place], *subtree, *arch[end:])

    def crossover(self, first: Derivation, second: Derivation, rng: Stream) -> Derivation:
        """Return the first parent with one subtree of the second, where both have the same symbol."""
        first, second = self._own(first), self._own(second)
        symbol_of = self._grammar.symbol_of
        offered: dict[int, list[int]] = {}
        for place, number in enumerate(second):
            offered.setdefault(symbol_of[number], []).append(place)
        places = [place for place in range(1, len(first)) if symbol_of[first[place]] in offered]
        place = rng.choice(places or [0])
        taken = rng.choice(offered[symbol_of[first[place]]])
        subtree = second[taken : self._grammar.end(second, taken)]
        return (*first[:place], *subtree, *first[self._grammar.end(first, place) :])

    def graph(self, arch: Derivation) -> Graph:
        """Return the operations of the term as nodes, connected as its combinators say."""
        return graph(self._grammar, self._edges, self._own(arch))

    @cached_property
    def _example(self) -> str:
        """One of the shortest terms, as messages show it."""
        text = self._terms.write(tuple(self._grammar.draw(0, 0, 0, Stream(0, ("example",)))))
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

    def _check_sampling(self) -> None:
        """Refuse a grammar whose samples need not end."""
        if self._max_depth is None and (growth := self._grammar.growth()) > 1 - _ROUNDING:
            raise UsageError(
                "samples of the grammar need not end",
                where=self.name,
                why=f"from one depth to the next, symbols are multiplied by {growth:.3g} in expectation",
                hint="give recursive alternatives smaller weights, such as [0.2], or a max_depth",
            )

    def _own(self, arch: Derivation) -> Derivation:
        if not self.contains(arch):
            raise foreign(self.name, arch, self._example)
        return arch


class FiniteGrammarSpace(GrammarSpace):
    """The terms of a grammar without recursion, of which there are fewer than 2^63; *samples are uniform*.

    The index counts the alternatives of a symbol in their order, and the arguments of one as digits, the
    first the most significant.

    Neighbours have one subtree of one symbol replaced: by every other one where the symbol has at most 100,
    else by those that differ in nothing but the production at the root.
    """

    def __init__(
        self,
        name: str,
        rules: str | Mapping[str, Sequence[str]],
        start: str,
        combinators: Mapping[str, Edges | str],
        *,
        revision: int = 1,
    ) -> None:
        super().__init__(name, rules, start, combinators, revision=revision)
        self.size = self._counts[0]

    def sample(self, rng: Stream) -> Derivation:
        """Return an architecture, each with equal probability."""
        return self._derivation(0, rng.below(self.size))

    def index(self, arch: Derivation) -> int:
        """Return the index in the order of the alternatives."""
        counts, grammar = self._counts, self._grammar
        done: list[int] = []
        for number in reversed(self._own(arch)):
            index = 0
            for child in grammar.children[number]:
                index = index * counts[child] + done.pop()
            symbol = grammar.symbol_of[number]
            done.append(index + self._before[symbol][grammar.of[symbol].index(number)])
        return done[0]

    def at(self, index: int) -> Derivation:
        """Return the architecture of an index in the order of the alternatives."""
        if not 0 <= index < self.size:
            raise outside(self.name, index, self.size)
        return self._derivation(0, index)

    def neighbours(self, arch: Derivation) -> list[Derivation]:
        """Return the architectures with one subtree replaced, by place, then by index."""
        arch = self._own(arch)
        found: dict[Derivation, None] = {}
        for place, number in enumerate(arch):
            symbol = self._grammar.symbol_of[number]
            end = self._grammar.end(arch, place)
            for other in self._instead(symbol, arch[place:end]):
                found[*arch[:place], *other, *arch[end:]] = None
        found.pop(arch, None)
        return list(found)

    def _check_sampling(self) -> None:
        """Refuse a grammar with too many architectures to be counted through."""
        if self.architectures is None or self.architectures >= _LARGEST:
            size = "are without bound" if self.architectures is None else f"are {self.architectures:.1e}"
            raise UsageError(
                "the grammar has too many architectures for an index",
                where=self.name,
                why=f"they {size}",
                hint="make it a GrammarSpace",
            )

    def _instead(self, symbol: int, subtree: Derivation) -> list[Derivation]:
        """Return what may stand in the place of a subtree, which may be among it."""
        if self._counts[symbol] <= _MANY:
            return [self._derivation(symbol, index) for index in range(self._counts[symbol])]
        children = self._grammar.children
        alike = [n for n in self._grammar.of[symbol] if children[n] == children[subtree[0]]]
        return [(number, *subtree[1:]) for number in alike]

    def _derivation(self, symbol: int, index: int) -> Derivation:
        numbers: list[int] = []
        pending = [(symbol, index)]
        while pending:
            symbol, index = pending.pop()
            place = bisect_right(self._before[symbol], index) - 1
            number = self._grammar.of[symbol][place]
            numbers.append(number)
            index -= self._before[symbol][place]
            # The last digit comes out first, and so does the last argument go in: the first is on top.
            for child in reversed(self._grammar.children[number]):
                index, digit = divmod(index, self._counts[child])
                pending.append((child, digit))
        return tuple(numbers)

    @property
    def _counts(self) -> list[int]:
        return self._grammar.counts or []

    @cached_property
    def _before(self) -> list[list[int]]:
        """How many derivations of a symbol come before those of each of its productions."""
        return [
            list(accumulate((self._of_production(n) for n in numbers[:-1]), initial=0))
            for numbers in self._grammar.of
        ]

    def _of_production(self, number: int) -> int:
        return math.prod(self._counts[child] for child in self._grammar.children[number])


_CELL: Edges = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_RESIDUAL2: Edges = ((0, 1), (0, 2), (1, 2))
_RESIDUAL3: Edges = ((0, 1), (1, 2), (0, 3), (2, 3))


class NasBench201GrammarSpace(FiniteGrammarSpace):
    """The 15,625 cells of NAS-Bench-201 as a grammar: the cell of the hierarchical space's smallest part.

    Arguments of 'Cell' are the edges in the order of NAS-Bench-201's published strings. Rules as in
    `hierarchical_nb201/grammars/cell.cfg` of automl/hierarchical_nas_construction (MIT), whose samplers
    also reject cells without a path from the input to the output; those are in the space here.
    """

    def __init__(self) -> None:
        rules = """
            CELL -> "Cell" OPS OPS OPS OPS OPS OPS
            OPS -> "id" | "zero" | "conv3x3" | "conv1x1" | "avg_pool"
        """
        super().__init__("nas-bench-201-grammar", rules, "CELL", {"Cell": _CELL})


class HierarchicalNasBench201Space(GrammarSpace):
    """Hierarchical NAS-Bench-201: the macro structure, the cells and the convolutions are searched at once.

    There are 7.0 x 10^375 architectures; counted with the doubled alternative of OPS as two, as the
    published rules write it, 1.2 x 10^446. Rules as in `macro.cfg`, `cell_flexible.cfg` and `conv_block.cfg`
    in `hierarchical_nb201/grammars` of automl/hierarchical_nas_construction (MIT), whose samplers also
    reject graphs without a path from the input to the output; those are in the space here.
    """

    def __init__(self) -> None:
        rules = """
            D2 -> "Linear3" D1 D1 D0 | "Linear3" D0 D1 D1 | "Linear4" D1 D1 D0 D0
            D1 -> "Linear3" C C DOWN | "Linear4" C C C DOWN | "Residual3" C C DOWN DOWN
            D0 -> "Linear3" C C CELL | "Linear4" C C C CELL | "Residual3" C C CELL CELL
            DOWN -> "Linear2" CELL "resBlock" | "Linear3" CELL CELL "resBlock"
                  | "Residual2" CELL "resBlock" "resBlock"
            C -> "Linear2" CELL CELL | "Linear3" CELL CELL CELL | "Residual2" CELL CELL CELL
            CELL -> "Cell" OPS OPS OPS OPS OPS OPS
            OPS -> "id" | "zero" | "Linear1" CONVBLOCK [2] | "avg_pool"
            CONVBLOCK -> "Linear3" ACT CONV NORM
            CONV -> "conv3x3o" | "conv1x1o" | "dconv3x3o"
            NORM -> "batch" | "instance" | "layer"
            ACT -> "relu" | "hardswish" | "mish"
        """
        chains = dict.fromkeys(("Linear1", "Linear2", "Linear3", "Linear4"), "chain")
        combinators: dict[str, Edges | str] = {
            **chains,
            "Residual2": _RESIDUAL2,
            "Residual3": _RESIDUAL3,
            "Cell": _CELL,
        }
        super().__init__("hierarchical-nas-bench-201", rules, "D2", combinators)


class EinspaceGrammarSpace(GrammarSpace):
    """The context-free part of einspace: networks of fundamental operations, without bound.

    Modules are sequential, branching into two, four or eight, routing, or computation. Of four or eight
    branches all are alike, so that the term and the graph have one.

    The weights are those of the published sampling: a computation module with probability 0.32, else one of
    the other three alike, their functions alike; from depth 100 on, computation modules only. The whole
    grammar of the publication also has shapes of tensors: its sampler rejects what does not fit the
    shape of the input and of the other branch, and so not every architecture here is a network that runs.
    Functions as in `einspace/search_spaces.py` of linusericsson/einspace (MIT); the functions that divide
    and join are here paired by the number of branches.
    """

    def __init__(self) -> None:
        branching = {
            n: _listed(f"clone_tensor{n}", *[f"group_dim{n}s{d}d" for d in (1, 2, 3)]) for n in (2, 4, 8)
        }
        joining = {n: _listed("add_tensors", *[f"cat_tensors{d}d{n}t" for d in (1, 2, 3)]) for n in (2, 4, 8)}
        permutations = ("identity", *[f"permute{order}" for order in (21, 132, 213, 231, 312, 321)])
        windows = ("1k1s0p", "1k2s0p", "3k1s1p", "3k2s1p", "4k4s0p", "8k8s0p", "16k16s0p")
        linear = [f"linear{2**width}" for width in range(4, 12)]
        others = ("norm", "leakyrelu", "softmax", "learnable_positional_encoding")
        modules = """
            "sequential_module" M M [3] | "branching_module_2" B2 M M A2 | "branching_module_4" B4 M A4
            | "branching_module_8" B8 M A8 | "routing_module" PRE M POST [3]
        """
        # 900 parts: 68 hundredths are shared as 3 : 1 : 1 : 1 : 3, and 32 are left.
        weighted = modules.replace("[3]", "[204]").replace("A2", "A2 [68]").replace("A4", "A4 [68]")
        rules = {
            "S": [modules],
            "M": [weighted.replace("A8", "A8 [68]"), '"computation_module" C [288]'],
            **{f"B{n}": [branching[n]] for n in (2, 4, 8)},
            "A2": [joining[2], _listed("dot_product", "scaled_dot_product")],
            **{f"A{n}": [joining[n]] for n in (4, 8)},
            "PRE": [_listed(*permutations, *[f"im2col{window}" for window in windows])],
            "POST": [_listed(*permutations, "col2im")],
            "C": [_listed("identity", *linear, *others)],
        }
        fan: Edges = ((0, 1), (1, 2), (1, 2), (2, 3))
        chains = ("sequential_module", "branching_module_4", "branching_module_8", "routing_module")
        combinators: dict[str, Edges | str] = {
            **dict.fromkeys((*chains, "computation_module"), "chain"),
            "branching_module_2": fan,
        }
        super().__init__("einspace-grammar", rules, "S", combinators, max_depth=100)


def _listed(*terminals: str) -> str:
    """Return terminals as the alternatives of a rule."""
    return " | ".join(f'"{terminal}"' for terminal in terminals)
