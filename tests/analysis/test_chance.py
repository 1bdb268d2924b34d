"""The luck of runs on real tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from assay import Budget, Method, Protocol, Study
from assay.analysis.cells import make_cells
from assay.analysis.chance import luck_rows
from assay.analysis.gather import gather_facts, gather_runs
from assay.api import run
from assay.records.store import Store
from assay.studies.load import check_study
from assay.studies.plan import make_plan


def rows_of(study, store, cache):
    run(study, store=store, cache=cache, workers=1)
    plan = make_plan(check_study(study), None, cache)
    opened = Store(store)
    facts = gather_facts(plan)
    cells = make_cells(gather_runs(plan, opened.runs(), opened), facts, tuple(study.methods))
    return luck_rows(plan, cells, facts, tuple(study.methods), cache)


def study(**changes):
    fields = {
        "name": "luck",
        "benchmarks": ("nas-bench-graph/cora",),
        "methods": {"random": Method(strategy="random-search")},
        "budget": Budget(evaluations=20),
        "replicates": 200,
    }
    return Study(**{**fields, **changes})


def test_random_search_is_as_lucky_as_random_search(store, cache):
    """The test metrics that random search reports are uniform under its own exact distribution."""
    [row] = rows_of(study(), store, cache)
    assert row.reported == "test"
    middle = (np.array(row.luck.at_least) + np.array(row.luck.better)) / 2
    assert kstest(middle, "uniform").pvalue > 0.01
    assert row.luck.random_wins.low < 0.5 < row.luck.random_wins.high


def test_luck_within_a_budget_of_seconds(store, cache):
    """On a budget of table seconds the distribution is simulated from the table's own costs."""
    seconds = study(
        benchmarks=("nas-bench-201/cifar10",),
        budget=Budget(table_seconds=200_000.0),
        protocol=Protocol(assessment="none"),
        replicates=100,
    )
    [row] = rows_of(seconds, store, cache)
    assert (row.reported, row.luck.exact) == ("signal", False)
    middle = (np.array(row.luck.at_least) + np.array(row.luck.better)) / 2
    assert kstest(middle, "uniform").pvalue > 0.01


def test_a_method_that_searches_is_not_luck(store, cache):
    """Evolution with a budget of 300 beats most random searches by the signal that it optimises."""
    searched = study(
        methods={"evolution": Method(strategy="regularized-evolution")},
        budget=Budget(evaluations=300),
        protocol=Protocol(assessment="none"),
        replicates=100,
    )
    [row] = rows_of(searched, store, cache)
    assert row.luck.random_wins.high < 0.5
    assert row.luck.with_replacement == pytest.approx(row.luck.without_replacement, abs=0.02)


def test_a_planned_run_that_was_never_recorded_counts_as_one_that_failed(store, cache):
    """Leaving out the worst run of a method improves its luck in nothing: random search does as well."""
    plain = study(replicates=4)
    run(plain, store=store, cache=cache, workers=1)
    plan = make_plan(check_study(plain), None, cache)
    opened = Store(store)
    facts = gather_facts(plan)
    runs = gather_runs(plan, opened.runs(), opened)
    full, part = (
        luck_rows(plan, make_cells(given, facts, ("random",)), facts, ("random",), cache)[0].luck
        for given in (runs, runs[:3])
    )
    assert len(part.values) == 4
    assert part.at_least[:3] == full.at_least[:3]
    assert (part.at_least[3], part.better[3]) == (1.0, 1.0)
    assert part.random_wins.mean >= full.random_wins.mean
