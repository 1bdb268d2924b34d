"""Trains a small convolutional network on random images."""

from __future__ import annotations

import torch
from torch import nn


def main() -> None:
    """Train for a few steps."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 4))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        images, labels = torch.randn(8, 3, 16, 16), torch.randint(0, 4, (8,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
