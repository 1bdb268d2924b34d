"""Quantiles of the distributions that intervals stand on."""

from __future__ import annotations

from scipy.special import stdtrit


def t_quantile(freedom: float, confidence: float) -> float:
    """Return the two-sided quantile of Student's t for these degrees of freedom."""
    return float(stdtrit(freedom, 0.5 + confidence / 2))
