"""Intervals that hold however often one looks: for claims whose rule is 'always-valid'."""

from __future__ import annotations

import numpy as np

from assay.analysis.cells import SEARCH_SEEDS
from assay.statistics.interval import Interval
from assay.statistics.permutation import mean_of, sd_of
from assay.statistics.sequential import confidence_sequence

METHOD = "confidence sequence"
_SLACK = 1e-9  # of the range: a mean that lies on its end, but for rounding


def always_valid_interval(
    values: np.ndarray, confidence: float, bounds: tuple[float, float] | None
) -> Interval:
    """Return the mean of values in their order of arrival, with the latest interval of its sequence.

    `bounds` are those that every value lies within. Without them there is no interval: a sequence that
    goes by the spread that was seen misses values that are rarely far off in most of its runs.
    """
    low = high = None
    if bounds is not None:
        slack = _SLACK * (bounds[1] - bounds[0])
        found = confidence_sequence(
            values, varied=SEARCH_SEEDS, alpha=1 - confidence, bounds=(bounds[0] - slack, bounds[1] + slack)
        )
        low, high = max(found.low[-1], bounds[0]), min(found.high[-1], bounds[1])
    ordered = np.sort(values)
    return Interval(
        mean=mean_of(ordered),
        low=low,
        high=high,
        sd=sd_of(ordered) if len(values) > 1 else None,
        n=len(values),
        confidence=confidence,
        method="none" if bounds is None else METHOD,
        varied=SEARCH_SEEDS,
    )
