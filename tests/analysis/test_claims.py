"""Verdicts on claims."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from assay.analysis.analyse import analyse
from assay.analysis.model import BenchmarkFacts, ClaimResult, ClaimSpec, RunData
from assay.foundation.errors import UnknownNameError

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]
Judge = Callable[..., ClaimResult]
BASE = [70.0, 71.0, 72.0, 73.0]
SIX = [70.0, 70.5, 71.0, 72.0, 72.5, 73.0]


@pytest.fixture
def judge(run: Runs, facts: Facts) -> Judge:
    """Return a function that judges whether 'a' beats 'b', given {benchmark: (values of a, of b)}."""

    def of(
        values: dict[str, tuple[list[float], list[float]]],
        *,
        about: dict[str, BenchmarkFacts] | None = None,
        extra: tuple[RunData, ...] = (),
        planned: int | None = None,
        **changes: object,
    ) -> ClaimResult:
        runs = [
            run([value], benchmark=b, method=m, replicate=i, test=value)
            for b, pair in values.items()
            for m, finals in zip("ab", pair, strict=True)
            for i, value in enumerate(finals)
        ]
        fields: dict[str, object] = {
            "id": "claim-1",
            "better": "a",
            "than": "b",
            "metric": "test",
            "margin": 0.0,
            "benchmarks": tuple(values),
        }
        claim = ClaimSpec(**{**fields, **changes})
        known = about or {b: facts(b) for b in values}
        size = max((len(part) for pair in values.values() for part in pair), default=0)
        replicates = size if planned is None else planned
        return analyse([*runs, *extra], known, "ab", replicates, [claim], 0).claims[0]

    return of


def moved(by: float, base: list[float] = BASE) -> tuple[list[float], list[float]]:
    return [value + by for value in base], base


@pytest.mark.parametrize(
    ("by", "margin", "verdict"),
    [
        (10.0, 0.0, "supported"),
        (10.0, 5.0, "supported"),
        (10.0, 9.0, "undecided"),
        (10.0, 20.0, "refuted"),
        (0.5, 0.0, "undecided"),
        (-0.5, 0.0, "undecided"),
        (-10.0, 0.0, "refuted"),
    ],
)
def test_the_interval_against_the_margin_decides(
    judge: Judge, by: float, margin: float, verdict: str
) -> None:
    """Above the margin supports, below it refutes, and an interval that holds it decides nothing."""
    found = judge({"f-1": moved(by)}, margin=margin)
    assert found.verdict == verdict
    assert found.overall is not None
    assert found.overall.mean == pytest.approx(by)
    assert found.overall.low is not None
    assert found.overall.high is not None
    assert (found.overall.low > margin) is (verdict == "supported")
    assert (found.overall.high < margin) is (verdict == "refuted")


def test_one_benchmark_gives_the_interval_of_welch(judge: Judge) -> None:
    """On one benchmark the overall interval is scipy's Welch interval at the claim's confidence."""
    a, b = [80.0, 85.0, 83.0], [70.0, 79.0, 90.0]
    found = judge({"f-1": (a, b)}, confidence=0.8)
    reference = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.8)
    assert found.overall is not None
    assert (found.overall.low, found.overall.high) == pytest.approx((reference.low, reference.high))
    assert found.per_benchmark == {"f-1": found.overall}


def test_several_benchmarks_are_averaged_with_their_variances(judge: Judge) -> None:
    """The mean difference has the summed variance of all cells, with Satterthwaite's freedom."""
    values = {
        "f-1": ([80.0, 82.0, 85.0], [70.0, 71.0, 74.0]),
        "g-1": ([60.0, 61.0, 69.0], [50.0, 70.0, 60.0]),
    }
    found = judge(values).overall
    cells = [np.array(part) for pair in values.values() for part in pair]
    parts = np.array([cell.var(ddof=1) / 3 / 4 for cell in cells])
    freedom = parts.sum() ** 2 / (parts**2 / 2).sum()
    half = stats.t.ppf(0.975, freedom) * math.sqrt(parts.sum())
    mean = np.mean([a.mean() - b.mean() for a, b in (cells[:2], cells[2:])])
    assert found is not None
    assert (found.low, found.mean, found.high) == pytest.approx((mean - half, mean, mean + half))
    assert found.varied == ("search seeds",)


def test_the_difference_is_turned_so_that_positive_favours_better(judge: Judge, facts: Facts) -> None:
    """Where smaller is better, the smaller mean is ahead; a study may mix both directions."""
    values = {"f-1": moved(-10.0), "g-1": moved(10.0)}
    about = {"f-1": facts("f-1", test_maximize=False), "g-1": facts("g-1")}
    found = judge(values, about=about)
    assert found.verdict == "supported"
    assert {b: i.mean for b, i in found.per_benchmark.items()} == {"f-1": 10.0, "g-1": 10.0}


def test_the_signal_can_be_claimed(judge: Judge, run: Runs, facts: Facts) -> None:
    """A claim about the signal uses the recommended value and the signal's direction and split."""
    runs = [
        run([v], method=m, replicate=i, test=None)
        for m, d in (("a", 9), ("b", 0))
        for i, v in enumerate(moved(d)[0])
    ]
    about = {"f-1": facts("f-1", test_metric=None, no_test_because="none was published")}
    found = judge({}, about=about, extra=tuple(runs), benchmarks=("f-1",), metric="signal", planned=4)
    assert found.verdict == "supported"
    assert found.text == "a beats b in mean validation accuracy, on f-1"


