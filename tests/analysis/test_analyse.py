"""What must not change a study's numbers, and what must."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from assay.analysis.model import Analysis, RunData
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream


def content(analysis: Analysis) -> dict[object, object]:
    """Return every number of an analysis under a key that does not depend on order."""
    found: dict[object, object] = {}
    for row in analysis.results:
        found["result", row.benchmark, row.method] = row
    for curve in analysis.curves:
        found["curve", curve.benchmark, curve.method, curve.axis] = curve
    for cost in analysis.costs:
        found["cost", cost.method] = cost
    for claim in analysis.claims:
        found["claim", claim.id] = (claim.verdict, claim.why, claim.overall, dict(claim.per_benchmark))
    if analysis.ranks is not None:
        for rank in analysis.ranks.rows:
            found["rank", rank.method] = (rank.by_family, rank.overall)
    return found


def test_all_of_a_study_is_analysed(study) -> None:
    """Each cell has a row and a curve over evaluations and seconds, each method a rank and a cost."""
    found = study.analyse()
    assert len(found.results) == 3 * 4
    assert len(found.curves) == 2 * 3 * 4
    assert found.ranks is not None
    assert len(found.ranks.rows) == len(found.costs) == 3
    assert [claim.verdict for claim in found.claims] == ["supported", "supported"]


def test_order_changes_no_number(study) -> None:
    """Runs, methods, benchmarks and a claim's benchmarks can come in any order."""
    rng = Stream(5, ("order",))
    runs, methods, names = list(study.runs), list(study.methods), list(study.facts)
    for part in (runs, methods, names):
        rng.shuffle(part)
    claims = tuple(msgspec.structs.replace(claim, benchmarks=tuple(names)) for claim in study.claims)
    facts = {name: study.facts[name] for name in names}
    moved = study.but(runs=tuple(runs), methods=tuple(methods), facts=facts, claims=claims)
    assert list(moved.facts) != list(study.facts)
    assert content(moved.analyse()) == content(study.analyse())


def test_another_method_changes_no_verdict_on_a_pair(studies) -> None:
    """Adding methods leaves claims, means, intervals and costs of the others bit for bit as they were."""
    small, large = studies(3), studies(5)
    large = large.but(claims=small.claims)
    before, after = content(small.analyse()), content(large.analyse())
    for key in before:
        if key[0] == "claim":
            assert after[key] == before[key]
        if key[0] == "result":
            assert after[key].interval == before[key].interval
            assert after[key].text == before[key].text


def test_another_benchmark_changes_no_row_of_the_others(studies) -> None:
    """The streams of bootstraps have names, so that a longer study keeps the shorter one's rows."""
    small, large = content(studies(benchmarks=2).analyse()), content(studies(benchmarks=4).analyse())
    assert all(large[key] == small[key] for key in small if key[0] in ("result", "curve"))


@pytest.mark.parametrize("name", ["method-0", "method-2"])
def test_a_failed_run_improves_nothing(study, name: str) -> None:
    """Whichever run of a method fails, its rank and lead never become better, and its claims stay open."""
    before = study.analyse()
    assert before.ranks is not None
    rank = {row.method: row for row in before.ranks.rows}[name]
    led = {row.benchmark for row in before.results if row.method == name and (row.leads or row.with_leader)}
    for replicate in range(study.planned):
        runs = tuple(
            msgspec.structs.replace(run, completed=False, test=None)
            if (run.method, run.benchmark, run.replicate) == (name, "f0-0", replicate)
            else run
            for run in study.runs
        )
        after = study.but(runs=runs).analyse()
        assert after.ranks is not None
        failed = {row.method: row for row in after.ranks.rows}[name]
        assert failed.overall >= rank.overall
        assert all(failed.by_family[f] >= rank.by_family[f] for f in rank.by_family)
        leads = {r.benchmark for r in after.results if r.method == name and (r.leads or r.with_leader)}
        assert leads <= led - {"f0-0"}
        assert {claim.verdict for claim in after.claims} == {"untested"}


def test_a_failed_run_on_top_changes_no_mean(study, run: Callable[..., RunData]) -> None:
    """What a failed run saw enters no mean and no curve; only the counts and the cost know of it."""
    extra = run([100.0] * 30, method="method-0", benchmark="f0-0", replicate=99, completed=False)
    before, after = content(study.analyse()), content(study.but(runs=(*study.runs, extra)).analyse())
    for key in before:
        if key[0] == "result":
            assert after[key].interval == before[key].interval
        if key[0] == "curve":
            assert after[key] == before[key]


