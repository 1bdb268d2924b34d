"""Tables of published numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.analysis.cells import make_cells
from assay.analysis.model import BenchmarkFacts, RunData
from assay.analysis.published import PublishedResult, published_result
from assay.foundation.errors import UnknownNameError
from assay.statistics.replication import replicate_table
from assay.studies.study import PublishedNumber, PublishedTable

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]
Judge = Callable[..., PublishedResult]
OURS = {"a": [70.0, 70.2, 69.9, 70.1] * 5, "b": [75.0, 75.2, 74.9, 75.1] * 5}
ROWS = {
    "row a": PublishedNumber(value=70.0, n=50, sd=0.2, unit="%"),
    "b": PublishedNumber(value=75.0, n=50, sd=0.2, unit="%"),
}


@pytest.fixture
def judge(run: Runs, facts: Facts) -> Judge:
    """Return a function that compares a table with the runs of 'a' and 'b' on 'f-1'."""

    def of(ours: dict[str, list[float]] = OURS, planned: int = 20, **changes: object) -> PublishedResult:
        runs = [
            run([v], method=m, replicate=i, test=v)
            for m, values in ours.items()
            for i, v in enumerate(values)
        ]
        known = {"f-1": facts("f-1")}
        fields = {"benchmark": "f-1", "rows": ROWS, "methods": {"row a": "a"}, "source": "A 2020, p. 7, T. 2"}
        table = PublishedTable(**{**fields, **changes})
        return published_result("table", table, make_cells(runs, known, "ab"), known, planned)

    return of


def test_each_row_is_compared_with_the_method_that_stands_for_it(judge: Judge) -> None:
    """Rows are replicated by their own methods, and both are identified among all."""
    found = judge()
    assert found.table is not None
    assert found.confusion is not None
    assert [(n.name, n.verdict) for n in found.table.numbers] == [
        ("row a", "replicated"),
        ("b", "replicated"),
    ]
    assert found.confusion.statuses == ("identified", "identified")
    assert found.methods == {"row a": "a", "b": "b"}
    assert (found.unit, found.missing) == ("%", "")


def test_the_default_margin_is_half_the_smallest_gap(judge: Judge) -> None:
    """The table without a margin has the one of its own rows, as statistics give it."""
    found = judge()
    assert found.table is not None
    assert found.table.margin == pytest.approx(2.5)
    assert judge(margin=0.5).table.margin == 0.5


def test_variants_that_both_fit_are_not_identifiable(judge: Judge) -> None:
    """Where two methods of ours fit one row, the number does not say which of them made it."""
    found = judge({"a": OURS["a"], "b": OURS["a"]})
    assert found.confusion is not None
    assert found.confusion.statuses[0] == "not identifiable"
    assert found.confusion.fits[0] == ("a", "b")


def test_a_lost_run_leaves_its_row_undecided(judge: Judge) -> None:
    """What failed does not fail by chance: the other row stands."""
    found = judge({"a": OURS["a"][:-1], "b": OURS["b"]})
    assert found.table is not None
    assert [number.verdict for number in found.table.numbers] == ["undecided", "replicated"]


def test_unverified_rows_replicate_nothing(judge: Judge) -> None:
    """A table without a place has no verdicts."""
    found = judge(source="unverified")
    assert found.table is not None
    assert {number.verdict for number in found.table.numbers} == {"unverified"}


def test_what_cannot_be_compared_is_told(judge: Judge) -> None:
    """Another unit, or no run at all, leaves the table without comparison and says why."""
    other = {row: PublishedNumber(value=n.value, unit="fraction") for row, n in ROWS.items()}
    assert judge(rows=other).missing == "the table is in fraction, and f-1 in %"
    assert judge({"a": OURS["a"], "b": []}).missing == "no run with a test metric of b"
    with pytest.raises(UnknownNameError):
        judge(benchmark="f-2")
    with pytest.raises(UnknownNameError):
        judge(methods={"row a": "c"})


def test_it_is_the_table_of_the_statistics(judge: Judge) -> None:
    """The numbers are those that `replicate_table` gives for the same samples."""
    found = judge(margin=0.7)
    assert found.table is not None
    samples = {"row a": OURS["a"], "b": OURS["b"]}
    rows = [number.published for number in found.table.numbers]
    direct = replicate_table(samples, rows, varied=("search seeds",), margin=0.7)
    assert [n.difference for n in direct.numbers] == [n.difference for n in found.table.numbers]
    assert [n.verdict for n in direct.numbers] == [n.verdict for n in found.table.numbers]
