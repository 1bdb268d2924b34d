"""How well predictions agree with what was measured."""

from __future__ import annotations

import msgspec
import numpy as np
from scipy.stats import kendalltau, spearmanr

DECIMALS = {"%": 1, "fraction": 3}
"""To how many decimals predictions are rounded for the sparse Kendall tau: to 0.1 %."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Agreement on n held-out architectures; None where it is not defined.

    `r2` is the coefficient of determination, negative where the mean would predict better. `kendall` is
    tau-b. `sparse_kendall` is tau-b after rounding the predictions to 0.1 %, so that differences below the
    noise of training count less (Siems et al., "NAS-Bench-301", arXiv:2008.09777, 2020; `kendall_tau_1_dec`
    in its code, where measured values are not rounded either); None where the unit is neither % nor a
    fraction. `top_kendall` is tau-b among the best tenth as measured. `mae` and `rmse` are in the unit of
    the value.
    """

    n: int
    r2: float | None
    kendall: float | None
    sparse_kendall: float | None
    spearman: float | None
    top_kendall: float | None
    mae: float
    rmse: float


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """The errors of architectures whose measured value lies in [low, high]; bias is predicted - measured."""

    low: float
    high: float
    n: int
    mae: float
    bias: float
    kendall: float | None


def score(measured: np.ndarray, predicted: np.ndarray, unit: str, *, maximize: bool) -> Scores:
    """Return how well predictions agree with measured values, both of shape (n,), n at least 1."""
    error = predicted - measured
    spread = float(np.sum((measured - measured.mean()) ** 2))
    best = np.argsort(-measured if maximize else measured, kind="stable")[: max(1, len(measured) // 10)]
    return Scores(
        n=len(measured),
        r2=1.0 - float(np.sum(error**2)) / spread if spread > 0 else None,
        kendall=_kendall(measured, predicted),
        sparse_kendall=_kendall(measured, np.round(predicted, DECIMALS[unit])) if unit in DECIMALS else None,
        spearman=_defined(spearmanr(measured, predicted).statistic) if _vary(measured, predicted) else None,
        top_kendall=_kendall(measured[best], predicted[best]),
        mae=float(np.mean(np.abs(error))),
        rmse=float(np.sqrt(np.mean(error**2))),
    )


def by_region(measured: np.ndarray, predicted: np.ndarray, count: int = 10) -> tuple[Region, ...]:
    """Return the errors by tenths of the measured values, from the lowest to the highest."""
    order = np.argsort(measured, kind="stable")
    return tuple(
        Region(
            low=float(measured[part[0]]),
            high=float(measured[part[-1]]),
            n=len(part),
            mae=float(np.mean(np.abs(predicted[part] - measured[part]))),
            bias=float(np.mean(predicted[part] - measured[part])),
            kendall=_kendall(measured[part], predicted[part]),
        )
        for part in np.array_split(order, count)
        if len(part)
    )


def _kendall(first: np.ndarray, second: np.ndarray) -> float | None:
    return _defined(kendalltau(first, second).statistic) if _vary(first, second) else None


def _vary(first: np.ndarray, second: np.ndarray) -> bool:
    return len(np.unique(first)) > 1 and len(np.unique(second)) > 1


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
