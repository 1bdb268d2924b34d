"""A loader with worker processes that augment with the generators of torch and NumPy."""

from __future__ import annotations

import numpy as np
import torch
from _shared import arguments, digest
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


class Noisy(Dataset):
    """Samples with noise that a worker draws."""

    def __init__(self, samples: int) -> None:
        self.data = np.random.default_rng(0).normal(size=(samples, 6)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        noise = np.random.normal(size=6).astype(np.float32)  # noqa: NPY002  as programs have it
        row = torch.from_numpy(self.data[index] + 0.1 * noise) + 0.1 * torch.randn(6)
        return {"inputs": row, "label": torch.tensor(float(self.data[index].sum()))}


def seed_worker(_number: int) -> None:
    """Seed NumPy in a worker from its torch seed."""
    np.random.seed(torch.initial_seed() % 2**32)  # noqa: NPY002  the same


def main() -> None:
    """Train on a subset of the samples."""
    given = arguments()
    torch.manual_seed(given.seed)
    np.random.seed(given.seed)  # noqa: NPY002  the same
    chosen = Subset(Noisy(64), list(range(0, 64, 2)))
    loader = DataLoader(chosen, 8, shuffle=True, num_workers=2, worker_init_fn=seed_worker)
    net = nn.Linear(6, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    done = 0
    while done < given.steps:
        for batch in loader:
            optimizer.zero_grad()
            ((net(batch["inputs"])[:, 0] - batch["label"]) ** 2).mean().backward()
            optimizer.step()
            done += 1
            if done == given.steps:
                break
    print(digest(net.parameters()))


main()
