"""A convolutional network with batch normalisation, a data loader and a random split."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Network(nn.Module):
    """Two convolutions and a head."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8, momentum=0.2)
        self.second = nn.Conv2d(8, 12, 3)
        self.head = nn.Linear(12, 10)

    def forward(self, images):
        hidden = torch.relu(self.norm(self.first(images)))
        hidden = torch.relu(self.second(hidden))
        return self.head(hidden.mean(dim=(2, 3)))


class Trainer:
    """Holds the model and its optimizer."""

    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.9, 0.98))

    def epoch(self, loader):
        self.model.train()
        for images, labels in loader:
            loss = nn.functional.cross_entropy(self.model(images), labels, label_smoothing=0.05)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.5)
            self.optimizer.step()

    def accuracy(self, loader):
        self.model.eval()
        right = 0
        with torch.no_grad():
            for images, labels in loader:
                right += int((self.model(images).argmax(1) == labels).sum())
        return right


def main():
    """Train for two epochs."""
    torch.manual_seed(21)
    images = torch.from_numpy(np.load("data/images.npy")).float().reshape(-1, 1, 8, 8) / 16.0
    labels = torch.from_numpy(np.load("data/labels.npy")).long()
    train, held = random_split(
        TensorDataset(images, labels), [400, 100], generator=torch.Generator().manual_seed(2)
    )
    trainer = Trainer(Network())
    loader = DataLoader(train, batch_size=50, shuffle=True)
    for epoch in range(2):
        trainer.epoch(loader)
        print("epoch", epoch, "right", trainer.accuracy(DataLoader(held, batch_size=100)))
    with open("result.bin", "wb") as file:
        for value in trainer.model.state_dict().values():
            file.write(value.numpy().tobytes())


main()
