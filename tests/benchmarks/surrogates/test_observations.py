"""What a surrogate is fitted on, and how it is split."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.surrogates.observations import Observations, of_values, split_by, without_method
from assay.benchmarks.tabular import TableBenchmark
from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.spaces.catalogue import get_space

SPACE = get_space("nas-bench-201")
FIRST, SECOND, THIRD = (0,) * 6, (1,) * 6, (2,) * 6


def test_a_table_gives_each_training_and_their_mean(observed: Observations, real: TableBenchmark) -> None:
    """Values are those of the policy 'mean-of-available', and the classes are the 6,466 published ones."""
    assert np.array_equal(observed.values, real.column("validation", "mean-of-available"))
    assert observed.trainings.shape == (15_625, 3)
    assert np.array_equal(observed.trainings[:, 0], real.column("validation", "seed=777"))
    # Dong and Yang, ICLR 2020, section 2.1: 6,466 topologies are unique.
    assert len(np.unique(observed.classes)) == 6_466


def test_values_of_one_architecture_are_its_trainings() -> None:
    """An equal value is the same evaluation again; what is not finite is left out."""
    pairs = [(FIRST, 90.0), (SECOND, 80.0), (FIRST, 91.0), (FIRST, 90.0), (THIRD, math.nan)]
    found = of_values(SPACE, pairs)
    assert found.archs == (FIRST, SECOND)
    assert found.values.tolist() == [90.5, 80.0]
    assert np.array_equal(found.trainings, [[90.0, 91.0], [80.0, np.nan]], equal_nan=True)


def test_values_of_nothing_and_of_foreign_architectures_are_refused() -> None:
    """There is nothing to fit on, and the message says so."""
    with pytest.raises(UsageError, match="nothing to fit"):
        of_values(SPACE, [(FIRST, math.nan)])
    with pytest.raises(UsageError, match="not an architecture"):
        of_values(SPACE, [((9,) * 6, 1.0)])


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.floats(0.1, 0.5), st.integers(0, 9))
def test_no_class_straddles_a_split(numbers: list[int], share: float, seed: int) -> None:
    """Every row is on one side, whole classes together, and about the share that was asked is held out."""
    classes = np.unique(np.array(numbers), return_inverse=True)[1]
    split = split_by(classes, share, Stream(seed, ("test",)))
    assert sorted([*split.train, *split.test]) == list(range(len(classes)))
    assert not set(classes[split.train]) & set(classes[split.test])
    assert share * len(classes) <= len(split.test) < share * len(classes) + np.bincount(classes).max()


def test_what_a_method_visited_is_held_out_from_others_too() -> None:
    """An architecture that another method also visited is not fitted on."""
    archs = [FIRST, SECOND, THIRD]
    split = without_method(archs, {"a": [FIRST, SECOND], "b": [SECOND, THIRD]}, "a")
    assert split is not None
    assert (split.train.tolist(), split.test.tolist()) == ([2], [0, 1])
    assert without_method(archs, {"a": archs, "b": [SECOND]}, "a") is None
