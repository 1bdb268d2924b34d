"""The cause of repeats that are not their record: what counts as located, and what does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from assay.capture.recording.launch import HookSettings
from assay.capture.recording.rows import Rows
from assay.provenance.commands import CommandProvenance
from assay.records.commands import provenance_of_command, put_command
from assay.records.trace import Trace
from assay.verification.commands.located import locate
from assay.verification.commands.seen import Seen
from assay.verification.commands.traces import TraceDifference
from assay.verification.commands.verify import CommandVerification, verify_command

FOLLOWS = "import os\nprint('value', os.environ.get('MKL_CBWR'), 1)\n"


def verified(lab: Any, record: Any, **settings: Any) -> CommandVerification:
    return verify_command(lab.store, record, **settings)


def test_a_setting_that_gives_the_record_again_is_the_cause(lab: Any) -> None:
    """With the recorded variable the repeat is the record: three repeats and two trials decide."""
    record = lab.record(FOLLOWS, variables={"MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "3"})
    found = verified(lab, record)
    assert found.verdict.text() == "diverged 0/3"
    assert found.cause is not None
    # The number of threads differs too, and plays no part.
    assert (found.cause.differences, found.cause.proved) == (("MKL_CBWR: COMPATIBLE -> absent",), True)
    assert "the cause: MKL_CBWR: COMPATIBLE -> absent" in found.verdict.sentence


def test_with_a_located_cause_no_more_repeats_are_made(lab: Any) -> None:
    """`until_decided` needs no 29 repeats where the cause is found after three."""
    record = lab.record(FOLLOWS, variables={"MKL_CBWR": "COMPATIBLE"})
    told: list[str] = []
    found = verified(lab, record, until_decided=True, told=told.append)
    assert (found.verdict.text(), len(told)) == ("diverged 0/3", 1)


def test_a_setting_without_effect_is_no_cause(lab: Any, by_turns: str) -> None:
    """A value that is another one explains nothing by itself: set as recorded, the repeat still differs."""
    record = lab.record(
        f"SCRIPT = 'ab'\n{by_turns}print('value', value)\n", variables={"OMP_NUM_THREADS": "3"}
    )
    found = verified(lab, record)
    assert (found.verdict.text(), found.cause) == ("undecided 0/3", None)
    assert any("differs all the same" in note for note in found.notes)


def test_chance_is_no_proof(lab: Any, by_turns: str) -> None:
    """A setting that gave the record's result once, and not when it was tried again, is no cause."""
    record = lab.record(
        f"SCRIPT = 'abbbab'\n{by_turns}print('value', value)\n", variables={"OMP_NUM_THREADS": "3"}
    )
    found = verified(lab, record)
    assert (found.verdict.word, found.cause) == ("undecided", None)
    assert any("once it did not" in note for note in found.notes)


def test_as_recorded_leaves_nothing_to_try(lab: Any, by_turns: str) -> None:
    """Where the recorded settings are in force anyway, no further repeat is made."""
    record = lab.record(
        f"SCRIPT = 'ab'\n{by_turns}print('value', value)\n", variables={"OMP_NUM_THREADS": "3"}
    )
    found = verified(lab, record, as_recorded=True)
    assert (found.verdict.text(), found.notes) == (
        "undecided 0/3",
        ("no computation was seen inside the program: its output and files were compared",),
    )


class Untried:
    """A repeater of a program in which nothing that can be set is set otherwise."""

    def __init__(self, numerics: dict[str, Any]) -> None:
        self.provenance = CommandProvenance(argv=("python",), numerics=numerics)
        self.restored = SimpleNamespace(variables={})

    def variables(self) -> dict[str, str]:
        return {}

    def run(self, *_: Any, **__: Any) -> None:
        raise AssertionError("nothing is to be run")


