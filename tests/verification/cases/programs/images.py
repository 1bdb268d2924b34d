"""Trains on a folder of images; a file may say their order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

FOLDER = Path("images")


class Images(Dataset):
    """Grey images of 6 by 6 with one byte before them, their label."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        read = np.frombuffer((FOLDER / self.names[index]).read_bytes(), np.uint8)
        return torch.from_numpy(read[1:].astype(np.float32) / 255), int(read[0] % 2)


def listed() -> list[str]:
    """Return the names of the images: as the file says, or as the folder has them."""
    if len(sys.argv) > 1:
        return Path(sys.argv[1]).read_text().split()
    return os.listdir(FOLDER)


def main() -> None:
    """Train for one epoch."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    names = listed()
    for inputs, labels in DataLoader(Images(names), max(len(names) // 20, 1)):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
