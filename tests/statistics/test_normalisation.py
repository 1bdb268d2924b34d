"""One scale for all tasks."""

from __future__ import annotations

import numpy as np
import pytest

from assay.foundation.errors import UnknownNameError, UsageError
from assay.statistics.normalisation import normalise, observed_bounds, stated_bounds
from assay.statistics.scores import Row, Scores, make_scores


def table(failed: bool = False) -> Scores:
    scores = {
        ("random", "acc"): [0.4, 0.6],
        ("good", "acc"): [0.7, 0.9],
        ("random", "err"): [30.0, 50.0],
        ("good", "err"): [10.0, 20.0],
    }
    listed = [
        Row(method=m, task=t, replicate=str(r), score=score, failed=failed and m == "random" and r == 1)
        for (m, t), both in scores.items()
        for r, score in enumerate(both)
    ]
    return make_scores(listed, units={"acc": "accuracy", "err": "%"}, minimize=["err"])


def test_stated_bounds_become_zero_and_one() -> None:
    """The first bound becomes 0 and the second 1, whichever way the task points, and the rule is the unit."""
    found = normalise(
        table(), stated_bounds({"acc": (0.5, 1.0), "err": (40.0, 0.0)}, "chance and perfection")
    )
    np.testing.assert_allclose(found.values[0], [[-0.2, 0.2], [0.4, 0.8]])
    np.testing.assert_allclose(found.values[1], [[0.25, -0.25], [0.75, 0.5]])
    assert found.maximize.all()
    assert found.units == ("0 and 1 at chance and perfection",) * 2


def test_observed_bounds_are_the_reference_and_the_best_run() -> None:
    """The mean of the reference becomes 0, the best run of any method 1, and the rule says whose it is."""
    bounds = observed_bounds(table(), "random")
    found = normalise(table(), bounds)
    assert found.values[:, 0].mean(axis=1) == pytest.approx([0, 0], abs=1e-12)
    assert found.values.max(axis=(1, 2)) == pytest.approx([1, 1])
    assert "of this table only" in bounds.rule


def test_a_reference_that_lost_runs_is_no_reference() -> None:
    """A mean that leaves out failed runs would move the scale."""
    with pytest.raises(UsageError, match="lost runs"):
        observed_bounds(table(failed=True), "random")
    with pytest.raises(UnknownNameError):
        observed_bounds(table(), "rondom")


@pytest.mark.parametrize("ends", [(0.5, 0.5), (1.0, 0.5), (float("nan"), 1.0)])
def test_bounds_must_make_a_scale(ends: tuple[float, float]) -> None:
    """Equal bounds, bounds the wrong way round and missing ones are refused, with the task."""
    with pytest.raises(UsageError, match="task acc"):
        normalise(table(), stated_bounds({"acc": ends, "err": (40.0, 0.0)}))
    with pytest.raises(UsageError, match="task err"):
        normalise(table(), stated_bounds({"acc": (0.0, 1.0)}))
