"""The results table and the ranks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.analysis.analyse import analyse
from assay.analysis.model import Analysis, BenchmarkFacts, ResultRow, RunData
from assay.foundation.errors import UsageError

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]


@pytest.fixture
def table(run: Runs) -> Callable[..., Analysis]:
    """Return a function that analyses final values, given as {(benchmark, method): [value, ...]}."""

    def of(
        values: dict[tuple[str, str], list[float | None]], *facts: BenchmarkFacts, **changes: object
    ) -> Analysis:
        methods = list(dict.fromkeys(m for _, m in values))
        runs = [
            run(
                [50.0] if value is None else [value],
                benchmark=b,
                method=m,
                replicate=i,
                completed=value is not None,
                recommended_value=value,
                test=value,
                **changes,
            )
            for (b, m), finals in values.items()
            for i, value in enumerate(finals)
        ]
        planned = max(map(len, values.values()))
        return analyse(runs, {f.name: f for f in facts}, methods, planned, [], 0)

    return of


def rows(analysis: Analysis) -> dict[tuple[str, str], ResultRow]:
    return {(row.benchmark, row.method): row for row in analysis.results}


def test_a_row_says_all_that_its_number_stands_on(table: Callable[..., Analysis], facts: Facts) -> None:
    """Mean, interval, what varied, metric, unit, and how many of the planned runs completed."""
    row = rows(table({("f-1", "a"): [80.0, 81.0, 82.0, None]}, facts("f-1")))["f-1", "a"]
    assert (row.reported, row.metric, row.unit, row.family) == ("test", "accuracy", "%", "f")
    assert (row.planned, row.completed) == (4, 3)
    assert row.interval is not None
    # t(0.975, 2) / sqrt(3) = 2.4841 for a standard deviation of one.
    assert (row.interval.mean, row.interval.n, row.interval.varied) == (81.0, 3, ("search seeds",))
    assert row.interval.high == pytest.approx(81.0 + 2.4841, abs=1e-4)
    assert row.text == "81.0 ± 2.5 (n = 3 of 4, 1 without a result)"


def test_the_leader_and_those_that_cannot_be_told_from_it(
    table: Callable[..., Analysis], facts: Facts
) -> None:
    """The best mean leads; a method stands with it if the corrected test does not tell them apart."""
    found = rows(
        table(
            {
                ("f-1", "a"): [80.0, 82.0, 84.0, 81.0, 83.0, 82.0],
                ("f-1", "b"): [81.0, 82.0, 82.0, 82.0, 81.0, 82.0],
                ("f-1", "c"): [60.0, 61.0, 62.0, 60.0, 61.0, 62.0],
            },
            facts("f-1"),
        )
    )
    assert [found["f-1", m].leads for m in "abc"] == [True, False, False]
    assert [found["f-1", m].with_leader for m in "abc"] == [False, True, False]


def test_the_direction_is_that_of_what_is_reported(table: Callable[..., Analysis], facts: Facts) -> None:
    """A loss is led by the smallest mean, be it the signal or the test metric."""
    values = {("f-1", "a"): [3.0, 3.1], ("f-1", "b"): [2.0, 2.1]}
    loss = facts("f-1", maximize=True, test_maximize=False, test_metric="loss", test_unit="nats")
    found = table(values, loss)
    assert [row.leads for row in found.results] == [False, True]
    assert {(row.metric, row.unit) for row in found.results} == {("loss", "nats")}
    assert found.ranks is not None
    assert [row.overall for row in found.ranks.rows] == [2.0, 1.0]
    signal = facts("f-1", maximize=False, best=0.0, test_metric=None, metric="error")
    assert [row.leads for row in table(values, signal).results] == [False, True]


def test_single_runs_tell_no_method_from_the_leader(table: Callable[..., Analysis], facts: Facts) -> None:
    """With one run each the best mean leads, and every other method stands beside it."""
    found = rows(table({("f-1", "a"): [80.0], ("f-1", "b"): [60.0]}, facts("f-1")))
    assert found["f-1", "a"].leads
    assert found["f-1", "b"].with_leader
    assert found["f-1", "a"].text == "80 (n = 1)"


def test_the_mark_is_that_of_the_corrected_test(table: Callable[..., Analysis], facts: Facts) -> None:
    """A difference whose own interval excludes zero stands beside the leader if Holm's p does not hold."""
    # Welch: t = 2.777 with 10 degrees of freedom, p = 0.020; by permutation 0.035; of 6 pairs Holm's p is
    # at least three times as large.
    pair = {
        ("f-1", "a"): [80.0, 81.0, 82.0, 83.0, 84.0, 85.0],
        ("f-1", "b"): [77.0, 78.0, 79.0, 80.0, 81.0, 82.0],
    }
    alone = rows(table(pair, facts("f-1")))
    assert not alone["f-1", "b"].with_leader
    crowd = {("f-1", name): [76.0, 77.0, 78.0, 80.0, 82.0, 83.0] for name in "cd"}
    assert rows(table({**pair, **crowd}, facts("f-1")))["f-1", "b"].with_leader


def test_an_unfinished_plan_has_no_leader(run: Runs, facts: Facts) -> None:
    """A method with fewer runs than planned neither leads nor stands beside the leader."""
    runs = [run([70.0 + i], method=m, replicate=i) for m in "ab" for i in range(3)]
    found = rows(analyse(runs[:-1], {"f-1": facts("f-1")}, "ab", 3, [], 0))
    assert [(found["f-1", m].leads, found["f-1", m].with_leader) for m in "ab"] == [
        (True, False),
        (False, False),
    ]


