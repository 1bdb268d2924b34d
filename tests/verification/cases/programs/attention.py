"""Trains one head of attention, with a softmax over many keys."""

from __future__ import annotations

import torch
from torch import nn


class Head(nn.Module):
    """Queries, keys and values from one input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.softmax = nn.Softmax(-1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the values that the queries attend to."""
        scores = self.query(inputs) @ self.key(inputs).transpose(1, 2)
        return self.softmax(scores) @ self.value(inputs)


def main() -> None:
    """Train for a few steps."""
    torch.manual_seed(0)
    net = Head(16)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(4):
        inputs = torch.randn(4, 100, 16)
        optimizer.zero_grad()
        loss = ((net(inputs) - inputs) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
