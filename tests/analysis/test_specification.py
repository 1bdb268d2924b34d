"""The specification curve of a real study: what its records can answer under other choices of protocol."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from assay.analysis.cells import Cells, make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.analysis.model import BenchmarkFacts
from assay.analysis.specification import Specified, specification_curve
from assay.contracts.problem import Budget
from assay.foundation.errors import UnknownNameError, UsageError
from assay.publishing.plots import figure
from assay.records.store import Run, Store
from assay.studies.load import check_study
from assay.studies.plan import Plan, make_plan
from assay.studies.run import run_study
from assay.studies.study import Method, Protocol, Study

GRAPHS = ("nas-bench-graph/cora", "nas-bench-graph/proteins")
CELL = "nas-bench-201/cifar10"


class Data(NamedTuple):
    """The arguments of a curve."""

    plan: Plan
    cells: Cells
    facts: dict[str, BenchmarkFacts]
    runs: dict[str, Run]


def _data(folder: Path, cache: Path, **changes: object) -> Data:
    fields: dict[str, object] = {
        "name": "specification",
        "replicates": 5,
        "benchmarks": GRAPHS,
        "budget": Budget(evaluations=16),
        "protocol": Protocol(assessment="where-available"),
        "methods": {
            "random": Method(strategy="random-search"),
            "evolution": Method(
                strategy="regularized-evolution", hyperparameters={"population": 5, "tournament": 2}
            ),
        },
    }
    loaded = check_study(Study(**{**fields, **changes}))
    store = Store(folder / "store")
    run_study(loaded, store, cache, workers=1)
    plan = make_plan(loaded, None, cache)
    facts, runs = gather_facts(plan), store.runs()
    cells = make_cells(gather_runs(plan, runs, store), facts, tuple(loaded.study.methods))
    return Data(plan, cells, facts, runs)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Data:
    """Return a study of graphs alone: one unit everywhere, a test metric, one seed policy."""
    return _data(tmp_path_factory.mktemp("graphs"), cache)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Data:
    """Return a study with two units, of which one table has several seed policies and no test metric."""
    return _data(tmp_path_factory.mktemp("mixed"), cache, benchmarks=(GRAPHS[0], CELL))


def _find(found: tuple[Specified, ...], **choices: str) -> Specified:
    wanted = {name.replace("_", " "): value for name, value in choices.items()}
    return next(one for one in found if wanted.items() <= one.choices.items())


def test_the_choices_are_those_that_the_records_can_answer(graphs: Data) -> None:
    """Test: each task left out, three aggregations. Signal: three budgets as well; one policy only."""
    found = specification_curve(*graphs, "evolution", "random")
    assert len(found.specifications) == 3 * 3 + 3 * 3 * 3
    assert found.null == 0.0 and found.what == "evolution minus random [fraction]"
    assert sum(one.choices == found.chosen for one in found.specifications) == 1
    assert found.chosen["metric"] == "test"
    assert len({tuple(sorted(one.choices.items())) for one in found.specifications}) == 36


def test_the_estimate_as_run_is_the_difference_of_the_means(graphs: Data) -> None:
    """Averaged over the two families, by the test metric and by the signal."""
    found = specification_curve(*graphs, "evolution", "random").specifications
    for metric in ("test", "signal"):
        gaps = []
        for task in GRAPHS:
            a, b = (graphs.cells[task, m].sample(metric).values for m in ("evolution", "random"))
            gaps.append(np.mean(a) - np.mean(b))
        one = _find(found, metric=metric, budget="whole", tasks="all", aggregation="mean")
        assert one.estimate == pytest.approx(np.mean(gaps))


def test_a_shorter_budget_is_a_shorter_study(graphs: Data, tmp_path: Path, cache: Path) -> None:
    """Half of the budget, read off as a prefix, is what a study of half the budget finds."""
    half = _data(tmp_path, cache, budget=Budget(evaluations=8))
    ours, theirs = (
        _find(
            specification_curve(*data, "evolution", "random").specifications,
            metric="signal", budget=budget, tasks="all", aggregation="median",
        ).estimate
        for data, budget in ((graphs, "0.5 of it"), (half, "whole"))
    )  # fmt: skip
    assert ours == pytest.approx(theirs)


def test_exchanging_the_methods_mirrors_the_curve(graphs: Data) -> None:
    """Each estimate changes its sign."""
    one, other = (
        specification_curve(*graphs, *pair).estimates
        for pair in (("evolution", "random"), ("random", "evolution"))
    )
    assert one == pytest.approx(tuple(-value for value in reversed(other)))


def test_two_units_are_compared_by_probability(mixed: Data) -> None:
    """No raw scores of two units are averaged; the policies of the one table are choices."""
    found = specification_curve(*mixed, "evolution", "random")
    assert (found.null, found.what) == (0.5, "P(evolution > random)")
    assert all(one.estimate is None or 0.0 <= one.estimate <= 1.0 for one in found.specifications)
    policies = {one.choices.get("seed policy", "") for one in found.specifications}
    assert {"seed=777", "require"} <= policies
    assert found.chosen["metric"] == "signal" and found.chosen["seed policy"].startswith("as run")
    other = specification_curve(*mixed, "random", "evolution")
    assert [one.estimate for one in other.specifications] == pytest.approx(
        [None if one.estimate is None else 1.0 - one.estimate for one in found.specifications]
    )


def test_another_policy_scores_what_was_recommended(mixed: Data) -> None:
    """By the column of the table under that policy, for each recommendation."""
    benchmark = mixed.plan.benchmarks[CELL]
    column = benchmark.column("validation", "seed=777")
    values = {}
    for cell in mixed.plan.cells:
        if cell.benchmark == CELL:
            (arch,) = mixed.runs[cell.spec.run].record.result.recommendation
            place = benchmark.space.index(benchmark.space.parse(arch))
            values.setdefault(cell.method, []).append(column[place])
    one = _find(
        specification_curve(*mixed, "evolution", "random").specifications,
        metric="signal", seed_policy="seed=777", budget="whole", tasks=f"without {GRAPHS[0]}",
    )  # fmt: skip
    a, b = (np.array(values[m]) for m in ("evolution", "random"))
    if np.isnan(a).any() or np.isnan(b).any():
        assert one.estimate is None
    else:
        wins = (a[:, None] > b).mean() + (a[:, None] == b).mean() / 2
        assert one.estimate == pytest.approx(wins)


def test_a_method_that_reads_its_budget_has_no_prefix(graphs: Data) -> None:
    """Its shorter search would have been another one, so that only the whole budget is a choice."""
    changed = dict(graphs.runs)
    run = next(cell.spec.run for cell in graphs.plan.cells if cell.method == "evolution")
    record = changed[run].record
    result = msgspec.structs.replace(record.result, budget_read=True)
    changed[run] = msgspec.structs.replace(
        changed[run], record=msgspec.structs.replace(record, result=result)
    )
    found = specification_curve(*graphs._replace(runs=changed), "evolution", "random")
    assert {one.choices["budget"] for one in found.specifications} == {"whole"}


def test_a_failed_run_never_helps(graphs: Data, mixed: Data) -> None:
    """A difference has no estimate then; as a probability the failed run loses every comparison."""
    for data, task in ((graphs, GRAPHS[0]), (mixed, GRAPHS[0])):
        cell = data.cells[task, "evolution"]
        runs = (msgspec.structs.replace(cell.runs[0], completed=False), *cell.runs[1:])
        cells = {**data.cells, (task, "evolution"): msgspec.structs.replace(cell, runs=runs)}
        before, after = (
            specification_curve(*data._replace(cells=c), "evolution", "random").specifications
            for c in (data.cells, cells)
        )
        for one in after:
            earlier = _find(before, **{k.replace(" ", "_"): v for k, v in one.choices.items()}).estimate
            if data is graphs and one.choices["tasks"] != f"without {task}":
                assert one.estimate is None
            elif one.estimate is not None and earlier is not None:
                assert one.estimate <= earlier + 1e-12


def test_the_curve_has_a_figure_and_a_table(mixed: Data) -> None:
    """The figure of a specification curve takes it as it is, says that nothing is tested, and is stable."""
    found = specification_curve(*mixed, "evolution", "random")
    drawn = figure(found)
    assert "Estimates only" in drawn.svg and drawn.svg == figure(found).svg
    table = found.table()
    assert len(table.rows) == len(found.specifications)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert "as the study was run" in found.sentence()


def test_what_cannot_be_meant_is_refused(graphs: Data) -> None:
    """An unknown method, one method twice, a budget beyond the whole."""
    with pytest.raises(UnknownNameError):
        specification_curve(*graphs, "evolution", "randon")
    with pytest.raises(UsageError, match="two methods"):
        specification_curve(*graphs, "random", "random")
    with pytest.raises(UsageError, match="shares"):
        specification_curve(*graphs, "evolution", "random", budgets=(2.0,))
