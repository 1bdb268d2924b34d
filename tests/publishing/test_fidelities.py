"""What a report says of the fidelities of its study."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from msgspec import UNSET

from assay.contracts.evaluation import Fidelity
from assay.publishing.assemble import fidelities_told

SHORT, LONG = Fidelity("12-epochs"), Fidelity("200-epochs")


def _plan(reported, *searched):
    """Return what a plan has, with a benchmark for each fidelity that is searched at."""

    def table(own):
        asked = LONG if reported == LONG.text() else SHORT if reported else own
        card = SimpleNamespace(fidelities=(SHORT, LONG))
        return SimpleNamespace(
            card=card, default_fidelity=own, at=lambda _: SimpleNamespace(default_fidelity=asked)
        )

    protocol = SimpleNamespace(reported=reported)
    return SimpleNamespace(
        loaded=SimpleNamespace(study=SimpleNamespace(protocol=protocol)),
        benchmarks={str(i): table(own) for i, own in enumerate(searched)},
    )


@pytest.mark.parametrize(
    ("reported", "searched", "told"),
    [
        (None, (SHORT, SHORT), (UNSET, UNSET)),
        ("12-epochs", (SHORT,), (UNSET, UNSET)),
        (None, (LONG, LONG), ("200-epochs", UNSET)),
        ("200-epochs", (LONG,), ("200-epochs", UNSET)),
        ("200-epochs", (SHORT,), ("12-epochs", "200-epochs")),
        ("12-epochs", (LONG,), ("200-epochs", "12-epochs")),
    ],
)
def test_only_what_departs_from_the_first_of_each_card_is_told(reported, searched, told):
    """The first fidelity of every card goes unsaid; a report at another than the search is named."""
    assert fidelities_told(_plan(reported, *searched)) == told
