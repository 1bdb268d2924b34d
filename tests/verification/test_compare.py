"""Comparing a record with its repeat: where they first part, in words."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec
import pytest

from assay.provenance.components import ComponentDigests
from assay.records.record import Circumstances, Record, Result, SearchOf, Trajectory
from assay.records.store import merge
from assay.verification.compare import first_difference
from assay.verification.sample import draw


def _record(**changes: Any) -> Record:
    trajectory = Trajectory(
        archs=["a", "b"],
        code=array("I", [0, 1, 0]).tobytes(),
        value=array("d", [0.5, 0.7, 0.5]).tobytes(),
        status=b"\0\0\0",
        cost=array("d", [1, 1, 1]).tobytes(),
        time=array("d", [1, 2, 3]).tobytes(),
        asked=array("I", [0, 1, 2]).tobytes(),
    )
    status = changes.pop("result_status", "completed")
    recommendation = changes.pop("recommendation", ("b",))
    ended, writer = changes.pop("ended", "2026-01-01T00:00:00Z"), changes.pop("writer", "w")
    trajectory = msgspec.structs.replace(trajectory, **changes)
    result = Result(
        status=status, trajectory=trajectory, recommendation=recommendation, streams=(), budget_read=False
    )
    none = ComponentDigests(code="", data="", hyperparameters="", seeds="", protocol="")
    circumstances = Circumstances(
        writer=writer,
        attempt=1,
        started="",
        ended=ended,
        wall_seconds=0.0,
        thinking_seconds=0.0,
        host="",
        environment="",
        arithmetic="",
        evidence="",
    )
    return Record(
        run="r",
        about=SearchOf(strategy="s", benchmark="b", replicate=0),
        components=none,
        result=result,
        result_digest=result.digest(),
        circumstances=circumstances,
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"value": array("d", [0.5, 0.71, 0.5]).tobytes()}, "evaluation 2 (b): value 0.7 -> 0.71"),
        ({"archs": ["a", "c"]}, "evaluation 2: architecture b -> c"),
        ({"status": b"\0\0\1"}, "evaluation 3: OK -> MISSING"),
        ({"time": array("d", [1, 2, 4]).tobytes()}, "evaluation 3 (a): time 3.0 -> 4.0"),
        ({"recommendation": ("a",)}, "recommendation: b -> a"),
        ({"result_status": "failed"}, "the record is completed, the repeat failed"),
    ],
)
def test_the_first_difference_is_named(changes: dict[str, Any], said: str | None) -> None:
    """The place is the evaluation and what differs there; equal results have none."""
    assert first_difference(_record(), _record(**changes)) == said


def test_a_shorter_repeat_is_named_by_its_length() -> None:
    """A trajectory that is a prefix of the other differs in its number of evaluations."""
    shorter = _record(
        code=array("I", [0, 1]).tobytes(),
        value=array("d", [0.5, 0.7]).tobytes(),
        status=b"\0\0",
        cost=array("d", [1, 1]).tobytes(),
        time=array("d", [1, 2]).tobytes(),
        asked=array("I", [0, 1]).tobytes(),
    )
    assert first_difference(_record(), shorter) == "the record has 3 evaluations, the repeat 2"


def test_attempts_merge_in_any_order() -> None:
    """A completed attempt stands over failed ones, equal ones are one run, unequal ones a conflict."""
    failed = _record(result_status="failed", ended="2026-01-01T00:00:00Z")
    first, second = _record(ended="2026-01-02T00:00:00Z"), _record(ended="2026-01-03T00:00:00Z")
    for records in ([failed, first, second], [second, failed, first]):
        run = merge(records)
        assert run.record == first
        assert (run.attempts, run.conflict, run.completed) == (3, (), True)
    other = _record(recommendation=("a",), ended="2026-01-04T00:00:00Z")
    assert len(merge([other, first]).conflict) == 2
    assert not merge([failed]).completed


def test_a_draw_depends_on_the_runs_and_the_seed_alone() -> None:
    """The order of the population changes nothing, and claims' runs are drawn besides."""
    population = [f"run-{i:03d}" for i in range(100)]
    one = draw(population, ["run-007"], 10, seed=3)
    turned = list(reversed(population))
    other = draw(turned, ["run-007"], 10, seed=3)
    assert {population[i] for i in one.random} == {turned[i] for i in other.random}
    assert one.claims == (7,)
    assert len(one.random) == 10
    assert set(one.all()) == {*one.random, 7}
    assert draw(population, [], 1000, seed=3).random == tuple(range(100))
    assert draw(population, [], 10, None).seed != draw(population, [], 10, None).seed
