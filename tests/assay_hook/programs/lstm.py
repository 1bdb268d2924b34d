"""A recurrent network with sparse gradients of its embedding."""

from __future__ import annotations

import torch
from _shared import arguments, digest
from torch import nn


def main() -> None:
    """Train a tagger on random tokens."""
    given = arguments(10)
    torch.manual_seed(given.seed)
    embedding = nn.Embedding(50, 8, sparse=True)
    lstm, head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 5)
    dense = torch.optim.Adagrad([*lstm.parameters(), *head.parameters()], lr=0.05)
    sparse = torch.optim.SparseAdam(embedding.parameters(), lr=0.01)
    for _ in range(given.steps):
        tokens = torch.randint(0, 50, (4, 10))
        hidden, _ = lstm(embedding(tokens))
        loss = nn.functional.cross_entropy(head(hidden).flatten(0, 1), (tokens % 5).flatten())
        for optimizer in (dense, sparse):
            optimizer.zero_grad()
        loss.backward()
        for optimizer in (dense, sparse):
            optimizer.step()
    print(digest([*embedding.parameters(), *lstm.parameters(), *head.parameters()]))


main()
