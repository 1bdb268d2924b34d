"""Prefixes of trajectories: where a shorter budget would have ended."""

from __future__ import annotations

from typing import cast

import msgspec
import numpy as np
import pytest

from assay.analysis.protocols import prefix_length
from assay.contracts.problem import Budget
from assay.records.record import Record, Trajectory


class _Result(msgspec.Struct):
    trajectory: Trajectory


class _Record(msgspec.Struct):
    result: _Result


def _record(times: list[float]) -> Record:
    column = np.array(times, dtype="<f8").tobytes()
    status = bytes(len(times))
    trajectory = Trajectory(
        archs=[], code=b"", value=column, status=status, cost=column, time=column, asked=b""
    )
    return cast("Record", _Record(_Result(trajectory)))


@pytest.mark.parametrize(("share", "expected"), [(1.0, 8), (0.5, 4), (0.3, 2), (0.01, 1)])
def test_a_share_of_evaluations_is_rounded_down(share: float, expected: int) -> None:
    """And is one at least."""
    record = _record([float(i) for i in range(1, 9)])
    assert prefix_length(record, Budget(evaluations=8), share, "counted") == expected


def test_the_evaluation_that_crosses_counts_where_the_card_counts_it() -> None:
    """After 10, 20 and 30 s, half of a budget of 30 s ends within the second evaluation."""
    record = _record([10.0, 20.0, 30.0])
    assert prefix_length(record, Budget(table_seconds=30.0), 0.5, "counted") == 2
    assert prefix_length(record, Budget(table_seconds=30.0), 0.5, "dropped") == 1
