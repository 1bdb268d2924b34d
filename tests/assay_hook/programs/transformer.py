"""A small transformer with a warm-up schedule, and an optimizer of the program's own."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn


class Lion(torch.optim.Optimizer):
    """Signs of momentum, as people write their own."""

    def __init__(self, params: object, lr: float) -> None:
        super().__init__(params, {"lr": lr, "beta": 0.9})

    @torch.no_grad()
    def step(self) -> None:
        """Take one step."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                weight.sub_(momentum.mul_(group["beta"]).add_(weight.grad).sign(), alpha=group["lr"])


def main() -> None:
    """Train to copy a sequence."""
    given = arguments(10)
    torch.manual_seed(given.seed)
    net = nn.Sequential(
        nn.Embedding(20, 16),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2),
        nn.Linear(16, 20),
    )
    optimizer = Lion(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 5))
    for _ in range(given.steps):
        tokens = torch.randint(0, 20, (4, 12))
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(tokens).flatten(0, 1), tokens.flatten()).backward()
        optimizer.step()
        schedule.step()
    print(digest(net.parameters()))


main()
