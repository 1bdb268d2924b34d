"""A network of two layers with dropout on digits: training, then an evaluation pass after each epoch."""

import numpy as np
import torch
from torch import nn

EPOCHS = 3
BATCH = 64


def build():
    """Return the network."""
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 10))


def assess(model, inputs, labels):
    """Return the loss on held-out digits."""
    model.eval()
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(inputs), labels)
    model.train()
    return float(loss)


def main():
    """Train and assess."""
    torch.manual_seed(4)
    images = torch.from_numpy(np.load("data/images.npy")).float() / 16.0
    labels = torch.from_numpy(np.load("data/labels.npy")).long()
    order = torch.randperm(len(images))
    train, held = order[:380], order[380:]
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
    for epoch in range(EPOCHS):
        for start in range(0, len(train), BATCH):
            chosen = train[start : start + BATCH]
            loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("epoch", epoch, "held out", assess(model, images[held], labels[held]))
    with open("result.bin", "wb") as file:
        for parameter in model.parameters():
            file.write(parameter.detach().numpy().tobytes())


main()
