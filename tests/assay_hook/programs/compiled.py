"""A network, and with `--optimizer compiled` also its optimizer, through `torch.compile`."""

from __future__ import annotations

import shutil

import torch
from _shared import arguments, digest
from torch import nn


def main() -> None:
    """Train a small network."""
    given = arguments(8, optimizer="plain", backend="inductor" if shutil.which("c++") else "eager")
    torch.manual_seed(given.seed)
    net = nn.Sequential(nn.Linear(10, 24), nn.GELU(), nn.LayerNorm(24), nn.Linear(24, 1))
    compiled = torch.compile(net, backend=given.backend)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    step = (
        torch.compile(optimizer.step, backend=given.backend)
        if given.optimizer == "compiled"
        else optimizer.step
    )
    for _ in range(given.steps):
        inputs = torch.randn(16, 10)
        optimizer.zero_grad()
        ((compiled(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean().backward()
        step()
    print(digest(net.parameters()))


main()