def test_equal_means_lead_together(table: Callable[..., Analysis], facts: Facts) -> None:
    """Two methods with the same best mean both lead."""
    found = table({("f-1", m): [80.0, 81.0] for m in "ab"}, facts("f-1"))
    assert [(row.leads, row.with_leader) for row in found.results] == [(True, False)] * 2


def test_the_signal_is_reported_where_a_test_metric_is_missing(run: Runs, facts: Facts) -> None:
    """One completed run without a test metric makes its whole benchmark report the signal."""
    runs = [run([70.0 + i], method=m, replicate=i) for m in "ab" for i in range(3)]
    runs[0] = run([70.0], method="a", test=None)
    other = [run([70.0 + i], method=m, replicate=i, benchmark="g-1") for m in "ab" for i in range(3)]
    facts_of = {name: facts(name) for name in ("f-1", "g-1")}
    found = rows(analyse(runs + other, facts_of, "ab", 3, [], 0))
    assert {found["f-1", m].reported for m in "ab"} == {"signal"}
    assert {found["g-1", m].reported for m in "ab"} == {"test"}
    assert found["f-1", "a"].interval is not None
    assert found["f-1", "a"].interval.mean == 71.0
    assert found["g-1", "a"].interval is not None
    assert found["g-1", "a"].interval.mean == 70.0


def test_a_cell_without_results_says_so(table: Callable[..., Analysis], facts: Facts) -> None:
    """Without a completed run there is no number, no lead, and a reason in words."""
    found = rows(table({("f-1", "a"): [None, None], ("f-1", "b"): [60.0, 61.0]}, facts("f-1")))
    row = found["f-1", "a"]
    assert (row.interval, row.leads, row.with_leader, row.completed) == (None, False, False, 0)
    assert row.text == "no run of 2 has a result (2 attempted)"
    assert found["f-1", "b"].leads


def test_a_method_with_a_failed_run_cannot_lead(table: Callable[..., Analysis], facts: Facts) -> None:
    """Its mean leaves out what may have been worst, so that it neither leads nor ranks by it."""
    analysis = table({("f-1", "a"): [99.0, 99.5, None], ("f-1", "b"): [60.0, 61.0, 62.0]}, facts("f-1"))
    found = rows(analysis)
    assert not found["f-1", "a"].leads
    assert not found["f-1", "a"].with_leader
    assert found["f-1", "b"].leads
    assert analysis.ranks is not None
    assert [row.overall for row in analysis.ranks.rows] == [2.0, 1.0]
    assert "ranks last" in analysis.ranks.note


def test_tasks_of_a_family_are_averaged_first(table: Callable[..., Analysis], facts: Facts) -> None:
    """Three tasks of one family weigh as much as the one task of another."""
    values = {
        **{(f"f-{i}", "a"): [80.0, 81.0] for i in range(3)},
        **{(f"f-{i}", "b"): [60.0, 61.0] for i in range(3)},
        ("g-1", "a"): [60.0, 61.0],
        ("g-1", "b"): [80.0, 81.0],
    }
    found = table(values, *(facts(name) for name in ("f-0", "f-1", "f-2", "g-1"))).ranks
    assert found is not None
    assert [row.by_family for row in found.rows] == [{"f": 1.0, "g": 2.0}, {"f": 2.0, "g": 1.0}]
    assert [row.overall for row in found.rows] == [1.5, 1.5]
    assert found.tasks == 4
    assert found.families == {"f": ("f-0", "f-1", "f-2"), "g": ("g-1",)}


@pytest.mark.parametrize(("families", "few"), [(1, True), (5, True), (6, False)])
def test_few_families_carry_no_significance(
    table: Callable[..., Analysis], facts: Facts, families: int, few: bool
) -> None:
    """Below six independent families the note says so; it always says that tables condition results."""
    names = [f"f{i}-1" for i in range(families)]
    found = table({(b, m): [60.0, 61.0] for m in "ab" for b in names}, *map(facts, names)).ranks
    assert found is not None
    assert ("no significance across tasks" in found.note) is few
    assert "conditional on that table" in found.note


def test_only_complete_benchmarks_are_ranked(table: Callable[..., Analysis], facts: Facts) -> None:
    """A benchmark on which a method has no number is left out, and the note says so."""
    values = {
        ("f-1", "a"): [80.0],
        ("f-1", "b"): [60.0],
        ("g-1", "a"): [80.0],
        ("g-1", "b"): [None],
    }
    found = table(values, facts("f-1"), facts("g-1")).ranks
    assert found is not None
    assert found.families == {"f": ("f-1",)}
    assert "Left out: 1" in found.note
    assert table({("f-1", "a"): [80.0]}, facts("f-1")).ranks is None
    assert table({("f-1", "a"): [80.0], ("f-1", "b"): [None]}, facts("f-1")).ranks is None


def test_a_replicate_that_is_given_twice_is_refused(run: Runs, facts: Facts) -> None:
    """Two runs of one replicate would count one search twice."""
    runs = [run([70.0]), run([71.0], run="another")]
    with pytest.raises(UsageError, match="given twice"):
        analyse(runs, {"f-1": facts("f-1")}, ("a",), 2, [], 0)
