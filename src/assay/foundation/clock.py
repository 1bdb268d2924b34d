"""The one place that reads the time, so that tests can name a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> str:
    """Return the present moment in UTC, as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def monotonic() -> float:
    """Return seconds on a clock that never goes back."""
    return time.perf_counter()


def cpu() -> float:
    """Return the processor seconds that this process has used."""
    return time.process_time()
