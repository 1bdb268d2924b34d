"""The suites to tune on and to report are disjoint, as the cards say it."""

from __future__ import annotations

from assay.benchmarks.catalogue import card_of
from assay.tasks.suites import suite


def test_development_and_held_out_share_no_lineage_and_no_family() -> None:
    """No lineage and no family of one suite is in the other; together they are every embedded table."""
    development, held_out = suite("development-v1").members, suite("held-out-v1").members
    sides = [[card_of(name).task for name in names] for names in (development, held_out)]
    lineages = [{line for card in side for line in card.lineage} for side in sides]
    families = [{card.family for card in side} for side in sides]
    assert all(lineages) and not lineages[0] & lineages[1]
    assert not families[0] & families[1]
    assert sorted((*development, *held_out)) == sorted(suite("embedded-v1").members)


def test_what_derives_from_the_microsoft_academic_graph_stays_together() -> None:
    """ogbn-arxiv and both coauthor graphs are on one side, though they are of two families."""
    held_out = set(suite("held-out-v1").members)
    assert {f"nas-bench-graph/{task}" for task in ("arxiv", "cs", "physics")} <= held_out
