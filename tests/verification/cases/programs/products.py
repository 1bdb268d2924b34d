"""Trains a network of two large matrix products."""

from __future__ import annotations

import torch
from torch import nn


def main() -> None:
    """Train for a few steps."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(256, 128, bias=False), nn.ReLU(), nn.Linear(128, 1, bias=False))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        inputs = torch.randn(512, 256)
        optimizer.zero_grad()
        loss = ((net(inputs) - inputs.mean(1, keepdim=True)) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
