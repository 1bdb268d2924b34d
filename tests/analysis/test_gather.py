"""From real records to claims: the conduct of a study, and claims that were registered."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assay.analysis.analyse import analyse
from assay.analysis.gather import gather_claims, gather_conduct, gather_facts, gather_runs
from assay.analysis.model import ClaimResult
from assay.api import run
from assay.contracts.problem import Budget
from assay.records.store import Store
from assay.studies.history import load_history
from assay.studies.load import check_study
from assay.studies.plan import make_plan
from assay.studies.registration import register, registered_claims
from assay.studies.run import claim_runs
from assay.studies.study import (
    AnyClaim,
    BestOfSetClaim,
    Claim,
    Method,
    NonInferiorClaim,
    ReachesClaim,
    Study,
)

CORA = "nas-bench-graph/cora"
FIRST = NonInferiorClaim(method="b", than="a", margin=0.001)
LATER = ReachesClaim(method="a", target=0.2, within=Budget(evaluations=5))


@pytest.fixture
def study() -> Study:
    """Return a small study with one claim."""
    return Study(
        name="claimed",
        benchmarks=(CORA,),
        methods={
            name: Method(strategy=strategy)
            for name, strategy in (
                ("a", "random-search"),
                ("b", "local-search"),
                ("c", "regularized-evolution"),
            )
        },
        budget=Budget(evaluations=10),
        replicates=3,
        claims=(FIRST,),
    )


def judged(study: Study, store: Path, cache: Path, registered: frozenset[str]) -> list[ClaimResult]:
    plan, opened = make_plan(check_study(study), None, cache), Store(store)
    runs, history = opened.runs(), load_history(opened, study.name)
    found = analyse(
        gather_runs(plan, runs, opened),
        gather_facts(plan),
        tuple(study.methods),
        study.replicates,
        gather_claims(plan, registered),
        study.seed,
        gather_conduct(plan, runs, history),
    )
    return list(found.claims)


def test_an_extended_study_tells_of_looks_and_late_claims(study: Study, store: Path, cache: Path) -> None:
    """More replicates after a look, and a claim that came with them, are told beside the verdicts."""
    registered = registered_claims(register(check_study(study)))
    run(study, store=store, cache=cache, workers=1)
    (before,) = judged(study, store, cache, registered)
    assert before.validity == ()
    assert before.verdict == "undecided"
    assert "seeds are missing for the registered margin: 3 replicates" in before.why
    longer = msgspec.structs.replace(study, replicates=5, claims=(FIRST, LATER))
    run(longer, store=store, cache=cache, workers=1)
    first, later = judged(longer, store, cache, registered)
    assert any("looks at the data under a fixed rule: replicates 3 -> 5" in told for told in first.validity)
    assert not any("added after" in told for told in first.validity)
    assert any("claim added after the first run" in told for told in later.validity)
    assert later.overall is not None
    assert later.overall.n == 5


@pytest.mark.parametrize(
    ("claim", "methods"),
    [
        (Claim(better="a", than="b"), "ab"),
        (BestOfSetClaim(method="a", among=("b", "c")), "abc"),
        (ReachesClaim(method="c", target=1.0), "c"),
        (Claim(better="a", than="b", on=(CORA,)), "ab"),
    ],
)
def test_the_runs_of_all_named_methods_carry_a_claim(
    study: Study, cache: Path, claim: AnyClaim, methods: str
) -> None:
    """Verification repeats the runs of every method that a claim is about, whatever its kind."""
    plan = make_plan(check_study(msgspec.structs.replace(study, claims=(claim,))), None, cache)
    carried = set(claim_runs(plan))
    assert carried == {cell.spec.run for cell in plan.cells if cell.method in methods}


def test_a_benchmark_without_the_metric_is_left_out_of_a_claim(study: Study, cache: Path) -> None:
    """A claim about the test metric is about the benchmarks that have one, one about the signal about all."""
    claims = (Claim(better="a", than="b"), Claim(better="a", than="b", metric="signal"))
    both = msgspec.structs.replace(
        study,
        benchmarks=(CORA, "nas-bench-201/cifar10"),
        claims=claims,
        protocol=msgspec.structs.replace(study.protocol, assessment="where-available"),
    )
    plan = make_plan(check_study(both), None, cache)
    assert [claim.benchmarks for claim in gather_claims(plan)] == [(CORA,), (CORA, "nas-bench-201/cifar10")]
    assert not any(claim.registered for claim in gather_claims(plan))
