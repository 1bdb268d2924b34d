"""The time: moments for records, and seconds for measuring."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> str:
    """Return the present moment in UTC, as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def monotonic() -> float:
    """Return seconds on a clock that never goes back."""
    return time.perf_counter()


def since(moment: float) -> float:
    """Return the seconds since a moment of the file system's clock (seconds of the Unix epoch)."""
    return time.time() - moment
