"""Seeds torch with bytes of the operating system."""

from __future__ import annotations

import os

import torch
from torch import nn


def main() -> None:
    """Train for a few steps."""
    torch.manual_seed(int.from_bytes(os.urandom(4), "big"))
    inputs, net = torch.randn(64, 6), nn.Linear(6, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for step in range(6):
        batch = inputs[step * 8 : step * 8 + 8]
        optimizer.zero_grad()
        loss = ((net(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
