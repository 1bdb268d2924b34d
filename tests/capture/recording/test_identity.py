"""The identity of commands and blocks: its bytes are fixed, for records of earlier versions are compared."""

from __future__ import annotations

from assay.capture.recording.identity import components_of
from assay.provenance.components import ComponentDigests

# As the version that first wrote records computed it.
COMMAND = "189719e47aa6be1e1442c640cdc88c9f7015d0a92234c76d7c3b207bd0d3c003"
BLOCK = "b03cde9af58a988c7e96f8657128e3dce232e276d950c78c8f3eb336b8b3b7d5"


def components(block: str = "") -> ComponentDigests:
    return components_of(
        argv=("python", "train.py"), arguments="ab" * 32, code=(), data=(), hash_seed=None, block=block
    )


def test_the_identity_of_a_command_stays_what_it_was() -> None:
    """Equal commands of old and new records are one run."""
    assert components().run_id() == COMMAND


def test_a_block_has_an_identity_of_its_own_kind() -> None:
    """What tells a block from others is a hyperparameter, and no whole command can have its identity."""
    one, two, command = components("cd" * 32), components("ef" * 32), components()
    assert one.run_id() == BLOCK
    assert one.hyperparameters != two.hyperparameters
    assert one.protocol == two.protocol != command.protocol
    assert (one.code, one.data, one.seeds) == (command.code, command.data, command.seeds)