def cause_of(
    first: TraceDifference | None,
    there: dict[str, Any],
    here: dict[str, Any],
    *,
    inputs: str | None = "1" * 32,
) -> Any:
    """Return the cause that is found for a first difference between a record and its repeats."""
    rows = [{"process": 0, "row": 0, "kind": "step", "step": 3, "name": "", "where": "", "inputs": inputs}]
    seen = Seen(trace=Trace(algorithm="blake2b-128", steps=rows), ends=(0, None), files={})
    repeated: Any = SimpleNamespace(seen=lambda: seen, rows=Rows({}))
    repeater: Any = Untried(there)
    return locate(repeater, seen, repeated, first=first, numerics=here, hook=HookSettings()).cause


def parting(**fields: Any) -> TraceDifference:
    usual = {"process": 0, "step": 3, "kind": "step", "name": "SGD#0", "field": "gradients", "where": ""}
    return TraceDifference(**{**usual, "last_equal": 2, "a": "1", "b": "2", **fields})


TORCH = (
    {"torch.version": "2.12.0", "torch.mkl": "2024.2"},
    {"torch.version": "2.13.0", "torch.mkl": "2025.1"},
)


def test_another_library_between_equal_inputs_and_a_result_is_the_cause() -> None:
    """Gradients that differ from equal inputs, computed by another PyTorch, are its doing; unproved."""
    found = cause_of(parting(), *TORCH)
    assert found.differences == ("torch.version: 2.12.0 -> 2.13.0", "torch.mkl: 2024.2 -> 2025.1")
    assert not found.proved
    assert "the inputs are equal" in found.text()


@pytest.mark.parametrize(
    "first",
    [
        None,
        parting(field="batch"),
        parting(field="hyperparameters"),
        parting(field="torch"),
        parting(kind="print", field="outputs"),
        parting(kind="log", field="outputs"),
        parting(exact=False),
    ],
    ids=["nothing", "batch", "hyperparameters", "generator", "print", "log", "bracket"],
)
def test_another_library_is_no_cause_of_what_it_does_not_compute(first: TraceDifference | None) -> None:
    """Data, draws, hyperparameters and printed lines may differ for any reason, and so may unseen steps."""
    assert cause_of(first, *TORCH) is None


def test_inputs_that_were_not_seen_are_not_known_to_be_equal() -> None:
    """Without a fingerprint of the inputs, other data may be behind it."""
    assert cause_of(parting(), *TORCH, inputs=None) is None


@pytest.mark.parametrize(
    ("kind", "name", "counts"),
    [
        ("step", "numpy.version", False),
        ("step", "pandas.version", False),
        ("step", "process.processors", False),
        ("step", "process.libc", True),
        ("step", "torch.cpu_capability", True),
        ("fit", "numpy.version", True),
        ("fit", "openblas.kernels", True),
        ("fit", "torch.version", False),
    ],
)
def test_only_what_computes_counts(kind: str, name: str, counts: bool) -> None:
    """A step of PyTorch does not follow NumPy's version, nor a fit of scikit-learn that of PyTorch."""
    found = cause_of(parting(kind=kind, field="loss"), {name: "1"}, {name: "2"})
    assert (found is not None) == counts


NETWORK = """\
import torch
torch.manual_seed(0)
net = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    optimizer.zero_grad()
    (net(torch.ones(2, 4)).pow(2).mean() * value).backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_a_record_of_another_library_diverges_at_once(lab: Any, by_turns: str) -> None:
    """A network that computes otherwise diverged if another PyTorch made its record; else it is open."""
    pytest.importorskip("torch", reason="torch is not installed: networks are its modules")
    record = lab.record(f"SCRIPT = 'ab'\n{by_turns}{NETWORK}")
    assert verified(lab, record).verdict.word == "undecided"
    found = provenance_of_command(lab.store, record)
    older = msgspec.structs.replace(found, numerics={**found.numerics, "torch.version": "1.0.0"})
    record = msgspec.structs.replace(record, provenance=lab.store.objects.put_value(older))
    put_command(lab.store, record)
    judged = verified(lab, record)
    assert judged.verdict.text() == "diverged 0/3", judged.verdict.sentence
    assert "torch.version: 1.0.0 -> " in judged.verdict.sentence
