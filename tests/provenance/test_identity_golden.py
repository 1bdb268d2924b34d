"""The scheme of identities is pinned: a run that was recorded once is found again by every later version."""

from __future__ import annotations

from assay.contracts.evaluation import Fidelity
from assay.contracts.problem import Budget
from assay.foundation.digest import digest_value
from assay.provenance.components import (
    CodeIdentity,
    ComponentDigests,
    DataIdentity,
    ProtocolIdentity,
    SeedIdentity,
)
from assay.provenance.hyperparameters import decode_hyperparameters, encode_hyperparameters

PARTS = {
    "code": (
        CodeIdentity(role="strategy", name="random-search", revision=1, distribution="assay"),
        CodeIdentity(role="strategy", name="m.py:M", files={"m.py": "0" * 64}, libraries={"optuna": "5.0.0"}),
    ),
    "data": DataIdentity(benchmark="nas-bench-graph/cora", card="1" * 64, table="2" * 64),
    "hyperparameters": encode_hyperparameters(
        {"rate": 1.0, "size": 1, "deep": {"b": [None, True], "a": "é"}}
    ),
    "seeds": SeedIdentity(root=7, replicate=3),
    "protocol": ProtocolIdentity(
        signal="validation",
        policy="published-mean",
        fidelity=Fidelity("full"),
        budget=Budget(evaluations=100),
        simulated_workers=1,
        crossing="counted",
    ),
}
GOLDEN = {
    "code": "8bed8d9b627b4bb86c2e5ae7429346117e95246a878fd965f4bdcdb79015a746",
    "data": "bfda9e5a4c710f259bba59a893285e1a869e836dd27f7e828c28d32e98606576",
    "hyperparameters": "0dfb747cda5a583160506719dbda70614d62fef35993ac816a0406ebe63c272b",
    "seeds": "20a760ee8f009add68a1ac67ba8e5762c3129e3aa5f65da0f0884a8ae2062118",
    "protocol": "8b66ac523bd04db19ae65064d7b39eda0c514fbb07e3bb531f231d4563e675ea",
}
RUN = "f4e91415cc1bee850e8fdf64ecb818f279a0d9597e24e93027a8fca880a0eb4b"


def test_the_digest_of_every_part_is_pinned() -> None:
    """A changed digest here means that all recorded runs would be due again: raise the scheme instead."""
    assert {name: digest_value(part) for name, part in PARTS.items()} == GOLDEN


def test_the_run_id_is_pinned() -> None:
    """The id of a run is the digest of its parts' digests and the scheme."""
    components = ComponentDigests(**GOLDEN)
    assert components.scheme == 1
    assert components.run_id() == RUN
    assert components.parts() == GOLDEN


def test_a_hyperparameter_keeps_its_type() -> None:
    """3, 3.0, '3' and True are four values, and integers beyond a double keep every digit."""
    values = {"a": 3, "b": 3.0, "c": "3", "d": True, "e": 2**60, "f": str(2**60)}
    texts = encode_hyperparameters(values)
    assert len({texts["a"], texts["b"], texts["c"], texts["d"]}) == 4
    assert texts["e"] != texts["f"]
    decoded = decode_hyperparameters(texts)
    assert decoded == values
    assert [type(value) for value in decoded.values()] == [type(value) for value in values.values()]
