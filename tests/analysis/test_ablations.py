"""Ablations: one component apart is tabulated, two are confounded, and quantities must be the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.ablations import Ablation, ablation_table, ablations, store_ablations
from assay.analysis.cells import make_cells
from assay.analysis.gather import gather_facts, gather_runs
from assay.contracts.problem import Budget
from assay.records.store import Store
from assay.studies.load import LoadedStudy, check_study
from assay.studies.plan import make_plan
from assay.studies.run import run_study
from assay.studies.study import Method, Protocol, Study


def _method(population: int, tournament: int = 2) -> Method:
    return Method(
        strategy="regularized-evolution",
        hyperparameters={"population": population, "tournament": tournament},
    )


def _study(**changes: object) -> LoadedStudy:
    fields: dict[str, object] = {
        "name": "ablations",
        "replicates": 4,
        "benchmarks": ("nas-bench-graph/cora", "nas-bench-201/cifar10"),
        "budget": Budget(evaluations=12),
        "protocol": Protocol(assessment="where-available"),
        "methods": {"small": _method(5), "large": _method(8), "both": _method(8, 3)},
    }
    return check_study(Study(**{**fields, **changes}))


def _of_study(loaded: LoadedStudy, store: Store, cache: Path) -> tuple[Ablation, ...]:
    run_study(loaded, store, cache, workers=1)
    plan = make_plan(loaded, None, cache)
    facts = gather_facts(plan)
    runs = gather_runs(plan, store.runs(), store)
    return ablations(plan, make_cells(runs, facts, tuple(loaded.study.methods)), facts)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Store, tuple[Ablation, ...]]:
    """Return a store with a study, the same with twice the budget, one with another policy; its ablations."""
    store = Store(tmp_path_factory.mktemp("ablations") / "store")
    found = _of_study(_study(), store, cache)
    one = {"methods": {"small": _method(5)}}
    for changes in (
        {"budget": Budget(evaluations=24), **one},
        {"protocol": Protocol(assessment="where-available", seeds="seed=777"), **one},
        {"seed": 1, **one},
    ):
        benchmarks = ("nas-bench-201/cifar10",) if "protocol" in changes else ("nas-bench-graph/cora",)
        run_study(_study(**{"benchmarks": benchmarks, **changes}), store, cache, workers=1)
    return store, found


def test_methods_of_a_study_that_differ_in_one_component_are_tabulated(
    done: tuple[Store, tuple[Ablation, ...]],
) -> None:
    """One hyperparameter is an ablation with a row for each benchmark; two are confounded, without rows."""
    found = {(one.a, one.b): one for one in done[1]}
    population, both = found["large", "small"], found["both", "small"]
    assert population.kind == "hyperparameter"
    assert [(c.name, c.a, c.b) for c in population.changes] == [("population", "8", "5")]
    assert [row.benchmark for row in population.rows] == ["nas-bench-201/cifar10", "nas-bench-graph/cora"]
    assert both.confounded and both.kind == "confounded" and not both.rows
    assert [one.kind for one in done[1]] == ["hyperparameter", "hyperparameter", "confounded"]


def test_differences_are_b_minus_a_and_corrected_together(done: tuple[Store, tuple[Ablation, ...]]) -> None:
    """Holm's correction is over the rows of all ablations; each row has its n."""
    for one in done[1]:
        for row in one.rows:
            assert row.difference is not None and row.adjusted is not None
            assert row.adjusted >= (row.difference.p or 0.0)
            assert (row.difference.n_a, row.difference.n_b) == (4, 4)
            assert row.difference.names == (one.b, one.a)


def test_studies_of_a_store_are_told_apart_by_their_records(done: tuple[Store, tuple[Ablation, ...]]) -> None:
    """The budget, the seed policy and the root seed are each one component, across studies."""
    found = store_ablations(done[0])
    kinds = {one.kind for one in found}
    assert {"hyperparameter", "budget", "seed policy", "root seed", "confounded"} <= kinds
    budget = next(one for one in found if one.kind == "budget")
    assert {budget.changes[0].a, budget.changes[0].b} == {"12 evaluations", "24 evaluations"}
    assert budget.rows[0].difference is not None


def test_signals_under_two_seed_policies_have_no_common_scale(
    done: tuple[Store, tuple[Ablation, ...]],
) -> None:
    """NAS-Bench-201 has no test metric here, and a signal under another policy is another quantity."""
    policy = next(one for one in store_ablations(done[0]) if one.kind == "seed policy")
    (row,) = policy.rows
    assert row.difference is None and "no common scale" in row.why


def test_another_strategy_is_a_change_of_code(store: Path, cache: Path) -> None:
    """Its own hyperparameters come with it and do not count as changes of their own."""
    methods = {"random": Method(strategy="random-search"), "small": _method(5)}
    loaded = _study(methods=methods, benchmarks=("nas-bench-graph/cora",))
    (one,) = _of_study(loaded, Store(store), cache)
    assert (one.kind, one.changes[0].name) == ("code", "method")
    assert "random-search -> regularized-evolution" in one.text()


def test_the_table_has_a_row_for_each_number_and_each_confounded_pair(
    done: tuple[Store, tuple[Ablation, ...]],
) -> None:
    """Rows fit the columns."""
    table = ablation_table(done[1])
    assert len(table.rows) == 5
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_damage_leaves_out_what_cannot_be_identified(store: Path, cache: Path) -> None:
    """Without the objects that hold the identities there is nothing to compare, and no error."""
    records = Store(store)
    run_study(_study(benchmarks=("nas-bench-graph/cora",)), records, cache, workers=1)
    for path in sorted(records.objects.folder.rglob("*")):
        if path.is_file():
            path.unlink()
    assert store_ablations(records) == ()
