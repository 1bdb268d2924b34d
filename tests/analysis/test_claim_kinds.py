"""Verdicts on claims of every kind but 'better', which has a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.analysis.cells import make_cells
from assay.analysis.claims.always_valid import always_valid_interval
from assay.analysis.claims.families import family_interval, least_families
from assay.analysis.claims.judge import claim_result
from assay.analysis.claims.reaches import share_interval
from assay.analysis.model import BenchmarkFacts, ClaimResult, ClaimSpec, PublishedMean, RunData
from assay.contracts.problem import Budget
from assay.foundation.errors import UnknownNameError
from assay.foundation.seeding import Stream
from assay.statistics.equivalence import equivalence_test

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]
Judge = Callable[..., ClaimResult]
BASE = (70.0, 70.5, 71.0, 72.0, 72.5, 73.0)
Values = Mapping[str, Mapping[str, Sequence[float]]]


def moved(by: float, base: Sequence[float] = BASE) -> list[float]:
    return [value + by for value in base]


def noise(name: str, n: int, sd: float = 1.0, mean: float = 70.0) -> list[float]:
    rng = Stream(11, ("claims", name))
    return [mean + sd * rng.normal() for _ in range(n)]


@pytest.fixture
def judge(run: Runs, facts: Facts) -> Judge:
    """Return a function that judges a claim, given {benchmark: {method: test values}}."""

    def of(
        values: Values,
        kind: str,
        *,
        about: dict[str, BenchmarkFacts] | None = None,
        extra: Sequence[RunData] = (),
        planned: int | None = None,
        **changes: object,
    ) -> ClaimResult:
        runs = [
            run([value], benchmark=b, method=m, replicate=i, test=value)
            for b, methods in values.items()
            for m, finals in methods.items()
            for i, value in enumerate(finals)
        ]
        methods = list(dict.fromkeys(m for found in values.values() for m in found)) or ["a"]
        known = about or {b: facts(b) for b in values}
        fields = {"id": "claim-1", "better": "a", "metric": "test", "benchmarks": tuple(known), "kind": kind}
        claim = ClaimSpec(**{**fields, **changes})
        size = max((len(v) for found in values.values() for v in found.values()), default=0)
        cells = make_cells([*runs, *extra], known, methods)
        return claim_result(claim, cells, known, size if planned is None else planned)

    return of


@pytest.mark.parametrize(
    ("by", "margin", "verdict"),
    [(0.0, 5.0, "supported"), (0.0, 1.0, "undecided"), (10.0, 5.0, "refuted"), (-10.0, 5.0, "refuted")],
)
def test_equivalence_needs_the_interval_inside_the_margin(
    judge: Judge, by: float, margin: float, verdict: str
) -> None:
    """Inside supports, wholly beyond refutes, and a wide interval is not evidence of equality."""
    found = judge({"f-1": {"a": moved(by), "b": BASE}}, "equivalent", than="b", margin=margin)
    assert found.verdict == verdict, found.why
    assert found.lacks == ("seeds" if verdict == "undecided" else "")
    assert found.text == f"a and b differ by less than {margin:g} % in mean test accuracy, on f-1"


@pytest.mark.parametrize("margin", [0.2, 0.5, 0.8, 1.5])
def test_equivalence_is_that_of_two_one_sided_tests(judge: Judge, margin: float) -> None:
    """On one benchmark the claim is supported exactly where the two one-sided tests reject."""
    a, b = noise("a", 12), noise("b", 12, mean=70.2)
    found = judge({"f-1": {"a": a, "b": b}}, "equivalent", than="b", margin=margin)
    tested = equivalence_test(a, b, margin=margin, varied=("search seeds",))
    assert (found.verdict == "supported") is (tested.verdict == "equivalent")
    assert found.overall is not None
    assert (found.overall.low, found.overall.high) == pytest.approx(
        (tested.difference.low, tested.difference.high)
    )


def test_equivalence_is_symmetric(judge: Judge) -> None:
    """Exchanging the methods changes no verdict."""
    a, b = noise("a", 9), noise("b", 9)
    for margin in (0.1, 1.0, 3.0):
        first = judge({"f-1": {"a": a, "b": b}}, "equivalent", than="b", margin=margin)
        second = judge({"f-1": {"a": b, "b": a}}, "equivalent", than="b", margin=margin)
        assert first.verdict == second.verdict


@pytest.mark.parametrize(
    ("by", "verdict"), [(0.0, "supported"), (10.0, "supported"), (-2.5, "undecided"), (-10.0, "refuted")]
)
def test_non_inferior_may_be_worse_by_less_than_the_margin(judge: Judge, by: float, verdict: str) -> None:
    """The interval must lie above minus the margin; how far above is no matter."""
    found = judge({"f-1": {"a": moved(by), "b": BASE}}, "non-inferior", than="b", margin=3.0)
    assert found.verdict == verdict, found.why
    assert "minus the margin of 3" in found.why
    assert found.text == "a is less than 3 % worse than b in mean test accuracy, on f-1"


@pytest.mark.parametrize(
    ("b", "c", "verdict"),
    [(-10.0, -10.0, "supported"), (-10.0, 0.0, "undecided"), (-10.0, 10.0, "refuted")],
)
def test_the_best_beats_every_rival(judge: Judge, b: float, c: float, verdict: str) -> None:
    """Ahead of all supports without correction, one rival that is ahead refutes, a tie decides nothing."""
    values = {"f-1": {"a": BASE, "b": moved(b), "c": moved(c)}}
    found = judge(values, "best-of-set", others=("b", "c"))
    assert found.verdict == verdict, found.why
    assert set(found.parts) == {"a against b", "a against c"}
    assert (found.overall, found.per_benchmark) == (None, {})
    assert found.text == "a beats each of b, c in mean test accuracy, on f-1"


def test_refuting_the_best_is_corrected_for_the_number_of_rivals(judge: Judge) -> None:
    """What one rival alone would refute at this level, one of five does not."""
    ahead = moved(2.0)
    alone = judge({"f-1": {"a": BASE, "b": ahead}}, "best-of-set", others=("b",))
    assert alone.verdict == "refuted"
    far = {name: moved(-30.0) for name in "cdefgh"}
    among = judge({"f-1": {"a": BASE, "b": ahead, **far}}, "best-of-set", others=("b", *far))
    assert among.verdict == "undecided"


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [((0, -10, -20), "supported"), ((0, -10, -10), "undecided"), ((0, -20, -10), "refuted")],
)
def test_a_ranking_holds_for_each_adjacent_pair(judge: Judge, steps: tuple[float, ...], verdict: str) -> None:
    """Each must beat the next; pairs that are not adjacent follow."""
    values = {"f-1": {name: moved(by) for name, by in zip("abc", steps, strict=True)}}
    found = judge(values, "ranking", others=("b", "c"))
    assert found.verdict == verdict, found.why
    assert list(found.parts) == ["a against b", "b against c"]
    assert found.text == "a > b > c in mean test accuracy, on f-1"


def test_parts_are_held_on_each_benchmark_where_units_differ(judge: Judge, facts: Facts) -> None:
    """Two rivals on two benchmarks of different units are four comparisons, and all must hold."""
    about = {"f-1": facts("f-1"), "g-1": facts("g-1", test_unit="fraction")}
    cell = {"a": BASE, "b": moved(-10.0), "c": moved(-10.0)}
    found = judge({"f-1": cell, "g-1": cell}, "best-of-set", about=about, others=("b", "c"))
    assert found.verdict == "supported"
    assert len(found.parts) == 4
    assert "different units" in found.why
    for kind in ("equivalent", "non-inferior"):
        mixed = judge({"f-1": cell, "g-1": cell}, kind, about=about, than="b", margin=1.0)
        assert (mixed.verdict, "split the claim" in mixed.why) == ("untested", True)


@pytest.mark.parametrize(
    ("smallest", "told"),
    [(0.0, ""), (1.0, "is not smaller than"), (10.5, "may be smaller than"), (30.0, "it is smaller than")],
)
def test_a_small_effect_is_told(judge: Judge, smallest: float, told: str) -> None:
    """A supported difference is compared with the smallest one of interest."""
    found = judge({"f-1": {"a": moved(10.0), "b": BASE}}, "better", than="b", smallest=smallest)
    assert found.verdict == "supported"
    assert told in found.size
    assert bool(found.size) is bool(smallest)
    assert found.size in found.why


# Reaching a target


def test_the_interval_of_a_share_is_exact() -> None:
    """The interval of Clopper and Pearson, as scipy has it, at the ends of the scale too."""
    for n, k in ((10, 0), (10, 10), (20, 13), (1, 1)):
        reached = np.arange(n) < k
        found = share_interval(reached, 0.9)
        exact = stats.binomtest(k, n).proportion_ci(0.9, method="exact")
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


@pytest.mark.parametrize(
    ("reached", "share", "verdict"),
    [(20, 0.5, "supported"), (10, 0.5, "undecided"), (1, 0.5, "refuted"), (20, 0.9, "undecided")],
)
def test_the_share_of_searches_decides(
    judge: Judge, run: Runs, reached: int, share: float, verdict: str
) -> None:
    """The exact interval over runs is held against the share of the claim."""
    runs = [run([50.0, 90.0 if i < reached else 60.0], replicate=i) for i in range(20)]
    fields = {"metric": "signal", "target": 85.0, "share": share, "planned": 20}
    found = judge({}, "reaches", extra=runs, about={"f-1": _facts()}, **fields)
    assert found.verdict == verdict, found.why
    assert found.overall is not None
    assert found.overall.mean == reached / 20
    assert f"{reached} of 20 searches reach the target" in found.why
    assert found.text == f"a reaches 85 % in validation accuracy in {100 * share:g} % of searches, on f-1"


def _facts(**changes: object) -> BenchmarkFacts:
    fields = {
        "name": "f-1",
        "family": "f",
        "metric": "accuracy",
        "split": "validation",
        "unit": "%",
        "maximize": True,
        "best": 100.0,
        "reference": 50.0,
        "seconds": True,
        "test_metric": "accuracy",
        "test_unit": "%",
        "test_maximize": True,
        "no_test_because": None,
    }
    return BenchmarkFacts(**{**fields, **changes})


def test_a_target_must_be_reached_in_time(judge: Judge, run: Runs) -> None:
    """What comes after the claim's budget does not count, in evaluations or in seconds."""
    runs = [run([50.0, 60.0, 90.0], replicate=i) for i in range(12)]
    for within, verdict in (
        (Budget(evaluations=2), "refuted"),
        (Budget(evaluations=3), "supported"),
        (Budget(table_seconds=29.0), "refuted"),
        (Budget(table_seconds=30.0), "supported"),
        (None, "supported"),
    ):
        fields = {"metric": "signal", "target": 90.0, "within": within, "planned": 12}
        found = judge({}, "reaches", extra=runs, about={"f-1": _facts()}, **fields)
        assert found.verdict == verdict, (within, found.why)


