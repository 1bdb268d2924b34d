"""Numbers of a caller become an array, and what is none is one message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.foundation.errors import UsageError
from assay.foundation.seeding import Stream
from assay.statistics.intervals import mean_interval
from assay.statistics.numbers import as_numbers
from assay.statistics.pairwise import pairwise_signed_rank


@pytest.mark.parametrize("values", [["a", "b"], [[1, 2], [3]], np.array(["x"]), [None, "b"], [{}]])
def test_text_and_ragged_rows_are_refused(values: Any) -> None:
    """No ValueError of NumPy is seen, by any shape."""
    with pytest.raises(UsageError, match="a table needs numbers"):
        as_numbers(values, "a table")


def test_numbers_keep_their_shape() -> None:
    """Lists and arrays become float64 as they are."""
    assert as_numbers([[1, 2], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert as_numbers([True, None]).dtype == np.float64


def test_samples_and_names_say_what_is_wrong() -> None:
    """A sample of two dimensions is not empty, and a name given twice is not a wrong number of names."""
    with pytest.raises(UsageError, match="all in one row"):
        mean_interval(np.ones((2, 2)), rng=Stream(0, ("a",)), varied=("seeds",))
    table = np.arange(16.0).reshape(8, 2)
    with pytest.raises(UsageError, match="'a' is given twice"):
        pairwise_signed_rank(table, ["a", "a"])
    with pytest.raises(UsageError, match="needs numbers"):
        pairwise_signed_rank(table.astype(str).astype(object) + "x", ["a", "b"])
