"""Intervals that hold however often one looks: for claims whose rule is 'always-valid'."""

from __future__ import annotations

import math

import numpy as np

from assay.analysis.cells import SEARCH_SEEDS
from assay.statistics.interval import Interval
from assay.statistics.sequential import confidence_sequence

METHOD = "confidence sequence"


def always_valid_interval(
    values: np.ndarray, confidence: float, bounds: tuple[float, float] | None = None
) -> Interval:
    """Return the mean of values in their order of arrival, with the latest interval of its sequence.

    `bounds` are those of a value, where it has any. The sequence is tuned for one fixed number of
    replicates, whatever the study plans: a width that is tuned after a look is not always-valid.
    While the sequence knows nothing yet, there is no interval.
    """
    found = confidence_sequence(values, varied=SEARCH_SEEDS, alpha=1 - confidence, bounds=bounds)
    low, high = found.low[-1], found.high[-1]
    known = math.isfinite(low) and math.isfinite(high)
    return Interval(
        mean=found.mean[-1],
        low=low if known else None,
        high=high if known else None,
        sd=float(np.std(np.sort(values), ddof=1)) if len(values) > 1 else None,
        n=len(values),
        confidence=confidence,
        method=METHOD if known else "none",
        varied=SEARCH_SEEDS,
    )
