"""The validity of the protocol behind a claim, whichever way the claim came out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.analysis.analyse import analyse
from assay.analysis.model import BenchmarkFacts, ClaimResult, ClaimSpec, Conduct, PublishedMean, RunData
from assay.contracts.problem import Budget

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]
Judge = Callable[..., ClaimResult]


@pytest.fixture
def judge(run: Runs, facts: Facts) -> Judge:
    """Return a function that judges whether 'a' beats 'b' on 'f-1', given runs and how they were made."""

    def of(
        runs: list[RunData] | None = None, conduct: Conduct | None = None, **changes: object
    ) -> ClaimResult:
        made = runs or _runs(run)
        fields = {"id": "claim-1", "better": "a", "than": "b", "metric": "test", "benchmarks": ("f-1",)}
        claim = ClaimSpec(**{**fields, **changes})
        return analyse(made, {"f-1": facts("f-1")}, "ab", 4, [claim], 0, conduct).claims[0]

    return of


def _runs(run: Runs, evaluations: int = 2, **changes: object) -> list[RunData]:
    return [
        run([60.0 + i] * (evaluations if method == "a" else 2), method=method, replicate=i, **changes)
        for method in "ab"
        for i in range(4)
    ]


def test_a_clean_protocol_has_no_problems(judge: Judge, run: Runs) -> None:
    """Runs of one budget, one arithmetic and one look have nothing against them."""
    conduct = Conduct(budget=Budget(evaluations=2), arithmetics={r.run: "x" for r in _runs(run)})
    assert judge(conduct=conduct).validity == ()
    assert judge().validity == ()


@pytest.mark.parametrize("shift", [30.0, 0.0, -30.0])
def test_validity_is_apart_from_the_verdict(judge: Judge, run: Runs, shift: float) -> None:
    """A protocol with a problem has it whether the claim is supported, undecided or refuted."""
    runs = [
        run([60.0 + i, 60.0 + i], method=m, replicate=i, test=60.0 + i + (shift if m == "a" else 0.0))
        for m in "ab"
        for i in range(4)
    ]
    conduct = Conduct(late={"claim-1": "2026-01-02"})
    found = judge(runs, conduct)
    assert found.verdict == {30.0: "supported", 0.0: "undecided", -30.0: "refuted"}[shift]
    assert found.validity == ("claim added after the first run: 2026-01-02",)
    assert judge(runs).verdict == found.verdict


def test_unequal_budgets_are_told(judge: Judge, run: Runs) -> None:
    """A method whose searches ended before the budget was spent is named, unless all did alike."""
    short = _runs(run, evaluations=1)
    (told,) = judge(short, Conduct(budget=Budget(evaluations=2))).validity
    assert told == "unequal budgets: of 2 evaluations less was spent by 4 of 4 runs of a"
    assert judge(short, Conduct(budget=Budget(evaluations=5))).validity == ()
    (timed,) = judge(short, Conduct(budget=Budget(table_seconds=20.0))).validity
    assert timed == "unequal budgets: of 20 table seconds less was spent by 4 of 4 runs of a"
    assert judge(short, Conduct(budget=Budget(table_seconds=10.0))).validity == ()


def test_the_signal_is_no_assessment(judge: Judge) -> None:
    """A claim about the signal says so, for the searches selected by it; a target is on the signal anyway."""
    (told,) = judge(metric="signal").validity
    assert told.startswith("no assessment")
    assert "1 of 1 benchmarks have a test metric" in told
    assert judge(kind="reaches", metric="signal", than="", target=60.0).validity == ()


def test_mixed_arithmetic_is_told(judge: Judge, run: Runs) -> None:
    """Runs of two arithmetics are not compared silently; runs of other methods play no part."""
    mixed = {r.run: r.method for r in _runs(run)}
    (told,) = judge(conduct=Conduct(arithmetics=mixed)).validity
    assert told == "mixed arithmetic: the runs were made in 2 different ones"
    assert judge(conduct=Conduct(arithmetics={"another run": "y"})).validity == ()


def test_failed_and_absent_runs_are_told(judge: Judge, run: Runs) -> None:
    """What failed or was not made is counted for each method."""
    runs = _runs(run)[:-1]
    runs[0] = run([60.0], method="a", replicate=0, completed=False)
    assert judge(runs).validity == ("failed runs: 1 of a", "runs not made: 1 of b")


def test_looks_are_a_problem_of_a_fixed_rule_alone(judge: Judge) -> None:
    """Replicates added after a look invalidate a fixed interval, and no always-valid one."""
    conduct = Conduct(looks=("replicates 10 -> 20 on 2026-01-02",), new_tasks=("benchmarks: 1 added",))
    (told,) = judge(conduct=conduct).validity
    assert told == "looks at the data under a fixed rule: replicates 10 -> 20 on 2026-01-02"
    assert judge(conduct=conduct, rule="always-valid").validity == ()
    assert judge(conduct=conduct, scope="tasks").validity == ("looks at the data: benchmarks: 1 added",)


def test_an_unverified_number_is_told(judge: Judge) -> None:
    """A published number that nobody looked up is a problem whatever comes of it."""
    number = PublishedMean(value=60.0, n=3, sd=1.0, unit="%", source="unverified")
    found = judge(kind="replicates-number", than="", margin=1.0, published=number)
    assert found.validity == ("the published number is unverified",)
