"""Two optimizers that take turns, with a gradient penalty by `autograd.grad`."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn


def main() -> None:
    """Train a generator against a critic."""
    given = arguments(8)
    torch.manual_seed(given.seed)
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    generator_optimizer = torch.optim.RMSprop(generator.parameters(), lr=1e-3)
    for _ in range(given.steps):
        real, fake = torch.randn(16, 2) * 0.5 + 1, generator(torch.randn(16, 4))
        between = (real + torch.rand(16, 1) * (fake - real)).detach().requires_grad_()
        slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
        loss = critic(fake.detach()).mean() - critic(real).mean() + 10 * ((slope.norm(dim=1) - 1) ** 2).mean()
        critic_optimizer.zero_grad()
        loss.backward()
        critic_optimizer.step()
        generator_optimizer.zero_grad()
        (-critic(generator(torch.randn(16, 4))).mean()).backward()
        generator_optimizer.step()
    print(digest([*critic.parameters(), *generator.parameters()]))


main()
