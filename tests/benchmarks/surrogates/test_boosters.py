"""Models of LightGBM and XGBoost, read without them."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.surrogates.booster_pickle import read_booster_pickle
from assay.benchmarks.surrogates.lightgbm_text import read_lightgbm
from assay.benchmarks.surrogates.xgboost_binary import read_xgboost
from assay.foundation.errors import AssayError, CorruptError, UnavailableError, UnsafePickleError

PUBLISHED = Path(__file__).parent / "published"

# Written by hand after `Tree::ToString` of LightGBM: x0 <= 0.5 ? (x1 <= 2 ? 1 : 2) : 4; then the leaf 0.25.
LIGHTGBM = """tree
version=v3
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=a b
tree_sizes=100 100

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
threshold=0.5 2
decision_type=2 2
left_child=1 -1
right_child=-2 -3
leaf_value=1 4 2
shrinkage=1


Tree=1
num_leaves=1
num_cat=0
leaf_value=0.25


end of trees
"""


def _xgboost(objective: str = "reg:squarederror", booster: str = "gbtree") -> bytes:
    """Return x0 < 0.5 ? 1 : 4 with the base score 0.5, in the binary format of XGBoost 1.2."""
    texts = b"".join(len(text).to_bytes(8, "little") + text.encode() for text in (objective, booster))
    learner = struct.pack("<fIiiiII27i", 0.5, 2, 0, 0, 0, 1, 2, *[0] * 27)
    model = struct.pack("<iiiiqii32i", 1, 1, 2, 0, 0, 1, 0, *[0] * 32)
    tree = struct.pack("<6i31i", 1, 3, 0, 0, 2, 0, *[0] * 31)
    nodes = b"".join(
        struct.pack("<iiiIf", *node)
        for node in ((-1, 1, 2, 0x80000000, 0.5), (0, -1, -1, 0, 1.0), (0, -1, -1, 0, 4.0))
    )
    return b"binf" + learner + texts + model + tree + nodes + bytes(3 * 16) + bytes(4)


def _xgboost_json(**changed: object) -> bytes:
    tree = {
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [0, 0, 0],
        "split_conditions": [0.5, 1.0, 4.0],
    } | changed
    learner = {
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2"},
        "objective": {"name": "reg:squarederror"},
        "gradient_booster": {"name": "gbtree", "model": {"trees": [tree], "tree_info": [0]}},
    }
    return json.dumps({"learner": learner, "version": [3, 2, 0]}).encode()


def test_the_text_of_lightgbm_is_read_as_it_is_documented() -> None:
    """A row goes left where it is at most the threshold, and the trees add up."""
    rows = np.array([[0.5, 2.0], [0.5, 2.1], [0.6, 0.0]])
    assert read_lightgbm(LIGHTGBM).predict(rows).tolist() == [1.25, 2.25, 4.25]
    assert read_lightgbm(LIGHTGBM, best_iteration=1).predict(rows).tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("objective=regression", "objective=binary sigmoid:1", "objective 'binary sigmoid:1'"),
        ("objective=regression", "objective=regression sqrt", "regression sqrt"),
        ("num_class=1", "num_class=3", "several numbers"),
        ("version=v3", "version=v9", "format v9"),
        ("num_cat=0\nsplit", "num_cat=1\nsplit", "categorical"),
        ("decision_type=2 2", "decision_type=2 6", "zero is missing"),
    ],
)
def test_what_is_not_read_of_lightgbm_is_named(old: str, new: str, message: str) -> None:
    """A model that would need another rule is refused and never predicted with wrongly."""
    assert old in LIGHTGBM
    with pytest.raises(UnavailableError, match=message):
        read_lightgbm(LIGHTGBM.replace(old, new))


@given(st.integers(0, LIGHTGBM.index("shrinkage")))
def test_a_text_that_was_cut_short_is_no_model(length: int) -> None:
    """Every prefix that lacks a tree is refused with a message."""
    with pytest.raises(AssayError):
        read_lightgbm(LIGHTGBM[:length])


@pytest.mark.parametrize("data", [_xgboost(), _xgboost_json()], ids=["binary", "json"])
def test_a_model_of_xgboost_is_read_as_it_is_documented(data: bytes) -> None:
    """A row goes left where it is below the threshold, and the base score is added."""
    rows = np.array([[0.49999, 0.0], [0.5, 0.0], [0.6, 9.0]])
    assert read_xgboost(data).predict(rows).tolist() == [1.5, 4.5, 4.5]


@pytest.mark.parametrize(
    "changed",
    [
        {"left_children": [1, -1]},
        {"left_children": ["a", "b", "c"]},
        {"split_indices": [10**30, 0, 0]},
        {"split_conditions": [0.5, 1.0, "NaN"]},
        {"right_children": [0, -1, -1]},
    ],
)
def test_a_damaged_json_model_is_refused(changed: dict[str, object]) -> None:
    """Lists of other lengths, texts, enormous numbers and cycles all end in a message."""
    with pytest.raises(CorruptError):
        read_xgboost(_xgboost_json(**changed))


def test_json_that_is_nested_without_end_is_refused() -> None:
    """A file of opening brackets does not end the process."""
    with pytest.raises(AssayError):
        read_xgboost(b'{"learner":' + b"[" * 200_000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("threshold=0.5 2", "threshold=0.5"),
        ("threshold=0.5 2", "threshold=nan 2"),
        ("left_child=1 -1", "left_child=0 -1"),
        ("split_feature=0 1", "split_feature=0 2"),
        ("split_feature=0 1", f"split_feature=0 {10**30}"),
        ("leaf_value=1 4 2", "leaf_value=1 inf 2"),
        ("num_leaves=3", "num_leaves=-3"),
        ("max_feature_idx=1", "max_feature_idx=many"),
    ],
)
def test_a_damaged_text_is_refused(old: str, new: str) -> None:
    """What cannot be a tree ends in a message, never in a prediction."""
    assert old in LIGHTGBM
    with pytest.raises(CorruptError):
        read_lightgbm(LIGHTGBM.replace(old, new))


def test_a_serialised_model_of_xgboost_has_the_same_model_behind_its_mark() -> None:
    """Since release 1.0 a pickled booster begins with 'CONFIG-offset:' and eight bytes."""
    wrapped = b"CONFIG-offset:" + len(_xgboost()).to_bytes(8, "little") + _xgboost() + b'{"learner":{}}'
    assert read_xgboost(wrapped).predict(np.zeros((1, 2))).tolist() == [1.5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_xgboost(objective="binary:logistic"), "objective 'binary:logistic'"),
        (_xgboost(booster="dart"), "booster 'dart'"),
        (b"{L\0\0\0\0\0\0\0\6Config{", "UBJSON"),
        (_xgboost_json(split_type=[1, 0, 0]), "categorical"),
    ],
    ids=["objective", "booster", "ubjson", "categorical"],
)
def test_what_is_not_read_of_xgboost_is_named(data: bytes, message: str) -> None:
    """A model that would need another rule is refused and never predicted with wrongly."""
    with pytest.raises(UnavailableError, match=message):
        read_xgboost(data)


@given(st.integers(0, len(_xgboost()) - 1))
def test_a_binary_model_that_was_cut_short_is_refused(length: int) -> None:
    """No prefix is taken for a model, and none ends in another error than Assay's own."""
    with pytest.raises(AssayError):
        read_xgboost(_xgboost()[:length])


