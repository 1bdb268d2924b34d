"""Where two traces part, in words for people."""

from __future__ import annotations

from assay.verification.commands.traces import TraceDifference

_FIELDS = {
    "order": "the order of the samples",
    "batch": "the batch of data",
    "inputs": "the inputs of the network",
    "python": "the state of Python's generator",
    "numpy": "the state of NumPy's generator",
    "torch": "the state of torch's generator",
    "weights": "the weights or buffers",
    "name": "what takes the step",
}


def parted(difference: TraceDifference) -> str:
    """Return where two traces part, such as 'at step 12, in the gradients of SGD#0'."""
    if difference.kind == "print":
        return f"at line {difference.step + 1} of the output"
    special = {
        "kind": f"in what they do: {difference.a} in A, {difference.b} in B",
        "processes": f"in the number of processes: {difference.a} in A, {difference.b} in B",
        "length": f"after step {difference.step}, where one of them ends",
    }
    return special.get(difference.field) or f"{_when(difference)}, in {what_differs(difference)}"


def what_differs(difference: TraceDifference) -> str:
    """Return what differs there first, such as 'the gradients of SGD#0'."""
    if difference.kind == "start" and difference.field == "weights":
        return "the initial weights"
    what = _FIELDS.get(difference.field, f"the {difference.field.replace('_', ' ')}")
    owned = difference.name and difference.field not in ("order", "batch", "python", "numpy", "torch", "loss")
    return f"{what} of {difference.name}" if owned else what


def _when(difference: TraceDifference) -> str:
    if difference.kind == "start":
        return "before the first step"
    if difference.kind == "end":
        return "after the last step"
    at = f"at step {difference.step}"
    if difference.exact or difference.last_equal is None:
        return at
    return f"{at} or before it (equal until step {difference.last_equal})"
