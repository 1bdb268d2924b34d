"""What a single training may give, about what a surrogate predicts: noise of training, and its own error."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

REGIONS = 10
_FEWEST = 20  # architectures in a region
_Z = 1.6448536269514722  # of the two-sided 90 % interval of a normal distribution


class Noise(NamedTuple):
    """Standard deviations by region of the *predicted* value, for that alone is known of an architecture.

    `edges` (regions - 1,) part the regions. `training` (regions,) is that of a single training about the
    mean of its architecture, pooled over the architectures of the region; zeros where trainings are not
    told apart. `model` (regions,) is the error of the surrogate about that mean. Both come from
    predictions of members that had not seen the architecture.
    """

    edges: np.ndarray
    training: np.ndarray
    model: np.ndarray

    def region(self, predicted: np.ndarray) -> np.ndarray:
        """Return the number of the region of each prediction."""
        return np.searchsorted(self.edges, predicted, side="right")


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Which share of held-out single trainings lies in the 90 % intervals made in one way."""

    interval: str
    share: float
    trainings: int
    mean_width: float


def estimate_noise(trainings: np.ndarray, predicted: np.ndarray) -> Noise:
    """Return the noise by tenths of the predictions; `trainings` (n, k) has NaN for what there is not."""
    count = int(np.clip(len(predicted) // _FEWEST, 1, REGIONS))
    edges = np.unique(np.quantile(predicted, np.arange(1, count) / count))
    region = np.searchsorted(edges, predicted, side="right")
    made = np.sum(~np.isnan(trainings), axis=1)
    means = np.nansum(trainings, axis=1) / made
    within = np.nansum((trainings - means[:, None]) ** 2, axis=1)
    size = len(edges) + 1
    freedom = np.bincount(region, made - 1.0, size)
    pooled = np.divide(np.bincount(region, within, size), freedom, out=np.zeros(size), where=freedom > 0)
    # The mean of an architecture's trainings is itself noisy: that part is no error of the surrogate.
    squared = (means - predicted) ** 2 - pooled[region] / made
    error = np.bincount(region, squared, size) / np.maximum(np.bincount(region, minlength=size), 1)
    return Noise(edges, np.sqrt(pooled), np.sqrt(np.maximum(error, 0.0)))


def coverages(
    trainings: np.ndarray, predicted: np.ndarray, spread: np.ndarray, noise: Noise
) -> tuple[Coverage, ...]:
    """Return the coverage of 90 % intervals of three kinds on held-out trainings (n, k).

    They are normal: of the noise of training alone, of that and the spread of the ensemble (n,), and of
    that and the error of the surrogate in the region. Where the noise is unknown, the last two alone.
    """
    region = noise.region(predicted)
    training, model = noise.training[region], noise.model[region]
    if np.any(noise.training):
        kinds = {
            "noise of training": training,
            "noise of training and spread of the ensemble": np.hypot(training, spread),
            "noise of training and error of the surrogate": np.hypot(training, model),
        }
    else:
        kinds = {"spread of the ensemble": spread, "error of the surrogate": model}
    there = ~np.isnan(trainings)
    distance = np.abs(trainings - predicted[:, None])
    return tuple(
        Coverage(
            interval=kind,
            share=float(np.mean(distance[there] <= np.broadcast_to(_Z * sd[:, None], there.shape)[there])),
            trainings=int(there.sum()),
            mean_width=float(np.mean(np.broadcast_to(2 * _Z * sd[:, None], there.shape)[there])),
        )
        for kind, sd in kinds.items()
    )
