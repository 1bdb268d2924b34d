"""The page on tables of one's own names every key of a card."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assay.benchmarks.importers.own_card import (
    OwnCard,
    OwnCost,
    OwnExtra,
    OwnFidelity,
    OwnSeeds,
    OwnSignal,
    OwnTest,
)

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
TABLES = {"signals", "seeds", "test", "cost", "extras", "fidelity"}


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        (OwnCard, ""),
        (OwnSignal, "signals.NAME."),
        (OwnTest, "test."),
        (OwnCost, "cost."),
        (OwnSeeds, "seeds."),
        (OwnFidelity, "fidelity."),
        (OwnExtra, "extras.NAME."),
    ],
)
def test_every_key_of_a_card_is_documented(kind: type[msgspec.Struct], prefix: str) -> None:
    """Each key has a row of the table, and the table has no key that is none."""
    rows = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    keys = {f"{prefix}{field.name}" for field in msgspec.structs.fields(kind)} - TABLES
    depth = prefix.count(".")
    assert keys == {row for row in rows if row.startswith(prefix) and row.count(".") == depth}
