"""Trains with noise that worker processes add; each has a stream of its own."""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    """Samples with noise."""

    def __init__(self) -> None:
        self.data = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.data[index]) + 0.1 * torch.randn(6)


def main() -> None:
    """Train for one epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    torch.manual_seed(0)
    net = nn.Linear(6, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for batch in DataLoader(Noisy(), 8, shuffle=True, num_workers=given.workers):
        optimizer.zero_grad()
        loss = ((net(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
