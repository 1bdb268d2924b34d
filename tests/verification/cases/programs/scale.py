"""The temperature of the scores."""

from __future__ import annotations

import torch

TEMPERATURE = 1.0


def scaled(scores: torch.Tensor) -> torch.Tensor:
    """Return the scores over the temperature."""
    return scores / TEMPERATURE
