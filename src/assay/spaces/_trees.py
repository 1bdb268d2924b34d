"""The computing trees of NAS-Bench-Graph: four operations, each of which reads one earlier node.

A *link* gives for each of the nodes 1 to 4 the node that it reads, 0 being the input. Which links
and which arrangements are equivalent follows `nas_bench_graph/architecture.py` (nas-bench-graph 1.4.0,
Apache-2.0; its `regularize`, `move_skip_op` and `equalpart_sort`), written anew as one rule.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np

Link = tuple[int, ...]

NODES = 4
# The nine trees of the paper, in the order of the published keys.
LINKS: tuple[Link, ...] = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)


class Plan(NamedTuple):
    """How to arrange the nodes of a tree: the canonical link, and every order of nodes that gives it."""

    link: Link
    orders: tuple[tuple[int, ...], ...]


def is_tree(link: Link) -> bool:
    """Say whether every node reads, through others, the input."""
    reached = {0}
    for _ in range(NODES):
        reached |= {node for node, source in enumerate(link, start=1) if source in reached}
    return len(reached) == NODES + 1


@cache
def plan(link: Link, skips: tuple[bool, ...]) -> Plan:
    """Return the plan of a tree whose skip connections are known.

    Of all orders in which each node comes after the one that it reads, the plan keeps those with the
    smallest link. The canonical arrangement is the one with the smallest operations among them.
    """
    reads = _without_idle_skips(link, skips)
    arranged: dict[Link, list[tuple[int, ...]]] = {}
    for order in permutations(range(1, NODES + 1)):
        place = {0: 0} | {node: i for i, node in enumerate(order, start=1)}
        moved = tuple(place[reads[node]] for node in order)
        if all(source <= i for i, source in enumerate(moved)):
            arranged.setdefault(moved, []).append(tuple(node - 1 for node in order))
    smallest = min(arranged)
    return Plan(smallest, tuple(arranged[smallest]))


def canonical_codes(operations: int) -> np.ndarray:
    """Return the canonical arrangement of every arrangement over the nine links, both as codes.

    A code reads the position of the link and the four operations as digits, each to base `operations`
    but the first. The last operation is the skip connection. Shape (9 * operations ** 4,).
    """
    digits = np.array(list(product(range(operations), repeat=NODES)))
    weights = operations ** np.arange(NODES - 1, -1, -1)
    skipped = digits == operations - 1
    codes = np.empty((len(LINKS), len(digits)), dtype=np.int64)
    for row, link in enumerate(LINKS):
        for skips in product((False, True), repeat=NODES):
            arranged = plan(link, skips)
            here = np.flatnonzero((skipped == skips).all(axis=1))
            smallest = np.min([digits[here][:, order] @ weights for order in arranged.orders], axis=0)
            codes[row, here] = LINKS.index(arranged.link) * operations**NODES + smallest
    return codes.ravel()


def _without_idle_skips(link: Link, skips: tuple[bool, ...]) -> dict[int, int]:
    """Return what each node reads once the skip connections that change nothing are put first.

    A skip connection is idle unless it carries the output of an operation to the cell's output beside
    a sibling: where it is read by others, alone in reading its source, or reads the input.
    """
    reads = dict(enumerate(link, start=1))
    idle: list[int] = []
    for node in _sources_first(link):
        source = reads[node]
        siblings = sum(other == source for other in reads.values()) - 1
        if skips[node - 1] and (node in reads.values() or not siblings or source == 0):
            del reads[node]
            reads = {other: source if read == node else read for other, read in reads.items()}
            idle.append(node)
    if idle:
        reads = {node: idle[-1] if source == 0 else source for node, source in reads.items()}
    return reads | dict(zip(idle, [0, *idle], strict=False))


def _sources_first(link: Link) -> list[int]:
    """Return the nodes, each after the one that it reads."""

    def depth(node: int) -> int:
        return 0 if node == 0 else 1 + depth(link[node - 1])

    return sorted(range(1, NODES + 1), key=depth)
