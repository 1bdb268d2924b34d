"""Threads that train one set of weights without a lock, as Hogwild does."""

from __future__ import annotations

import threading
import time

import torch
from torch import nn


READY = threading.Barrier(8)


def work(net: nn.Module, inputs: torch.Tensor) -> None:
    """Add this thread's share to the gradients, whenever it comes to it."""
    READY.wait()
    time.sleep(0.0002)
    ((net(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean().backward()


def main() -> None:
    """Train for a few steps."""
    torch.manual_seed(0)
    net, shares = nn.Linear(30, 1), torch.randn(8, 40, 30)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(12):
        optimizer.zero_grad()
        threads = [threading.Thread(target=work, args=(net, share)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        optimizer.step()
    print(f"weight {net.weight.sum().item():.6f}")


main()
