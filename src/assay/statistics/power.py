"""How many replicates an effect of a given size needs."""

from __future__ import annotations

import math

from scipy.special import ndtri

from assay.foundation.errors import UsageError


def replicates_needed(
    effect: float, sd: float, *, confidence: float = 0.95, power: float = 0.8
) -> int | None:
    """Return how many replicates each method needs for its interval to exclude a zero effect.

    `effect` is a difference of means and `sd` the standard deviation of a difference between one
    run of each method. Normal approximation with the correction for t of Guenther (The American
    Statistician 1981); two at least. None for an effect of zero, which no number of runs tells apart.
    """
    if not (0.0 < confidence < 1.0 and 0.0 < power < 1.0 and sd >= 0.0 and math.isfinite(sd)):
        raise UsageError("confidence and power lie between 0 and 1, and a standard deviation is not negative")
    if effect == 0.0 or not math.isfinite(effect):
        return None
    z = float(ndtri((1.0 + confidence) / 2.0))
    ratio = (z + float(ndtri(power))) * (sd / effect)
    size = ratio * ratio + z * z / 4.0
    return max(2, math.ceil(size)) if math.isfinite(size) else None