def test_what_is_not_reached_counts_as_such(judge: Judge, run: Runs) -> None:
    """A failed search, and one without a value, did not reach the target; one not made is missing."""
    lost = [
        run([99.0], replicate=0, completed=False),
        run([np.nan], replicate=1),
        run([10.0], replicate=2),
    ]
    runs = [*lost, *(run([90.0], replicate=i) for i in range(3, 10))]
    fields = {"metric": "signal", "target": 85.0, "about": {"f-1": _facts()}}
    found = judge({}, "reaches", extra=runs, planned=10, **fields)
    assert "7 of 10 searches reach the target" in found.why
    short = judge({}, "reaches", extra=runs, planned=12, **fields)
    assert (short.verdict, short.why) == ("untested", "f-1: 2 not run of 12 runs of a")


def test_a_target_may_be_a_small_value(judge: Judge, run: Runs) -> None:
    """Where smaller is better, the target is reached from above; the test metric is that of the end."""
    runs = [run([3.0, 1.0], replicate=i, test=2.0) for i in range(12)]
    about = {"f-1": _facts(maximize=False, test_maximize=False)}
    for metric, target, verdict in (
        ("signal", 1.0, "supported"),
        ("signal", 0.9, "refuted"),
        ("test", 2.0, "supported"),
        ("test", 1.5, "refuted"),
    ):
        found = judge({}, "reaches", extra=runs, about=about, metric=metric, target=target, planned=12)
        assert found.verdict == verdict, (metric, target)