def test_a_change_of_unit_changes_no_rank_and_no_verdict(study) -> None:
    """Percent or fraction, for each benchmark alone: ranks, leads and regret stay."""
    factors = dict(zip(study.facts, (0.01, 1.0, 7.0, 1e3), strict=True))

    def rescaled(run: RunData) -> RunData:
        f = factors[run.benchmark]
        return msgspec.structs.replace(
            run, values=run.values * f, test=run.test * f, recommended_value=run.recommended_value * f
        )

    facts = {
        name: msgspec.structs.replace(
            fact, best=fact.best * factors[name], reference=fact.reference * factors[name]
        )
        for name, fact in study.facts.items()
    }
    before = study.but(claims=()).analyse()
    after = study.but(claims=(), facts=facts, runs=tuple(map(rescaled, study.runs))).analyse()
    assert before.ranks is not None
    assert after.ranks is not None
    assert after.ranks.rows == before.ranks.rows
    assert [(r.leads, r.with_leader) for r in after.results] == [
        (r.leads, r.with_leader) for r in before.results
    ]
    for a, b in zip(after.curves, before.curves, strict=True):
        assert a.mean == pytest.approx(b.mean)
        assert a.x == b.x


def test_a_loss_is_an_accuracy_upside_down(study) -> None:
    """Turning every value and every direction mirrors the means and keeps ranks, leads and verdicts."""

    def turned(run: RunData) -> RunData:
        return msgspec.structs.replace(
            run, values=-run.values, test=-run.test, recommended_value=-run.recommended_value
        )

    facts = {
        name: msgspec.structs.replace(
            fact, best=-fact.best, reference=-fact.reference, maximize=False, test_maximize=False
        )
        for name, fact in study.facts.items()
    }
    before, after = study.analyse(), study.but(facts=facts, runs=tuple(map(turned, study.runs))).analyse()
    assert before.ranks is not None
    assert after.ranks is not None
    assert after.ranks.rows == before.ranks.rows
    assert [r.leads for r in after.results] == [r.leads for r in before.results]
    assert [c.overall for c in after.claims] == [c.overall for c in before.claims]
    assert [c.mean for c in after.curves] == [c.mean for c in before.curves]
    assert [c.ranking_with_measured for c in after.costs] == [c.ranking_with_measured for c in before.costs]


def test_the_seed_moves_intervals_and_nothing_else(study) -> None:
    """Equal seeds give equal bits; another seed moves the ends of bootstrap intervals alone."""
    first, again, other = study.analyse(), study.analyse(), study.but(seed=1).analyse()
    assert again == first
    assert other.curves == first.curves
    assert other.claims == first.claims
    assert [r.interval.mean for r in other.results] == [r.interval.mean for r in first.results]
    assert [r.interval.low for r in other.results] != [r.interval.low for r in first.results]


def test_equal_methods_are_told_apart_by_nothing(study) -> None:
    """A method under a second name ties with itself, and no claim between the two is decided."""
    twin = tuple(
        msgspec.structs.replace(run, method="twin", run=f"twin-{run.run}")
        for run in study.runs
        if run.method == "method-2"
    )
    claim = msgspec.structs.replace(study.claims[0], than="twin", margin=0.0)
    found = study.but(runs=(*study.runs, *twin), methods=(*study.methods, "twin"), claims=(claim,)).analyse()
    assert found.ranks is not None
    overall = {row.method: row.overall for row in found.ranks.rows}
    assert overall["twin"] == overall["method-2"]
    assert found.claims[0].verdict == "undecided"
    assert found.claims[0].overall.mean == 0.0


def test_an_analysis_survives_its_file(study) -> None:
    """It is plain data: encoded and decoded it is equal, and holds no number that JSON lacks."""
    found = study.analyse()
    encoded = msgspec.json.encode(found)
    assert msgspec.json.decode(encoded, type=Analysis) == found
    assert all(np.isfinite(curve.mean).all() for curve in found.curves)


def test_nothing_was_run_yet(study) -> None:
    """A study without runs has rows that say so, no curves, no ranks, and untested claims."""
    found = study.but(runs=()).analyse()
    assert {row.text for row in found.results} == {"no run of 12 has a result"}
    assert (found.curves, found.ranks) == ((), None)
    assert {claim.verdict for claim in found.claims} == {"untested"}
    assert {(cost.runs, cost.table_seconds) for cost in found.costs} == {(0, None)}


def test_a_negative_plan_is_refused(study) -> None:
    """A number of planned runs below zero is a usage error."""
    with pytest.raises(UsageError):
        study.but(planned=-1).analyse()
