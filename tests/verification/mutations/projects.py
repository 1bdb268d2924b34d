"""The programs that are mutated: what each is, and the files that it needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np

PROGRAMS = Path(__file__).parent / "programs"
SETTINGS = {
    "seed": 5,
    "epochs": 3,
    "data": {"scale": 16.0, "shift": 0.3},
    "model": {"spread": 0.01, "optimizer": {"rate": 0.5, "decay": 0.8}},
}


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A program of one style; `data` are the declared paths, `arguments` what follows the program."""

    name: str
    title: str
    data: tuple[str, ...]
    arguments: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Put the program and all that it reads into a new folder."""
        folder.mkdir(parents=True)
        shutil.copy(PROGRAMS / f"{self.name}.py", folder / "train.py")
        _DATA[self.name](folder)


def _table(name: str, path: Path) -> None:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")()
    table = np.column_stack([loaded.data, loaded.target])
    path.parent.mkdir(parents=True)
    head = ",".join([*map(str, loaded.feature_names), "target"])
    np.savetxt(path, table, delimiter=",", header=head, comments="", fmt="%.9g")


def _digits(folder: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    (folder / "data").mkdir()
    np.save(folder / "data" / "images.npy", digits.data[:500].astype(np.uint8))
    np.save(folder / "data" / "labels.npy", digits.target[:500].astype(np.uint8))


def _parts(folder: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    table = np.column_stack([digits.data, digits.target]).astype(np.uint8)
    (folder / "parts").mkdir()
    (folder / "conf").mkdir()
    for number in range(8):
        np.save(folder / "parts" / f"{number:02d}.npy", table[60 * number : 60 * (number + 1)])
    (folder / "conf" / "run.json").write_text(json.dumps(SETTINGS, indent=2) + "\n")


_DATA = {
    "least_squares": lambda folder: _table("diabetes", folder / "data" / "diabetes.csv"),
    "configured": _parts,
    "pipeline": lambda folder: _table("wine", folder / "data" / "wine.csv"),
    "network": _digits,
    "convolution": _digits,
}
PROJECTS = (
    Project(
        name="least_squares",
        title="NumPy, a table, an argument",
        data=("data/diabetes.csv",),
        arguments=("0.2",),
    ),
    Project(name="configured", title="NumPy, a JSON configuration, a folder of files", data=("parts",)),
    Project(name="pipeline", title="scikit-learn pipeline and forest, a split", data=("data/wine.csv",)),
    Project(
        name="network",
        title="torch, dropout and an evaluation pass",
        data=("data/images.npy", "data/labels.npy"),
    ),
    Project(
        name="convolution",
        title="torch, convolutions, `DataLoader` and `random_split`",
        data=("data/images.npy", "data/labels.npy"),
    ),
)