def test_a_target_beyond_the_space_is_told(judge: Judge, run: Runs) -> None:
    """Where no architecture reaches the target, the verdict is followed by that fact."""
    runs = [run([90.0], replicate=i) for i in range(12)]
    for target, told in ((100.0, False), (100.5, True)):
        fields = {"metric": "signal", "target": target, "planned": 12}
        found = judge({}, "reaches", extra=runs, about={"f-1": _facts()}, **fields)
        assert found.verdict == "refuted"
        assert ("no architecture of the space reaches it on f-1" in found.why) is told


def test_a_target_on_several_benchmarks_is_reached_on_each(judge: Judge, run: Runs, facts: Facts) -> None:
    """One benchmark on which too few searches reach it refutes; a target has one unit and one axis."""
    runs = [
        run([value], benchmark=b, replicate=i)
        for b, value in (("f-1", 90.0), ("g-1", 10.0))
        for i in range(12)
    ]
    about = {"f-1": facts("f-1"), "g-1": facts("g-1")}
    fields = {"metric": "signal", "target": 85.0, "planned": 12}
    found = judge({}, "reaches", extra=runs, about=about, **fields)
    assert (found.verdict, found.overall) == ("refuted", None)
    assert found.why.endswith("on g-1")
    mixed = {"f-1": facts("f-1"), "g-1": facts("g-1", unit="fraction")}
    assert "one target has no meaning" in judge({}, "reaches", extra=runs, about=mixed, **fields).why
    free = {"f-1": facts("f-1", seconds=False), "g-1": facts("g-1")}
    timed = judge({}, "reaches", extra=runs, about=free, within=Budget(table_seconds=5.0), **fields)
    assert (timed.verdict, timed.why) == ("untested", "no cost column, which 'within' asks for: f-1")


