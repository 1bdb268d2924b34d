"""Trains a small network; its constants are in a module of its own, its settings on the command line."""

from __future__ import annotations

import argparse

import scale
import torch
from torch import nn


def arguments() -> argparse.Namespace:
    """Return the settings."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--augment", type=int, default=0)
    parser.add_argument("--strength", type=float, default=0.0)
    parser.add_argument("--dropout-seed", type=int, default=7)
    return parser.parse_args()


def augmented(inputs: torch.Tensor, given: argparse.Namespace, draws: torch.Generator) -> torch.Tensor:
    """Return the inputs with noise, if that was asked for."""
    if not given.augment:
        return inputs
    return inputs + given.strength * torch.randn(inputs.shape, generator=draws)


def main() -> None:
    """Train on data made from a seed."""
    given = arguments()
    torch.manual_seed(0)
    draws = torch.Generator().manual_seed(1)
    inputs = torch.randn(96, 12, generator=draws)
    labels = (inputs.sum(1) > 0).long()
    net = nn.Sequential(nn.Linear(12, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=given.lr, momentum=0.9)
    torch.manual_seed(given.dropout_seed)
    for step in range(12):
        at = step * 16 % 96
        batch = augmented(inputs[at : at + 16], given, draws)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(scale.scaled(net(batch)), labels[at : at + 16])
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
