"""Trains with weight decay on some of the parameters and momentum in the normalisation."""

from __future__ import annotations

import torch
from torch import nn


def groups(net: nn.Module) -> list[dict]:
    """Return the parameters in two groups: with weight decay, and without."""
    decayed, plain = [], []
    for module in net.modules():
        for parameter in module.parameters(recurse=False):
            if isinstance(module, nn.BatchNorm2d):
                plain.append(parameter)
            else:
                decayed.append(parameter)
    return [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]


def evaluate(net: nn.Module, images: torch.Tensor) -> float:
    """Return the mean score in evaluation mode."""
    net.eval()
    with torch.no_grad():
        score = net(images).mean().item()
    net.train()
    return score


def main() -> None:
    """Train for a few steps, and evaluate after each."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6, momentum=0.1), nn.ReLU(), nn.Flatten(), nn.Linear(216, 3)
    )
    optimizer = torch.optim.SGD(groups(net), lr=0.05, momentum=0.9)
    for _ in range(6):
        images, labels = torch.randn(8, 1, 8, 8), torch.randint(0, 3, (8,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        score = evaluate(net, images)
    print(f"loss {loss.item():.4f} score {score:.4f}")


main()
