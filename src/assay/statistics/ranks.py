"""Ranks of methods on tasks."""

from __future__ import annotations

import numpy as np

from assay.foundation.errors import UsageError
from assay.statistics.numbers import as_numbers

# What differs by less than this share of the larger differs by rounding alone, and is equal.
ROUNDING = 1e-12


def average_ranks(values: np.ndarray, maximize: np.ndarray | None = None) -> np.ndarray:
    """Return the rank of each method on each task, 1 the best, ties sharing the average of their ranks.

    `values` is (tasks, methods); `maximize` (tasks,) says where larger is better, everywhere if
    None. Values that differ by rounding alone (`levelled`) tie. NaN stands for a failed result. Each
    takes the very last rank, the number of methods, also where several are missing: so that no failure
    improves the rank of what failed, not even where everything fails. Raises `UsageError` for an
    array of another shape.
    """
    table = as_numbers(values, "a table of ranks")
    if table.ndim != 2:
        raise UsageError("ranks need an array of shape (tasks, methods)", why=f"its shape is {table.shape}")
    if maximize is not None:
        table = np.where(np.asarray(maximize, dtype=bool)[:, None], table, -table)
    table = levelled(table)
    mine, others = table[:, :, None], table[:, None, :]
    # NaN compares as false: what is missing is neither better than another nor equal to it.
    better = (others > mine).sum(axis=-1)
    equal = (others == mine).sum(axis=-1)
    return np.where(np.isnan(table), float(table.shape[1]), better + (equal + 1) / 2)


def levelled(values: np.ndarray) -> np.ndarray:
    """Return the same table with values of a row that differ by rounding alone made equal.

    Two means of equal scores may differ in the last digit, which is no difference of methods. Within a
    row neighbours in size are equal where they differ by 1e-12 of the larger at most; all that are so
    linked become their largest. NaN and infinite values stay.
    """
    table = np.asarray(values, dtype=np.float64)
    order = np.argsort(-table, axis=-1, kind="stable")
    falling = np.take_along_axis(table, order, axis=-1)
    with np.errstate(invalid="ignore"):
        gaps = falling[..., :-1] - falling[..., 1:]
        sizes = np.maximum(np.abs(falling[..., :-1]), np.abs(falling[..., 1:]))
        linked = (gaps > 0.0) & (gaps <= ROUNDING * sizes) & np.isfinite(sizes)
    if not linked.any():
        return table
    for column in range(1, falling.shape[-1]):
        near = linked[..., column - 1]
        falling[..., column] = np.where(near, falling[..., column - 1], falling[..., column])
    found = np.empty_like(table)
    np.put_along_axis(found, order, falling, axis=-1)
    return found