# Published numbers


@pytest.mark.parametrize(
    ("value", "n", "sd", "verdict", "lacks"),
    [
        (71.5, 100, 1.0, "supported", ""),
        (90.0, 100, 1.0, "refuted", ""),
        (73.2, 100, 1.0, "undecided", "seeds"),
        (71.5, 3, 9.0, "undecided", "published"),
    ],
)
def test_a_published_number_is_replicated_within_the_margin(
    judge: Judge, value: float, n: int, sd: float, verdict: str, lacks: str
) -> None:
    """Both uncertainties count; where the published one alone is too large, no run of ours decides."""
    published = PublishedMean(value=value, n=n, sd=sd, unit="%", source="Author 2020, p. 7, Table 2")
    found = judge({"f-1": {"a": BASE * 3}}, "replicates-number", margin=2.0, published=published)
    assert (found.verdict, found.lacks) == (verdict, lacks), found.why
    assert found.overall is not None
    assert found.overall.mean == pytest.approx(71.5 - value)
    assert found.source == "Author 2020, p. 7, Table 2"
    assert found.text == (
        f"a replicates {value:g} % (n = {n}, sd {sd:g}; Author 2020, p. 7, Table 2) in mean test accuracy, "
        "within 2 %, on f-1"
    )


def test_an_unverified_number_replicates_nothing(judge: Judge) -> None:
    """Without page and table the claim is untested and the difference shown; units must agree."""
    number = {"value": 71.5, "n": 100, "sd": 1.0, "unit": "%"}
    unverified = PublishedMean(**number, source="unverified")
    found = judge({"f-1": {"a": BASE * 3}}, "replicates-number", margin=2.0, published=unverified)
    assert found.verdict == "untested"
    assert "page and table are missing" in found.why
    assert found.overall is not None
    assert "the published number is unverified" in found.validity
    other = PublishedMean(**{**number, "unit": "fraction"}, source="Author 2020, p. 7, Table 2")
    mixed = judge({"f-1": {"a": BASE * 3}}, "replicates-number", margin=2.0, published=other)
    assert (mixed.verdict, mixed.why) == ("untested", "the published number is in fraction, and f-1 in %")


# Claims about tasks


def families(count: int, by: Sequence[float] | None = None) -> dict[str, dict[str, list[float]]]:
    gaps = by or [10.0 + i for i in range(count)]
    return {f"f{i}-1": {"a": moved(gaps[i]), "b": list(BASE)} for i in range(count)}


