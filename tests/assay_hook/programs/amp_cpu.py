"""Mixed precision with a gradient scaler that skips a step, and memory in the channels-last format."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn


def main() -> None:
    """Train a small convolutional network; the loss of the third step is infinite."""
    given = arguments(10)
    torch.manual_seed(given.seed)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 2))
    net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=128.0)
    for step in range(given.steps):
        inputs = torch.randn(4, 3, 8, 8).to(memory_format=torch.channels_last)
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(net(inputs).float(), torch.tensor([0, 1, 0, 1]))
        scaler.scale(loss * float("inf") if step == 2 else loss).backward()
        scaler.step(optimizer)
        scaler.update()
    print(digest(net.parameters()))


main()
