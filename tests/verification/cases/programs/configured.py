"""Trains as a file of settings says, in YAML or JSON; a group of parameters has settings of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import nn


def settings(path: Path) -> dict:
    """Return the settings in a file."""
    if path.suffix == ".json":
        return json.loads(path.read_text())
    import yaml

    return yaml.safe_load(path.read_text())


def main() -> None:
    """Train for a few steps."""
    given = settings(Path(sys.argv[1]))
    torch.manual_seed(given["seed"])
    body, head = nn.Sequential(nn.Linear(10, given["model"]["width"]), nn.Tanh()), nn.Linear(16, 1)
    groups = given["training"]["optimizer"]["groups"]
    optimizer = torch.optim.SGD(
        [
            {"params": body.parameters(), **groups["body"]},
            {"params": head.parameters(), **groups["head"]},
        ]
    )
    inputs = torch.randn(64, 10)
    for step in range(given["training"]["steps"]):
        batch = inputs[step * 8 % 64 : step * 8 % 64 + 8]
        optimizer.zero_grad()
        loss = ((head(body(batch)) - batch.sum(1, keepdim=True)) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")


main()
