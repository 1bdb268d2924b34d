"""The judgement of a study: what stands over random search, and one interval for one number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.analysis.analyse import analyse
from assay.analysis.cells import make_cells
from assay.analysis.judgement import over_random
from assay.analysis.model import BenchmarkFacts, RunData
from assay.analysis.results import compare_scores
from assay.analysis.scoring import study_scores
from assay.statistics.scores import FAILED, OK, Scores

Runs = Callable[..., RunData]
Facts = Callable[..., BenchmarkFacts]


def scores(values: list[list[list[float]]], *, maximize: bool = True) -> Scores:
    """Return scores (tasks, methods, runs) of one family a task; NaN is a run that failed."""
    table = np.array(values)
    return Scores(
        methods=("random", "evolution"),
        tasks=tuple(f"t{i}" for i in range(len(table))),
        families=tuple(f"t{i}" for i in range(len(table))),
        units=("%",) * len(table),
        maximize=np.full(len(table), maximize),
        replicates=tuple(map(str, range(table.shape[2]))),
        values=table,
        status=np.where(np.isnan(table), FAILED, OK).astype(np.int8),
        planned=table.shape[2],
    )


def test_improvement_is_in_percent_of_random_search() -> None:
    """From 80 to 84 is 5 % better; of an error that halves, 50 % better."""
    found = over_random(scores([[[79.0, 81.0], [83.0, 85.0]]]), ("random",))
    assert [row.method for row in found] == ["evolution"]
    assert found[0].improvement is not None
    assert found[0].improvement.percent == pytest.approx(5.0)
    error = over_random(scores([[[9.0, 11.0], [4.0, 6.0]]], maximize=False), ("random",))
    assert error[0].improvement is not None
    assert error[0].improvement.percent == pytest.approx(50.0)


def test_without_random_search_nothing_is_said() -> None:
    """A study without random search has no improvement over it."""
    assert over_random(scores([[[79.0, 81.0], [83.0, 85.0]]]), ()) == ()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([[[79.0, float("nan")], [83.0, 85.0]]], "lost"),
        ([[[79.0, 81.0], [float("nan"), 85.0]]], "lost"),
        ([[[-2.0, -1.0], [1.0, 2.0]]], "not positive"),
    ],
)
def test_an_improvement_that_means_nothing_is_not_given(values: list[list[list[float]]], why: str) -> None:
    """Lost runs on either side, and a mean that is not positive, give a reason and no number."""
    (row,) = over_random(scores(values), ("random",))
    assert row.improvement is None
    assert why in row.why


def test_one_number_has_one_interval(run: Runs, facts: Facts) -> None:
    """The results table and the comparison show the same interval of a cell."""
    runs = [
        run([70.0 + 3.0 * (r % 5) + r * 0.01 + (m == "b")], method=m, replicate=r)
        for m in "ab"
        for r in range(12)
    ]
    known = {"f-1": facts("f-1")}
    found = analyse(runs, known, "ab", 12, [], 0)
    compared = compare_scores(study_scores(make_cells(runs, known, "ab"), known, ("a", "b"), 12), 0)
    assert compared is not None
    assert [row.interval for row in found.results] == [cell.interval for cell in compared.tasks[0].cells]


def test_one_method_is_compared_with_nothing() -> None:
    """A study of one method, and one without any result, has no comparison."""
    table = scores([[[79.0, 81.0], [83.0, 85.0]]])
    assert compare_scores(table.only(methods=["random"]), 0) is None
    assert compare_scores(scores([[[float("nan")], [float("nan")]]]), 0) is None
