"""Claims as a report tells them."""

from __future__ import annotations

import msgspec
import pytest

from assay.analysis.model import ClaimResult
from assay.publishing.claim_views import claim_views, coverage_note
from assay.statistics.interval import Interval


def interval(mean: float, n: int = 8) -> Interval:
    return Interval(
        mean=mean,
        low=mean - 0.1,
        high=mean + 0.1,
        sd=0.2,
        n=n,
        confidence=0.95,
        method="Welch",
        varied=("search seeds",),
    )


@pytest.fixture
def view(sample):
    """Return a function that gives the view of the first claim, changed."""
    document = sample.typical()

    def of(**changes):
        claim = msgspec.structs.replace(document.analysis.claims[0], **changes)
        analysis = msgspec.structs.replace(document.analysis, claims=(claim,))
        return claim_views(msgspec.structs.replace(document, analysis=analysis))[0]

    return of


@pytest.mark.parametrize(
    ("changes", "scope"),
    [
        ({}, "on these 9 tasks, 20 replicates"),
        ({"scope": "tasks"}, "on tasks like these 9, 20 replicates"),
        ({"benchmarks": ("nas-bench-graph/cora",)}, "on this task, 20 replicates"),
        ({"benchmarks": ("a",), "scope": "tasks"}, "on tasks like this one, 20 replicates"),
    ],
)
def test_a_verdict_is_limited_to_its_tasks_and_replicates(view, changes, scope):
    """The scope names the tasks that were run, or tasks like them, and the number of replicates."""
    assert view(**changes).scope == scope


def test_a_share_is_not_called_a_difference(view):
    """A claim about a target shows the share of searches, without a sign and without a margin."""
    found = view(kind="reaches", than="", overall=interval(0.6), per_benchmark={})
    assert found.measured.startswith("Share of searches that reach the target, over 9 benchmarks: 0.60 [")
    assert "margin" not in found.measured
    assert "difference" not in found.measured


def test_a_replication_is_ours_minus_published(view):
    """A claim about a published number says which way the difference goes, and where it stands."""
    found = view(
        kind="replicates-number", than="", overall=interval(-0.3), per_benchmark={}, source="p. 9, table 5"
    )
    assert found.measured.startswith("Ours minus the published number")
    assert "published: p. 9, table 5" in found.measured


def test_the_parts_of_a_claim_are_listed(view):
    """A claim of several comparisons has a row for each, and no number over all of them."""
    parts = {"evolution against random": interval(0.4), "evolution against tpe": interval(0.1)}
    found = view(kind="best-of-set", than="", overall=None, per_benchmark={}, parts=parts)
    assert [row[0] for row in found.apart.rows] == list(parts)
    assert "not computed" not in found.measured


def test_what_is_missing_and_what_is_wrong_stand_apart_from_the_verdict(view):
    """A supported claim shows its protocol's problems, and an undecided one what it lacks."""
    found = view(validity=("unequal budgets",), lacks="tasks", verdict="undecided")
    assert found.validity == ("unequal budgets",)
    assert "no number of replicates decides it" in found.lacks


def test_coverage_is_told_below_ten_runs(sample):
    """With eight runs the measured coverage of the interval stands beside the claims; with twenty not."""
    document = sample.typical()
    claim = msgspec.structs.replace(document.analysis.claims[0], overall=interval(0.1, n=20))
    few = msgspec.structs.replace(claim, overall=interval(0.1))

    def note(one: ClaimResult) -> str:
        analysis = msgspec.structs.replace(document.analysis, claims=(one,))
        return coverage_note(msgspec.structs.replace(document, analysis=analysis))

    told = "at n = 7, the size below 8 that was measured: 95.5 % normal"
    assert note(few).startswith(f"Measured coverage of the 95 % interval {told}")
    assert note(claim) == ""
