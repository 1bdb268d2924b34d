"""The analysis of a study: from its runs to all that a report says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.analysis.cells import make_cells
from assay.analysis.claims.judge import claim_result
from assay.analysis.comparison import Comparison
from assay.analysis.cost import cost_rows
from assay.analysis.model import Analysis, BenchmarkFacts, ClaimSpec, Conduct, RunData
from assay.analysis.ranks import rank_table
from assay.analysis.results import compare_scores, results
from assay.analysis.scoring import study_scores
from assay.analysis.trajectories import curves
from assay.foundation.errors import UsageError


def analyse(
    runs: Sequence[RunData],
    facts: Mapping[str, BenchmarkFacts],
    methods: Sequence[str],
    planned: int,
    claims: Sequence[ClaimSpec],
    seed: int,
    conduct: Conduct | None = None,
    comparison: Comparison | None = None,
) -> Analysis:
    """Return everything that is computed from the runs of a study.

    `facts` and `methods` give the order of benchmarks and methods; no number depends on it, nor on
    the order of the runs. `planned` is the number of runs of each cell, `seed` the root of the
    streams that bootstraps draw from, and `conduct` what the validity of claims is judged by;
    `comparison` is that of the methods, where it is at hand. Raises `UsageError` for a negative plan and
    for a replicate that is given twice, `UnknownNameError` for a claim about what the study does not have.
    """
    if planned < 0:
        raise UsageError(f"a cell cannot have {planned} planned runs")
    cells = make_cells(runs, facts, methods)
    if comparison is None:
        comparison = compare_scores(study_scores(cells, facts, tuple(methods), planned), seed)
    rows = results(cells, facts, methods, planned, seed, comparison)
    return Analysis(
        results=tuple(rows),
        curves=tuple(curves(cells, facts, methods)),
        ranks=rank_table(rows, cells, facts, methods),
        claims=tuple(claim_result(claim, cells, facts, planned, conduct) for claim in claims),
        costs=tuple(cost_rows(cells, facts, methods)),
    )
