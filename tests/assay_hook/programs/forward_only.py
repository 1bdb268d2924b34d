"""Only runs a network, with a loader, as an evaluation script does."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@torch.no_grad()
def main() -> None:
    """Print the digest of all predictions."""
    given = arguments()
    torch.manual_seed(given.seed)
    net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3)).eval()
    data = TensorDataset(torch.randn(given.steps * 4, 6))
    print(digest([net(inputs) for (inputs,) in DataLoader(data, 4)]))


main()
