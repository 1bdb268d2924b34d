"""Models of LightGBM in its text format, versions v2 to v4, read without LightGBM.

Source: `src/boosting/gbdt_model_text.cpp` and `src/io/tree.cpp` (`Tree::ToString`, `Tree::Tree(const
char*)`) of microsoft/LightGBM (MIT): sections of `key=value` lines, one for each tree. A child of 0 or
more is an inner node, one below is the leaf ~child. Leaf values are written with shrinkage applied, and
the first tree's hold the average that boosting started from.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.benchmarks.surrogates.forest import Forest, Tree, grow
from assay.foundation.errors import CorruptError, UnavailableError

_VERSIONS = ("v2", "v3", "v4")
_IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose prediction is the sum of the trees as it is."""

_CATEGORICAL, _MISSING, _MISSING_ZERO = 1, 3 << 2, 1 << 2


def read_lightgbm(text: str, *, best_iteration: int = 0) -> Forest:
    """Return the forest of a model in LightGBM's text format.

    With `best_iteration`, the trees after it are left out, as LightGBM's `predict` does. Raises
    `UnavailableError` for what is not read (classification, categorical splits, linear leaves, zeros that
    stand for missing values) and `CorruptError` for a damaged text.
    """
    head, *sections = text.split("\nTree=")
    facts = _pairs(head)
    _check_head(head, facts)
    try:
        if len(sections) != len(facts.get("tree_sizes", "").split()):
            raise CorruptError(
                "the model was cut short, or has more trees than it says", why=f"{len(sections):,} trees"
            )
        kept = sections[:best_iteration] if best_iteration > 0 else sections
        trees = [_tree(_pairs(section)) for section in kept]
        return grow(trees, 0.0, int(facts["max_feature_idx"]) + 1)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise CorruptError("the text of the LightGBM model is damaged", why=str(error)) from None


def _pairs(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.split("\n"))
    return {key: value.strip() for key, sign, value in lines if sign}


def _check_head(head: str, facts: Mapping[str, str]) -> None:
    if not head.startswith("tree\n"):
        raise CorruptError("this is no model of LightGBM", why="its text does not begin with 'tree'")
    version, objective = facts.get("version"), facts.get("objective", "").split(" ")
    if version not in _VERSIONS:
        raise UnavailableError(
            f"LightGBM's model format {version} is not read", why=f"known: {', '.join(_VERSIONS)}"
        )
    if facts.get("num_class") != "1" or facts.get("num_tree_per_iteration") != "1":
        raise UnavailableError("the LightGBM model predicts several numbers", why="a benchmark has one")
    if objective[0] not in _IDENTITY or "sqrt" in objective:
        raise UnavailableError(f"the objective '{' '.join(objective)}' of a LightGBM model is not read")
    if "average_output" in head.split("\n"):
        raise UnavailableError("a random forest of LightGBM is not read")


def _tree(facts: Mapping[str, str]) -> Tree:
    """Return a tree: its inner nodes come first, then its leaves."""
    leaves = int(facts["num_leaves"])
    values = _numbers(facts["leaf_value"], leaves, float)
    if facts.get("num_cat", "0") != "0" or facts.get("is_linear", "0") != "0":
        raise UnavailableError("a tree with categorical splits or linear leaves is not read")
    if leaves == 1:
        none = np.array([-1])
        return Tree(np.array([0]), np.array([0.0]), none, none, values)
    inner = leaves - 1
    decisions = _numbers(facts["decision_type"], inner, int)
    if np.any(decisions & _CATEGORICAL) or np.any((decisions & _MISSING) == _MISSING_ZERO):
        raise UnavailableError("a tree with categorical splits, or where zero is missing, is not read")
    none = np.full(leaves, -1)
    children = [
        np.where(side < 0, inner + ~side, side)
        for side in (_numbers(facts[f"{name}_child"], inner, int) for name in ("left", "right"))
    ]
    return Tree(
        np.concatenate([_numbers(facts["split_feature"], inner, int), none]),
        np.concatenate([_numbers(facts["threshold"], inner, float), np.zeros(leaves)]),
        np.concatenate([children[0], none]),
        np.concatenate([children[1], none]),
        np.concatenate([np.zeros(inner), values]),
    )


def _numbers(text: str, size: int, kind: type[int | float]) -> np.ndarray:
    found = np.array([kind(word) for word in text.split()])
    if len(found) != size:
        raise CorruptError("a line of the LightGBM model was cut short", why=f"{size} numbers expected")
    return found
