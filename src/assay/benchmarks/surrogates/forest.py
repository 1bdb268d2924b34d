"""Sums of regression trees as plain arrays: what every surrogate predicts with.

A prediction is a function of the arrays alone. It needs no library of boosted trees, and its bits do not
depend on threads, on how many rows are asked for at once, or on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from assay.foundation.errors import CorruptError

_CELLS = 1 << 18
"""Rows times trees that are walked through at once: what a processor's cache holds."""

_AXES: dict[str, tuple[str, ...]] = {
    "feature": ("node",),
    "threshold": ("node",),
    "left": ("node",),
    "right": ("node",),
    "value": ("node",),
    "roots": ("tree",),
    "base": ("member",),
    "sizes": ("member",),
    "nodes": ("member",),
}


class Forest(NamedTuple):
    """The trees of one model, their nodes one after the other.

    At a node the row goes to `left` where its `feature` is at most `threshold`, and to `right` elsewhere.
    A leaf is its own `left` and `right`, and adds its `value`. `roots` are the trees' first nodes. The sum
    begins with `base` and is taken tree by tree in the precision of `value`, float64 or float32; in
    float32 the features are rounded to float32 first, as XGBoost does.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    base: float

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return one float64 a row, of rows of shape (n, features) without NaN."""
        rows = rows.astype(self.value.dtype)
        found = np.empty(len(rows))
        step = max(1, _CELLS // max(1, len(self.roots)))
        for start in range(0, len(rows), step):
            found[start : start + step] = self._sum(rows[start : start + step])
        return found

    def _sum(self, rows: np.ndarray) -> np.ndarray:
        flat, count = rows.ravel(), len(self.roots)
        starts = np.repeat(np.arange(len(rows), dtype=np.intp) * rows.shape[1], count)
        nodes = np.tile(self.roots, len(rows))
        is_inner = self.left != np.arange(len(self.left))
        active = np.flatnonzero(is_inner[nodes])
        while active.size:
            at = nodes[active]
            is_left = flat[starts[active] + self.feature[at]] <= self.threshold[at]
            at = np.where(is_left, self.left[at], self.right[at])
            nodes[active] = at
            active = active[is_inner[at]]
        terms = np.empty((len(rows), count + 1), dtype=self.value.dtype)
        terms[:, 0] = self.base
        terms[:, 1:] = self.value[nodes].reshape(len(rows), count)
        # One after the other: `sum` may add in an order that depends on the processor.
        total: np.ndarray = np.add.accumulate(terms, axis=1)[:, -1]
        return total


class Tree(NamedTuple):
    """One tree with its own numbering of nodes, the root being 0; a leaf's children are -1."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray


def grow(
    trees: Sequence[Tree], base: float, features: int, precision: type[np.floating] = np.float64
) -> Forest:
    """Return the forest of trees as they are published.

    Raises `CorruptError` for a tree in which a node is reached twice or not at all, names a feature that
    is not there, or holds no finite number.
    """
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("feature", "threshold", "left", "right", "value")
    }
    roots, start = [], 0
    for number, tree in enumerate(trees):
        _check_tree(number, tree, features)
        is_leaf, own = tree.left < 0, np.arange(len(tree.left))
        parts["feature"].append(np.where(is_leaf, 0, tree.feature))
        parts["threshold"].append(np.where(is_leaf, 0.0, tree.threshold))
        parts["left"].append(np.where(is_leaf, own, tree.left) + start)
        parts["right"].append(np.where(is_leaf, own, tree.right) + start)
        parts["value"].append(np.where(is_leaf, tree.value, 0.0))
        roots.append(start)
        start += len(own)
    if not roots:
        raise CorruptError("the model has no tree")
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    return Forest(
        feature=joined["feature"].astype(np.int32),
        threshold=joined["threshold"].astype(precision),
        left=joined["left"].astype(np.int32),
        right=joined["right"].astype(np.int32),
        value=joined["value"].astype(precision),
        roots=np.array(roots, dtype=np.int32),
        base=base,
    )


def _check_tree(number: int, tree: Tree, features: int) -> None:
    size = len(tree.left)
    inner = np.flatnonzero(tree.left >= 0)
    reached = np.sort(np.concatenate([tree.left[inner], tree.right[inner]]))
    # Each node but the root has one parent, which comes first, as both libraries write them: no cycle.
    whole = size > 0 and np.array_equal(reached, np.arange(1, size))
    later = bool(np.all(tree.left[inner] > inner) and np.all(tree.right[inner] > inner))
    if not whole or not later:
        raise CorruptError(f"tree {number} is no tree", why="a node is reached twice, or not at all")
    chosen = tree.feature[inner]
    if len(inner) and (chosen.min() < 0 or chosen.max() >= features):
        raise CorruptError(f"tree {number} asks for a feature that is not there", why=f"of {features:,}")
    if not np.all(np.isfinite(tree.threshold[inner])) or not np.all(np.isfinite(tree.value[tree.left < 0])):
        raise CorruptError(f"tree {number} holds a number that is not finite")


def to_arrays(members: Sequence[Forest], prefix: str) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return the forests of an ensemble as arrays for a dense file, their names beginning with `prefix`."""
    joined = {
        name: np.concatenate([getattr(member, name) for member in members])
        for name in ("feature", "threshold", "left", "right", "value", "roots")
    }
    joined["base"] = np.array([member.base for member in members])
    joined["sizes"] = np.array([len(member.roots) for member in members], dtype=np.int32)
    joined["nodes"] = np.array([len(member.value) for member in members], dtype=np.int32)
    return {f"{prefix}.{name}": (_AXES[name], values) for name, values in joined.items()}


def from_arrays(arrays: Mapping[str, np.ndarray], prefix: str) -> tuple[Forest, ...]:
    """Return the forests of an ensemble from what `to_arrays` made; raises `KeyError` where some lack."""
    found = {name: arrays[f"{prefix}.{name}"] for name in _AXES}
    members, tree, node = [], 0, 0
    for trees, nodes, base in zip(found["sizes"], found["nodes"], found["base"], strict=True):
        held = slice(node, node + int(nodes))
        members.append(
            Forest(
                feature=found["feature"][held],
                threshold=found["threshold"][held],
                left=found["left"][held],
                right=found["right"][held],
                value=found["value"][held],
                roots=found["roots"][tree : tree + int(trees)],
                base=float(base),
            )
        )
        tree, node = tree + int(trees), node + int(nodes)
    return tuple(members)
