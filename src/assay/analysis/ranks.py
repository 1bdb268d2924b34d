"""Average ranks of the methods over tasks, tasks of one family first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from assay.analysis.cells import Cells, sign_of
from assay.analysis.model import BenchmarkFacts, RankRow, RankTable, ResultRow
from assay.statistics.families import FAMILIES_NEEDED
from assay.statistics.ranks import average_ranks


def rank_table(
    rows: Sequence[ResultRow], cells: Cells, facts: Mapping[str, BenchmarkFacts], methods: Sequence[str]
) -> RankTable | None:
    """Return the average ranks over the benchmarks on which all methods have a mean.

    Where a run of a method failed or has no result, that method takes the last rank, for its mean
    leaves out what may have been worst. None for fewer than two methods, or without such a benchmark.
    """
    found = {(row.benchmark, row.method): row for row in rows}
    used = [b for b in facts if all((b, m) in found and found[b, m].interval for m in methods)]
    if len(methods) < 2 or not used:
        return None
    families: dict[str, tuple[str, ...]] = {}
    for name in used:
        families[facts[name].family] = (*families.get(facts[name].family, ()), name)
    lost = {(b, m) for b in used for m in methods if cells[b, m].sample(found[b, m].reported).lost}
    scores = {b: [_score(found[b, m], facts[b], (b, m) in lost) for m in methods] for b in used}
    by_family = {
        family: average_ranks(np.array([scores[b] for b in tasks])).mean(axis=0)
        for family, tasks in families.items()
    }
    table = tuple(
        RankRow(
            method=method,
            by_family={family: float(values[i]) for family, values in by_family.items()},
            overall=math.fsum(float(values[i]) for values in by_family.values()) / len(by_family),
        )
        for i, method in enumerate(methods)
    )
    return RankTable(
        rows=table,
        tasks=len(used),
        families=families,
        note=_note(len(families), len(facts) - len(used), len(lost)),
    )


def _score(row: ResultRow, facts: BenchmarkFacts, lost: bool) -> float:
    """Return the mean turned so that larger is better; NaN, which ranks last, where runs are lost."""
    if row.interval is None or lost:
        return math.nan
    return sign_of(facts, row.reported) * row.interval.mean


def _note(families: int, left_out: int, failed: int) -> str:
    """Say what the ranks hold, and what they do not."""
    text = (
        "Ranks of the means, averaged over the tasks of a family and then over families; they say nothing of "
        "the size of a difference, and results on a table are conditional on that table."
    )
    parts = [text]
    if families < FAMILIES_NEEDED:
        # The least two-sided p of the signed-rank and the sign test is 2^(1-n): 0.0625 for n = 5.
        parts.append(
            f"With {families} independent {'family' if families == 1 else 'families'} of tasks, fewer than "
            f"{FAMILIES_NEEDED}, they carry no significance across tasks: no signed-rank test of so few can "
            "reach 5 %."
        )
    if failed:
        parts.append(f"In {failed} of the cells a run failed or has no result: there the method ranks last.")
    if left_out:
        parts.append(f"Left out: {left_out} of the benchmarks, where not every method has a result.")
    return " ".join(parts)
