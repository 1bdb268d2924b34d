"""Which operator parts two logs: the rule on hand-made logs, and no culprit where they are equal."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.records.trace import Trace
from assay.verification.commands.operators import OperatorDifference, compare_logs, first_operator

Row = dict[str, Any]
NAMES = ("aten.mm.default", "aten.add.Tensor", "aten.relu.default", "aten.mul.Tensor")


def _digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _operator(index: int, name: str, **more: Any) -> Row:
    return {
        "process": 0,
        "step": 3,
        "index": index,
        "operator": name,
        "module": "Net",
        "where": f"train.py:{index}",
        "backward": False,
        "seeded": False,
        "inputs": [_digest(index, "in")],
        "outputs": [_digest(index, "out")],
        "mutated": [],
        "shapes": "float32[2] -> float32[2]",
        "scalars": "",
        **more,
    }


def _log(count: int) -> list[Row]:
    return [_operator(index, NAMES[index * index % 4]) for index in range(count)]


def _compare(a: list[Row], b: list[Row]) -> OperatorDifference | None:
    return first_operator(Trace(operators=a), Trace(operators=b))


@given(st.integers(0, 50))
def test_equal_logs_have_no_culprit(count: int) -> None:
    """A log equals itself."""
    assert _compare(_log(count), _log(count)) is None


@given(st.integers(1, 50), st.data())
def test_equal_inputs_and_unequal_outputs_name_the_operator(count: int, data: st.DataObject) -> None:
    """The first operator whose outputs alone differ is named, whatever differs after it."""
    place = data.draw(st.integers(0, count - 1))
    other = copy.deepcopy(_log(count))
    what = data.draw(st.sampled_from(["outputs", "mutated"]))
    other[place][what] = [_digest("other")]
    for row in other[place + 1 :]:
        row["inputs"], row["outputs"] = [_digest("later")], [_digest("later too")]
    found = _compare(_log(count), other)
    assert found is not None
    assert (found.index, found.kind, found.inputs_equal) == (place, "operator", True)
    assert found.where == f"train.py:{place}"


@given(st.integers(1, 50), st.data())
def test_an_extra_operator_is_named(count: int, data: st.DataObject) -> None:
    """An operator that one side alone runs is named with its line and side."""
    place = data.draw(st.integers(0, count))
    extra = _operator(99, "aten.rand.default", where="train.py:77")
    other = [*_log(count)[:place], extra, *_log(count)[place:]]
    for side, pair in (("b", (_log(count), other)), ("a", (other, _log(count)))):
        found = _compare(*pair)
        assert found is not None
        assert (found.kind, found.extra, found.extra_side) == ("program", ("aten.rand.default",), side)
        assert found.detail == f"{side.upper()} runs an extra operator aten.rand.default at train.py:77"


def test_other_operators_are_another_program() -> None:
    """Where the logs do not meet again, both operators are given with their lines."""
    other = [*_log(4)[:2], *(_operator(index, "aten.tanh.default") for index in range(2, 9))]
    found = _compare(_log(8), other)
    assert found is not None
    assert (found.kind, found.index, found.extra) == ("program", 2, ())
    assert "aten.tanh.default at train.py:2" in found.detail


def test_a_scalar_that_differs_entered() -> None:
    """Another number in the call is an input that no operator made."""
    one = [*_log(3), _operator(3, "aten.add_.Tensor", scalars="alpha=-0.1")]
    two = [*_log(3), _operator(3, "aten.add_.Tensor", scalars="alpha=-0.2", outputs=[_digest("other")])]
    found = _compare(one, two)
    assert found is not None
    assert (found.kind, found.which, found.index) == ("entered", "scalar", 3)
    assert found.detail.endswith("alpha=-0.1 and alpha=-0.2")


def test_a_number_that_follows_from_a_shape_is_data() -> None:
    """A view's sizes differ because the data do: the data entered, and not the number."""
    one = [_operator(0, "aten.view.default", scalars="size=[2]", inputs=[], outputs=[])]
    two = [{**one[0], "scalars": "size=[3]", "shapes": "float32[3] -> float32[3]"}]
    found = _compare(one, two)
    assert found is not None
    assert (found.kind, found.which) == ("entered", "data")


