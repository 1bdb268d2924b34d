"""No optimizer: weights that the program changes itself after backward, and then after `autograd.grad`."""

from __future__ import annotations

import torch
from _shared import arguments, digest


def main() -> None:
    """Train a linear map in two ways."""
    given = arguments()
    torch.manual_seed(given.seed)
    inputs, wanted = torch.randn(32, 4), torch.randn(32, 2)
    weight, bias = torch.zeros(4, 2, requires_grad=True), torch.zeros(2, requires_grad=True)
    for step in range(given.steps):
        loss = ((inputs @ weight + bias - wanted) ** 2).mean()
        if step < given.steps // 2:
            loss.backward()
            gradients = [weight.grad, bias.grad]
        else:
            gradients = torch.autograd.grad(loss, [weight, bias])
        with torch.no_grad():
            weight -= 0.1 * gradients[0]
            bias -= 0.1 * gradients[1]
        weight.grad = bias.grad = None
    print(digest([weight, bias]))


main()
