from __future__ import annotations

import msgspec

from assay.verification.commands.traces import TraceDifference
from assay.verification.commands.wording import parted, what_differs

ONE = TraceDifference(
    process=0,
    step=3,
    kind="step",
    name="SGD#0",
    field="gradients",
    where="train.py:8",
    last_equal=2,
    a="0",
    b="1",
)


def changed(**fields: object) -> TraceDifference:
    return msgspec.structs.replace(ONE, **fields)


def test_a_place_is_told_in_words() -> None:
    """Steps, brackets, the start, lines of output and states of generators each have their own."""
    assert parted(ONE) == "at step 3, in the gradients of SGD#0"
    bracket = changed(last_equal=0, exact=False)
    assert parted(bracket) == "at step 3 or before it (equal until step 0), in the gradients of SGD#0"
    assert parted(changed(kind="start", field="weights")) == "before the first step, in the initial weights"
    assert parted(changed(kind="print", field="outputs", step=0)) == "at line 1 of the output"
    assert parted(changed(field="numpy")) == "at step 3, in the state of NumPy's generator"
    assert parted(changed(field="length", kind="end")) == "after step 3, where one of them ends"


def test_what_differs_names_its_owner_where_it_has_one() -> None:
    """Data and generators belong to no optimizer."""
    assert what_differs(changed(field="batch")) == "the batch of data"
    assert what_differs(changed(field="weights")) == "the weights or buffers of SGD#0"