def test_data_and_generators_that_differ_entered() -> None:
    """An unequal input is data; the last one of a seeded operator is the state of its generator."""
    one = [_operator(0, "aten.bernoulli_.float", seeded=True, inputs=["aa", "bb"])]
    for inputs, which, place in ((["aa", "cc"], "generator", 1), (["cc", "bb"], "data", 0)):
        found = _compare(one, [{**one[0], "inputs": inputs}])
        assert found is not None
        assert (found.kind, found.which, found.position) == ("entered", which, place)
        assert not found.inputs_equal


def test_what_could_not_be_read_is_no_difference() -> None:
    """An empty fingerprint stands for a tensor without bytes."""
    other = _log(3)
    other[1]["outputs"] = [""]
    assert _compare(_log(3), other) is None


def test_the_first_step_that_both_logged_decides() -> None:
    """Steps that only one side logged are not compared."""
    late = [{**row, "step": 4, "outputs": [_digest("late")]} for row in _log(3)]
    early = [{**row, "step": 2} for row in _log(3)]
    found = _compare([*early, *_log(3), *({**row, "step": 4} for row in _log(3))], [*_log(3), *late])
    assert found is not None
    assert (found.step, found.index) == (4, 0)


def test_logs_are_read_no_further_than_needed() -> None:
    """A difference at the start of a long log is found without its end."""

    def endless(row: Row) -> Iterator[Row]:
        yield row
        index = 0
        while True:
            index += 1
            assert index < 1000
            yield _operator(index, NAMES[index % 4])

    first = _operator(0, "aten.mm.default")
    found = compare_logs(endless(first), endless({**first, "outputs": [_digest("other")]}))
    assert found is not None
    assert found.kind == "operator"


def test_an_edited_line_that_does_the_same_is_passed_over() -> None:
    """Lines are told by what they read and bind: the text alone is no difference."""
    texts = ["x = 1", "y = x + 1", "z = y * 2", "w = z - 1", "print(w)"]
    one = [_operator(index, "line", scalars=text) for index, text in enumerate(texts)]
    edited = copy.deepcopy(one)
    edited[1]["scalars"] = "y = 1 + x"
    assert _compare(one, edited) is None
    edited[1]["outputs"] = [_digest("other")]
    found = _compare(one, edited)
    assert found is not None
    assert found.kind == "program"
    assert found.detail == "another line: 'y = x + 1' in A, 'y = 1 + x' in B"
    inserted = [*one[:2], _operator(9, "line", scalars="x = 3", where="train.py:9"), *one[2:]]
    found = _compare(one, inserted)
    assert found is not None
    assert found.detail == "B runs an extra line at train.py:9"


def test_a_generator_that_nobody_reads_is_no_culprit() -> None:
    """A library that draws by itself leaves another state; an edited seed counts once something is drawn."""
    drawing = {"seeded": True, "inputs": [""], "shapes": "generators -> generators"}
    one = [
        _operator(0, "line", scalars="import tempfile", **drawing, outputs=["aa"]),
        _operator(1, "line", scalars="seed(1)", **drawing, outputs=["bb"]),
        _operator(2, "line", scalars="count = 3"),
        _operator(3, "line", scalars="x = random()", seeded=True, inputs=["bb"], outputs=["x", "cc"]),
        _operator(4, "line", scalars="print(x)"),
        _operator(5, "line", scalars="print(count)"),
    ]
    other = copy.deepcopy(one)
    other[0]["outputs"] = ["ab"]
    assert _compare(one, other) is None
    other[1].update(outputs=["bc"], scalars="seed(2)")
    assert _compare(one[:3], other[:3]) is None
    other[3].update(inputs=["bc"], outputs=["y", "cd"])
    found = _compare(one, other)
    assert found is not None
    assert found.index == 1
    assert "seed(2)" in found.detail
