"""How the files of a planted case are arranged: images, a damaged one, an installed package."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def one_image_damaged(folder: Path) -> None:
    """Flip one bit of one image."""
    path = folder / "images" / "04711.raw"
    data = bytearray(path.read_bytes())
    data[17] ^= 0x40
    path.write_bytes(bytes(data))


def images(count: int, *, backwards: bool = False):
    """Return what makes a folder of images; `backwards` makes the same files in the other order."""

    def arrange(folder: Path) -> None:
        pixels = np.random.default_rng(5).integers(0, 256, size=(count, 37), dtype=np.uint8)
        (folder / "images").mkdir()
        order = range(count - 1, -1, -1) if backwards else range(count)
        for number in order:
            (folder / "images" / f"{number:05d}.raw").write_bytes(pixels[number].tobytes())

    return arrange


def moved_images(folder: Path) -> None:
    """Make the folder of images anew, with its files in another order."""
    made = folder / "images"
    made.rename(folder / "before")
    made.mkdir()
    names = sorted((path.name for path in (folder / "before").iterdir()), key=lambda name: name[::-1])
    for name in names:
        (made / name).write_bytes((folder / "before" / name).read_bytes())
        (folder / "before" / name).unlink()
    (folder / "before").rmdir()


def unused_package(folder: Path) -> None:
    """Install a package that no program imports, in a folder on the path of modules."""
    info = folder.parent / "installed" / "unused_thing-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unused-thing\nVersion: 1.0\n")
    (info / "RECORD").write_text("")
