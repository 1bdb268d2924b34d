"""An optimizer that calls the loss several times inside its step."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn


def main() -> None:
    """Fit a curve."""
    given = arguments(6)
    torch.manual_seed(given.seed)
    inputs = torch.linspace(-1, 1, 40)[:, None]
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=4)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = ((net(inputs) - inputs**3) ** 2).mean()
        loss.backward()
        return loss

    for _ in range(given.steps):
        optimizer.step(closure)
    print(digest(net.parameters()))


main()
