"""Two processes that share their gradients."""

from __future__ import annotations

import os
import tempfile

import torch
import torch.distributed as dist
from _shared import arguments, digest
from torch import multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel


def work(rank: int, place: str, seed: int, steps: int) -> None:
    """Train on this process's share."""
    os.environ["RANK"] = str(rank)
    dist.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=2)
    torch.manual_seed(seed)
    net = DistributedDataParallel(nn.Linear(6, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(steps):
        inputs = torch.full((4, 6), float(rank + step)) / 10
        optimizer.zero_grad()
        (net(inputs) ** 2).mean().backward()
        optimizer.step()
    if rank == 0:
        print(digest(net.parameters()), flush=True)
    dist.destroy_process_group()


def main() -> None:
    """Start both processes and wait for them."""
    given = arguments(6)
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "meeting")
        multiprocessing.start_processes(work, (place, given.seed, given.steps), nprocs=2, start_method="fork")


if __name__ == "__main__":
    main()
