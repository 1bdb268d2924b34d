"""Gradients of four backward passes for each step, with tied weights, a frozen layer and checkpointing."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn
from torch.utils.checkpoint import checkpoint


class Tied(nn.Module):
    """An encoder whose output layer has the weights of its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 12)
        self.frozen = nn.Linear(12, 12)
        self.frozen.requires_grad_(requires_grad=False)
        self.block = nn.Sequential(nn.Linear(12, 12), nn.GELU(), nn.Dropout(0.2))
        self.out = nn.Linear(12, 30, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token."""
        hidden = self.frozen(self.embedding(tokens))
        return self.out(checkpoint(self.block, hidden, use_reentrant=False))


def main() -> None:
    """Train with accumulated gradients."""
    given = arguments()
    torch.manual_seed(given.seed)
    net = Tied()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(given.steps):
        optimizer.zero_grad()
        for _ in range(4):
            tokens = torch.randint(0, 30, (5, 8))
            (nn.functional.cross_entropy(net(tokens).flatten(0, 1), tokens.flatten()) / 4).backward()
        optimizer.step()
    print(digest(net.parameters()))


main()
