"""The scores of a study, in the form from which every comparison of methods starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assay.analysis.cells import SEARCH_SEEDS, Cells, reported_on, unit_of, value_of
from assay.analysis.model import BenchmarkFacts
from assay.statistics.scores import ABSENT, FAILED, NO_NUMBER, OK, RACED, Scores


def study_scores(
    cells: Cells,
    facts: Mapping[str, BenchmarkFacts],
    methods: Sequence[str],
    planned: int,
    reported: str | None = None,
) -> Scores:
    """Return what the runs of a study report: 'test', 'signal', or (None) what each benchmark reports.

    Benchmarks are the tasks, in the order of `facts`. The searches of two methods draw from streams
    of their own, so that replicates are not paired. Benchmarks without the metric are left out.
    """
    kinds = {name: reported or reported_on(cells, benchmark, methods) for name, benchmark in facts.items()}
    shown = [name for name, kind in kinds.items() if kind != "test" or facts[name].test_metric is not None]
    longest = max(
        [planned, *(run.replicate + 1 for name in shown for m in methods for run in cells[name, m].runs)]
    )
    shape = (len(shown), len(methods), longest)
    values, status = np.full(shape, np.nan), np.full(shape, ABSENT, dtype=np.int8)
    for t, name in enumerate(shown):
        for m, method in enumerate(methods):
            status[t, m, facts[name].planned_of(method, planned) : planned] = RACED
            for run in cells[name, method].runs:
                value = value_of(run, kinds[name])
                place = t, m, run.replicate
                status[place] = FAILED if not run.completed else NO_NUMBER if value is None else OK
                values[place] = value if status[place] == OK and value is not None else np.nan
    return Scores(
        methods=tuple(methods),
        tasks=tuple(shown),
        families=tuple(facts[name].family for name in shown),
        units=tuple(unit_of(facts[name], kinds[name]) for name in shown),
        maximize=np.array([_maximize(facts[name], kinds[name]) for name in shown], dtype=bool),
        replicates=tuple(str(r) for r in range(longest)),
        values=values,
        status=status,
        planned=planned,
        varied=SEARCH_SEEDS,
    )


def _maximize(facts: BenchmarkFacts, reported: str) -> bool:
    return facts.test_maximize if reported == "test" else facts.maximize
