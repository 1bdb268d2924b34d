"""A trainer class with a loader, a schedule, clipping and an evaluation after each epoch."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Trainer:
    """Trains and evaluates one network."""

    def __init__(self, net: nn.Module, train: DataLoader, test: DataLoader) -> None:
        self.net, self.train, self.test = net, train, test
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, foreach=True)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 5, 0.5)
        self.steps = 0

    def fit(self, steps: int) -> None:
        """Train for a number of steps."""
        while self.steps < steps:
            for inputs, labels in self.train:
                self.step(inputs, labels)
                if self.steps == steps:
                    break
            self.evaluate()

    def step(self, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        """Take one step."""
        self.optimizer.zero_grad(set_to_none=False)
        nn.functional.mse_loss(self.net(inputs), labels).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.steps += 1

    @torch.no_grad()
    def evaluate(self) -> float:
        """Return the mean error on the test set."""
        self.net.eval()
        errors = [float((self.net(inputs) - labels).abs().mean()) for inputs, labels in self.test]
        self.net.train()
        return sum(errors) / len(errors)


def main() -> None:
    """Train on a split made from the seed."""
    given = arguments()
    torch.manual_seed(given.seed)
    inputs = torch.randn(100, 8)
    parts = random_split(TensorDataset(inputs, inputs.sum(1, keepdim=True)), [80, 20])
    net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 1))
    trainer = Trainer(net, DataLoader(parts[0], 16, shuffle=True), DataLoader(parts[1], 10))
    trainer.fit(given.steps)
    print(digest(net.parameters()))


main()