def test_a_claim_about_tasks_needs_six_families(judge: Judge) -> None:
    """Five families decide nothing however clear the difference and many the replicates; six do."""
    five = judge(families(5), "better", than="b", scope="tasks")
    assert (five.verdict, five.lacks, five.overall) == ("undecided", "tasks", None)
    assert "no number of replicates decides a claim about tasks" in five.why
    assert judge(families(5), "better", than="b").verdict == "supported"
    six = judge(families(6), "better", than="b", scope="tasks")
    assert six.verdict == "supported", six.why
    assert six.overall is not None
    assert (six.overall.n, six.overall.varied) == (6, ("families of tasks",))
    assert six.text == "a beats b in mean test accuracy, on tasks like these 6"


def test_tasks_of_one_family_count_once(judge: Judge) -> None:
    """Ten more tasks of one family are no more families."""
    values = families(5) | {f"f0-{i}": {"a": moved(10.0), "b": list(BASE)} for i in range(2, 12)}
    found = judge(values, "better", than="b", scope="tasks")
    assert (found.verdict, found.lacks) == ("undecided", "tasks")


def test_families_that_disagree_leave_a_claim_about_tasks_open(judge: Judge) -> None:
    """Differences of both signs may be decided on these tasks and not for tasks: more tasks are missing."""
    mixed = families(6, [30.0, 30.0, 30.0, 30.0, -5.0, -5.0])
    assert judge(mixed, "better", than="b").verdict == "supported"
    found = judge(mixed, "better", than="b", scope="tasks")
    assert (found.verdict, found.lacks) == ("undecided", "tasks")
    assert "tasks are missing for this margin: 6 families" in found.why
    assert judge(families(6, [-9.0] * 6), "better", than="b", scope="tasks").verdict == "refuted"


def test_a_stricter_confidence_needs_more_families(judge: Judge) -> None:
    """At 99 % the sign-flip test can reject from eight families on, and the claim says so."""
    assert [least_families(c) for c in (0.95, 0.99)] == [6, 8]
    found = judge(families(7), "better", than="b", scope="tasks", confidence=0.99)
    assert (found.verdict, "8 are needed at least" in found.why) == ("undecided", True)
    assert judge(families(8), "better", than="b", scope="tasks", confidence=0.99).verdict == "supported"


