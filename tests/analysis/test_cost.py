"""What methods spent, and whether measured thinking changes their ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.analysis.cells import make_cells
from assay.analysis.cost import cost_rows
from assay.analysis.model import BenchmarkFacts, CostRow, RunData

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]


def costs(runs: list[RunData], *facts: BenchmarkFacts, methods: str = "ab") -> dict[str, CostRow]:
    known = {f.name: f for f in facts}
    return {row.method: row for row in cost_rows(make_cells(runs, known, methods), known, methods)}


def test_everything_spent_is_counted(run: Runs, facts: Facts) -> None:
    """Evaluations, table seconds, wall-clock and thinking are summed over all runs, failed ones too."""
    runs = [
        run([60.0, 70.0]),
        run([60.0], replicate=1, completed=False, wall_seconds=2.0, thinking_seconds=1.5),
        run([60.0, 70.0, 80.0], benchmark="g-1", costs=np.ones(3)),
    ]
    row = costs(runs, facts("f-1"), facts("g-1", seconds=False), methods="a")["a"]
    assert (row.runs, row.evaluations, row.table_seconds) == (3, 6, 30.0)
    assert (row.wall_seconds, row.thinking_seconds) == pytest.approx((3.0, 1.7))


def test_without_a_cost_column_there_are_no_table_seconds(run: Runs, facts: Facts) -> None:
    """Charges that are not seconds are not added up as if they were, and nothing is re-scored."""
    runs = [run([60.0, 70.0], method=m) for m in "ab"]
    found = costs(runs, facts("f-1", seconds=False))
    assert {row.table_seconds for row in found.values()} == {None}
    assert {row.ranking_with_measured for row in found.values()} == {"not applicable"}


def test_thinking_that_is_short_changes_nothing(run: Runs, facts: Facts) -> None:
    """Where thinking is a small part of the table seconds no rank moves."""
    runs = [run([60.0, 90.0], method="a"), run([60.0, 70.0], method="b")]
    # The end of the common budget is cut off by any delay at all: only what ended before counts.
    runs = [run([60.0, top, top], method=m) for m, top in (("a", 90.0), ("b", 70.0))]
    assert {row.ranking_with_measured for row in costs(runs, facts("f-1")).values()} == {"unchanged"}


def test_long_thinking_costs_a_rank(run: Runs, facts: Facts) -> None:
    """A method that finds the better value only after long thinking falls behind when that time counts."""
    runs = [
        run([60.0, 61.0, 90.0, 90.0], method="a", thinking_seconds=100.0),
        run([60.0, 70.0, 70.0, 70.0], method="b", thinking_seconds=0.0),
    ]
    found = costs(runs, facts("f-1"))
    assert {row.ranking_with_measured for row in found.values()} == {"changes on 1 of 1 benchmark"}
    # On a second benchmark, where it is ahead from the start, thinking changes nothing.
    runs += [run([90.0] * 4, benchmark="g-1"), run([70.0] * 4, benchmark="g-1", method="b")]
    found = costs(runs, facts("f-1"), facts("g-1"))
    assert found["a"].ranking_with_measured == "changes on 1 of 2 benchmarks"


def test_only_the_methods_that_move_are_said_to(run: Runs, facts: Facts) -> None:
    """A third method, worse at any moment, keeps its rank."""
    runs = [
        run([60.0, 61.0, 90.0, 90.0], method="a", thinking_seconds=100.0),
        run([60.0, 70.0, 70.0, 70.0], method="b", thinking_seconds=0.0),
        run([10.0, 11.0, 12.0, 13.0], method="c", thinking_seconds=0.0),
    ]
    found = costs(runs, facts("f-1"), methods="abc")
    assert found["c"].ranking_with_measured == "unchanged"
    assert found["b"].ranking_with_measured == "changes on 1 of 1 benchmark"


def test_a_method_that_thinks_past_the_budget_ranks_last(run: Runs, facts: Facts) -> None:
    """Whoever has no value when the common budget ends has the last rank."""
    runs = [
        run([90.0, 90.0], method="a", thinking_seconds=1e6),
        run([60.0, 60.0], method="b", thinking_seconds=0.0),
    ]
    assert costs(runs, facts("f-1"))["a"].ranking_with_measured == "changes on 1 of 1 benchmark"


def test_the_direction_of_the_signal_is_respected(run: Runs, facts: Facts) -> None:
    """For a loss the smaller incumbent is ahead, with and without thinking."""
    runs = [
        run([9.0, 8.0, 1.0, 1.0], method="a", thinking_seconds=100.0),
        run([9.0, 5.0, 5.0, 5.0], method="b", thinking_seconds=0.0),
    ]
    loss = facts("f-1", maximize=False, best=0.0)
    assert costs(runs, loss)["a"].ranking_with_measured == "changes on 1 of 1 benchmark"


def test_a_benchmark_that_a_method_never_finished_is_left_out(run: Runs, facts: Facts) -> None:
    """Without a completed run of each method there is no ranking to change."""
    runs = [run([60.0]), run([60.0], method="b", completed=False)]
    assert costs(runs, facts("f-1"))["a"].ranking_with_measured == "not applicable"
    assert costs([run([60.0])], facts("f-1"), methods="a")["a"].ranking_with_measured == "not applicable"
