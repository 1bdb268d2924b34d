"""The body of `assay cheaper`."""

from __future__ import annotations

from pathlib import Path

from assay.analysis.subset import Cheaper, cheaper
from assay.cli.output import give, give_json, table, visible
from assay.cli.sources import read_scores
from assay.foundation.seeding import Stream


def show_cheaper(path: Path, store: Path | None, *, tolerance: float, json: bool) -> int:
    """Print the smallest subset of tasks and number of replicates that keep the ranking."""
    scores, _ = read_scores(path, store)
    found = cheaper(scores, rng=Stream(0, ("cheaper",)), tolerance=tolerance)
    give_json(found) if json else _show(found)
    return 0


def _show(found: Cheaper) -> None:
    give(visible(found.sentence()))
    if found.tasks:
        give(visible(f"tasks: {', '.join(found.tasks)}"))
    if found.replicates_on_all is not None:
        give(f"on all tasks {found.replicates_on_all} replicates suffice")
    pairs = [f"{pair.better} before {pair.worse}" for pair in found.resolved]
    give(visible(f"pairs that are kept: {', '.join(pairs) or 'none'}"))
    rows = [
        [f"{one.size}", f"{one.error:.3f}", f"{one.worst:.3f}", ", ".join(one.tasks)] for one in found.subsets
    ]
    if rows:
        give("")
        give(table(["tasks", "error", "worst", "chosen on all replicates"], rows, right=(0, 1, 2)))
    rows = [
        [f"{one.replicates}", f"{one.on_all:.3f}", "" if one.on_subset is None else f"{one.on_subset:.3f}"]
        for one in found.fewer
    ]
    if rows:
        give("")
        give(table(["replicates", "error on all tasks", "error on the subset"], rows, right=(0, 1, 2)))
    give("\n".join(visible(line) for line in found.basis.text().splitlines()))
