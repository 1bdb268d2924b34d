"""Ranks of methods on tasks."""

from __future__ import annotations

import numpy as np

from assay.foundation.errors import UsageError


def average_ranks(values: np.ndarray, maximize: np.ndarray | None = None) -> np.ndarray:
    """Return the rank of each method on each task, 1 the best, ties sharing the average of their ranks.

    `values` is (tasks, methods); `maximize` (tasks,) says where larger is better, everywhere if
    None. NaN stands for a missing or failed result. Each takes the very last rank, the number of
    methods, also where several are missing: so that no failure improves the rank of what failed,
    not even where everything fails. Raises `UsageError` for an array of another shape.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise UsageError("ranks need an array of shape (tasks, methods)", why=f"its shape is {table.shape}")
    if maximize is not None:
        table = np.where(np.asarray(maximize, dtype=bool)[:, None], table, -table)
    mine, others = table[:, :, None], table[:, None, :]
    # NaN compares as false: what is missing is neither better than another nor equal to it.
    better = (others > mine).sum(axis=-1)
    equal = (others == mine).sum(axis=-1)
    return np.where(np.isnan(table), float(table.shape[1]), better + (equal + 1) / 2)
