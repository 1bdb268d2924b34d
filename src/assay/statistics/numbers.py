"""Numbers as a caller gives them, as an array: text and ragged rows are refused in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.foundation.errors import UsageError
from assay.foundation.text import one_line


def as_numbers(values: np.ndarray | Sequence[Any], what: str = "a sample") -> np.ndarray:
    """Return values as a float64 array of their shape; raises `UsageError` for text and for ragged rows."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(
            f"{what} needs numbers, in rows of one length", why=f"got {one_line(repr(values)[:60])}"
        ) from None