def test_a_claim_reads_as_a_sentence(judge: Judge) -> None:
    """The text names methods, metric, margin with its unit, and where."""
    found = judge({"f-1": moved(9), "g-1": moved(9)}, margin=0.5)
    assert found.text == "a beats b in mean test accuracy by more than 0.5 %, on 2 tasks"
    assert "9.0 ± " in found.why
    assert "above the margin of 0.5" in found.why


def test_undecided_says_how_wide_the_interval_is(judge: Judge) -> None:
    """The half width of the interval is named, and no number of further replicates to look for."""
    found = judge({"f-1": moved(1.0)})
    # Both sides have variance 5/3 and four runs: the standard error is sqrt(2 (5/3) / 4) = 0.913, and
    # t(0.975, 6) = 2.447.
    assert "4 replicates a method give an interval of 2.2 to either side" in found.why


@pytest.mark.parametrize("margin", [0.0, 1.5])
def test_a_difference_that_is_the_margin_is_undecided(judge: Judge, margin: float) -> None:
    """Constant results exactly at the margin are not more than the margin, nor less."""
    found = judge({"f-1": ([70.0 + margin] * 3, [70.0] * 3)}, margin=margin)
    assert found.verdict == "undecided"
    assert "no run varies" in found.why


def test_single_runs_decide_nothing(judge: Judge) -> None:
    """One run of each method has a difference and no interval."""
    found = judge({"f-1": ([90.0], [70.0])})
    assert found.verdict == "undecided"
    assert "two replicates at least" in found.why


def test_a_missing_run_leaves_a_claim_untested(judge: Judge, run: Runs) -> None:
    """Runs that failed, were not run or lack the metric are named with their number, method and benchmark."""
    short = judge({"f-1": ([90.0, 91.0], [70.0, 71.0, 72.0])})
    assert (short.verdict, short.overall) == ("untested", None)
    assert short.why == "f-1: 1 not run of 3 runs of a"
    failed = judge({"f-1": moved(9.0)}, extra=(run([99.0], replicate=4, completed=False),), planned=5)
    assert failed.verdict == "untested"
    assert failed.why == "f-1: 1 failed of 5 runs of a and 1 not run of 5 runs of b"
    without = judge({"f-1": ([90.0] * 3, [70.0] * 4)}, extra=(run([99.0], replicate=3, test=None),))
    assert without.verdict == "untested"
    assert without.why == "f-1: 1 without a test metric of 4 runs of a"


def test_one_incomplete_benchmark_leaves_the_whole_claim_untested(judge: Judge) -> None:
    """The other benchmarks keep their differences, and the mean is not taken over a part."""
    found = judge({"f-1": moved(9.0), "g-1": ([90.0], BASE)})
    assert (found.verdict, found.overall) == ("untested", None)
    assert list(found.per_benchmark) == ["f-1"]


def test_without_a_test_metric_a_claim_is_untested(judge: Judge, facts: Facts) -> None:
    """The reason is the one on the card; a claim on no benchmark at all says that there is none."""
    about = {"f-1": facts("f-1", test_metric=None, no_test_because="the source holds none")}
    found = judge({"f-1": moved(9.0)}, about=about)
    assert (found.verdict, found.why) == ("untested", "f-1 has no test metric: the source holds none")
    nowhere = judge({"f-1": moved(9.0)}, benchmarks=())
    assert (nowhere.verdict, nowhere.why) == ("untested", "no benchmark of the study has a test metric")


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (10.0, 10.0, "supported"),
        (10.0, 0.5, "undecided"),
        (10.0, -10.0, "refuted"),
        # Below zero at 95 %, and not with the correction for two benchmarks.
        (10.0, -1.7, "undecided"),
    ],
)
def test_different_units_are_judged_one_by_one(
    judge: Judge, facts: Facts, first: float, second: float, verdict: str
) -> None:
    """Without a common unit the method must be ahead on each benchmark, and one suffices to refute."""
    about = {"f-1": facts("f-1"), "g-1": facts("g-1", test_unit="fraction")}
    found = judge({"f-1": moved(first, SIX), "g-1": moved(second, SIX)}, about=about)
    assert (found.verdict, found.overall, found.unit) == (verdict, None, "")
    assert "different units (%, fraction)" in found.why
    if second == -1.7:
        high = found.per_benchmark["g-1"].high
        assert high is not None
        assert high < 0


def test_a_margin_needs_one_unit(judge: Judge, facts: Facts) -> None:
    """A margin over benchmarks of different units leaves the claim untested, with what to change."""
    about = {"f-1": facts("f-1"), "g-1": facts("g-1", test_unit="fraction")}
    found = judge({"f-1": moved(9.0), "g-1": moved(9.0)}, about=about, margin=1.0)
    assert found.verdict == "untested"
    assert "split the claim" in found.why


def test_a_claim_about_what_is_not_there_is_refused(judge: Judge) -> None:
    """An unknown method, benchmark or metric is an error that suggests the nearest name."""
    for change in ({"better": "c"}, {"benchmarks": ("f-2",)}, {"metric": "tset"}):
        with pytest.raises(UnknownNameError):
            judge({"f-1": moved(9.0)}, **change)
