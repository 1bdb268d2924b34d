"""An ensemble of small neural networks that predict a score, trained in NumPy."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from assay.foundation.seeding import Stream

# Adam as the authors of BANANAS set it: the second moment is forgotten faster than by its default.
_BETA1, _BETA2, _EPSILON = 0.9, 0.99, 1e-7


class Training(NamedTuple):
    """How networks are built and trained: `layers` hidden ones of `width`, Adam on minibatches."""

    members: int
    layers: int
    width: int
    epochs: int
    batch_size: int
    learning_rate: float


class _Networks:
    """Networks of equal shape, their parameters in one array, shape (members, parameters).

    Hidden layers are rectified and the output is linear. Weights are drawn uniformly as by Glorot and
    Bengio (AISTATS 2010, equation 16); biases begin at 0.
    """

    def __init__(self, inputs: int, training: Training, rng: Stream) -> None:
        sizes = [inputs, *[training.width] * training.layers, 1]
        shapes = [shape for pair in pairwise(sizes) for shape in (pair, (1, pair[1]))]
        ends = np.cumsum([rows * columns for rows, columns in shapes]).tolist()
        self._places = list(zip([0, *ends[:-1]], ends, shapes, strict=True))
        self.parameters = np.zeros((training.members, ends[-1]))
        for weights in self.views(self.parameters)[::2]:
            limit = np.sqrt(6.0 / (weights.shape[1] + weights.shape[2]))
            unit = (rng.indices(1 << 32, weights.shape) + 0.5) / 2.0**32
            weights[...] = limit * (2.0 * unit - 1.0)

    def views(self, flat: np.ndarray) -> list[np.ndarray]:
        """Return the weights and biases of each layer in turn, as views of an array of all parameters."""
        return [flat[:, begin:end].reshape(-1, *shape) for begin, end, shape in self._places]

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the input and what each layer gives for it, the prediction last."""
        views = self.views(self.parameters)
        given = [x]
        for weights, biases in zip(views[::2], views[1::2], strict=True):
            given.append(given[-1] @ weights + biases)
            if len(given) <= len(views) // 2:
                np.maximum(given[-1], 0.0, out=given[-1])
        return given

    def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean absolute error, in the shape of the parameters."""
        given = self.forward(x)
        gradient = np.empty_like(self.parameters)
        weights, parts = self.views(self.parameters)[::2], self.views(gradient)
        back = np.sign(given[-1] - y) / y.shape[1]
        for layer in reversed(range(len(weights))):
            np.matmul(given[layer].swapaxes(1, 2), back, out=parts[2 * layer])
            parts[2 * layer + 1][...] = back.sum(axis=1, keepdims=True)
            if layer:
                back = (back @ weights[layer].swapaxes(1, 2)) * (given[layer] > 0.0)
        return gradient


def ensemble_predictions(
    x: np.ndarray, y: np.ndarray, new: np.ndarray, training: Training, rng: Stream
) -> np.ndarray:
    """Train networks on rows `x` with targets `y`, and return their predictions for rows `new`.

    Shapes: `x` (n, columns), `y` (n,), `new` (k, columns); the result is (members, k). Initial weights
    and the order of the rows in each epoch are drawn from the stream, for each member of its own.
    """
    networks = _Networks(x.shape[1], training, rng)
    n, size = len(y), training.batch_size
    first, second = np.zeros_like(networks.parameters), np.zeros_like(networks.parameters)
    step = 0
    for _ in range(training.epochs):
        orders = np.argsort(rng.indices(1 << 32, (training.members, n)), axis=1, kind="stable")
        for begin in range(0, n, size):
            rows = orders[:, begin : begin + size]
            gradient = networks.gradient(x[rows], y[rows][:, :, None])
            step += 1
            first += (1 - _BETA1) * (gradient - first)
            second += (1 - _BETA2) * (gradient * gradient - second)
            rate = training.learning_rate * np.sqrt(1 - _BETA2**step) / (1 - _BETA1**step)
            networks.parameters -= rate * first / (np.sqrt(second) + _EPSILON)
    predicted = networks.forward(np.broadcast_to(new, (training.members, *new.shape)))[-1]
    answer: np.ndarray = predicted[:, :, 0]
    return answer
