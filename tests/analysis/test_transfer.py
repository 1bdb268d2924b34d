"""From development to held-out tasks: tau, its interval, gaps, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import kendalltau

from assay.analysis.transfer import transfer
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.families import family_ranks
from assay.statistics.scores import FAILED, Scores

Tables = Callable[..., Scores]
RNG = Stream(0, ("transfer",))
UP, DOWN = [[0.0, 3.0, 6.0, 9.0]] * 2, [[9.0, 6.0, 3.0, 0.0]] * 2


def test_equal_rankings_transfer_and_reversed_ones_do_not(tables: Tables) -> None:
    """Tau is 1 and -1, and the interval holds the estimate."""
    development = tables(UP, prefix="dev")
    same = transfer(development, tables(UP, prefix="held"), rng=RNG)
    other = transfer(development, tables(DOWN, prefix="held"), rng=RNG)
    assert (same.tau, same.same_best) == (1.0, True)
    assert (other.tau, other.same_best) == (-1.0, False)
    for found in (same, other):
        assert found.low is not None and found.high is not None and found.low <= found.tau <= found.high
    assert "tau of 4 methods" in same.sentence()


def test_tau_is_that_of_scipy(tables: Tables) -> None:
    """Of the average ranks of both sides, ties included."""
    development, held = tables([[1.0] * 5] * 4, prefix="dev"), tables([[1.0] * 5] * 3, prefix="held")
    found = transfer(development, held, rng=RNG, resamples=20)
    a, b = (family_ranks(side)[1].mean(axis=0).round(9) for side in (development, held))
    assert found.tau == pytest.approx(kendalltau(a, b).statistic)


def test_the_gap_of_a_method_that_was_tuned_to_its_tasks_shows(tables: Tables) -> None:
    """One method leads in development and is last where it is held out: both gaps are positive for it."""
    found = transfer(
        tables([[5.0, 9.0, 4.0]] * 2, prefix="dev"), tables([[5.0, 0.0, 4.0]] * 2, prefix="held"), rng=RNG
    )
    row = next(row for row in found.rows if row.method == "b")
    assert row.rank_gap == 2.0 and row.gap == pytest.approx(9.0, abs=1.0)
    assert len(found.table().rows) == 3


def test_units_that_differ_have_no_gap(tables: Tables) -> None:
    """Ranks are compared all the same."""
    found = transfer(tables(UP, prefix="dev"), tables(UP, prefix="held", unit="s"), rng=RNG, resamples=5)
    assert all(row.gap is None for row in found.rows) and found.unit == ""


def test_a_failed_run_never_improves_a_rank(tables: Tables) -> None:
    """The best method fails once where it is held out, and is last there."""
    held = tables(UP, prefix="held")
    held.status[:, 3, 0], held.values[:, 3, 0] = FAILED, np.nan
    found = transfer(tables(UP, prefix="dev"), held, rng=RNG, resamples=5)
    assert found.rows[3].held_out == 4.0 and found.rows[3].gap is None


def test_single_runs_have_no_interval(tables: Tables) -> None:
    """There is nothing to draw anew."""
    found = transfer(tables(UP, prefix="dev", runs=1), tables(UP, prefix="held", runs=1), rng=RNG)
    assert (found.low, found.high) == (None, None)
    assert "no run was repeated" in found.sentence()


def test_a_task_on_both_sides_is_refused(tables: Tables) -> None:
    """What was developed on is not held out; two common methods are the least."""
    with pytest.raises(UsageError, match="held out"):
        transfer(tables(UP), tables(UP), rng=RNG)
    with pytest.raises(UsageError, match="two methods"):
        transfer(tables([[1.0]], prefix="dev"), tables(UP, prefix="held"), rng=RNG)
    shared = transfer(
        tables(UP, prefix="dev", families=["x", "x"]),
        tables(UP, prefix="held", families=["x", "y"]),
        rng=RNG,
        resamples=5,
    )
    assert any("families on both sides" in text for text in shared.basis.cautions)
