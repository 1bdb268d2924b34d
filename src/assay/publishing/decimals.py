"""How many decimals a mean deserves, and one number of them for all methods of a task."""

from __future__ import annotations

import math
from collections.abc import Iterable

from assay.statistics.interval import Interval

_MOST = 8
_DIGITS = 4  # significant digits of a number that nothing says the uncertainty of


def decimals_for(interval: Interval) -> int:
    """Return the decimals of a mean: two digits of its half-width, or those that a lone number has."""
    if interval.low is None or interval.high is None or interval.high <= interval.low:
        return _own(interval.mean)
    half = (interval.high - interval.low) / 2
    return min(_MOST, max(0, 1 - math.floor(math.log10(half))))


def shared_decimals(intervals: Iterable[Interval | None]) -> int:
    """Return the decimals in which the means of a task stand beside each other.

    The median of what the intervals deserve, so that one very narrow or wide interval does not decide;
    without any interval, the most that a mean has.
    """
    held = [one for one in intervals if one is not None]
    spread = sorted(decimals_for(one) for one in held if _has_width(one))
    if spread:
        return spread[len(spread) // 2]
    return max((decimals_for(one) for one in held), default=0)


def mean_in(interval: Interval, decimals: int, sign: bool = False) -> str:
    """Return the mean with so many decimals."""
    return f"{interval.mean:{'+' if sign else ''},.{decimals}f}"


def range_in(interval: Interval, decimals: int, sign: bool = False) -> str:
    """Return '[low, high]' with so many decimals, or nothing where there is no interval."""
    if interval.low is None or interval.high is None:
        return ""
    form = f"{'+' if sign else ''},.{decimals}f"
    return f"[{interval.low:{form}}, {interval.high:{form}}]"


def _has_width(interval: Interval) -> bool:
    return interval.low is not None and interval.high is not None and interval.high > interval.low


def _own(value: float) -> int:
    """Return the decimals of a number as it was given, at most four significant digits of them."""
    if not value or not math.isfinite(value):
        return 0
    most = min(_MOST, max(0, _DIGITS - 1 - math.floor(math.log10(abs(value)))))
    # A difference of two short numbers is not short itself: 0.3 - 0.2 is 0.09999999999999998.
    text = f"{value:.{most}f}".rstrip("0")
    return len(text.partition(".")[2])
