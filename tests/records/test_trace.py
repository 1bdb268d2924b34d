"""Tables of fingerprints: what is written comes back, and what was changed is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.foundation.digest import digest_value
from assay.foundation.errors import CorruptError
from assay.provenance.components import ComponentDigests
from assay.records.commands import CommandCircumstances, CommandRecord, CommandResult
from assay.records.store import Store
from assay.records.trace import Trace, load_trace, make_operators, make_steps, make_tensors

ALGORITHM = "xxh3-128"
STEP = {
    "process": 0,
    "row": 0,
    "kind": "step",
    "step": 3,
    "name": "SGD#0",
    "where": "train.py:9",
    "value": 0.5,
    "weights": "0f" * 16,
    "torch": "a0" * 16,
}
TENSOR = {"process": 0, "step": 3, "kind": "weight", "index": 0, "name": "net.weight", "digest": "0e" * 16}
OPERATOR = {
    "process": 0,
    "step": 3,
    "index": 7,
    "operator": "aten.mul.Tensor",
    "module": "Net",
    "where": "train.py:4",
    "backward": False,
    "seeded": False,
    "inputs": ["01" * 16],
    "outputs": ["02" * 16],
    "mutated": [],
    "shapes": "float32[2] -> float32[2]",
    "scalars": "other=0.5",
}


def _record(**objects: str) -> CommandRecord:
    digest = digest_value("x")
    result = CommandResult(status="completed", exit_status=0, signal=None)
    return CommandRecord(
        id="0123456789abcdef",
        run=digest,
        name="",
        components=ComponentDigests(
            code=digest, data=digest, hyperparameters=digest, seeds=digest, protocol=digest
        ),
        result=result,
        result_digest=result.digest(),
        provenance=digest,
        circumstances=CommandCircumstances(
            started="2026-01-01T00:00:00Z", ended="2026-01-01T00:00:01Z", wall_seconds=1.0, host="here"
        ),
        **objects,
    )


def test_a_trace_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """All three tables are read into memory, digests in hexadecimal, fields that were not seen as None."""
    store = Store(tmp_path)
    record = _record(
        trace=store.objects.put(make_steps([STEP], ALGORITHM)),
        tensors=store.objects.put(make_tensors([TENSOR], ALGORITHM)),
        operators=store.objects.put(make_operators([OPERATOR], ALGORITHM)),
    )
    trace = load_trace(store, record)
    assert trace is not None
    assert trace.algorithm == ALGORITHM
    assert {name: value for name, value in trace.steps[0].items() if value is not None} == STEP
    assert trace.steps[0]["python"] is None
    assert trace.tensors == [TENSOR]
    assert trace.operators == [OPERATOR]


def test_a_record_without_a_trace_has_none(tmp_path: Path) -> None:
    """A command recorded at the level 'off' has no trace, and one with steps alone has no operators."""
    store = Store(tmp_path)
    assert load_trace(store, _record()) is None
    only = load_trace(store, _record(trace=store.objects.put(make_steps([STEP], ALGORITHM))))
    assert only is not None
    assert (len(only.steps), only.tensors, only.operators) == (1, [], [])


def test_tables_of_two_digests_are_refused(tmp_path: Path) -> None:
    """Fingerprints of different digests are never taken for one trace."""
    store = Store(tmp_path)
    record = _record(
        trace=store.objects.put(make_steps([STEP], ALGORITHM)),
        tensors=store.objects.put(make_tensors([TENSOR], "blake2b-128")),
    )
    with pytest.raises(CorruptError, match="several digests"):
        load_trace(store, record)


def test_another_table_is_no_trace(tmp_path: Path) -> None:
    """A table of tensors under the name of the steps is refused."""
    store = Store(tmp_path)
    with pytest.raises(CorruptError, match="not a trace of this kind"):
        load_trace(store, _record(trace=store.objects.put(make_tensors([TENSOR], ALGORITHM))))


def test_an_empty_trace_is_empty() -> None:
    """A trace without rows needs no arguments."""
    assert Trace() == Trace(algorithm="", steps=[], tensors=[], operators=[])
