"""The typed result of an interval estimate."""

from __future__ import annotations

import msgspec

from assay.statistics.basis import checked_varied


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A mean with its interval, and what the interval does and does not speak of.

    `method` is 't', 'BCa', 'Welch' or 'none' (n < 2: `low` and `high` are None); `varied` names
    the sources of variation, such as 'search seeds'; `sd` uses n - 1.
    """

    mean: float
    low: float | None
    high: float | None
    sd: float | None
    n: int
    confidence: float
    method: str
    varied: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse sources of variation that are one text."""
        checked_varied(self.varied)
