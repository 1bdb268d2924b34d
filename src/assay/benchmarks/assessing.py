"""Vaults by the name of a benchmark: what the driver hands to the test gate, and to nobody else."""

from __future__ import annotations

from pathlib import Path

from assay.benchmarks.catalogue import card_of, vault_file
from assay.benchmarks.family import table_space
from assay.tasks.gate import NoTest, Vaults
from assay.tasks.vault import Vault, open_vault


def vaults(cache: Path | None = None) -> Vaults:
    """Return what `tasks.gate.assess` asks for test values: a vault, or why there is none."""

    def find(benchmark: str) -> Vault | NoTest:
        card = card_of(benchmark)
        if card.test is None:
            return NoTest(card.no_test_because or "its card names no test metric")
        space = table_space(card.space)
        return open_vault(
            vault_file(benchmark, cache),
            benchmark=benchmark,
            card_digest=card.meaning(),
            index=lambda text: space.index(space.parse(text)),
        )

    return find
