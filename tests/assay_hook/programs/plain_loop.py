"""A loop over tensors without a loader, as many papers' code has it."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn


def main() -> None:
    """Train a small network on data made from the seed."""
    given = arguments(lr=0.1)
    torch.manual_seed(given.seed)
    inputs, labels = torch.randn(256, 20), torch.randint(0, 3, (256,))
    net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=given.lr, momentum=0.9)
    for step in range(given.steps):
        at = step * 16 % 256
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs[at : at + 16]), labels[at : at + 16])
        loss.backward()
        optimizer.step()
    print(digest(net.parameters()))


main()
