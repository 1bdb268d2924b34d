"""How much of a result random search would have found as well: the luck percentile of every run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from assay.analysis.cells import SEARCH_SEEDS, Cells, reported_on, value_of
from assay.analysis.model import BenchmarkFacts
from assay.benchmarks.assessing import luck_of_search
from assay.foundation.seeding import Stream
from assay.statistics.basis import seed_text
from assay.statistics.intervals import mean_intervals
from assay.statistics.luck import Luck
from assay.studies.plan import Plan


class LuckRow(msgspec.Struct, frozen=True, kw_only=True):
    """The luck of the runs of one method on one benchmark; `reported` is 'test' or 'signal'."""

    method: str
    benchmark: str
    reported: str
    luck: Luck


def luck_rows(
    plan: Plan, cells: Cells, facts: Mapping[str, BenchmarkFacts], methods: Sequence[str], cache: Path
) -> tuple[LuckRow, ...]:
    """Return the luck of every cell with an attempted run; failed and missing runs count as never better.

    A planned run that was never recorded is one of these: random search does at least as well.

    The budget is the planned one, also of a run that stopped before it was spent. Draws with
    replacement, as random search does here unless it is told otherwise.
    """
    study = plan.loaded.study
    # The exact probabilities need no draws; the intervals of all cells share theirs.
    exact = study.budget.evaluations is not None
    rows = []
    for name, benchmark in plan.benchmarks.items():
        reported = reported_on(cells, facts[name], methods)
        for method in methods:
            runs = cells[name, method].runs
            values = [value_of(run, reported) if run.completed else None for run in runs]
            found = [math.nan if value is None else value for value in values]
            if not found:
                continue
            missing = facts[name].planned_of(method, study.replicates) - len(found)
            found += [math.nan] * max(0, missing)
            luck = luck_of_search(
                benchmark,
                found,
                reported=reported,
                signal=study.protocol.signal,
                policy=study.protocol.seeds,
                reported_at=study.protocol.reported,
                budget=study.budget,
                varied=SEARCH_SEEDS,
                rng=None if exact else Stream(study.seed, ("analysis", "luck", name, method)),
                cache=cache,
            )
            if luck is not None:
                rows.append(LuckRow(method=method, benchmark=name, reported=reported, luck=luck))
    return _with_wins(rows, Stream(study.seed, ("analysis", "luck"))) if exact else tuple(rows)


def _with_wins(rows: Sequence[LuckRow], rng: Stream) -> tuple[LuckRow, ...]:
    """Put in how often random search wins against each method, with an interval over the runs."""
    if not rows:
        return ()
    wins = [[(p + q) / 2 for p, q in zip(row.luck.at_least, row.luck.better, strict=True)] for row in rows]
    made = mean_intervals(wins, rng=rng, varied=SEARCH_SEEDS)
    found = []
    for row, interval in zip(rows, made, strict=True):
        basis = msgspec.structs.replace(row.luck.basis, seed=seed_text(rng))
        luck = msgspec.structs.replace(row.luck, basis=basis, random_wins=interval)
        found.append(msgspec.structs.replace(row, luck=luck))
    return tuple(found)
