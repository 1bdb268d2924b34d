"""Trains with noise from a generator of NumPy that nobody seeds; torch is seeded."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def augmented(batch: torch.Tensor) -> torch.Tensor:
    """Return a batch with noise."""
    noise = np.random.normal(size=tuple(batch.shape))  # noqa: NPY002  as programs have it
    return batch + 0.1 * torch.from_numpy(noise.astype(np.float32))


def main() -> None:
    """Train for a few steps."""
    torch.manual_seed(0)
    inputs, net = torch.randn(64, 6), nn.Linear(6, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for step in range(8):
        batch = augmented(inputs[step * 8 : step * 8 + 8])
        optimizer.zero_grad()
        loss = ((net(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
