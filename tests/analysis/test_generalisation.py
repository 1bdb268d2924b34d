"""The generalisation report of a method over the tasks of a table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.analysis.generalisation import generalisation, generalisations
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.statistics.scores import Scores

Tables = Callable[..., Scores]
RNG = Stream(0, ("generalise",))
MEANS = [[5.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, 9.0, 0.0]]


def test_wins_losses_and_what_cannot_be_told_add_up(tables: Tables) -> None:
    """Every rival on every task is counted once, and families hold the counts of their tasks."""
    found = generalisation(tables(MEANS, families=["x", "x", "y"]), "a", rng=RNG)
    assert (found.wins, found.losses, len(found.standings)) == (4, 1, 6)
    assert [(f.family, f.wins, f.losses, f.untold) for f in found.families] == [
        ("x", 4, 0, 0),
        ("y", 0, 1, 1),
    ]
    assert found.families[0].mean_rank == 1.0
    assert sum(len(f.tasks) for f in found.families) == 3
    assert "wins 4, loses 1 and cannot be told in 1 of 6" in found.sentence()
    assert len(found.table().rows) == 6


def test_what_one_method_wins_another_loses(tables: Tables) -> None:
    """Over all methods wins equal losses where no run was lost; the best position comes first."""
    found = generalisations(tables(MEANS), rng=RNG)
    assert sum(one.wins for one in found) == sum(one.losses for one in found)
    assert [one.position for one in found] == sorted(one.position for one in found)


def test_one_task_has_no_subset_that_could_differ(tables: Tables) -> None:
    """A single family is said to be one."""
    found = generalisation(tables(MEANS[:1]), "a", rng=RNG)
    assert found.subsets.subsets == 0 and not found.leave_one_out
    assert "of one family" in found.sentence()


def test_few_families_and_pools_are_cautioned(tables: Tables) -> None:
    """Below six families nothing is decided across tasks, and the basis says so."""
    found = generalisation(tables(MEANS), "a", rng=RNG)
    assert any("nothing is decided across tasks" in text for text in found.basis.cautions)
    assert any("not a probability" in text for text in found.basis.cautions)


def test_an_unknown_method_and_a_lonely_one_are_refused(tables: Tables) -> None:
    """The nearest name is the hint; one method wins against nobody."""
    with pytest.raises(UnknownNameError):
        generalisation(tables(MEANS), "z", rng=RNG)
    with pytest.raises(UsageError, match="against another"):
        generalisation(tables([[1.0]]), "a", rng=RNG)