@given(st.integers(0, len(_xgboost()) - 1), st.integers(1, 255))
def test_a_changed_byte_of_a_binary_model_is_a_model_or_is_refused(place: int, change: int) -> None:
    """The format has no checksum: but whatever a byte is changed to, nothing but Assay's errors come."""
    data = bytearray(_xgboost())
    data[place] ^= change
    try:
        read_xgboost(bytes(data)).predict(np.zeros((2, 300)))
    except (AssayError, IndexError):
        pass


class _Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("the pickle was run",))


def test_a_pickle_of_anything_else_is_refused_and_not_run() -> None:
    """What a hostile pickle would call is named in the message."""
    with pytest.raises(UnsafePickleError, match=r"_pytest\.outcomes\._Fail"):
        read_booster_pickle(pickle.dumps(_Hostile()))


def test_what_else_a_booster_holds_is_passed_over() -> None:
    """A pickle that says it is a booster and hides a call runs nothing either."""
    honest = (PUBLISHED / "xgb-0.model").read_bytes()
    hidden = honest.removesuffix(b".") + pickle.dumps(_Hostile(), protocol=2)[2:]
    assert read_booster_pickle(hidden).model == read_booster_pickle(honest).model


@given(st.integers(0, 5_000))
def test_a_pickle_that_was_cut_short_is_refused(length: int) -> None:
    """A member that was downloaded in part is no member."""
    with pytest.raises(AssayError):
        read_booster_pickle((PUBLISHED / "xgb-0.model").read_bytes()[:length])


def test_a_pickle_without_a_model_is_refused() -> None:
    """A booster whose state lacks the model is damaged."""
    data = (PUBLISHED / "lgb-0.model").read_bytes().replace(b"handle", b"hondle")
    with pytest.raises(CorruptError, match="no model"):
        read_booster_pickle(data)
