"""Models of XGBoost in its binary format (up to 3.0) and in JSON, read without XGBoost.

Source: `src/learner.cc` (`LearnerModelParamLegacy`), `src/gbm/gbtree_model.h` (`GBTreeModelParam`) and
`include/xgboost/tree_model.h` (`TreeParam`, `RegTree::Node`, `RTreeNodeStat`) of dmlc/xgboost
(Apache-2.0), release 1.2. Since release 1.0 a pickled booster holds this format behind the mark
'CONFIG-offset:' and an offset. XGBoost 3.1 dropped the binary format: it can no longer read it itself.

A row goes left where its feature, in float32, is *below* the threshold. The sum is in float32 and begins
with the base score; up to release 1.2 XGBoost added that last, which can change the last bits.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from assay.benchmarks.surrogates.forest import Forest, Tree, grow
from assay.foundation.errors import CorruptError, TruncatedError, UnavailableError

_SERIALISED = b"CONFIG-offset:"
_MAGIC = b"binf"
_LEARNER = struct.Struct("<fIi ii II 27i")  # base score, features, classes, attributes, metrics, version
_MODEL = struct.Struct("<iiii qii 32i")  # trees first
_TREE = struct.Struct("<6i 31i")  # roots, nodes, deleted, depth, features, size of a leaf's vector
_NODE = np.dtype([("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("number", "<f4")])
_STAT_BYTES = 16
_DEFAULT_LEFT = 0x80000000
_MOST_NODES = 50_000_000
_IDENTITY = ("reg:squarederror", "reg:linear", "reg:pseudohubererror", "reg:absoluteerror")
"""Objectives whose prediction is the sum of the trees as it is."""


def read_xgboost(data: bytes) -> Forest:
    """Return the forest of a model as XGBoost saves it: binary, the same inside a pickle, or JSON.

    Raises `UnavailableError` for what is not read (other boosters than 'gbtree', other objectives than
    plain regression, categorical splits, UBJSON) and `CorruptError` for damaged bytes.
    """
    try:
        if data.startswith(_SERIALISED):
            data = data[len(_SERIALISED) + 8 :]
        if data[:1] == b"{":
            _check_json(data)
            return _read_json(data)
        return _read_binary(data.removeprefix(_MAGIC))
    except (struct.error, UnicodeDecodeError):
        raise TruncatedError("the XGBoost model was cut short, or is none") from None
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise CorruptError("the XGBoost model is damaged", why=f"{type(error).__name__}: {error}") from None


class _Bytes:
    """Bytes that are read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if size < 0 or len(piece) < size:
            raise TruncatedError("the XGBoost model was cut short", why=f"at byte {len(self._data):,}")
        self._at += size
        return piece

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.take(form.size))

    def text(self) -> str:
        return self.take(int.from_bytes(self.take(8), "little")).decode("ascii")


def _read_binary(data: bytes) -> Forest:
    source = _Bytes(data)
    base, features, classes, *_ = source.unpack(_LEARNER)
    objective, booster = source.text(), source.text()
    _check(objective, booster, classes)
    count = source.unpack(_MODEL)[0]
    trees = [_binary_tree(source) for _ in range(count)]
    if any(np.frombuffer(source.take(4 * count), dtype="<i4")):
        raise UnavailableError("the XGBoost model predicts several numbers", why="a benchmark has one")
    return grow(trees, float(np.float32(base)), features, np.float32)


def _binary_tree(source: _Bytes) -> Tree:
    size = source.unpack(_TREE)[1]
    if not 0 < size <= _MOST_NODES:
        raise CorruptError("a tree of the XGBoost model has no size that can be", why=f"{size:,} nodes")
    nodes = np.frombuffer(source.take(size * _NODE.itemsize), dtype=_NODE)
    source.take(size * _STAT_BYTES)
    split = nodes["split"].astype(np.int64) & ~_DEFAULT_LEFT
    return _tree(nodes["left"], nodes["right"], split, nodes["number"])


def _read_json(data: bytes) -> Forest:
    learner = json.loads(data)["learner"]
    model, facts = learner["gradient_booster"]["model"], learner["learner_model_param"]
    classes = int(facts["num_class"])
    _check(learner["objective"]["name"], learner["gradient_booster"]["name"], classes)
    if any(model["tree_info"]) or any(any(tree.get("split_type", [])) for tree in model["trees"]):
        raise UnavailableError("a model with several outputs or categorical splits is not read")
    trees = [
        _tree(
            np.array(tree["left_children"]),
            np.array(tree["right_children"]),
            np.array(tree["split_indices"]),
            np.array(tree["split_conditions"], dtype=np.float32),
        )
        for tree in model["trees"]
    ]
    base = np.float32(str(facts["base_score"]).strip("[]"))  # a list of one since release 3.1
    return grow(trees, float(base), int(facts["num_feature"]), np.float32)


def _check_json(data: bytes) -> None:
    if data[1:2] not in (b'"', b" ", b"\n", b"\r", b"\t"):
        raise UnavailableError(
            "a model in XGBoost's UBJSON is not read",
            hint="load it in XGBoost and save it again under a name that ends in .json",
        )


def _tree(left: np.ndarray, right: np.ndarray, split: np.ndarray, number: np.ndarray) -> Tree:
    """Return a tree; `number` is the threshold of an inner node and the value of a leaf."""
    # x < t is x <= the float32 just below t.
    below = np.nextafter(number.astype(np.float32), np.float32(-np.inf))
    return Tree(split, below, left.astype(np.int64), right.astype(np.int64), number)


def _check(objective: str, booster: str, classes: int) -> None:
    if booster != "gbtree":
        raise UnavailableError(f"the booster '{booster[:40]}' of XGBoost is not read", why="'gbtree' is")
    if objective not in _IDENTITY or classes > 1:
        raise UnavailableError(f"the objective '{objective[:40]}' of an XGBoost model is not read")
