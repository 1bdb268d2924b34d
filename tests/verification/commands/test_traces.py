"""Where two traces part: planted changes are found exactly, and nothing is found in equal ones."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.foundation.errors import UsageError
from assay.records.trace import FIELDS, Trace
from assay.verification.commands.traces import first_difference, tensor_difference

ALGORITHM = "xxh3-128"
ALWAYS = ("batch", "torch", "hyperparameters", "loss", "gradients", "weights")


def _digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _row(kind: str, step: int, process: int = 0, fields: tuple[str, ...] = ALWAYS) -> dict[str, Any]:
    digests = {field: _digest(kind, step, process, field) if field in fields else None for field in FIELDS}
    return {
        "process": process,
        "row": 0,
        "kind": kind,
        "step": step,
        "name": "SGD#0" if kind == "step" else "",
        "where": f"train.py:{10 + process}",
        "value": None,
        **digests,
    }


def _trace(steps: int, *, processes: int = 1, end: bool = True) -> Trace:
    rows = []
    for process in range(processes):
        own = [_row("start", 0, process, ("weights", "torch"))]
        own += [_row("step", step, process) for step in range(steps)]
        own += [_row("end", steps, process, ("weights",))] if end else []
        for place, row in enumerate(own):
            row["row"] = place
        rows += own
    return Trace(algorithm=ALGORITHM, steps=rows)


def _changed(trace: Trace, kind: str, step: int, fields: tuple[str, ...], process: int = 0) -> Trace:
    """Return the trace with other values in some fields of one row, and other weights from there on."""
    new = copy.deepcopy(trace)
    for row in new.steps:
        if row["process"] != process:
            continue
        if (row["kind"], row["step"]) == (kind, step):
            row.update({field: _digest("changed", field) for field in fields})
        elif row["kind"] in ("step", "end") and row["step"] > step and row["weights"]:
            row["weights"] = _digest("later", row["step"])
    return new


def _thinned(trace: Trace, stride: int) -> Trace:
    return Trace(
        algorithm=trace.algorithm,
        steps=[row for row in trace.steps if row["kind"] != "step" or row["step"] % stride == 0],
    )


@given(st.integers(0, 40), st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8]))
def test_equal_traces_do_not_differ(steps: int, one: int, two: int) -> None:
    """A trace equals itself, however each copy of it was thinned."""
    trace = _trace(steps)
    assert first_difference(_thinned(trace, one), _thinned(trace, two)) is None


@given(st.integers(1, 30), st.data())
def test_a_planted_change_is_found_exactly(steps: int, data: st.DataObject) -> None:
    """The step, the first field in the order of cause and the other fields are those that were changed."""
    step = data.draw(st.integers(0, steps - 1))
    fields = tuple(data.draw(st.lists(st.sampled_from(ALWAYS), min_size=1, unique=True)))
    trace = _trace(steps)
    found = first_difference(trace, _changed(trace, "step", step, fields))
    assert found is not None
    ordered = [field for field in FIELDS if field in fields]
    assert (found.step, found.kind, found.field) == (step, "step", ordered[0])
    assert found.also == tuple(ordered[1:])
    assert found.exact
    assert found.last_equal == max(0, step - 1)
    assert found.a != found.b


@given(st.integers(2, 60), st.sampled_from([2, 4, 8, 16]), st.booleans(), st.data())
def test_thinning_gives_a_bracket_that_holds_the_change(
    steps: int, stride: int, swap: bool, data: st.DataObject
) -> None:
    """With one side thinned, the change lies after the last equal step and not after the one returned."""
    step = data.draw(st.integers(1, steps - 1))
    trace = _trace(steps)
    pair = [_thinned(trace, stride), _changed(trace, "step", step, ("weights",))]
    found = first_difference(*(pair[::-1] if swap else pair))
    assert found is not None
    assert found.last_equal is not None
    assert found.last_equal < step <= found.step
    assert found.exact == (found.step == found.last_equal + 1)


def test_a_draw_on_one_side_only_is_a_difference() -> None:
    """A generator that only one side drew from differs; a null of another field was not looked at."""
    trace = _trace(4)
    drawn = copy.deepcopy(trace)
    drawn.steps[3]["numpy"] = _digest("drawn")
    found = first_difference(trace, drawn)
    assert found is not None
    assert (found.step, found.field, found.a) == (2, "numpy", None)
    unseen = copy.deepcopy(trace)
    unseen.steps[3]["loss"] = None
    unseen.steps[2]["gradients"] = "0" * 32
    assert first_difference(trace, unseen) is None


def test_a_draw_between_rows_that_one_side_left_out_is_none() -> None:
    """A draw is told by the next row that was recorded: with other rows before, a null says nothing."""
    trace = _trace(6)
    for row in trace.steps:
        row["torch"] = None
    one, two = _thinned(copy.deepcopy(trace), 2), copy.deepcopy(trace)
    next(row for row in one.steps if row["step"] == 4)["torch"] = _digest("state")
    next(row for row in two.steps if row["step"] == 3 and row["kind"] == "step")["torch"] = _digest("state")
    assert first_difference(one, two) is None


def test_a_trace_that_was_stopped_is_not_shorter() -> None:
    """A run that was left at a step is compared as far as it went; one that ended has another length."""
    assert first_difference(_trace(10), _trace(4, end=False)) is None
    found = first_difference(_trace(10), _trace(4))
    assert found is not None
    assert (found.field, found.step, found.a, found.b) == ("length", 4, "10", "4")


def test_programs_of_different_kinds_are_told_apart() -> None:
    """A program with steps and one with fits have nothing to compare."""
    other = Trace(algorithm=ALGORITHM, steps=[_row("fit", 0), _row("end", 1)])
    found = first_difference(_trace(3), other)
    assert found is not None
    assert (found.field, found.a, found.b) == ("kind", "step", "fit")


def test_another_optimizer_at_a_step_is_named() -> None:
    """The name of a row comes before its fields."""
    trace = _trace(3)
    other = copy.deepcopy(trace)
    other.steps[2]["name"] = "Adam#0"
    found = first_difference(trace, other)
    assert found is not None
    assert (found.step, found.field) == (1, "name")


def test_the_first_process_that_differs_is_named() -> None:
    """Of several ranks that differ, the earliest step decides, then the lower number."""
    trace = _trace(6, processes=3)
    other = _changed(_changed(trace, "step", 4, ("loss",)), "step", 2, ("batch",), process=2)
    found = first_difference(trace, other)
    assert found is not None
    assert (found.process, found.step, found.field) == (2, 2, "batch")
    more = first_difference(trace, _trace(6, processes=2))
    assert more is not None
    assert (more.field, more.a, more.b) == ("processes", "3", "2")


def test_several_rows_of_a_step_are_told_apart() -> None:
    """Rows of one kind and step are aligned by their place in it."""
    rows = [{**_row("log", 2), "row": place, "loss": _digest(place)} for place in range(3)]
    other = copy.deepcopy(rows)
    other[1]["loss"] = _digest("other")
    found = first_difference(Trace(algorithm=ALGORITHM, steps=rows), Trace(algorithm=ALGORITHM, steps=other))
    assert found is not None
    assert (found.kind, found.step, found.field, found.last_equal) == ("log", 2, "loss", 2)


def test_traces_of_two_digests_are_not_compared() -> None:
    """The answer to different digests is a message with a hint, and no difference."""
    with pytest.raises(UsageError) as error:
        first_difference(_trace(2), Trace(algorithm="blake2b-128", steps=_trace(2).steps))
    assert error.value.hint


def test_the_first_tensor_is_named_with_its_module() -> None:
    """Outputs come first, then the last gradient, for the backward pass comes to it first."""
    names = {
        "output": ("net.a", "net.b"),
        "gradient": ("net.a.weight", "net.b.weight"),
        "weight": ("net.a.weight",),
    }

    def tensors(*changed: tuple[str, str]) -> Trace:
        rows = [
            {
                "process": 0,
                "step": 5,
                "kind": kind,
                "index": index,
                "name": name,
                "digest": _digest(kind, name, (kind, name) in changed),
            }
            for kind in ("weight", "gradient", "output")
            for index, name in enumerate(names[kind])
        ]
        return Trace(algorithm=ALGORITHM, tensors=rows)

    both = (("gradient", "net.a.weight"), ("gradient", "net.b.weight"))
    assert tensor_difference(tensors(), tensors()) is None
    found = tensor_difference(tensors(), tensors(*both, ("weight", "net.a.weight")))
    assert found is not None
    assert (found.kind, found.name, found.module, found.total) == ("gradient", "net.b.weight", "net.b", 2)
    assert found.differing == ("net.a.weight", "net.b.weight")
    found = tensor_difference(tensors(), tensors(("output", "net.b"), *both), step=5, process=0)
    assert found is not None
    assert (found.kind, found.module) == ("output", "net.b")
    assert tensor_difference(tensors(), tensors(*both), step=4) is None
