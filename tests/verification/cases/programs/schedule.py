"""The rate of learning."""

from __future__ import annotations

START = 0.1
DECAY = 0.97


def rate(step: int) -> float:
    """Return the rate of a step."""
    return START * DECAY**step