def test_the_interval_over_families_inverts_the_sign_flip_test() -> None:
    """A value is inside the interval exactly where the exact two-sided sign-flip test does not reject it."""
    values = {f"f{i}": value for i, value in enumerate([3.1, -0.4, 2.2, 5.0, 1.7, 0.9, 2.8])}
    found = family_interval(values, 0.95)
    assert found.low is not None
    assert found.high is not None
    sample = np.array(list(values.values()))
    for centre in np.linspace(-2.0, 6.0, 81):
        tested = stats.permutation_test(
            (sample - centre,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        if min(abs(centre - found.low), abs(centre - found.high)) > 1e-6:
            assert bool(found.low < centre < found.high) is bool(tested.pvalue > 0.05), centre
    assert family_interval(dict(reversed(values.items())), 0.95) == found


def test_many_families_have_the_interval_of_student() -> None:
    """From seventeen families on, where all subsets would be many, the interval is Student's."""
    values = dict(enumerate(noise("families", 17)))
    found = family_interval({str(k): v for k, v in values.items()}, 0.95)
    exact = stats.ttest_1samp(list(values.values()), 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert family_interval({"one": 3.0}, 0.95).low is None


# Always-valid rules


def test_an_always_valid_rule_is_wider_and_can_decide(judge: Judge) -> None:
    """The price of looking at any time is a wider interval; a large difference pays it."""
    a, b = noise("a", 60, mean=74.0), noise("b", 60)
    values = {"f-1": {"a": a, "b": b}}
    fields = {"metric": "signal", "about": {"f-1": _facts(range=(65.0, 80.0))}, "than": "b"}
    fixed = judge(values, "better", **fields).overall
    found = judge(values, "better", rule="always-valid", **fields)
    assert fixed is not None
    assert found.overall is not None
    assert found.verdict == "supported", found.why
    assert found.overall.low is not None
    assert fixed.low is not None
    assert found.overall.low < fixed.low
    assert found.overall.method == "confidence sequence"
    assert found.overall.mean == pytest.approx(fixed.mean)


def test_an_always_valid_rule_needs_the_range_of_the_metric(judge: Judge) -> None:
    """A share has a range by nature, and the signal that of its table; without one there is no interval."""
    values = {"f-1": {"a": moved(20.0), "b": BASE}}
    found = judge(values, "better", than="b", rule="always-valid")
    assert found.overall is not None
    assert (found.overall.low, found.overall.high) == (-100.0, 100.0)
    about = {"f-1": _facts(test_metric="perplexity")}
    found = judge(values, "better", than="b", rule="always-valid", about=about)
    assert (found.verdict, found.lacks) == ("undecided", "seeds")
    assert "the range of the metric is not known" in found.why
    assert found.overall is not None
    assert (found.overall.low, found.overall.method) == (None, "none")


def test_always_valid_is_valid_for_rare_failures() -> None:
    """A method that rarely falls far is not called better, though most sequences show no fall at first.

    The mean is -0.01: a sequence that goes by the spread that it has seen supports 'better' in most runs.
    """
    rng = Stream(0, ("claims", "rare"))
    wrong = 0
    for _ in range(200):
        falls = np.array([rng.random() < 0.02 for _ in range(100)])
        d = np.where(falls, -1.0, 0.01)
        looks = [always_valid_interval(d[:n], 0.95, (-1.0, 1.0)) for n in (20, 30, 50, 100)]
        wrong += any(look.low is not None and look.low > 0.0 for look in looks)
    assert wrong / 200 <= 0.05


def test_runs_that_do_not_vary_have_no_width_of_zero() -> None:
    """However alike the first runs are, the interval of a sequence is as wide as the range makes it."""
    found = always_valid_interval(np.full(30, 0.01), 0.95, (-1.0, 1.0))
    assert found.low is not None
    assert found.low < 0.0
    assert always_valid_interval(np.full(30, 0.01), 0.95, None).low is None


# Few runs, and runs that do not vary


@pytest.mark.parametrize("kind", ["better", "equivalent", "non-inferior"])
def test_runs_that_do_not_vary_decide_nothing(judge: Judge, kind: str) -> None:
    """Two runs of each that agree say nothing of how far a third would lie."""
    values = {"f-1": {"a": [95.0, 95.0], "b": [94.0, 94.0]}}
    found = judge(values, kind, than="b", **({} if kind == "better" else {"margin": 5.0}))
    assert found.verdict == "undecided"
    assert "no run varies" in found.why


@pytest.mark.parametrize("n", [2, 3, 5])
def test_runs_of_two_modes_rarely_decide(n: int) -> None:
    """Of equal methods whose runs collapse half of the time few claims to be better are decided."""
    rng = Stream(0, ("claims", "modes", n))
    wrong = 0
    for _ in range(300):
        a, b = ([70.0 + 10.0 * (rng.random() < 0.5) + 0.01 * rng.normal() for _ in range(n)] for _ in "ab")
        said = _verdict({"f-1": {"a": a, "b": b}}, "better", {"than": "b", "metric": "test"})
        wrong += said in {"supported", "refuted"}
    assert wrong / 300 <= (0.0 if n < 4 else 0.05)


def test_undeclared_units_are_not_averaged(judge: Judge) -> None:
    """An accuracy and a time that both have no unit have no mean: each is judged by itself."""
    about = {b: _facts(name=b, test_unit="") for b in ("f-1", "g-1")}
    values = {
        "f-1": {"a": moved(-0.4, BASE), "b": moved(-0.8, BASE)},
        "g-1": {"a": moved(-900.0), "b": moved(-1000.0)},
    }
    found = judge(values, "better", than="b", about=about)
    assert (found.verdict, found.overall) == ("undecided", None)
    assert "the benchmarks have no declared unit" in found.why
    assert judge(values, "better", than="b", about=about, margin=1.0).verdict == "untested"
    alone = {"f-1": {"a": moved(9.0), "b": BASE}}
    assert judge(alone, "better", than="b", about={"f-1": about["f-1"]}, margin=1.0).verdict == "supported"


def test_a_share_can_be_judged_at_any_time(judge: Judge, run: Runs) -> None:
    """The always-valid interval of a share stays within 0 and 1, and decides clear cases."""
    runs = [run([90.0], replicate=i) for i in range(60)]
    fields = {"metric": "signal", "about": {"f-1": _facts()}, "planned": 60, "rule": "always-valid"}
    found = judge({}, "reaches", extra=runs, target=85.0, **fields)
    assert found.verdict == "supported", found.why
    assert found.overall is not None
    assert found.overall.high is not None
    assert found.overall.high <= 1.0


# Whatever the kind

SPECS: dict[str, dict[str, object]] = {
    "better": {"than": "b"},
    "equivalent": {"than": "b", "margin": 1.0},
    "non-inferior": {"than": "b", "margin": 1.0},
    "best-of-set": {"others": ("b", "c")},
    "ranking": {"others": ("b", "c")},
    "reaches": {"target": 71.0},
    "replicates-number": {
        "margin": 1.0,
        "published": PublishedMean(value=71.0, n=9, sd=1.0, unit="%", source="A 2020, p. 1, Table 1"),
    },
}


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("rule", ["fixed", "always-valid"])
def test_order_and_further_methods_change_nothing(judge: Judge, kind: str, rule: str) -> None:
    """A method that the claim does not name, or methods in another order, leave the verdict as it was."""
    values = {"f-1": {name: noise(name, 30) for name in "abc"}}
    before = judge(values, kind, rule=rule, **SPECS[kind])
    cell = values["f-1"]
    other = {"f-1": {"d": noise("d", 30, mean=99.0), "c": cell["c"], "b": cell["b"], "a": cell["a"]}}
    assert judge(other, kind, rule=rule, **SPECS[kind]) == before


ORDER = {"refuted": 0, "undecided": 1, "supported": 2}


@pytest.mark.parametrize("kind", ["better", "non-inferior", "best-of-set", "ranking", "reaches"])
@pytest.mark.parametrize("scope", ["these-tasks", "tasks"])
@settings(max_examples=25)
@given(data=st.data())
def test_better_scores_never_make_a_claim_weaker(kind: str, scope: str, data: st.DataObject) -> None:
    """Whatever the runs, adding the same to every score of the claimed method never lowers the verdict."""
    if kind == "reaches" and scope == "tasks":
        return
    scores = st.lists(st.integers(60, 80), min_size=4, max_size=4)
    values = {f"f{i}-1": {m: data.draw(scores) for m in "abc"} for i in range(6)}
    lift = data.draw(st.integers(1, 30))
    lifted = {b: {**found, "a": [v + lift for v in found["a"]]} for b, found in values.items()}
    fields = {**SPECS[kind], "scope": scope, "metric": "test"}
    before, after = (_verdict(of, kind, fields) for of in (values, lifted))
    assert ORDER[after] >= ORDER[before]


def _run(benchmark: str, method: str, replicate: int, value: float) -> RunData:
    return RunData(
        run=f"{benchmark}/{method}/{replicate}",
        method=method,
        benchmark=benchmark,
        replicate=replicate,
        completed=True,
        values=np.array([value]),
        costs=np.ones(1),
        times=np.ones(1),
        recommended_value=value,
        test=value,
        wall_seconds=0.0,
        thinking_seconds=0.0,
    )


def _verdict(values: Values, kind: str, fields: Mapping[str, object]) -> str:
    known = {b: _facts(name=b, family=b.split("-")[0]) for b in values}
    runs = [
        _run(b, m, i, float(v))
        for b, found in values.items()
        for m, finals in found.items()
        for i, v in enumerate(finals)
    ]
    claim = ClaimSpec(**{"id": "x", "better": "a", "benchmarks": tuple(values), "kind": kind, **fields})
    planned = max(len(finals) for found in values.values() for finals in found.values())
    return claim_result(claim, make_cells(runs, known, "abc"), known, planned).verdict


@pytest.mark.parametrize("kind", SPECS)
def test_a_run_that_was_not_made_leaves_every_kind_untested(judge: Judge, kind: str) -> None:
    """No kind of claim is decided by the runs that happen to be there."""
    values = {"f-1": {name: noise(name, 8) for name in "abc"}}
    found = judge(values, kind, planned=9, **SPECS[kind])
    assert found.verdict == "untested"
    assert "1 not run of 9 runs of a" in found.why
    assert found.validity[0].startswith("runs not made: 1 of a")


def test_an_unknown_kind_is_refused(judge: Judge) -> None:
    """A kind that nothing judges is an error with the nearest name."""
    with pytest.raises(UnknownNameError, match="'ranking'"):
        judge({"f-1": {"a": BASE}}, "rankin")
